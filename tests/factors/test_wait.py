"""Wait: each object is observed once, on the night on which it is worth most."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.success import worth_waiting
from aas2rto.factors.wait import wait
from aas2rto.sky.ahead import COLUMN, TONIGHT
from tests.conftest import MJD
from tests.factors.fitted import fitted

NOW = Time(MJD, format="mjd")
KEEP, EXCLUDE = Decision.KEEP, Decision.EXCLUDE


def at_site(table, seen, **columns):
    """Put the columns of a site beside it: on which nights it can be observed, tonight first."""
    when = {COLUMN.format(h): np.where(up, MJD + h, np.nan) for h, up in enumerate(seen)}
    when[TONIGHT] = when[COLUMN.format(0)]
    return table.assign(**when, observatory="here", faint_limit=np.nan, **columns)


def test_one_function_is_two_factors():
    """One knows no site, the other does."""
    assert FACTORS.get("wait").make is FACTORS.get("wait_here").make
    assert FACTORS.get("wait").extras["needs"] is Needs.FIT
    assert FACTORS.get("wait_here").extras["needs"] is Needs.SITE


def test_what_peaks_in_four_days_waits_and_says_until_when():
    """With both values and the night."""
    told = wait(fitted(MJD + 4, 1.0), NOW)
    assert told.decision[0] == EXCLUDE
    tonight, best = told.inputs["tonight"][0], told.inputs["best"][0]
    assert tonight < 0.1 < 0.8 < best
    night = told.inputs["best_night"][0]
    assert night == pytest.approx(MJD + 4)
    assert told.reason[0] == f"worth {tonight:.2f} tonight, {best:.2f} on 25 Nov"


def test_at_its_peak_nothing_waits():
    """What comes later is worth less."""
    told = wait(fitted([MJD, MJD - 1.0, MJD - 9]), NOW)
    assert told.decision.tolist() == [KEEP] * 3
    assert told.value.tolist() == [1.0] * 3


def test_without_a_fit_it_waits_for_one():
    """Unless there is no later night to wait for."""
    assert wait(fitted(np.nan), NOW).decision[0] == EXCLUDE
    assert wait(fitted(np.nan), NOW).reason[0] == "no fit yet: wait for a fit"
    assert wait(fitted(np.nan), NOW, usable=0.0).decision[0] == KEEP


def test_a_model_that_failed_does_not_empty_the_lists():
    """Without a fit by its fault, or without the model, a candidate stays, for what it is."""
    failed = wait(fitted(np.nan, salt_status="failed"), NOW)
    assert (failed.decision[0], failed.value[0]) == (KEEP, 1.0)
    few = wait(fitted(np.nan, salt_status="not_enough_data"), NOW)
    assert few.decision[0] == EXCLUDE
    assert wait(fitted(np.nan)[["candidate_id", "too", "redshift"]], NOW).decision[0] == KEEP


def test_what_a_person_asked_for_never_waits():
    """A ToO, and what is pinned: there, or everywhere."""
    early = fitted([MJD + 4] * 3)
    table = early.assign(too=[True, False, False], pin=["", "pinned by me", ""])
    assert wait(table, NOW).decision.tolist() == [KEEP, KEEP, EXCLUDE]
    assert wait(table, NOW).reason[0].endswith("but asked for")
    here = at_site(early, [True] * 12, pin_here=["", "pinned by me", ""])
    assert wait(here, NOW).decision.tolist() == [EXCLUDE, KEEP, EXCLUDE]
    assert wait(fitted(np.nan, too=True), NOW).decision[0] == KEEP


def test_the_simple_form_waits_until_the_peak_is_near():
    """So many days before it, whatever it is worth."""
    told = wait(fitted([MJD + 1.5, MJD + 0.5, MJD - 3]), NOW, ahead=1.0)
    assert told.decision.tolist() == [EXCLUDE, KEEP, KEEP]


def test_at_a_site_it_goes_by_the_nights_that_the_site_has():
    """What it cannot see later is taken now, though it is early."""
    early = fitted(MJD + 3, 1.5)
    assert wait(at_site(early, [True] * 12), NOW).decision[0] == EXCLUDE
    last = wait(at_site(early, [True, *[False] * 11]), NOW)
    assert last.decision[0] == KEEP
    assert last.reason[0].endswith("tonight, nothing later")


@pytest.mark.parametrize(
    ("begins", "ends"), [(61000.35, 61000.77), (61001.12, 61001.52), (61000.99, 61001.4)]
)
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_night_has_one_name_from_dusk_to_dawn(begins, ends, share):
    """That of its evening, in Australia, California and Chile: of 25 Nov 2025, four nights on."""
    table = fitted(begins + 4, 1.0)
    moment = begins + share * (ends - begins)
    when = {COLUMN.format(h): moment + h for h in range(12)}
    table = table.assign(**when, observatory="here", faint_limit=np.nan)
    table = table.assign(night_start=begins, night_end=ends)
    told = wait(table, NOW).reason[0]
    evening = round(wait(table, NOW).inputs["best_night"][0] - moment)
    assert told.endswith(f"on {21 + evening} Nov")


def test_the_sites_score_is_its_own_chance():
    """The factor is that over the chance that the score holds already."""
    table = at_site(fitted(MJD, 1.0), [True] * 12, factor_value=0.4)
    told = wait(table, NOW)
    assert 0.4 * told.value[0] == pytest.approx(told.inputs["tonight"][0])
    assert wait(table.drop(columns="factor_value"), NOW).value[0] == 1.0


def test_a_smaller_instrument_sees_less():
    """The brighter of the setting and of the instrument's limit counts."""
    table = at_site(fitted(MJD, 0.5, mag=18.0), [True] * 12)
    usual, small = (wait(table.assign(faint_limit=m), NOW) for m in (np.nan, 17.0))
    assert small.inputs["tonight"][0] < 0.01 < 0.5 < usual.inputs["tonight"][0]


values = st.lists(st.floats(0, 1), min_size=1, max_size=12)
share = st.floats(0, 1)


@given(values, st.floats(0, 1), share)
def test_another_night_is_never_a_loss(later, one_more, usable):
    """J does not fall when a night is added, it is a probability, and no night beats the best."""
    short = worth_waiting(np.array([later]), usable)[0]
    long = worth_waiting(np.array([[*later, one_more]]), usable)[0]
    assert (long[:-1] >= short - 1e-12).all()
    assert ((long >= 0) & (long <= max(*later, one_more))).all()
    assert (np.diff(long) <= 0).all()


peaks = st.lists(st.tuples(st.floats(-20, 20), st.floats(0.1, 8)), min_size=1, max_size=6)


@pytest.mark.slow
@given(peaks, st.lists(st.booleans(), min_size=11, max_size=11))
def test_without_usable_nights_nobody_waits(peaks, ahead):
    """Q = 0: tonight is all there is."""
    days, error = np.array(peaks).T
    table = fitted(MJD + days, error)
    assert (wait(table, NOW, usable=0.0).decision == KEEP).all()
    assert (wait(at_site(table, [True, *ahead]), NOW, usable=0.0).decision == KEEP).all()


@given(peaks, share)
def test_what_sets_for_the_season_tomorrow_never_waits(peaks, usable):
    """A site that will not see it again must take it now or never."""
    days, error = np.array(peaks).T
    table = at_site(fitted(MJD + days, error), [True, *[False] * 11])
    assert (wait(table, NOW, usable=usable).decision == KEEP).all()


@pytest.mark.slow
@given(peaks, st.randoms(use_true_random=False))
def test_candidates_do_not_see_each_other(peaks, chance):
    """The order of the table changes no number and no word."""
    days, error = np.array(peaks).T
    table = at_site(fitted(MJD + days, error), [True] * 12)
    order = list(range(len(table)))
    chance.shuffle(order)
    one, other = wait(table, NOW), wait(table.iloc[order].reset_index(drop=True), NOW)
    assert one.value[order].tobytes() == other.value.tobytes()
    assert [one.reason[k] for k in order] == list(other.reason)
