"""The joint optimum of a network: a time-indexed integer programme, solved by HiGHS.

Maximise the sum of the values of the chosen options, with at most one visit per site and step, and
at most so many visits, so far apart, per candidate. The relaxation of this formulation is tight
(within 0.1 % on simulated nights), so its prices tell which options can be part of a good plan:
those are tried first, and what is left out is bounded by its price.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csc_array

from aas2rto.guard import attempt
from aas2rto.planning.greedy import place
from aas2rto.planning.problem import Floats, Ints, Problem

FEW = 200
"""So many options are solved at once; with more, their prices are found first."""

WIDTHS = (1e-4, 5e-4, 2e-3, 1e-2)
"""Which options are tried, one set after the other: those whose price loses less than this share
of the relaxed optimum."""

SHARE_FOR_PRICES = 0.6
"""Of the time limit, for the relaxation."""

AT_EACH_STEP = 20
"""So many options of each site and start, the most valuable, begin the search for prices."""

TOO_CHEAP = 1e-9
"""Scaled; what an option is worth above its price, by more than the rounding of HiGHS."""

LEAST_TIME = 0.01
"""HiGHS wants some time limit above 0 [s]."""


@dataclass(frozen=True)
class Optimum:
    """The best plan that the solver found.

    Parameters
    ----------
    chosen : ndarray of int or None
        Options; None if it found none.
    bound : float
        No plan can be worth more.
    status : str
        ``optimal`` (within the gap that was asked for), ``time limit``, or what went wrong.
    seconds : float
        How long it took.
    """

    chosen: Ints | None
    bound: float
    status: str
    seconds: float


def optimise(problem: Problem, *, gap: float, time_limit: float) -> Optimum:
    """Find the best plan.

    Parameters
    ----------
    problem : Problem
    gap : float
        Stop when bound and objective differ by less than this share of the bound.
    time_limit : float
        [s]

    Returns
    -------
    Optimum
        Whatever the solver does, there is an answer.
    """
    start = time.monotonic()
    if not len(problem):
        return Optimum(np.empty(0, dtype=np.intp), 0.0, "optimal", 0.0)
    search = _Search(problem, gap, start + time_limit)
    with _silence():
        done = attempt("solver HiGHS", search.run)
    status = done.failure.error if done.failure is not None else search.status
    return Optimum(search.chosen, search.bound, status, time.monotonic() - start)


class _Search:
    """The state of a search: the best plan so far, and the bound."""

    def __init__(self, problem: Problem, gap: float, deadline: float) -> None:
        self.problem = problem
        self.gap = gap
        self.deadline = deadline
        self.scale = float(problem.value.max())
        self.value = problem.value / self.scale
        self.matrix, self.limits = constraints(problem)
        self.chosen: Ints | None = None
        self.bound = everyone(problem)
        self.status = "time limit"

    @property
    def left(self) -> float:
        return self.deadline - time.monotonic()

    @property
    def is_done(self) -> bool:
        if self.chosen is None:
            return False
        return self.problem.worth(self.chosen) >= self.bound * (1 - self.gap) - 1e-9 * self.scale

    def run(self) -> None:
        if len(self.problem) <= FEW:
            self.try_options(np.arange(len(self.problem)), np.inf)
        else:
            self.by_price()
        if self.is_done:
            self.status = "optimal"

    def by_price(self) -> None:
        """Solve the relaxation, then more and more of the options."""
        relaxed = self.relax()
        if relaxed is None:
            return
        best, share, loss = relaxed
        self.bound = min(self.bound, best * self.scale)
        # The relaxed plan, rounded: at once within 1 to 5 % of the bound on simulated nights.
        self.take(place(self.problem, share * self.value))
        for width in WIDTHS:
            if self.is_done or self.left <= 0:
                return
            keep = np.flatnonzero(loss <= width * best)
            self.try_options(keep, best * (1 - width))
        if not self.is_done and self.left > 0:
            self.try_options(np.arange(len(self.problem)), np.inf)

    def relax(self) -> tuple[float, Floats, Floats] | None:
        """Solve the relaxation by column generation: few of the options are worth their price.

        The best at each site and step come first, then whichever the prices find too cheap, until
        there is none: the optimum of all of them (Dantzig & Wolfe 1960).

        Returns
        -------
        tuple or None
            The optimum, scaled; how much of each option it takes; and what a plan with an option
            must lose against it at least. None if the time was not enough.
        """
        deadline = time.monotonic() + self.left * SHARE_FOR_PRICES
        keep = self.best_at_each_step()
        while True:
            found = linprog(
                -self.value[keep],
                A_ub=self.matrix[:, keep],
                b_ub=self.limits,
                bounds=(0, None),
                method="highs-ds",
                options={"time_limit": max(deadline - time.monotonic(), LEAST_TIME)},
            )
            if found.status != 0:
                return None
            loss = -(self.value + self.matrix.T @ found.ineqlin.marginals)
            cheap = np.flatnonzero(loss < -TOO_CHEAP)
            cheap = cheap[~np.isin(cheap, keep)]
            if not len(cheap):
                share = np.zeros(len(self.value))
                share[keep] = found.x
                return -float(found.fun), share, loss
            cheapest = cheap[np.argsort(loss[cheap], kind="stable")[: max(len(keep) // 2, FEW)]]
            keep = np.sort(np.concatenate([keep, cheapest]))

    def best_at_each_step(self) -> Ints:
        """Return the most valuable options of each site and start."""
        problem = self.problem
        order = np.lexsort([-self.value, problem.start, problem.site])
        place = np.stack([problem.site[order], problem.start[order]])
        first = np.flatnonzero(np.r_[True, (place[:, 1:] != place[:, :-1]).any(axis=0)])
        behind = np.arange(len(order)) - np.repeat(first, np.diff(np.r_[first, len(order)]))
        return np.sort(order[behind < AT_EACH_STEP])

    def try_options(self, keep: Ints, others: float) -> None:
        """Solve with some of the options.

        Parameters
        ----------
        keep : ndarray of int
        others : float
            A plan with any other option is worth at most this, scaled; infinite: there is none.
        """
        found = milp(
            -self.value[keep],
            constraints=LinearConstraint(self.matrix[:, keep], -np.inf, self.limits),
            integrality=np.ones(len(keep)),
            bounds=Bounds(0, 1),
            options={"time_limit": max(self.left, LEAST_TIME), "mip_rel_gap": self.gap / 2},
        )
        if found.x is not None:
            self.take(keep[found.x > 0.5])
        if found.mip_dual_bound is not None and np.isfinite(found.mip_dual_bound):
            inside = -float(found.mip_dual_bound)
            everything = inside if np.isinf(others) else max(inside, others)
            self.bound = min(self.bound, everything * self.scale)

    def take(self, chosen: Ints) -> None:
        """Remember a plan, its gaps filled with whatever fits, if it is better."""
        rest, rows = self.problem.after(chosen)
        filled = np.concatenate([chosen, rows[place(rest, rest.value)]])
        if self.chosen is None or self.problem.worth(filled) > self.problem.worth(self.chosen):
            self.chosen = filled


def everyone(problem: Problem) -> float:
    """Return what a plan could be worth if every candidate got its best visits."""
    best = np.zeros(len(problem.allowed))
    np.maximum.at(best, problem.candidate, problem.value)
    return float(best @ problem.allowed)


def constraints(problem: Problem) -> tuple[csc_array, Floats]:
    """Build the matrix A and the limits b of A x <= b.

    One row for each site and step: one visit at a time. One for each candidate: so many visits.
    Where several are allowed, one more for each candidate and step: one visit at a time, and none
    for the gap after it.
    """
    n = len(problem)
    option = np.arange(n)
    steps = int(problem.end.max()) + problem.gap
    at_site, which = _covered(problem.start, problem.length)
    rows = [problem.site[which] * steps + at_site]
    columns = [which]
    base = problem.n_sites * steps
    rows.append(base + problem.candidate)
    columns.append(option)
    if problem.allowed.max() > 1:
        base += len(problem.allowed)
        with_gap, which = _covered(problem.start, problem.length + problem.gap)
        rows.append(base + problem.candidate[which] * steps + with_gap)
        columns.append(which)
    used, row = np.unique(np.concatenate(rows), return_inverse=True)
    column = np.concatenate(columns)
    matrix = csc_array((np.ones(len(row)), (row, column)), shape=(len(used), n))
    limits = np.ones(len(used))
    first = problem.n_sites * steps
    counts = (used >= first) & (used < first + len(problem.allowed))
    limits[counts] = problem.allowed[used[counts] - first]
    return matrix, limits


def _covered(start: Ints, length: Ints) -> tuple[Ints, Ints]:
    """Return every step that every option covers, and which option it is."""
    which = np.repeat(np.arange(len(start)), length)
    offset = np.arange(len(which)) - np.repeat(np.cumsum(length) - length, length)
    return start[which] + offset, which


@contextmanager
def _silence() -> Iterator[None]:
    """Keep HiGHS from writing to the standard output, where programs may read JSON.

    It prints some lines past all its options, from C++: only the file descriptor can be turned.
    """
    sys.stdout.flush()
    saved, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(nowhere)
