"""Limits in the scan of a SALT fit: what they cost at one cell, and parabolas that touch there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.compiled.jit import compiled
from aas2rto.models.compiled.problem import STOPS, Points, Problem
from aas2rto.models.compiled.salt import phase_taps
from aas2rto.models.compiled.salt_objective import FELT, one_sided

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLOUR = 0.05
"""c at which the slope by colour is taken."""
S00, S02, S22, S01, S12, S11, D0, D2, D1 = 0, 1, 2, 3, 4, 5, 6, 7, 8
"""Products of x0 (0), x0 x1 (1) and x0 (c - c0) (2), and their products with the data."""
N_SUMS = 9
NO_LIMIT = -(10**6)
"""Stands for the day of a point that is no limit."""


@compiled
def span(points: Points) -> tuple[float, float]:
    """Return first and last time of the points that are no limits [d]."""
    first, last = np.inf, -np.inf
    for i in range(points.t.size):
        if not points.limit[i]:
            first, last = min(first, points.t[i]), max(last, points.t[i])
    return first, last


@compiled
def limit_taps(problem: Problem, first: float, stretch: float, taps: Floats, days: Ints) -> None:
    """Fill the four weights of each limit and its whole days at t0 = `first`; -1 if it is none.

    Cells of one redshift are whole days apart, so that the weights are the same in all of them.
    """
    points, tables, slope = problem.points, problem.tables, problem.work.taps[1]
    for i in range(points.t.size):
        days[i] = NO_LIMIT
        if points.limit[i]:
            day = (points.t[i] - first) * stretch - tables.first_phase
            days[i] = int(np.floor(day))
            phase_taps(2.0 + day - days[i], tables.days, STOPS, taps[i], slope)


@compiled
def limit_terms(
    points: Points, shapes: Floats, taps: Floats, days: Ints, shift: int, u: Floats, extra: Floats
) -> float:
    """Return what the limits cost at one cell with amplitude, x1 and c = `u`; fill `extra`.

    A limit costs what `one_sided` says of (limit - flux) / sigma; `extra`, shape (N_SUMS, 1), gets
    the sums of the parabolas that touch there. `shift` is the cell's number of days after the t0
    that `limit_taps` was told.
    """
    step = shapes.shape[2]
    length = step * shapes.shape[3]
    extra[:], total = 0.0, 0.0
    for i in range(points.t.size):
        whole = days[i] - shift
        if whole < 1 or whole + 2 >= length or days[i] == NO_LIMIT:
            continue
        b, a0, a1, a2 = points.band[i], 0.0, 0.0, 0.0
        for q in range(4):  # M0, its slope by c, and M1, as `band_shapes` has them
            row, part = (whole - 1 + q) // step, (whole - 1 + q) % step
            a0 += taps[i, q] * shapes[b, 0, part, row]
            a1 += taps[i, q] * shapes[b, 1, part, row]
            a2 += taps[i, q] * shapes[b, 2, part, row]
        flux = u[0] * (a0 + u[1] * a2 + (u[2] - COLOUR) * a1)
        root = np.sqrt(points.w[i])
        above = (points.f[i] - flux) * root
        if above > FELT:
            continue
        cost, h, curvature = one_sided(above)
        total += cost
        w = curvature * points.w[i]
        aim = flux - h * root / max(w, 1e-300)
        extra[S00, 0] += w * a0 * a0
        extra[S02, 0] += w * a0 * a1
        extra[S22, 0] += w * a1 * a1
        extra[S01, 0] += w * a0 * a2
        extra[S12, 0] += w * a1 * a2
        extra[S11, 0] += w * a2 * a2
        extra[D0, 0] += w * aim * a0
        extra[D2, 0] += w * aim * a1
        extra[D1, 0] += w * aim * a2
    return total
