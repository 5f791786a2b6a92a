"""From a plan of one observatory to the table of targets, in observing order or by rank."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd

from aas2rto.errors import InputError
from aas2rto.planning import NightPlan
from aas2rto.planning.timeline import AHEAD
from aas2rto.sky.visibility import clock
from aas2rto.sources import target_list
from aas2rto.text.words import number


class Order(StrEnum):
    """In what order targets stand."""

    PLAN = "plan"
    LIST = "list"


def targets_of(plan: NightPlan, order: Order = Order.PLAN, most: int | None = None) -> pd.DataFrame:
    """Return the targets of a night at one observatory.

    Parameters
    ----------
    plan : NightPlan
        Of one observatory.
    order : Order
        ``plan``: what is planned, by time, then the rest of the list by rank, since nothing that
        is wanted is left out; ``list``: all by rank.
    most : int, optional
        Take only so many.

    Returns
    -------
    DataFrame
        The columns of `aas2rto.outlets.starlists.targets`, and ``candidate_id``.
    """
    (night,) = plan.nights
    table, site = night.table.reset_index(drop=True), night.observatory
    slots = plan.at(site.name)
    slots = slots[slots["state"].isin(AHEAD)].sort_values("start", kind="stable")
    first = slots.drop_duplicates("candidate_id").set_index("candidate_id")
    start = first["start"].reindex(table["candidate_id"].to_numpy(object)).to_numpy(float)
    exposure = first["exposure_s"].reindex(table["candidate_id"].to_numpy(object)).to_numpy(float)
    named = table["name"].where(table["name"] != "", table["candidate_id"])
    found = pd.DataFrame(
        {
            "candidate_id": table["candidate_id"],
            "name": named,
            "ra": table["ra"],
            "dec": table["dec"],
            "mag": table["last_mag"].to_numpy(float),
            "band": table["last_band"].fillna(""),
            "rank": np.arange(1, len(table) + 1),
            "score": table["site_score"],
            "exposure_s": exposure,
            "start": start,
            "max_airmass": 1.0 / np.sin(np.radians(max(night.min_altitude, 5.0))),
            "moon_sep": night.moon_limit,
            "too": table["too"].astype(bool),
            "comment": [
                _comment(rank, score, at, str(reason))
                for rank, (score, at, reason) in enumerate(
                    zip(table["site_score"], start, table["reason"], strict=True), start=1
                )
            ],
        }
    )
    if order is Order.PLAN:
        found = found.sort_values("start", kind="stable", na_position="last")
    return found.head(len(found) if most is None else most).reset_index(drop=True)


def _comment(rank: int, score: float, start: float, reason: str) -> str:
    at = f" {clock(start)} UT" if np.isfinite(start) else ""
    return f"rank {rank}{at} score {number(score)} {reason}"


def standards_of(path: Path) -> pd.DataFrame:
    """Read standard stars from a table or a star list, as `aas2rto targets import` does.

    Raises
    ------
    InputError
        If the file cannot be read, or a row has no position: it would be missed at the telescope.
    """
    found = target_list.read(path)
    if found.refused:
        raise InputError(f"{path}: {found.refused[0]}")
    rows = [
        {"name": one.name, "ra": one.ra, "dec": one.dec, "mag": one.magnitude, "standard": True}
        for one in found.wanted
    ]
    return pd.DataFrame(rows)


def together(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return several tables of targets as one; what one of them does not say is unknown."""
    full = [one for one in tables if len(one)]
    if not full:
        return tables[0]
    return pd.concat(full, ignore_index=True).fillna(
        {"candidate_id": "", "band": "", "comment": "", "too": False, "standard": False}
    )
