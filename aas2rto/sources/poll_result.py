"""What one poll of a live service brings together, and how it becomes a `Report`."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd

from aas2rto.errors import SourceError
from aas2rto.sources.packets.batch import Batch
from aas2rto.sources.packets.quality import ANY, Quality
from aas2rto.sources.transport.answer import Cause, HttpError
from aas2rto.tables.report import Outcome, PollRequest, Report, fact_table, facts_of, object_table
from aas2rto.text.words import counted

T = TypeVar("T")

SECONDS_PER_DAY = 86400.0

DEADLINE_SHARE = 0.9
"""Share of the loop's deadline that a poll plans to use: the rest is for building tables."""

DEFAULT_WAITS = {Cause.THROTTLED: 60.0, Cause.REFUSED: 1800.0}
"""Seconds to leave a service alone that does not say for how long.

Most quotas are per minute. A refused account stays refused until somebody changes it, or the
service's firewall lets us in again."""

MAX_PROBLEMS = 30
"""Lines about single records in one report."""

ADVICE = {
    Cause.REFUSED: "check the account and its token",
    Cause.REJECTED: "check the settings of this source",
    Cause.NOT_FOUND: "check the url of this source",
}


class Harvest:
    """Collects what a poll brings, in whatever order it comes.

    Parameters
    ----------
    source : str
        Name of the source.
    request : PollRequest
        `cursor` starts as a copy of the request's, and is changed only together with the data
        that it stands for, so that a poll that fails half-way skips nothing.
    lasting : bool
        True for streams, whose alerts cannot be asked for again: they are taken even if they
        are younger than `request.now`, which the loop's own cut by ``known_at`` then hides.
    quality : Quality
        What a detection must fulfil, or is suspect.
    """

    def __init__(
        self, source: str, request: PollRequest, *, lasting: bool = False, quality: Quality = ANY
    ) -> None:
        self.source = source
        self.now = request.now
        self.wanted = request.wanted
        self.cursor: dict[str, Any] = copy.deepcopy(dict(request.cursor))
        last = math.inf if lasting else request.now
        self.batch = Batch(source, last, quality=quality)
        self.objects: list[dict[str, Any]] = []
        self.facts: list[tuple[Any, ...]] = []
        self.photometry: list[pd.DataFrame] = []
        self.problems: list[str] = []
        self.newest_alert: float | None = None
        self._cut_short = ""
        self._errors: list[str] = []
        self._waits: list[float | None] = []

    def note(self, object_id: str, **values: Any) -> None:
        """Add annotations of an object, known now; None is no annotation."""
        known = {key: value for key, value in values.items() if value is not None}
        self.say(object_id, **known)

    def say(self, object_id: str, **values: Any) -> None:
        """Add facts of an object, known now; None takes back what this source said before.

        Parameters
        ----------
        object_id : str
        **values
            By key, see `aas2rto.tables.report.FACT_COLUMNS`; ``redshift_source`` is the origin of
            the redshift.
        """
        self.facts.extend(facts_of({"object_id": object_id, "known_at": self.now, **values}))

    def saw(self, mjd: float) -> None:
        """Remember the newest alert [MJD, UTC]."""
        self.newest_alert = max(mjd, self.newest_alert or mjd)

    def fail(self, error: SourceError) -> None:
        """Record why the poll, or a part of it, failed, and when to try again."""
        wait, advice = None, ""
        if isinstance(error, HttpError):
            if error.cause is Cause.OUT_OF_TIME:
                # The cursor says where to go on; only a poll that brought nothing has failed.
                self._cut_short = f"{error}; next try in the next cycle"
                return
            wait = error.wait if error.wait is not None else DEFAULT_WAITS.get(error.cause)
            advice = ADVICE.get(error.cause, "")
        when = f"next try in {span(wait)}" if wait else "next try in the next cycle"
        self._errors.append("; ".join(part for part in (str(error), advice, when) if part))
        self._waits.append(wait)

    def part(self, work: Callable[[], T]) -> T | None:
        """Do a part of the poll; its failure does not keep the other parts from being done."""
        try:
            return work()
        except SourceError as error:
            self.fail(error)
            return None

    def report(self, acknowledge: Callable[[], None] | None = None) -> Report:
        """Build the report: data, verified empty, or failed (with the data that still came)."""
        tables = self.batch.tables()
        photometry = pd.concat([tables.photometry, *self.photometry], ignore_index=True)
        objects = pd.concat([tables.objects, object_table(self.objects)], ignore_index=True)
        if len(objects):
            # An alert says more of an object than a list does, and comes first here.
            objects = objects.drop_duplicates(["survey", "object_id"], ignore_index=True)
        facts = [table for table in (tables.facts, fact_table(self.facts)) if len(table)]
        told = pd.concat(facts, ignore_index=True) if facts else tables.facts
        has_data = bool(len(objects) or len(photometry) or len(told))
        if self._cut_short and not has_data:
            self._errors.append(self._cut_short)
            self._waits.append(None)
        outcome = Outcome.DATA if has_data else Outcome.EMPTY
        newest = [mjd for mjd in (self.newest_alert, tables.newest_alert) if mjd is not None]
        extra: dict[str, Any] = {"acknowledge": acknowledge} if acknowledge else {}
        return Report(
            self.source,
            Outcome.FAILED if self._errors else outcome,
            objects=objects,
            photometry=photometry,
            facts=told,
            cursor=self.cursor,
            newest_alert=max(newest, default=None),
            problems=_shortened((*self.problems, *tables.problems)),
            error=" | ".join(self._errors),
            retry_at=self._retry_at(),
            **extra,
        )

    def _retry_at(self) -> float | None:
        """Return when to ask again: at once if any of the failed parts may be asked at once."""
        waits = [wait for wait in self._waits if wait is not None]
        if not waits or len(waits) < len(self._waits):
            return None
        return self.now + min(waits) / SECONDS_PER_DAY


def _shortened(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Keep the first problems: if thousands of records are broken, they are so alike."""
    if len(lines) <= MAX_PROBLEMS:
        return lines
    return (*lines[:MAX_PROBLEMS], f"... and {counted(len(lines) - MAX_PROBLEMS, 'more problem')}")


def span(seconds: float) -> str:
    """Write a time span for people.

    Examples
    --------
    >>> span(23), span(90), span(3600)
    ('23 s', '2 min', '60 min')
    """
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
