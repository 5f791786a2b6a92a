"""Bazin fits of many light curves: scan over the shapes, then Levenberg-Marquardt.

F(t) = A exp(-(t - t0) / tau_fall) / (1 + exp(-(t - t0) / tau_rise)) + q (Bazin et al. 2009, Eq. 1).
A peak needs tau_fall > tau_rise, so the fit runs in u = ln tau_rise and v = ln(tau_fall -
tau_rise), and the peak is t0 + tau_rise (v - u), which is Eq. 4 of A&A 698, A153.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.compiled.jit import compiled, entry
from aas2rto.models.compiled.linear import cholesky, invert_positive, solve_factored

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHAPES_U = np.log(np.array([0.8, 2.0, 4.5, 10.0]))
SHAPES_V = np.log(np.array([6.0, 15.0, 35.0, 90.0]))
"""Shapes of the scan: rise times and (fall - rise) times [d]."""
U_RANGE = (np.log(0.05), np.log(60.0))
V_RANGE = (np.log(0.5), np.log(1000.0))
"""Bounds of the shapes: outside them a curve is a step or a constant for any survey."""
T0_STEP, T0_STEPS = 3.0, 80
"""Step of the scan [d], and how many steps at most: longer light curves are scanned wider."""
MARGIN = 30.0
"""How far before the first and after the last bright point t0 is sought [d]."""
N_STARTS = 2
MAX_ITERATIONS = 60
A, T0, U, V, Q = 0, 1, 2, 3, 4
PER_BAND = 5


class Pieces(NamedTuple):
    """Light curves to fit: problem ``i`` owns the points ``start[i]:start[i + 1]``.

    ``t, f, w, band`` are times [d], fluxes, inverse variances, and bands counted from 0 within
    each problem; ``shared`` tells whether its bands have one t0, ``free_q`` whether q is free.
    """

    start: Ints
    t: Floats
    f: Floats
    w: Floats
    band: Ints
    shared: bool
    free_q: bool


class Answers(NamedTuple):
    """Where the answers go; NaN where nothing was found.

    ``values`` is A, t0, u, v, q, shape (n, bands, 5); ``covariance`` that of each band with the
    others marginalised, shape (n, bands, 5, 5), 0 for a q that is fixed; ``chisq`` that of each
    band, shape (n, bands).
    """

    values: Floats
    covariance: Floats
    chisq: Floats


@compiled
def shape(x: float, tau_rise: float, tau_fall: float) -> tuple[float, float]:
    """Return exp(-x / tau_fall) s and 1 - s, where s = 1 / (1 + exp(-x / tau_rise)), stably."""
    if x < 0.0:
        z = np.exp(x / tau_rise)
        return np.exp(x / tau_rise - x / tau_fall) / (1.0 + z), 1.0 / (1.0 + z)
    y = np.exp(-x / tau_rise)
    return np.exp(-x / tau_fall) / (1.0 + y), y / (1.0 + y)


@compiled
def scan_band(t: Floats, f: Floats, w: Floats, grid: Floats, prior: Floats, gain: Floats) -> None:
    """Fill `gain` (t0, u, v) with the drop of chi2 that the best amplitude brings, less the prior.

    Exponentials are taken once per point and time scale; a cell costs only products.
    """
    n = t.size
    rise = np.empty((SHAPES_U.size, n))
    fall = np.empty(n)
    for k in range(SHAPES_U.size):
        for i in range(n):
            rise[k, i] = np.exp(min(max(-(t[i] - grid[0]) / np.exp(SHAPES_U[k]), -300.0), 300.0))
    for k in range(SHAPES_U.size):
        for m in range(SHAPES_V.size):
            tau_rise = np.exp(SHAPES_U[k])
            tau_fall = tau_rise + np.exp(SHAPES_V[m])
            cost = ((SHAPES_U[k] - prior[0]) * prior[1]) ** 2
            cost += ((SHAPES_V[m] - prior[2]) * prior[3]) ** 2
            for i in range(n):
                fall[i] = np.exp(min(max(-(t[i] - grid[0]) / tau_fall, -300.0), 300.0))
            for j in range(grid.size):
                shift = np.exp(min((grid[j] - grid[0]) / tau_rise, 300.0))
                sff = 0.0
                sfd = 0.0
                for i in range(n):
                    g = fall[i] / (1.0 + rise[k, i] * shift)
                    sff += w[i] * g * g
                    sfd += w[i] * g * f[i]
                gain[j, k, m] = (sfd * sfd / sff if sfd > 0.0 and sff > 0.0 else 0.0) - cost


@compiled
def grid_of(t: Floats, f: Floats, w: Floats) -> Floats:
    """Return the t0 to scan: around the points above 3 sigma, or around all if there are none."""
    first, last = np.inf, -np.inf
    for i in range(t.size):
        if f[i] > 0.0 and f[i] * f[i] * w[i] > 9.0:
            first, last = min(first, t[i]), max(last, t[i])
    if first > last:
        first, last = t.min(), t.max()
    first -= MARGIN
    last += MARGIN
    steps = min(int(np.ceil((last - first) / T0_STEP)) + 1, T0_STEPS)
    return np.linspace(first, last, steps)


@compiled
def residuals(
    t: Floats,
    f: Floats,
    w: Floats,
    band: Ints,
    p: Floats,
    index: Ints,
    hessian: Floats,
    grad: Floats,
) -> float:
    """Return chi2 at `p` and add the normal equations of the data; `index` maps (band, A..Q)."""
    chisq = 0.0
    slope = np.empty(PER_BAND)
    times = np.empty((index.shape[0], 2))
    for b in range(index.shape[0]):
        times[b, 0], times[b, 1] = np.exp(p[index[b, U]]), np.exp(p[index[b, V]])
    for i in range(t.size):
        b = band[i]
        tau_rise, extra = times[b, 0], times[b, 1]
        tau_fall = tau_rise + extra
        x = t[i] - p[index[b, T0]]
        g, unrisen = shape(x, tau_rise, tau_fall)
        amplitude = p[index[b, A]]
        free_q = index[b, Q] >= 0
        value = amplitude * g + (p[index[b, Q]] if free_q else 0.0)
        ag = amplitude * g
        slope[A] = g
        slope[T0] = ag * (1.0 / tau_fall - unrisen / tau_rise)
        slope[U] = ag * (x * tau_rise / (tau_fall * tau_fall) - unrisen * x / tau_rise)
        slope[V] = ag * x * extra / (tau_fall * tau_fall)
        slope[Q] = 1.0
        r = f[i] - value
        chisq += w[i] * r * r
        size = PER_BAND if free_q else PER_BAND - 1
        for a in range(size):
            row = index[b, a]
            grad[row] += w[i] * r * slope[a]
            for c in range(a + 1):
                hessian[max(row, index[b, c]), min(row, index[b, c])] += w[i] * slope[a] * slope[c]
    return chisq


@compiled
def objective(
    t: Floats,
    f: Floats,
    w: Floats,
    band: Ints,
    p: Floats,
    index: Ints,
    prior: Floats,
    hessian: Floats,
    grad: Floats,
) -> tuple[float, float]:
    """Return (chi2 + prior, chi2) and the normal equations, prior included."""
    hessian[:] = 0.0
    grad[:] = 0.0
    chisq = residuals(t, f, w, band, p, index, hessian, grad)
    cost = 0.0
    for b in range(index.shape[0]):
        for k in range(2):
            row = index[b, U + k]
            pull = (p[row] - prior[2 * k]) * prior[2 * k + 1]
            cost += pull * pull
            grad[row] -= pull * prior[2 * k + 1]
            hessian[row, row] += prior[2 * k + 1] ** 2
    for i in range(p.size):
        for j in range(i):
            hessian[j, i] = hessian[i, j]
    return chisq + cost, chisq


@compiled
def bounded(p: Floats, index: Ints) -> None:
    """Put the shapes back into their range and amplitudes above zero."""
    for b in range(index.shape[0]):
        p[index[b, U]] = min(max(p[index[b, U]], U_RANGE[0]), U_RANGE[1])
        p[index[b, V]] = min(max(p[index[b, V]], V_RANGE[0]), V_RANGE[1])


@compiled
def polish(
    t: Floats,
    f: Floats,
    w: Floats,
    band: Ints,
    p: Floats,
    index: Ints,
    prior: Floats,
    hessian: Floats,
) -> tuple[float, float]:
    """Run Levenberg-Marquardt from `p` in place; return (objective, chi2)."""
    n = p.size
    grad = np.empty(n)
    trial_hessian = np.empty((n, n))
    trial_grad = np.empty(n)
    damped = np.empty((n, n))
    factor = np.zeros((n, n))
    step = np.empty(n)
    best, chisq = objective(t, f, w, band, p, index, prior, hessian, grad)
    damping = 1e-2
    for _ in range(MAX_ITERATIONS):
        for i in range(n):
            for j in range(n):
                damped[i, j] = hessian[i, j]
            damped[i, i] += damping * hessian[i, i] + 1e-300
        if not cholesky(damped, n, factor):
            damping = max(damping, 1e-6) * 10.0
            if damping > 1e12:
                break
            continue
        solve_factored(factor, n, grad, step)
        trial = p + step
        bounded(trial, index)
        value, chi = objective(t, f, w, band, trial, index, prior, trial_hessian, trial_grad)
        if value <= best:
            drop = best - value
            p[:] = trial
            hessian[:] = trial_hessian
            grad[:] = trial_grad
            best, chisq = value, chi
            damping = max(damping * 0.2, 1e-12)
            if drop < 1e-4 + 1e-9 * best and damping < 1e-3:
                break
        else:
            damping *= 6.0
            if damping > 1e10:
                break
    return best, chisq


@compiled
def start_from(
    j: int, grid: Floats, gain: Floats, t: Floats, f: Floats, w: Floats, band: Ints, index: Ints
) -> Floats:
    """Return the parameters of the best shapes at the j-th t0, with their best amplitudes."""
    p = np.zeros(index.max() + 1)
    for b in range(index.shape[0]):
        best = -np.inf
        for k in range(SHAPES_U.size):
            for m in range(SHAPES_V.size):
                if gain[b, j, k, m] > best:
                    best = gain[b, j, k, m]
                    p[index[b, U]], p[index[b, V]] = SHAPES_U[k], SHAPES_V[m]
        p[index[b, T0]] = grid[j]
        tau_rise = np.exp(p[index[b, U]])
        tau_fall = tau_rise + np.exp(p[index[b, V]])
        sff, sfd = 0.0, 0.0
        for i in range(t.size):
            if band[i] == b:
                g, _ = shape(t[i] - grid[j], tau_rise, tau_fall)
                sff += w[i] * g * g
                sfd += w[i] * g * f[i]
        p[index[b, A]] = max(sfd / sff, 0.0) if sff > 0.0 else 0.0
    return p


@compiled
def best_starts(gain: Floats) -> Ints:
    """Return the t0 steps at the highest local maxima of the summed gain, best first."""
    bands, steps = gain.shape[0], gain.shape[1]
    profile = np.zeros(steps)
    for j in range(steps):
        for b in range(bands):
            profile[j] += gain[b, j].max()
    found = np.full(N_STARTS, -1, dtype=np.int64)
    for j in range(steps):
        left = profile[j - 1] if j > 0 else -np.inf
        right = profile[j + 1] if j < steps - 1 else -np.inf
        if profile[j] < left or profile[j] <= right:
            continue
        here = j
        for k in range(N_STARTS):
            if found[k] < 0 or profile[here] > profile[found[k]]:
                found[k], here = here, found[k]
                if here < 0:
                    break
    return found


@compiled
def fit_problem(
    t: Floats, f: Floats, w: Floats, band: Ints, index: Ints, prior: Floats, covariance: Floats
) -> tuple[Floats, float]:
    """Fit one set of bands; return the parameters and chi2, and fill the covariance.

    Parameters
    ----------
    t, f, w : ndarray
        Times [d], fluxes and inverse variances.
    band : ndarray of int
        Row of `index` for each point.
    index : ndarray of int, shape (bands, 5)
        Where A, t0, u, v, q of a band stand in the parameter vector; q = -1 is fixed to 0.
    prior : ndarray, shape (4,)
        Centre and 1 / width of u, then of v.
    covariance : ndarray, shape (parameters, parameters)
        Filled; NaN where the data leave a parameter open.
    """
    grid = grid_of(t, f, w)
    gain = np.empty((index.shape[0], grid.size, SHAPES_U.size, SHAPES_V.size))
    for b in range(index.shape[0]):
        mine = band == b
        scan_band(t[mine], f[mine], w[mine], grid, prior, gain[b])
    best, best_chisq = np.inf, np.nan
    answer = np.full(index.max() + 1, np.nan)
    hessian = np.empty((answer.size, answer.size))
    covariance[:] = np.nan
    for j in best_starts(gain):
        if j < 0:
            continue
        p = start_from(j, grid, gain, t, f, w, band, index)
        value, chisq = polish(t, f, w, band, p, index, prior, hessian)
        if value < best - 1e-6:
            best, best_chisq = value, chisq
            answer[:] = p
            invert_positive(hessian, answer.size, covariance)
    return answer, best_chisq


@compiled
def parameter_index(bands: int, shared: bool, free_q: bool, index: Ints) -> int:  # noqa: FBT001
    """Fill where A, t0, u, v, q of each band stand, shape (bands, 5); return their number.

    A shared t0 is that of the first band.
    """
    n = 0
    for b in range(bands):
        for k in range(PER_BAND):
            if k == Q and not free_q:
                index[b, k] = -1
            elif k == T0 and b > 0 and shared:
                index[b, k] = index[0, T0]
            else:
                index[b, k] = n
                n += 1
    return n


@entry
def fit_many(begin: int, end: int, pieces: Pieces, prior: Floats, answers: Answers) -> None:
    """Fit the problems of ``begin <= i < end``; answers are written in place.

    Parameters
    ----------
    pieces : Pieces
    prior : ndarray, shape (4,)
        See `fit_problem`.
    answers : Answers
    """
    t, f, w = pieces.t, pieces.f, pieces.w
    values, covariance, chisq = answers.values, answers.covariance, answers.chisq
    for i in range(begin, end):
        rows = slice(pieces.start[i], pieces.start[i + 1])
        band = pieces.band[rows]
        bands = band.max() + 1
        index = np.empty((bands, PER_BAND), dtype=np.int64)
        n = parameter_index(bands, pieces.shared, pieces.free_q, index)
        full = np.empty((n, n))
        zero = t[rows][0]
        p, _ = fit_problem(t[rows] - zero, f[rows], w[rows], band, index, prior, full)
        for b in range(bands):
            for k in range(PER_BAND):
                a = index[b, k]
                values[i, b, k] = p[a] if a >= 0 else 0.0
                for m in range(PER_BAND):
                    c = index[b, m]
                    covariance[i, b, k, m] = full[a, c] if a >= 0 and c >= 0 else 0.0
            values[i, b, T0] += zero
            chisq[i, b] = 0.0
        for r in range(pieces.start[i], pieces.start[i + 1]):
            v = values[i, pieces.band[r]]
            tau_rise = np.exp(v[U])
            g, _ = shape(t[r] - v[T0], tau_rise, tau_rise + np.exp(v[V]))
            chisq[i, pieces.band[r]] += w[r] * (f[r] - v[A] * g - v[Q]) ** 2
