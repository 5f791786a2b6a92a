"""Which objects are one candidate, where it is, and by what names it is known.

Who belongs to whom is decided when an object comes, by its name and place: it joins the candidate
that is there, starts one, or makes several one (`merging`), at all times. What is read is what was
known: at an earlier time a candidate bears the name, and stands at the place, of
the object that had come first of those that were known then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.objects import PEOPLE, Objects, Places
from aas2rto.store.rows import chunks
from aas2rto.tables import candidates

Alike = tuple[int, int, str]
"""Two candidates' rows, and the name that both bear."""

NAMES_WITHIN = 60.0
"""[arcsec] Candidates that bear one name and lie farther apart stay two: a name may be misspelt. A
choice; positions of one object differ by a few arcsec, of what was named after its host by more."""

OBJECT = ["id", "candidate", "object_id", "ra", "dec", "known_at", "survey"]


@dataclass(frozen=True)
class Placed:
    """Which candidate each object of a report belongs to.

    Parameters
    ----------
    keys : ndarray of int
        The candidate's row.
    is_new : ndarray of bool
        True for the object that starts a candidate.
    linked : tuple of tuple of str
        Candidates that are one, see :class:`aas2rto.tables.candidates.Match`.
    moved : tuple of (str, float)
        Targets of people that now lie elsewhere, and how far from where they were [arcsec].
    fresh : frozenset of str
        Objects that were not known before.
    """

    keys: NDArray[np.int64]
    is_new: NDArray[np.bool_]
    linked: tuple[tuple[str, str], ...] = ()
    moved: tuple[tuple[str, float], ...] = ()
    fresh: frozenset[str] = frozenset()


class Identities:
    """Objects, candidates and names; held in memory, and the same as in the database.

    Parameters
    ----------
    access : Access
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        access.when_lost.append(self.load_anew)
        self.load_anew()

    def load_anew(self) -> None:
        """Read everything anew."""
        with self._access.reading() as connection:
            self.load(connection)

    def load(self, connection: Connection) -> None:
        """Read everything anew, as a transaction has it."""
        gone = schema.merges.c
        merges = connection.execute(select(gone.candidate, gone.into)).all()
        self._merged: dict[int, int] = {row.candidate: row.into for row in merges}
        table = schema.candidates
        query = select(table.c.candidate_id, table.c.id)
        rows = [row for row in connection.execute(query) if row.id not in self._merged]
        self._keys: dict[str, int] = {name: key for name, key in rows}  # noqa: C416  rows are no pairs
        self._names: dict[int, str] = {key: name for name, key in self._keys.items()}
        self._table, self._places = Objects(), Places()
        self._objects: dict[str, tuple[Any, ...]] = {}
        self._of: dict[int, list[str]] = {}
        self._since: dict[str, float] = {}
        self._read_rows(connection)
        of = schema.aliases.c
        self._aliases: dict[str, dict[int, float]] = {}
        for alias, key, known_at in connection.execute(select(of.alias, of.candidate, of.known_at)):
            self._aliases.setdefault(alias, {})[key] = known_at
        self._changed()

    def _changed(self) -> None:
        self._at: tuple[int, pd.DataFrame] | None = None
        self._named: tuple[pd.DataFrame, dict[int, str]] | None = None

    # -- reading ------------------------------------------------------------------------------

    def key_of(self, name: str) -> int | None:
        """Return the row of the candidate that is known by any id or name, None for nobody."""
        if name in self._keys:
            return self._keys[name]
        if name in self._objects:
            return int(self._objects[name][1])
        owners = self._aliases.get(name)
        return self._first(owners) if owners else None

    def rows_of(self, names: NDArray[np.object_]) -> NDArray[np.int64]:
        """Return the rows of many candidates at once; -1 for nobody."""
        keys = [self._keys.get(name) for name in names.tolist()]
        for place, key in enumerate(keys):
            if key is None:  # who is called otherwise by now
                keys[place] = self.key_of(str(names[place]))
        return np.array([-1 if key is None else key for key in keys], dtype=np.int64)

    def keys_of(self, candidate_ids: Iterable[str]) -> dict[str, int]:
        """Return the rows of those candidates that there are."""
        found = {name: self.key_of(name) for name in candidate_ids}
        return {name: key for name, key in found.items() if key is not None}

    def merged(self, keys: Iterable[int]) -> dict[int, int]:
        """Return who went into some candidates: their rows, and into whose."""
        wanted = set(keys)
        return {key: into for key, into in self._merged.items() if into in wanted}

    def _first(self, owners: Mapping[int, float]) -> int:
        """Return who bore a name first; of those who did at the same time, by the alphabet."""
        return min(owners, key=lambda key: (owners[key], self._names[key]))

    def resolve(self, name: str) -> str | None:
        """Return the candidate_id of any id or name a candidate is known by."""
        key = self.key_of(name)
        return None if key is None else self._names[key]

    def name_of(self, key: int) -> str:
        """Return the candidate_id of a row."""
        return self._names[key]

    def as_known(self, now: float) -> pd.DataFrame:
        """Return the candidates that were known at `now` [d, MJD UTC].

        Returns
        -------
        DataFrame
            ``id, candidate_id, ra, dec, first_known``, sorted by candidate_id.
        """
        count = self.count(now)
        # No object became known, or unknown, between that time and this.
        if self._at is None or self._at[0] != count:
            self._at = (count, self._table.as_known(now))
        return self._at[1]

    def count(self, now: float) -> int:
        """Return how many rows were known at `now`: the same number, the same rows."""
        return int(np.searchsorted(self._table.times, now, side="right"))

    def names(self, now: float) -> Mapping[int, str]:
        """Return the candidate_id that each candidate bore at `now`, by row."""
        table = self.as_known(now)
        if self._named is None or self._named[0] is not table:
            pairs = zip(table["id"].tolist(), table["candidate_id"].tolist(), strict=True)
            self._named = (table, dict(pairs))
        return self._named[1]

    def aliases(self, now: float = np.inf) -> pd.DataFrame:
        """Return all names that were known at `now`: ``alias, candidate_id``, sorted."""
        names = self.names(now)
        pairs: dict[str, int] = {}
        for alias, owners in self._aliases.items():
            known = [
                (at, names[key], key) for key, at in owners.items() if at <= now and key in names
            ]
            if known:
                pairs[alias] = min(known)[2]
        pairs |= {row[2]: row[1] for row in self._objects.values() if self._since[row[2]] <= now}
        rows = sorted((alias, names[key]) for alias, key in pairs.items())
        return pd.DataFrame(rows, columns=["alias", "candidate_id"])

    def aliases_of(self, candidate_id: str, now: float = np.inf) -> list[str]:
        """Return the names of one candidate that were known at `now`, as `aliases` has them."""
        names, own, since = self.names(now), self.key_of(candidate_id), self._since
        objects = self._objects
        if own is None:
            return []
        found = {one for one in self._of.get(own, ()) if since[one] <= now}
        for alias in [one for one, owners in self._aliases.items() if own in owners]:
            if alias in objects and since[alias] <= now:
                continue  # an object of that name is it
            owners = self._aliases[alias].items()
            known = [(at, names[key], key) for key, at in owners if at <= now and key in names]
            if known and min(known)[2] == own:
                found.add(alias)
        return sorted(found)

    # -- writing ------------------------------------------------------------------------------

    def place(self, connection: Connection, objects: pd.DataFrame, radius: float) -> Placed:
        """Find or make the candidate of each object.

        Parameters
        ----------
        connection : Connection
            In a transaction.
        objects : DataFrame
            ``object_id, survey, ra, dec, known_at``, in the order in which they became known,
            each object once.
        radius : float
            See :func:`aas2rto.tables.candidates.match` [arcsec].
        """
        owners = self._owners(objects)
        fresh = frozenset(name for name in objects["object_id"] if name not in self._objects)
        by_name = [name for name in owners if name in fresh]
        known = self._around(objects, radius, [owners[name] for name in by_name])
        found = candidates.match(objects, known, owners, radius_arcsec=radius, by_name=by_name)
        self._add_candidates(connection, found.candidate_id[found.is_new].tolist())
        keys = np.array([self._keys[name] for name in found.candidate_id], dtype=np.int64)
        moved = self._add_objects(connection, objects, keys)
        self._changed()
        return Placed(keys, found.is_new, found.linked, moved, fresh)

    def _around(self, objects: pd.DataFrame, radius: float, besides: Iterable[str]) -> pd.DataFrame:
        """Return the objects of all candidates that have one near those of a report.

        Parameters
        ----------
        objects : DataFrame
        radius : float
            [arcsec]
        besides : iterable of str
            Candidates whose objects are returned wherever they are.
        """
        vectors = candidates.unit_vectors(objects["ra"], objects["dec"])
        near = self._places.near(vectors, candidates.chord(radius))
        keys = {self._objects[name][1] for name in near} | {self._keys[name] for name in besides}
        rows = self._places.in_order(name for key in keys for name in self._of[key])
        told = [
            (self._names[row[1]], row[3], row[4]) for row in map(self._objects.__getitem__, rows)
        ]
        return pd.DataFrame(told, columns=["candidate_id", "ra", "dec"])

    def _owners(self, objects: pd.DataFrame) -> dict[str, str]:
        """Return who is known by each object's id; by a name only if it was known before."""
        owners = {}
        for name, known_at in zip(objects["object_id"], objects["known_at"], strict=True):
            held = self._aliases.get(name, {})
            earlier = {key: at for key, at in held.items() if at <= known_at}
            if name in self._objects:
                owners[name] = self._names[self._objects[name][1]]
            elif earlier:
                owners[name] = self._names[self._first(earlier)]
        return owners

    def _add_candidates(self, connection: Connection, names: Sequence[str]) -> None:
        if not names:
            return
        table = schema.candidates
        connection.execute(table.insert(), [{"candidate_id": name} for name in names])
        for part in chunks(names):
            query = select(table.c.candidate_id, table.c.id).where(table.c.candidate_id.in_(part))
            new = {row.candidate_id: row.id for row in connection.execute(query)}
            self._keys |= new
            self._names |= {key: name for name, key in new.items()}
        self._changed()

    def _add_objects(
        self, connection: Connection, objects: pd.DataFrame, keys: NDArray[np.int64]
    ) -> tuple[tuple[str, float], ...]:
        new, moved = [], []
        for row, key in zip(objects.to_dict("records"), keys.tolist(), strict=True):
            name, at, ra, dec = row["object_id"], row["known_at"], row["ra"] % 360.0, row["dec"]
            old = self._objects.get(name)
            if old is not None and not _is_news(row["survey"], (at, ra, dec), old):
                continue
            if old is not None and row["survey"] == PEOPLE and at > old[5]:
                moved.append((name, candidates.separation(ra, dec, old[3], old[4])))
            new.append(
                {
                    "candidate": key,
                    "object_id": name,
                    "survey": row["survey"],
                    "ra": ra,
                    "dec": dec,
                    "known_at": at,
                }
            )
        if new:
            connection.execute(schema.objects.insert(), new)
            self._read_rows(connection)
        return tuple(moved)

    def _read_rows(self, connection: Connection) -> None:
        """Read the rows of objects that are not held yet."""
        table = schema.objects
        query = select(*(table.c[name] for name in OBJECT)).where(table.c.id > self._table.last)
        found = [tuple(row) for row in connection.execute(query.order_by(table.c.id))]
        self._table.add(found)
        moved = []
        for row in found:
            name, old = row[2], self._objects.get(row[2])
            if old is None:
                self._of.setdefault(row[1], []).append(name)
            # Of each object the row that counts; of a survey's that is its last, see `_is_news`.
            if old is None or row[6] != PEOPLE or _said(row) > _said(old):
                self._objects[name] = row
                moved.append((name, row[3], row[4]))
            self._since[name] = min(row[5], self._since.get(name, np.inf))
        self._places.put(moved)

    def add_aliases(
        self, connection: Connection, rows: Iterable[tuple[str, int, str, float]]
    ) -> frozenset[str]:
        """Store names: alias, the candidate's row, whose name it is, and since when.

        Returns
        -------
        frozenset of str
            Those that are new, or were known earlier than the store had it.
        """
        new: dict[tuple[str, int], dict[str, Any]] = {}
        for alias, key, survey, known_at in rows:
            if alias in self._objects and self._objects[alias][1] == key:
                continue
            if known_at < self._aliases.get(alias, {}).get(key, np.inf):
                self._aliases.setdefault(alias, {})[key] = known_at
                new[alias, key] = {
                    "alias": alias,
                    "candidate": key,
                    "survey": survey,
                    "known_at": known_at,
                }
        if new:
            insert = self._access.insert(schema.aliases)
            statement = insert.on_conflict_do_update(
                index_elements=["alias", "candidate"],
                set_={"known_at": insert.excluded.known_at, "survey": insert.excluded.survey},
            )
            connection.execute(statement, list(new.values()))
        return frozenset(alias for alias, _ in new)

    def alike(self, rows: Iterable[tuple[str, int, str, float]]) -> tuple[list[Alike], list[str]]:
        """Return who is one because a name of the one is an object of the other.

        Parameters
        ----------
        rows : iterable of tuple
            Names as `add_aliases` takes them: those that are new, and those of new objects.

        Returns
        -------
        alike : list of (int, int, str)
            The candidates' rows, and the name that both bear.
        lines : list of str
            Of those that lie too far apart for that.
        """
        found: list[Alike] = []
        lines: list[str] = []
        for alias, key, _, _ in rows:
            pairs = [(key, self._objects[alias][1])] if alias in self._objects else []
            # An object that came after somebody had called another candidate so, but is older.
            pairs += [(key, other) for other in self._aliases.get(alias, ()) if pairs]
            for one, other in dict.fromkeys(pairs):
                if one == other or (one, other, alias) in found:
                    continue
                away = self._apart(one, other)
                if away <= NAMES_WITHIN:
                    found.append((one, other, alias))
                    continue
                lines.append(
                    f"{self._names[one]} and {self._names[other]} are both called {alias}, but lie "
                    f"{away / 3600:.2g} deg apart: they stay two"
                )
        return found, lines

    def _apart(self, one: int, other: int) -> float:
        """Return how far apart the nearest objects of two candidates are [arcsec]."""
        places = [
            [self._objects[name][3:5] for name in self._of.get(key, ())] for key in (one, other)
        ]
        return min(candidates.separation(*a, *b) for a in places[0] for b in places[1])

    def owners_of(self, names: Iterable[str]) -> dict[str, tuple[int, float]]:
        """Return, for objects that no report need introduce, candidate and since when it is so."""
        found: dict[str, tuple[int, float]] = {}
        for name in dict.fromkeys(names):
            if name in self._objects:
                found[name] = (self._objects[name][1], self._since[name])
            elif owners := self._aliases.get(name):
                key = self._first(owners)
                found[name] = (key, owners[key])
        return found


def _is_news(survey: str, row: tuple[float, float, float], old: tuple[Any, ...]) -> bool:
    """Tell whether another row of an object is to be kept.

    Of surveys, what was known first counts, however late it comes; of people, what they said last:
    who drops a target again has corrected it.
    """
    before = (old[5], old[3], old[4])
    return row[1:] != before[1:] if survey == PEOPLE else row < before


def _said(row: tuple[Any, ...]) -> tuple[float, float, float]:
    return row[5], row[3], row[4]


def names_of(frame: pd.DataFrame, names: Mapping[int, str]) -> pd.DataFrame:
    """Put ``candidate_id`` in the place of ``candidate``; rows of nobody are left out."""
    named = np.array([names.get(key) for key in frame["candidate"].tolist()], dtype=object)
    is_known = np.array([name is not None for name in named], dtype=bool)
    kept = frame[is_known].drop(columns="candidate")
    kept.insert(0, "candidate_id", pd.Series(named[is_known], index=kept.index, dtype=object))
    return kept.reset_index(drop=True)
