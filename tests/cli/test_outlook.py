"""`aas2rto.questions.plan`: lists and plans from the state that a run has left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.config.load import load
from aas2rto.questions.plan import outlook, site_night
from aas2rto.steps.build import build
from aas2rto.store import Store
from tests.cli.conftest import NOW, Said

WHEN = Time(NOW, scale="utc")


@pytest.fixture
def store(project: Path, aas2rto: Callable[..., Said]) -> Store:
    """Return the store of a project that has run once."""
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    return Store("sqlite:///outputs/small/store.sqlite")


def test_an_assessment_gives_the_lists_of_the_cycle(store: Store) -> None:
    parts = build(load("small.yaml"), with_sources=False)
    found = outlook(parts, store, WHEN)
    for ranking in found.rankings:
        path = Path("outputs/small/ranked") / f"{ranking.observatory}.csv"
        listed = pd.read_csv(path, comment="#")
        assert ranking.table["candidate_id"].tolist() == listed["candidate_id"].tolist()
        score = "score" if ranking.observatory == "science" else "site_score"
        np.testing.assert_allclose(ranking.table[score], listed[score], rtol=1e-5)


def test_a_night_to_come_is_judged_for_then(store: Store) -> None:
    """Data are those of now, ages those of then."""
    parts = build(load("small.yaml"), with_sources=False)
    later = Time(WHEN.mjd + 30, format="mjd", scale="utc")
    found = outlook(parts, store, WHEN, at=later)
    assert found.scored is not None
    assert set(found.scored.table["factor"]) >= {"time_span"}
    assert outlook(parts, store, WHEN).rankings[0].table["candidate_id"].tolist() == [
        "bright",
        "fainter",
    ]


def nights(store: Store, text: str) -> pd.DataFrame:
    written = Path("small.yaml").read_text()
    Path("other.yaml").write_text(written + text)
    parts = build(load("other.yaml"), with_sources=False)
    judged = outlook(parts, store, WHEN)
    site = parts.case.observatories[0]
    return site_night(parts, judged.scored, site, WHEN).table


def test_a_slot_is_worth_the_score_or_what_the_list_says(store: Store) -> None:
    by_slot, by_list = nights(store, ""), nights(store, "plan: {worth: list}\n")
    np.testing.assert_allclose(by_list["worth"], by_list["site_score"])
    np.testing.assert_allclose(by_slot["worth"], by_slot["score"])
    assert (by_slot["site_score"] > by_slot["score"]).all()


def test_the_altitude_of_the_moment_does_not_decide_a_night(store: Store) -> None:
    """With the factor `altitude`, what is low now is planned for later all the same."""
    text = Path("small.yaml").read_text()
    Path("small.yaml").write_text(text.replace("factor: altitude_integral", "factor: altitude"))
    parts = build(load("small.yaml"), with_sources=False)
    noon = Time("2026-03-20T14:00:00", scale="utc")
    judged = outlook(parts, store, WHEN)
    site = parts.case.observatories[0]
    night = site_night(parts, judged.scored, site, noon)
    assert sorted(night.table["candidate_id"]) == ["bright", "fainter"]
    assert night.by_altitude
    np.testing.assert_allclose(night.table["worth"], night.table["score"])
