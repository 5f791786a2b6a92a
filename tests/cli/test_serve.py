"""`aas2rto serve`: what stops it before it begins, each in one line with what to do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import NOW, Cli

pytest.importorskip("fastapi", reason="the page needs FastAPI (pip install 'aas2rto[web]')")


@pytest.fixture
def ran(project: Path, aas2rto: Cli) -> Path:
    """Return a project that has run once."""
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    return project


def test_it_needs_a_store(project: Path, aas2rto: Cli) -> None:
    """Of a science case that has run."""
    said = aas2rto("serve", "small.yaml")
    assert said.code == 2
    assert "there is no store in outputs/small; run this science case first" in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "others could read your lists and mark candidates; give --token"),
        (["--host", "0.0.0.0", "--token", "short"], "--token: a token has at least 12 letters"),
        (["--root-path", "night"], "--root-path 'night' is no path; write for example /aas2rto"),
        (["--port", "99999"], "65535"),
    ],
)
def test_what_is_not_safe_is_refused(
    ran: Path, aas2rto: Cli, arguments: list[str], words: str
) -> None:
    """Before anything listens."""
    said = aas2rto("serve", "small.yaml", "--now", NOW, *arguments)
    assert said.code == 2
    assert words in " ".join(said.err.split())


def test_a_port_that_is_taken_is_said(ran: Path, aas2rto: Cli) -> None:
    """With what to try."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = aas2rto("serve", "small.yaml", "--now", NOW, "--port", port)
    assert said.code == 2
    assert f"--port {port} cannot be taken: Address already in use" in said.err


def test_without_its_packages_it_says_which(
    ran: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is an extra."""
    for name in [name for name in sys.modules if name.startswith("aas2rto.page")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    for arguments in (["serve", "small.yaml", "--now", NOW], ["demo", "--serve"]):
        said = aas2rto(*arguments)
        assert said.code == 2
        assert "the page needs the package fastapi: pip install 'aas2rto[web]'" in said.err
    assert not (ran / "outputs/demo").exists()  # it says so before it simulates a night


@pytest.mark.slow
def test_a_program_of_its_own_ends_when_told(ran: Path) -> None:
    """It says where it is, answers, and ends by Ctrl-C, also with a listener."""
    command = [sys.executable, "-m", "aas2rto", "serve", "small.yaml", "--port", "0", "--now", NOW]
    root = Path(__file__).resolve().parents[2]
    program = subprocess.Popen(
        command,
        cwd=ran,
        env={**os.environ, "PYTHONPATH": str(root), "AAS2RTO_TOKEN": "a-token-of-the-night"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    line = program.stdout.readline()
    url = line.split()[4].rstrip(";")
    headers = {"Authorization": "Bearer a-token-of-the-night"}
    deadline = time.monotonic() + 60
    status = 0
    while status != 200 and time.monotonic() < deadline:
        try:
            status = httpx.get(f"{url}api/v1/lists", headers=headers).status_code
        except httpx.TransportError:
            time.sleep(0.1)
    assert status == 200
    with httpx.stream("GET", f"{url}events", headers=headers, timeout=60) as answer:
        next(answer.iter_lines())
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=30)
    assert "Traceback" not in err
    assert "a-token" not in out + err
    assert program.returncode in {0, -signal.SIGINT, 130}
