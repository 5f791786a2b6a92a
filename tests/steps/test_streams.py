"""Sources that answer and bring too little: dark, or far behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aas2rto.config.case import Case
from aas2rto.config.load import load
from aas2rto.steps.streams import complaints, is_dark, lag_of, verdicts
from aas2rto.store import Store
from aas2rto.store.sources import SourceState
from aas2rto.tables.report import Outcome, failed
from tests.conftest import CASE, MJD, make_report

STREAMS = (
    "sources:\n  fink: {topics: [t], group_id: g}\n  atlas: {token: '${T}'}\n  too: {folder: .}\n"
)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    path = tmp_path / "case.yaml"
    path.write_text(CASE + STREAMS)
    return load(path, environment={"T": "x"})


def told(store: Store, source: str, newest: float, **cursor: Any) -> None:
    """Let a source have brought an alert of some time."""
    report = make_report(source=source, outcome=Outcome.EMPTY, cursor=cursor, newest_alert=newest)
    store.ingest(report, MJD)


def test_a_stream_without_alerts_for_days_is_dark(store: Store, case: Case) -> None:
    """Though it answers; not one that fails, nor what is asked for light curves, nor a folder."""
    for source in ("fink", "atlas", "too"):
        told(store, source, MJD - 4.0)
    (line,) = complaints(case, store.sources, MJD)
    assert line == "stream of fink dark: its newest alert is 4.0 d old, though it answers"
    assert complaints(case, store.sources, MJD - 1.5) == []
    store.ingest(failed("fink", "HTTP 503"), MJD)
    assert complaints(case, store.sources, MJD) == []
    assert verdicts(case, store.sources, MJD)["fink"].is_failing


def test_a_stream_that_is_far_behind_is_told(store: Store, case: Case) -> None:
    """More messages were left than `lag_after`."""
    told(store, "fink", MJD, lag=10_000)
    assert complaints(case, store.sources, MJD) == []
    told(store, "fink", MJD, lag=10_001)
    (line,) = complaints(case, store.sources, MJD)
    assert line == "stream of fink behind: 10001 messages left after it was read"


@pytest.mark.parametrize("lag", [None, "many", -1, 1.5, [3]])
def test_a_lag_that_is_none_is_none(lag: Any) -> None:
    """An older program may have kept another thing there."""
    assert lag_of(SourceState("fink", {"lag": lag})) == 0


def test_darkness_may_be_left_untold() -> None:
    """`dark_after: null`."""
    assert not is_dark(SourceState("fink", {}, newest_alert=0.0), MJD, None)
