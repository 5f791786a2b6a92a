"""An archive in the order in which it became known: each cycle of a replay gets what is new."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.sources.archive import known_first
from aas2rto.steps.cycle import Parts
from aas2rto.steps.poller import Poller
from aas2rto.tables import photometry
from aas2rto.tables.report import Outcome, PollRequest, Report
from aas2rto.text.words import counted

UNTIL = "until"
"""Of the cursor: until when everything was told [d, MJD UTC]."""

PATIENCE = 86400.0
"""For reading files [s]."""

PIECES = 48
"""An archive of many files is read in up to so many pieces, to need less memory than at once."""

AT_ONCE = 200_000
"""Rows that are unpacked at a time."""

WORDS = tuple(name for name, dtype in photometry.COLUMNS.items() if dtype == "str")
UNIQUE = "measurement_id"
"""The only words of photometry that hardly ever repeat."""


@dataclass
class _Kept:
    """Rows by the time since when they can be told."""

    times: NDArray[np.float64]
    rows: pd.DataFrame | pa.Table

    def between(self, since: float, until: float) -> pd.DataFrame:
        """Return the rows that can be told after `since`, until `until` inclusive."""
        first, end = np.searchsorted(self.times, [since, until], side="right")
        return self._frame(int(first), int(end))

    def _frame(self, first: int, end: int) -> pd.DataFrame:
        if isinstance(self.rows, pd.DataFrame):
            return self.rows.iloc[first:end].reset_index(drop=True)
        frame: pd.DataFrame = self.rows.slice(first, end - first).to_pandas()
        return frame.astype(dict.fromkeys([name for name in WORDS if name in frame], object))

    def hashes(self) -> Iterator[bytes]:
        """Yield what all columns of the rows hash to, some rows at a time."""
        yield self.times.tobytes()
        for first in range(0, len(self.times), AT_ONCE):
            frame = self._frame(first, min(first + AT_ONCE, len(self.times)))
            plain = frame.astype({name: str for name in frame if frame[name].dtype == object})
            yield pd.util.hash_pandas_object(plain, index=False).to_numpy().tobytes()


class Told:
    """A source that tells what another one would have told by the time it is asked.

    Parameters
    ----------
    reports : sequence of Report
        All that it had to say, in the order in which it said it.

    Attributes
    ----------
    name : str
    digest : str
        Of all rows: a replay goes on only with the same.
    n_objects : int

    Notes
    -----
    How far it was told stands in the cursor, which the store keeps with the data: a replay that
    goes on where it was killed gets what comes next.
    """

    asks_by_object = False

    def __init__(self, reports: Sequence[Report]) -> None:
        self.name = reports[0].source
        self.notes, self.problems = _lines(reports)
        objects = _joined([report.objects for report in reports])
        known = _first_known(objects)
        self.n_objects = len(known)
        self._objects = _sorted(objects, _times(objects, "object_id", known))
        facts = _joined([report.facts for report in reports])
        self._facts = _sorted(facts, _times(facts, "object_id", known))
        packed = [_packed(report.photometry) for report in reports if len(report.photometry)]
        times = [_times(one.photometry, "candidate_id", known) for one in reports]
        self._photometry = _sorted_table(packed, np.concatenate(times))
        self.notes += _undated(objects, facts, known)
        self.digest = self._digest()

    def poll(self, request: PollRequest) -> Report:
        """Tell what became known since the last time, until ``request.now``."""
        since = float(request.cursor.get(UNTIL, -np.inf))
        until = max(request.now, since)
        objects = self._objects.between(since, until)
        points = self._photometry.between(since, until)
        facts = self._facts.between(since, until)
        any_data = bool(len(objects) or len(points) or len(facts))
        newest = float(points["known_at"].max()) if len(points) else None
        return Report(
            self.name,
            Outcome.DATA if any_data else Outcome.EMPTY,
            objects,
            points,
            facts,
            {UNTIL: until},
            newest,
        )

    def _digest(self) -> str:
        total = hashlib.sha256()
        for kept in (self._objects, self._facts, self._photometry):
            for part in kept.hashes():
                total.update(part)
        return total.hexdigest()[:12]


def _lines(reports: Sequence[Report]) -> tuple[list[str], list[str]]:
    """Return what was said of files, each line once: the last time that a file was read counts."""
    return (
        list(dict.fromkeys(line for report in reports[-1:] for line in report.notes)),
        list(dict.fromkeys(line for report in reports for line in report.problems)),
    )


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    full = [part for part in parts if len(part)]
    return pd.concat(full, ignore_index=True) if full else pd.DataFrame()


def _first_known(objects: pd.DataFrame) -> pd.Series[Any]:
    if objects.empty:
        return pd.Series(dtype="float64")
    return objects.groupby("object_id")["known_at"].min()


def _times(rows: pd.DataFrame, column: str, known: pd.Series[Any]) -> NDArray[np.float64]:
    """Return since when rows can be told: since they are known, but not before their object is."""
    if rows.empty:
        return np.empty(0)
    own = rows["known_at"].to_numpy(float)
    if known.empty:
        return own
    since: NDArray[np.float64] = np.fmax(own, rows[column].map(known).to_numpy(float))
    return since


def _sorted(rows: pd.DataFrame, times: NDArray[np.float64]) -> _Kept:
    order = np.argsort(times, kind="stable")
    return _Kept(times[order], rows.iloc[order].reset_index(drop=True))


def _sorted_table(parts: Sequence[pa.Table], times: NDArray[np.float64]) -> _Kept:
    if not parts:
        return _Kept(np.empty(0), photometry.empty())
    order = np.argsort(times, kind="stable")
    whole = pa.concat_tables(parts, promote_options="permissive").unify_dictionaries()
    return _Kept(times[order], whole.take(order))


def _packed(rows: pd.DataFrame) -> pa.Table:
    """Return photometry with each word once: a third of the memory, or less."""
    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata()
    for place, column in enumerate(table.schema):
        if column.name in WORDS and column.name != UNIQUE:
            words = table[place].cast(pa.string()).dictionary_encode()
            table = table.set_column(place, column.name, words)
    return table


def _undated(objects: pd.DataFrame, facts: pd.DataFrame, known: pd.Series[Any]) -> list[str]:
    """Say how many types and redshifts are known as early as their objects.

    What people came to know only later, but stands in a file without a time, is known since its
    object is: that is a look into the future.
    """
    if objects.empty or facts.empty:
        return []
    since = facts["object_id"].map(known)
    early = facts["key"].isin(["redshift", "spectral_type"]) & (facts["known_at"] <= since)
    n = int(facts.loc[early, "object_id"].nunique())
    if not n:
        return []
    return [
        f"of {counted(n, 'object')} a type or redshift is known from the first alert on; "
        "if people learnt it later, give it a known_at, or leave it out"
    ]


@dataclass(frozen=True)
class Feed:
    """What the sources of a science case have to say until some time.

    Parameters
    ----------
    sources : tuple of Told
    store : Path, optional
        What a loop was told, in place of sources.
    """

    sources: tuple[Told, ...] = ()
    store: Path | None = None

    def said(self) -> list[str]:
        """Return what is to be known of the files, one line each."""
        return [line for one in self.sources for line in (*one.notes, *one.problems)]

    def pollers(self) -> tuple[Poller, ...]:
        """Return sources that tell all of it in the course of a replay."""
        return tuple(Poller(one.name, one) for one in self.sources)

    def digest(self) -> str:
        """Return a number for all that is in it: a replay goes on only with the same."""
        total = hashlib.sha256()
        if self.store is not None:
            status = self.store.stat()
            total.update(f"{self.store.resolve()} {status.st_size}".encode())
        for one in self.sources:
            total.update(one.digest.encode())
        return total.hexdigest()[:12]


def read(parts: Parts, since: float, until: float) -> Feed:
    """Ask the sources of a case, which must be files, for all that they have.

    Parameters
    ----------
    parts : Parts
    since, until : float
        The first and the last cycle [d, MJD UTC].

    Raises
    ------
    InputError
        If none of them knows an object by the end.
    """
    told, refused = [], []
    for poller in parts.pollers:
        reports = list(_reports(poller, since, until))
        refused += [report.error for report in reports[-1:] if report.error]
        told.append(Told(reports))
    if not any(one.n_objects for one in told):
        why = "; ".join(refused) or "no object is known by the end of --to"
        raise InputError(f"nothing to replay: {why}")
    return Feed(tuple(told))


def _reports(poller: Poller, since: float, until: float) -> Iterator[Report]:
    """Ask a source as the loop would: at the first cycle, then as its files come due.

    So an object that is only named, without a time, is known since the first cycle.
    """
    cursor: Any = {}
    now = since
    while True:
        poller.start(PollRequest(now, cursor, pd.DataFrame(), PATIENCE))
        report = poller.answer(PATIENCE)
        yield report
        if now >= until:
            return
        cursor = report.cursor
        ahead = sorted(time for time in known_first(cursor) if time > now)
        # Just before the second file that waits begins: the first one is then read, and it alone.
        due = np.nextafter(ahead[1], -np.inf) if len(ahead) > 1 else until
        now = float(min(max(due, now + (until - since) / PIECES), until))
