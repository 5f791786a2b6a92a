"""The photometry of active candidates, kept in memory so that a quiet cycle reads nothing."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from sqlalchemy import Connection, select

from aas2rto import photometry
from aas2rto.store import schema
from aas2rto.store.rows import chunks


class PhotometryCache:
    """Keeps the photometry of candidates in memory, so that a quiet cycle reads nothing."""

    def __init__(self) -> None:
        self._frame: pd.DataFrame | None = None
        self._held: set[int] = set()

    def forget(self, keys: Iterable[int]) -> None:
        """Drop candidates whose photometry changed."""
        self._held -= {int(key) for key in keys}

    def read(self, connection: Connection, table: pd.DataFrame) -> pd.DataFrame:
        """Return the photometry of the candidates in `table`, reading what is not held."""
        wanted = set(table["id"].tolist())
        absent = wanted - self._held
        if absent or self._frame is None:
            fresh = _read_photometry(connection, absent, everything=not self._held)
            old = self._frame
            if old is not None and len(old):
                kept = old[old["candidate"].isin(list(self._held))]
                fresh = pd.concat([kept, fresh], ignore_index=True) if len(kept) else fresh
            names = table.set_index("id")["candidate_id"]
            fresh["candidate_id"] = fresh["candidate"].map(names)
            fresh = fresh.dropna(subset=["candidate_id"])
            order = ["candidate_id", "mjd", "band", "measurement_id"]
            self._frame = fresh.sort_values(order, kind="stable").reset_index(drop=True)
            self._held = wanted
        held = self._frame
        chosen = held if wanted == self._held else held[held["candidate"].isin(list(wanted))]
        return chosen[list(photometry.COLUMNS)].reset_index(drop=True)


def _read_photometry(connection: Connection, keys: set[int], *, everything: bool) -> pd.DataFrame:
    names = [column.name for column in schema.photometry.columns]
    query = select(schema.photometry)
    if everything and len(keys) > 1000:
        rows = [tuple(row) for row in connection.execute(query)]
    else:
        rows = [
            tuple(row)
            for part in chunks(sorted(keys))
            for row in connection.execute(query.where(schema.photometry.c.candidate.in_(part)))
        ]
    frame = pd.DataFrame(rows, columns=names)
    floats = ["mjd", "flux", "flux_err", "limit", "known_at"]
    return frame.astype(dict.fromkeys(floats, "float64"))
