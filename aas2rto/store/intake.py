"""What a report's objects say about candidates, put into one form."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.report import OBJECT_COLUMNS


def conform_objects(objects: pd.DataFrame) -> pd.DataFrame:
    """Return one row per object with all columns; what several rows say is put together."""
    frame = pd.DataFrame(
        {
            name: objects[name] if name in objects else _missing(dtype, objects.index)
            for name, dtype in OBJECT_COLUMNS.items()
        }
    )
    frame["too"] = frame["too"].fillna(value=False).astype(bool)
    for name, dtype in OBJECT_COLUMNS.items():
        if dtype == "str":
            frame[name] = frame[name].fillna("").astype(str)
        elif dtype == "float64":
            frame[name] = pd.to_numeric(frame[name], errors="coerce")
    frame = frame.sort_values(["known_at", "object_id"], kind="stable")
    first = frame.drop_duplicates("object_id")
    last = frame.replace("", pd.NA).groupby("object_id", sort=False).last()
    told = last.reindex(first["object_id"])
    for name in ("name", "spectral_type", "host", "comment", "redshift_source"):
        first = first.assign(**{name: told[name].fillna("").to_numpy()})
    for name in ("redshift", "magnitude", "base_score", "valid_until"):
        first = first.assign(**{name: pd.to_numeric(told[name]).to_numpy()})
    return first.reset_index(drop=True)


def _missing(dtype: str, index: pd.Index[Any]) -> pd.Series[Any]:
    value: Any = {"str": "", "bool": False}.get(dtype, np.nan)
    return pd.Series(value, index=index, dtype=object if dtype == "str" else dtype)


def changes_of(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Return what an object tells about its candidate, unknown things left out."""
    changes = {name: row[name] for name in ("spectral_type", "host", "comment") if row[name]}
    if row["name"]:
        changes["name"] = row["name"]
    for name in ("redshift", "magnitude", "base_score", "valid_until"):
        if np.isfinite(row[name]):
            changes[name] = float(row[name])
    if "redshift" in changes:
        changes["redshift_source"] = row["redshift_source"] or row["survey"]
    if row["too"]:
        changes["too"] = True
        changes.setdefault("name", row["object_id"])
    return changes
