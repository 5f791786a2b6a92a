"""`aas2rto.questions.plan`: lists and nights from the stored state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.loop import run_cycle
from aas2rto.questions.plan import outlook, plan_stored, site_night
from aas2rto.steps.cycle import Parts
from aas2rto.store import Store
from tests.conftest import CASE, NIGHT, make_case, make_light_curve

WHEN = Time(NIGHT, format="mjd", scale="utc")
AGED = CASE.replace("detections: {min: 4}", "time_span: {max: 30 day}")


@pytest.fixture
def filled(store: Store) -> Store:
    """Return a store with two candidates that both sites see."""
    store.ingest(make_light_curve("bright", [18.5, 18.0, 17.5, 17.0]), NIGHT)
    store.ingest(make_light_curve("fainter", [19.0, 18.6, 18.4, 18.2], ra=165.0, dec=-5.0), NIGHT)
    return store


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return make_case(tmp_path, AGED)


def test_an_assessment_gives_the_lists_of_the_cycle(parts: Parts, filled: Store) -> None:
    cycle = run_cycle(parts, filled, WHEN, inform=lambda _: None)
    found = outlook(parts, filled, WHEN)
    assert cycle.judged is not None
    for ranking, listed in zip(found.rankings, cycle.judged.rankings, strict=True):
        pd.testing.assert_series_equal(ranking.table["candidate_id"], listed.table["candidate_id"])
        score = "score" if ranking.observatory == "science" else "site_score"
        np.testing.assert_array_equal(ranking.table[score], listed.table[score])
        assert len(ranking.table)


@pytest.mark.slow
def test_a_night_to_come_is_judged_for_then(parts: Parts, filled: Store) -> None:
    """Data are those of now, ages those of then."""
    later = Time(WHEN.mjd + 30, format="mjd", scale="utc")
    found = outlook(parts, filled, WHEN, at=later)
    assert set(found.scored.table["factor"]) >= {"time_span"}
    science = outlook(parts, filled, WHEN).rankings[0].table
    assert science["candidate_id"].tolist() == ["bright", "fainter"]


def night(folder: Path, store: Store, text: str, when: Time = WHEN) -> pd.DataFrame:
    """Return the night of the first site under another config."""
    parts = make_case(folder, text)
    judged = outlook(parts, store, WHEN)
    return site_night(parts, judged.scored, parts.case.observatories[0], when)


@pytest.mark.slow
def test_a_slot_is_worth_the_score_or_what_the_list_says(tmp_path: Path, filled: Store) -> None:
    by_slot = night(tmp_path, filled, AGED).table
    by_list = night(tmp_path, filled, AGED + "plan: {worth: list}\n").table
    np.testing.assert_allclose(by_list["worth"], by_list["site_score"])
    np.testing.assert_allclose(by_slot["worth"], by_slot["score"])
    assert (by_slot["site_score"] > by_slot["score"]).all()


@pytest.mark.slow
def test_the_altitude_of_the_moment_does_not_decide_a_night(tmp_path: Path, filled: Store) -> None:
    """With the factor `altitude`, what is low now is planned for later all the same."""
    noon = Time("2026-03-20T14:00:00", scale="utc")
    text = AGED.replace("factor: altitude_integral", "factor: altitude")
    found = night(tmp_path, filled, text, noon)
    assert sorted(found.table["candidate_id"]) == ["bright", "fainter"]
    assert found.by_altitude
    np.testing.assert_allclose(found.table["worth"], found.table["score"])


def test_a_plan_of_the_network_observes_each_once(parts: Parts, filled: Store) -> None:
    plan = plan_stored(parts, filled, WHEN)
    assert sorted(plan.slots["candidate_id"]) == ["bright", "fainter"]
    assert (plan.slots["start"] >= WHEN.mjd).all()
