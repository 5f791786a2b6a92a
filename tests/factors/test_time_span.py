"""What was discovered long ago is past its peak."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.time_span import time_span
from tests.conftest import MJD, make_candidates, make_photometry

NOW = Time(MJD, format="mjd")


def after(*days, now=NOW, **settings):
    names = [f"c{i}" for i in range(len(days))]
    rows = make_candidates(names, make_photometry(names, MJD - np.array(days, float)))
    return time_span(rows, now, **settings)


def test_it_runs_before_the_fits():
    """It is part of the prefilter."""
    assert FACTORS.get("time_span").extras["needs"] is Needs.LIGHT_CURVE


def test_the_values_of_the_paper():
    """From 0.99 to 0.01 between 20 and 30 d, from 0.9 to 0.1 between 23 and 27 d (Eqs. 8, 9)."""
    found = after(20, 23, 25, 27, 30).value
    assert found == pytest.approx([0.99, 0.9, 0.5, 0.1, 0.01], abs=0.02)
    assert found[0] + found[4] == pytest.approx(1.0)


@pytest.mark.slow
@given(st.lists(st.floats(0, 100), min_size=2, max_size=10))
def test_older_never_scores_higher(days):
    """All else equal."""
    found = after(*sorted(days))
    assert (np.diff(found.value) <= 1e-12).all()
    assert (found.value > 0).all()


def test_too_old_is_rejected():
    """The limit itself is still in."""
    found = after(30.0, 30.25)
    assert found.decision.tolist() == [Decision.KEEP, Decision.REJECT]
    assert found.reason.tolist() == [
        "first detected 30.0 d ago",
        "first detected 30.2 d ago, more than 30 d",
    ]


def test_the_time_is_the_callers():
    """The same candidate ages with `now`, in whatever scale it comes."""
    assert after(5, now=NOW + 20 * u.day).reason.tolist() == ["first detected 25.0 d ago"]
    tai = Time(MJD + 37 / 86400, format="mjd", scale="tai")
    assert after(25, now=tai).value.tolist() == pytest.approx([0.5])


def test_only_detections_start_the_clock():
    """Limits before the discovery do not."""
    table = make_photometry("a", [MJD - 90, MJD - 5], kind=["limit", "detection"])
    found = time_span(make_candidates("a", table), NOW)
    assert found.reason.tolist() == ["first detected 5.0 d ago"]


def test_never_detected_is_excluded():
    """It may be detected yet."""
    rows = make_candidates("a", make_photometry("a", kind="limit"))
    found = time_span(rows, NOW)
    assert found.decision.tolist() == [Decision.EXCLUDE]
    assert found.reason.tolist() == ["never detected"]


@pytest.mark.parametrize("kind", ["suspect", "limit"])
def test_what_was_never_detected_does_not_stay_for_ever(kind):
    """Nothing new for longer than `max`: an artefact; a target without any measurement stays."""
    names = ["silent", "edge", "again"]
    days = [30.25, 30.0, 90.0]
    rows = make_photometry([*names, "again"], MJD - np.array([*days, 2.0]), kind=kind)
    found = time_span(make_candidates([*names, "unmeasured"], rows), NOW)
    assert found.decision.tolist() == [Decision.REJECT, *[Decision.EXCLUDE] * 3]
    assert found.reason.tolist() == [
        "never detected, and nothing new for 30.2 d, more than 30 d",
        *["never detected"] * 3,
    ]


def test_settings_of_ones_own():
    """Another midpoint, another slope, another limit."""
    found = after(10, 12, midpoint=10.0, rate=-2.0, max=11.0)
    assert found.value[0] == pytest.approx(0.5)
    assert found.value[1] == pytest.approx(1 / (1 + np.exp(4.0)))
    assert found.decision.tolist() == [Decision.KEEP, Decision.REJECT]
