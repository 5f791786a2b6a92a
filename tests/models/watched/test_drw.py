"""The Kalman filter says what the dense Gaussian process says, and finds what was simulated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, multivariate_normal

from aas2rto.models.watched import drw


def simulated(n, sigma, tau, err, seed, cadence=3.0):
    dice = np.random.default_rng(seed)
    mjd = 58000 + np.cumsum(dice.exponential(cadence, n))
    covariance = sigma**2 * np.exp(-np.abs(mjd[:, None] - mjd) / tau)
    flux = (
        50
        + dice.multivariate_normal(np.zeros(n), covariance, method="cholesky")
        + dice.normal(0, err, n)
    )
    return mjd, flux, np.full(n, err)


def dense(mjd, flux, err, sigma, tau):
    """Return ln L, mean and its error by matrices."""
    covariance = sigma**2 * np.exp(-np.abs(mjd[:, None] - mjd) / tau) + np.diag(err**2)
    inverse = np.linalg.inv(covariance)
    information = inverse.sum()
    mean = (inverse @ flux).sum() / information
    ln_l = multivariate_normal(np.full(len(mjd), mean), covariance).logpdf(flux)
    return ln_l, mean, information**-0.5


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(2, 40),
    st.floats(0.01, 10),
    st.floats(0.5, 500),
    st.booleans(),
)
def test_likelihood_and_mean_are_those_of_the_dense_process(seed, n, sigma, tau, repeated):
    dice = np.random.default_rng(seed)
    mjd = np.sort(dice.uniform(58000, 58300, n))
    if repeated:
        mjd[1] = mjd[0]
    flux, err = dice.normal(50, 2, n), dice.uniform(0.2, 1.0, n)
    wanted = dense(mjd, flux, err, sigma, tau)
    found = [one[0, 0] for one in drw.profile(mjd, flux, err, [sigma], [tau])]
    assert found == pytest.approx(wanted, rel=1e-8, abs=1e-7)
    inn, var = drw.innovations(mjd, flux, err, sigma, tau, wanted[1])
    assert -0.5 * (inn**2 / var + np.log(2 * np.pi * var)).sum() == pytest.approx(
        wanted[0], rel=1e-8, abs=1e-7
    )


def test_a_grid_is_its_points():
    mjd, flux, err = simulated(30, 1.0, 50.0, 0.1, 1)
    grid = drw.log_likelihood(mjd, flux, err, [0.5, 1.0, 2.0], [10.0, 100.0])
    assert grid.shape == (3, 2)
    assert grid[2, 1] == drw.log_likelihood(mjd, flux, err, 2.0, 100.0)[0, 0]


def test_innovations_of_a_walk_are_white():
    mjd, flux, err = simulated(800, 1.0, 60.0, 0.3, 3)
    inn, var = drw.innovations(mjd, flux, err, 1.0, 60.0, 50.0)
    z = inn / np.sqrt(var)
    assert kstest(z, "norm").pvalue > 0.01
    assert abs(np.corrcoef(z[1:], z[:-1])[0, 1]) < 0.1


def test_the_fit_is_the_greatest_likelihood():
    mjd, flux, err = simulated(200, 1.0, 50.0, 0.3, 5)
    walk = drw.fit(mjd, flux, err)
    around = drw.log_likelihood(
        mjd, flux, err, walk.sigma * np.geomspace(0.3, 3, 41), walk.tau * np.geomspace(0.2, 5, 41)
    )
    assert walk.ln_l >= around.max() - 1e-3
    assert walk.status == "ok"
    assert 0.5 < walk.sigma < 2
    assert 15 < walk.tau < 200


def test_what_cannot_be_fitted_has_a_status():
    assert drw.fit([], [], []).status == "too few points"
    assert drw.fit([1.0, 2.0], [np.nan, 1.0], [1.0, 1.0]).status == "too few points"
    same = drw.fit(np.arange(50.0), np.full(50, 7.0), np.ones(50))
    assert (same.status, same.sigma, same.mean) == ("white", 0.0, 7.0)
    assert np.isnan(drw.log_likelihood([], [], [], 1.0, 1.0)).all()
    once = drw.fit(np.full(10, 5.0), np.arange(10.0), np.ones(10))
    assert np.isfinite(once.ln_l)
