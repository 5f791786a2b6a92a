"""The page beside a loop that runs: it follows, it does not wait, and the loop does not notice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from astropy.time import Time

from aas2rto.config.load import load
from aas2rto.page import watch as watching
from aas2rto.page.night import Night, Seen, plan_for
from aas2rto.page.watch import Watch
from aas2rto.planning import NightPlan
from aas2rto.steps.build import build
from aas2rto.store import Store
from tests.cli.conftest import NOW, NOW_MJD
from tests.conftest import CASE, make_case, make_light_curve
from tests.page.conftest import Served, run_once, serving

WAIT = 60.0


def store_of(folder: Path) -> Callable[[], Store]:
    return lambda: Store(f"sqlite:///{folder}/outputs/small/store.sqlite")


def bring(folder: Path, name: str) -> None:
    """Bring a new candidate, as another program does."""
    with store_of(folder)() as store:
        store.ingest(make_light_curve(name, [18, 17.5, 17.2, 16.9], ra=151.0), NOW_MJD)


def test_a_new_cycle_shows_what_it_brought(served: Served) -> None:
    """Also a candidate whose name this program did not know."""
    assert "newcomer" not in served.get("/?list=science").text
    bring(served.folder, "newcomer")
    run_once(served.folder, "2026-03-20T22:00:01")
    served.night(lambda night: night.row_of("newcomer") is not None)
    assert "newcomer" in served.get("/?list=science").text
    assert "Light curve" in served.get("/candidate?id=newcomer").text


def test_pages_are_told_when_there_is_something_new(served: Served) -> None:
    """By server-sent events: at once which night there is, and whenever it is another."""
    found: list[dict[str, Any]] = []
    kind: list[str] = []
    changed = threading.Event()

    def listen() -> None:
        with httpx.stream("GET", f"{served.url}/events", timeout=WAIT) as answer:
            kind.append(answer.headers["content-type"])
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    found.append(json.loads(line.removeprefix("data: ")))
                    if found[-1]["edition"] != found[0]["edition"]:
                        changed.set()
                        return

    thread = threading.Thread(target=listen)
    served.planned()
    thread.start()
    time.sleep(1.0)
    served.mark("bright", "pin")
    assert changed.wait(WAIT)
    thread.join(WAIT)
    assert kind[0].startswith("text/event-stream")
    assert found[0]["edition"] == "1.1"
    assert found[0]["cycle_mjd"] == pytest.approx(NOW_MJD)


def test_what_is_asked_twice_is_made_once(served: Served) -> None:
    """Until something is new."""
    served.planned()
    first = served.get("/api/v1/candidates/bright").json()
    calls: list[str] = []
    tell = served.site.desk._tell
    served.site.desk._tell = lambda night, name: calls.append(name) or tell(night, name)  # type: ignore[method-assign, func-returns-value]
    for path in ("/candidate?id=bright", "/api/v1/candidates/bright?x=1", "/would?id=bright"):
        served.get(path)
    assert calls == []
    assert served.get("/api/v1/candidates/bright").json() == first
    served.mark("bright", "pin")
    served.night(lambda night: night.seen.mark == 1)
    served.get("/candidate?id=bright")
    assert calls == ["bright"]


def test_a_mark_does_not_wait_for_the_plan(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A joint optimum may take a minute; until it is there the last plan is shown, and said so."""
    served.planned()
    going, release = threading.Event(), threading.Event()

    def slow(night: Night) -> NightPlan:
        going.set()
        release.wait(WAIT)
        return plan_for(night)

    monkeypatch.setattr(watching, "plan_for", slow)
    try:
        served.mark("bright", "veto")
        night = served.night(lambda one: one.seen.mark == 1)
        assert going.wait(WAIT)
        assert night.planned < night.serial
        assert "it is being made anew" in served.get("/plan").text
        assert 'data-id="bright"' not in served.get("/?list=science").text
    finally:
        release.set()
    served.planned()
    page = served.get("/plan").text
    assert "it is being made anew" not in page
    assert "bright" not in page


def test_who_looks_something_up_does_not_wait_for_what_takes_long(served: Served) -> None:
    """What would bring a candidate in takes seconds, at many candidates."""
    with served.site.desk._slow:
        assert "exclude" in served.get("/why?id=too_faint").text
        assert "Light curve" in served.get("/candidate?id=too_faint").text


def test_a_store_that_fails_is_said_and_waited_for(made: Path, tmp_path: Path) -> None:
    """What was known stays; when it answers again, the page goes on."""
    case = load(made / "small.yaml", need_secrets=False)
    good, opened = store_of(made), [0]

    def opening() -> Store:
        opened[0] += 1
        if opened[0] == 1:
            raise OSError("the disk is away")
        return good()

    now = Time(NOW, scale="utc")
    watch = Watch(build(case, with_sources=False), opening, lambda: now)
    watch.start()
    try:
        deadline = time.monotonic() + WAIT
        while not watch.trouble and time.monotonic() < deadline:
            time.sleep(0.01)
        assert watch.trouble == "OSError: the disk is away"
        assert watch.wait_for(lambda night: night is not None, WAIT) is not None
        while watch.trouble and time.monotonic() < deadline:
            time.sleep(0.01)
        assert watch.trouble == ""
    finally:
        watch.stop()


READ = ("/", "/candidate?id=bright", "/api/v1/lists/science", "/ledger", "/past", "/plan")

LOOP = """
import sys
from tests.page.conftest import run_once
from pathlib import Path
for n in range(int(sys.argv[2])):
    run_once(Path(sys.argv[1]), f"2026-03-20T22:{n:02d}:00")
"""


@pytest.mark.slow
def test_a_loop_writes_while_three_read(project: Path) -> None:
    """Every answer is whole, every cycle is stored, and the page ends with the newest."""
    root = Path(__file__).resolve().parents[2]
    with serving(project) as served:
        environment = {**os.environ, "PYTHONPATH": str(root)}
        loop = subprocess.Popen(
            [sys.executable, "-c", LOOP, str(project), "8"],
            cwd=root,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        wrong: list[str] = []
        counts = [0, 0, 0]

        def read(number: int) -> None:
            with httpx.Client(base_url=served.url, timeout=WAIT) as client:
                while loop.poll() is None:
                    for path in READ:
                        answer = client.get(path)
                        if answer.status_code not in {200, 429}:
                            wrong.append(f"{path}: {answer.status_code} {answer.text[:200]}")
                        counts[number] += 1
                        time.sleep(0.1)

        readers = [threading.Thread(target=read, args=(number,)) for number in range(3)]
        for one in readers:
            one.start()
        assert loop.wait(300) == 0
        for one in readers:
            one.join(WAIT)
        assert wrong == []
        assert min(counts) > 5
        newest = Time("2026-03-20T22:07:00").mjd
        found = served.night(lambda night: night.seen.cycle == pytest.approx(newest))
        assert found.seen.cycle == pytest.approx(newest)


@pytest.mark.slow
@pytest.mark.postgres
def test_postgresql_is_read_as_sqlite_is(postgres_url: str, tmp_path: Path) -> None:
    """Lists, marks, and what another program brought."""
    text = CASE.replace("project: small", f"project: small\nstore: {postgres_url}")
    make_case(tmp_path, text)
    (tmp_path / "case.yaml").rename(tmp_path / "small.yaml")
    with Store(postgres_url) as store:
        store.ingest(make_light_curve("first", [18, 17.5, 17.2, 16.9]), NOW_MJD)
        before = Seen.of(store)
    with serving(tmp_path) as served:
        assert [r["candidate_id"] for r in rows(served)] == ["first"]
        with Store(postgres_url) as store:
            store.ingest(make_light_curve("second", [18, 17.5, 17.2, 16.5], ra=155.0), NOW_MJD)
            assert Seen.of(store) != before
        served.mark("first", "veto")
        served.night(lambda night: night.seen.mark > 0)
        assert [r["candidate_id"] for r in rows(served)] == ["second"]


def rows(served: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = served.get("/api/v1/lists/science").json()["rows"]
    return found
