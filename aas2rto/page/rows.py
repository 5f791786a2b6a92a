"""The rows of a list as people and programs read them: filtered, sorted, one page at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.outputs.cells import iso_minutes
from aas2rto.page.night import Night
from aas2rto.steps.cycle import Ranking
from aas2rto.tables.records import records

PER_PAGE, MOST = 50, 500
"""Rows of a page, and the most that anybody gets at once."""

STEADY = 0.005
"""Slower changes [mag / d] than a tenth of a magnitude in three weeks are none."""

SORTS: dict[str, tuple[str, bool]] = {
    "rank": ("rank", True),
    "mag": ("last_mag", True),
    "age": ("first_detection", False),
    "seen": ("last_detection", False),
    "peak": ("t_peak", True),
    "altitude": ("altitude", False),
    "sets": ("sets", True),
    "redshift": ("redshift", True),
}
"""What a list can be sorted by: the column, and whether the smallest comes first."""

NUMBERS = (
    "ra",
    "dec",
    "score",
    "site_score",
    "last_mag",
    "last_magerr",
    "magnitude",
    "t_peak",
    "t_peak_err",
    "redshift",
    "altitude",
    "azimuth",
    "airmass",
    "moon_sep",
    "hours_left",
)
TEXTS = ("name", "last_band", "spectral_type", "reason", "reachable_from")
TIMES = ("rises", "sets", "updated")


@dataclass(frozen=True)
class Wanted:
    """What of a list is wanted.

    Parameters
    ----------
    text : str
        Part of an id, a name or a class, in any case.
    up : bool
        Only what can be observed now.
    brighter : float or None
        Only what was brighter when it was last seen [mag].
    sort : str
        One of `SORTS`.
    page : int
        From 1.
    per_page : int
        1 to `MOST`.
    """

    text: str = ""
    up: bool = False
    brighter: float | None = None
    sort: str = "rank"
    page: int = 1
    per_page: int = PER_PAGE


@dataclass(frozen=True)
class Listed:
    """A page of a list.

    Parameters
    ----------
    table : DataFrame
        Its rows.
    rows : sequence of dict
        The same, ready for JSON.
    total, found : int
        How many the list has, and how many are wanted.
    page, pages : int
    """

    table: pd.DataFrame
    rows: Sequence[dict[str, Any]]
    total: int
    found: int
    page: int
    pages: int


def listed(night: Night, ranking: Ranking, wanted: Wanted, *, whole: bool = False) -> Listed:
    """Return what is wanted of a list.

    Parameters
    ----------
    night : Night
    ranking : Ranking
        One of its lists.
    wanted : Wanted
        What is beyond the last page is the last page.
    whole : bool
        All pages as one, as a table alone.
    """
    table = ranking.table
    rows = np.flatnonzero(_is_wanted(night, table, wanted))
    rows = rows[_order(table, rows, wanted.sort)]
    if whole:
        return Listed(table.iloc[rows], (), len(table), len(rows), 1, 1)
    per_page = min(max(wanted.per_page, 1), MOST)
    pages = max(-(-len(rows) // per_page), 1)
    page = min(max(wanted.page, 1), pages)
    chosen = table.iloc[rows[(page - 1) * per_page : page * per_page]].reset_index(drop=True)
    told = [row_of(night, one) for one in records(chosen)]
    return Listed(chosen, told, len(table), len(rows), page, pages)


def _is_wanted(night: Night, table: pd.DataFrame, wanted: Wanted) -> NDArray[np.bool_]:
    good = np.ones(len(table), dtype=bool)
    if wanted.up and "observable_now" in table:
        good &= table["observable_now"].to_numpy(bool)
    if wanted.brighter is not None:
        good &= table["last_mag"].to_numpy(float) <= wanted.brighter
    text = wanted.text.strip().lower()
    if text:
        words = zip(
            table["candidate_id"].tolist(),
            table["name"].tolist(),
            table["spectral_type"].tolist(),
            strict=True,
        )
        good &= np.array(
            [
                text in one.lower()
                or text in str(name).lower()
                or text in str(kind).lower()
                or text in night.aliases.get(one, "")
                for one, name, kind in words
            ],
            dtype=bool,
        )
    return good


def _order(table: pd.DataFrame, rows: NDArray[np.intp], sort: str) -> NDArray[np.intp]:
    """Return the order of some rows; what is unknown comes last, and the rank breaks ties."""
    column, smallest_first = SORTS.get(sort, SORTS["rank"])
    rank = table["rank"].to_numpy(float)[rows]
    if column not in table:
        return np.argsort(rank, kind="stable")
    value = table[column].to_numpy(float)[rows]
    value = np.where(np.isfinite(value), value if smallest_first else -value, np.inf)
    return np.lexsort((rank, value))


def row_of(night: Night, row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return one row of a list, ready for JSON; what is not known is None.

    Parameters
    ----------
    night : Night
    row : mapping
        Of a list's table.
    """
    now, name = night.mjd, str(row["candidate_id"])
    told: dict[str, Any] = {"rank": int(row["rank"]), "candidate_id": name}
    told |= {key: number(row.get(key)) for key in NUMBERS}
    told |= {key: str(row.get(key) or "") for key in TEXTS}
    told |= {key: time_of(row.get(key)) for key in TIMES}
    rate = number(row.get(f"rise_rate_{row['last_band']}"))
    peak = number(row.get("t_peak"))
    return told | {
        "n_detections": int(row["n_detections"]),
        "age_days": _since(row["first_detection"], now),
        "last_seen_days": _since(row["last_detection"], now),
        "rise_rate": rate,
        "trend": trend(rate),
        "days_to_peak": None if peak is None else peak - now,
        "observable_now": bool(row.get("observable_now", False)),
        "too": bool(row["too"]),
        "pinned": bool(row.get("pinned", False)),
        "marks": [
            {"kind": str(one["kind"]), "sentence": str(one["sentence"])}
            for one in night.said.get(name, ())
        ],
    }


def trend(rate: float | None) -> str:
    """Say what a slope [mag / d, positive: brightens] means: rises, falls, steady, or nothing."""
    if rate is None:
        return ""
    return "steady" if abs(rate) < STEADY else "rises" if rate > 0 else "falls"


def number(value: Any) -> float | None:
    """Return a finite number, or None."""
    if value is None or isinstance(value, str):
        return None
    value = float(value)
    return value if math.isfinite(value) else None


def time_of(mjd: Any) -> str | None:
    """Return a time as ISO 8601 (UTC) to the minute, or None."""
    found = number(mjd)
    return None if found is None else iso_minutes(np.array([found]))[0] or None


def _since(mjd: Any, now: float) -> float | None:
    found = number(mjd)
    return None if found is None else now - found
