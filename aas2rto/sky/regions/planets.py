"""Orbits of the planets: poles, distances from the Sun, and when each passes before it.

Seen from a star near the plane of its orbit, a planet transits the Sun once in each revolution:
when its heliocentric direction is that of the star.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.errors import UsageError
from aas2rto.text.words import nearest

SOLAR_RADIUS = 695_700.0
"""Nominal solar radius [km], IAU 2015 Resolution B3."""

AU = 149_597_870.7
"""Astronomical unit [km], IAU 2012 Resolution B2."""

OBLIQUITY = 84381.448 / 3600.0
"""Obliquity of the J2000 ecliptic [deg], Lieske et al. (1977), the frame of the elements."""

J2000 = 51544.5
"""MJD (TDB) of the epoch of the elements; UTC differs by a minute, or 2.5" of the Earth's way."""

JULIAN_CENTURY = 36525.0
"""[d]"""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Planet:
    """A planet: its radius, and the elements of its orbit at J2000 with their rates.

    Parameters
    ----------
    name : str
    radius : float
        Volumetric mean radius [km].
    elements, rates : tuple of float
        Semi-major axis [au], eccentricity, inclination, mean longitude, longitude of perihelion and
        of the ascending node [deg], in the J2000 ecliptic, and their changes per Julian century.
    """

    name: str
    radius: float
    elements: tuple[float, float, float, float, float, float]
    rates: tuple[float, float, float, float, float, float]

    @property
    def semi_major_axis(self) -> float:
        """Of the orbit [km]."""
        return self.elements[0] * AU

    @property
    def eccentricity(self) -> float:
        """At J2000."""
        return self.elements[1]

    @functools.cached_property
    def axes(self) -> Floats:
        """Unit vectors to the perihelion, 90 deg after it along the orbit, and to the pole (rows).

        ICRS; at J2000, whose frame differs from ICRS by 0.02".
        """
        return _axes(*self.elements[2:3], *self.elements[4:])

    @property
    def pole(self) -> Floats:
        """Unit vector to the north pole of the orbit, ICRS."""
        return np.asarray(self.axes[2])

    def distance(self, cosine: ArrayLike) -> Floats:
        """Return the distance from the Sun [km] where the true anomaly has this cosine."""
        a, e = self.semi_major_axis, self.eccentricity
        return np.asarray(a * (1 - e**2) / (1 + e * np.asarray(cosine, dtype=float)))

    def transit_angle(self, distance: ArrayLike, *, grazing: bool = False) -> Floats:
        """Return the full width of the zone from which it transits [deg].

        phi = 2 arcsin((R_sun -+ R_p) / r): upper sign, the whole planet before the Sun; lower sign
        (`grazing`), any part of it. Gallay, Davenport & Croft (2025), arXiv:2506.14744, Fig. 1.

        Parameters
        ----------
        distance : array_like
            From the Sun [km].
        grazing : bool
        """
        edge = SOLAR_RADIUS + (self.radius if grazing else -self.radius)
        return np.asarray(2 * np.degrees(np.arcsin(edge / np.asarray(distance, dtype=float))))

    def next_transits(self, at: Floats, after: float) -> Floats:
        """Return when it next passes before the Sun as seen from far away [d, MJD].

        The moment at which its longitude along the orbit is that of the star; whether it then hits
        the Sun depends on the star's distance to the plane. Two-body motion, good to some 15 min
        for the Earth between 1800 and 2050 (its elements to 20").

        Parameters
        ----------
        at : ndarray, shape (n, 3)
            Unit vectors, ICRS.
        after : float
            [d, MJD UTC]
        """
        centuries = (after - J2000) / JULIAN_CENTURY
        elements = np.array(self.elements) + np.array(self.rates) * centuries
        e, inclination, longitude, perihelion, node = elements[1:].tolist()
        axes = _axes(inclination, perihelion, node)
        anomaly = np.arctan2(at @ axes[1], at @ axes[0])  # the true one, when it stands before it
        eccentric = 2 * np.arctan(np.sqrt((1 - e) / (1 + e)) * np.tan(anomaly / 2))
        mean = np.degrees(eccentric - e * np.sin(eccentric))
        motion = (self.rates[3] - self.rates[4]) / JULIAN_CENTURY  # of the anomaly [deg / d]
        return np.asarray(after + (mean - (longitude - perihelion)) % 360.0 / motion)

    @property
    def period(self) -> float:
        """From perihelion to perihelion [d]."""
        return 360.0 * JULIAN_CENTURY / (self.rates[3] - self.rates[4])


def _axes(inclination: float, perihelion: float, node: float) -> Floats:
    """Return the axes of an orbit, see `Planet.axes`; all angles in degrees."""
    tilt, turn, ascending = np.radians([inclination, perihelion - node, node])
    to_node = np.array([np.cos(ascending), np.sin(ascending), 0.0])
    ahead = np.array([-np.sin(ascending), np.cos(ascending), 0.0]) * np.cos(tilt)
    ahead[2] = np.sin(tilt)
    first = np.cos(turn) * to_node + np.sin(turn) * ahead
    second = np.cos(turn) * ahead - np.sin(turn) * to_node
    axes = np.stack([first, second, np.cross(to_node, ahead)])
    return np.asarray(axes @ ECLIPTIC)


ECLIPTIC = np.array(
    [
        [1.0, 0.0, 0.0],
        [0.0, np.cos(np.radians(OBLIQUITY)), np.sin(np.radians(OBLIQUITY))],
        [0.0, -np.sin(np.radians(OBLIQUITY)), np.cos(np.radians(OBLIQUITY))],
    ]
)
"""Axes of the J2000 ecliptic (rows) in ICRS: a vector times this turns from ecliptic to ICRS."""

PLANETS: dict[str, Planet] = {
    planet.name: planet
    for planet in (
        Planet(
            "mercury",
            2439.7,
            (0.38709927, 0.20563593, 7.00497902, 252.25032350, 77.45779628, 48.33076593),
            (0.00000037, 0.00001906, -0.00594749, 149472.67411175, 0.16047689, -0.12534081),
        ),
        Planet(
            "venus",
            6051.8,
            (0.72333566, 0.00677672, 3.39467605, 181.97909950, 131.60246718, 76.67984255),
            (0.00000390, -0.00004107, -0.00078890, 58517.81538729, 0.00268329, -0.27769418),
        ),
        Planet(
            "earth",
            6371.0,
            (1.00000261, 0.01671123, -0.00001531, 100.46457166, 102.93768193, 0.0),
            (0.00000562, -0.00004392, -0.01294668, 35999.37244981, 0.32327364, 0.0),
        ),
        Planet(
            "mars",
            3389.5,
            (1.52371034, 0.09339410, 1.84969142, -4.55343205, -23.94362959, 49.55953891),
            (0.00001847, 0.00007882, -0.00813131, 19140.30268499, 0.44441088, -0.29257343),
        ),
        Planet(
            "jupiter",
            69911.0,
            (5.20288700, 0.04838624, 1.30439695, 34.39644051, 14.72847983, 100.47390909),
            (-0.00011607, -0.00013253, -0.00183714, 3034.74612775, 0.21252668, 0.20469106),
        ),
        Planet(
            "saturn",
            58232.0,
            (9.53667594, 0.05386179, 2.48599187, 49.95424423, 92.59887831, 113.66242448),
            (-0.00125060, -0.00050991, 0.00193609, 1222.49362201, -0.41897216, -0.28867794),
        ),
        Planet(
            "uranus",
            25362.0,
            (19.18916464, 0.04725744, 0.77263783, 313.23810451, 170.95427630, 74.01692503),
            (-0.00196176, -0.00004397, -0.00242939, 428.48202785, 0.40805281, 0.04240589),
        ),
        Planet(
            "neptune",
            24622.0,
            (30.06992276, 0.00859048, 1.77004347, -55.12002969, 44.96476227, 131.78422574),
            (0.00026291, 0.00005105, 0.00035372, 218.45945325, -0.32241464, -0.00508664),
        ),
    )
}
"""Radii: NASA planetary fact sheets (volumetric mean). Elements: Standish & Williams, "Keplerian
elements for approximate positions of the major planets" (JPL), valid 1800 to 2050; those of the
Earth are those of the Earth-Moon barycentre."""


def find(name: str) -> Planet:
    """Return a planet by its name.

    Raises
    ------
    UsageError
        If there is none; the text offers the nearest.
    """
    found = PLANETS.get(name.strip().lower())
    if found is None:
        raise UsageError(f"no planet is called {name!r}{nearest(name.lower(), PLANETS)}")
    return found


def check_names(names: Iterable[str]) -> list[str]:
    """Say which names are no planets."""
    return [
        f"no planet is called {name!r}{nearest(name.lower(), PLANETS)} "
        f"(known: {', '.join(PLANETS)})"
        for name in names
        if name.strip().lower() not in PLANETS
    ]
