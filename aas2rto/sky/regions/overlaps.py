"""Where transit zones overlap: pairs, triples, their areas and pieces.

At each ecliptic longitude a zone is an interval of latitude, with edges in closed form; those of
several zones are cut with each other, and areas summed over longitude.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aas2rto.sky.regions import WHOLE_SKY, Mask, Vectors
from aas2rto.sky.regions.planets import ECLIPTIC
from aas2rto.sky.regions.zones import Zone

STEP = 0.002
"""Steps in longitude [deg]: the smallest triple is 0.1 deg long."""

TURNS = 3
"""How often the edge of an eccentric zone is looked for again, at where it was found: its width
there is another, and each turn makes the error smaller by a factor of 100."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Overlap:
    """What some zones have in common.

    Parameters
    ----------
    zones : tuple of Zone
    area : float
        [deg2]
    pieces : int
        How many separate parts it has.
    longitude, latitude : float
        A place in its largest part, ecliptic J2000 [deg].
    """

    zones: tuple[Zone, ...]
    area: float
    pieces: int
    longitude: float
    latitude: float

    @property
    def name(self) -> str:
        """Such as ``earth & mars``."""
        return " & ".join(zone.planet.name for zone in self.zones)

    def contains(self, at: Vectors) -> Mask:
        """Tell which positions lie inside, see `aas2rto.sky.regions.Region`."""
        return np.asarray(np.stack([zone.contains(at) for zone in self.zones]).all(axis=0))

    def margin(self, at: Vectors) -> Floats:
        """Return how far inside positions lie [deg]; negative: outside."""
        return np.asarray(np.stack([zone.margin(at) for zone in self.zones]).min(axis=0))


def overlaps(zones: Sequence[Zone], size: int) -> list[Overlap]:
    """Return what each set of `size` zones has in common, where that is anything."""
    longitude, edges = latitudes(zones)
    heights = np.sin(np.radians(edges))
    found = (
        _overlap(tuple(zones[k] for k in chosen), longitude, heights[list(chosen)])
        for chosen in itertools.combinations(range(len(zones)), size)
    )
    return [one for one in found if one.pieces]


def latitudes(zones: Sequence[Zone], step: float = STEP) -> tuple[Floats, Floats]:
    """Return the edges of zones by longitude.

    Returns
    -------
    longitude : ndarray, shape (n,)
        Ecliptic J2000 [deg].
    edges : ndarray, shape (zones, 2, n)
        Southern and northern edge, ecliptic latitude [deg].
    """
    n = round(360 / step)
    longitude: Floats = (np.arange(n, dtype=float) + 0.5) * (360 / n)
    return longitude, np.stack([np.stack(_edges(zone, np.radians(longitude))) for zone in zones])


def _edges(zone: Zone, longitude: Floats) -> tuple[Floats, Floats]:
    """Return the edges [deg]: where n_z sin b + (n_x cos l + n_y sin l) cos b = -+ sin(phi / 2)."""
    pole, start = ECLIPTIC @ zone.planet.pole, ECLIPTIC @ zone.planet.axes[0]
    cos_l, sin_l = np.cos(longitude), np.sin(longitude)
    flat = pole[0] * cos_l + pole[1] * sin_l
    size, turn = np.hypot(pole[2], flat), np.arctan2(flat, pole[2])
    edges = []
    for sign in (-1.0, 1.0):
        latitude = -turn
        for _ in range(TURNS if zone.eccentric else 1):
            at = np.cos(latitude) * (start[0] * cos_l + start[1] * sin_l)
            height = size * np.sin(latitude + turn)
            along = (at + start[2] * np.sin(latitude)) / np.sqrt(1 - height**2)
            latitude = np.arcsin(sign * zone.half_width(along) / size) - turn
        edges.append(np.asarray(np.degrees(latitude), dtype=float))
    return edges[0], edges[1]


def _overlap(zones: tuple[Zone, ...], longitude: Floats, heights: Floats) -> Overlap:
    south, north = heights[:, 0].max(axis=0), heights[:, 1].min(axis=0)
    width = np.maximum(north - south, 0.0)
    inside = width > 0
    pieces = 1 if inside.all() else int((inside & ~np.roll(inside, 1)).sum())
    best = int(width.argmax())
    latitude = float(np.degrees(np.arcsin((south[best] + north[best]) / 2)))
    area = float(width.mean() / 2 * WHOLE_SKY)
    return Overlap(zones, area, pieces, float(longitude[best]), latitude)


def shares(zones: Sequence[Zone], step: float = STEP) -> dict[int, float]:
    """Return the share of the sky that lies in at least one, two, three ... zones.

    At each longitude the edges are sorted, and the sky between them counted by how many zones are
    open there.
    """
    _, edges = latitudes(zones, step)
    n = len(zones)
    heights = np.sin(np.radians(edges)).reshape(2 * n, -1)
    order = np.argsort(heights, axis=0)
    opened = np.where(order % 2 == 0, 1, -1).cumsum(axis=0)[:-1]
    spans = np.diff(np.take_along_axis(heights, order, axis=0), axis=0)
    return {k: float((spans * (opened >= k)).sum() / spans.shape[1] / 2) for k in range(1, n + 1)}


def named(zones: Sequence[Zone], inside: Mask) -> Iterator[str]:
    """Yield the planets in whose zones each row of `membership` lies, joined by ``&``."""
    names = [zone.planet.name for zone in zones]
    texts = {0: ""}
    code = inside @ (1 << np.arange(len(names)))
    for one in code.tolist():
        if one not in texts:
            texts[one] = " & ".join(name for k, name in enumerate(names) if one >> k & 1)
        yield texts[one]
