"""The measurements of candidates: each once, with the time since when it can be known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Table, and_, func, or_, select

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.cache import LightCurves, PhotometryCache
from aas2rto.store.rows import chunks, insert_many, tuples
from aas2rto.tables import photometry
from aas2rto.tables.outburst import QUIET

KEY = ["candidate", "survey", "measurement_id"]


class Photometry:
    """Measurements; those of the candidates that were last asked for stay in memory.

    Parameters
    ----------
    access : Access

    Attributes
    ----------
    when_added : list of callable
        Told the rows of candidates to which measurements were added.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self.when_added: list[Callable[[Iterable[int]], None]] = []
        self._cache = PhotometryCache(access)

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the photometry of the given candidates, sorted by candidate and time.

        Parameters
        ----------
        table : DataFrame
            Rows of `Store.candidates`.
        """
        with self._access.reading() as connection:
            return self._cache.read(connection, table)

    def as_known(self, table: pd.DataFrame, now: float, quiet: float | None = QUIET) -> LightCurves:
        """Return the present outbursts of the given candidates as known at `now`.

        Parameters
        ----------
        table : DataFrame
            Rows of `Store.candidates`.
        now : float
            MJD (UTC).
        quiet : float or None
            So long without a detection, and a new outburst begins [d]; None: there is but one.
        """
        with self._access.reading() as connection:
            return self._cache.known(connection, table, now, quiet)

    def keep_snapshot(self, *, last: bool = False) -> bool:
        """Write what is in memory to the snapshot beside the store, if that is worth it.

        Parameters
        ----------
        last : bool
            The program ends: whatever changed since the snapshot is worth it.

        Returns
        -------
        bool
            Whether one was written.
        """
        return self._cache.keep_snapshot(last=last)

    def count(self) -> int:
        """Return the number of measurements in the store."""
        with self._access.reading() as connection:
            query = select(func.count()).select_from(schema.photometry)
            return int(connection.execute(query).scalar_one())

    def first_detections(self) -> pd.Series[float]:
        """Return the time of the first detection of each candidate, by its row [d, MJD UTC]."""
        table = schema.photometry.c
        query = select(table.candidate, func.min(table.mjd)).group_by(table.candidate)
        with self._access.reading() as connection:
            rows = connection.execute(query.where(table.kind == photometry.DETECTION)).all()
        return pd.Series({int(row[0]): float(row[1]) for row in rows}, dtype="float64")

    def add(self, connection: Connection, rows: pd.DataFrame) -> int:
        """Add measurements, and return how many are new.

        Parameters
        ----------
        connection : Connection
            In a transaction.
        rows : DataFrame
            A photometry table with ``candidate``, the candidate's row.

        Notes
        -----
        Of a measurement that comes twice, the row that was known first counts; of two that were
        known at the same time, that of the source first in the alphabet: not the one that
        happened to come first.
        """
        if rows.empty:
            return 0
        rows = rows.sort_values(["known_at", "source"], kind="stable").drop_duplicates(KEY)
        keys = [int(key) for key in rows["candidate"].unique()]
        before = _count(connection, keys)
        table = schema.photometry
        insert = self._access.insert(table)
        new, held = insert.excluded, table.c
        names = [column.name for column in table.columns]
        statement = insert.on_conflict_do_update(
            index_elements=KEY,
            set_={name: new[name] for name in names if name not in KEY},
            where=or_(
                new.known_at < held.known_at,
                and_(new.known_at == held.known_at, new.source < held.source),
            ),
        )
        # In the order of the key, which SQLite inserts twice as fast.
        insert_many(connection, statement, sorted(tuples(rows, names), key=itemgetter(0, 1, 2)))
        self._add_suspicions(connection, rows)
        self._add_templates(connection, rows)
        _changed(connection, self._access, keys)
        for tell in self.when_added:
            tell(keys)
        return _count(connection, keys) - before

    def _add_suspicions(self, connection: Connection, rows: pd.DataFrame) -> None:
        """Keep which test made points suspect; the first word stays."""
        if photometry.WHY not in rows:
            return
        rows = rows[(rows["kind"] == photometry.SUSPECT) & (rows[photometry.WHY] != "")]
        self._keep_first(connection, schema.suspicions, rows, [*KEY, photometry.WHY])

    def _add_templates(self, connection: Connection, rows: pd.DataFrame) -> None:
        """Keep the flux of the template below points; the first word stays."""
        if photometry.TEMPLATE not in rows:
            return
        both = rows[[photometry.TEMPLATE, photometry.TEMPLATE_ERR]].to_numpy(float)
        rows = rows[np.isfinite(both).all(axis=1) & rows["flux"].notna().to_numpy()]
        names = [*KEY, photometry.TEMPLATE, photometry.TEMPLATE_ERR]
        self._keep_first(connection, schema.templates, rows, names)

    def _keep_first(
        self, connection: Connection, table: Table, rows: pd.DataFrame, names: list[str]
    ) -> None:
        """Insert what is said of measurements, unless something was said before.

        Parameters
        ----------
        connection : Connection
        table : Table
        rows : DataFrame
        names : list of str
            Their columns, in the order of those of `table`.
        """
        statement = self._access.insert(table).on_conflict_do_nothing()
        columns = [column.name for column in table.columns]
        # In the order of the key, which SQLite inserts twice as fast.
        ordered = sorted(tuples(rows, names), key=itemgetter(0, 1, 2))
        insert_many(connection, statement.values(dict.fromkeys(columns)), ordered)

    def suspicions(self, key: int) -> pd.DataFrame:
        """Return which test made points of a candidate suspect.

        Parameters
        ----------
        key : int
            The candidate's row.

        Returns
        -------
        DataFrame
            ``survey, measurement_id, why``; of negative fluxes, and of what an older program
            stored, nothing is kept.
        """
        table = schema.suspicions
        query = select(table.c.survey, table.c.measurement_id, table.c.why)
        with self._access.reading() as connection:
            found = connection.execute(query.where(table.c.candidate == key)).all()
        return pd.DataFrame(found, columns=["survey", "measurement_id", "why"], dtype=object)


def _changed(connection: Connection, access: Access, keys: list[int]) -> None:
    """Note, in the transaction that does it, that measurements of some candidates change."""
    insert = access.insert(schema.changes)
    now = {"generation": insert.excluded.generation}
    statement = insert.on_conflict_do_update(index_elements=["candidate"], set_=now)
    generation = access.generation(connection)
    rows = [{"candidate": key, "generation": generation} for key in sorted(keys)]
    connection.execute(statement, rows)


def _count(connection: Connection, keys: list[int]) -> int:
    """Count the measurements of some candidates."""
    table = schema.photometry
    query = select(func.count()).select_from(table)
    return sum(
        connection.execute(query.where(table.c.candidate.in_(part))).scalar_one()
        for part in chunks(keys)
    )
