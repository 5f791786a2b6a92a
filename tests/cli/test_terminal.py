"""A terminal that is gone costs no cycle and no message."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aas2rto.cli.terminal import Forgiving
from aas2rto.store import Store
from tests.cli.conftest import CONFIG, NOW
from tests.messaging import servers

ROOT = Path(__file__).resolve().parents[2]
RUN = [sys.executable, "-c", "from aas2rto.cli import main; main()", "run", "small.yaml"]
ONCE = [*RUN, "--once", "--now", NOW]


@pytest.fixture
def receiver(project: Path) -> Iterator[servers.Receiver]:
    """Serve a webhook to which the project sends what it finds, with a name beyond ASCII."""
    with servers.serving(servers.Receiver()) as service:
        channels = "messages:\n  when: {enters_top: 1}\n  web: {type: webhook, url: '${HOOK}'}\n"
        (project / "small.yaml").write_text(CONFIG + channels)
        night = (project / "night.csv").read_text()
        (project / "night.csv").write_text(night.replace("bright", "brillanté—☄"))
        yield service


def environment(receiver: servers.Receiver, **more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "HOOK": receiver.url + "/hook", **more}


@pytest.mark.fault("terminal", "gone", "an ASCII terminal, a full disk behind stdout, | head")
@pytest.mark.proof
@pytest.mark.parametrize("where", ["closed", "full", "head", "ascii", "no terminal at all"])
def test_messages_are_sent_though_nothing_can_be_printed(
    where: str, project: Path, receiver: servers.Receiver
) -> None:
    """The pipe is closed, the disk behind it full, its encoding ASCII, or there is none."""
    known = environment(receiver)
    if where == "ascii":
        known |= {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = " ".join(f"'{word}'" for word in ONCE)
    shell = {
        "closed": f"{command} | true",
        "full": f"{command} > /dev/full 2> /dev/full",
        "head": f"{command} | head -n 1",
        "ascii": command,
        "no terminal at all": f"{command} >&- 2>&-",
    }[where]
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shell}"],
        cwd=project,
        env=known,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    report = json.loads((project / "outputs/small/cycle.json").read_text())
    assert report["funnel"]["ranked"] == 2
    (message,) = receiver.arrived
    assert "brillanté—☄" in message["body"]["title"]
    with Store(f"sqlite:///{project / 'outputs/small/store.sqlite'}") as store:
        assert {entry.state for entry in store.outbox.entries()} == {"sent"}


@pytest.mark.fault("terminal", "slow", "a second SIGINT/SIGTERM")
@pytest.mark.slow
def test_a_second_signal_ends_at_once_what_hangs(project: Path) -> None:
    """A factor that never returns stands for a step that hangs."""
    (project / "slow.py").write_text(
        "import pathlib, time\n"
        "def slow(candidates, now):\n"
        "    pathlib.Path('begun').touch()\n"
        "    time.sleep(600)\n"
    )
    text = CONFIG.replace("    - detections", "    - slow.py:slow\n    - detections")
    (project / "small.yaml").write_text(text)
    process = subprocess.Popen(
        ONCE,
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 120
    while not (project / "begun").exists() and time.monotonic() < end:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGTERM
    assert "SIGTERM again: ending at once" in err


class Broken(io.StringIO):
    """A stream that fails as it is told."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error

    def flush(self) -> None:
        raise self.error


@pytest.mark.fault("terminal", "gone", "a stream that fails")
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "full"), OSError(errno.EPIPE, "gone"), ValueError("closed")]
)
def test_writing_never_raises(error: Exception) -> None:
    stream = Forgiving(Broken(error))
    assert stream.write("text") == 4
    stream.flush()


@pytest.mark.fault("terminal", "text", "what an encoding lacks")
def test_what_an_encoding_lacks_becomes_a_question_mark() -> None:
    below = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    stream = Forgiving(below)
    stream.write("é☄ok")
    stream.flush()
    assert below.buffer.getvalue() == b"??ok"  # type: ignore[attr-defined]
