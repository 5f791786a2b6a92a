"""Where a position lies in the Galaxy: latitude, and distance to the Galactic centre."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.tables.candidates import unit_vectors

POLE_RA, POLE_DEC = 192.85948, 27.12825
"""North Galactic pole [deg, ICRS to 0.1 arcsec], Hipparcos catalogue vol. 1, Sect. 1.5.3."""

POLE_LONGITUDE = 122.93192
"""Galactic longitude of the north celestial pole [deg], ibid."""


def _axes() -> NDArray[np.float64]:
    """Return the rows that turn a unit vector of ICRS into one of Galactic coordinates."""
    lon = np.radians(POLE_LONGITUDE)
    (pole,) = unit_vectors(POLE_RA, POLE_DEC)
    north = np.array([0.0, 0.0, 1.0])
    # The celestial pole lies at longitude `lon`; what is left of it in the plane points there.
    there = north - pole * pole[2]
    there /= np.linalg.norm(there)
    aside = np.cross(pole, there)
    centre = np.cos(lon) * there - np.sin(lon) * aside
    return np.stack([centre, np.cross(pole, centre), pole])


_AXES = _axes()


def galactic(ra: ArrayLike, dec: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Galactic longitude (0 to 360) and latitude (-90 to 90) [deg].

    Parameters
    ----------
    ra, dec : array_like
        [deg, ICRS]; NaN stays NaN.
    """
    x, y, z = _AXES @ _vectors(ra, dec)
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arcsin(np.clip(z, -1.0, 1.0)))


def from_centre(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """Return how far from the Galactic centre (l = b = 0) a position is [deg], 0 to 180."""
    x, y, z = _AXES @ _vectors(ra, dec)
    return np.asarray(np.degrees(np.arctan2(np.hypot(y, z), x)))


def _vectors(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    lon, lat = np.radians(np.asarray(ra, float)), np.radians(np.asarray(dec, float))
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
