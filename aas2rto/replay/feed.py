"""An archive in the order in which it became known: each cycle of a replay gets what is new."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.steps.cycle import Parts
from aas2rto.steps.poller import Poller
from aas2rto.tables.report import Outcome, PollRequest, Report
from aas2rto.text.words import counted

UNTIL = "until"
"""Of the cursor: until when everything was told [d, MJD UTC]."""

PATIENCE = 86400.0
"""For reading files [s]."""


@dataclass(frozen=True)
class _Sorted:
    """Rows by the time since when they can be told."""

    rows: pd.DataFrame
    times: NDArray[np.float64]

    @classmethod
    def of(cls, rows: pd.DataFrame, times: NDArray[np.float64]) -> _Sorted:
        order = np.argsort(times, kind="stable")
        return cls(rows.iloc[order].reset_index(drop=True), times[order])

    def between(self, since: float, until: float) -> pd.DataFrame:
        """Return the rows that can be told after `since`, until `until` inclusive."""
        first, end = np.searchsorted(self.times, [since, until], side="right")
        return self.rows.iloc[first:end].reset_index(drop=True)


class Told:
    """A source that tells what another one would have told by the time it is asked.

    Parameters
    ----------
    report : Report
        All that it has to say, up to the end of the replay.

    Notes
    -----
    How far it was told stands in the cursor, which the store keeps with the data: a replay that
    goes on where it was killed gets what comes next.
    """

    asks_by_object = False

    def __init__(self, report: Report) -> None:
        self._name = report.source
        objects, known = report.objects, pd.Series(dtype="float64")
        if len(objects):
            known = objects.groupby("object_id")["known_at"].min()
        self._objects = _Sorted.of(objects, _times(objects, "object_id", known))
        self._photometry = _Sorted.of(
            report.photometry, _times(report.photometry, "candidate_id", known)
        )
        self._facts = _Sorted.of(report.facts, _times(report.facts, "object_id", known))

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
            self._name,
            Outcome.DATA if any_data else Outcome.EMPTY,
            objects,
            points,
            facts,
            {UNTIL: until},
            newest,
        )


def _times(rows: pd.DataFrame, column: str, known: pd.Series[Any]) -> NDArray[np.float64]:
    """Return since when rows can be told: since they are known, but not before their object is."""
    if rows.empty:
        return np.empty(0)
    own = rows["known_at"].to_numpy(float)
    if known.empty:
        return own
    object_since = rows[column].map(known).to_numpy(float)
    since: NDArray[np.float64] = np.fmax(own, object_since)
    return since


@dataclass(frozen=True)
class Feed:
    """What the sources of a science case have to say until some time.

    Parameters
    ----------
    reports : tuple of Report
        One of each source.
    store : Path, optional
        What a loop was told, in place of reports.
    """

    reports: tuple[Report, ...] = ()
    store: Path | None = None

    @property
    def problems(self) -> list[str]:
        """One line for each thing that could not be used."""
        return [line for report in self.reports for line in report.problems]

    @property
    def notes(self) -> list[str]:
        """One line for each thing that is no problem."""
        return [line for report in self.reports for line in report.notes]

    def pollers(self) -> tuple[Poller, ...]:
        """Return sources that tell all of it in the course of a replay."""
        return tuple(Poller(report.source, Told(report)) for report in self.reports)

    def digest(self) -> str:
        """Return a number for all that is in it: a replay goes on only with the same."""
        total = hashlib.sha256()
        if self.store is not None:
            status = self.store.stat()
            total.update(f"{self.store.resolve()} {status.st_size}".encode())
        for report in self.reports:
            for table in (report.objects, report.photometry, report.facts):
                plain = table.astype({name: str for name in table if table[name].dtype == object})
                total.update(pd.util.hash_pandas_object(plain, index=False).to_numpy().tobytes())
        return total.hexdigest()[:12]


def read(parts: Parts, since: float, until: float) -> Feed:
    """Ask the sources of a case, which must be files, once for everything.

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
    reports = []
    for poller in parts.pollers:
        poller.start(PollRequest(until, {}, pd.DataFrame(), PATIENCE))
        reports.append(_lasting(poller.answer(PATIENCE), since, until))
    if not any(len(report.objects) for report in reports):
        refused = "; ".join(report.error for report in reports if report.error)
        raise InputError(
            "nothing to replay: " + (refused or "no object is known by the end of --to")
        )
    return Feed(tuple(reports))


def _lasting(report: Report, since: float, until: float) -> Report:
    """Return what a source said, so that it can be told again: files are never told of it.

    What people came to know only later, but stands in a file without a time, is known since its
    object is: a line says so, for that is a look into the future.

    A target that is only named, without a time or a measurement, is known from the beginning: the
    source, asked at the end, dates it there.
    """
    objects, facts = report.objects, report.facts
    if len(objects):
        measured = set(report.photometry["candidate_id"])
        silent = (objects["known_at"] >= until) & ~objects["object_id"].isin(measured)
        names = set(objects.loc[silent, "object_id"])
        objects = objects.assign(known_at=objects["known_at"].mask(silent, since))
        if len(facts) and names:
            late = facts["object_id"].isin(names) & (facts["known_at"] >= until)
            facts = facts.assign(known_at=facts["known_at"].mask(late, since))
    notes = (*report.notes, *_undated(objects, facts))
    return replace(
        report, objects=objects, facts=facts, notes=notes, cursor={}, acknowledge=lambda: None
    )


def _undated(objects: pd.DataFrame, facts: pd.DataFrame) -> list[str]:
    """Say how many types and redshifts are known as early as their objects."""
    if objects.empty or facts.empty:
        return []
    since = facts["object_id"].map(objects.groupby("object_id")["known_at"].min())
    early = facts["key"].isin(["redshift", "spectral_type"]) & (facts["known_at"] <= since)
    n = int(facts.loc[early, "object_id"].nunique())
    if not n:
        return []
    return [
        f"of {counted(n, 'object')} a type or redshift is known from the first alert on; "
        "if people learnt it later, give it a known_at, or leave it out"
    ]
