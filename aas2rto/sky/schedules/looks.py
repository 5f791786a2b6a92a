"""Who is looked at by a schedule: when first, in which bands, and how likely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from aas2rto.sky.schedules.pointings import RANGES, Floats, Pointings
from aas2rto.tables.candidates import unit_vectors


@dataclass(frozen=True)
class Camera:
    """A survey's field of view.

    Parameters
    ----------
    size : (float, float) or None
        Of a rectangle, east-west and north-south [deg]; None: a disc, of the diameter that the
        schedule tells.
    diameter : float
        Of the disc where it tells none [deg].
    fill : float
        Share of the field that detectors cover.
    """

    size: tuple[float, float] | None
    diameter: float
    fill: float


ZTF = Camera((7.32, 7.50), 10.5, 47.0 / (7.32 * 7.50))
"""Dekany et al. (2020), PASP 132, 038001: 7.50 deg x 7.32 deg, of which 47 deg2 are active."""

RUBIN = Camera(None, 3.5, 189 * 4072 * 4000 * 0.2**2 / (21 * 2540.0**2))
"""Ivezic et al. (2019), ApJ 873, 111: 189 CCDs of 4072 x 4000 pixels of 0.2 arcsec on 21 rafts, one
each 127 mm (2540 arcsec). ``s_region`` is empty, so that s_fov / 2 around the centre counts."""

CAMERAS = {"ztf": ZTF, "rubin": RUBIN}


@dataclass(frozen=True)
class Looks:
    """What a schedule means to positions.

    Parameters
    ----------
    chance : ndarray
        That a detector sees the position, if the schedule is carried out; 0 to 1.
    first : ndarray
        Begin of the first exposure [d, MJD UTC]; NaN: none.
    bands : ndarray of str
        In which bands, joined by commas, blue first.
    """

    chance: Floats
    first: Floats
    bands: NDArray[np.object_]


def looks(
    ra: Floats,
    dec: Floats,
    plan: Pointings,
    camera: Camera,
    *,
    bands: Sequence[str],
    after: float,
    before: float,
) -> Looks:
    """Return who is looked at.

    Exposures with the same centre leave the same gaps, those with another centre others: the chance
    is 1 - (1 - fill)^(different centres).

    Parameters
    ----------
    ra, dec : ndarray
        ICRS [deg]; NaN is looked at by nobody.
    plan : Pointings
    camera : Camera
    bands : sequence of str
        Those that count, of `RANGES`.
    after, before : float
        Exposures that end after the one and begin before the other [d, MJD UTC].
    """
    wanted = np.isin(plan.band.astype(str), list(bands)) & (plan.end > after)
    which = np.flatnonzero(wanted & (plan.start < before))
    who, exposure = _pairs(ra, dec, plan, which, camera)
    n = len(ra)
    first = np.full(n, np.inf)
    np.minimum.at(first, who, plan.start[exposure])
    # Centres to a tenth of an arcminute: closer ones leave the same gaps.
    centres = np.round(np.column_stack([plan.ra, plan.dec]) * 600.0)
    number = np.unique(centres, axis=0, return_inverse=True)[1].ravel()
    different = np.unique(np.column_stack([who, number[exposure]]), axis=0)
    count = np.bincount(different[:, 0].astype(int), minlength=n)
    names = np.full(n, "", dtype=object)
    for band in (one for one in RANGES if one in bands):
        has = np.zeros(n, dtype=bool)
        has[who[plan.band[exposure] == band]] = True
        names[has] += np.where(names[has] == "", band, f", {band}").astype(object)
    chance: Floats = 1.0 - np.power(1.0 - camera.fill, count.astype(float))
    return Looks(chance, np.where(np.isfinite(first), first, np.nan), names)


def _pairs(
    ra: Floats, dec: Floats, plan: Pointings, which: NDArray[np.intp], camera: Camera
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return who lies in which exposure, as numbers side by side."""
    at = unit_vectors(ra, dec)
    known = np.flatnonzero(np.isfinite(at).all(axis=1))
    empty = np.zeros(0, dtype=np.intp)
    if not len(which) or not len(known):
        return empty, empty
    centre = unit_vectors(plan.ra[which], plan.dec[which])
    fov = plan.fov[which]
    radius = np.where(np.isfinite(fov), fov, camera.diameter) / 2.0
    if camera.size is not None:
        radius = np.full(len(which), np.hypot(*camera.size) / 2.0)
    chord = 2.0 * np.sin(np.radians(radius) / 2.0)
    found = cKDTree(at[known]).query_ball_point(centre, chord)
    length = np.array([len(one) for one in found])
    who = known[np.concatenate([np.asarray(one, dtype=np.intp) for one in found])]
    exposure = np.repeat(which, length)
    if camera.size is None:
        return who, exposure
    inside = _in_rectangle(at[who], plan.ra[exposure], plan.dec[exposure], camera.size)
    return who[inside], exposure[inside]


def _in_rectangle(
    at: Floats, ra: Floats, dec: Floats, size: tuple[float, float]
) -> NDArray[np.bool_]:
    """Tell who lies in rectangles on the tangent planes at their centres."""
    a, d = np.radians(ra), np.radians(dec)
    zero = np.zeros_like(a)
    east = np.column_stack([-np.sin(a), np.cos(a), zero])
    north = np.column_stack([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)])
    depth = (at * unit_vectors(ra, dec)).sum(axis=1)
    x = np.degrees((at * east).sum(axis=1) / depth)
    y = np.degrees((at * north).sum(axis=1) / depth)
    return np.asarray((np.abs(x) <= size[0] / 2) & (np.abs(y) <= size[1] / 2))
