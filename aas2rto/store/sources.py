"""How each source is doing, and from where its next poll goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.rows import plain
from aas2rto.tables.report import LONGEST_WAIT, Outcome, Report


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

    def is_waiting(self, now: float) -> bool:
        """Tell whether the service wished not to be asked at `now` [d, MJD UTC].

        A wish for more than `LONGEST_WAIT` is none: it was stored by a clock that had jumped
        ahead, or by a server gone wrong, and would keep the source silent for years.
        """
        return self.retry_at is not None and now < self.retry_at <= now + LONGEST_WAIT


class Sources:
    """The state of every source that was ever polled.

    Parameters
    ----------
    access : Access
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    def state(self, source: str) -> SourceState:
        """Return what is known of a source; an empty state if it was never polled."""
        with self._access.reading() as connection:
            return _state(connection, source)

    def names(self) -> list[str]:
        """Return the names of all sources that were ever polled, sorted."""
        with self._access.reading() as connection:
            names = connection.execute(select(schema.sources.c.source)).scalars()
            return sorted(names)

    def save(self, connection: Connection, report: Report, now: float) -> None:
        """Store how a poll at `now` [d, MJD UTC] went, in the transaction of what it brought."""
        old = _state(connection, report.source)
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
        self._access.upsert(connection, schema.sources, {"source": report.source}, values)


def _state(connection: Connection, source: str) -> SourceState:
    row = connection.execute(
        select(schema.sources).where(schema.sources.c.source == source)
    ).one_or_none()
    if row is None:
        return SourceState(source, {})
    values = dict(row._mapping)
    return SourceState(**{**values, "cursor": json.loads(values["cursor"])})
