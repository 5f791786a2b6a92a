"""Intervals: they hold what they say, the point first; pairs of equals differ by nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aas2rto.replay.bootstrap import (
    MOST_UNITS,
    NIGHTS,
    OBJECTS,
    Middle,
    Ratio,
    block_length,
    clopper_pearson,
    difference,
    quotient,
)

FLOATS = hnp.arrays(float, st.integers(0, 40), elements=st.floats(0, 100, width=32))
OVER = st.sampled_from([NIGHTS, OBJECTS])


def holds(estimate):
    return np.isnan(estimate.low) or estimate.low <= estimate.value <= estimate.high


@given(FLOATS, OVER, st.integers(0, 5))
def test_the_interval_of_a_ratio_holds_it(values, over, seed):
    found = Ratio(values, np.ones(len(values)), over).estimate(seed)
    assert np.isnan(found.value) or holds(found)


@given(FLOATS, st.sampled_from([0.16, 0.5, 0.84]))
def test_the_interval_of_a_quantile_holds_it(values, share):
    found = Middle(values, share).estimate()
    assert np.isnan(found.value) or holds(found)


@given(FLOATS, OVER)
def test_a_run_against_itself_differs_by_nothing(values, over):
    for one in (Ratio(values, np.ones(len(values)), over), Middle(values)):
        found = difference(one, one)
        assert (
            np.isnan(found.value)
            or (found.value, found.low, found.high) == (0, 0, 0)
            or (found.value == 0 and np.isnan(found.low))
        )


def test_the_same_seed_gives_the_same_interval():
    one = Ratio(np.arange(50.0), np.ones(50))
    assert one.estimate(3) == one.estimate(3)
    assert one.estimate(3) != one.estimate(4)


@pytest.mark.slow
@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_the_interval_of_a_share_covers(p):
    """Of 300 draws of 60 objects, 95 % of the intervals hold the truth, as far as 300 can tell."""
    rng = np.random.default_rng(7)
    hits = 0
    for k in range(300):
        drawn = (rng.random(60) < p).astype(float)
        found = Ratio(drawn, np.ones(60), OBJECTS, is_share=True).estimate(k)
        hits += found.low <= p <= found.high
    assert 0.90 <= hits / 300 <= 0.985


def test_the_interval_of_a_median_covers():
    rng = np.random.default_rng(8)
    found = [Middle(rng.normal(size=80)).estimate(k) for k in range(300)]
    assert 0.90 <= np.mean([one.low <= 0 <= one.high for one in found]) <= 0.985


def test_nights_that_hang_together_widen_the_interval():
    """Weather and Moon last for weeks: single nights would claim five times as much."""
    nights = np.repeat(np.arange(20) % 2, 30).astype(float)
    blocks = Ratio(nights, np.ones(600), NIGHTS).estimate()
    single = Ratio(nights, np.ones(600), OBJECTS).estimate()
    assert blocks.high - blocks.low > 4 * (single.high - single.low)


def test_all_or_none_have_an_interval_of_their_own():
    """Five of five are no proof of 100 %; the bootstrap would say so."""
    found = Ratio(np.ones(5), np.ones(5), OBJECTS, is_share=True).estimate()
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.4782, abs=1e-4)  # 0.025 ** (1 / 5)
    assert clopper_pearson(0, 5)[1] == pytest.approx(0.5218, abs=1e-4)


def test_a_rate_of_none_is_below_a_poisson_count():
    """No contaminant in 100 nights: fewer than 0.037 a night, with 97.5 %."""
    found = Ratio(np.zeros(100), np.ones(100), NIGHTS).estimate()
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(0.0369, abs=1e-4)


def test_nothing_to_measure():
    for one in (Ratio(np.array([]), np.array([])), Ratio(np.zeros(3), np.zeros(3))):
        assert not one.estimate().is_known
    assert not Middle(np.array([np.nan, np.nan])).estimate().is_known
    assert Middle(np.array([2.0])).estimate().value == 2.0
    assert np.isnan(Middle(np.array([2.0])).estimate().low)
    assert np.isnan(Ratio(np.array([2.0]), np.array([1.0]), NIGHTS).estimate().low)


def test_pairs_are_narrower_than_two_that_are_drawn_apart():
    rng = np.random.default_rng(2)
    base = rng.normal(10, 5, 200)
    one, other = (Ratio(base + d, np.ones(200)) for d in (1.0, 0.0))
    found = difference(one, other)
    assert found.value == pytest.approx(1)
    assert found.high - found.low < 1e-9
    assert one.estimate().high - one.estimate().low > 1.0
    assert quotient(one, other).value == pytest.approx(one.value() / other.value())


def test_many_objects_are_drawn_in_groups():
    """As wide as the theory says, to a tenth."""
    rng = np.random.default_rng(3)
    values = rng.exponential(size=5 * MOST_UNITS)
    found = Ratio(values, np.ones(len(values))).estimate()
    wide = 2 * 1.96 * values.std() / np.sqrt(len(values))
    assert found.high - found.low == pytest.approx(wide, rel=0.1)


def test_a_quotient_by_nothing_is_not_known():
    one, none = Ratio(np.ones(4), np.ones(4)), Ratio(np.zeros(4), np.ones(4))
    assert not quotient(one, none).is_known
    assert difference(one, none).value == 1


@pytest.mark.parametrize(("nights", "length"), [(0, 1), (1, 1), (9, 1), (60, 6), (1140, 30)])
def test_the_length_of_blocks(nights, length):
    assert block_length(nights) == length
