"""Regions as settings and options name them, made once and remembered."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aas2rto.sky.regions import Mask, Region, Vectors, coverage, planets, sky_map
from aas2rto.sky.regions.shapes import Disc, Polygon
from aas2rto.sky.regions.zones import Zone, membership


@functools.lru_cache(maxsize=64)
def _moc(path: str, changed: tuple[int, int]) -> Region:  # noqa: ARG001  a new file is read anew
    return coverage.read(Path(path))


@functools.lru_cache(maxsize=8)
def _sky_map(path: str, credible: float, changed: tuple[int, int]) -> Region:  # noqa: ARG001
    return sky_map.read(Path(path), credible)


def _state(path: Path) -> tuple[int, int]:
    """Return what tells a file from the one that lay there before."""
    try:
        state = path.stat()
    except OSError:
        return 0, 0  # reading it says why
    return state.st_mtime_ns, state.st_size


def regions(
    *,
    zones: Sequence[str] = (),
    grazing: bool = False,
    eccentric: bool = False,
    discs: Sequence[tuple[float, float, float]] = (),
    polygons: Sequence[Sequence[tuple[float, float]]] = (),
    moc: Sequence[str] = (),
    sky_map: str | None = None,
    credible: float = 0.9,
) -> tuple[Region, ...]:
    """Return the regions that somebody names.

    Parameters
    ----------
    zones : sequence of str
        Planets, for their transit zones.
    grazing, eccentric : bool
        See `aas2rto.sky.regions.zones.Zone`.
    discs : sequence of (ra, dec, radius)
        [deg]
    polygons : sequence of corners
        Each (ra, dec) [deg].
    moc : sequence of str
        Files.
    sky_map : str or None
        A file.
    credible : float
        Share of the map's probability.

    Raises
    ------
    UsageError, InputError
        Says which of them makes no region, and why.
    """
    found: list[Region] = [Zone(planets.find(name), grazing, eccentric) for name in zones]
    found += [Disc(*disc) for disc in discs]
    found += [Polygon(tuple(corners)) for corners in polygons]
    found += [_moc(path, _state(Path(path))) for path in moc]
    if sky_map is not None:
        found.append(_sky_map(sky_map, credible, _state(Path(sky_map))))
    return tuple(found)


def inside(at: Vectors, among: Sequence[Region]) -> Mask:
    """Tell which positions lie in which regions, shape (n, regions)."""
    if among and all(isinstance(region, Zone) for region in among):
        return membership(at, [region for region in among if isinstance(region, Zone)])
    columns = [region.contains(at) for region in among]
    return np.stack(columns, axis=1) if columns else np.zeros((len(at), 0), dtype=bool)
