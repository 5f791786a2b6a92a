"""IRSA's light-curve service: by position, within a budget, asked once, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd
import pytest

from aas2rto.sources.irsa import NETWORK, Irsa
from aas2rto.store import Store
from aas2rto.tables.report import Outcome, PollRequest, Report
from tests.conftest import make_objects, make_report
from tests.standin.faults import Fault
from tests.standin.irsa import Irsa as StandIn
from tests.standin.irsa import star

NOW = 61000.0
FAST = replace(NETWORK, rate=1000.0, burst=1000, connect=2.0, read=1.0, backoff=0.01)
WANTED = pd.DataFrame(
    {
        "candidate_id": ["best", "second", "nothing there"],
        "ra": [150.0, 151.0, 20.0],
        "dec": [2.0, 3.0, -40.0],
    }
)


@pytest.fixture
def service() -> Iterator[StandIn]:
    running = StandIn()
    running.stars = [star(150.0, 2.0, 2**61 + 1), star(151.0, 3.0 + 1.2 / 3600, 700)]
    running.start()
    yield running
    running.stop()


def poll(service: StandIn, cursor: object = None, now: float = NOW, **settings: object) -> Report:
    source = Irsa(url=service.url, network=FAST, **settings)  # type: ignore[arg-type]
    return source.poll(PollRequest(now, cursor or {}, WANTED))  # type: ignore[arg-type]


def test_curves_come_by_position(service: StandIn) -> None:
    """Of all that are wanted, without bad points, and with all digits of their names."""
    report = poll(service)
    assert (report.outcome, report.error, report.problems) == (Outcome.DATA, "", ())
    found = report.histories.groupby("curve_id").size().to_dict()
    assert found[f"{2**61 + 1}:ztfg"] == 120
    assert len(found) == 4
    assert set(report.cursor["asked"]) == set(WANTED["candidate_id"])
    (first, *_) = service.log
    assert first["query"]["POS"] == ["CIRCLE 150.000000 2.000000 0.0004167"]
    assert first["query"]["BAD_CATFLAGS_MASK"] == ["32768"]


def test_it_asks_once_and_again_when_that_is_old(service: StandIn) -> None:
    report = poll(service)
    assert len(service.log) == 3
    again = poll(service, report.cursor, NOW + 10)
    assert (again.outcome, len(service.log)) == (Outcome.EMPTY, 3)
    assert poll(service, again.cursor, NOW + 61).outcome is Outcome.DATA
    assert len(service.log) == 6


def test_the_best_come_first_within_the_budget(service: StandIn) -> None:
    """The others follow in the next cycle."""
    report = poll(service, per_poll=1)
    assert set(report.cursor["asked"]) == {"best"}
    report = poll(service, report.cursor, per_poll=1)
    assert set(report.cursor["asked"]) == {"best", "second"}
    assert len(service.log) == 2


@pytest.mark.parametrize("kind", ["503", "429", "html", "truncated", "refused", "hang", "reset"])
def test_a_service_that_fails_costs_its_own_data(service: StandIn, kind: str) -> None:
    """Nobody counts as asked; mended, it is asked again."""
    service.set_fault(Fault(kind, wait=5.0))
    report = poll(service)
    assert report.outcome is Outcome.FAILED
    assert report.error
    assert report.cursor["asked"] == {}
    service.set_fault(None)
    assert poll(service, report.cursor).outcome is Outcome.DATA


def test_a_question_it_does_not_understand_is_refused(service: StandIn) -> None:
    """The stand-in is no kinder than the service."""
    report = poll(service, bands=("g",), collection="")
    assert set(report.histories["band"]) == {"ztfg"}
    import httpx

    wrong = httpx.get(f"{service.url}/cgi-bin/ZTF/nph_light_curves", params={"POS": "1 2 3"})
    assert wrong.status_code == 400


def test_what_it_brings_is_joined_to_candidates(service: StandIn, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Within an arcsecond: the second star lies 1.2" off."""
    report = poll(service)
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        objects = [
            make_objects(name).assign(ra=ra, dec=dec)
            for name, ra, dec in WANTED.itertuples(index=False)
        ]
        store.ingest(make_report(pd.concat(objects, ignore_index=True)), NOW)
        store.ingest(report, NOW)
        held = store.candidates(NOW + 1)
        table = store.histories.of(held, NOW + 1).table(held["candidate_id"].tolist())
        assert table.groupby("candidate_id").size().to_dict() == {"best": 240}


def test_the_probe_counts_what_comes(service: StandIn) -> None:
    source = Irsa(url=service.url, network=FAST)
    assert source.probe().endswith("answers, with 0 points of its example")
