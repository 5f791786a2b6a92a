"""What clocks and slits at a site show: local time, sidereal time, parallactic angle."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import erfa  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.sky.ephemeris import MJD0, earth_orientation, tt_minus_utc
from aas2rto.sky.observatory import Observatory
from aas2rto.text.words import MJD_EPOCH

Array = NDArray[np.float64]

NO_ZONE = "UTC"
"""The time zone of an observatory whose file gives none."""


def has_zone(observatory: Observatory) -> bool:
    """Tell whether the file of an observatory gives a time zone other than UTC."""
    return observatory.timezone != NO_ZONE


def local_time(observatory: Observatory, mjd: float) -> dt.datetime | None:
    """Return a time [d, MJD UTC] to the second by the clocks of a site.

    Returns
    -------
    datetime or None
        With its offset; None if the observatory's file gives no time zone, or `mjd` is no time.

    Examples
    --------
    >>> site = Observatory("a", 0.0, 0.0, 0.0, timezone="America/Santiago")
    >>> str(local_time(site, 61119.0))
    '2026-03-19 21:00:00-03:00'
    """
    if not has_zone(observatory) or not np.isfinite(mjd):
        return None
    moment = MJD_EPOCH + dt.timedelta(seconds=round(mjd * 86400))
    return moment.astimezone(zoneinfo.ZoneInfo(observatory.timezone))


def sidereal_time(observatory: Observatory, mjd: ArrayLike) -> Array:
    """Compute the local apparent sidereal time [h, 0 to 24], IAU 2006/2000A.

    Parameters
    ----------
    observatory : Observatory
    mjd : array_like
        [d, UTC]
    """
    times = np.atleast_1d(np.asarray(mjd, dtype=float))
    dut1 = np.array([earth_orientation(float(one))[0] for one in times.tolist()])
    tt = np.array([tt_minus_utc(float(one)) for one in times.tolist()])
    angle = erfa.gst06a(MJD0, times + dut1 / erfa.DAYSEC, MJD0, times + tt / erfa.DAYSEC)
    return np.asarray((np.degrees(angle) + observatory.longitude_deg) / 15.0 % 24.0)


def sidereal_words(observatory: Observatory, mjd: float) -> str:
    """Write the local sidereal time as ``10:32``; an empty text if `mjd` is no time."""
    if not np.isfinite(mjd):
        return ""
    minutes = round(float(sidereal_time(observatory, mjd)[0]) * 60) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def parallactic_angle(observatory: Observatory, altitude: ArrayLike, azimuth: ArrayLike) -> Array:
    """Compute the angle at a candidate from the celestial pole to the zenith, north through east.

    From the triangle of pole, zenith and candidate: tan q = -sin A cos lat / (sin lat cos a -
    cos lat sin a cos A); Meeus (1998), Chap. 14, with the azimuth from north.

    Parameters
    ----------
    observatory : Observatory
    altitude, azimuth : array_like
        [deg]; azimuth from north through east.

    Returns
    -------
    ndarray
        [deg, -180 to 180]; negative east of the meridian. A slit at this angle lies along the
        atmospheric dispersion.

    Examples
    --------
    >>> float(parallactic_angle(Observatory("a", 0.0, 30.0, 0.0), 60.0, 180.0))
    0.0
    """
    latitude = np.radians(observatory.latitude_deg)
    alt, az = np.radians(altitude), np.radians(azimuth)
    across = -np.sin(az) * np.cos(latitude)
    along = np.sin(latitude) * np.cos(alt) - np.cos(latitude) * np.sin(alt) * np.cos(az)
    return np.asarray(np.round(np.degrees(np.arctan2(across, along)), 9) + 0.0)
