"""What the two newest cycles found of everybody, packed: one row for each list.

The second newest stays, so that a cycle that is run again is compared with the one before it. A
list of which nothing changed is not written again: both cycles' rows name the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, delete, select

from aas2rto.store import schema
from aas2rto.store.packed import pack, unpack
from aas2rto.store.standings import Standings, place_of

KEPT_CYCLES = 2

Piece = tuple[str, str]
"""What a packed row holds: ``scores``, ``kept`` (the scores that the history kept last), ``ranks``
or ``ever`` (who was in the list before); and of which observatory's list."""


@dataclass
class Held:
    """A cycle that is held in memory, beside its packed rows and their keys."""

    standings: Standings
    pieces: Mapping[Piece, bytes]
    ids: Mapping[Piece, int]


class Current:
    """The newest cycles; held in memory, as they are in the database."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know nothing."""
        self._held: dict[float, Held] = {}

    def times(self, connection: Connection) -> list[float]:
        """Return when the cycles were whose standings are there [d, MJD UTC], sorted."""
        table = schema.current
        query = select(table.c.at).distinct().order_by(table.c.at)
        return [float(at) for at in connection.execute(query).scalars()]

    def of(self, connection: Connection, at: float) -> Standings:
        """Return what the cycle at `at` [d, MJD UTC] found; `times` has it."""
        return self._read(connection, at).standings

    def _read(self, connection: Connection, at: float) -> Held:
        table, held = schema.current, self._held.get(at)
        query = select(table.c.kind, table.c.list, table.c.packed).where(table.c.at == at)
        ids = {(kind, name): int(key) for kind, name, key in connection.execute(query)}
        if held is not None and held.ids == ids:
            return held
        data = schema.packed
        named = {key: piece for piece, key in ids.items()}
        query = select(data.c.id, data.c.data).where(data.c.id.in_(list(named)))
        found = connection.execute(query).all()
        pieces = {named[row.id]: bytes(row.data) for row in found}
        held = Held(from_pieces(at, pieces), pieces, ids)
        self._held[at] = held
        return held

    def drop(self, connection: Connection, at: float) -> None:
        """Forget the cycle at `at` [d, MJD UTC], which is run again though it is not the newest."""
        connection.execute(delete(schema.current).where(schema.current.c.at == at))
        self._held.pop(at, None)

    def take(self, connection: Connection, standings: Standings) -> None:
        """Store what the newest cycle found, and forget all but the one before it.

        Parameters
        ----------
        connection : Connection
            In a transaction.
        standings : Standings
            Not older than any that is there.
        """
        at = standings.at
        before = [time for time in self.times(connection) if time < at]
        last = self._read(connection, before[-1]) if before else None
        pieces = to_pieces(standings)
        table, data = schema.current, schema.packed
        # What goes, goes first: what comes takes its place in the file.
        dropped = before[: len(before) + 1 - KEPT_CYCLES]
        connection.execute(delete(table).where(table.c.at.in_([*dropped, at])))
        connection.execute(delete(data).where(data.c.id.not_in(select(table.c.packed))))
        ids = write(connection, table, data, at, pieces, last)
        self._held = {time: one for time, one in self._held.items() if time not in dropped}
        self._held[at] = Held(standings, pieces, ids)


def write(
    connection: Connection,
    table: Table,
    data: Table,
    at: float,
    pieces: Mapping[Piece, bytes],
    last: Held | None = None,
) -> dict[Piece, int]:
    """Write packed rows, but those that are as in the cycle before; return their keys."""
    ids: dict[Piece, int] = {}
    for piece, value in pieces.items():
        if last is not None and last.pieces.get(piece) == value:
            ids[piece] = last.ids[piece]
        else:
            done: Any = connection.execute(data.insert().values(data=value))
            ids[piece] = int(done.inserted_primary_key[0])
    rows = [
        {"at": at, "kind": kind, "list": name, "packed": ids[kind, name]} for kind, name in pieces
    ]
    connection.execute(table.insert(), rows)
    return ids


def to_pieces(standings: Standings) -> dict[Piece, bytes]:
    """Pack what a cycle found."""
    found = {
        ("scores", ""): pack(
            {
                "candidate": standings.candidate,
                "score": standings.score,
                "decision": standings.decision,
                "factor": standings.factor,
            }
        ),
        ("kept", ""): pack({"kept": standings.kept}),
    }
    for site, place in standings.places.items():
        row = np.flatnonzero(place.rank)
        columns = {"row": row, "rank": place.rank[row], "site_score": place.site_score[row]}
        found["ranks", site] = pack(columns)
        found["ever", site] = pack({"ever": place.ever})
    return found


def from_pieces(at: float, pieces: Mapping[Piece, bytes]) -> Standings:
    """Read what `to_pieces` has packed of the cycle at `at` [d, MJD UTC]."""
    columns = {piece: unpack(data)[0] for piece, data in pieces.items()}
    scores, kept = columns["scores", ""], columns["kept", ""]["kept"]
    places = {}
    for (kind, site), values in columns.items():
        if kind == "ranks":
            place = place_of(len(kept), values["row"], values["rank"], values["site_score"])
            places[site] = replace(place, ever=columns["ever", site]["ever"])
    return Standings(at=at, kept=np.asarray(kept, dtype=float), places=places, **scores)
