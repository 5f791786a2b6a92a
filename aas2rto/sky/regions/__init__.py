"""Regions of the sky: pure geometry, from positions to whether they lie inside.

Positions travel as unit vectors, shape (n, 3): a region answers for a million in a few products.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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
            Unit vectors, ICRS, see `aas2rto.tables.candidates.unit_vectors`.
        """
        ...


def positions(at: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``ra, dec`` [deg, ICRS] of unit vectors, shape (n, 3)."""
    at = np.atleast_2d(at)
    ra = np.degrees(np.arctan2(at[:, 1], at[:, 0])) % 360.0
    return ra, np.degrees(np.arctan2(at[:, 2], np.hypot(at[:, 0], at[:, 1])))
