"""A ToO is placed early and well, at once if it is urgent, and others cannot crowd it out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.config.sections import Plan
from aas2rto.planning import SiteNight, make_plan
from aas2rto.planning.first import First, place_first
from aas2rto.planning.problem import Problem
from aas2rto.sky import observatory_file
from tests.planning.nights import candidates, site_night, some_night
from tests.planning.test_night_plan import NOW, QUICK

SITE = observatory_file.load("la_palma_not")


def night_with(
    hour_angle: float, dec: float, *, urgent: object = None, valid_until: float = np.nan
) -> SiteNight:
    """Return a night with a ToO that stands at an hour angle [h] at dusk, and others."""
    scored = candidates(np.random.default_rng(3), 20)
    dusk = site_night(SITE, scored, NOW).begin
    # Sidereal time of the place, IAU 1982 to a second: enough to place it.
    lst = (280.46061837 + 360.98564736629 * (dusk - 51544.5) + SITE.longitude_deg) % 360
    row = {"ra": (lst - 15 * hour_angle) % 360, "dec": dec, "too": True, "last_mag": 17.0}
    scored.loc[0, list(row)] = list(row.values())
    scored["valid_until"] = valid_until
    if urgent is not None:
        scored["too_urgent"] = [urgent, *[None] * 19]
    return site_night(SITE, scored, NOW)


def too_slot(night: SiteNight, settings: Plan = QUICK) -> pd.Series:
    slots = make_plan([night], settings, NOW, solve=False).slots
    return slots[slots["too"]].iloc[0]


def test_a_too_that_is_rising_is_not_observed_at_its_lowest() -> None:
    """33 deg at dusk, 76 deg four hours later: it waits until it stands well, no longer."""
    night = night_with(-4.0, 15.0)
    slot = too_slot(night)
    assert 49 < slot["altitude"] < 56, "airmass 1.03 x 1.25"
    assert 1.0 < (slot["start"] - night.begin) * 24 < 2.0
    at_once = too_slot(night_with(-4.0, 15.0, urgent=True))
    assert at_once["start"] - night.begin < 6 / 1440
    assert at_once["altitude"] < 38


@pytest.mark.parametrize("urgent", [False, None])
def test_only_a_file_that_says_urgent_is_urgent(urgent: object) -> None:
    assert too_slot(night_with(-4.0, 15.0, urgent=urgent))["altitude"] > 49


def test_a_too_that_is_setting_is_observed_at_once() -> None:
    night = night_with(2.0, 15.0)
    assert too_slot(night)["start"] - night.begin < 6 / 1440


def test_a_too_waits_no_longer_than_its_time_or_the_configs() -> None:
    night = night_with(-4.0, 15.0)
    until = night.begin + 1.0 / 24
    slot = too_slot(night_with(-4.0, 15.0, valid_until=until))
    assert slot["end"] <= until
    impatient = QUICK.model_copy(update={"too_wait": 0.5})
    assert too_slot(night, impatient)["start"] - night.begin <= 0.5 / 24 + 6 / 1440
    best = QUICK.model_copy(update={"too_airmass": 1.0})
    assert too_slot(night, best)["altitude"] > 74


@given(seed=st.integers(0, 10**6))
@pytest.mark.slow
def test_a_too_is_about_as_good_as_it_can_be_or_as_early(seed: int) -> None:
    """On any night: within 25 % of its least airmass, as the only one that comes first."""
    nights, now = some_night(seed)
    ids = sorted({one for night in nights for one in night.table["candidate_id"]})
    if not ids:
        return
    who = ids[seed % len(ids)]
    nights = [replace(n, table=n.table.assign(too=n.table["candidate_id"] == who)) for n in nights]
    slots = make_plan(nights, QUICK, now, solve=False).slots
    alone = [replace(n, table=n.table[n.table["candidate_id"] == who]) for n in nights]
    best = QUICK.model_copy(update={"too_airmass": 1.0})
    least = make_plan(alone, best, now, solve=False).slots
    mine = slots[slots["candidate_id"] == who]
    assert len(mine) == len(least)
    if len(mine):
        # Slots of several sites differ in length: compare the middles of what was chosen.
        assert mine["airmass"].iloc[0] <= 1.25 * least["airmass"].iloc[0] * 1.02
        assert mine["start"].iloc[0] <= least["start"].iloc[0] + 1e-9


def problem(*options: tuple[int, int, int]) -> Problem:
    """Return options (candidate, start, length) of one site, each as good as another."""
    who, start, length = (np.array(column, dtype=np.intp) for column in zip(*options, strict=True))
    return Problem(
        candidate=who,
        site=np.zeros(len(who), dtype=np.intp),
        start=start,
        length=length,
        value=np.ones(len(who)),
        allowed=np.ones(who.max() + 1, dtype=np.intp),
    )


def test_a_too_that_can_move_makes_room_for_one_that_cannot() -> None:
    one = problem((0, 0, 2), (0, 4, 2), (1, 1, 2))
    both = np.array([True, True])
    chosen = place_first(one, First([0, 1], np.ones(3, dtype=bool), both, ~both), QUICK)
    assert sorted(one.candidate[chosen].tolist()) == [0, 1]


def test_a_too_is_not_given_up_for_what_is_pinned() -> None:
    one = problem((0, 0, 2), (1, 1, 2))
    too = np.array([True, False])
    chosen = place_first(one, First([0, 1], np.ones(2, dtype=bool), too, ~too & False), QUICK)
    assert one.candidate[chosen].tolist() == [0]
