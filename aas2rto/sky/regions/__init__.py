"""Regions of the sky: pure geometry, from positions to whether they lie inside.

Positions travel as unit vectors, shape (n, 3): a region answers for a million in a few products.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vectors = NDArray[np.float64]
Mask = NDArray[np.bool_]

WHOLE_SKY = 4.0 * np.pi * np.degrees(1.0) ** 2
"""The whole sky [deg2], 41,252.96."""


class Region(Protocol):
    """A part of the sky."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def area(self) -> float:
        """Its area [deg2]."""
        ...

    def contains(self, at: Vectors) -> Mask:
        """Tell which positions lie inside; none that is unknown (NaN) does.

        Parameters
        ----------
        at : ndarray, shape (n, 3)
            Unit vectors, ICRS, see `vectors`.
        """
        ...


def vectors(ra: ArrayLike, dec: ArrayLike) -> Vectors:
    """Return unit vectors of positions.

    Parameters
    ----------
    ra, dec : array_like
        ICRS [deg].

    Returns
    -------
    ndarray, shape (n, 3)

    Examples
    --------
    >>> vectors(90.0, 0.0).round(3).tolist()
    [[0.0, 1.0, 0.0]]
    """
    ra, dec = np.broadcast_arrays(
        np.radians(np.atleast_1d(np.asarray(ra, dtype=float))),
        np.radians(np.atleast_1d(np.asarray(dec, dtype=float))),
    )
    found = np.empty((len(ra), 3))
    cos_dec = np.cos(dec)
    found[:, 0], found[:, 1], found[:, 2] = cos_dec * np.cos(ra), cos_dec * np.sin(ra), np.sin(dec)
    return found


def positions(at: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``ra, dec`` [deg, ICRS] of unit vectors, shape (n, 3)."""
    at = np.atleast_2d(at)
    ra = np.degrees(np.arctan2(at[:, 1], at[:, 0])) % 360.0
    return ra, np.degrees(np.arctan2(at[:, 2], np.hypot(at[:, 0], at[:, 1])))
