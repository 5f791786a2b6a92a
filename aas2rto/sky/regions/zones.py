"""Transit zones: from where in the sky a planet is seen to pass before the Sun.

A star lies in the zone of a planet if it is within phi / 2 of the plane of the planet's orbit, that
is if abs(star . pole) <= sin(phi / 2): exact, and one dot product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aas2rto.sky.regions import WHOLE_SKY, Mask, Vectors
from aas2rto.sky.regions.planets import PLANETS, Planet

STEPS = 3600
"""Steps along an eccentric orbit over which its area is summed."""

CHUNK = 16_384
"""Positions that are looked at together."""


@dataclass(frozen=True)
class Zone:
    """The transit zone of a planet.

    Parameters
    ----------
    planet : Planet
    grazing : bool
        Whether it is enough that a part of the planet passes before the Sun.
    eccentric : bool
        Whether its width follows the planet's distance along the orbit; otherwise it is that of the
        semi-major axis everywhere, as in the paper.

    Notes
    -----
    Directions are heliocentric; those from the Earth differ by less than 0.8" beyond 1.3 pc.
    """

    planet: Planet
    grazing: bool = False
    eccentric: bool = False

    @property
    def name(self) -> str:
        """Such as ``mercury transit zone``."""
        return f"{self.planet.name}{' grazing' if self.grazing else ''} transit zone"

    @property
    def angle(self) -> float:
        """The full width [deg] at the semi-major axis."""
        planet = self.planet
        return float(planet.transit_angle(planet.semi_major_axis, grazing=self.grazing))

    @property
    def area(self) -> float:
        """Area [deg2]: of the whole sky the share sin(phi / 2), averaged along the orbit."""
        if not self.eccentric:
            return float(WHOLE_SKY * np.sin(np.radians(self.angle / 2)))
        longitude = (np.arange(STEPS) + 0.5) * (2 * np.pi / STEPS)
        return float(WHOLE_SKY * self.half_width(np.cos(longitude)).mean())

    def half_width(self, cosine: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return sin(phi / 2) where the longitude from the perihelion has this cosine."""
        planet = self.planet
        distance = planet.distance(cosine) if self.eccentric else planet.semi_major_axis
        angle = planet.transit_angle(distance, grazing=self.grazing)
        return np.asarray(np.sin(np.radians(angle / 2)))

    def contains(self, at: Vectors) -> Mask:
        """Tell which positions lie inside, see `aas2rto.sky.regions.Region`."""
        height = at @ self.planet.pole
        if not self.eccentric:
            return np.asarray(np.abs(height) <= self.half_width(1.0))
        along = at @ self.planet.axes[0] / np.sqrt(np.maximum(1 - height**2, 1e-30))
        return np.asarray(np.abs(height) <= self.half_width(np.clip(along, -1, 1)))

    def margin(self, at: Vectors) -> NDArray[np.float64]:
        """Return how far inside positions lie [deg]; negative: outside."""
        height = np.clip(at @ self.planet.pole, -1, 1)
        along = at @ self.planet.axes[0] / np.sqrt(np.maximum(1 - height**2, 1e-30))
        half = self.half_width(np.clip(along, -1, 1) if self.eccentric else 1.0)
        return np.asarray(np.degrees(np.arcsin(half) - np.arcsin(np.abs(height))))

    def offset(self, at: Vectors) -> NDArray[np.float64]:
        """Return how far north of the plane of the orbit positions lie [deg]."""
        return np.asarray(np.degrees(np.arcsin(np.clip(at @ self.planet.pole, -1, 1))))


def zones(
    names: Sequence[str] = tuple(PLANETS), *, grazing: bool = False, eccentric: bool = False
) -> tuple[Zone, ...]:
    """Return the zones of planets by name, by default of all eight."""
    return tuple(Zone(PLANETS[name], grazing, eccentric) for name in names)


def membership(at: Vectors, among: Sequence[Zone]) -> Mask:
    """Tell which positions lie in which zones, shape (n, zones).

    For a million positions and eight zones that is one matrix product.
    """
    if any(zone.eccentric for zone in among):
        return np.stack([zone.contains(at) for zone in among], axis=1)
    poles = np.stack([zone.planet.pole for zone in among], axis=1)
    widths = np.array([float(zone.half_width(1.0)) for zone in among])
    inside = np.empty((len(at), len(among)), dtype=bool)
    for start in range(0, len(at), CHUNK):  # what a core's cache holds
        height = at[start : start + CHUNK] @ poles
        np.less_equal(np.abs(height, out=height), widths, out=inside[start : start + CHUNK])
    return inside
