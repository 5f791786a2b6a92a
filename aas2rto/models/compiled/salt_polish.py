"""From a start to a minimum of a SALT fit: Levenberg-Marquardt within bounds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.compiled.jit import compiled
from aas2rto.models.compiled.linear import cholesky, solve_factored
from aas2rto.models.compiled.problem import N_PARAMETERS, T0, X1, C, Problem, Rules, Y, Z
from aas2rto.models.compiled.salt_objective import objective

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_ITERATIONS = 40
TOLERANCE = 1e-3
"""Stop when the next step promises less than this in chi2."""
MOST_DAMPING = 1e8
WALL = 1e3
"""Damping at which t0 and z are held: the surfaces end abruptly at their first and last phase, and
no step comes closer to a minimum that lies where a point falls out of them."""
PATIENCE, HOPE, RUNNER_UP = 3, 3.0, 6.0
"""After `PATIENCE` steps a start is given up if even `HOPE` times the promised improvement leaves
it more than `RUNNER_UP` above the best minimum so far."""
NEAR, ALIKE = 1.0, 0.08
"""A start is going to a minimum that is known where the parabola of that minimum promises less than
`NEAR` above it, and is right to `ALIKE`."""
VALUE, CHISQ = N_PARAMETERS, N_PARAMETERS + 1
N_MINIMUM = N_PARAMETERS + 2
"""A minimum: its parameters, objective and chi2."""


class Search(NamedTuple):
    """What a search has found so far.

    ``minima`` (k, 7) holds parameters, objective and chi2 of where starts ended; NaN for the rest,
    and an infinite objective for a start that fell into a minimum that was known. Starts without
    hope are left where they were, more than `RUNNER_UP` above the best. ``curvature`` (k, 5, 5) is
    half the second derivatives there. ``best`` (7,) and ``best_curvature`` (5, 5) are those of the
    lowest.
    """

    minima: Floats
    curvature: Floats
    best: Floats
    best_curvature: Floats


@compiled
def make_search(size: int) -> Search:
    """Return an empty search for `size` minima."""
    return Search(
        np.full((size, N_MINIMUM), np.nan),
        np.empty((size, N_PARAMETERS, N_PARAMETERS)),
        np.full(N_MINIMUM, np.nan),
        np.empty((N_PARAMETERS, N_PARAMETERS)),
    )


@compiled
def forget(search: Search) -> None:
    """Empty a search."""
    search.minima[:] = np.nan
    search.best[:] = np.nan
    search.best[VALUE] = np.inf


@compiled
def bounds_of(rules: Rules, n: int, z: float) -> Floats:
    """Return low and high bounds of t0, ln x0, x1, c, z; a fixed redshift, `z`, may be anywhere."""
    bounds = np.empty((2, N_PARAMETERS))
    bounds[0], bounds[1] = -np.inf, np.inf
    bounds[0, X1], bounds[1, X1] = -rules.x1_cut, rules.x1_cut
    bounds[0, C], bounds[1, C] = rules.c_low, rules.c_high
    bounds[0, Z], bounds[1, Z] = rules.z_low, rules.z_high
    if n < N_PARAMETERS:
        bounds[:, Z] = z
    return bounds


@compiled
def unheld(p: Floats, n: int, bounds: Floats, hessian: Floats, grad: Floats, active: Ints) -> int:
    """List the parameters that may move; return how many.

    One at its bound is held there while the slope pushes outwards.
    """
    m = 0
    for a in range(n):
        low, high = p[a] <= bounds[0, a], p[a] >= bounds[1, a]
        held = (low and grad[a] < 0.0) or (high and grad[a] > 0.0)
        if not held and hessian[a, a] > 0.0:
            active[m] = a
            m += 1
    return m


@compiled
def damped_step(
    hessian: Floats, grad: Floats, active: Ints, m: int, damping: float, step: Floats
) -> float:
    """Fill the step of the active parameters; return the promised drop, -1 without a solution."""
    reduced, factor = np.empty((m, m)), np.zeros((m, m))
    side, part = np.empty(m), np.empty(m)
    for a in range(m):
        for b in range(a + 1):
            reduced[a, b] = hessian[active[a], active[b]]
        reduced[a, a] *= 1.0 + damping
        side[a] = grad[active[a]]
    step[:] = 0.0
    if not cholesky(reduced, m, factor):
        return -1.0
    solve_factored(factor, m, side, part)
    promise = 0.0
    for a in range(m):
        step[active[a]] = part[a]
        promise += part[a] * side[a]
    return promise


@compiled
def move(p: Floats, step: Floats, bounds: Floats, trial: Floats) -> None:
    """Fill `trial` with the bounded step from `p`.

    One step may move the peak by ten days and the amplitude by a factor of e, not more.
    """
    for a in range(N_PARAMETERS):
        trial[a] = min(max(p[a] + step[a], bounds[0, a]), bounds[1, a])
    trial[T0] = min(max(trial[T0], p[T0] - 10.0), p[T0] + 10.0)
    trial[Y] = min(max(trial[Y], p[Y] - 1.0), p[Y] + 1.0)


@compiled
def is_known(search: Search, p: Floats, n: int, value: float) -> bool:
    """Tell whether `p` is falling into a minimum whose parabola explains the value there."""
    for k in range(search.minima.shape[0]):
        found = search.minima[k]
        over = value - found[VALUE]
        if not -0.01 < over < NEAR + ALIKE:
            continue
        rise = 0.0
        for a in range(n):
            for b in range(n):
                rise += (p[a] - found[a]) * search.curvature[k, a, b] * (p[b] - found[b])
        if rise < NEAR and abs(over - rise) < ALIKE:
            return True
    return False


@compiled
def polish(
    problem: Problem, p: Floats, n: int, search: Search, hessian: Floats
) -> tuple[float, float]:
    """Run Levenberg-Marquardt from `p` in place; return (objective, chi2) at its end.

    A start that falls into one of the minima found before is given up: (inf, nan).
    """
    grad, trial_grad = np.empty(N_PARAMETERS), np.empty(N_PARAMETERS)
    trial_hessian = np.empty((N_PARAMETERS, N_PARAMETERS))
    bounds = bounds_of(problem.rules, n, p[Z])
    step, trial = np.empty(N_PARAMETERS), np.empty(N_PARAMETERS)
    active = np.empty(N_PARAMETERS, dtype=np.int64)
    best, chisq, damping, m, wall = np.inf, np.nan, 3e-2, 0, False
    trial[:] = p
    for turn in range(MAX_ITERATIONS):
        value, chi = objective(problem, trial, n, trial_hessian, trial_grad)
        if value <= best:
            p[:] = trial
            hessian[:] = trial_hessian
            grad[:] = trial_grad
            best, chisq = value, chi
            damping = max(damping * 0.3, 1e-9)
            m = unheld(p, n, bounds, hessian, grad, active)
            if turn > 0 and is_known(search, p, n, best):
                return np.inf, np.nan
        else:
            damping = max(damping * 8.0, 1e-4)
            if damping > WALL and not wall:
                wall, damping = True, 1e-2
                bounds[:, T0], bounds[:, Z] = p[T0], p[Z]
                m = unheld(p, n, bounds, hessian, grad, active)
        promise = -1.0
        while promise < 0.0 and m > 0 and damping < MOST_DAMPING:
            promise = damped_step(hessian, grad, active, m, damping, step)
            if promise < 0.0:
                damping = max(damping * 8.0, 1e-4)
        if promise < TOLERANCE and not damping > 1.0:
            break
        hopeless = turn >= PATIENCE and best - HOPE * promise > search.best[VALUE] + RUNNER_UP
        if hopeless or promise < 0.0:
            break
        move(p, step, bounds, trial)
    return best, chisq


@compiled
def follow(problem: Problem, p: Floats, n: int, search: Search, done: int) -> int:
    """Polish the start `p` and note its minimum as number `done`; return the next number.

    Where the list is full, the highest minimum makes room.
    """
    size = search.minima.shape[0]
    k = done if done < size else np.argmax(search.minima[:, VALUE])
    found = search.minima[k]
    found[:] = np.nan  # so that what made room is not known any more
    value, chisq = polish(problem, p, n, search, search.curvature[k])
    found[:N_PARAMETERS], found[VALUE], found[CHISQ] = p, value, chisq
    if value < search.best[VALUE]:
        search.best[:] = found
        search.best_curvature[:] = search.curvature[k]
    following: int = min(done + 1, size)
    return following
