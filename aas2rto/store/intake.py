"""What a report's objects say about candidates, put into one form."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.tables import photometry
from aas2rto.tables.report import ANNOTATION_COLUMNS, OBJECT_COLUMNS, Report
from aas2rto.text.words import counted


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


def left_out(source: str, n: int, thing: str, why: str) -> list[str]:
    """Say in one line how many rows could not be stored; nothing to say about none."""
    return [f"{source}: left out {counted(n, thing)} {why}"] if n else []


def usable_measurements(
    report: Report, owner: Mapping[str, str], keys: Mapping[str, int]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the measurements that can be stored, and one line for each reason why not.

    Parameters
    ----------
    report : Report
    owner : mapping
        From object ids to candidate ids.
    keys : mapping
        From candidate ids to the ``candidate`` column of the answer.
    """
    rows = photometry.conform(report.photometry)
    rows["candidate"] = rows["candidate_id"].map(owner).map(keys)
    rows["source"] = rows["source"].where(rows["source"] != "", report.source)
    whole = (rows[["band", "survey", "measurement_id"]] != "").to_numpy().all(axis=1)
    whole &= rows["kind"].isin(photometry.KINDS).to_numpy()
    whole &= np.isfinite(rows[["mjd", "known_at"]].to_numpy()).all(axis=1)
    owned = rows["candidate"].notna().to_numpy()
    problems = left_out(
        report.source,
        int((~whole).sum()),
        "measurement",
        "without mjd, known_at, band, kind, survey or measurement_id",
    )
    problems += left_out(
        report.source,
        int((whole & ~owned).sum()),
        "measurement",
        "of objects that are not known",
    )
    return rows[whole & owned].astype({"candidate": "int64"}), problems


def usable_annotations(
    report: Report, owner: Mapping[str, str], keys: Mapping[str, int]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the annotations that can be stored, as `usable_measurements` does."""
    if report.annotations.empty:
        return pd.DataFrame(columns=[*ANNOTATION_COLUMNS, "candidate"]), []
    rows = report.annotations[list(ANNOTATION_COLUMNS)].copy()
    rows["candidate"] = rows["object_id"].astype(str).map(owner).map(keys)
    good = rows["candidate"].notna() & np.isfinite(pd.to_numeric(rows["known_at"]))
    problems = left_out(
        report.source,
        int((~good).sum()),
        "annotation",
        "without known_at, or of objects that are not known",
    )
    return rows[good], problems
