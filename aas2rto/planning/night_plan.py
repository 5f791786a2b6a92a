"""Make a plan: what is fixed, what comes first, greedy, the joint optimum, and back-ups."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.config.sections import Plan
from aas2rto.planning import timeline
from aas2rto.planning.earlier import counted
from aas2rto.planning.fill import Filled, fill
from aas2rto.planning.first import first_of, place_first
from aas2rto.planning.greedy import dispatch, independent, reserve
from aas2rto.planning.joint import Optimum, everyone, optimise
from aas2rto.planning.options import Grid, SiteNight, candidates_of, grid_of, problem_of
from aas2rto.planning.problem import Problem
from aas2rto.planning.reasons import not_planned

JOINT, GREEDY = "joint optimum", "greedy"


@dataclass(frozen=True)
class NightPlan:
    """What each telescope observes tonight.

    Parameters
    ----------
    now : Time
        When it was made.
    nights : tuple of SiteNight
        What it was made from.
    slots : DataFrame
        One row per visit, by observatory and time, see `aas2rto.planning.timeline`.
    method : str
        ``joint optimum`` or ``greedy``: whose plan this is.
    status : str
        What the solver said: ``optimal``, ``time limit``, ``not asked``, or what went wrong.
    objective : float
        Sum of the values of all visits that are neither fixed nor first.
    bound : float
        No plan of these could be worth more.
    greedy, dispatch, independent : float
        What the greedy plan, the forward dispatch alone, and sites that do not know of each other
        would have got.
    first : float
        Sum of the values of ToOs and pinned candidates, which are planned before the others.
    options : int
        How many there were to choose from.
    missed : callable
        Finds who is wanted, but has no visit, and why.
    seconds : dict of str to float
        What it took to find the options, the greedy plan, the optimum, and the slots.
    """

    now: Time
    nights: tuple[SiteNight, ...]
    slots: pd.DataFrame
    method: str
    status: str
    objective: float
    bound: float
    greedy: float
    dispatch: float
    independent: float
    first: float
    options: int
    missed: Callable[[], pd.DataFrame]
    seconds: dict[str, float]

    @functools.cached_property
    def not_planned(self) -> pd.DataFrame:
        """Who is wanted, but has no visit, and why, see `aas2rto.planning.reasons`.

        Found when somebody asks: at 10,000 candidates it takes as long as the plan.
        """
        return self.missed()

    @property
    def gap(self) -> float:
        """Share of the bound by which a better plan could be better; 0 if there is nothing."""
        return 1.0 - self.objective / self.bound if self.bound > 0 else 0.0

    def at(self, observatory: str) -> pd.DataFrame:
        """Return the visits of one observatory."""
        return self.slots[self.slots["observatory"] == observatory].reset_index(drop=True)


def make_plan(
    nights: Sequence[SiteNight],
    settings: Plan,
    now: Time,
    *,
    kept: pd.DataFrame | None = None,
    solve: bool = True,
) -> NightPlan:
    """Plan the nights of one or more observatories together.

    Parameters
    ----------
    nights : sequence of SiteNight
        At least one.
    settings : Plan
        The config's section ``plan``.
    now : Time
    kept : DataFrame, optional
        Slots of an earlier plan that have begun, from `earlier.kept_of`. The candidates of those
        that are done or running count as visited, and their telescopes are busy until they end.
    solve : bool
        If False, the greedy plan is taken.
    """
    clock = _Clock()
    kept = timeline.empty() if kept is None else kept
    visits = counted(kept)
    nights = tuple(_busy_until_kept(one, visits) for one in nights)
    grid = grid_of(nights, settings)
    everything = problem_of(nights, grid, settings)
    possible = without_kept(everything, nights, visits, grid)
    clock.stop("options")
    once = _once(possible, nights, visits) if settings.fill == "repeats" else possible
    first = place_first(once, first_of(once, nights), settings)
    rest, rows = once.after(first)
    forward, apart = dispatch(rest), independent(rest)
    greedily = max((forward, reserve(rest), apart), key=rest.worth)
    clock.stop("greedy")
    optimum = Optimum(None, everyone(rest), "not asked", 0.0)
    if solve:
        optimum = optimise(rest, gap=settings.optimality_gap, time_limit=settings.time_limit)
        clock.stop("optimum")
    is_better = optimum.chosen is not None and rest.worth(optimum.chosen) >= rest.worth(greedily)
    chosen = optimum.chosen if is_better and optimum.chosen is not None else greedily
    full = fill(possible, np.concatenate([first, rows[chosen]]), nights, grid, settings)
    slots = _slots(full, nights, kept, grid, settings)
    clock.stop("slots")
    return NightPlan(
        now=now,
        nights=nights,
        slots=slots,
        method=JOINT if is_better else GREEDY,
        status=optimum.status,
        objective=rest.worth(chosen),
        bound=max(optimum.bound, rest.worth(chosen)),
        greedy=rest.worth(greedily),
        dispatch=rest.worth(forward),
        independent=rest.worth(apart),
        first=possible.worth(first),
        options=len(everything),
        missed=functools.partial(not_planned, nights, possible, slots, grid, settings),
        seconds=clock.seconds,
    )


def _slots(
    full: Filled, nights: Sequence[SiteNight], kept: pd.DataFrame, grid: Grid, settings: Plan
) -> pd.DataFrame:
    """Return the slots of a plan with their back-ups, and what is kept of an earlier one."""
    slots = timeline.slots_of(nights, full.problem, full.planned, grid, settings, how=full.how)
    slots = timeline.with_backups(slots, nights, full.problem, full.planned)
    return timeline.in_order(pd.concat([kept, slots]) if len(kept) else slots, nights)


class _Clock:
    """Measures the steps of this module; nothing is decided by it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def stop(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now


def _busy_until_kept(night: SiteNight, kept: pd.DataFrame) -> SiteNight:
    own = kept.loc[kept["observatory"] == night.observatory.name, "end"]
    return replace(night, begin=max(night.begin, float(own.max()))) if len(own) else night


def _once(problem: Problem, nights: Sequence[SiteNight], visits: pd.DataFrame) -> Problem:
    """Return the same options, of which every candidate may have one, or none if it had one."""
    had = np.isin(np.array(candidates_of(nights), dtype=object), visits["candidate_id"].tolist())
    return replace(problem, allowed=np.where(had, 0, np.minimum(problem.allowed, 1)))


def without_kept(
    problem: Problem, nights: Sequence[SiteNight], kept: pd.DataFrame, grid: Grid
) -> Problem:
    """Return the options that are left when some visits are over or under way."""
    index = pd.Index(candidates_of(nights))
    who = index.get_indexer(pd.Index(kept["candidate_id"]))
    ready = np.zeros(len(index), dtype=np.intp)
    ends = [grid.first_after(end) + problem.gap for end in kept["end"].tolist()]
    np.maximum.at(ready, who[who >= 0], np.array(ends, dtype=np.intp)[who >= 0])
    visited = np.bincount(who[who >= 0], minlength=len(index))
    allowed = np.maximum(problem.allowed - visited, 0)
    left = (allowed > 0)[problem.candidate] & (problem.start >= ready[problem.candidate])
    return replace(problem.only(left), allowed=allowed)
