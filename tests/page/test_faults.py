"""What goes wrong below the page: the last night stays, in words, and nobody waits for long."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from aas2rto.store import Store, database
from tests.cli.conftest import NOW_MJD
from tests.conftest import make_light_curve
from tests.page.conftest import HOSTILE, Served, run_once, serving

SOON = 5.0
"""An answer that takes longer than this has waited for somebody [s]; they take tens of ms."""


def store_path(served: Served) -> Path:
    return served.folder / "outputs/small/store.sqlite"


def until(good: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if good():
            return True
        time.sleep(0.05)
    return good()


@pytest.mark.fault("page", "slow", "a store that another program keeps locked")
def test_a_locked_store_stops_marks_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who marks is told that nothing was taken; who reads does not wait for it."""
    monkeypatch.setattr(database, "BUSY", 3000)
    with serving(project) as served:
        csrf = served.form()
        served.get("/candidate?id=fainter")
        with sqlite3.connect(store_path(served), isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            answers = []
            fields = {"csrf": csrf, "id": "bright", "kind": "pin", "back": "/"}
            marking = threading.Thread(
                target=lambda: answers.append(served.client.post("/mark", data=fields))
            )
            marking.start()
            start = time.monotonic()
            for path in ("/", "/candidate?id=bright", "/why?id=too_faint", "/api/v1/lists/science"):
                served.get(path)
            assert time.monotonic() - start < SOON
            marking.join(60)
            other.execute("ROLLBACK")
        assert answers[0].status_code == 503
        assert "nothing was marked" in answers[0].text
        assert "locked" in answers[0].text
        assert served.mark("bright", "pin").status_code == 303
        served.night(lambda night: night.seen.mark == 1)


@pytest.mark.fault("page", "gone", "a full disk")
def test_a_full_disk_takes_no_marks_and_shows_all_else(project: Path) -> None:
    with serving(project) as served:
        with served.site.desk._marking as store, store.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        answers = [served.mark("bright", "comment", comment="x" * 2000) for _ in range(8)]
        refused = [one for one in answers if one.status_code != 303]
        assert refused
        assert all(one.status_code == 503 for one in refused)
        assert "full" in refused[-1].text
        told = {"candidate_id": "bright", "kind": "comment", "comment": "y" * 2000}
        assert served.client.post("/api/v1/marks", json=told).status_code == 503
        for path in ("/", "/candidate?id=bright", "/marks", "/ledger", "/past"):
            served.get(path)


@pytest.mark.parametrize("harm", ["gone", "damaged"])
@pytest.mark.fault("page", "gone", "a store that is lost while it is served")
@pytest.mark.fault("page", "damaged", "a store that is damaged while it is served")
def test_a_store_that_is_lost_leaves_the_last_night(project: Path, harm: str) -> None:
    """What was judged stays and says that it is old; when the store is back, the page follows."""
    with serving(project) as served:
        served.planned()
        path = store_path(served)
        kept = path.with_suffix(".kept")
        with Store(f"sqlite:///{path}") as store:
            store.engine.connect().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        kept.write_bytes(path.read_bytes())
        if harm == "gone":
            path.unlink()
            for beside in path.parent.glob("store.sqlite-*"):
                beside.unlink()
        else:
            path.write_bytes(b"\x00garbage" * 4096)
        for page in ("/", "/?list=science", "/plan", "/sources", "/config"):
            served.get(page)
        for page in ("/candidate?id=fainter", "/why?id=old", "/marks", "/ledger", "/past"):
            answer = served.client.get(page, headers={"Accept": "text/html"})
            assert answer.status_code in {200, 503}, (page, answer.text[-500:])
        assert until(lambda: "Not up to date" in served.get("/").text)
        for beside in path.parent.glob("store.sqlite-*"):
            beside.unlink()
        path.unlink(missing_ok=True)
        kept.rename(path)
        with Store(f"sqlite:///{path}") as store:
            store.ingest(make_light_curve("newcomer", [18, 17.5, 17.2, 16.9], ra=151.0), NOW_MJD)
        run_once(project, "2026-03-20T22:00:01")
        served.night(lambda night: night.row_of("newcomer") is not None)
        assert "Not up to date" not in served.get("/").text
        served.get("/candidate?id=newcomer")


@pytest.mark.fault("page", "text", "hostile names in every address")
@pytest.mark.parametrize("name", list(HOSTILE))
def test_any_text_in_an_address_is_answered_in_words(reading: Served, name: str) -> None:
    """No address makes the server fail, whatever stands in it."""
    text = HOSTILE[name]
    query = urlencode({"id": text, "list": text, "close": text, "at": text, "hours": text})
    for page in ("/candidate", "/why", "/would", "/", "/past", "/past.json", "/plan", "/csv"):
        answer = reading.client.get(f"{page}?{query}", headers={"Accept": "text/html"})
        assert answer.status_code in {200, 303, 404, 422}, (page, answer.status_code)
    more = urlencode({"name": text, "file": text})
    assert reading.client.get(f"/replays/file?{more}").status_code == 404
    for kind in ("lists", "candidates", "light_curves", "why"):
        answer = reading.client.get(f"/api/v1/{kind}/{quote(text, safe='')}")
        assert answer.status_code in {200, 404}, (kind, answer.status_code)
        assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.fault("page", "range", "numbers beyond all that can be meant")
@pytest.mark.parametrize("number", ["-1", "0", "1e400", "nan", "9" * 400, "²", "0x10", ""])
def test_any_number_in_an_address_is_answered(reading: Served, number: str) -> None:
    told = urlencode({"page": number, "per_page": number, "brighter": number, "at": number})
    for page in ("/", "/past", "/past.json", "/csv", "/api/v1/lists/science", "/api/v1/cycles"):
        assert reading.client.get(f"{page}?{told}").status_code in {200, 422}, page
