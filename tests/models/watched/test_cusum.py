"""Run lengths of cumulative sums: the table of Sect. 1.2.4, and what simulated nights do."""

import numpy as np
import pytest

from aas2rto.models.watched import cusum

TABLE = [
    (370, 4.774),
    (500, 5.071),
    (700, 5.404),
    (1000, 5.757),
    (3650, 7.047),
    (10_000, 8.053),
    (36_500, 9.347),
    (100_000, 10.355),
    (1_000_000, 12.658),
]


@pytest.mark.parametrize(("arl0", "h"), TABLE)
def test_thresholds_of_two_sides(arl0, h):
    assert cusum.threshold(arl0) == pytest.approx(h, abs=0.002)


@pytest.mark.parametrize(("arl0", "h"), [(500, 4.389), (700, 4.719), (1000, 5.071)])
def test_thresholds_of_one_side(arl0, h):
    assert cusum.threshold(arl0, two_sided=False) == pytest.approx(h, abs=0.002)


def test_the_documents_thresholds_have_other_run_lengths():
    """It says 500 for h = 4.8 and 700 for 5."""
    both = [cusum.average_run_length(h) for h in (4.8, 5.0)]
    one = [cusum.average_run_length(h, two_sided=False) for h in (4.8, 5.0)]
    assert both == pytest.approx([380, 465], rel=0.01)
    assert one == pytest.approx([760, 931], rel=0.01)


@pytest.mark.parametrize(("shift", "nights"), [(0.5, 38), (1.0, 10.4), (2.0, 4.0)])
def test_delays(shift, nights):
    found = cusum.average_run_length(5.0, shift=shift, two_sided=False)
    assert found == pytest.approx(nights, rel=0.02)


@pytest.mark.slow
def test_simulated_nights_run_as_long():
    dice = np.random.default_rng(4)
    lengths = []
    for _ in range(1500):
        z = dice.normal(0, 1, 6000)
        plus, minus = cusum.run(z, clip=np.inf)
        lengths.append(np.flatnonzero(np.maximum(plus, minus) > 5.0)[0] + 1)
    assert np.mean(lengths) == pytest.approx(465, abs=3 * np.std(lengths) / np.sqrt(1500))


def test_sums_go_on_where_they_stood():
    z = np.random.default_rng(1).normal(0.3, 1.5, 200)
    plus, minus = cusum.run(z)
    first = cusum.run(z[:77])
    second = cusum.run(z[77:], plus=first[0][-1], minus=first[1][-1])
    assert np.array_equal(np.concatenate([first[0], second[0]]), plus)
    assert np.array_equal(np.concatenate([first[1], second[1]]), minus)


def test_one_wild_night_is_no_trend():
    plus, _ = cusum.run([100.0, 0.0])
    assert plus.tolist() == [2.5, 2.0]


def test_a_run_length_that_cannot_be_said_is_refused():
    with pytest.raises(ValueError, match="must be 2 to 1e7 nights, not 1e\\+09"):
        cusum.threshold(1e9)
