"""What is done with empty hours, if the config says so: repeats, longer, or the next best.

A plan is filled after it is made: nothing in it gives way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from aas2rto.config.sections import Plan
from aas2rto.planning.greedy import by_start, place
from aas2rto.planning.options import (
    Grid,
    Seen,
    SiteNight,
    candidates_of,
    exposure_seconds,
    look,
    reserved_seconds,
)
from aas2rto.planning.problem import Floats, Ints, Problem, join
from aas2rto.sky import exposure

SHARES = (0.75, 0.5)
"""Of the exposure that its magnitude asks for, the next best gets at least the last: 0.7 of the
signal-to-noise."""


@dataclass(frozen=True)
class Filled:
    """A plan whose empty hours are filled.

    Parameters
    ----------
    problem : Problem
        All options, with those that were made to fill; those of before keep their places.
    planned : ndarray of int
        Options of the plan.
    how : dict of int to str
        Of the options that fill: ``repeat``, ``longer`` or ``next``.
    """

    problem: Problem
    planned: Ints
    how: dict[int, str]


def fill(
    problem: Problem, planned: Ints, nights: Sequence[SiteNight], grid: Grid, settings: Plan
) -> Filled:
    """Fill the empty hours of a plan.

    Parameters
    ----------
    problem : Problem
        With as many visits as are allowed.
    planned : ndarray of int
        Options of the plan.
    nights : sequence of SiteNight
    grid : Grid
    settings : Plan
        Its ``fill`` says how.
    """
    if settings.fill == "repeats":
        return _added(planned, problem, 0, "repeat")
    if settings.fill == "next":
        more = shorter(problem, planned, nights, grid, settings)
        return _added(planned, join([problem, more]), len(problem), "next")
    if settings.fill == "longer":
        return lengthened(problem, planned, nights, grid, settings)
    return Filled(problem, planned, {})


def _added(planned: Ints, every: Problem, first: int, how: str) -> Filled:
    """Add to a plan what still fits of the options from `first` on, the best first."""
    rest, rows = every.after(planned)
    may = np.flatnonzero(rows >= first)
    new = rows[may][place(rest.only(may), rest.value[may])]
    chosen = by_start(every, [*planned.tolist(), *new.tolist()])
    return Filled(every, chosen, dict.fromkeys(new.tolist(), how))


def shorter(
    problem: Problem, planned: Ints, nights: Sequence[SiteNight], grid: Grid, settings: Plan
) -> Problem:
    """Return options with exposures that are cut, of candidates that have no visit.

    Only of those in the lists, so never of what a factor or a person excludes, and only from the
    least score on: ``fill_min``, or else the candidate's own base score.
    """
    served = set(problem.candidate[planned].tolist())
    served |= set(np.flatnonzero(problem.allowed == 0).tolist())
    index = pd.Index(candidates_of(nights))
    parts = [problem.only(np.empty(0, dtype=np.intp))]
    for site, night in enumerate(nights):
        table = night.table
        least = pd.Series(settings.fill_min or 1.0, table.index)
        if settings.fill_min is None and "base_score" in table:
            least = table["base_score"]
        free = ~np.isin(index.get_indexer(pd.Index(table["candidate_id"])), list(served))
        some = table[free & (table["score"] >= least)].reset_index(drop=True)
        parts.append(_cut(site, replace(night, table=some), index, grid, settings, problem))
    return join(parts)


def _cut(
    site: int,
    night: SiteNight,
    index: pd.Index[str],
    grid: Grid,
    settings: Plan,
    problem: Problem,
) -> Problem:
    first, seen = _looked(night, grid, settings)
    none = problem.only(np.empty(0, dtype=np.intp))
    if seen is None:
        return none
    wide = settings.model_copy(update={"max_exposure": settings.max_exposure / SHARES[-1]})
    full = exposure_seconds(
        night.observatory, night.table, seen.altitude[:, :-1], seen.sky[:, :-1], wide
    )
    until = night.table["valid_until"].fillna(np.inf).to_numpy(float)[:, None]
    worth, parts = night.table["worth"].to_numpy(float), [none]
    who = index.get_indexer(pd.Index(night.table["candidate_id"]))
    for share in SHARES:
        seconds = np.where(share * full <= settings.max_exposure, share * full, np.nan)
        length = _steps(seconds + reserved_seconds(night), settings)
        ends = grid.mjd(first + np.arange(length.shape[1]) + length)
        row, column = np.nonzero((length > 0) & (length <= seen.run) & (ends <= until))
        steps = length[row, column]
        parts.append(
            replace(
                none,
                candidate=who[row],
                site=np.full(len(row), site),
                start=first + column,
                length=steps,
                value=share * worth[row] * seen.quality(row, column, steps, settings),
                airmass=1.0 / seen.sine(row, column, steps),
            )
        )
    return join(parts)


def _looked(night: SiteNight, grid: Grid, settings: Plan) -> tuple[int, Seen | None]:
    """Return the first step of a night, and what is seen from it on; None if there is nothing."""
    if not np.isfinite(night.begin) or night.table.empty:
        return 0, None
    first, last = grid.first_after(night.begin), grid.last_before(night.night.end)
    if last <= first:
        return 0, None
    return first, look(night, grid.mjd(np.arange(first, last + 1)), settings)


def _steps(seconds: Floats, settings: Plan) -> Ints:
    return np.asarray(np.nan_to_num(np.ceil(seconds / settings.step - 1e-9)), dtype=np.intp)


def lengthened(
    problem: Problem, planned: Ints, nights: Sequence[SiteNight], grid: Grid, settings: Plan
) -> Filled:
    """Let visits go on into the empty time after them, as long as all limits allow.

    Not beyond the longest exposure of plan and instrument, and not into the gap before another
    visit to the same candidate.
    """
    ids = candidates_of(nights)
    length, how = problem.length.copy(), {}
    for site, night in enumerate(nights):
        own = planned[problem.site[planned] == site]
        names = [ids[who] for who in problem.candidate[own]]
        table = night.table.set_index("candidate_id", drop=False).loc[names].reset_index(drop=True)
        first, seen = _looked(replace(night, table=table), grid, settings)
        if seen is None:
            continue
        longest = min(settings.max_exposure, exposure.longest(night.observatory))
        most = int((longest + reserved_seconds(night)) // settings.step)
        for row, option in enumerate(own.tolist()):
            start, end = int(problem.start[option]), int(problem.end[option])
            until = float(table["valid_until"].fillna(np.inf).iloc[row])
            steps = min(
                _next_start(problem, planned, option) - start,
                int(seen.run[row, start - first]),
                most,
                (grid.last_before(until) - start) if np.isfinite(until) else most,
            )
            if steps > end - start:
                length[option] = steps
                how[option] = "longer"
    return Filled(replace(problem, length=length), planned, how)


def _next_start(problem: Problem, planned: Ints, option: int) -> int:
    """Return the step up to which a visit may go on beside the others."""
    later = planned[problem.start[planned] > problem.start[option]]
    here = problem.start[later[problem.site[later] == problem.site[option]]]
    same = problem.start[later[problem.candidate[later] == problem.candidate[option]]]
    far = np.iinfo(np.intp).max
    return int(min(here.min(initial=far), same.min(initial=far) - problem.gap))
