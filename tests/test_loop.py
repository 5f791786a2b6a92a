"""One cycle and the loop around it, without the command line."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from astropy.time import Time

from aas2rto.loop import STEPS, run_cycle, run_forever
from aas2rto.steps.cycle import Cycle
from aas2rto.store import Store
from tests.conftest import NIGHT, make_case, make_light_curve

NOW = Time(NIGHT, format="mjd", scale="utc")


def cycle_of(parts: Any, store: Store, **options: Any) -> Cycle:
    return run_cycle(parts, store, NOW, inform=lambda _: None, **options)


def ranked(cycle: Cycle) -> list[str]:
    assert cycle.judged is not None
    return list(cycle.judged.rankings[0].table["candidate_id"])


@pytest.mark.slow
def test_a_cycle_ranks_what_the_store_knows(tmp_path: Path, store: Store) -> None:
    store.ingest(make_light_curve("bright", [18.5, 18.0, 17.5, 17.0]), NIGHT)
    store.ingest(make_light_curve("fainter", [19.0, 18.6, 18.4, 18.2], ra=165.0, dec=-5.0), NIGHT)
    store.ingest(make_light_curve("few", [17.0], ra=160.0), NIGHT)
    cycle = cycle_of(make_case(tmp_path), store)
    assert ranked(cycle) == ["bright", "fainter"]
    assert cycle.problems == []
    assert cycle.report["funnel"]["excluded"] == {"detections": 1}
    assert len(store.results.last_scores()) == 3


def test_steps_are_told_in_their_order(tmp_path: Path, store: Store) -> None:
    steps: list[str] = []
    cycle = cycle_of(make_case(tmp_path), store, on_step=steps.append)
    assert tuple(steps) == STEPS
    assert set(cycle.timings) >= set(STEPS)


def test_a_cycle_that_is_stopped_stores_nothing(tmp_path: Path, store: Store) -> None:
    store.ingest(make_light_curve("bright", [18.0, 17.5, 17.0]), NIGHT)
    asked: list[int] = []

    def stopping() -> bool:
        asked.append(1)
        return len(asked) > 4

    told: list[Cycle] = []
    cycle = run_cycle(make_case(tmp_path), store, NOW, inform=told.append, stopping=stopping)
    assert cycle.stopped
    assert told == []
    assert store.results.last_scores().empty


@pytest.mark.fault("loop", "dies", "a lost cycle")
def test_a_lost_cycle_does_not_end_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()
    times: list[Time] = []
    lost: list[tuple[Time, str]] = []

    def one_cycle(now: Time) -> None:
        times.append(now)
        if len(times) == 1:
            raise RuntimeError("no disk")
        stop.set()

    run_forever(
        one_cycle,
        lambda: NOW,
        interval=0.0,
        stop=stop,
        on_lost=lambda now, failure: lost.append((now, failure.error)),
    )
    assert len(times) == 2
    assert lost == [(NOW, "RuntimeError: no disk")]
    assert "was lost: RuntimeError: no disk" in caplog.text
