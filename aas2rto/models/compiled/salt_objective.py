"""chi2 and priors of a SALT fit, with their derivatives."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.compiled.jit import compiled
from aas2rto.models.compiled.problem import (
    FADES,
    N_PARAMETERS,
    T0,
    X1,
    C,
    Problem,
    Y,
    Z,
    distance_modulus,
)
from aas2rto.models.compiled.salt import (
    BY_C,
    BY_X1,
    BY_Z,
    FLUX,
    PER_MAG,
    curve_fixed_z,
    curve_free_z,
    phase_taps,
)

Floats = NDArray[np.float64]

WRONG = 0.03
"""Share of limits that mean nothing: an exposure without an alert may have lost it to a poor
subtraction or a filter. Of 30 SNe as ALeRCE gives them, three have limits within a night of
detections that are twice as bright."""
FELT = 4.5
"""A limit so many sigma above the model costs less than 1e-5, which is taken for nothing."""
RESIDUAL, WEIGHT, WEIGHTED = 5, 6, 7
"""Rows of a problem's lines after the five slopes; the last is scratch."""


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
def one_sided(u: float) -> tuple[float, float, float]:
    """Return the cost of a limit `u` sigma above the model, half its slope, and its curvature.

    The cost is -2 ln p with p = (1 - e) Phi(u) + e and e = `WRONG`; half of its slope by -u is
    h = p' / p. Where p is not convex the curvature is that of Gauss and Newton, h^2.
    """
    if u > FELT:
        return 0.0, 0.0, 0.0
    share = WRONG + (1.0 - WRONG) * 0.5 * math.erfc(-u / np.sqrt(2.0))
    h = (1.0 - WRONG) * np.exp(-0.5 * u * u) / (np.sqrt(2.0 * np.pi) * share)
    return -2.0 * np.log(share), h, max(h * (h + u), h * h)


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
                curve_fixed_z(values, 0, law, dust, x1, c, lo, count, work.mix, out)


@compiled
def fill_slopes(problem: Problem, p: Floats) -> float:
    """Fill residuals, weights and slopes of all points from the light curves; return chi2.

    A limit costs what `one_sided` says of (limit - flux) / sigma. Its residual and weight are those
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
            cost, h, curvature = one_sided(left * root)
            w *= curvature
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
