"""The SETI Ellipsoid and Seto's rings, against published and independently computed numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.sky.signals import (
    EVENTS,
    PARSEC,
    Event,
    delay,
    delay_err,
    distances,
    drift,
    ellipsoid_distance,
    event_of,
    rings,
)
from aas2rto.tables.candidates import unit_vectors

SN1987A = EVENTS["sn1987a"]
FAR = SN1987A.distance * PARSEC
MJD_2024, MJD_2026_11_30 = 60310.0, 61374.0
SN1987A_YEAR = 1987 + 53 / 365


@pytest.mark.parametrize(
    ("now", "years", "theta", "distance"),
    [
        (MJD_2024, 36.854, 90, 36.850),
        (MJD_2024, 36.854, 180, 18.427),
        (MJD_2026_11_30, 39.767, 90, 39.763),
        (MJD_2026_11_30, 39.767, 180, 19.884),
        (MJD_2026_11_30, 39.767, 60, 79.506),
        (MJD_2026_11_30, 39.767, 30, 296.3),
    ],
)
def test_the_ellipsoid_of_sn_1987a(now: float, years: float, theta: float, distance: float) -> None:
    assert SN1987A.years(now) == pytest.approx(years, abs=5e-4)
    found = ellipsoid_distance(theta, SN1987A.years(now), FAR)
    assert found == pytest.approx(distance, abs=0.05 if theta == 30 else 5.1e-4)


@pytest.mark.parametrize(
    ("ra", "dec", "parsecs", "years", "year"),
    [
        (217.4289, -62.6795, 1.3012, 1.193, 1988.34),  # Proxima
        (26.0170, -15.9375, 3.652, 6.695, 1993.84),  # tau Cet
        (279.2347, 38.7837, 7.68, 46.39, 2033.53),  # Vega
        (346.6224, -5.0414, 12.43, 39.02, 2026.16),  # TRAPPIST-1
    ],
)
def test_stars_cross_when_they_should(
    ra: float, dec: float, parsecs: float, years: float, year: float
) -> None:
    (late,) = delay(SN1987A.cosine(unit_vectors(ra, dec)), parsecs * PARSEC, FAR)
    assert late == pytest.approx(years, abs=0.0055)
    assert SN1987A_YEAR + late == pytest.approx(year, abs=0.01)


def test_how_many_stars_cross() -> None:
    """8.1 % of a 100 pc ball were inside in mid-2022; of the 331,312 of GCNS 740 cross a year."""
    rng = np.random.default_rng(7)
    n = 1_000_000
    at = rng.normal(size=(n, 3))
    at /= np.linalg.norm(at, axis=1)[:, None]
    late = delay(SN1987A.cosine(at), 100 * np.cbrt(rng.random(n)) * PARSEC, FAR)
    years = SN1987A.years(59745.0)
    assert (late <= years).mean() == pytest.approx(0.081, abs=0.001)
    near = (np.abs(late - years) <= 1).mean() / 2 * 331_312
    assert near == pytest.approx(740, rel=0.05)
    assert (np.abs(late - years) <= 0.1).mean() * 331_312 == pytest.approx(150, rel=0.08)


@given(st.floats(1, 179), st.floats(0.1, 3000), st.floats(10, 1e6))
def test_the_delay_is_that_of_the_ellipsoid(theta: float, years: float, of_event: float) -> None:
    """A star on the ellipsoid of a time crosses at that time."""
    far = float(ellipsoid_distance(theta, years, of_event))
    late = delay(np.cos(np.radians(theta)), far, of_event)
    assert late == pytest.approx(years, rel=1e-6, abs=1e-6)


@given(st.floats(0, 180), st.floats(1, 500), st.floats(100, 2e5))
def test_the_delay_is_the_detour(theta: float, far: float, of_event: float) -> None:
    """Never negative, never more than twice the distance of the star; as vectors have it."""
    cos = np.cos(np.radians(theta))
    late = float(delay(cos, far, of_event))
    star = far * np.array([cos, np.sin(np.radians(theta))])
    plain = far + np.linalg.norm(star - [of_event, 0]) - of_event
    assert late == pytest.approx(plain, abs=1e-7 * of_event + 1e-9)
    assert -1e-9 <= late <= 2 * far + 1e-9


@given(st.floats(5, 175), st.floats(1, 300), st.floats(1e3, 2e5))
def test_errors_are_slopes(theta: float, far: float, of_event: float) -> None:
    """As finite differences have them; for a distant event sigma_d (1 - cos theta)."""
    cos, step = np.cos(np.radians(theta)), 1e-3
    slope = (delay(cos, far + step, of_event) - delay(cos, far - step, of_event)) / (2 * step)
    assert delay_err(cos, far, 1.0, of_event) == pytest.approx(abs(slope), abs=2e-5)
    assert delay_err(cos, far, 2.0, 1e9) == pytest.approx(2 * (1 - cos), abs=1e-5)
    step = 1e-3 * of_event
    by_event = (delay(cos, far, of_event + step) - delay(cos, far, of_event - step)) / (2 * step)
    assert delay_err(cos, far, 0.0, of_event, 1.0) == pytest.approx(abs(by_event), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "outer", "inner"),
    [
        ("sn1054", 80.658, 9.342),
        ("sn1006", 81.040, 8.960),
        ("sn1572", 86.713, 3.287),
        ("sn1604", 88.527, 1.473),
        ("sn1987a", 89.986, 0.014),
    ],
)
def test_setos_rings(name: str, outer: float, inner: float) -> None:
    found = rings(EVENTS[name], MJD_2026_11_30)
    assert [one.theta for one in found] == pytest.approx([outer, inner], abs=7e-4)


def test_setos_ring_of_sn_1054() -> None:
    event = EVENTS["sn1054"]
    tau = event.years(MJD_2026_11_30) / event.distance / PARSEC
    assert tau == pytest.approx(0.14907, abs=6e-6)
    assert drift(event, MJD_2026_11_30) == pytest.approx(0.0107, abs=5e-5)
    outer, inner = rings(event, MJD_2026_11_30)
    assert outer.depth == pytest.approx(2000 * np.cos(np.radians(80.658)), rel=1e-3)
    slope = np.cos(np.radians(9.342)) - np.sin(np.radians(9.342))
    assert inner.half_width == pytest.approx(np.degrees(0.14907 * 0.25 / slope), rel=1e-3)


def test_rings_end() -> None:
    """Before the event there is none, nor after they have met."""
    near = Event("near", 0, 0, 10.0, 1.0, 0.0)
    assert rings(near, -10.0) == ()
    assert rings(near, 365.25 * 14) == ()
    assert drift(near, 365.25 * 14) == 0.0
    assert len(rings(near, 365.25 * 13)) == 2


def test_distances_are_given_or_by_parallax() -> None:
    far, error = distances([100.0, -3.0, 10.0], [1.0, 1.0, np.nan], [np.nan, np.nan, 50], [1, 1, 2])
    np.testing.assert_allclose(far, [10.0, np.nan, 50.0])
    np.testing.assert_allclose(error, [0.1, np.nan, 2.0])


def test_an_event_of_ones_own_says_all() -> None:
    """And a known one may be corrected."""
    with pytest.raises(ValueError, match="give its dec, distance_err, date"):
        event_of("kilonova", {"ra": 1.0, "distance": 3.0})
    assert event_of("SN1987A", {"distance": 49970.0, "ra": None}).distance == 49970.0
    own = {"ra": 1.0, "dec": 2.0, "distance": 3.0, "distance_err": 0.1, "mjd": 60000.0}
    assert event_of("mine", own) == Event("mine", 1.0, 2.0, 3.0, 0.1, 60000.0)
