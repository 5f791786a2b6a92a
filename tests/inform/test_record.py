"""What a cycle found, in the store and in the report."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.time import Time

from aas2rto.inform import record
from aas2rto.loop import run_cycle
from aas2rto.store import Store
from tests.conftest import CASE, NIGHT, make_case, make_light_curve

NOW = Time(NIGHT, format="mjd", scale="utc")
REJECTS = CASE.replace("detections: {min: 4}", "time_span: {max: 3 day}")


@pytest.fixture
def filled(store: Store) -> Store:
    store.ingest(make_light_curve("new", [17.5, 17.0]), NIGHT)
    store.ingest(make_light_curve("old", [18.0, 18.0, 18.0, 18.0], ra=165.0), NIGHT)
    return store


@pytest.mark.slow
def test_the_funnel_adds_up_cycle_after_cycle(tmp_path: Path, filled: Store) -> None:
    """What was rejected a cycle ago is counted by the store, what is rejected now by the cycle."""
    parts = make_case(tmp_path, REJECTS)
    funnels = []
    for later in (0.0, 0.01):
        when = Time(NIGHT + later, format="mjd", scale="utc")
        funnels.append(run_cycle(parts, filled, when, inform=lambda _: None).report["funnel"])
    assert funnels[0] == funnels[1]
    assert funnels[0]["candidates"] == 2
    assert funnels[0]["rejected"] == {"time_span": 1}
    assert funnels[0]["ranked"] == 1


@pytest.mark.slow
def test_messages_that_fail_cost_only_themselves(
    tmp_path: Path, filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compose(*_: object) -> None:
        raise ValueError("no words")

    monkeypatch.setattr(record.composing, "compose", compose)
    cycle = run_cycle(make_case(tmp_path), filled, NOW, inform=lambda _: None)
    assert any("no words" in problem for problem in cycle.problems)
    assert not filled.results.last_scores().empty
