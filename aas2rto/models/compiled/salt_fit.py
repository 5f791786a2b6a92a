"""SALT fits of many light curves: valleys of the scan, minima, and the last look around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.compiled.jit import compiled, entry
from aas2rto.models.compiled.linear import invert_positive
from aas2rto.models.compiled.problem import (
    N_PARAMETERS,
    T0,
    X1,
    Answers,
    Batch,
    C,
    Points,
    Problem,
    Rules,
    Tables,
    Z,
    make_work,
)
from aas2rto.models.compiled.salt import at_redshift, early_error, fluxes, relative_error
from aas2rto.models.compiled.salt_limits import span
from aas2rto.models.compiled.salt_polish import (
    CHISQ,
    TOLERANCE,
    VALUE,
    Search,
    bounds_of,
    follow,
    forget,
    make_search,
    move,
)
from aas2rto.models.compiled.salt_scan import (
    AT_T0,
    AT_Z,
    LN_DET,
    LOWEST,
    MAX_CELLS,
    N_CELL,
    N_MOMENTS,
    SUM,
    SUM_T,
    SUM_TT,
    scan,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

POOR, EXTREMES = 10.0, 4
"""Above this chi2 per point all valleys are polished, and starts of extreme colour: the scan, which
is linear in colour, ranks them badly where nothing fits. Then the best one is left by `HOPS`."""
HOPS = np.array(
    [
        [1.5, 0.0, 0.0, 0.0, 0.0],
        [-1.5, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.3, 0.0],
        [0.0, 0.0, 0.0, -0.3, 0.0],
        [0.0, 0.0, 2.0, 0.0, 0.0],
        [0.0, 0.0, -2.0, 0.0, 0.0],
        [4.0, 0.0, 0.0, 0.0, 0.0],
        [-4.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.02],
        [0.0, 0.0, 0.0, 0.0, -0.02],
    ]
)
"""Steps in t0, ln x0, x1, c and z from a minimum to new starts near it: where nothing fits, many
small valleys lie side by side, closer than the scan sees. The last two are for free redshifts."""
MOST_HOPS = 60
ASIDE, SURE = 2.0, 0.3
"""With a free redshift, where t0 is less sure than `SURE` [d], the best minimum is left once more
along its valley, by `ASIDE` sigma of t0 to both sides: young light curves have twin minima."""


@compiled
def find_starts(problem: Problem, redshift: float, moments: Floats, starts: Floats) -> int:
    """Fill `starts` with the valleys of the scan; return their number.

    With a known redshift the tables are interpolated to it once, into scratch; else the scan
    visits nodes of the tables.
    """
    tables, rules, work = problem.tables, problem.rules, problem.work
    moments[:] = 0.0
    moments[LOWEST] = np.inf
    first, last = 0, tables.law.shape[1] - 1
    for b in range(work.present.size):
        if work.present[b]:
            first, last = max(first, tables.first[b]), min(last, tables.last[b])
            if not np.isnan(redshift):
                at_redshift(tables, b, redshift, work.values[b], work.law[b, 0])
    known = not np.isnan(redshift)
    values, law = (work.values, work.law) if known else (tables.values, tables.law)
    count, before = int(np.int64(0)), -1  # a literal 0 would be compiled for itself
    for k in range(1 if known else rules.n_redshifts):
        z = rules.z_low + (rules.z_high - rules.z_low) * (k + 0.5) / rules.n_redshifts
        node = min(max(int(np.round(z / tables.z_step)), first), last)
        z = node * tables.z_step
        if known:
            node, z = 0, redshift
        elif node == before or not rules.z_low <= z <= rules.z_high:
            continue
        before = node
        count = scan(problem, values, law, node, z, moments, starts, count)
    return count


@compiled
def is_near(starts: Floats, k: int, used: Ints, done: int, near_t0: float, near_z: float) -> bool:
    """Tell whether start `k` lies in the valley of one that is used already."""
    for m in range(done):
        other = starts[used[m]]
        if (
            abs(starts[k, AT_T0] - other[AT_T0]) < near_t0 * (1.0 + starts[k, AT_Z])
            and abs(starts[k, AT_Z] - other[AT_Z]) < near_z
        ):
            return True
    return False


@compiled
def extreme_start(problem: Problem, first: Floats, k: int, p: Floats) -> None:
    """Fill `p` with the k-th start for a light curve that no valley of the scan explains.

    Blue ones, and one of no colour; the peak at the brightest point, as sncosmo guesses, twelve
    days before the first point, or where the best cell has it.
    """
    t, f = problem.points.t, problem.points.f
    p[:] = first[1:LN_DET]
    p[X1] = 0.0
    p[C] = max(-1.0, problem.rules.c_low) if k > 0 else 0.0
    if k < 2:
        p[T0] = t[np.argmax(f)]
    elif k == 2:
        p[T0] = t.min() - 12.0


@compiled
def hop(problem: Problem, n: int, search: Search, done: int) -> int:
    """Restart around the best minimum until no hop finds a lower one; return the next number."""
    p, bounds = np.empty(N_PARAMETERS), bounds_of(problem.rules, n, search.best[Z])
    hops = HOPS.shape[0] if n == N_PARAMETERS else HOPS.shape[0] - 2
    failures = k = 0
    for _ in range(MOST_HOPS):
        if failures == hops:
            break
        before = search.best[VALUE]
        move(search.best, HOPS[k], bounds, p)
        done = follow(problem, p, n, search, done)
        failures = failures + 1 if search.best[VALUE] > before - TOLERANCE else 0
        k = (k + 1) % hops
    return done


@compiled
def look_aside(problem: Problem, n: int, search: Search, done: int, covariance: Floats) -> int:
    """Restart from both sides along the valley of the best minimum; return the next number.

    `covariance` is scratch.
    """
    p, step = np.empty(N_PARAMETERS), np.zeros(N_PARAMETERS)
    bounds = bounds_of(problem.rules, n, search.best[Z])
    for side in (-ASIDE, ASIDE):
        invert_positive(search.best_curvature, n, covariance)
        sigma = np.sqrt(covariance[T0, T0])
        if not sigma > SURE:
            break
        for a in range(n):
            step[a] = side * covariance[a, T0] / sigma
        move(search.best, step, bounds, p)
        done = follow(problem, p, n, search, done)
    return done


@compiled
def visit_valleys(problem: Problem, n: int, starts: Floats, count: int, search: Search) -> int:
    """Polish the best valleys of the scan, and more where nothing fits; return how many."""
    rules = problem.rules
    p, used = np.empty(N_PARAMETERS), np.empty(MAX_CELLS, dtype=np.int64)
    near_t0 = 0.8 * rules.step
    near_z = 1.5 * (rules.z_high - rules.z_low) / rules.n_redshifts
    wanted = rules.starts_free if n == N_PARAMETERS else rules.starts_fixed
    most = search.minima.shape[0] - EXTREMES
    done = 0
    for k in range(count):
        allowed = most if is_poor(problem, search) else min(wanted, most)
        if done < allowed and not is_near(starts, k, used, done, near_t0, near_z):
            used[done] = k
            p[:] = starts[k, 1:LN_DET]
            done = follow(problem, p, n, search, done)
            if n < N_PARAMETERS and not np.isfinite(search.minima[done - 1, VALUE]):
                wanted += 1  # it led to a minimum that was known; with z free that is the rule
    if is_poor(problem, search):
        for k in range(EXTREMES):
            extreme_start(problem, starts[0], k, p)
            done = follow(problem, p, n, search, done)
        done = hop(problem, n, search, done)
    return done


@compiled
def is_poor(problem: Problem, search: Search) -> bool:
    """Tell whether nothing found so far fits."""
    poor: bool = search.best[VALUE] >= POOR * problem.points.t.size
    return poor


@compiled
def fit_once(
    problem: Problem, redshift: float, search: Search, covariance: Floats, spread: Floats
) -> None:
    """Fit one candidate with the weights as they are; see `fit_candidate`."""
    n = N_PARAMETERS if np.isnan(redshift) else N_PARAMETERS - 1
    starts, moments = np.empty((MAX_CELLS, N_CELL)), np.empty(N_MOMENTS)
    count = find_starts(problem, redshift, moments, starts)
    spread[:], covariance[:] = np.nan, np.nan
    forget(search)
    if count == 0:
        return
    done = visit_valleys(problem, n, starts, count, search)
    if n == N_PARAMETERS:
        look_aside(problem, n, search, done, covariance)
    invert_positive(search.best_curvature, n, covariance)
    mean = moments[SUM_T] / moments[SUM]
    spread[0] = span(problem.points)[0] + mean
    spread[1] = np.sqrt(max(moments[SUM_TT] / moments[SUM] - mean * mean, 0.0))


@compiled
def fit_from_best(problem: Problem, redshift: float, search: Search, covariance: Floats) -> None:
    """Follow the best minimum to where it is with the weights as they are now."""
    n = N_PARAMETERS if np.isnan(redshift) else N_PARAMETERS - 1
    start = search.best[:N_PARAMETERS].copy()
    forget(search)
    follow(problem, start, n, search, 0)
    invert_positive(search.best_curvature, n, covariance)


@compiled
def reweigh(problem: Problem, p: Floats, own: Floats) -> None:
    """Set the weights of the points from their own errors, the model's error, and outliers.

    Parameters
    ----------
    p : ndarray, shape (5,)
        Where the model is evaluated; like sncosmo, its error is then kept for the next fit.
    own : ndarray, shape (points,)
        Inverse variances of the data alone.

    Notes
    -----
    Robust weights are Huber's (1964): residuals beyond ``rules.huber`` standard deviations pull
    with constant force.
    """
    tables, points, rules = problem.tables, problem.points, problem.rules
    flux, peak = np.empty(points.t.size), np.empty(problem.work.present.size)
    fluxes(tables, problem.dust, points.t, points.band, p, flux, peak)
    for i in range(points.t.size):
        b = points.band[i]
        day = (points.t[i] - p[T0]) / (1.0 + p[Z]) - tables.first_phase
        share = relative_error(tables, b, p[Z], day) * flux[i]
        early = early_error(tables, day) * peak[b]
        w = 1.0 / (1.0 / own[i] + rules.model_error**2 * (share * share + early * early))
        if points.limit[i]:
            points.w[i] = w
            continue
        pull = abs(points.f[i] - flux[i]) * np.sqrt(w)
        if rules.huber > 0.0 and pull > rules.huber:
            w *= rules.huber / pull
        points.w[i] = w


@compiled
def fit_candidate(
    problem: Problem,
    redshift: float,
    answer: Floats,
    covariance: Floats,
    minima: Floats,
    spread: Floats,
) -> tuple[float, float]:
    """Fit one candidate.

    Parameters
    ----------
    problem : Problem
        The weights of its points are changed if the rules ask for the model's error or for
        robustness.
    redshift : float
        Fixed there; NaN lets it run.
    answer : ndarray, shape (5,)
        Filled: t0, ln x0, x1, c, z.
    covariance : ndarray, shape (5, 5)
        Filled in the same order; NaN where a parameter is not free or the data leave it open.
    minima : ndarray, shape (k, 3)
        Filled with objective, t0 and z of the minima found, in any order; NaN for the rest, and an
        infinite objective for starts that led to one of the others.
    spread : ndarray, shape (2,)
        Filled with mean and standard deviation of t0 over the scan's posterior, all valleys
        together.

    Returns
    -------
    objective, chisq : float
        chi2 - 2 ln prior, and chi2; NaN if nothing was found.
    """
    points, present = problem.points, problem.work.present
    present[:] = False
    for i in range(points.band.size):
        present[points.band[i]] = True
    own = points.w.copy()
    search = make_search(minima.shape[0])
    fit_once(problem, redshift, search, covariance, spread)
    for turn in range(problem.rules.rounds):
        if not np.isfinite(search.best[VALUE]):
            break
        reweigh(problem, search.best, own)
        before = search.best.copy()
        if turn == problem.rules.rounds - 1:
            fit_once(problem, redshift, search, covariance, spread)
        else:
            forget(search)
        if not np.isfinite(search.best[VALUE]):
            # No scan yet; or, with these weights, no source is worth what its priors cost.
            search.best[:] = before
            fit_from_best(problem, redshift, search, covariance)
    minima[:, 0] = search.minima[:, VALUE]
    minima[:, 1], minima[:, 2] = search.minima[:, T0], search.minima[:, Z]
    answer[:] = search.best[:N_PARAMETERS]
    if not np.isfinite(search.best[VALUE]):
        return np.nan, np.nan
    return search.best[VALUE], search.best[CHISQ]


@entry
def fit_many(
    begin: int, end: int, tables: Tables, batch: Batch, rules: Rules, answers: Answers
) -> None:
    """Fit the chosen candidates of ``begin <= i < end``; answers are written in place."""
    work = make_work(tables)
    dust = np.empty_like(tables.dust)
    for i in range(begin, end):
        if not batch.chosen[i]:
            continue
        rows = slice(batch.start[i], batch.start[i + 1])
        dust[:] = tables.dust * batch.ebv[i]
        points = Points(
            batch.t[rows], batch.f[rows], batch.w[rows], batch.band[rows], batch.limit[rows]
        )
        lines = np.empty((N_PARAMETERS + 3, points.t.size))
        problem = Problem(tables, dust, points, rules, batch.late[i], work, lines)
        answers.costs[i, 0], answers.costs[i, 1] = fit_candidate(
            problem,
            batch.redshift[i],
            answers.values[i],
            answers.covariance[i],
            answers.minima[i],
            answers.spread[i],
        )
