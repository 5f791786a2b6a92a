"""How candidates stood in past cycles: what was news, in segments that grow with age.

Each cycle adds one segment: its news, packed. An hour's segments are then put together, which
loses nothing; what is older than the retention says is thinned to the last row in each hour, and
later in each day. So that one candidate's history is read without a second index, which would be
scattered writes in each cycle: some hundred segments hold weeks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, Table, delete, func, select

from aas2rto.config.sections import Retention
from aas2rto.store import schema
from aas2rto.store.packed import pack, unpack
from aas2rto.store.standings import SCORES, Ints, Rows, thinned

CYCLE, HOUR, HOURLY, DAILY = range(4)
"""Levels: news of a cycle; of an hour, all of it; thinned, one an hour; one a day."""

PIECE = 128
"""Most segments that are put together at a time."""
PIECE_ROWS = 200_000
"""Nor more rows than this, if two segments are fewer [20 to 40 ms]."""

FEW = 50
"""Candidates that are in few of the segments: most segments are stepped over."""


@dataclass(frozen=True)
class _Step:
    """One way to put segments together: of which part of a day, and when they are old enough."""

    level: int
    per_day: float
    before: float


def add(connection: Connection, rows: Rows) -> None:
    """Store the news of a cycle."""
    if len(rows):
        connection.execute(schema.history.insert(), segment(rows, CYCLE))


def segment(rows: Rows, level: int) -> dict[str, object]:
    """Return the values of a segment's row."""
    return {
        "start": float(rows.at.min()),
        "until": float(rows.at.max()),
        "level": level,
        "n": len(rows),
        "data": pack(rows.columns()),
    }


def read(
    connection: Connection,
    *,
    since: float = -np.inf,
    until: float = np.inf,
    candidates: Ints | None = None,
    places: bool = False,
) -> Rows:
    """Return the rows from `since` to `until` [d, MJD UTC], of some candidates or all; unsorted.

    With `places`, only those of lists: most of a history are scores.
    """
    table = schema.history
    query = select(table.c.data)
    if np.isfinite(since):
        query = query.where(table.c.until >= since)
    if np.isfinite(until):
        query = query.where(table.c.start <= until)
    parts = []
    few = candidates if candidates is not None and len(candidates) <= FEW else None
    for (data,) in connection.execute(query.order_by(table.c.id)):
        if few is not None and not np.isin(_candidates(data), few).any():
            continue
        rows = _rows(data)
        kept = (rows.at >= since) & (rows.at <= until)
        if candidates is not None:
            kept &= np.isin(rows.candidate, candidates)
        if places:
            kept &= rows.list != SCORES
        parts.append(rows.take(kept))
    return Rows.joined(parts)


def _candidates(data: bytes) -> Ints:
    """Return who is in a segment, without reading what is said of them."""
    return unpack(bytes(data), only=frozenset({"candidate"}))[0]["candidate"]


def _rows(data: bytes) -> Rows:
    return Rows(**unpack(bytes(data))[0])


def last_before(connection: Connection, at: float, wanted: set[tuple[str, int]]) -> Rows:
    """Return the last row before a time of some candidates' lists, from new to old.

    Parameters
    ----------
    connection : Connection
    at : float
        [d, MJD UTC]
    wanted : set of tuple
        List and candidate. Reading ends where all are found.
    """
    table, parts, missing = schema.history, [], set(wanted)
    query = select(table.c.id).where(table.c.start < at)
    ids = connection.execute(query.order_by(table.c.until.desc(), table.c.id.desc())).scalars()
    for key in ids.all():
        if not missing:
            break
        data = connection.execute(select(table.c.data).where(table.c.id == key)).scalar_one()
        rows = _rows(data)
        of_them = np.isin(rows.candidate, np.array([who for _, who in missing], dtype=np.int64))
        rows = rows.take(of_them & (rows.at < at)).sorted()
        parts.append(rows.take(rows.is_last()))
        missing -= set(zip(rows.list.tolist(), rows.candidate.tolist(), strict=True))
    rows = Rows.joined(parts).sorted()
    return rows.take(rows.is_last())


def lies_between(connection: Connection, low: float, high: float) -> bool:
    """Tell whether there may be rows after `low` and before `high` [d, MJD UTC]."""
    table = schema.history
    query = select(func.count()).where(table.c.until > low, table.c.start < high)
    return bool(connection.execute(query).scalar_one())


def count(connection: Connection) -> int:
    """Return how many rows the history has."""
    return int(connection.execute(select(func.sum(schema.history.c.n))).scalar_one() or 0)


def drop(connection: Connection, at: float) -> None:
    """Take back the rows of the cycle at `at` [d, MJD UTC], which is run again."""
    table = schema.history
    query = select(table.c.id, table.c.level, table.c.data)
    query = query.where(table.c.start <= at, table.c.until >= at)
    for key, level, data in connection.execute(query).all():
        rows = _rows(data)
        kept = rows.take(rows.at != at)
        if len(kept) == len(rows):
            continue
        if len(kept):
            values = segment(kept, level)
            connection.execute(table.update().where(table.c.id == key).values(**values))
        else:
            connection.execute(delete(table).where(table.c.id == key))


# -- growing old -----------------------------------------------------------------------------------


def age(connection: Connection, now: float, retention: Retention) -> bool:
    """Put some segments together, or thin them: one bounded piece of what is due at `now`.

    Parameters
    ----------
    connection : Connection
        In a transaction.
    now : float
        [d, MJD UTC] of the newest cycle.
    retention : Retention

    Returns
    -------
    bool
        Whether there was anything to do: there may be more.
    """
    steps = (
        _Step(DAILY, 1.0, now - retention.hourly),
        _Step(HOURLY, 24.0, now - retention.all),
        _Step(HOUR, 24.0, now - 1.0 / 24.0),
    )
    taken = [_take_step(connection, schema.history, step) for step in steps]
    return any(taken)


def _take_step(connection: Connection, table: Table, step: _Step) -> bool:
    """Take one step with the oldest part of a day that is wholly old enough for it."""
    query = select(func.min(table.c.start)).where(table.c.level < step.level)
    start = connection.execute(query).scalar_one()
    part = None if start is None else _part(start, step)
    if part is None or part >= np.floor(step.before * step.per_day):
        return False
    near = (part - 0.5) / step.per_day, (part + 1.5) / step.per_day
    query = select(table.c.id, table.c.n, table.c.start).where(
        table.c.level <= step.level, table.c.start >= near[0], table.c.start <= near[1]
    )
    rows = connection.execute(query.order_by(table.c.level.desc(), table.c.id)).all()
    rows = [row for row in rows if _part(row.start, step) == part]
    chosen = _piece(row.n for row in rows)
    ids = [row.id for row in rows[:chosen]]
    found = connection.execute(select(table.c.data).where(table.c.id.in_(ids))).scalars().all()
    joined = Rows.joined(map(_rows, found))
    joined = joined.sorted() if step.level == HOUR else thinned(joined, step.per_day)
    connection.execute(delete(table).where(table.c.id.in_(ids)))
    connection.execute(table.insert(), segment(joined, step.level))
    return True


def _part(at: float, step: _Step) -> float:
    return float(np.floor(at * step.per_day))


def _piece(sizes: Iterable[int]) -> int:
    """Return how many segments are one piece: at least two, which are one less after."""
    total, count = 0, 0
    for size in sizes:
        if count >= PIECE or (count >= 2 and total + size > PIECE_ROWS):
            break
        total, count = total + size, count + 1
    return count
