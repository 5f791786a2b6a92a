"""Distances and rates: those of astropy, and what a rate means in events."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.simulate.cosmology import LEAST_Z, MOST_Z, Rate, distance_modulus, redshift_of_modulus

COSMOLOGY = FlatLambdaCDM(70.0, 0.3)


def test_distance_moduli_are_those_of_astropy() -> None:
    """Interpolation costs less than a thousandth of a magnitude."""
    z = np.array([0.002, 0.0123, 0.1, 0.4, 1.5])
    np.testing.assert_allclose(distance_modulus(z), COSMOLOGY.distmod(z).value, atol=1e-3)


@given(st.floats(LEAST_Z, MOST_Z))
def test_a_modulus_leads_back_to_its_redshift(z: float) -> None:
    """One is the inverse of the other."""
    assert redshift_of_modulus(float(distance_modulus(z))) == pytest.approx(z, rel=1e-4)


def test_a_rate_is_events_per_volume_and_year() -> None:
    """At low redshift: density times volume times time, within the time dilation."""
    rate = Rate(2.43e-5, 0.0, 0.0, "")
    volume = COSMOLOGY.comoving_volume(0.02).value
    expected = 2.43e-5 * volume * 2.0 * 0.25
    assert rate.expected(0.02, 2 * 365.25, 0.25) == pytest.approx(expected, rel=0.02)


def test_a_growing_rate_is_anchored_where_it_was_measured() -> None:
    """R(z) is the measured value at its redshift, and grows as stated."""
    flat, growing = Rate(1e-5, 0.1, 0.0, ""), Rate(1e-5, 0.1, 1.5, "")
    z = np.array([0.1, 0.3])
    ratio = growing.per_redshift(z) / flat.per_redshift(z)
    np.testing.assert_allclose(ratio, [1.0, (1.3 / 1.1) ** 1.5])


@settings(max_examples=20)
@given(st.floats(0.01, 1.0), st.floats(0.0, 3.0), st.integers(0, 99))
def test_redshifts_follow_the_rate(z_max: float, power: float, seed: int) -> None:
    """Half of the draws lie below the redshift that halves the expected number."""
    rate = Rate(1e-5, 0.05, power, "")
    z = rate.draw(np.random.default_rng(seed), 4000, z_max)
    assert z.min() >= LEAST_Z
    assert z.max() <= z_max
    middle = float(np.median(z))
    half = rate.expected(middle, 1.0) / rate.expected(z_max, 1.0)
    assert half == pytest.approx(0.5, abs=0.05)
