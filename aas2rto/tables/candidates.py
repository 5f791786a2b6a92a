"""Identity: which survey objects are one candidate, and what a candidate is.

An object belongs to the candidate that carries its id as an alias; failing that, to the one that
has the nearest object within the merge radius; failing that, it is a new candidate. So alerts of
one object from several brokers, and LSST's split diaObjects, become one row: three in a row, each
near the next, are one candidate, whichever comes first. Such chains end at twice the radius from
where the candidate stands, so that a crowded field does not become one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

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


REACH = 2.0
"""How far from where a candidate stands its objects may lie, in merge radii."""


@dataclass(frozen=True)
class Match:
    """Which candidate each object belongs to.

    Parameters
    ----------
    candidate_id : ndarray of str, shape (n,)
        One per object.
    is_new : ndarray of bool, shape (n,)
        True for the object that starts a candidate.
    linked : tuple of tuple of str
        Known candidates between which an object of this report lies: the one that was known
        first, and another. They are one thing in the sky, under two names.
    """

    candidate_id: NDArray[np.object_]
    is_new: NDArray[np.bool_]
    linked: tuple[tuple[str, str], ...] = ()


def unit_vectors(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """Return unit vectors, shape (n, 3), of positions in degrees."""
    lon, lat = np.radians(np.asarray(ra, float)), np.radians(np.asarray(dec, float))
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def separation(ra: float, dec: float, other_ra: float, other_dec: float) -> float:
    """Return how far apart two positions [deg] are [arcsec]."""
    places = unit_vectors([ra, other_ra], [dec, other_dec])
    half = float(np.linalg.norm(places[0] - places[1])) / 2
    return float(2 * np.degrees(np.arcsin(min(half, 1.0))) * 3600)


def chord(radius_arcsec: float) -> float:
    """Return the distance between unit vectors that are `radius_arcsec` apart."""
    return float(2 * np.sin(np.radians(radius_arcsec / 3600) / 2))


def match(
    objects: pd.DataFrame,
    known: pd.DataFrame,
    aliases: Mapping[str, str],
    *,
    radius_arcsec: float,
    by_name: Collection[str] = (),
) -> Match:
    """Find the candidate of each object.

    Parameters
    ----------
    objects : DataFrame
        ``object_id, ra, dec`` with finite positions, in the order in which they became known.
    known : DataFrame
        ``candidate_id, ra, dec`` of the objects of all candidates; the first row of each is
        where the candidate stands. Earlier ones were known first.
    aliases : mapping
        From every id a candidate is known by to its candidate_id.
    radius_arcsec : float
        Largest distance at which positions mean the same object [arcsec].
    by_name : collection of str
        Those of `aliases` that are no objects yet: their places link candidates, too.
    """
    object_ids = objects["object_id"].to_numpy(object)
    found = np.array([aliases.get(name, "") for name in object_ids], dtype=object)
    is_new = np.zeros(len(found), dtype=bool)
    named = np.isin(object_ids, list(by_name)) if by_name else np.zeros(len(found), dtype=bool)
    open_ = np.flatnonzero((found == "") | named)
    if not len(open_):
        return Match(found, is_new)
    vectors = unit_vectors(objects["ra"], objects["dec"])[open_]
    sky = _Sky(known, vectors, chord(radius_arcsec), chord(REACH * radius_arcsec))
    owner = np.array([sky.place(row, found[at]) for row, at in enumerate(open_)])
    roots = np.array([sky.root(number) for number in owner], dtype=np.intp)
    n_known = len(sky.names)
    starts = np.array([sky.starter(root) for root in roots], dtype=np.intp)
    is_new[open_] = starts == np.arange(len(open_))
    names = np.array([*sky.names, ""], dtype=object)
    of_known = names[np.where(roots < n_known, roots, n_known)]
    found[open_] = np.where(roots < n_known, of_known, object_ids[open_][starts])
    return Match(found, is_new, tuple(sky.linked))


class _Sky:
    """Candidates as groups of objects, to which the objects of a report are added in order.

    Candidates are numbered: the known ones as they come, then those that this report starts. So
    the objects of one report meet the same candidates as if they had come one by one.

    Parameters
    ----------
    known : DataFrame
        As in `match`.
    vectors : ndarray, shape (n, 3)
        Of the objects to place.
    near, reach : float
        Chords: of the merge radius, and of the greatest distance from where a candidate stands.
    """

    def __init__(
        self, known: pd.DataFrame, vectors: NDArray[np.float64], near: float, reach: float
    ) -> None:
        codes, names = pd.factorize(known["candidate_id"])
        self.names = [str(name) for name in names]
        self._places = unit_vectors(known["ra"], known["dec"])
        self._codes = codes
        self._vectors, self._reach = vectors, reach
        first = np.unique(codes, return_index=True)[1]
        self._anchors: dict[int, NDArray[np.float64]] = {
            number: self._places[row] for number, row in enumerate(first)
        }
        self.linked: dict[tuple[str, str], None] = {}
        self._parents: dict[int, int] = {}
        self._started: dict[int, int] = {}
        self._owners: dict[int, int] = {}
        from scipy.spatial import cKDTree  # noqa: PLC0415  half a second that few need

        tree = cKDTree(vectors)
        self._beside = tree.query_ball_point(vectors, near)
        self._held = (
            cKDTree(self._places).query_ball_point(vectors, near)
            if len(known)
            else [[] for _ in vectors]
        )

    def root(self, number: int) -> int:
        """Return the candidate that a candidate has turned out to be."""
        while number in self._parents:
            number = self._parents[number]
        return number

    def starter(self, number: int) -> int:
        """Return the object that started a candidate; -1 for a known one."""
        return self._started.get(number, -1)

    def place(self, row: int, name: str = "") -> int:
        """Find or start the candidate of an object; returns its number.

        Parameters
        ----------
        row : int
        name : str
            Of the known candidate that it belongs to, wherever it lies; empty for none.
        """
        near = self._near(row)
        if name:
            near[self.root(self.names.index(name))] = -1.0
        if near:
            chosen = min(near, key=lambda number: near[number])
            self._join(near)
        else:
            chosen = len(self.names) + len(self._started)
            self._started[chosen] = row
            self._anchors[chosen] = self._vectors[row]
        self._owners[row] = chosen
        return chosen

    def _near(self, row: int) -> dict[int, float]:
        """Return the candidates within reach that have an object nearby, and how far that is."""
        here, near = self._vectors[row], dict[int, float]()
        objects = [(int(self._codes[k]), self._places[k]) for k in self._held[row]]
        objects += [
            (self._owners[k], self._vectors[k]) for k in self._beside[row] if k in self._owners
        ]
        for owner, place in objects:
            number = self.root(owner)
            if np.linalg.norm(self._anchors[number] - here) <= self._reach:
                away = float(np.linalg.norm(place - here))
                near[number] = min(away, near.get(number, np.inf))
        return near

    def _join(self, near: Mapping[int, float]) -> None:
        """Let candidates that have an object between them be one.

        All join the one that was known first; that two known ones are one is told, too, as they
        have histories.
        """
        target = min(near)
        for other in near:
            if other != target:
                self._parents[other] = target
                if other < len(self.names):
                    self.linked[self.names[target], self.names[other]] = None
