"""Why a wanted candidate is not in a plan: one sentence for each observatory.

The reason is found by lifting one limit after the other, and looking whether a visit then fits.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.config.sections import Plan
from aas2rto.planning.options import (
    Grid,
    SiteNight,
    candidates_of,
    problem_of,
)
from aas2rto.planning.problem import Problem
from aas2rto.planning.timeline import AHEAD, COUNTED
from aas2rto.sky import exposure
from aas2rto.sky.visibility import clock
from aas2rto.text.words import one_line

COLUMNS = {
    "candidate_id": "str",
    "name": "str",
    "score": "float64",
    "too": "bool",
    "pinned": "bool",
    "observatory": "str",
    "reason": "str",
}
"""One row per candidate and observatory."""


def not_planned(
    nights: Sequence[SiteNight],
    problem: Problem,
    slots: pd.DataFrame,
    grid: Grid,
    settings: Plan,
) -> pd.DataFrame:
    """Say why candidates that are wanted have no visit, the highest score first.

    Parameters
    ----------
    nights : sequence of SiteNight
    problem : Problem
        The options that there were.
    slots : DataFrame
        The plan, with what is kept of an earlier one.
    grid : Grid
    settings : Plan

    Returns
    -------
    DataFrame
        Columns of `COLUMNS`.
    """
    served = set(slots.loc[slots["state"].isin((*AHEAD, *COUNTED)), "candidate_id"])
    ids = candidates_of(nights)
    parts = [_empty()]
    for site, night in enumerate(nights):
        left = night.table[~night.table["candidate_id"].isin(served)].reset_index(drop=True)
        told = _of_site(site, night, left, problem, ids, slots, grid, settings)
        parts.append(_rows(left, night, told))
        if len(night.out):
            out = night.out[~night.out["candidate_id"].isin(served)].reset_index(drop=True)
            parts.append(_rows(out, night, [str(text) for text in out["reason"]]))
    found = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    order = np.lexsort((found["candidate_id"], -found["score"].to_numpy(float), ~found["too"]))
    return found.iloc[order].reset_index(drop=True)


def _empty() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in COLUMNS.items()})


def _rows(table: pd.DataFrame, night: SiteNight, told: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "candidate_id": table["candidate_id"],
            "name": table["name"],
            "score": table["score"].astype(float),
            "too": table["too"].astype(bool),
            "pinned": table["pinned"].astype(bool) if "pinned" in table else False,
            "observatory": night.observatory.name,
            "reason": [one_line(text, 200) for text in told],
        }
    ).astype(COLUMNS)


def _of_site(
    site: int,
    night: SiteNight,
    left: pd.DataFrame,
    problem: Problem,
    ids: list[str],
    slots: pd.DataFrame,
    grid: Grid,
    settings: Plan,
) -> list[str]:
    if not np.isfinite(night.begin):
        return ["there is no night"] * len(left)
    if night.begin >= night.night.end:
        return ["the night is over"] * len(left)
    here = slots[(slots["observatory"] == night.observatory.name) & slots["state"].isin(AHEAD)]
    best = _best_options(problem, site)
    busy = _Busy(*(here[name].to_numpy() for name in ("start", "end", "candidate_id")))
    own = pd.Index(ids).get_indexer(pd.Index(left["candidate_id"])).tolist()
    told = [_taken(best[who], problem, busy, grid) if who in best else "" for who in own]
    hopeless = np.array([not text for text in told], dtype=bool)
    for row, text in zip(
        np.flatnonzero(hopeless).tolist(),
        impossible(night, left[hopeless].reset_index(drop=True), grid, settings),
        strict=True,
    ):
        told[row] = text
    return told


@dataclass(frozen=True)
class _Busy:
    """When a telescope observes whom, as columns [d, MJD UTC]."""

    start: NDArray[Any]
    end: NDArray[Any]
    who: NDArray[Any]


def _best_options(problem: Problem, site: int) -> dict[int, int]:
    """Return the best option of each candidate at a site, the earliest of several."""
    rows = np.flatnonzero(problem.site == site)
    keys = (problem.start[rows], -problem.value[rows], problem.candidate[rows])
    rows = rows[np.lexsort(keys)]
    who, first = np.unique(problem.candidate[rows], return_index=True)
    return dict(zip(who.tolist(), rows[first].tolist(), strict=True))


def _taken(best: int, problem: Problem, busy: _Busy, grid: Grid) -> str:
    """Say who has a candidate's best slot."""
    start, end = (float(grid.mjd(step)) for step in (problem.start[best], problem.end[best]))
    who = busy.who[(busy.start < end - 1e-6) & (busy.end > start + 1e-6)].tolist()
    when = f"its best time, {clock(start)}-{clock(end)}"
    if not who:
        return f"{when}, is free, but the plan has no room for it"
    return f"{when}, goes to {' and '.join(who)}"


def impossible(night: SiteNight, table: pd.DataFrame, grid: Grid, settings: Plan) -> list[str]:
    """Say why candidates have no option at a site: the first limit that stands in the way."""
    told = ["it is never long enough within the telescope's limits tonight"] * len(table)
    rows = np.arange(len(table))
    now, plan = replace(night, table=table), settings
    for lift, words in LIMITS:
        before = now, plan
        now, plan = lift(now, plan)
        if now is before[0] and plan is before[1]:
            continue  # there was nothing to lift
        some = now.table.iloc[rows].reset_index(drop=True)
        options = problem_of([replace(now, table=some)], grid, plan)
        names = candidates_of([replace(now, table=some)])
        possible = {names[who] for who in np.unique(options.candidate).tolist()}
        fits = some["candidate_id"].isin(possible).to_numpy(bool)
        # Of each only what is said: a row of the whole table would write its reason, too.
        asked = table[list(SAID)].take(rows[fits]).to_dict("records")
        for row, one in zip(rows[fits].tolist(), asked, strict=True):
            told[row] = words(night, one, settings)
        rows = rows[~fits]
        if not rows.size:
            break
    return told


SAID = ("valid_until", "last_mag", "magnitude")
"""Columns that the sentences below tell of."""

Lifted = tuple[SiteNight, Plan]
Row = Mapping[Hashable, Any]


def _at_any_time(night: SiteNight, plan: Plan) -> Lifted:
    if night.table["valid_until"].isna().all():
        return night, plan
    return replace(night, table=night.table.assign(valid_until=np.nan)), plan


def _open(night: SiteNight, plan: Plan) -> Lifted:
    return (replace(night, closed=()) if night.closed else night), plan


def _all_night(night: SiteNight, plan: Plan) -> Lifted:
    if night.begin <= night.night.start:
        return night, plan
    return replace(night, begin=night.night.start), plan


def _moonless(night: SiteNight, plan: Plan) -> Lifted:
    site = replace(night.observatory, moon_separation_deg=None)
    return replace(night, observatory=site), plan.model_copy(update={"moon_separation": 0.0})


def _short(night: SiteNight, plan: Plan) -> Lifted:
    table = night.table.assign(last_mag=np.nan, magnitude=np.nan)
    return replace(night, table=table), plan.model_copy(update={"exposure": 1.0})


def _said_validity(_: SiteNight, row: Row, __: Plan) -> str:
    return f"no visit ends before {clock(float(row['valid_until']))}, when its time is over"


def _said_closed(_: SiteNight, __: Row, ___: Plan) -> str:
    return "its time falls into the hours in which the dome is closed"


def _said_past(night: SiteNight, _: Row, __: Plan) -> str:
    return f"its time was before {clock(night.begin)}"


def _said_moon(night: SiteNight, _: Row, plan: Plan) -> str:
    limit = max(plan.moon_separation, night.moon_limit)
    return f"closer than {limit:g} deg to the Moon while that is up"


def _said_exposure(night: SiteNight, row: Row, plan: Plan) -> str:
    """Say which limit of the instrument or the plan the magnitude is beyond."""
    mag = float(row["last_mag"] if np.isfinite(row["last_mag"]) else row["magnitude"])
    beyond = exposure.beyond_limits(night.observatory, mag)
    if beyond:
        return beyond
    needed = float(exposure.exposure_time(exposure.unlimited(night.observatory), mag))
    longest = min(plan.max_exposure, exposure.longest(night.observatory))
    if needed > longest:
        hours = f"{needed / 3600:.1f} h" if needed >= 3600 else f"{needed / 60:.0f} min"
        return (
            f"{mag:.1f} mag needs {hours} even at the zenith without Moon; "
            f"no exposure is longer than {longest / 60:.0f} min"
        )
    return "its exposure is longer than the time in which it is within all limits"


LIMITS = (
    (_at_any_time, _said_validity),
    (_open, _said_closed),
    (_all_night, _said_past),
    (_moonless, _said_moon),
    (_short, _said_exposure),
)
"""How each limit is lifted, on top of those before it, and what is said if that helps."""
