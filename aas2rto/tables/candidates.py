"""Identity: which survey objects are one candidate, and what a candidate is.

An object belongs to the candidate that carries its id as an alias; failing that, to the nearest
one within the merge radius; failing that, it is a new candidate. So alerts of one object from
several brokers, and LSST's split diaObjects, become one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

COLUMNS: dict[str, str] = {
    "candidate_id": "str",
    "ra": "float64",
    "dec": "float64",
    "name": "str",
    "too": "bool",
    "base_score": "float64",
    "redshift": "float64",
    "redshift_source": "str",
    "spectral_type": "str",
    "host": "str",
    "comment": "str",
    "magnitude": "float64",
    "valid_until": "float64",
    "state": "str",
    "first_known": "float64",
}
"""Columns of the candidate table. ra, dec [deg, ICRS]; valid_until, first_known [d, MJD UTC];
magnitude is what a ToO file said; base_score is NaN where the config's holds."""

ACTIVE, REJECTED = "active", "rejected"


@dataclass(frozen=True)
class Match:
    """Which candidate each object belongs to.

    Parameters
    ----------
    candidate_id : ndarray of str, shape (n,)
        One per object.
    is_new : ndarray of bool, shape (n,)
        True for the object that starts a candidate.
    """

    candidate_id: NDArray[np.object_]
    is_new: NDArray[np.bool_]


def unit_vectors(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """Return unit vectors, shape (n, 3), of positions in degrees."""
    lon, lat = np.radians(np.asarray(ra, float)), np.radians(np.asarray(dec, float))
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def chord(radius_arcsec: float) -> float:
    """Return the distance between unit vectors that are `radius_arcsec` apart."""
    return float(2 * np.sin(np.radians(radius_arcsec / 3600) / 2))


def match(
    objects: pd.DataFrame,
    known: pd.DataFrame,
    aliases: Mapping[str, str],
    *,
    radius_arcsec: float,
) -> Match:
    """Find the candidate of each object.

    Parameters
    ----------
    objects : DataFrame
        ``object_id, ra, dec`` with finite positions, in the order in which they became known.
    known : DataFrame
        ``candidate_id, ra, dec`` of all candidates.
    aliases : mapping
        From every id a candidate is known by to its candidate_id.
    radius_arcsec : float
        Largest distance at which positions mean the same object [arcsec].
    """
    object_ids = objects["object_id"].to_numpy(object)
    found = np.array([aliases.get(name, "") for name in object_ids], dtype=object)
    is_new = np.zeros(len(found), dtype=bool)
    open_ = np.flatnonzero(found == "")
    if len(open_):
        vectors = unit_vectors(objects["ra"], objects["dec"])[open_]
        name, distance = _nearest(vectors, known, radius_arcsec)
        start = _starts(vectors, distance, radius_arcsec)
        is_new[open_] = start == np.arange(len(open_))
        found[open_] = np.where(start < 0, name, object_ids[open_][start])
    return Match(found, is_new)


def _nearest(
    vectors: NDArray[np.float64], known: pd.DataFrame, radius: float
) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """Return the nearest known candidate of each object, and how far it is; inf: none is near."""
    if known.empty:
        return np.full(len(vectors), "", dtype=object), np.full(len(vectors), np.inf)
    tree = cKDTree(unit_vectors(known["ra"], known["dec"]))
    distance, index = tree.query(vectors, distance_upper_bound=chord(radius))
    names = np.append(known["candidate_id"].to_numpy(object), "")
    return names[index], distance


def _starts(
    vectors: NDArray[np.float64], to_known: NDArray[np.float64], radius: float
) -> NDArray[np.intp]:
    """Return, for each object, the one of this report that starts its candidate; -1: none.

    An object joins the nearest of the known candidates and of those that started before it. So
    the objects of one report meet the same candidates as if they had come one by one.
    """
    start = np.full(len(vectors), -1, dtype=np.intp)
    groups = cKDTree(vectors).query_ball_point(vectors, chord(radius))
    for row, group in enumerate(groups):
        if len(group) == 1:
            start[row] = row if np.isinf(to_known[row]) else -1
            continue
        near = np.array([other for other in group if start[other] == other], dtype=np.intp)
        away = np.linalg.norm(vectors[near] - vectors[row], axis=1)
        if len(near) and away.min() < to_known[row]:
            start[row] = near[away.argmin()]
        elif np.isinf(to_known[row]):
            start[row] = row
    return start
