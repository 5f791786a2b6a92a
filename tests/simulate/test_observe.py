"""What is reported of a flux, and when: nothing before its exposure, nothing that is not known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.simulate.observe import ALERT, FORCED, HISTORY, LIMIT, Rows, Rules, observe
from aas2rto.simulate.visits import Visits, latencies
from aas2rto.tables.photometry import flux_from_mag

END = 61100.0


def visits_of(rng: np.random.Generator, n: int) -> Visits:
    mjd = np.sort(rng.uniform(61000.0, 61099.0, n))
    return Visits(
        mjd=mjd,
        band=rng.integers(0, 2, n),
        depth=rng.normal(20.6, 0.3, n),
        latency=latencies(rng, n, 15.0),
        ra=np.zeros(n),
        dec=np.zeros(n),
        bands=("ztfg", "ztfr"),
        radius=3.3,
        cell=np.zeros(n, dtype=int),
    )


def run(seed: int, *, objects: int = 6, n: int = 40, forced: float = 0.5, gaps: bool = False):
    """Observe objects that fade in and out; return visits and rows."""
    rng = np.random.default_rng(seed)
    visits = visits_of(rng, n)
    owner = np.repeat(np.arange(objects), n)
    visit = np.tile(np.arange(n), objects)
    bright = flux_from_mag(rng.uniform(18.0, 21.5, objects))[owner]
    true = bright * np.exp(-0.5 * ((visits.mjd[visit] - 61050.0) / 12.0) ** 2)
    rules = Rules(0.02, forced, gaps, END)
    return visits, observe(rng, visits, (owner, visit), true, rules)


seeds = st.integers(0, 10_000)


@settings(max_examples=30)
@given(seeds, st.booleans())
def test_nothing_is_known_before_its_exposure_or_after_the_end(seed: int, gaps: bool) -> None:
    """For every kind of row; alerts within minutes to hours."""
    _, rows = run(seed, gaps=gaps)
    assert (rows.known_at > rows.mjd).all()
    assert (rows.known_at <= END).all()
    delay = (rows.known_at - rows.mjd)[rows.kind == ALERT] * 1440
    assert ((delay >= 2.0 - 1e-6) & (delay <= 480.0 + 1e-6)).all()


@settings(max_examples=30)
@given(seeds)
def test_alerts_are_five_sigma_and_limits_are_not_fluxes(seed: int) -> None:
    """A limit is told by an alert of the same object, no more than 30 days later, with it."""
    _, rows = run(seed)
    alerts = rows.kind == ALERT
    assert (np.abs(rows.flux[alerts]) >= 4.999 * rows.flux_err[alerts]).all()
    limits = np.flatnonzero(rows.kind == LIMIT)
    assert np.isnan(rows.flux[limits]).all()
    assert (rows.limit > 0).all()
    for k in limits:
        teller = alerts & (rows.owner == rows.owner[k]) & (rows.known_at == rows.known_at[k])
        assert teller.sum() == 1
        assert 0 < rows.mjd[teller][0] - rows.mjd[k] <= HISTORY


@settings(max_examples=30)
@given(seeds)
def test_forced_photometry_comes_a_day_later(seed: int) -> None:
    """Never before the object was known; it measures what the alert of its exposure measured."""
    _, rows = run(seed, forced=1.0)
    for one in np.unique(rows.owner):
        own = rows.take(rows.owner == one)
        first = own.known_at[own.kind == ALERT].min()
        forced = own.take(own.kind == FORCED)
        assert (forced.known_at >= np.maximum(forced.mjd, first) + 1.0).all()
        alerts = dict(zip(own.mjd[own.kind == ALERT], own.flux[own.kind == ALERT], strict=True))
        again = [
            (alerts[t], f) for t, f in zip(forced.mjd, forced.flux, strict=True) if t in alerts
        ]
        assert all(a == f for a, f in again)


@settings(max_examples=30)
@given(seeds)
def test_rubin_measures_the_gaps(seed: int) -> None:
    """Between alerts there are fluxes in the place of limits, known with a later alert."""
    _, rows = run(seed, gaps=True, forced=0.0)
    assert not (rows.kind == LIMIT).any()
    assert np.isfinite(rows.flux).all()
    for one in np.unique(rows.owner):
        own = rows.take(rows.owner == one)
        alerts = own.take(own.kind == ALERT)
        gaps = own.take(own.kind == FORCED)
        assert (gaps.mjd < alerts.mjd.max()).all()
        before = gaps.mjd < alerts.mjd.min()
        assert (gaps.known_at[before] >= alerts.known_at.min() + 1.0).all()


def test_noise_is_that_of_the_depth() -> None:
    """Residuals of a bright source scatter by their errors; five times the sky is the limit."""
    rng = np.random.default_rng(1)
    n = 4000
    visits = visits_of(rng, n)
    true = np.full(n, flux_from_mag(17.0))
    pairs = np.zeros(n, dtype=int), np.arange(n)
    rows = observe(rng, visits, pairs, true, Rules(0.02, 0.0, measures_gaps=False, end=END))
    assert len(rows) == n
    pull = (rows.flux - true) / rows.flux_err
    assert pull.mean() == pytest.approx(0.0, abs=0.06)
    assert pull.std() == pytest.approx(1.0, abs=0.04)
    np.testing.assert_allclose(rows.limit, flux_from_mag(visits.depth), rtol=1e-5)


def test_nothing_seen_is_nothing_reported() -> None:
    """No alert, no limit, no forced photometry; and no pairs are no error."""
    rng = np.random.default_rng(1)
    visits = visits_of(rng, 30)
    rules = Rules(0.02, 1.0, measures_gaps=False, end=END)
    dark = observe(rng, visits, (np.zeros(30, int), np.arange(30)), np.full(30, -1e-9), rules)
    assert len(dark) == 0
    none = np.empty(0, dtype=int)
    assert len(observe(rng, visits, (none, none), np.empty(0), rules)) == 0
    assert len(Rows.none()) == 0
