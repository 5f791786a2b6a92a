"""The chance of success: a probability, highest for a bright SN Ia at its peak."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.success import posterior
from aas2rto.factors.value import LEAST, value
from tests.conftest import MJD
from tests.factors.fitted import fitted

NOW = Time(MJD, format="mjd")


def test_it_runs_after_the_fits():
    """It reads what they found."""
    assert FACTORS.get("value").extras["needs"] is Needs.FIT


def test_a_bright_sn_ia_at_its_peak_is_nearly_certain():
    """P(SN Ia) is what is left to doubt; the reason says what it is made of."""
    told = value(fitted(MJD, 0.5), NOW)
    p = told.inputs["p_sn_ia"][0]
    assert 0.8 < p < 1
    assert told.value[0] == pytest.approx(p, abs=1e-3)
    assert told.decision[0] == Decision.KEEP
    assert told.reason[0] == f"{p:.0%}: P(SN Ia) = {p:.0%}, 0.0 +- 0.5 d after peak"


def test_far_from_the_peak_it_is_worth_nothing():
    """But a score is a positive number."""
    told = value(fitted([MJD + 12, MJD - 12], 0.5), NOW)
    assert told.value.tolist() == [LEAST, LEAST]


def test_what_is_too_faint_is_worth_less():
    """By the chance that it is as bright as it must be, where that is asked for."""
    table = fitted([MJD] * 3, 0.3, mag=[17.0, 18.55, 19.2])
    bright, near, faint = value(table, NOW).value
    assert faint < 0.05 < near < bright
    nearer, still = (value(table, NOW, faint_limit=m).value[1] for m in (18.45, 18.65))
    assert nearer < near < still
    assert np.ptp(value(table, NOW, faint_limit=None).value) < 1e-9


def test_without_a_fit_it_says_so():
    """It stays, with the value of the config."""
    told = value(fitted(np.nan), NOW, no_fit=0.07)
    assert told.value[0] == 0.07
    assert told.reason[0] == "no fit"


def test_few_points_promise_less():
    """P(SN Ia) from three points is what it turned out to be, not what five would say."""
    three, many = (value(fitted(MJD, 0.5, points=n), NOW).inputs["p_sn_ia"][0] for n in (3.0, 9.0))
    assert three < many


@given(
    st.floats(-60, 60),
    st.floats(1e-3, 30),
    st.floats(10, 25),
    st.floats(0.1, 10),
    st.lists(st.floats(-100, 100), min_size=1, max_size=5),
)
def test_it_is_a_probability(days, error, mag, within, nights):
    """Whatever the fit says, and on any night."""
    found = posterior(fitted(MJD + days, error, mag=mag))
    every = found.value(
        MJD + np.array(nights), within=within, faint_limit=18.5, bands=("ztfg", "ztfr")
    )
    assert ((every >= 0) & (every <= 1)).all()
