"""Plans without a solver, in milliseconds: dispatch and reservation."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from aas2rto.planning.problem import Floats, Ints, Problem

AT_ONCE = 4096
"""So many options are looked at before those that do not fit any more are left out."""


def greedy(problem: Problem) -> Ints:
    """Return the better of `dispatch` and `reserve`."""
    found = (dispatch(problem), reserve(problem))
    return max(found, key=problem.worth)


def dispatch(problem: Problem) -> Ints:
    """Run forward through the night: a free telescope turns to the best candidate that is up.

    The greedy strategy of A&A 698, A153, Sect. 2, for all sites at once: what one has begun, no
    other begins. Among the visits that can start now, the one of the highest value is taken.

    Returns
    -------
    ndarray of int
        Options, in the order of their starts.
    """
    order = np.lexsort((problem.candidate, -problem.value, problem.site, problem.start))
    who, site, start, end = (
        column[order] for column in (problem.candidate, problem.site, problem.start, problem.end)
    )
    allowed = problem.allowed.copy()
    ready = np.full(len(allowed), np.iinfo(np.intp).min)  # step from which it may be visited
    free = np.zeros(problem.n_sites, dtype=np.intp)  # step from which a telescope is free
    chosen = []
    # Those of one site and start stand together, the best first: of each lot one is taken at most.
    changes = (np.diff(site, prepend=-1) != 0) | (np.diff(start, prepend=-1) != 0)
    lots = np.append(np.flatnonzero(changes), len(order)).tolist()
    for first, stop in itertools.pairwise(lots):
        if start[first] < free[site[first]]:
            continue
        lot = who[first:stop]
        can = (allowed[lot] > 0) & (ready[lot] <= start[first])
        best = first + int(np.argmax(can))
        if can[best - first]:
            free[site[best]] = end[best]
            ready[who[best]] = end[best] + problem.gap
            allowed[who[best]] -= 1
            chosen.append(order[best])
    return np.array(chosen, dtype=np.intp)


def reserve(problem: Problem) -> Ints:
    """Give each candidate in turn, the most worth first, the best time that is still free.

    So time is kept for what can be observed then only. The order is by value over the square root
    of the length, which came closest to the optimum on simulated nights: 95 %, against 94 % by
    value and 94 % by value over length (tests/benchmarks/bench_plan.py).
    """
    return place(problem, problem.value / np.sqrt(problem.length))


def place(problem: Problem, order_by: Floats) -> Ints:
    """Take options in descending order of a key, each if it still fits.

    Returns
    -------
    ndarray of int
        Options, in the order of their starts.
    """
    order = np.lexsort((problem.candidate, problem.start, -order_by))
    busy = np.zeros((problem.n_sites, int(problem.end.max(initial=0)) + 1), dtype=bool)
    allowed = problem.allowed.copy()
    visits: dict[int, list[tuple[int, int]]] = {}
    chosen: list[int] = []
    columns = (problem.candidate, problem.site, problem.start, problem.end)
    for lot in np.split(order, range(AT_ONCE, len(order), AT_ONCE)):
        # The night soon is full: most of what comes later does not fit, and is seen to at once.
        taken = np.cumsum(busy, axis=1) - busy  # of the steps before each
        site, start, end = problem.site[lot], problem.start[lot], problem.end[lot]
        fits = taken[site, end] == taken[site, start]
        lot = lot[fits & (allowed[problem.candidate[lot]] > 0)]  # noqa: PLW2901
        rows = zip(lot.tolist(), *(column[lot].tolist() for column in columns), strict=True)
        for option, who, where, begin, until in rows:
            if not allowed[who] or busy[where, begin:until].any():
                continue
            if not _is_apart(begin, until, visits.get(who, ()), problem.gap):
                continue
            busy[where, begin:until] = True
            allowed[who] -= 1
            visits.setdefault(who, []).append((begin, until))
            chosen.append(option)
    return by_start(problem, chosen)


def _is_apart(start: int, end: int, visits: Iterable[tuple[int, int]], gap: int) -> bool:
    return all(start >= last + gap or end + gap <= first for first, last in visits)


def by_start(problem: Problem, chosen: list[int]) -> Ints:
    """Return options in the order of sites and starts."""
    found = np.array(chosen, dtype=np.intp)
    return found[np.lexsort((problem.site[found], problem.start[found]))]


def independent(problem: Problem) -> Ints:
    """Let every site follow its own list, and count once what several of them observed.

    Returns
    -------
    ndarray of int
        The visits that count: of each candidate the first ones.
    """
    allowed = problem.allowed.copy()
    ready = np.full(len(allowed), np.iinfo(np.intp).min)
    own = [np.flatnonzero(problem.site == site) for site in range(problem.n_sites)]
    done = [rows[greedy(problem.only(rows))] for rows in own if rows.size]
    visits = np.concatenate(done) if done else np.empty(0, dtype=np.intp)
    counted = []
    for option in by_start(problem, visits.tolist()).tolist():
        who, start = problem.candidate[option], problem.start[option]
        if allowed[who] and start >= ready[who]:
            allowed[who] -= 1
            ready[who] = problem.end[option] + problem.gap
            counted.append(option)
    return np.array(counted, dtype=np.intp)
