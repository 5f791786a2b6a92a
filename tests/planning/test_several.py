"""Several nights at once: a slot goes to whom it gains most, on whichever night."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.config.sections import Plan
from aas2rto.factors.success import worth_waiting
from aas2rto.planning import SiteNight
from aas2rto.planning.several import assign, gains, tonight_of
from aas2rto.sky import observatory_file
from tests.planning.nights import candidates, site_night
from tests.planning.test_night_plan import NOW

SETTINGS = Plan(airmass_power=0.0)
"""All slots of a night are worth the same."""

chances = st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=5)


@given(chances, st.floats(0, 1))
def test_of_one_night_the_gain_is_what_a_plan_of_one_night_goes_by(values, usable):
    """V - J: what is worth more later gains nothing tonight."""
    v = np.array(values)
    (gain,) = gains([v], usable, 1)
    np.testing.assert_allclose(gain[:, 0], v[:, 0] - worth_waiting(v[:, 1:], usable)[:, 0])


@given(chances, chances, st.floats(0, 1), st.integers(1, 4))
def test_a_gain_is_a_difference_of_chances(one, other, usable, nights):
    """Never above V, so never above 1; and another site can only make it smaller."""
    n = min(len(one), len(other))
    first, second = np.array(one)[:n], np.array(other)[:n]
    alone = gains([first], usable, nights)[0]
    both = gains([first, second], usable, nights)
    assert (alone[:, 0] <= first[:, 0] + 1e-12).all()
    assert (np.abs(alone) <= 1 + 1e-12).all()
    assert (both[0][:, 0] <= alone[:, 0] + 1e-12).all()


@given(chances, st.integers(2, 4))
def test_nights_that_are_never_usable_gain_nothing(values, nights):
    """Q = 0: tonight is all there is."""
    gain = gains([np.array(values)], 0.0, nights)[0]
    np.testing.assert_allclose(gain[:, 0], np.array(values)[:, 0])
    np.testing.assert_allclose(gain[:, 1:], 0.0)


@functools.lru_cache(maxsize=8)
def some_night(h: int) -> SiteNight:
    """Return a night of La Palma with candidates `c0` to `c3` that are up all night."""
    scored = candidates(np.random.default_rng(3), 1).loc[[0] * 4].reset_index(drop=True)
    names = [f"c{k}" for k in range(4)]
    scored = scored.assign(candidate_id=names, ra=165.0, dec=20.0, last_mag=17.0)
    when = Time(NOW.mjd + h, format="mjd", scale="utc")
    return site_night(observatory_file.load("la_palma_not"), scored, when)


def a_night(h: int, slots: int, worth: dict[str, float], **more: bool) -> SiteNight:
    """Return a night that is open for so many visits, of which this is what they are worth."""
    night = some_night(h)
    table = night.table.head(len(worth)).assign(candidate_id=list(worth), pinned=False, **more)
    values = list(worth.values())
    middle = (night.night.start + night.night.end) / 2
    length = 20 / 1440  # a visit of 17 mag takes 15 to 20 min of the hours about midnight
    shut = ((0.0, middle), (middle + slots * length, 1e9))
    return replace(night, table=table.assign(worth=values, site_score=values), closed=shut)


@pytest.mark.slow
def test_the_assignment_equals_brute_force() -> None:
    """On random gains: at most one night each, and so many on a night."""
    rng = np.random.default_rng(5)
    names, capacity = [f"c{k}" for k in range(4)], 1
    several = 0
    for _ in range(12):
        gain = rng.choice([0.0, 0.2, 0.5, 0.9], (4, 3)) * rng.uniform(0.8, 1.0, (4, 3))
        nights = [
            [a_night(h, capacity, dict(zip(names, gain[:, h], strict=True)))] for h in range(3)
        ]
        found = assign(nights, SETTINGS, usable=0.5)
        best = max(
            sum(gain[who, h] for h, who in enumerate(one) if who is not None)
            for one in itertools.product([None, *range(4)], repeat=3)
            if len([w for w in one if w is not None]) == len({w for w in one if w is not None})
        )
        told = sum(
            gain[names.index(row.candidate_id), row.night] for row in found.later.itertuples()
        )
        told += sum(gain[names.index(name), 0] for name in found.tonight)
        assert told == pytest.approx(best, rel=0.011), "within the optimality gap"
        several += len(found.later) > 1
    assert several > 5


def test_one_slot_tonight_goes_to_whom_it_is_lost_for() -> None:
    """Both are worth more tomorrow, but tomorrow has one slot, too."""
    nights = [
        [a_night(0, 1, {"steady": 0.30, "fading": 0.25})],
        [a_night(1, 1, {"steady": 0.45, "fading": 0.28})],
    ]
    found = assign(nights, SETTINGS, usable=0.8)
    assert found.tonight == ("fading",)
    assert found.later["candidate_id"].tolist() == ["steady"]
    assert found.later["night"].tolist() == [1]
    np.testing.assert_allclose(found.expected, [0.25, 0.8 * 0.45])
    assert found.status == "optimal"
    (tonight,) = tonight_of([nights[0][0]], found)
    assert tonight.table["candidate_id"].tolist() == ["fading"]


def test_what_is_asked_for_stays_tonight_and_is_no_success_of_the_plan() -> None:
    """A person's wish is not postponed."""
    nights = [
        [a_night(0, 2, {"too": 1000.0, "sn": 0.1}, too=True)],
        [a_night(1, 2, {"sn": 0.5})],
    ]
    found = assign(nights, SETTINGS, usable=0.5)
    (tonight,) = tonight_of(nights[0], found)
    assert set(tonight.table["candidate_id"]) == {"too", "sn"}
    assert found.expected[0] == 0.0


def test_without_candidates_there_is_a_plan_of_nothing() -> None:
    found = assign([[], []], SETTINGS, usable=0.5)
    assert (len(found.later), found.tonight, found.expected.tolist()) == (0, (), [0.0, 0.0])
    empty = a_night(0, 1, {"sn": 0.5})
    empty = replace(empty, table=empty.table.iloc[:0])
    assert isinstance(assign([[empty], [empty]], SETTINGS, usable=0.5).later, pd.DataFrame)
