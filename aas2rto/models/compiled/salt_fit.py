"""SALT fits of many light curves: from the valleys of the scan by Levenberg-Marquardt."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.compiled.jit import compiled, entry
from aas2rto.models.compiled.linear import cholesky, invert_positive, solve_factored
from aas2rto.models.compiled.problem import (
    FADES,
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
    Y,
    Z,
    distance_modulus,
    make_work,
)
from aas2rto.models.compiled.salt import (
    BY_C,
    BY_X1,
    BY_Z,
    FLUX,
    PER_MAG,
    at_redshift,
    curve_fixed_z,
    curve_free_z,
    flux_many,
    phase_taps,
    relative_error,
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

MAX_ITERATIONS = 40
TOLERANCE = 1e-3
"""Stop when the next step promises less than this in chi2."""
MOST_DAMPING = 1e8
PATIENCE, HOPE, RUNNER_UP = 4, 5.0, 6.0
"""After `PATIENCE` steps a start is given up if even `HOPE` times the promised improvement leaves
it more than `RUNNER_UP` above the best minimum so far."""
SAME_T0, SAME_Z = 0.2, 0.004
"""A start that comes this close [d] to a minimum found before is going there again."""
RESIDUAL, WEIGHT, WEIGHTED = 5, 6, 7
"""Rows of a problem's lines after the five slopes; the last is scratch."""
POOR, EXTREMES = 10.0, 4
"""Above this chi2 per point all valleys are polished, and starts of extreme colour: the scan, which
is linear in colour, ranks them badly where nothing fits."""


@compiled
def add_prior(problem: Problem, p: Floats, n: int, hessian: Floats, grad: Floats) -> float:
    """Return -2 ln prior and add its share of the normal equations; `n` is 4 with z fixed."""
    rules = problem.rules
    pull = (p[X1] - rules.x1_mean) * rules.x1_weight
    cost: float = pull * pull
    grad[X1] -= pull * rules.x1_weight
    hessian[X1, X1] += rules.x1_weight**2
    pull = (p[C] - rules.c_mean) * rules.c_weight
    cost += pull * pull
    grad[C] -= pull * rules.c_weight
    hessian[C, C] += rules.c_weight**2
    if rules.mag_weight > 0.0:
        mu, mu_z = distance_modulus(rules, problem.tables.z_step, p[Z])
        pull = -p[Y] / PER_MAG + 10.5 - mu - rules.mag + rules.alpha * p[X1] - rules.beta * p[C]
        pull *= rules.mag_weight
        cost += pull * pull
        slope = np.array([0.0, -1.0 / PER_MAG, rules.alpha, -rules.beta, -mu_z]) * rules.mag_weight
        for a in range(1, n):
            grad[a] -= pull * slope[a]
            for b in range(1, a + 1):
                hessian[a, b] += slope[a] * slope[b]
    if n == N_PARAMETERS and rules.volume > 0.0:
        z = max(p[Z], 1e-5)
        cost -= 2.0 * rules.volume * np.log(z)
        grad[Z] += rules.volume / z
        hessian[Z, Z] += rules.volume / (z * z)
    return cost


@compiled
def one_sided(u: float) -> tuple[float, float]:
    """Return -2 ln Phi(u) and h = phi(u) / Phi(u)."""
    if u < -20.0:
        return u * u + 2.0 * np.log(-u) + np.log(2.0 * np.pi), -u
    share = 0.5 * math.erfc(-u / np.sqrt(2.0))
    return -2.0 * np.log(share), np.exp(-0.5 * u * u) / (np.sqrt(2.0 * np.pi) * share)


@compiled
def rows_needed(problem: Problem, p: Floats) -> tuple[int, int]:
    """Return the first table row that the points need, and how many."""
    tables, points = problem.tables, problem.points
    low, high = np.inf, -np.inf
    edge = False
    stretch = 1.0 / (1.0 + p[Z])
    last = tables.days - 1
    for i in range(points.t.size):
        day = (points.t[i] - p[T0]) * stretch - tables.first_phase
        if day >= 0.0 and (day <= last or problem.late == FADES):
            edge = edge or day < 1.0 or day >= last - 1
            low, high = min(low, day), max(high, day)
    if low > high:
        return 0, 0
    first = min(max(int(low) - 1, 0), last)
    stop = tables.values.shape[4] if edge else int(high) + 3
    return first, stop - first


@compiled
def fill_curves(problem: Problem, p: Floats, n: int) -> None:
    """Compute the light curves of the bands that are present, at the parameters `p`."""
    lo, count = rows_needed(problem, p)
    work, x1, c = problem.work, p[X1], p[C]
    for b in range(work.present.size):
        if count > 0 and work.present[b]:
            dust, out = problem.dust[b], work.curves[b]
            if n == N_PARAMETERS:
                curve_free_z(problem.tables, b, dust, p[Z], x1, c, lo, count, work.mix, out)
            else:
                values, law = work.values[b], work.law[b, 0]
                curve_fixed_z(values, law, dust, x1, c, lo, count, work.mix, out)


@compiled
def fill_slopes(problem: Problem, p: Floats) -> float:
    """Fill residuals, weights and slopes of all points from the light curves; return chi2.

    A one-sided point costs -2 ln Phi((limit - flux) / sigma). Its residual and weight are those
    of the parabola that touches it.
    """
    points, curves, lines = problem.points, problem.work.curves, problem.lines
    weight, slope = problem.work.taps[0], problem.work.taps[1]
    amplitude, stretch = np.exp(p[Y]), 1.0 / (1.0 + p[Z])
    chisq = 0.0
    for i in range(points.t.size):
        phase = (points.t[i] - p[T0]) * stretch
        day = phase - problem.tables.first_phase
        row = phase_taps(day, problem.tables.days, problem.late, weight, slope)
        flux = by_phase = by_x1 = by_c = by_z = 0.0
        if row >= 0:
            b = np.uint64(points.band[i])
            for q in range(4):
                r = np.uint64(row + q)
                flux += weight[q] * curves[b, FLUX, r]
                by_phase += slope[q] * curves[b, FLUX, r]
                by_x1 += weight[q] * curves[b, BY_X1, r]
                by_c += weight[q] * curves[b, BY_C, r]
                by_z += weight[q] * curves[b, BY_Z, r]
        flux *= amplitude
        w, left = points.w[i], points.f[i] - flux
        if points.limit[i]:
            root = np.sqrt(w)
            cost, h = one_sided(left * root)
            w *= h * (h + left * root)
            left = -h * root / max(w, 1e-300)
            chisq += cost
        else:
            chisq += w * left * left
        lines[T0, i] = -amplitude * stretch * by_phase
        lines[Y, i] = flux
        lines[X1, i] = amplitude * by_x1
        lines[C, i] = amplitude * by_c
        lines[Z, i] = amplitude * (by_z - by_phase * phase * stretch)
        lines[RESIDUAL, i] = left
        lines[WEIGHT, i] = w
    return chisq


@compiled
def normal_equations(lines: Floats, hessian: Floats, grad: Floats) -> None:
    """Fill the lower triangle of the sum of w j j^T, and the sum of w j residual.

    One sum per loop is what the compiler turns into vector instructions.
    """
    weighted, w, left = lines[WEIGHTED], lines[WEIGHT], lines[RESIDUAL]
    for a in range(N_PARAMETERS):
        slope, total = lines[a], 0.0
        for i in range(w.size):
            weighted[i] = w[i] * slope[i]
        for i in range(w.size):
            total += weighted[i] * left[i]
        grad[a] = total
        for b in range(a + 1):
            other, total = lines[b], 0.0
            for i in range(w.size):
                total += weighted[i] * other[i]
            hessian[a, b] = total


@compiled
def objective(
    problem: Problem, p: Floats, n: int, hessian: Floats, grad: Floats
) -> tuple[float, float]:
    """Return (chi2 - 2 ln prior, chi2) at `p`, and fill the normal equations of `n` parameters."""
    fill_curves(problem, p, n)
    chisq = fill_slopes(problem, p)
    normal_equations(problem.lines, hessian, grad)
    cost = add_prior(problem, p, n, hessian, grad)
    for a in range(n):
        for b in range(a):
            hessian[b, a] = hessian[a, b]
    return chisq + cost, chisq


@compiled
def bounds_of(rules: Rules, low: Floats, high: Floats) -> None:
    """Fill the bounds of t0, ln x0, x1, c, z."""
    low[:] = -np.inf
    high[:] = np.inf
    low[X1], high[X1] = -rules.x1_cut, rules.x1_cut
    low[C], high[C] = rules.c_low, rules.c_high
    low[Z], high[Z] = rules.z_low, rules.z_high


@compiled
def unheld(p: Floats, n: int, bounds: Floats, hessian: Floats, grad: Floats, active: Ints) -> int:
    """List the parameters that may move; return how many.

    One at its bound is held there while the slope pushes outwards.
    """
    m = 0
    for a in range(n):
        held = (p[a] <= bounds[0, a] and grad[a] < 0.0) or (p[a] >= bounds[1, a] and grad[a] > 0.0)
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
def is_known(minima: Floats, p: Floats, value: float) -> bool:
    """Tell whether `p` is falling into a minimum that was found before."""
    for k in range(minima.shape[0]):
        if (
            abs(minima[k, 1] - p[T0]) < SAME_T0
            and abs(minima[k, 2] - p[Z]) < SAME_Z
            and abs(value - minima[k, 0] - 0.5) < 0.51
        ):
            return True
    return False


@compiled
def polish(
    problem: Problem, p: Floats, n: int, minima: Floats, hessian: Floats
) -> tuple[float, float]:
    """Run Levenberg-Marquardt from `p` in place; return (objective, chi2) at its end.

    A start that falls into one of the `minima` (objective, t0, z) found before is given up:
    (inf, nan).
    """
    grad, trial_grad = np.empty(N_PARAMETERS), np.empty(N_PARAMETERS)
    trial_hessian = np.empty((N_PARAMETERS, N_PARAMETERS))
    bounds = np.empty((2, N_PARAMETERS))
    bounds_of(problem.rules, bounds[0], bounds[1])
    step, trial = np.empty(N_PARAMETERS), np.empty(N_PARAMETERS)
    active = np.empty(N_PARAMETERS, dtype=np.int64)
    goal = np.inf
    for k in range(minima.shape[0]):
        goal = min(goal, minima[k, 0] if minima[k, 0] > -np.inf else goal)
    best, chisq, damping, m = np.inf, np.nan, 1e-2, 0
    trial[:] = p
    for turn in range(MAX_ITERATIONS):
        value, chi = objective(problem, trial, n, trial_hessian, trial_grad)
        if value <= best:
            p[:] = trial
            hessian[:] = trial_hessian
            grad[:] = trial_grad
            best, chisq = value, chi
            damping = max(damping * 0.1, 1e-9)
            m = unheld(p, n, bounds, hessian, grad, active)
            if turn > 0 and is_known(minima, p, best):
                return np.inf, np.nan
        else:
            damping = max(damping * 8.0, 1e-4)
        promise = -1.0
        while promise < 0.0 and m > 0 and damping < MOST_DAMPING:
            promise = damped_step(hessian, grad, active, m, damping, step)
            if promise < 0.0:
                damping = max(damping * 8.0, 1e-4)
        if promise < TOLERANCE and not damping > 1.0:
            break
        hopeless = turn >= PATIENCE and best - HOPE * promise > goal + RUNNER_UP
        if hopeless or promise < 0.0:
            break
        move(p, step, bounds, trial)
    return best, chisq


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
def fit_once(
    problem: Problem,
    redshift: float,
    answer: Floats,
    covariance: Floats,
    minima: Floats,
    spread: Floats,
) -> tuple[float, float]:
    """Fit one candidate with the weights as they are; see `fit_candidate`."""
    rules = problem.rules
    starts, moments = np.empty((MAX_CELLS, N_CELL)), np.empty(N_MOMENTS)
    count = find_starts(problem, redshift, moments, starts)
    answer[:], covariance[:], minima[:], spread[:] = np.nan, np.nan, np.nan, np.nan
    best, best_chisq = np.inf, np.nan
    hessian, best_hessian = np.empty((2, N_PARAMETERS, N_PARAMETERS))
    p, used = np.empty(N_PARAMETERS), np.empty(MAX_CELLS, dtype=np.int64)
    n, wanted = N_PARAMETERS - 1, rules.starts_fixed
    if np.isnan(redshift):
        n, wanted = N_PARAMETERS, rules.starts_free
    near_t0 = 0.8 * rules.step
    near_z = 1.5 * (rules.z_high - rules.z_low) / rules.n_redshifts
    done = 0
    most = minima.shape[0] - EXTREMES
    for k in range(count + EXTREMES if count > 0 else 0):
        poor = best >= POOR * problem.points.t.size
        if k >= count:
            if not poor:
                break
            extreme_start(problem, starts[0], k - count, p)
        elif done >= (most if poor else min(wanted, most)) or is_near(
            starts, k, used, done, near_t0, near_z
        ):
            continue
        else:
            used[done] = k
            p[:] = starts[k, 1:LN_DET]
        value, chisq = polish(problem, p, n, minima, hessian)
        minima[done, 0], minima[done, 1], minima[done, 2] = value, p[T0], p[Z]
        done += 1
        if value < best:
            best, best_chisq = value, chisq
            answer[:] = p
            best_hessian[:] = hessian
    if not np.isfinite(best):
        return np.nan, np.nan
    invert_positive(best_hessian, n, covariance)
    mean = moments[SUM_T] / moments[SUM]
    spread[0] = problem.points.t.min() + mean
    spread[1] = np.sqrt(max(moments[SUM_TT] / moments[SUM] - mean * mean, 0.0))
    return best, best_chisq


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
    flux = np.empty(points.t.size)
    flux_many(tables, problem.dust, points.t, points.band, p, flux)
    for i in range(points.t.size):
        if points.limit[i]:
            continue
        day = (points.t[i] - p[T0]) / (1.0 + p[Z]) - tables.first_phase
        share = rules.model_error * relative_error(tables, points.band[i], p[Z], day)
        w = 1.0 / (1.0 / own[i] + (share * flux[i]) ** 2)
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
        Filled with objective, t0 and z of the minima found, in any order; NaN for the rest.
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
    result = (np.nan, np.nan)
    for turn in range(problem.rules.rounds + 1):
        if turn > 0:
            if not np.isfinite(result[0]):
                break
            reweigh(problem, answer, own)
        result = fit_once(problem, redshift, answer, covariance, minima, spread)
    return result


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
