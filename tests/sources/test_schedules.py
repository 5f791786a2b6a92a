"""Schedules of ZTF and Rubin come by real sockets, and lie in a folder for the factor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.factors.covered_tonight import covered_tonight
from aas2rto.sky.schedules.folder import RUBIN_FILE
from aas2rto.sources.schedules import KEPT, Schedules
from aas2rto.sources.transport.answer import Cause, HttpError
from aas2rto.sources.transport.http import Client
from aas2rto.tables.report import Outcome, Report
from tests.sources.conftest import NETWORK, request
from tests.standin.faults import KINDS, Fault
from tests.standin.schedules import Rubin, ZtfSchedule, exposure

NOW = 61375.04  # 00:57 UTC
NIGHT = "2026-12-01"


@pytest.fixture
def surveys() -> Iterator[tuple[ZtfSchedule, Rubin]]:
    running = ZtfSchedule(NOW), Rubin(NOW)
    running[0].nights[NIGHT] = [exposure(149.0, -1.0, 61375.2)]
    running[1].rows = [exposure(150.0, -2.0, 61375.1)]
    for one in running:
        one.start()
    yield running
    for one in running:
        one.stop()


def source(surveys: tuple[ZtfSchedule, Rubin], folder: Path, **settings: Any) -> Schedules:
    ztf, rubin = surveys
    urls = {"ztf_url": ztf.url, "rubin_url": rubin.url}
    return Schedules(folder=str(folder), network=NETWORK, **urls, **settings)


def poll(
    surveys: tuple[ZtfSchedule, Rubin], folder: Path, cursor: Any = None, now: float = NOW
) -> Report:
    for one in surveys:
        one.now = now
    return source(surveys, folder).poll(request(now, cursor))


def judged(folder: Path, now: float = NOW) -> list[str]:
    table = pd.DataFrame({"ra": [149.0], "dec": [-1.0]})
    found = covered_tonight(table, Time(now, format="mjd"), folder=str(folder))
    return list(found.reason.tolist())


def test_what_comes_is_what_the_factor_reads(
    surveys: tuple[ZtfSchedule, Rubin], tmp_path: Path
) -> None:
    report = poll(surveys, tmp_path / "new")
    assert (report.outcome, report.error) == (Outcome.EMPTY, "")
    assert judged(tmp_path / "new") == [
        "ztf looks in r from 04:48 UTC (86% in its fields); "
        "rubin looks in r from 02:24 UTC (91% in its fields)"
    ]


def test_each_is_asked_when_its_plan_may_be_another(
    surveys: tuple[ZtfSchedule, Rubin], tmp_path: Path
) -> None:
    """ZTF once a night, Rubin each hour, and who has lost the files at once."""
    ztf, rubin = surveys
    first = poll(surveys, tmp_path)
    poll(surveys, tmp_path, first.cursor, NOW + 0.5 / 24)
    assert (len(ztf.log), len(rubin.log)) == (1, 1)
    later = poll(surveys, tmp_path, first.cursor, NOW + 1.5 / 24)
    assert (len(ztf.log), len(rubin.log)) == (1, 2)
    (tmp_path / RUBIN_FILE).unlink()
    poll(surveys, tmp_path, later.cursor, NOW + 1.6 / 24)
    assert len(rubin.log) == 3


def test_before_half_past_midnight_there_is_no_file_of_ztf(
    surveys: tuple[ZtfSchedule, Rubin], tmp_path: Path
) -> None:
    """Which is no failure; an hour later it is there."""
    early = poll(surveys, tmp_path, now=61375.01)
    assert (early.outcome, early.error, early.problems) == (Outcome.EMPTY, "", ())
    assert "no plan of ztf" in judged(tmp_path, 61375.01)[0]
    poll(surveys, tmp_path, early.cursor, 61375.06)
    assert "ztf looks in r" in judged(tmp_path, 61375.06)[0]


def test_a_dark_rubin_says_that_it_announces_nothing(
    surveys: tuple[ZtfSchedule, Rubin], tmp_path: Path
) -> None:
    surveys[1].rows = []
    assert poll(surveys, tmp_path).outcome is Outcome.EMPTY
    assert "rubin announces nothing (asked 2026-12-01T00:58)" in judged(tmp_path)[0]


@pytest.mark.slow
@pytest.mark.fault("schedules", "{kind}", "a plan of ZTF or Rubin: {kind}")
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_happens_to_a_service(
    surveys: tuple[ZtfSchedule, Rubin], tmp_path: Path, kind: str
) -> None:
    """The other survey's plan comes, what was known stays, and the next poll mends."""
    ztf, rubin = surveys
    before = poll(surveys, tmp_path)
    kept = (tmp_path / RUBIN_FILE).read_text()
    rubin.set_fault(Fault(kind, wait=3.0))
    late = NOW + 2 / 24
    report = poll(surveys, tmp_path, before.cursor, late)
    harmless = {"malformed record", "unknown fields", "duplicated", "empty"}
    assert (report.outcome is Outcome.FAILED) == (kind not in harmless), report.error
    if kind not in harmless:
        assert (tmp_path / RUBIN_FILE).read_text() == kept
        assert "rubin" in report.error
    assert "ztf looks in r" in judged(tmp_path, late)[0]
    rubin.set_fault(None)
    again = poll(surveys, tmp_path, report.cursor, late + 2 / 24)
    assert again.outcome is Outcome.EMPTY
    ztf.set_fault(Fault(kind, wait=3.0))
    fresh = tmp_path / "fresh"
    assert poll(surveys, fresh).outcome in set(Outcome)
    assert "rubin looks in r" in judged(fresh)[0]


def test_rubin_refuses_what_it_does_not_know(surveys: tuple[ZtfSchedule, Rubin]) -> None:
    """The stand-in is as strict as the service: 400 for columns, 415 for formats."""
    client = Client("rubin", surveys[1].url, policy=NETWORK)
    for question, status in (({"columns": "s_raa"}, 400), ({"RESPONSEFORMAT": "xls"}, 415)):
        with pytest.raises(HttpError) as told:
            client.get("schedule", until=client.deadline(5), params=question)
        assert (told.value.status, told.value.cause) == (status, Cause.REJECTED)
    client.close()


def test_probe_asks_both(surveys: tuple[ZtfSchedule, Rubin], tmp_path: Path) -> None:
    assert source(surveys, tmp_path).probe() == "ztf answers; rubin announces 1 exposure"


def test_a_folder_that_cannot_be_made(surveys: tuple[ZtfSchedule, Rubin], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    report = poll(surveys, tmp_path / "file" / "below")
    assert report.outcome is Outcome.FAILED
    assert "make it, or correct 'folder' in the config" in report.error


def test_old_files_go(surveys: tuple[ZtfSchedule, Rubin], tmp_path: Path) -> None:
    for day in range(1, KEPT + 4):
        path = tmp_path / f"ZTF_ObsLoc_2026-11-{day:02d}.json"
        path.write_text("[]")
        os.utime(path, (day, day))
    poll(surveys, tmp_path)
    assert len(list(tmp_path.glob("ZTF_*.json"))) == KEPT
    assert (tmp_path / f"ZTF_ObsLoc_{NIGHT}.json").exists()
