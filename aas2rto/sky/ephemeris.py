"""Places in the sky: the Earth's rotation, stars, the Sun and the Moon.

Everything here is built on ERFA (the IAU 2000/2006 models) and on the Earth rotation tables that
come with astropy, so that nothing is ever downloaded. Altitudes are geometric, without
refraction. Directions are unit vectors in the celestial intermediate system (CIRS), in which the
sky turns about the z axis by the Earth rotation angle and nothing else.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import erfa  # type: ignore[import-untyped]
import numpy as np
from astropy.time import Time
from astropy_iers_data import IERS_A_FILE  # type: ignore[import-untyped]
from numpy.typing import ArrayLike, NDArray

from aas2rto.sky import earth_table
from aas2rto.sky.observatory import Observatory

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline

Array = NDArray[np.float64]

MJD0 = 2400000.5
"""JD = MJD + 2400000.5."""

TURN = 2 * np.pi
SIDEREAL_RATE = TURN * 1.00273781191135448
"""Earth rotation angle per day of UT1 [rad], IERS Conventions (2010), Eq. 5.15."""

SPEED_OF_LIGHT = erfa.CMPS
"""[m / s]."""

WGS84 = 1
"""ERFA's number of this ellipsoid."""

NODE_STEP = 0.5
"""Spacing [d] at which Sun and Moon are computed: cubic splines between are good to 0.2 arcsec."""

NODES = np.arange(-1.5, 3.1, NODE_STEP)
"""Where they are computed, in days from now: the last night and the next one."""

SCAN_STEP = 2.0 / 1440.0
"""How closely [d] the Sun's altitude is looked at to find the night."""

SCAN = np.arange(-721, 1501) * SCAN_STEP
"""Where it is looked at, in days from now: from 24 h before to 50 h after."""


@functools.lru_cache(maxsize=1)
def _rotation_table() -> tuple[Array, Array, Array, Array]:
    """Read MJD, UT1-UTC [s] and the pole's position [rad] from the table bundled with astropy."""
    mjd, dut1, *pole = earth_table.read(IERS_A_FILE)
    # Leap seconds make UT1-UTC jump; UT1-TAI does not, and so can be interpolated.
    leaps = np.cumsum(np.round(np.diff(dut1, prepend=dut1[0]))).astype(float)
    return mjd, dut1 - leaps, np.column_stack(pole), leaps


def earth_orientation(mjd: float) -> tuple[float, float, float]:
    """Return UT1-UTC and the pole's position, as the IERS gives them.

    Parameters
    ----------
    mjd : float
        [d, UTC]. Beyond the table, about a year ahead, its last values are used: UT1-UTC then
        drifts by up to about a second a year, which is 15 arcsec.

    Returns
    -------
    dut1 : float
        UT1-UTC [s].
    x, y : float
        Position of the pole [rad].
    """
    table_mjd, smooth, pole, leaps = _rotation_table()
    day = int(np.clip(np.searchsorted(table_mjd, mjd, side="right") - 1, 0, len(leaps) - 1))
    dut1 = float(np.interp(mjd, table_mjd, smooth)) + float(leaps[day])
    x, y = (float(np.interp(mjd, table_mjd, pole[:, axis])) for axis in (0, 1))
    return dut1, x, y


def tt_minus_utc(mjd: float) -> float:
    """Return TT-UTC [s], with the leap seconds known today also in years to come.

    Not through `Time.tt`, which warns of every date more than a few years ahead.
    """
    leaps = erfa.leap_seconds.get()
    _, since = erfa.cal2jd(leaps["year"], leaps["month"], 1)
    step = max(int(np.searchsorted(since, mjd, side="right")) - 1, 0)
    return float(leaps["tai_utc"][step] + erfa.TTMTAI)


@dataclass(frozen=True)
class Sky:
    """What is the same for all sites at one instant.

    Parameters
    ----------
    mjd : float
        The instant [d, UTC].
    tt : tuple of float
        The same as a two-part Julian date in TT.
    rotation_angle : float
        Earth rotation angle then [rad].
    polar_motion : ndarray, shape (3, 3)
        Turns terrestrial vectors (ITRS) into those of the true pole (TIRS).
    sun, moon : CubicSpline
        Geocentric apparent vectors in CIRS [au], against days from the instant.
    """

    mjd: float
    tt: tuple[float, float]
    rotation_angle: float
    polar_motion: Array
    sun: CubicSpline
    moon: CubicSpline

    def rotation(self, days: ArrayLike) -> Array:
        """Return the Earth rotation angle [rad] some days after the instant."""
        return np.asarray(self.rotation_angle + SIDEREAL_RATE * np.asarray(days, dtype=float))

    @functools.cached_property
    def scanned_sun(self) -> Array:
        """Directions of the Sun at the times of `SCAN` as the turning Earth (TIRS) sees them."""
        sun = np.asarray(self.sun(SCAN))
        sun /= np.linalg.norm(sun, axis=1, keepdims=True)
        angle = self.rotation(SCAN)
        cos, sin = np.cos(angle), np.sin(angle)
        x, y, z = sun.T
        return np.column_stack([x * cos + y * sin, y * cos - x * sin, z])


def sky_at(now: Time, *, days: float = 3.0) -> Sky:
    """Compute what is the same for all sites.

    Parameters
    ----------
    now : Time
        One instant.
    days : float
        So far ahead Sun and Moon are known [d].
    """
    mjd = float(now.utc.mjd)
    tt = (MJD0, mjd + tt_minus_utc(mjd) / erfa.DAYSEC)
    dut1, x, y = earth_orientation(mjd)
    pole = erfa.pom00(x, y, erfa.sp00(*tt))
    nodes = NODES if days <= NODES[-1] else np.arange(NODES[0], days + NODE_STEP, NODE_STEP)
    sun, moon = _sun_and_moon(tt[0], tt[1] + nodes)
    from scipy.interpolate import CubicSpline  # noqa: PLC0415  a second that `status` need not wait

    return Sky(
        mjd=mjd,
        tt=tt,
        rotation_angle=float(erfa.era00(MJD0, mjd + dut1 / erfa.DAYSEC)),
        polar_motion=np.asarray(pole).T,
        sun=CubicSpline(nodes, sun),
        moon=CubicSpline(nodes, moon),
    )


def _sun_and_moon(tt1: float, tt2: Array) -> tuple[Array, Array]:
    """Compute geocentric apparent vectors of the Sun and the Moon [au], shape (n, 3) each.

    The Sun has the aberration of the Earth's motion, 20.5 arcsec; the Moon moves with the Earth,
    and what is left, 0.7 arcsec, is neglected. ERFA's `epv00` (VSOP2000) and `moon98`
    (Meeus 1998, Chap. 47) are good to 0.005 and 10 arcsec.
    """
    # The ephemerides want TDB, which differs from TT by less than 2 ms.
    heliocentric, barycentric = erfa.epv00(tt1, tt2)
    matrix = erfa.c2i00b(tt1, tt2)  # good to 1 mas, a tenth of the time of 2006A
    sun = -heliocentric["p"]
    distance = np.linalg.norm(sun, axis=1, keepdims=True)
    sun = sun + distance * barycentric["v"] * (erfa.DAU / erfa.DAYSEC / SPEED_OF_LIGHT)
    moon = erfa.moon98(tt1, tt2)["p"]
    return np.einsum("tij,tj->ti", matrix, sun), np.einsum("tij,tj->ti", matrix, moon)


@dataclass(frozen=True)
class Places:
    """Apparent (CIRS) places of candidates about one instant.

    Parameters
    ----------
    vectors : ndarray, shape (n, 3)
        Unit vectors at the instant; NaN where the position is not known.
    per_day : ndarray, shape (n, 3)
        Their change [1 / d]: aberration and precession, below 0.5 arcsec a day.
    ra : ndarray, shape (n,)
        Right ascension from the celestial intermediate origin [rad].
    """

    vectors: Array
    per_day: Array
    ra: Array

    @functools.cached_property
    def sin_dec(self) -> Array:
        """Sine of the declination."""
        return np.ascontiguousarray(self.vectors[:, 2])

    @functools.cached_property
    def cos_dec(self) -> Array:
        """Cosine of the declination."""
        return np.hypot(self.vectors[:, 0], self.vectors[:, 1])

    @functools.cached_property
    def ra_rate(self) -> Array:
        """Change of the right ascension [rad / d]."""
        x, y, _ = self.vectors.T
        dx, dy, _ = self.per_day.T
        return np.asarray((x * dy - y * dx) / self.cos_dec**2)

    @functools.cached_property
    def dec_rate(self) -> Array:
        """Change of the declination [rad / d]."""
        return np.asarray(self.per_day[:, 2] / self.cos_dec)


def places(sky: Sky, ra: ArrayLike, dec: ArrayLike) -> Places:
    """Compute apparent places: aberration, light deflection, precession and nutation.

    Parameters
    ----------
    sky : Sky
        The instant.
    ra, dec : array_like, shape (n,)
        ICRS [deg]; NaN gives NaN.
    """
    ra_rad, dec_rad = np.radians(np.asarray(ra, dtype=float)), np.radians(dec)
    known = np.isfinite(ra_rad) & np.isfinite(dec_rad)
    astrometry, _ = erfa.apci13(*sky.tt)
    apparent, declination = erfa.atciqz(
        np.where(known, ra_rad, 0.0), np.where(known, dec_rad, 0.0), astrometry
    )
    vectors = np.asarray(erfa.s2c(apparent, declination))
    if not known.all():
        vectors[~known] = np.nan
        apparent = np.where(known, apparent, np.nan)
    tomorrow, _ = erfa.apci13(sky.tt[0], sky.tt[1] + 1.0)
    return Places(vectors, _drift(vectors, astrometry, tomorrow), apparent)


def _drift(vectors: Array, today: Any, tomorrow: Any) -> Array:
    """Change of apparent places in a day: precession turns them, the Earth's velocity moves them.

    To first order in both, which leaves less than 0.001 arcsec.
    """
    turn = tomorrow["bpn"] @ today["bpn"].T - np.eye(3)
    velocity = today["bpn"] @ (tomorrow["v"] - today["v"])
    change = vectors @ turn.T + velocity
    change -= vectors * (vectors @ velocity)[:, None]
    return np.asarray(change)


@dataclass(frozen=True)
class Site:
    """An observatory's directions in the turning frame of the true pole (TIRS).

    Parameters
    ----------
    axes : ndarray, shape (3, 3)
        Rows: unit vectors to the north, to the east and to the zenith.
    position : ndarray, shape (3,)
        From the centre of the Earth [au].
    aberration : float
        Speed of the site in the Earth's rotation, in units of that of light.
    """

    axes: Array
    position: Array
    aberration: float

    @property
    def latitude(self) -> float:
        """Latitude about the true pole [rad]."""
        return float(np.arcsin(self.axes[2, 2]))

    @property
    def longitude(self) -> float:
        """Longitude about the true pole [rad]."""
        return float(np.arctan2(self.axes[2, 1], self.axes[2, 0]))

    def turned(self, angle: ArrayLike) -> Array:
        """Return the axes in CIRS at Earth rotation angles [rad], shape (..., 3, 3)."""
        return _turn(self.axes, angle)

    def position_at(self, angle: ArrayLike) -> Array:
        """Return the position in CIRS at Earth rotation angles [rad], shape (..., 3)."""
        return _turn(self.position[None, :], angle)[..., 0, :]


def _turn(vectors: Array, angle: ArrayLike) -> Array:
    """Turn vectors of shape (m, 3) about the pole by angles: shape (..., m, 3)."""
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    x, y, z = vectors.T
    return np.stack(
        [x * cos - y * sin, x * sin + y * cos, np.broadcast_to(z, (cos * z).shape)], axis=-1
    )


def site_of(observatory: Observatory, sky: Sky) -> Site:
    """Place an observatory in the turning frame of the true pole."""
    longitude = np.radians(observatory.longitude_deg)
    latitude = np.radians(observatory.latitude_deg)
    cos_lon, sin_lon = np.cos(longitude), np.sin(longitude)
    cos_lat, sin_lat = np.cos(latitude), np.sin(latitude)
    axes = np.array(
        [
            [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
            [-sin_lon, cos_lon, 0.0],
            [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
        ]
    )
    metres = np.asarray(erfa.gd2gc(WGS84, longitude, latitude, observatory.elevation_m))
    speed = SIDEREAL_RATE / erfa.DAYSEC * float(np.hypot(metres[0], metres[1]))
    return Site(
        axes=axes @ sky.polar_motion.T,
        position=sky.polar_motion @ metres / erfa.DAU,
        aberration=speed / SPEED_OF_LIGHT,
    )


def horizontal(vectors: Array, site: Site, angle: ArrayLike) -> tuple[Array, Array, Array]:
    """Turn apparent directions into altitude and azimuth.

    Parameters
    ----------
    vectors : ndarray, shape (n, 3)
        Unit vectors in CIRS.
    site : Site
        Adds the aberration of the Earth's rotation, 0.3 arcsec.
    angle : float
        Earth rotation angle [rad].

    Returns
    -------
    altitude, azimuth : ndarray
        [deg]; azimuth from north through east, 0 to 360.
    sine : ndarray
        Of the altitude.
    """
    north, east, up = site.turned(angle) @ vectors.T
    # The site moves east; the direction is made a unit vector again, to first order.
    up = up * (1.0 - site.aberration * east)
    azimuth = np.degrees(np.arctan2(east + site.aberration, north)) % 360.0
    return np.degrees(np.arcsin(np.clip(up, -1.0, 1.0))), azimuth, up


@dataclass(frozen=True)
class Moon:
    """The Moon from a site at some times.

    Parameters
    ----------
    direction : ndarray, shape (..., 3)
        Topocentric unit vectors in CIRS.
    altitude : ndarray, shape (...)
        [deg].
    illumination : ndarray, shape (...)
        Illuminated fraction of the disc, 0 new to 1 full.
    """

    direction: Array
    altitude: Array
    illumination: Array


def sun_altitude(site: Site, sky: Sky, days: ArrayLike) -> Array:
    """Compute the altitude [deg] of the Sun's centre, days after the instant of `sky`."""
    angle = sky.rotation(days)
    topocentric = np.asarray(sky.sun(days)) - site.position_at(angle)
    zenith = _turn(site.axes[2:], angle)[..., 0, :]
    sine = np.sum(topocentric * zenith, axis=-1) / np.linalg.norm(topocentric, axis=-1)
    return np.asarray(np.degrees(np.arcsin(sine)))


def moon_at(site: Site, sky: Sky, days: ArrayLike) -> Moon:
    """Compute the Moon from a site, days after the instant of `sky`."""
    days = np.asarray(days, dtype=float)
    angle = sky.rotation(days)
    geocentric = np.asarray(sky.moon(days))
    topocentric = geocentric - site.position_at(angle)
    direction = topocentric / np.linalg.norm(topocentric, axis=-1, keepdims=True)
    zenith = _turn(site.axes[2:], angle)[..., 0, :]
    altitude = np.degrees(np.arcsin(np.sum(direction * zenith, axis=-1)))
    return Moon(direction, altitude, _illumination(geocentric, np.asarray(sky.sun(days))))


def _illumination(moon: Array, sun: Array) -> Array:
    """Illuminated fraction k = (1 + cos i) / 2 from geocentric vectors, Meeus (1998), Chap. 48."""
    to_earth, to_sun = -moon, sun - moon
    cos_phase = np.sum(to_earth * to_sun, axis=-1) / (
        np.linalg.norm(to_earth, axis=-1) * np.linalg.norm(to_sun, axis=-1)
    )
    return np.asarray(0.5 * (1.0 + cos_phase))


def separation_of(cosine: Array) -> Array:
    """Turn scalar products of unit vectors into angles [deg]."""
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
