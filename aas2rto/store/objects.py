"""Objects as columns: at what time which candidate bears which name and stands where.

A season brings hundreds of thousands, a night some thousands: what is new is added to what is
there, and nothing is sorted or searched anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.tables.candidates import unit_vectors

PEOPLE = "too"
"""The survey of targets that people write down."""

FEW = 1000
"""So many places, or a quarter of all, are searched beside a tree of the others."""

Ints = NDArray[np.intp]


class Objects:
    """Rows of the table of objects, in the order of their numbers."""

    def __init__(self) -> None:
        self.last = 0
        """The greatest number."""
        self._codes: dict[str, int] = {}
        self._names = np.empty(0, dtype=object)
        self._by_name = np.empty(0, dtype=np.intp)
        self._rank = np.empty(0, dtype=np.intp)
        self._candidate = np.empty(0, dtype=np.int64)
        self._code = np.empty(0, dtype=np.intp)
        self._numbers = np.empty((0, 3))
        self._by_people = np.empty(0, dtype=bool)
        self.times = np.empty(0)
        """When a row became known, sorted [d, MJD UTC]."""

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows: ``id, candidate, object_id, ra, dec, known_at, survey``."""
        if not rows:
            return
        ids, candidate, names, ra, dec, known_at, survey = zip(*rows, strict=True)
        self.last = int(ids[-1])
        self._add_names(names)
        self._candidate = np.append(self._candidate, np.array(candidate, dtype=np.int64))
        self._code = np.append(self._code, [self._codes[name] for name in names])
        numbers = np.array([ra, dec, known_at], dtype=float).T
        self._numbers = np.concatenate([self._numbers, numbers])
        self._by_people = np.append(self._by_people, [one == PEOPLE for one in survey])
        times = np.sort(numbers[:, 2])
        self.times = np.insert(self.times, np.searchsorted(self.times, times), times)

    def _add_names(self, names: Iterable[str]) -> None:
        new = sorted({name for name in names if name not in self._codes})
        first = len(self._codes)
        self._codes.update({name: first + place for place, name in enumerate(new)})
        words = np.array(new, dtype=object)
        place = np.searchsorted(self._names[self._by_name], words) if first else np.zeros(len(new))
        codes = np.arange(first, first + len(new))
        self._by_name = np.insert(self._by_name, place.astype(np.intp), codes)
        self._names = np.append(self._names, words)
        self._rank = np.empty(len(self._names), dtype=np.intp)
        self._rank[self._by_name] = np.arange(len(self._names))

    def as_known(self, now: float) -> pd.DataFrame:
        """Return the candidates that were known at `now` [d, MJD UTC].

        Returns
        -------
        DataFrame
            ``id, candidate_id, ra, dec, first_known``, sorted by candidate_id.
        """
        known_at = self._numbers[:, 2]
        seen = np.flatnonzero(known_at <= now)
        # The order is stable: the first of each candidate is the one that came first.
        order = seen[np.argsort(self._candidate[seen], kind="stable")]
        candidate = self._candidate[order]
        starts = np.flatnonzero(np.append(True, candidate[1:] != candidate[:-1])[: len(order)])
        earliest = np.minimum.reduceat(known_at[order], starts) if len(starts) else np.empty(0)
        code = self._code[order[starts]]
        sort = np.argsort(self._rank[code])
        place = self._rows_that_count(seen)[code[sort]]
        return pd.DataFrame(
            {
                "id": candidate[starts][sort],
                "candidate_id": self._names[code[sort]],
                "ra": self._numbers[place, 0],
                "dec": self._numbers[place, 1],
                "first_known": earliest[sort],
            }
        ).astype({"candidate_id": object})

    def _rows_that_count(self, seen: Ints) -> Ints:
        """Return the row that gives the place of each object; of people the one they said last."""
        people = seen[self._by_people[seen]]
        ra, dec, known_at = self._numbers[people].T
        people = people[np.lexsort((dec, ra, known_at))]
        found = np.full(len(self._names), -1, dtype=np.intp)
        for rows in (seen[~self._by_people[seen]], people):
            found[self._code[rows]] = rows  # of several the last stays
        return found


class Places:
    """Where objects lie, to find those that are near others."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._vectors = np.empty((0, 3))
        self._tree: Any = None
        self._in_tree = 0

    def put(self, rows: Sequence[tuple[str, float, float]]) -> None:
        """Add objects, or move those that are there: name, ra, dec [deg]."""
        last = {name: (ra, dec) for name, ra, dec in rows}
        if not last:
            return
        vectors = unit_vectors(*zip(*last.values(), strict=True))
        is_new = np.array([name not in self._numbers for name in last])
        for name, vector, new in zip(last, vectors, is_new, strict=True):
            if new:
                self._numbers[name] = len(self._names)
                self._names.append(name)
            else:
                self._vectors[self._numbers[name]] = vector
                self._in_tree = 0
        self._vectors = np.concatenate([self._vectors, vectors[is_new]])

    def near(self, vectors: NDArray[np.float64], within: float) -> list[str]:
        """Return the names of those within a chord of any of some unit vectors."""
        from scipy.spatial import cKDTree  # noqa: PLC0415  half a second that few need

        n = len(self._vectors)
        if n - self._in_tree > max(FEW, self._in_tree // 4):
            self._tree, self._in_tree = cKDTree(self._vectors.copy()), n
        found: set[int] = set()
        if self._in_tree:
            found.update(*self._tree.query_ball_point(vectors, within))
        if self._in_tree < n:
            rest = cKDTree(self._vectors[self._in_tree :]).query_ball_point(vectors, within)
            found.update(self._in_tree + number for some in rest for number in some)
        return [self._names[number] for number in found]

    def in_order(self, names: Iterable[str]) -> list[str]:
        """Return names in the order in which they were put first."""
        return sorted(names, key=self._numbers.__getitem__)
