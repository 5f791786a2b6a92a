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
    ids = [aliases.get(object_id, "") for object_id in objects["object_id"]]
    found = np.array(ids, dtype=object)
    vectors = unit_vectors(objects["ra"], objects["dec"])
    _by_position(found, vectors, known, radius_arcsec)
    is_new = _start_new(found, vectors, objects["object_id"].to_numpy(object), radius_arcsec)
    return Match(found, is_new)


def _by_position(
    found: NDArray[np.object_], vectors: NDArray[np.float64], known: pd.DataFrame, radius: float
) -> None:
    """Fill `found` where a known candidate lies within the radius, the nearest winning."""
    open_ = np.flatnonzero(found == "")
    if not len(open_) or known.empty:
        return
    tree = cKDTree(unit_vectors(known["ra"], known["dec"]))
    distance, index = tree.query(vectors[open_], distance_upper_bound=chord(radius))
    hit = np.isfinite(distance)
    found[open_[hit]] = known["candidate_id"].to_numpy(object)[index[hit]]


def _start_new(
    found: NDArray[np.object_],
    vectors: NDArray[np.float64],
    object_ids: NDArray[np.object_],
    radius: float,
) -> NDArray[np.bool_]:
    """Let the first object of each unknown position start a candidate, and the rest join it."""
    is_new = np.zeros(len(found), dtype=bool)
    open_ = np.flatnonzero(found == "")
    if not len(open_):
        return is_new
    tree = cKDTree(vectors[open_])
    for row, neighbours in zip(
        open_, tree.query_ball_point(vectors[open_], chord(radius)), strict=True
    ):
        if found[row] == "":
            is_new[row] = True
            for neighbour in open_[neighbours]:
                if found[neighbour] == "":
                    found[neighbour] = object_ids[row]
            found[row] = object_ids[row]
    return is_new
