"""The newest fit of each candidate by each model, with a digest of what was fitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select

from aas2rto.store import fit_rows, schema
from aas2rto.store.access import Access
from aas2rto.store.identities import Identities
from aas2rto.store.rows import chunks

FEW = 1000
"""Up to so many candidates are read by their keys; for more, the whole table is quicker."""


class Fits:
    """Fits by model.

    Parameters
    ----------
    access : Access
    identities : Identities
    """

    def __init__(self, access: Access, identities: Identities) -> None:
        self._access = access
        self._identities = identities

    def of(self, model: str, candidate_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """Return stored fits of a model: ``candidate_id, digest`` and the fit's columns.

        Those of some candidates at least, by default of all.
        """
        table, layouts = schema.fits, schema.fit_layouts
        names = ("candidate", "digest", *fit_rows.WORDS, "numbers")
        columns = [table.c[name] for name in names]
        query = select(layouts.c.layout, *columns).join(layouts, layouts.c.id == table.c.layout)
        query = query.where(table.c.model == model)
        parts = [query]
        keys = sorted(self._identities.keys_of(candidate_ids or ()).values())
        if candidate_ids is not None and len(keys) <= FEW:
            parts = [query.where(table.c.candidate.in_(part)) for part in chunks(keys)]
        with self._access.reading() as connection:
            rows = [row for part in parts for row in connection.execute(part)]
        return self._unpacked(sorted(rows, key=lambda row: row.candidate), names)

    def _unpacked(self, rows: Sequence[Any], names: Sequence[str]) -> pd.DataFrame:
        if not rows:
            return pd.DataFrame()
        by_layout: dict[str, list[tuple[object, ...]]] = {}
        for layout, *values in rows:
            by_layout.setdefault(layout, []).append(tuple(values))
        parts = []
        for layout, found in by_layout.items():
            held = dict(zip(names, map(list, zip(*found, strict=True)), strict=True))
            words = {name: held[name] for name in fit_rows.WORDS}
            part = fit_rows.table(layout, words, held["numbers"])
            owners = [self._identities.name_of(key) for key in held["candidate"]]
            parts.append(part.assign(candidate_id=owners, digest=held["digest"]))
        return pd.concat(parts, ignore_index=True)

    def save(self, model: str, fits: pd.DataFrame) -> None:
        """Store fits; `fits` has the columns of a fit table and ``digest``."""
        rows = [
            {
                "candidate": self._identities.key_of(row.pop("candidate_id")),
                "model": model,
                "digest": row.pop("digest"),
                **fit_rows.stored({str(name): value for name, value in row.items()}),
            }
            for row in fits.to_dict("records")
        ]
        if not rows:
            return
        insert = self._access.insert(schema.fits)
        new = ("digest", *fit_rows.WORDS, "layout", "numbers")
        statement = insert.on_conflict_do_update(
            index_elements=["candidate", "model"],
            set_={name: insert.excluded[name] for name in new},
        )
        with self._access.transaction(f"fits of {model}") as connection:
            keys = self._layouts(connection, {str(row["layout"]) for row in rows})
            for row in rows:
                row["layout"] = keys[str(row["layout"])]
            connection.execute(statement, rows)

    def _layouts(self, connection: Connection, wanted: set[str]) -> dict[str, int]:
        """Return the keys of layouts; new ones are added."""
        table = schema.fit_layouts
        insert = self._access.insert(table).on_conflict_do_nothing()
        connection.execute(insert, [{"layout": one} for one in sorted(wanted)])
        query = select(table.c.layout, table.c.id).where(table.c.layout.in_(sorted(wanted)))
        return {layout: key for layout, key in connection.execute(query)}  # noqa: C416  rows are no pairs
