"""The one judge of loop and questions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from astropy.time import Time

from aas2rto.steps.fit_memory import OnlyRead
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import as_known
from aas2rto.store import Store
from tests.conftest import CASE, NIGHT, make_case, make_light_curve

NOW = Time(NIGHT, format="mjd", scale="utc")


@pytest.fixture
def filled(store: Store) -> Store:
    store.ingest(make_light_curve("bright", [18.5, 18.0, 17.5, 17.0]), NIGHT)
    store.ingest(make_light_curve("few", [17.0], ra=160.0), NIGHT)
    return store


@pytest.mark.slow
def test_who_is_out_is_ranked_only_in_full(tmp_path: Path, filled: Store) -> None:
    parts = make_case(tmp_path)
    known = as_known(parts, filled, NOW)
    memory = OnlyRead(filled.fits)
    found = judge(parts, known, NOW, memory=memory)
    assert list(found.rankings[0].table["candidate_id"]) == ["bright"]
    scored = found.scored.table.set_index("candidate_id")
    assert scored.loc["few", "factor"] == "detections"
    in_full = judge(parts, known, NOW, memory=memory, in_full=True)
    full = in_full.scored.table.set_index("candidate_id")
    # Asked of all factors, it is still out for the same reason.
    assert full.loc["few", "factor"] == "detections"
    assert np.isfinite(full.loc["few", "factor_magnitude"])


@pytest.mark.slow
def test_data_of_now_judged_for_a_later_night(tmp_path: Path, filled: Store) -> None:
    parts = make_case(tmp_path, CASE.replace("detections: {min: 4}", "time_span: {max: 20 day}"))
    known = as_known(parts, filled, NOW)
    later = Time(NIGHT + 30, format="mjd", scale="utc")
    now, then = (judge(parts, known, at, memory=OnlyRead(filled.fits)) for at in (NOW, later))
    assert now.rejected.empty
    assert sorted(then.rejected["candidate_id"]) == ["bright", "few"]


@pytest.mark.slow
def test_each_step_is_entered_once_in_order(tmp_path: Path, filled: Store) -> None:
    entered: list[str] = []

    @contextmanager
    def step(name: str) -> Iterator[None]:
        entered.append(name)
        yield

    parts = make_case(tmp_path)
    judge(parts, as_known(parts, filled, NOW), NOW, memory=OnlyRead(filled.fits), step=step)
    assert entered == ["prefilter", "fit", "score", "remove", "rank"]
