"""The first filter's samples and shares: injections are what they say, and the shares hold."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks import bench_muse, muse_samples

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


def test_the_field_has_the_sources_of_the_trial() -> None:
    field = muse_samples.field_250()
    assert [len(pool) for pool in field.values()] == [696, 262, 15]


def test_injections_lie_in_the_later_half_and_change_nothing_before() -> None:
    quiet = muse_samples.field_250()["quiet star"]
    for kind in muse_samples.AMPLITUDES:
        one = muse_samples.inject(quiet, kind, 10, seed=3)
        before = one.pool.nights.mjd <= one.until[one.pool.nights.series]
        assert np.all(one.signal[before] == 0), kind
        assert np.abs(one.signal[~before]).max() > 0, kind
        assert (one.signal[one.seen[one.visible]] != 0).all(), kind


def test_quiet_stars_seldom_pass_and_changes_are_flagged() -> None:
    """Looser than what is shown: a change of settings that breaks the filter is seen here."""
    quiet = muse_samples.field_250()["quiet star"]
    assert bench_muse.passes(quiet, blind=False).mean() <= 0.015
    assert bench_muse.written(quiet).mean() > 0.4
    one = muse_samples.inject(quiet, "TDE", 60, seed=3)
    assert (bench_muse.delays(one, bench_muse.blind)[one.visible] <= 3).mean() >= 0.93


def test_intervals_are_those_of_clopper_and_pearson() -> None:
    assert muse_samples.interval(0, 19) == pytest.approx((0, 0.1765), abs=1e-4)
    assert muse_samples.interval(6, 696) == pytest.approx((0.0032, 0.0187), abs=1e-4)
    assert muse_samples.interval(5, 5)[1] == 1.0
