"""All state on disk: the only writer of it.

SQLite in WAL mode by default, PostgreSQL by URL. What a poll brought and the cursor that goes
with it are committed together; the results of a cycle are committed together. Killing the
program at any instant loses nothing that was committed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Float, and_, bindparam, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from aas2rto.errors import StoreError
from aas2rto.store import history, schema
from aas2rto.store.cache import LightCurves, PhotometryCache
from aas2rto.store.database import cause, is_postgresql, migrate, open_engine, shown, writing
from aas2rto.store.intake import (
    changes_of,
    conform_objects,
    left_out,
    usable_annotations,
    usable_measurements,
)
from aas2rto.store.outbox import Answer, Mail, Outbox
from aas2rto.store.rows import chunks, insert_many, none_if_nan, plain, records, tuples
from aas2rto.tables import candidates, photometry
from aas2rto.tables.candidates import ACTIVE, REJECTED
from aas2rto.tables.report import Outcome, Report


@dataclass(frozen=True)
class Ingested:
    """What a report added to the store.

    Parameters
    ----------
    new_candidates, new_measurements : int
    refused : tuple of str
        One line for each object that could not be stored.
    """

    new_candidates: int = 0
    new_measurements: int = 0
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceState:
    """What is known of a source; times are MJD (UTC), None if it never happened."""

    source: str
    cursor: Mapping[str, Any]
    newest_alert: float | None = None
    last_poll: float | None = None
    last_success: float | None = None
    last_error: str = ""
    failures: int = 0
    retry_at: float | None = None


class Store:
    """The database of one project.

    Parameters
    ----------
    url : str
        ``sqlite:///path``, ``sqlite://`` (in memory) or ``postgresql+psycopg://...``.

    Raises
    ------
    StoreError
        If it cannot be opened, or was written by a newer version of this program.
    """

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        self._insert = postgresql.insert if is_postgresql(self.engine) else sqlite.insert
        try:
            migrate(self.engine)
        except SQLAlchemyError as error:
            raise StoreError(f"cannot open the store {shown(url)}: {cause(error)}") from error
        self._cache = PhotometryCache()
        self._ids: dict[str, int] = {}
        self._positions = pd.DataFrame(columns=["candidate_id", "ra", "dec"])
        self._aliases: dict[str, str] = {}
        self.outbox = Outbox(self.engine, self._transaction, self._key_of)
        self._load_identities()

    def close(self) -> None:
        """Release the connections."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self, what: str) -> Iterator[Connection]:
        committed = False
        try:
            with writing(self.engine) as connection:
                yield connection
            committed = True
        except SQLAlchemyError as error:
            raise StoreError(f"{what}: the store did not take it: {cause(error)}") from error
        finally:
            if not committed:  # whatever the reason, memory must not know more than the database
                self._cache = PhotometryCache()
                self._load_identities()

    def _load_identities(self) -> None:
        with self.engine.connect() as connection:
            table = schema.candidates
            columns = (table.c.id, table.c.candidate_id, table.c.ra, table.c.dec)
            rows = connection.execute(select(*columns)).all()
            held = pd.DataFrame(rows, columns=[column.name for column in columns])
            self._positions = held[["candidate_id", "ra", "dec"]]
            self._ids = dict(zip(held["candidate_id"], held["id"].tolist(), strict=True))
            names = {key: name for name, key in self._ids.items()}
            pairs = connection.execute(select(schema.aliases.c.alias, schema.aliases.c.candidate))
            self._aliases = {alias: names[key] for alias, key in pairs}

    # -- what comes in ------------------------------------------------------------------------

    def ingest(self, report: Report, now: float, *, merge_radius: float = 5.0) -> Ingested:
        """Store what a poll brought, and the source's new state, in one transaction.

        Parameters
        ----------
        report : Report
            Its photometry names objects by the survey's id in ``candidate_id``.
        now : float
            MJD (UTC) of the cycle.
        merge_radius : float
            See :func:`aas2rto.tables.candidates.match` [arcsec].

        Notes
        -----
        The caller calls ``report.acknowledge()`` after this has returned, not before.
        """
        ingested = Ingested()
        with self._transaction(f"report of {report.source}") as connection:
            if len(report.objects) or len(report.photometry) or len(report.annotations):
                ingested = self._ingest_objects(connection, report, merge_radius)
            self._save_source_state(connection, report, now)
        return ingested

    def _ingest_objects(
        self, connection: Connection, report: Report, merge_radius: float
    ) -> Ingested:
        objects = conform_objects(report.objects)
        usable = np.isfinite(objects["ra"]) & objects["dec"].between(-90, 90)
        refused = [
            f"{report.source}: {object_id or 'an object without id'} has no usable position; "
            "it was left out"
            for object_id in objects.loc[~usable, "object_id"]
        ]
        nameless = usable & (objects["object_id"] == "")
        refused += left_out(report.source, int(nameless.sum()), "object", "without object_id")
        objects = objects[usable & ~nameless].reset_index(drop=True)
        found = candidates.match(
            objects, self._positions, self._aliases, radius_arcsec=merge_radius
        )
        objects["candidate_id"] = found.candidate_id
        refused += [
            f"{report.source}: {first} and {other} are one object under two names: another lies "
            "between them"
            for first, other in found.linked
        ]
        is_unseen = [name not in self._aliases for name in objects["object_id"]]
        is_joined = ~found.is_new & np.array(is_unseen, dtype=bool)
        self._add_candidates(connection, objects[found.is_new])
        # Where the further objects of a candidate lie, so that the next in a row finds them.
        joined = objects.loc[is_joined, ["candidate_id", "ra", "dec"]]
        self._positions = pd.concat([self._positions, joined]) if len(joined) else self._positions
        self._update_candidates(connection, objects)
        self._add_aliases(connection, objects)
        # Photometry may come for objects that an earlier report introduced.
        named = zip(objects["object_id"], objects["candidate_id"], strict=True)
        owner = {**self._aliases, **dict(named)}
        measurements, problems = usable_measurements(report, owner, self._ids)
        added = self._add_photometry(connection, measurements)
        notes, more_problems = usable_annotations(report, owner, self._ids)
        self._add_annotations(connection, notes)
        refused += [*problems, *more_problems]
        return Ingested(int(found.is_new.sum()), added, tuple(refused))

    def _add_candidates(self, connection: Connection, objects: pd.DataFrame) -> None:
        if objects.empty:
            return
        rows = [
            {
                "candidate_id": row["candidate_id"],
                "ra": row["ra"] % 360.0,
                "dec": row["dec"],
                "first_known": none_if_nan(row["known_at"]),
            }
            for row in objects.to_dict("records")
        ]
        connection.execute(schema.candidates.insert(), rows)
        table = schema.candidates
        wanted = objects["candidate_id"].tolist()
        for part in chunks(wanted):
            query = select(table.c.candidate_id, table.c.id).where(table.c.candidate_id.in_(part))
            self._ids.update({row.candidate_id: row.id for row in connection.execute(query)})
        fresh = objects[["candidate_id", "ra", "dec"]]
        self._positions = pd.concat([self._positions, fresh]) if len(self._positions) else fresh

    def _update_candidates(self, connection: Connection, objects: pd.DataFrame) -> None:
        """Take over what is newly known; a ToO's words and TNS's names are not overwritten."""
        table = schema.candidates
        for row in objects.to_dict("records"):
            changes = changes_of(row)
            if changes:
                key = self._ids[row["candidate_id"]]
                values = changes if row["too"] else _unless_better(changes, row["survey"])
                connection.execute(update(table).where(table.c.id == key).values(**values))
        # A person who asks for a candidate knows more than the factor that rejected it.
        for name in objects.loc[objects["too"], "candidate_id"]:
            self._revive(connection, self._ids[name])

    def _add_aliases(self, connection: Connection, objects: pd.DataFrame) -> None:
        rows: list[dict[str, Any]] = []
        for row in objects.to_dict("records"):
            owner, survey = row["candidate_id"], row["survey"]
            for alias in dict.fromkeys((row["object_id"], row["name"], owner)):
                if alias and alias not in self._aliases:
                    rows.append({"alias": alias, "candidate": self._ids[owner], "survey": survey})
                    self._aliases[alias] = owner
        if rows:
            statement = self._insert(schema.aliases).on_conflict_do_nothing()
            connection.execute(statement, rows)

    def _add_photometry(self, connection: Connection, rows: pd.DataFrame) -> int:
        if rows.empty:
            return 0
        key = ["candidate", "survey", "measurement_id"]
        rows = rows.sort_values("known_at", kind="stable").drop_duplicates(key)
        keys = [int(key) for key in rows["candidate"].unique()]
        before = _count(connection, keys)
        table = schema.photometry
        insert = self._insert(table)
        statement = insert.on_conflict_do_update(
            index_elements=key,
            # The first time we could know of a measurement is the earliest of all reports.
            set_={"known_at": insert.excluded.known_at},
            where=insert.excluded.known_at < table.c.known_at,
        )
        names = [column.name for column in table.columns]
        # In the order of the key, which SQLite inserts twice as fast.
        insert_many(connection, statement, sorted(tuples(rows, names), key=itemgetter(0, 1, 2)))
        self._cache.forget(keys)
        return _count(connection, keys) - before

    def _add_annotations(self, connection: Connection, rows: pd.DataFrame) -> None:
        if rows.empty:
            return
        rows = rows.sort_values("known_at", kind="stable")
        rows = rows.drop_duplicates(["candidate", "key"], keep="last")
        insert = self._insert(schema.remarks)
        statement = insert.on_conflict_do_update(
            index_elements=["candidate", "key"],
            set_={"value": insert.excluded.value, "known_at": insert.excluded.known_at},
            where=insert.excluded.known_at >= schema.remarks.c.known_at,
        )
        values = [
            {
                "candidate": int(row["candidate"]),
                "key": row["key"],
                "value": json.dumps(row["value"], default=plain),
                "known_at": float(row["known_at"]),
            }
            for row in rows.to_dict("records")
        ]
        if values:
            connection.execute(statement, values)

    def _save_source_state(self, connection: Connection, report: Report, now: float) -> None:
        old = self._source_state(connection, report.source)
        failed = report.outcome == Outcome.FAILED
        newest = [t for t in (old.newest_alert, report.newest_alert) if t is not None]
        values = {
            "cursor": json.dumps(dict(report.cursor) or dict(old.cursor), default=plain),
            "newest_alert": max(newest, default=None),
            "last_poll": now,
            "last_success": old.last_success if failed else now,
            "last_error": report.error,
            "failures": old.failures + 1 if failed else 0,
            "retry_at": report.retry_at,
        }
        statement = self._insert(schema.sources).values(source=report.source, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=values))

    # -- what goes out ------------------------------------------------------------------------

    def source_state(self, source: str) -> SourceState:
        """Return what is known of a source; an empty state if it was never polled."""
        with self.engine.connect() as connection:
            return self._source_state(connection, source)

    def sources(self) -> list[str]:
        """Return the names of all sources that were ever polled, sorted."""
        with self.engine.connect() as connection:
            names = connection.execute(select(schema.sources.c.source)).scalars()
            return sorted(names)

    def _source_state(self, connection: Connection, source: str) -> SourceState:
        row = connection.execute(
            select(schema.sources).where(schema.sources.c.source == source)
        ).one_or_none()
        if row is None:
            return SourceState(source, {})
        values = dict(row._mapping)
        return SourceState(**{**values, "cursor": json.loads(values["cursor"])})

    def resolve(self, name: str) -> str | None:
        """Return the candidate_id of any id or name a candidate is known by."""
        return self._aliases.get(name)

    def aliases(self) -> pd.DataFrame:
        """Return all aliases: ``alias, candidate_id``."""
        pairs = sorted(self._aliases.items())
        return pd.DataFrame(pairs, columns=["alias", "candidate_id"])

    def candidates(self, *, state: str | None = ACTIVE) -> pd.DataFrame:
        """Return the candidate table, sorted by candidate_id.

        Parameters
        ----------
        state : str or None
            ``active``, ``rejected``, or None for all.
        """
        table = schema.candidates
        query = select(table)
        if state is not None:
            query = query.where(table.c.state == state)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        frame = pd.DataFrame(rows, columns=[column.name for column in table.columns])
        types = {n: t for n, t in candidates.COLUMNS.items() if t != "str"}
        frame = frame.astype(types).sort_values("candidate_id", kind="stable")
        return frame.reset_index(drop=True)

    def annotations(self) -> pd.DataFrame:
        """Return what brokers said: one row per candidate, one column per key."""
        table = schema.remarks
        query = select(schema.candidates.c.candidate_id, table.c.key, table.c.value)
        with self.engine.connect() as connection:
            rows = connection.execute(query.join(schema.candidates)).all()
        frame = pd.DataFrame(rows, columns=["candidate_id", "key", "value"])
        frame = frame[frame["key"] != "candidate_id"]
        frame = frame.assign(value=frame["value"].map(json.loads))
        wide = frame.pivot_table(
            index="candidate_id", columns="key", values="value", aggfunc="last"
        )
        return wide.reset_index()

    def photometry(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the photometry of the given candidates, sorted by candidate and time.

        Parameters
        ----------
        table : DataFrame
            Rows of :meth:`candidates`.
        """
        with self.engine.connect() as connection:
            return self._cache.read(connection, table)

    def light_curves(self, table: pd.DataFrame, now: float) -> LightCurves:
        """Return photometry and summary of the given candidates as known at `now`.

        Parameters
        ----------
        table : DataFrame
            Rows of :meth:`candidates`.
        now : float
            MJD (UTC).
        """
        with self.engine.connect() as connection:
            return self._cache.known(connection, table, now)

    def measurement_count(self) -> int:
        """Return the number of measurements in the store."""
        with self.engine.connect() as connection:
            query = select(func.count()).select_from(schema.photometry)
            return int(connection.execute(query).scalar_one())

    def fits(self, model: str) -> pd.DataFrame:
        """Return stored fits of a model: ``candidate_id, digest`` and the fit's columns."""
        table = schema.fits
        query = select(schema.candidates.c.candidate_id, table.c.digest, table.c.fit)
        query = query.join(schema.candidates).where(table.c.model == model)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        records = [{**json.loads(fit), "candidate_id": name, "digest": digest}
                   for name, digest, fit in rows]  # fmt: skip
        return pd.DataFrame(records)

    def save_fits(self, model: str, fits: pd.DataFrame) -> None:
        """Store fits; `fits` has the columns of a fit table and ``digest``."""
        rows = [
            {
                "candidate": self._ids[row["candidate_id"]],
                "model": model,
                "digest": row["digest"],
                "fit": json.dumps(
                    {k: v for k, v in row.items() if k not in {"candidate_id", "digest"}},
                    default=plain,
                ),
            }
            for row in fits.to_dict("records")
        ]
        if not rows:
            return
        insert = self._insert(schema.fits)
        statement = insert.on_conflict_do_update(
            index_elements=["candidate", "model"],
            set_={"digest": insert.excluded.digest, "fit": insert.excluded.fit},
        )
        with self._transaction(f"fits of {model}") as connection:
            connection.execute(statement, rows)

    # -- what people say ----------------------------------------------------------------------

    def add_feedback(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store what somebody said of candidates.

        Parameters
        ----------
        rows : sequence of mapping
            ``candidate_id, kind, at`` and, where they matter, ``until, until_mag,
            until_new_data, observatory, author, comment``; see `aas2rto.tables.marks`.
        """
        values = self._feedback_values(rows)
        with self._transaction("feedback") as connection:
            connection.execute(schema.feedback.insert(), values)

    def _feedback_values(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**{k: v for k, v in row.items() if k != "candidate_id"},
             "candidate": self._ids[row["candidate_id"]]}
            for row in rows
        ]  # fmt: skip

    def take_answer(self, answer: Answer, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Store an answer to a message, with what it says of a candidate, in one transaction.

        Parameters
        ----------
        answer : Answer
        rows : sequence of mapping
            As for `add_feedback`; may be empty.

        Returns
        -------
        bool
            False if this answer was taken before; nothing is then stored.
        """
        with self._transaction("an answer") as connection:
            if not self.outbox.add_answer(connection, answer):
                return False
            if rows:
                connection.execute(schema.feedback.insert(), self._feedback_values(rows))
        return True

    def feedback(self, now: float) -> pd.DataFrame:
        """Return what people had said by `now` [d, MJD UTC], in the order in which they did."""
        table = schema.feedback
        columns = [c for c in table.columns if c.name not in {"id", "candidate"}]
        query = select(schema.candidates.c.candidate_id, *columns).join(schema.candidates)
        with self.engine.connect() as connection:
            rows = connection.execute(
                query.where(table.c.at <= now).order_by(table.c.at, table.c.id)
            ).all()
        frame = pd.DataFrame(rows, columns=["candidate_id", *(c.name for c in columns)])
        return frame.astype({"until": "float64", "until_mag": "float64", "until_new_data": "bool"})

    # -- results of a cycle -------------------------------------------------------------------

    def save_cycle(
        self,
        now: float,
        *,
        scores: pd.DataFrame,
        rejected: pd.DataFrame,
        ranks: pd.DataFrame,
        report: Mapping[str, Any],
        mail: Mail | None = None,
    ) -> None:
        """Store scores, rejections, ranks and messages of one cycle in one transaction.

        Parameters
        ----------
        now : float
            MJD (UTC) of the cycle; a second cycle at the same time replaces the first.
        scores : DataFrame
            ``candidate_id, score, decision, factor``.
        rejected : DataFrame
            ``candidate_id, factor, reason, row``.
        ranks : DataFrame
            ``candidate_id, observatory, rank, site_score``.
        report : mapping
            What cycle.json shows; ``version`` and ``config`` have columns of their own.
        mail : Mail, optional
            What people are to be told of it.
        """
        with self._transaction("results of the cycle") as connection:
            if mail is not None:
                self.outbox.add(connection, mail, now)
            for table in (schema.scores, schema.ranks, schema.cycles):
                connection.execute(delete(table).where(table.c.at == now))
            self._insert_rows(connection, schema.scores, scores, at=now)
            self._insert_rows(connection, schema.ranks, ranks, at=now)
            self._reject(connection, rejected, now)
            connection.execute(
                schema.cycles.insert().values(
                    at=now,
                    version=report["version"],
                    config=report["config"],
                    report=json.dumps(report, default=plain),
                )
            )

    def _insert_rows(
        self, connection: Connection, table: Any, frame: pd.DataFrame, **constants: Any
    ) -> None:
        if frame.empty:
            return
        frame = frame.assign(candidate=frame["candidate_id"].map(self._ids), **constants)
        names = [c.name for c in table.columns if c.name in frame]
        connection.execute(table.insert(), records(frame, names))

    def _reject(self, connection: Connection, rejected: pd.DataFrame, now: float) -> None:
        if rejected.empty:
            return
        rows = [
            {
                "candidate": self._ids[row["candidate_id"]],
                "factor": row["factor"],
                "reason": row["reason"],
                "at": now,
                "row": json.dumps(row["row"], default=plain),
            }
            for row in rejected.to_dict("records")
        ]
        statement = self._insert(schema.rejections).on_conflict_do_nothing()
        connection.execute(statement, rows)
        change = (
            update(schema.candidates)
            .where(schema.candidates.c.id == bindparam("key"))
            .values(state=REJECTED)
        )
        connection.execute(change, [{"key": row["candidate"]} for row in rows])

    def rejection_counts(self) -> dict[str, int]:
        """Return how many candidates each factor has rejected."""
        table = schema.rejections
        query = select(table.c.factor, func.count()).group_by(table.c.factor)
        with self.engine.connect() as connection:
            return {factor: int(count) for factor, count in connection.execute(query)}

    def rejection_state(self) -> str:
        """Say how many candidates are rejected and when the last one was; changes with them."""
        table = schema.rejections
        with self.engine.connect() as connection:
            count, last = connection.execute(select(func.count(), func.max(table.c.at))).one()
        return f"{count} rejected" + (f", the last at MJD {last:.5f}" if count else "")

    def rejections(self) -> pd.DataFrame:
        """Return rejected candidates: ``candidate_id, factor, reason, at, row``, sorted by id."""
        table = schema.rejections
        query = select(
            schema.candidates.c.candidate_id,
            table.c.factor,
            table.c.reason,
            table.c.at,
            table.c.row,
        ).join(schema.candidates)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        frame = pd.DataFrame(rows, columns=["candidate_id", "factor", "reason", "at", "row"])
        frame["row"] = frame["row"].map(json.loads)
        return frame.sort_values("candidate_id", kind="stable").reset_index(drop=True)

    def reconsider(self, now: float, after_days: float) -> list[str]:
        """Make rejected candidates active whose newest detection came long enough after.

        Parameters
        ----------
        now : float
            MJD (UTC); later measurements do not count.
        after_days : float
            Smallest time between the rejection and the detection [day].

        Returns
        -------
        list of str
            The candidates that start afresh, sorted.
        """
        rejection, table = schema.rejections, schema.photometry
        query = (
            select(schema.candidates.c.id, schema.candidates.c.candidate_id)
            .join(rejection, rejection.c.candidate == schema.candidates.c.id)
            .join(table, table.c.candidate == schema.candidates.c.id)
            .where(table.c.kind == photometry.DETECTION, table.c.known_at <= now)
            .group_by(schema.candidates.c.id, schema.candidates.c.candidate_id, rejection.c.at)
            .having(func.max(table.c.mjd) >= rejection.c.at + after_days)
        )
        with self._transaction("reconsidering") as connection:
            found = connection.execute(query).all()
            for key, _ in found:
                self._revive(connection, key)
        return sorted(name for _, name in found)

    def rank_history(
        self,
        candidate_ids: Iterable[str],
        observatories: Sequence[str],
        *,
        since: float,
        until: float,
    ) -> pd.DataFrame:
        """Return where candidates have ranked, see :func:`aas2rto.store.history.rank_history`."""
        with self.engine.connect() as connection:
            ids = self._keys_of(candidate_ids)
            return history.rank_history(connection, ids, observatories, since, until)

    def newest_cycle(self) -> float | None:
        """Return when the newest cycle was [d, MJD UTC]; None before the first."""
        with self.engine.connect() as connection:
            return history.newest_cycle(connection, math.inf)

    def before(
        self, candidate_ids: Iterable[str], observatories: Sequence[str], now: float
    ) -> history.Before:
        """Return what the cycle before `now` said of some candidates."""
        with self.engine.connect() as connection:
            return history.before(connection, self._keys_of(candidate_ids), observatories, now)

    def _key_of(self, candidate_id: str) -> int | None:
        return self._ids.get(candidate_id)

    def _keys_of(self, candidate_ids: Iterable[str]) -> dict[str, int]:
        return {name: self._ids[name] for name in candidate_ids if name in self._ids}

    def _revive(self, connection: Connection, key: int) -> None:
        """Forget that a candidate was rejected."""
        table = schema.candidates
        connection.execute(delete(schema.rejections).where(schema.rejections.c.candidate == key))
        connection.execute(update(table).where(table.c.id == key).values(state=ACTIVE))

    def last_scores(self) -> pd.Series:
        """Return the newest score of each candidate, by candidate_id."""
        table = schema.scores
        newest = (
            select(table.c.candidate, func.max(table.c.at).label("at"))
            .group_by(table.c.candidate)
            .subquery()
        )
        query = (
            select(schema.candidates.c.candidate_id, table.c.score)
            .join(table, table.c.candidate == schema.candidates.c.id)
            .join(newest, (newest.c.candidate == table.c.candidate) & (newest.c.at == table.c.at))
        )
        with self.engine.connect() as connection:
            pairs = connection.execute(query).all()
        return pd.Series({row.candidate_id: row.score for row in pairs}, dtype=float)


def _unless_better(changes: Mapping[str, Any], survey: str) -> dict[str, Any]:
    """Let changes pass by what a ToO said, and a name by the one that stands, TNS's excepted."""
    table = schema.candidates.c
    guarded: dict[str, Any] = {}
    for name, value in changes.items():
        # Where a redshift comes from goes with the redshift.
        column = table["redshift" if name == "redshift_source" else name]
        known = column.is_not(None) if isinstance(column.type, Float) else column != ""
        stays = known if name == "name" and survey != "tns" else and_(table.too, known)
        guarded[name] = case((stays, table[name]), else_=value)
    return guarded


def _count(connection: Connection, keys: list[int]) -> int:
    """Count the measurements of some candidates."""
    table = schema.photometry
    query = select(func.count()).select_from(table)
    return sum(
        connection.execute(query.where(table.c.candidate.in_(part))).scalar_one()
        for part in chunks(keys)
    )
