"""Blocks are astropy's where that has any, and cost much less."""

import numpy as np
import pytest
from astropy.stats import bayesian_blocks
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aas2rto.models.watched.blocks import blocks, edges, levels


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 80), st.sampled_from([4.0, 6.0, 8.0]), st.floats(0, 8))
def test_edges_are_those_of_astropy(seed, n, penalty, step):
    dice = np.random.default_rng(seed)
    mjd = np.sort(dice.uniform(58000, 58900, n))
    err = dice.uniform(0.5, 2.0, n)
    flux = 30 + dice.normal(0, err) + step * (mjd > 58300) - 2 * step * (mjd > 58600)
    found = edges(mjd, blocks(flux, err, penalty, clip=None))
    assume(len(found) <= n)  # see the next test
    wanted = bayesian_blocks(mjd, flux, err, fitness="measures", ncp_prior=penalty)
    assert found == pytest.approx(wanted)


def test_where_every_point_is_a_block_astropy_forgets_one():
    """Its list of change points has room for N, and N blocks have N + 1."""
    flux = [0.0, 100.0]
    assert blocks(flux, [1.0, 1.0]).tolist() == [0, 1]
    theirs = bayesian_blocks([1.0, 2.0], flux, [1.0, 1.0], fitness="measures", ncp_prior=8.0)
    assert theirs.tolist() == [1.0, 2.0]
    assert edges([1.0, 2.0], [0, 1]).tolist() == [1.0, 1.5, 2.0]


def test_repeated_times_are_points_like_others():
    """Astropy raises a ValueError there."""
    flux = [1.0, 1.1, 0.9, 8.0, 8.1]
    assert blocks(flux, [0.1] * 5).tolist() == [0, 3]
    assert edges([5.0, 5.0, 5.0, 5.0, 5.0], [0, 3]).tolist() == [5.0, 5.0, 5.0]


def test_one_wild_night_is_clipped():
    flux = np.zeros(40)
    flux[20] = 1e6
    first = blocks(flux, np.ones(40)).tolist()
    level, _, count = levels(np.clip(flux, -10, 10), np.ones(40), first)
    assert count.tolist() == [20, 1, 19]
    assert level.tolist() == [0, 10, 0]


def test_levels_are_weighted_means():
    level, err, count = levels([1.0, 3.0, 10.0], [1.0, 1.0, 2.0], [0, 2])
    assert level.tolist() == [2.0, 10.0]
    assert err.tolist() == pytest.approx([2**-0.5, 2.0])
    assert count.tolist() == [2, 1]


def test_no_points_and_one_point():
    assert blocks([], []).tolist() == []
    assert len(edges([], [])) == 0
    assert [len(one) for one in levels([], [], [])] == [0, 0, 0]
    assert blocks([3.0], [1.0]).tolist() == [0]


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 1000])
def test_white_noise_seldom_has_a_second_block(n):
    dice = np.random.default_rng(n)
    trials = 1000 if n == 100 else 500
    more = sum(len(blocks(dice.normal(0, 1, n), np.ones(n))) > 1 for _ in range(trials))
    assert more <= 0.015 * trials
