"""Brighter candidates come first; too faint ones wait."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.config.case import PartConfig
from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.detections import detections
from aas2rto.factors.magnitude import magnitude
from aas2rto.steps.column import needs_of
from tests.conftest import MJD, make_candidates, make_photometry

KEEP, EXCLUDE = Decision.KEEP, Decision.EXCLUDE
NOW = Time(MJD, format="mjd")


def seen_at(*mags, **settings):
    names = [f"c{i}" for i in range(len(mags))]
    rows = make_candidates(names, make_photometry(names, MJD, list(mags)))
    return magnitude(rows, NOW, **settings)


def test_it_runs_before_the_fits():
    """It is part of the prefilter."""
    assert FACTORS.get("magnitude").extras["needs"] is Needs.LIGHT_CURVE


def test_the_values_of_the_paper():
    """x_mag(16.5) = 10, x_mag(17.0) = 5.6234, x_mag(18.5) = 1 (Eq. 5)."""
    assert seen_at(16.5, 17.0, 18.5).value.tolist() == pytest.approx([10, 5.6234, 1], rel=1e-5)


def test_a_ceiling_bounds_what_brightness_can_do():
    """A variable of 12.4 mag is worth no more than a supernova of 16.5 mag."""
    assert seen_at(12.4, 16.5, 17.0, ceiling=10).value.tolist() == pytest.approx(
        [10, 10, 5.6234], rel=1e-5
    )
    assert seen_at(12.5).value.tolist() == pytest.approx([1000])


@pytest.mark.slow
@given(st.lists(st.floats(10, 25), min_size=2, max_size=10))
def test_fainter_never_scores_higher(mags):
    """All else equal."""
    found = seen_at(*sorted(mags))
    assert (np.diff(found.value) <= 1e-12).all()
    assert (np.diff(found.decision.astype(int)) >= 0).all()


def test_too_faint_is_excluded_and_may_come_back():
    """It may brighten later, so it is never rejected; the limit itself is still in."""
    found = seen_at(18.49999, 18.50001, faint_limit=18.5)
    assert found.decision.tolist() == [KEEP, EXCLUDE]
    assert found.reason.tolist() == ["18.50 mag in ztfg", "18.50 mag in ztfg is fainter than 18.5"]


def test_zero_point_and_limit_can_be_set():
    """A bigger telescope sees deeper."""
    found = seen_at(19.0, zero_point=20.0, faint_limit=20.0)
    assert found.value.tolist() == pytest.approx([10**0.5])
    assert found.decision.tolist() == [KEEP]


def test_the_latest_detection_counts_in_whatever_band():
    """Not the brightest, not a limit, not a suspect point, not another survey's band."""
    table = make_photometry(
        "a",
        MJD - np.array([9.0, 5.0, 3.0, 2.0, 1.0]),
        [15.0, 17.0, 16.0, 14.0, 13.0],
        band=["ztfg", "ztfr", "ztfg", "ztfr", "atlaso"],
        kind=["detection", "detection", "limit", "suspect", "detection"],
    )
    found = magnitude(make_candidates("a", table), NOW)
    assert found.reason.tolist() == ["17.00 mag in ztfr 5.0 d ago"]
    found = magnitude(make_candidates("a", table), NOW, bands=("atlaso",))
    assert found.reason.tolist() == ["13.00 mag in atlaso"]


def test_without_a_detection_it_is_excluded():
    """A light curve of limits, and none at all, with what there is instead."""
    limits = make_photometry("limits", kind="limit")
    suspect = make_photometry("suspect", kind="suspect", measurement_id="s")
    rows = make_candidates(["limits", "none", "suspect"], limits.merge(suspect, how="outer"))
    found = magnitude(rows, NOW)
    assert found.decision.tolist() == [EXCLUDE] * 3
    assert found.reason.tolist() == [
        "no detection in ztfg, ztfr",
        "no detection in ztfg, ztfr",
        "no detection in ztfg, ztfr, 1 suspect point (negative or of bad quality)",
    ]


def test_it_says_in_which_other_bands_there_are_detections():
    """Most first; what is only suspect or a limit there is none."""
    table = make_photometry(
        "a",
        MJD - np.arange(1.0, 6.0),
        band=["lsstg", "atlaso", "atlaso", "lssti", "r.mine"],
        kind=["detection", "detection", "detection", "limit", "detection"],
    )
    rows = make_candidates(["a", "b"], table)
    assert magnitude(rows, NOW).reason.tolist() == [
        "no detection in ztfg, ztfr (2 in atlaso, 1 in lsstg, 1 in r.mine)",
        "no detection in ztfg, ztfr",
    ]
    assert detections(rows, NOW, bands=("ztfg", "atlaso")).reason.tolist() == [
        "2 detections in ztfg+atlaso (1 in lsstg, 1 in r.mine), needs 4",
        "0 detections in ztfg+atlaso, needs 4",
    ]


def test_an_old_magnitude_says_how_old_it_is():
    """Of two nights ago, in the factor's own bands."""
    table = make_photometry("a", [MJD - 2.0, MJD - 0.1], [17.0, 16.5], band=["ztfg", "atlaso"])
    found = magnitude(make_candidates("a", table), NOW)
    assert found.reason.tolist() == ["17.00 mag in ztfg 2.0 d ago"]
    found = magnitude(make_candidates("a", table), NOW, faint_limit=16.0)
    assert found.reason.tolist() == ["17.00 mag in ztfg 2.0 d ago is fainter than 16"]


def aged(days, present=np.nan, **settings):
    """Return the answer for one candidate of 17 mag, seen so long ago [d]."""
    rows = make_candidates("a", make_photometry("a", MJD - days, 17.0))
    return magnitude(rows.assign(present_mag=present), NOW, **settings)


def test_an_old_magnitude_is_called_stale():
    """From five days on, or as the config says; it still counts."""
    assert aged(6.0).reason.tolist() == ["17.00 mag in ztfg 6.0 d ago, stale"]
    assert aged(4.0).reason.tolist() == ["17.00 mag in ztfg 4.0 d ago"]
    assert "stale" in aged(4.0, stale=3.0).reason[0]
    assert aged(6.0).value[0] == pytest.approx(5.6234, rel=1e-4)


def test_the_fit_is_asked_only_of_what_is_stale():
    """Where there is no fit, the last magnitude counts."""
    found = aged(6.0, 18.0, use="model")
    assert found.value[0] == pytest.approx(10**0.25)
    assert found.reason.tolist() == ["18.00 mag by the fit now (17.00 mag in ztfg 6.0 d ago)"]
    assert aged(6.0, 19.0, use="model").decision.tolist() == [EXCLUDE]
    for same in (aged(6.0, 18.0), aged(4.0, 18.0, use="model"), aged(6.0, use="model")):
        assert same.value[0] == pytest.approx(5.6234, rel=1e-4)


def test_with_the_model_it_runs_after_the_fits():
    """In the prefilter there is no fit yet."""
    part = FACTORS.get("magnitude")
    for use, needs in (("last", Needs.LIGHT_CURVE), ("model", Needs.FIT)):
        bound = PartConfig("magnitude", part, part.options(use=use))
        assert needs_of(bound) is needs
