"""From chosen options to slots: when to slew, when to expose, and what to do if it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.config.sections import Plan
from aas2rto.factors.last_chance import ratio
from aas2rto.planning.options import (
    SECONDS,
    Grid,
    SiteNight,
    candidates_of,
    exposure_seconds,
    reserved_seconds,
)
from aas2rto.planning.problem import Floats, Ints, Problem
from aas2rto.sky import exposure
from aas2rto.sky.altitude_curve import moon_track, track
from aas2rto.sky.local import parallactic_angle
from aas2rto.tables.candidates import unit_vectors

PLANNED, RUNNING, DONE = "planned", "running", "done"
UNCONFIRMED, FAILED, CLOUDED, CLOSED = "not confirmed", "failed", "clouded", "closed"
"""States of a slot: to come; begun and kept by ``--interrupt``; marked as observed; over without a
mark; marked as failed or clouded out; over or given up because the dome was closed."""

COUNTED = (RUNNING, DONE)
"""States of a visit: its candidate needs no other one."""

AHEAD = (PLANNED, RUNNING)
"""States of what is still to be seen."""


def state_words(state: str) -> str:
    """Say what a state means to an observer."""
    return f"planned, {state}" if state == UNCONFIRMED else state


def fill_words(row: Mapping[Any, Any]) -> str:
    """Say how a slot fills an empty hour."""
    minutes = f"{row['needed_s'] / 60:.0f} min"
    words = {
        "repeat": "repeat",
        "longer": f"longer than the {minutes} needed",
        "next": f"shorter than the {minutes} needed",
    }
    return words.get(str(row["fill"]), "")


SAME_PLACE = 1.0 / 3600.0
"""Closer pointings [deg] are one: an arc cosine is not better than this."""

COLUMNS: dict[str, str] = {
    "observatory": "str",
    "slot": "int64",
    "state": "str",
    "candidate_id": "str",
    "name": "str",
    "ra": "float64",
    "dec": "float64",
    "mag": "float64",
    "start": "float64",
    "exposure_start": "float64",
    "end": "float64",
    "slew_s": "float64",
    "exposure_s": "float64",
    "needed_s": "float64",
    "score": "float64",
    "site_score": "float64",
    "value": "float64",
    "altitude": "float64",
    "airmass": "float64",
    "azimuth": "float64",
    "parallactic": "float64",
    "moon_sep": "float64",
    "too": "bool",
    "pinned": "bool",
    "backup": "str",
    "backup_value": "float64",
    "score_tomorrow": "float64",
    "last_chance": "float64",
    "reason": "str",
    "fill": "str",
}
"""One row per visit. start, exposure_start, end [d, MJD UTC]: the slew begins, the exposure begins,
the exposure ends; needed_s is what the magnitude asks for, exposure_s what the slot gives;
altitude, airmass, azimuth, parallactic, moon_sep [deg] at the middle of the exposure; value is the
score in the slot; backup is the next best candidate for it, see `with_backups`; last_chance is
score / score_tomorrow (infinite: there is no tomorrow); fill says that it fills an empty hour:
repeat, longer or next."""


def empty() -> pd.DataFrame:
    """Return no slots."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in COLUMNS.items()})


def slots_of(
    nights: Sequence[SiteNight],
    problem: Problem,
    chosen: Ints,
    grid: Grid,
    settings: Plan,
    *,
    how: Mapping[int, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """Turn options into slots.

    Parameters
    ----------
    nights : sequence of SiteNight
    problem : Problem
        Whose options they are.
    chosen : ndarray of int
    grid : Grid
    settings : Plan
    how : mapping
        Which options fill an empty hour, see `aas2rto.planning.fill`.

    Returns
    -------
    DataFrame
        Columns of `COLUMNS`, but without back-ups, and with ``option``.
    """
    parts = []
    for site, night in enumerate(nights):
        own = chosen[problem.site[chosen] == site]
        if own.size:
            own = own[np.argsort(problem.start[own])]
            parts.append(_of_site(night, candidates_of(nights), problem, own, grid, settings))
    if not parts:
        return empty().assign(option=np.empty(0, dtype=np.intp))
    slots = pd.concat(parts, ignore_index=True)
    return slots.assign(fill=[how.get(option, "") for option in slots["option"].tolist()])


def _of_site(
    night: SiteNight, ids: list[str], problem: Problem, own: Ints, grid: Grid, settings: Plan
) -> pd.DataFrame:
    table = night.table.set_index("candidate_id", drop=False)
    rows = table.loc[[ids[who] for who in problem.candidate[own]]].reset_index(drop=True)
    observatory = night.observatory
    start, end = grid.mjd(problem.start[own]), grid.mjd(problem.end[own])
    slew = _slews(night, rows)
    waiting = slew + exposure.overhead(observatory)
    begin = start + waiting / SECONDS
    at_start = _sky(night, rows, start)
    needed = exposure_seconds(observatory, rows, at_start["altitude"], at_start["sky"], settings)
    middle = _sky(night, rows, 0.5 * (begin + end))
    columns: dict[str, Any] = {
        "observatory": observatory.name,
        "slot": np.arange(1, len(own) + 1),
        "state": PLANNED,
        "candidate_id": rows["candidate_id"],
        "name": rows["name"],
        "ra": rows["ra"],
        "dec": rows["dec"],
        "mag": rows["last_mag"].fillna(rows["magnitude"]),
        "start": start,
        "exposure_start": begin,
        "end": end,
        "slew_s": slew,
        "exposure_s": np.round((end - start) * SECONDS - waiting, 1),
        "needed_s": needed,
        "score": rows["score"],
        "site_score": rows["site_score"],
        "value": problem.value[own],
        **{name: middle[name] for name in ("altitude", "azimuth", "moon_sep")},
        "parallactic": parallactic_angle(observatory, middle["altitude"], middle["azimuth"]),
        "airmass": 1.0 / np.sin(np.radians(middle["altitude"])),
        "too": rows["too"],
        "pinned": rows["pinned"],
        "score_tomorrow": _tomorrow(rows),
        "last_chance": ratio(rows),
        "reason": rows["reason"],
        "option": own,
    }
    return pd.DataFrame(columns)


def _tomorrow(rows: pd.DataFrame) -> Floats:
    if "score_tomorrow" not in rows:
        return np.full(len(rows), np.nan)
    seen = rows["hours_left_tomorrow"].to_numpy(float) > 0
    return np.where(seen, rows["score_tomorrow"].to_numpy(float), 0.0)


def _slews(night: SiteNight, rows: pd.DataFrame) -> Floats:
    """Return the slew to each candidate [s]; to the first one, the longest there may be.

    It is never longer: after a pause the telescope comes from wherever it waited.
    """
    vectors = unit_vectors(rows["ra"], rows["dec"])
    cosine = np.sum(vectors[1:] * vectors[:-1], axis=1)
    apart = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    apart[apart < SAME_PLACE] = 0.0
    between = exposure.slew_time(night.observatory, apart)
    longest = reserved_seconds(night) - exposure.overhead(night.observatory)
    return np.asarray(np.minimum(np.concatenate([[longest], between]), longest))


def _sky(night: SiteNight, rows: pd.DataFrame, mjd: Floats) -> dict[str, Floats]:
    """Look at each candidate at a time of its own."""
    times = Time(mjd, format="mjd", scale="utc")
    ra, dec = rows["ra"].to_numpy(float), rows["dec"].to_numpy(float)
    altitude, azimuth = (np.diag(one) for one in track(night.observatory, ra, dec, times))
    separations, moon_altitude, lit = moon_track(night.observatory, ra, dec, times)
    separation = np.diag(separations)
    sky = exposure.dark_sky(altitude) + exposure.moonlight(
        altitude, np.maximum(moon_altitude, 0.0), separation, lit
    )
    return {"altitude": altitude, "azimuth": azimuth, "moon_sep": separation, "sky": sky}


def with_backups(
    slots: pd.DataFrame,
    nights: Sequence[SiteNight],
    problem: Problem,
    planned: Ints,
) -> pd.DataFrame:
    """Name for each slot the next best candidate that fits into it, if the first one fails.

    The best of those outside the plan; where none fits, of those that come later at the same site,
    whose own slot is then free.

    Parameters
    ----------
    slots : DataFrame
        From `slots_of`.
    nights : sequence of SiteNight
    problem : Problem
        Without what is over or running.
    planned : ndarray of int
        All options of the plan.
    """
    ids = np.array(candidates_of(nights), dtype=object)
    names = np.full(len(slots), "", dtype=object)
    values = np.full(len(slots), np.nan)
    for row, one in enumerate(slots["option"].tolist()):
        fits = problem.site == problem.site[one]
        fits &= problem.start == problem.start[one]
        fits &= problem.length <= problem.length[one]
        rows = np.flatnonzero(fits)
        who = problem.candidate[rows]
        found = rows[~np.isin(who, problem.candidate[planned])]
        if not found.size:
            at_site = planned[problem.site[planned] == problem.site[one]]
            coming = problem.candidate[at_site[problem.start[at_site] > problem.start[one]]]
            found = rows[np.isin(who, coming) & (who != problem.candidate[one])]
        if found.size:
            best = found[np.lexsort((problem.candidate[found], -problem.value[found]))[0]]
            names[row], values[row] = ids[problem.candidate[best]], problem.value[best]
    return slots.assign(backup=names, backup_value=values)[list(COLUMNS)]


def in_order(slots: pd.DataFrame, nights: Sequence[SiteNight]) -> pd.DataFrame:
    """Sort slots by observatory, as in the config, and time; number them."""
    place = {night.observatory.name: index for index, night in enumerate(nights)}
    order = np.lexsort((slots["start"].to_numpy(float), slots["observatory"].map(place)))
    ordered = slots.iloc[order].reset_index(drop=True)
    return ordered.assign(slot=ordered.groupby("observatory").cumcount() + 1)
