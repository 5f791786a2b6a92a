"""The newest fit of each candidate by each model, with a digest of what was fitted."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pandas as pd
from sqlalchemy import select

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.identities import Identities
from aas2rto.store.rows import chunks, plain

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
        table = schema.fits
        query = select(table.c.candidate, table.c.digest, table.c.fit)
        query = query.where(table.c.model == model)
        parts = [query]
        keys = sorted(self._identities.keys_of(candidate_ids or ()).values())
        if candidate_ids is not None and len(keys) <= FEW:
            parts = [query.where(table.c.candidate.in_(part)) for part in chunks(keys)]
        with self._access.reading() as connection:
            rows = [row for part in parts for row in connection.execute(part)]
        name_of = self._identities.name_of
        return pd.DataFrame(
            [
                {**json.loads(fit), "candidate_id": name_of(key), "digest": digest}
                for key, digest, fit in rows
            ]
        )

    def save(self, model: str, fits: pd.DataFrame) -> None:
        """Store fits; `fits` has the columns of a fit table and ``digest``."""
        rows = [
            {
                "candidate": self._identities.key_of(row["candidate_id"]),
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
        insert = self._access.insert(schema.fits)
        statement = insert.on_conflict_do_update(
            index_elements=["candidate", "model"],
            set_={"digest": insert.excluded.digest, "fit": insert.excluded.fit},
        )
        with self._access.transaction(f"fits of {model}") as connection:
            connection.execute(statement, rows)
