"""As a service: told how it is, stopped within 10 s wherever it is, its config read anew."""

from __future__ import annotations

import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aas2rto.store import Store
from tests.cli.conftest import CONFIG, NOW, light_curve
from tests.messaging import servers

ROOT = Path(__file__).resolve().parents[2]
RUN = [sys.executable, "-m", "aas2rto", "run", "small.yaml", "--now", NOW]
MOST_SECONDS = 10.0
"""From the wish to stop to the end of the process."""

Process = subprocess.Popen[str]


@contextmanager
def running(project: Path, *more: str, **environment: str) -> Iterator[Process]:
    """Run the loop in a session of its own: without a terminal, as a service."""
    process = subprocess.Popen(
        [*RUN, *more],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(what: Callable[[], Any], seconds: float = 90.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return found


def report_of(project: Path) -> dict[str, Any]:
    path = project / "outputs" / "small" / "cycle.json"
    return json.loads(path.read_text()) if path.exists() else {}


def health_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def stop(process: Process, number: signal.Signals = signal.SIGTERM) -> tuple[float, str]:
    """Ask it to stop; return how long that took, and what it said."""
    begun = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    return time.monotonic() - begun, err


def short_interval(text: str = CONFIG, **more: str) -> str:
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f"{text}loop: {{interval: 1 s{extra}}}\n"


# -- health ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_file_says_how_the_loop_is(project: Path) -> None:
    """Last cycle, sources, messages, version; it is there before the first cycle is done."""
    (project / "small.yaml").write_text(short_interval())
    told = project / "health.json"
    with running(project, "--health", str(told)) as process:
        first = wait_for(lambda: health_of(told))
        assert first["status"] in {"starting", "ok"}
        done = wait_for(lambda: (found := health_of(told)).get("last_cycle") and found)
        assert done["status"] == "ok"
        assert set(done["sources"]) == {"archive", "too"}
        assert (done["ranked"], done["lost_in_a_row"], done["dark"]) == (2, 0, [])
        again = wait_for(lambda: (x := health_of(told))["last_cycle"] and x["cycle_seconds"])
        assert again > 0
        took, err = stop(process)
        assert process.returncode == 0, err
        assert took < MOST_SECONDS
    assert [path for path in project.iterdir() if path.name.endswith(".part")] == []


def asked(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.fault("loop", "slow", "a loop that stands still answers 503")
@pytest.mark.proof
def test_a_port_answers_503_once_the_loop_stands_still(project: Path) -> None:
    """A factor that never returns stands for a loop that hangs; the port goes on answering."""
    (project / "slow.py").write_text(
        "import pathlib, time\n"
        "def slow(candidates, now):\n"
        "    if pathlib.Path('begun').exists():\n"
        "        time.sleep(600)\n"
        "    pathlib.Path('begun').touch()\n"
        "    return 1.0\n"
    )
    text = CONFIG.replace("    - detections", "    - slow.py:slow\n    - detections")
    text = text.replace("project: small", "project: small\ncandidates: {merge_radius: 1 arcsec}")
    (project / "small.yaml").write_text(short_interval(text, deadline="1 s"))
    port = free_port()
    with running(project, "--health", f"127.0.0.1:{port}") as process:
        wait_for(lambda: report_of(project))
        wait_for(lambda: '"status": "ok"' in asked(port, "/health")[1])
        assert asked(port, "/health")[0] == 200
        assert asked(port, "/elsewhere")[0] == 404
        stalled = wait_for(lambda: (found := asked(port, "/"))[0] == 503 and found, 60)
        assert json.loads(stalled[1])["status"] == "stalled"
        took, err = stop(process)
        assert took < MOST_SECONDS, err
        assert process.returncode == 0, err
        assert "the step at hand was broken off" in err


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_a_port_or_folder_that_cannot_be_used_is_said(project: Path, aas2rto: Any) -> None:
    """Before anything is taken from sources."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = aas2rto("run", "small.yaml", "--once", "--now", NOW, "--health", f"127.0.0.1:{port}")
    assert said.code == 2
    assert f"--health: port {port} cannot be taken: Address already in use" in said.err
    said = aas2rto("run", "small.yaml", "--once", "--now", NOW, "--health", "nowhere/health.json")
    assert (said.code, "--health: there is no folder nowhere" in said.err) == (2, True)
    said = aas2rto("run", "small.yaml", "--once", "--now", NOW, "--health", ":99999")
    assert (said.code, "has no port between 0 and 65535" in said.err) == (2, True)
    assert report_of(project) == {}


# -- a config that is read anew -------------------------------------------------------------------


@pytest.fixture
def receiver() -> Iterator[servers.Receiver]:
    with servers.serving(servers.Receiver()) as service:
        yield service


OPERATORS = (
    "messages:\n  when: {enters_top: 1}\n  ops: {type: webhook, url: '${HOOK}', role: operators}\n"
)


def titles(receiver: servers.Receiver) -> list[str]:
    return [message["body"]["title"] for message in receiver.arrived]


@pytest.mark.fault("config", "again", "a config that is read anew, right or wrong")
@pytest.mark.slow
def test_sighup_reads_the_config_anew_if_it_is_right(
    project: Path, receiver: servers.Receiver
) -> None:
    """A wrong one is refused, operators hear of it, the old one goes on; a right one takes over."""
    text = short_interval() + OPERATORS
    (project / "small.yaml").write_text(text)
    told = project / "health.json"
    hook = f"{receiver.url}/hook"
    with running(project, "--health", str(told), HOOK=hook) as process:
        before = wait_for(lambda: report_of(project))
        (project / "small.yaml").write_text(text.replace("detections: {min: 4}", "detection: 4"))
        process.send_signal(signal.SIGHUP)
        refused = wait_for(lambda: health_of(told).get("config_refused"))
        assert "small.yaml:8: score.factors[1].detection: " in refused
        wait_for(lambda: any("its config was refused" in title for title in titles(receiver)))
        later = wait_for(lambda: (x := report_of(project))["now"] > before["now"] and x)
        assert later["config"] == before["config"]
        assert health_of(told)["status"] == "degraded"
        (project / "small.yaml").write_text(text.replace("min: 4", "min: 2"))
        process.send_signal(signal.SIGHUP)
        anew = wait_for(lambda: (x := report_of(project))["config"] != before["config"] and x)
        assert anew["now"] > later["now"]
        wait_for(lambda: health_of(told)["config"] == anew["config"])
        assert health_of(told)["config_refused"] == ""
        _, err = stop(process)
        assert process.returncode == 0, err
    assert any("to go on with its config as it is now" in title for title in titles(receiver))


@pytest.mark.slow
def test_a_config_that_cannot_be_opened_is_not_gone_on_with(project: Path) -> None:
    """It passes `check`, but its store is no database: the old one is opened again."""
    text = short_interval()
    (project / "small.yaml").write_text(text)
    told = project / "health.json"
    with running(project, "--health", str(told)) as process:
        before = wait_for(lambda: report_of(project))
        (project / "broken.sqlite").write_text("no database at all")
        broken = f"store: sqlite:///{project / 'broken.sqlite'}\n"
        (project / "small.yaml").write_text(text + broken)
        process.send_signal(signal.SIGHUP)
        refused = wait_for(lambda: health_of(told).get("config_refused"))
        assert "broken.sqlite" in refused
        wait_for(lambda: report_of(project)["now"] > before["now"])
        assert report_of(project)["config"] == before["config"]
        _, err = stop(process)
        assert process.returncode == 0, err


@pytest.mark.fault("terminal", "dies", "SIGHUP from a terminal that closes")
@pytest.mark.slow
def test_a_terminal_that_closes_is_no_wish_to_read_anew(project: Path) -> None:
    """Who runs it by hand and closes the window means to stop it."""
    leader, follower = pty.openpty()
    own = "import os, sys; os.login_tty(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
    process = subprocess.Popen(
        [sys.executable, "-c", own, str(follower), *RUN],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        pass_fds=[follower],
    )
    os.close(follower)
    try:
        wait_for(lambda: report_of(project))
        os.close(leader)
        process.wait(MOST_SECONDS)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


# -- an end within 10 s ---------------------------------------------------------------------------

HANGING = {
    "acquire": (
        "import time\nfrom aas2rto.sources import source\n\n"
        "@source('mine')\nclass Mine:\n"
        "    def poll(self, request):\n"
        "        open('begun', 'w').close()\n        time.sleep(600)\n",
        lambda text: text.replace("  too:", "  mine: {type: 'mine.py:Mine'}\n  too:"),
    ),
    "score": (
        "import time\n\ndef mine(candidates, now):\n"
        "    open('begun', 'w').close()\n    time.sleep(600)\n",
        lambda text: text.replace("    - detections", "    - mine.py:mine\n    - detections"),
    ),
    "busy": (
        "def mine(candidates, now):\n    open('begun', 'w').close()\n"
        "    while True:\n        pass\n",
        lambda text: text.replace("    - detections", "    - mine.py:mine\n    - detections"),
    ),
}


@pytest.mark.fault("loop", "slow", "a step that hangs when it is to stop")
@pytest.mark.proof
@pytest.mark.parametrize("step", HANGING)
def test_a_step_that_hangs_is_broken_off(project: Path, step: str) -> None:
    """In a service that does not answer, in a factor that sleeps, or computes for ever."""
    code, change = HANGING[step]
    (project / "mine.py").write_text(code)
    (project / "small.yaml").write_text(change(CONFIG))
    with running(project) as process:
        wait_for((project / "begun").exists)
        took, err = stop(process)
        assert took < MOST_SECONDS, err
        assert process.returncode == 0, err
    with Store(f"sqlite:///{project / 'outputs/small/store.sqlite'}") as store:
        assert store.results.newest_cycle() is None


@pytest.mark.proof
@pytest.mark.fault("loop", "dies", "a stop at any instant")
def test_twenty_stops_at_random_instants(project: Path, receiver: servers.Receiver) -> None:
    """Each within 10 s, with exit code 0, and a store that is sound; the next run goes on."""
    rng = random.Random(7)
    rows = []
    for n in range(40):
        mags = [19.0 - 0.1 * n % 1, 18.6, 18.2, 17.9, 17.6]
        rows += light_curve(f"sn{n:02d}", 150.0 + n, 10.0, mags)
    head = "candidate_id,ra,dec,mjd,band,mag,magerr"
    (project / "night.csv").write_text("\n".join([head, *rows]) + "\n")
    figures = CONFIG.replace("figures: {top: 0}", "figures: {top: 3}")
    models = "models: {salt: {min_detections: 3}, bazin: {}}\n"
    (project / "small.yaml").write_text(short_interval(figures) + models + OPERATORS)
    with running(project, "--once", HOOK=f"{receiver.url}/hook") as once:
        once.communicate(timeout=900)  # compiles the fits, where no test did before
    took, broken_off = [], 0
    for _ in range(20):
        told = project / "health.json"
        told.unlink(missing_ok=True)
        with running(project, "--health", str(told), HOOK=f"{receiver.url}/hook") as process:
            wait_for(told.exists)
            time.sleep(rng.uniform(0.0, 8.0))
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)
            took.append(time.monotonic() - begun)
            # A compiler, once in the life of an installation, cannot be broken off.
            ended = {0, 128 + signal.SIGTERM} if "compiling" in err else {0}
            assert process.returncode in ended, err
            broken_off += "was broken off" in err
        place = project / "outputs" / "small" / "store.sqlite"
        if place.exists():
            with Store(f"sqlite:///{place}") as store:
                assert store.candidates(61120.0) is not None
    shown = f"median {sorted(took)[10]:.1f} s, longest {max(took):.1f} s, broken off {broken_off}"
    print(f"20 stops: {shown}")
    assert max(took) < MOST_SECONDS
