"""Onset, peak and rise of a change that was put in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.models.watched.onset import onset, reversals


def flare(seed=0, height=30.0, start=58400.0):
    dice = np.random.default_rng(seed)
    mjd = np.arange(58000.0, 58600.0, 5.0)
    x = np.clip((mjd - start) / 20.0, 0, None)
    shape = np.where(x < 1, x, np.exp(-(x - 1) / 4))
    return mjd, 10 + height * np.clip(shape, 0, 1) + dice.normal(0, 1, len(mjd)), np.ones(len(mjd))


def test_it_begins_where_it_was_put_in():
    mjd, flux, err = flare()
    found = onset(mjd, flux, err, 10.0, 0.0, after=58390.0)
    assert found.status == "ok"
    assert found.sign == 1
    assert 58400 <= found.t_on <= 58415
    assert found.t_0 == found.t_on - 5
    assert found.t_peak == pytest.approx(58420, abs=5)
    assert found.rise == found.t_peak - found.t_on
    assert found.rise_most == found.rise + 5
    assert found.monotonic


def test_a_gap_before_it_widens_the_upper_limit_only():
    mjd, flux, err = flare()
    kept = (mjd < 58250) | (mjd >= 58410)
    found = onset(mjd[kept], flux[kept], err[kept], 10.0, 0.0, after=58245.0)
    assert found.rise <= 15
    assert found.rise_most >= 160


def test_what_fades_has_the_other_sign():
    mjd, flux, err = flare(height=-8.0)
    found = onset(mjd, flux, err, 10.0, 0.0, after=58390.0)
    assert found.sign == -1
    assert onset(mjd, flux, err, 10.0, 0.0, after=58390.0, sign=1).status == "no block"


def test_nothing_is_no_block_and_no_baseline_is_said():
    mjd, flux, err = flare(height=0.0)
    assert onset(mjd, flux, err, 10.0, 0.0).status == "no block"
    assert onset(mjd, flux, err, np.nan, 0.0).status == "no baseline"
    assert onset([], [], [], 10.0, 0.0).status == "no nights"
    assert not onset([], [], [], 10.0, 0.0).monotonic


def test_reversals_are_clear_ones():
    err = np.ones(6)
    assert reversals([1, 5, 10, 20, 30, 40], err) == 0
    assert reversals([1, 5, 20, 18, 30, 40], err) == 0  # within 25 %
    assert reversals([1, 5, 20, 10, 30, 40], err) == 1
    assert reversals([1, 30, 10, 40, 12, 50], err) == 2
    assert reversals([3, 1, 2, 1, 3, 4], err) == 0  # nothing of it is seen at 5 errors
    assert reversals([4.0], [1.0]) == 0


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 60), st.floats(0, 5))
def test_any_light_curve_gets_an_answer(seed, n, scatter):
    dice = np.random.default_rng(seed)
    mjd, flux = dice.uniform(58000, 58500, n), dice.standard_t(2, n) * 10
    flux[dice.random(n) < 0.1] = np.nan
    found = onset(mjd, flux, np.ones(n), 0.0, scatter)
    assert found.status in {"ok", "no block", "no nights"}
    if found.status == "ok":
        assert found.t_on <= found.t_peak
        assert found.rise >= 0
