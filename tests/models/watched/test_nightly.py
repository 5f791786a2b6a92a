"""Points of a night become one, and what is no measurement is left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.models.watched.nightly import night_of, nightly


def test_a_night_is_the_mean_weighted_by_its_errors():
    found = nightly([60000.2, 60000.3, 60001.2], [10.0, 20.0, 7.0], [1.0, 2.0, 3.0])
    assert found.flux.tolist() == pytest.approx([(10 + 20 / 4) / 1.25, 7.0])
    assert np.allclose(found.flux_err, [1.25**-0.5, 3.0])
    assert found.night.tolist() == [60000, 60001]
    assert found.n.tolist() == [2, 1]


def test_series_are_not_mixed_and_their_starts_are_known():
    found = nightly([1.1, 1.2, 2.1], [1.0, 5.0, 3.0], [1.0] * 3, [2, 0, 2])
    assert found.series.tolist() == [0, 2, 2]
    assert found.flux.tolist() == [5.0, 1.0, 3.0]
    assert found.starts(4).tolist() == [0, 1, 1, 3, 3]


def test_what_is_no_measurement_is_left_out():
    bad = nightly([np.nan, 1.0, 2.0, 3.0, 4.0], [1, np.nan, 1, 1, np.inf], [1, 1, 0, -1, 1])
    assert len(bad.mjd) == 0
    assert len(nightly([], [], []).starts(3)) == 4


def test_a_night_in_chile_is_one_though_utc_has_two_dates():
    assert len(set(night_of([60000.97, 60001.42], -70.75).tolist())) == 1
    assert len(set(night_of([60000.97, 60001.42]).tolist())) == 2


@given(st.lists(st.floats(60000, 60010), min_size=1, max_size=30), st.randoms())
def test_the_order_of_points_does_not_matter(times, random):
    flux = np.sin(np.array(times))
    mixed = list(range(len(times)))
    random.shuffle(mixed)
    one = nightly(times, flux, np.ones(len(times)))
    other = nightly(np.array(times)[mixed], flux[mixed], np.ones(len(times)))
    assert np.allclose(one.flux, other.flux)
    assert one.n.sum() == len(times)
