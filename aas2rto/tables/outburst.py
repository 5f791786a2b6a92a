"""The present outburst: which measurements of a place belong to what is going on there now.

Detections that follow each other within a quiet time are one outburst. An older one at the same
place - an earlier outburst, a flare of the host's nucleus, one wrong point - says nothing of this
one, and is set aside with all that was measured of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.tables import summary
from aas2rto.tables.photometry import DETECTION, codes

QUIET = 60.0
"""Time without a detection after which a new outburst begins [d].

Longer than the month in which the Moon or the weather hides a field, and than a SN Ia stays above
the limit of a survey; shorter than the half year for which the Sun hides it."""


@dataclass(frozen=True)
class Present:
    """What belongs to the present outbursts.

    Parameters
    ----------
    photometry : DataFrame
        The rows that do, in their order; all rows of a candidate of which nothing is set aside.
    until : float
        The same rows give the same answer up to here [d, MJD UTC].
    aside : DataFrame
        One row per candidate with something set aside: ``candidate_id, n_set_aside`` (detections),
        ``last_set_aside`` [d, MJD UTC].
    single : DataFrame
        Candidates whose newest run is a single detection: ``candidate_id``, and ``ends``, after
        which it belongs to no outburst [d, MJD UTC].
    """

    photometry: pd.DataFrame
    until: float
    aside: pd.DataFrame
    single: pd.DataFrame


@dataclass(frozen=True)
class _Runs:
    """The newest run of detections of each candidate: its owner, its begin, what was before.

    `row` is the place of its first detection among the detections.
    """

    owner: NDArray[np.intp]
    row: NDArray[np.intp]
    first: NDArray[np.float64]
    before: NDArray[np.float64]
    is_single: NDArray[np.bool_]


def present(photometry: pd.DataFrame, now: float, quiet: float | None = QUIET) -> Present:
    """Keep what belongs to the present outburst of each candidate.

    Parameters
    ----------
    photometry : DataFrame
        As known at `now`, sorted by candidate and time.
    now : float
        [d, MJD UTC]
    quiet : float or None
        A gap without detection longer than this begins a new outburst [d]; None: all detections
        are one outburst.

    Notes
    -----
    Of a candidate with an earlier outburst, everything is set aside that was measured more than
    `quiet` before the present one. A single detection with nothing for `quiet` before or after it
    belongs to no outburst; whether anything comes after it is known when that time has passed.
    """
    nothing = pd.DataFrame({"candidate_id": [], "n_set_aside": [], "last_set_aside": []})
    detected = codes(photometry["kind"], [DETECTION]) == 0
    nobody = pd.DataFrame({"candidate_id": [], "ends": []})
    if quiet is None or not detected.any():
        return Present(photometry, np.inf, nothing, nobody)
    code, mjd = codes(photometry["candidate_id"]), photometry["mjd"].to_numpy(float)
    runs = _newest_runs(code[detected], mjd[detected], quiet)
    ends = runs.first + quiet
    is_over = runs.is_single & (ends < now)
    firsts = np.flatnonzero(detected)[runs.row[runs.is_single]]
    names = photometry["candidate_id"].take(firsts).to_numpy(object)
    single = pd.DataFrame({"candidate_id": names, "ends": ends[runs.is_single]})
    waiting = ends[runs.is_single & ~is_over]
    until = float(waiting.min()) if len(waiting) else np.inf
    begin = np.full(int(code.max()) + 1, -np.inf)
    earliest = np.maximum(runs.first - quiet, np.nextafter(runs.before, np.inf))
    begin[runs.owner] = np.where(np.isfinite(runs.before), earliest, -np.inf)
    begin[runs.owner[is_over]] = np.nextafter(runs.first[is_over], np.inf)
    kept = mjd >= begin[code]
    if kept.all():
        return Present(photometry, until, nothing, single)
    told = photometry.loc[detected & ~kept, ["candidate_id", "mjd"]]
    told = told.groupby("candidate_id", observed=True)["mjd"].agg(["size", "max"]).reset_index()
    told.columns = pd.Index(nothing.columns)
    return Present(photometry[kept].reset_index(drop=True), until, told, single)


def _newest_runs(code: NDArray[np.intp], mjd: NDArray[np.float64], quiet: float) -> _Runs:
    """Return the newest run of each candidate, from its detections sorted by time."""
    other = np.concatenate([[True], code[1:] != code[:-1]])
    begins = np.flatnonzero(other | np.concatenate([[False], np.diff(mjd) > quiet]))
    owner = code[begins]
    newest = np.concatenate([owner[1:] != owner[:-1], [True]])
    length = np.diff(np.append(begins, len(code)))[newest]
    at = begins[newest]
    before = np.where(other[at], -np.inf, mjd[at - 1])
    return _Runs(owner[newest], at, mjd[at], before, length == 1)


def summarise(
    photometry: pd.DataFrame, candidate_ids: pd.Series, now: float, quiet: float | None
) -> tuple[Present, pd.DataFrame]:
    """Summarise the present outburst of each candidate, and count what is set aside.

    Parameters
    ----------
    photometry : DataFrame
        As known at `now`, one row per exposure, sorted by candidate and time.
    candidate_ids : Series of str
    now : float
        [d, MJD UTC]
    quiet : float or None
        See `present`.

    Returns
    -------
    Present, DataFrame
        The latter as of :func:`aas2rto.tables.summary.summarise`. ``updated`` counts all rows:
        what is set aside was news once.
    """
    found = present(photometry, now, quiet)
    columns = summary.summarise(found.photometry, candidate_ids)
    if found.aside.empty:
        return found, columns
    at = codes(found.aside["candidate_id"], candidate_ids.tolist())
    known = at >= 0
    for name in ("n_set_aside", "last_set_aside"):
        values = columns[name].to_numpy(copy=True)
        values[at[known]] = found.aside[name].to_numpy()[known]
        columns[name] = values
    columns["updated"] = summary.updated(photometry, candidate_ids)
    return found, columns
