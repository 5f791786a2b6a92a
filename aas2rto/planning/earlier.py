"""What became of an earlier plan: only what people marked as observed is done.

A clock says that a slot is over, not that anything was observed in it: the dome may have been
closed, the target lost. So a slot without a mark is offered again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.planning.closures import Interval, merged
from aas2rto.planning.options import SECONDS, SiteNight
from aas2rto.planning.timeline import (
    CLOSED,
    CLOUDED,
    COUNTED,
    DONE,
    FAILED,
    RUNNING,
    UNCONFIRMED,
    empty,
)
from aas2rto.tables.marks import VISITS, Kind, is_taken_back

STATES = {Kind.OBSERVED: DONE, Kind.FAILED: FAILED, Kind.CLOUDED: CLOUDED}

SAME_NIGHT = 0.5
"""Nights of a site that begin closer than this [d] are one: a plan of yesterday says nothing."""

ROUNDED = 1e-6
"""A time that was written and read is the same within this [d]."""


@dataclass(frozen=True)
class Earlier:
    """A plan that was made before.

    Parameters
    ----------
    slots : DataFrame
        Columns of `timeline.COLUMNS`.
    closed : mapping
        By observatory, the intervals in which it was said to be closed [d, MJD UTC].
    begins : mapping
        By observatory, the start of the night that was planned [d, MJD UTC].
    """

    slots: pd.DataFrame
    closed: Mapping[str, Sequence[Interval]] = field(default_factory=dict)
    begins: Mapping[str, float] = field(default_factory=dict)


def with_past_closures(night: SiteNight, earlier: Earlier, now_mjd: float) -> SiteNight:
    """Return a night that was closed, up to now, when the earlier plan said so.

    What is to come is open unless it is said again: only who plans now knows.
    """
    begin = earlier.begins.get(night.observatory.name, np.nan)
    if not abs(begin - night.night.start) < SAME_NIGHT:
        return night
    past = [
        (max(start, night.night.start), min(end, now_mjd))
        for start, end in earlier.closed.get(night.observatory.name, ())
    ]
    new = [one for one in past if one[1] > one[0] + ROUNDED]
    return replace(night, closed=merged([*new, *night.closed])) if new else night


def reopened(night: SiteNight, earlier: Earlier, now_mjd: float) -> float | None:
    """Return until when the earlier plan had a site closed that nobody says is closed now.

    Returns
    -------
    float or None
        [d, MJD UTC]; None if it was open, or is said to be closed now as well.
    """
    begin = earlier.begins.get(night.observatory.name, np.nan)
    if not abs(begin - night.night.start) < SAME_NIGHT:
        return None
    told = earlier.closed.get(night.observatory.name, ())
    ends = [end for start, end in told if start <= now_mjd < min(end, night.night.end)]
    if not ends or any(start <= now_mjd < end for start, end in night.closed):
        return None
    return min(max(ends), night.night.end)


def kept_of(
    earlier: pd.DataFrame,
    nights: Sequence[SiteNight],
    said: pd.DataFrame,
    now_mjd: float,
    *,
    out: Collection[str] = (),
) -> pd.DataFrame:
    """Return what of an earlier plan has begun, of the nights that are on, and what became of it.

    Parameters
    ----------
    earlier : DataFrame
        Its slots.
    nights : sequence of SiteNight
        When they are closed counts, too.
    said : DataFrame
        Marks in the order in which they were made, see `aas2rto.tables.marks`.
    now_mjd : float
        [d, MJD UTC]
    out : collection of str
        Candidates that nobody wants any more: what is running of them is given up.

    Returns
    -------
    DataFrame
        With ``state``: ``done`` if it was marked as observed, ``failed`` or ``clouded`` if that
        was said, ``closed`` if the dome was, ``running``, or else ``not confirmed``. Only what is
        done or running counts as a visit, see `counted`; what ended early ends now.
    """
    parts = [empty()]
    for night in nights:
        own = earlier[earlier["observatory"] == night.observatory.name]
        begun = (own["start"] >= night.night.start - ROUNDED) & (own["start"] < now_mjd)
        own = own[begun].reset_index(drop=True)
        if len(own):
            parts.append(_judged(own, night, _words(own, night, said), now_mjd, set(out)))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def counted(kept: pd.DataFrame) -> pd.DataFrame:
    """Return the slots that are visits: their candidates need no other, their time is taken."""
    return kept[kept["state"].isin(COUNTED)].reset_index(drop=True)


def _words(slots: pd.DataFrame, night: SiteNight, said: pd.DataFrame) -> dict[int, Kind]:
    """Return the last word on each slot, by its row.

    A word is about the candidate's latest slot that had begun when it was said, or else about its
    first one: somebody was ahead of the plan.
    """
    found: dict[int, Kind] = {}
    starts = slots["start"].to_numpy(float)
    ids = slots["candidate_id"].to_numpy(object)
    for record in _valid(said, night.night.start):
        if record["observatory"] not in {"", night.observatory.name}:
            continue
        own = np.flatnonzero(ids == record["candidate_id"])
        begun = own[starts[own] <= record["at"]]
        if own.size:
            found[int(begun[-1] if begun.size else own[0])] = Kind(record["kind"])
    return found


def _valid(said: pd.DataFrame, since: float) -> list[Mapping[Any, Any]]:
    """Return the words on visits of this night, without those that were taken back."""
    mine = said[said["kind"].isin([kind.value for kind in VISITS]) & (said["at"] >= since)]
    valid: list[Mapping[Any, Any]] = []
    for record in mine.sort_values("at", kind="stable").to_dict("records"):
        if not is_taken_back(record):
            valid.append(record)
            continue
        key = (record["candidate_id"], record["kind"])
        valid = [one for one in valid if (one["candidate_id"], one["kind"]) != key]
    return valid


def _judged(
    slots: pd.DataFrame, night: SiteNight, words: Mapping[int, Kind], now: float, out: set[str]
) -> pd.DataFrame:
    states, keep = [], []
    for row, record in enumerate(slots.to_dict("records")):
        running = record["end"] > now
        if row in words:
            state = STATES[words[row]]
        elif record["state"] == CLOSED or _is_closed(night, record):
            state = CLOSED
        else:
            state = RUNNING if running else UNCONFIRMED
        states.append(state)
        keep.append(not (state == RUNNING and record["candidate_id"] in out))
    return _ended(slots.assign(state=states)[keep], now)


def _is_closed(night: SiteNight, record: Mapping[Any, Any]) -> bool:
    return any(
        start < record["end"] - ROUNDED and end > record["start"] + ROUNDED
        for start, end in night.closed
    )


def _ended(slots: pd.DataFrame, now: float) -> pd.DataFrame:
    """End what is neither running nor over: the telescope is free."""
    early = (slots["end"] > now) & (slots["state"] != RUNNING)
    end = slots["end"].where(~early, now)
    exposed = ((end - slots["exposure_start"]) * SECONDS).clip(lower=0.0).round(1)
    return slots.assign(end=end, exposure_s=slots["exposure_s"].where(~early, exposed))
