"""Whoever is wanted and not planned learns why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.planning import NightPlan, SiteNight, make_plan
from aas2rto.sky import observatory_file
from aas2rto.sky.observatory import Instrument
from tests.planning.nights import candidates, site_night, some_night
from tests.planning.test_first import SITE
from tests.planning.test_night_plan import NOW, QUICK, one_night


def one(**more: Any) -> SiteNight:
    """Return a night with one candidate that is up for hours."""
    scored = candidates(np.random.default_rng(3), 1)
    dusk = site_night(SITE, scored, NOW).begin
    lst = (280.46061837 + 360.98564736629 * (dusk - 51544.5) + SITE.longitude_deg) % 360
    scored = scored.assign(**{"ra": lst, "dec": 20.0, "last_mag": 17.0} | more)
    return site_night(SITE, scored, NOW)


def reason(night: SiteNight, **settings: Any) -> str:
    plan = make_plan([night], QUICK.model_copy(update=settings), NOW, solve=False)
    assert plan.slots.empty
    assert len(plan.not_planned) == 1
    return str(plan.not_planned["reason"].iloc[0])


def with_instrument(night: SiteNight, **limits: Any) -> SiteNight:
    instrument = Instrument(reference_mag=18.0, reference_time_s=900.0, **limits)
    return replace(night, observatory=replace(night.observatory, instrument=instrument))


def test_what_is_planned_needs_no_reason() -> None:
    plan = make_plan([one()], QUICK, NOW, solve=False)
    assert len(plan.slots) == 1
    assert plan.not_planned.empty


@pytest.mark.slow
def test_each_limit_is_named() -> None:
    night = one()
    faint = with_instrument(night, faint_limit_mag=16.5)
    assert reason(faint) == ("17.00 mag is fainter than the telescope takes: faint_limit 16.5 mag")
    bright = with_instrument(night, bright_limit_mag=17.5)
    assert "brighter than the telescope takes: bright_limit 17.5 mag" in reason(bright)
    slow = with_instrument(one(last_mag=21.0))
    assert reason(slow).startswith("21.0 mag needs ")
    assert reason(slow).endswith("no exposure is longer than 120 min")
    closed = replace(night, closed=((-np.inf, np.inf),))
    assert reason(closed) == "its time falls into the hours in which the dome is closed"
    over = one(valid_until=night.begin + 0.001)
    assert reason(over).startswith("no visit ends before 20:4")
    late = replace(night, begin=night.night.end - 0.02)
    assert reason(late).startswith("its time was before ")
    assert reason(replace(night, begin=night.night.end)) == "the night is over"
    low = replace(night, observatory=replace(night.observatory, max_altitude_deg=25.0))
    assert reason(low) == "it is never long enough within the telescope's limits tonight"


def test_the_moon_is_named() -> None:
    """Full on 2026-04-02, and up all night."""
    full = Time("2026-04-01T20:00:00", scale="utc")
    night = site_night(
        SITE, candidates(np.random.default_rng(3), 1).assign(ra=180.0, dec=30.0), full
    )
    settings = QUICK.model_copy(update={"moon_separation": 180.0})
    missed = make_plan([night], settings, full, solve=False).not_planned
    assert missed["reason"].tolist() == ["closer than 180 deg to the Moon while that is up"]


def test_what_lost_its_time_learns_to_whom() -> None:
    nights = one_night(80)
    plan = make_plan(nights, QUICK, NOW, solve=False)
    lost = plan.not_planned[plan.not_planned["reason"].str.startswith("its best time")]
    assert len(lost) > 5
    planned = set(plan.slots["candidate_id"])
    for text in lost["reason"]:
        takers = text.rpartition("goes to ")[2].split(" and ")
        assert set(takers) <= planned or "no room" in text


def test_what_the_list_left_out_is_told_as_the_list_says() -> None:
    night = one()
    out = night.table.assign(candidate_id="south", reason="not above 30 deg while it is dark")
    plan = make_plan([replace(night, out=out)], QUICK, NOW, solve=False)
    told = plan.not_planned.to_dict("records")
    assert [(row["candidate_id"], row["reason"]) for row in told] == [
        ("south", "not above 30 deg while it is dark")
    ]


def test_polar_day_is_a_reason() -> None:
    summer = Time("2025-12-21T12:00:00", scale="utc")
    site = observatory_file.load("dome_c_concordia")
    scored = candidates(np.random.default_rng(1), 3)
    night = site_night(site, scored, summer)
    plan = make_plan([night], QUICK, summer)
    listed = len(night.table)
    assert plan.not_planned["reason"].tolist() == ["there is no night"] * listed


@pytest.mark.slow
@given(seed=st.integers(0, 10**6))
def test_everybody_is_planned_or_has_a_reason_at_each_site(seed: int) -> None:
    nights, now = some_night(seed)
    plan = make_plan(nights, QUICK, now, solve=False)
    check(plan)


def check(plan: NightPlan) -> None:
    planned = set(plan.slots["candidate_id"])
    for night in plan.nights:
        missed = set(night.table["candidate_id"]) - planned
        told = plan.not_planned
        own = told[told["observatory"] == night.observatory.name]
        assert set(own["candidate_id"]) == missed
        assert own["reason"].str.len().gt(0).all()


@pytest.mark.parametrize("again", [1, 2])
def test_the_order_is_by_too_and_score(again: int) -> None:
    scored = candidates(np.random.default_rng(again), 60)
    scored["too"] = scored["candidate_id"] == "c0007"
    night = replace(site_night(SITE, scored, NOW), closed=((-np.inf, np.inf),))
    told = make_plan([night], QUICK, NOW, solve=False).not_planned
    rest = told[~told["too"]]["score"]
    assert rest.is_monotonic_decreasing
    assert told["too"].to_numpy()[: int(told["too"].sum())].all()
    assert isinstance(told, pd.DataFrame)
