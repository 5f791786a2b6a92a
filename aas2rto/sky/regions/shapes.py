"""Discs and polygons on the sphere."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aas2rto.errors import UsageError
from aas2rto.sky.regions import WHOLE_SKY, Mask, Vectors
from aas2rto.tables.candidates import unit_vectors

SQUARE_DEGREES = np.degrees(1.0) ** 2
"""[deg2 / sr]"""

WIDEST = 89.0
"""A polygon's corners are at most so far from its middle [deg]: one that is larger than half the
sky could be meant either way round."""


@dataclass(frozen=True)
class Disc:
    """What lies within a radius of a point.

    Parameters
    ----------
    ra, dec : float
        Middle [deg, ICRS].
    radius : float
        [deg], at most 180.
    """

    ra: float
    dec: float
    radius: float

    @property
    def name(self) -> str:
        """Such as ``disc of 3 deg around 10.68 +41.27``."""
        return f"disc of {self.radius:g} deg around {self.ra:.2f} {self.dec:+.2f}"

    @property
    def area(self) -> float:
        """What it covers [deg2]."""
        return float(WHOLE_SKY * np.sin(np.radians(self.radius) / 2) ** 2)

    def margin(self, at: Vectors) -> NDArray[np.float64]:
        """Return how far inside positions lie [deg]; negative: outside."""
        chord = np.linalg.norm(at - unit_vectors(self.ra, self.dec), axis=1)
        return np.asarray(self.radius - np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1))))

    def contains(self, at: Vectors) -> Mask:
        """Tell which positions lie inside, see `aas2rto.sky.regions.Region`."""
        chord2 = ((at - unit_vectors(self.ra, self.dec)) ** 2).sum(axis=1)
        return np.asarray(chord2 <= 4 * np.sin(np.radians(self.radius) / 2) ** 2)


@dataclass(frozen=True)
class Polygon:
    """What lies within great circles from corner to corner; smaller than half the sky.

    Parameters
    ----------
    corners : sequence of (ra, dec)
        At least three, in either sense [deg, ICRS]; where the border crosses itself, what is
        surrounded an odd number of times is inside.

    Raises
    ------
    UsageError
        If it has too few corners, or these are too far apart.
    """

    corners: Sequence[tuple[float, float]]

    def __post_init__(self) -> None:
        """Refuse what is no polygon."""
        if len(self.corners) < 3:
            raise UsageError(f"a polygon has at least 3 corners, not {len(self.corners)}")
        if (self._points @ self._middle < np.cos(np.radians(WIDEST))).any():
            raise UsageError("a polygon must be smaller than half the sky; give it in parts")

    @property
    def name(self) -> str:
        """Such as ``polygon of 4 corners``."""
        return f"polygon of {len(self.corners)} corners"

    @functools.cached_property
    def _points(self) -> Vectors:
        given = np.asarray(self.corners, dtype=float)
        return unit_vectors(given[:, 0], given[:, 1])

    @functools.cached_property
    def _middle(self) -> NDArray[np.float64]:
        total = self._points.sum(axis=0)
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12))

    @property
    def area(self) -> float:
        """[deg2]: signed triangles from its middle, Van Oosterom & Strackee (1983), Eq. 8."""
        first, second, middle = self._points, np.roll(self._points, -1, axis=0), self._middle
        height = np.cross(first, second) @ middle
        base = 1 + (first * second).sum(axis=1) + first @ middle + second @ middle
        return float(abs(2 * np.arctan2(height, base).sum()) * SQUARE_DEGREES)

    def contains(self, at: Vectors) -> Mask:
        """Tell which positions lie inside, see `aas2rto.sky.regions.Region`.

        On the plane that touches the sky in its middle great circles are straight lines.
        """
        x, y, ahead = self._plane(at)
        corner_x, corner_y, _ = self._plane(self._points)
        inside = np.zeros(len(at), dtype=bool)
        for k in range(len(corner_x)):
            x1, y1, x2, y2 = corner_x[k - 1], corner_y[k - 1], corner_x[k], corner_y[k]
            between = (y1 > y) != (y2 > y)
            if y1 != y2:
                inside ^= between & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
        return inside & ahead

    def margin(self, at: Vectors) -> NDArray[np.float64]:
        """Return how far inside positions lie [deg]; negative: outside."""
        nearest = np.full(len(at), np.inf)
        for first, second in zip(np.roll(self._points, 1, axis=0), self._points, strict=True):
            nearest = np.minimum(nearest, _to_arc(at, first, second))
        return np.where(self.contains(at), nearest, -nearest)

    def _plane(self, at: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64], Mask]:
        middle = self._middle
        axis = np.eye(3)[np.abs(middle).argmin()]
        east = np.cross(axis, middle)
        east /= np.linalg.norm(east)
        depth = at @ middle
        ahead = depth > 0
        safe = np.where(ahead, depth, 1.0)
        return at @ east / safe, at @ np.cross(middle, east) / safe, ahead


def _to_arc(at: Vectors, first: Vectors, second: Vectors) -> NDArray[np.float64]:
    """Return the distance [deg] to the part of a great circle between two points."""
    pole = np.cross(first, second)
    length = float(np.linalg.norm(pole))
    ends = np.minimum(_apart(at, first), _apart(at, second))
    if length == 0:
        return ends
    pole /= length
    between = (at @ np.cross(pole, first) >= 0) & (at @ np.cross(second, pole) >= 0)
    across = np.degrees(np.arcsin(np.clip(np.abs(at @ pole), 0, 1)))
    return np.where(between, across, ends)


def _apart(at: Vectors, point: Vectors) -> NDArray[np.float64]:
    chord = np.linalg.norm(at - point, axis=1)
    return np.asarray(np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1))))
