"""Level, scatter and time scale: what was put in comes out, and not knowing is an answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.models.watched import baseline as base
from aas2rto.models.watched.baseline import Quiescence, baseline


def restricted(flux, err, scatter):
    v = err**2 + scatter**2
    mean = (flux / v).sum() / (1 / v).sum()
    return -0.5 * (np.log(v) + (flux - mean) ** 2 / v).sum() - 0.5 * np.log((1 / v).sum())


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 80), st.floats(0, 3), st.floats(1, 10))
def test_it_is_the_greatest_restricted_likelihood_and_its_limits(seed, n, scatter, spread):
    dice = np.random.default_rng(seed)
    err = np.exp(dice.uniform(0, np.log(spread), n))
    flux = 100 + dice.normal(0, np.hypot(err, scatter))
    found = baseline(np.arange(n) * 4.0, flux, err)
    top = restricted(flux, err, found.scatter)
    tried = max(restricted(flux, err, s) for s in np.linspace(0, np.ptp(flux), 400))
    assert top >= tried - 1e-6
    v = err**2 + found.scatter**2
    assert found.mean == pytest.approx((flux / v).sum() / (1 / v).sum())
    assert found.mean_err == pytest.approx((1 / v).sum() ** -0.5)
    assert top - restricted(flux, err, found.scatter_high) == pytest.approx(1.92, abs=1e-3)
    if found.scatter_low > 0:
        assert top - restricted(flux, err, found.scatter_low) == pytest.approx(1.92, abs=1e-3)
    else:
        assert top - restricted(flux, err, 0.0) <= 1.92 + 1e-6


def test_with_equal_errors_it_is_the_sample_variance():
    """REML of equal errors: s^2 - e^2, unbiased."""
    flux = np.random.default_rng(2).normal(5, 2, 50)
    found = baseline(np.arange(50.0) * 2, flux, np.full(50, 0.5))
    assert found.scatter**2 == pytest.approx(flux.var(ddof=1) - 0.25, rel=1e-4)


@pytest.mark.slow
def test_unequal_errors_do_not_bias_it():
    """The difference of variances is 0 in 9 of 10 of these, of which the truth is 1."""
    dice = np.random.default_rng(7)
    squares = []
    for _ in range(400):
        err = np.exp(dice.uniform(np.log(0.5), np.log(5), 40))
        flux = dice.normal(0, np.hypot(err, 1.0))
        squares.append(baseline(np.arange(40.0) * 2, flux, err).scatter ** 2)
    assert np.mean(squares) == pytest.approx(1.0, abs=4 * np.std(squares) / 20)


@pytest.mark.slow
def test_the_limits_hold_the_truth_in_95_of_100():
    dice = np.random.default_rng(8)
    inside = 0
    for _ in range(500):
        err = dice.uniform(0.5, 2, 60)
        one = baseline(np.arange(60.0) * 2, dice.normal(0, np.hypot(err, 1.0)), err)
        inside += one.scatter_low <= 1.0 <= one.scatter_high
    assert 0.92 <= inside / 500 <= 0.98


def test_short_and_empty_ones_have_a_status():
    assert baseline([], [], []).status == "too few nights"
    assert baseline([1.0], [2.0], [1.0]).n == 1
    few = baseline(np.arange(29) * 5.0, np.ones(29), np.ones(29))
    assert (few.status, few.mean) == ("too few nights", 1.0)
    close = baseline(np.arange(40), np.ones(40), np.ones(40))
    assert close.status == "too few nights"
    assert baseline(np.arange(40) * 2, np.ones(40), np.ones(40)).status == "ok"
    nan = baseline([1.0, 2.0, np.nan], [np.nan, 1.0, 1.0], [1.0, 0.0, 1.0])
    assert nan.n == 0


def test_quiescence_has_three_states():
    assert base.quiescence(0.0, 0.01, 0.02) is Quiescence.QUIESCENT
    assert base.quiescence(0.03, 0.05, 0.02) is Quiescence.VARIABLE
    assert base.quiescence(0.01, 0.05, 0.02) is Quiescence.UNKNOWN
    assert base.quiescence(np.nan, np.nan, 0.02) is Quiescence.UNKNOWN


def test_scatter_in_magnitudes_needs_a_flux():
    assert base.in_magnitudes(1.0, 100.0, 1.0) == pytest.approx(0.010857, rel=1e-3)
    assert base.in_magnitudes(1.0, 2.0, 1.0, reference=98.0) == pytest.approx(0.010857, rel=1e-3)
    assert np.isnan(base.in_magnitudes(1.0, 2.0, 1.0))


def walk(n, sigma, tau, err, seed):
    dice = np.random.default_rng(seed)
    mjd = 58000 + np.cumsum(dice.exponential(3.0, n))
    covariance = sigma**2 * np.exp(-np.abs(mjd[:, None] - mjd) / tau)
    return mjd, dice.multivariate_normal(np.zeros(n), covariance, method="cholesky") + dice.normal(
        0, err, n
    )


def test_noise_alone_has_no_power():
    """Without the correction of the median it is -1.09 of the variance."""
    dice = np.random.default_rng(3)
    mjd = np.cumsum(dice.exponential(3.0, 600))
    found = base.structure_function(mjd, dice.normal(0, 1, 600), np.ones(600), 0.0)
    assert np.abs(np.average(found.power, weights=found.n)) < 0.1
    assert found.status == "not constrained"


def test_the_time_scale_of_a_walk_is_ln_2_of_its_own():
    found = []
    for seed in range(20):
        mjd, flux = walk(300, 0.1, 50.0, 0.01, seed)
        one = base.structure_function(mjd, flux, np.full(300, 0.01), 0.1)
        if one.status == "ok":
            found.append(one.tau)
    assert len(found) >= 15
    assert np.median(found) == pytest.approx(np.log(2) * 50, rel=0.5)


def test_white_scatter_is_shorter_than_the_lags():
    dice = np.random.default_rng(5)
    mjd = np.cumsum(dice.exponential(3.0, 300))
    flux = dice.normal(0, 1, 300)
    found = base.structure_function(mjd, flux, np.full(300, 0.1))
    assert (found.status, np.isnan(found.tau)) == ("shorter than the lags", True)
    assert base.structure_function([1.0], [1.0], [1.0]).status == "not constrained"


def test_a_frozen_baseline_thaws_after_three_calm_nights():
    z = [9.0, 8.0, 1.0, 0.5, 4.0, 0.0, 0.1, 0.2, 0.1]
    zero = np.zeros(9)
    assert base.thaws(z, zero, zero) == 7
    plus = zero + 0.1
    assert base.thaws(z, plus, zero) == -1
    plus[8] = 0
    assert base.thaws(z, plus, zero) == 8
    assert base.thaws([], [], []) == -1


def test_the_constant_of_the_median():
    from scipy.stats import chi2

    assert chi2.ppf(0.5, 1) == pytest.approx(base.OF_MEDIAN, abs=1e-4)
    assert chi2.ppf(0.95, 1) / 2 == pytest.approx(base.HALF_CHISQ_95, abs=1e-3)
