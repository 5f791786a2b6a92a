"""What the rows of a plain table say of their objects: where they are, and what is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def object_rows(
    table: Mapping[str, NDArray[Any]],
    survey: NDArray[Any],
    known_at: NDArray[np.float64],
    is_later: NDArray[np.bool_],
) -> list[dict[str, Any]]:
    """Return one row per object and survey: where it was first, and since when it is known."""
    if not _has_place(table):
        return []
    frame = pd.DataFrame({
        "object_id": table["id"], "survey": survey, "ra": table["ra"], "dec": table["dec"],
        "known_at": known_at,
    })[~is_later & _is_placed(table)]  # fmt: skip
    rows = frame.sort_values("known_at", kind="stable").drop_duplicates(["object_id", "survey"])
    return [
        {str(key): value for key, value in row.items() if not pd.isna(value)}
        for row in rows.sort_index().to_dict("records")
    ]


def _has_place(table: Mapping[str, NDArray[Any]]) -> bool:
    return "ra" in table and "dec" in table


def _is_placed(table: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    ra, dec = table["ra"], table["dec"]
    return np.asarray((ra >= 0) & (ra <= 360) & (np.abs(dec) <= 90) & (table["id"] != ""))


def fact_rows(
    table: Mapping[str, NDArray[Any]], known_at: NDArray[np.float64], is_later: NDArray[np.bool_]
) -> list[tuple[Any, ...]]:
    """Return what rows say of their objects, once for each time that it changes."""
    if not _has_place(table):
        return []
    found: list[tuple[Any, ...]] = []
    for column, key in (("redshift", "redshift"), ("spectral_type",) * 2, ("tns", "name")):
        if column not in table:
            continue
        rows = pd.DataFrame(
            {"object_id": table["id"], "known_at": known_at, "value": table[column]}
        )
        rows = rows[~is_later & _is_placed(table) & rows["value"].notna() & (rows["value"] != "")]
        rows = rows.sort_values("known_at", kind="stable")
        rows = rows.drop_duplicates(["object_id", "known_at"], keep="last")
        before = rows.groupby("object_id")["value"].shift()
        new = rows[before.isna() | (rows["value"] != before)]
        names, times, values = (new[name].tolist() for name in ("object_id", "known_at", "value"))
        found += [
            (name, key, value, at, "") for name, at, value in zip(names, times, values, strict=True)
        ]
    return found
