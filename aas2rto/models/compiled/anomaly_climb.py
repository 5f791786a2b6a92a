"""Compiled: to the top of the likelihood in the cube, and how wide it is there."""

from __future__ import annotations

import numpy as np

from aas2rto.models.compiled.anomaly_shapes import Floats, Problem, log_like
from aas2rto.models.compiled.jit import compiled

APART = 0.05
"""Starts of the climbs differ by this in at least one coordinate of the unit cube."""

DAYS_APART = 4.0
"""Or by so much in t0 [d]."""

STEPS = 90
"""At most, of a simplex."""

FLAT = 0.02
"""In ln L between its corners: there the simplex stops."""


@compiled
def climb(one: Problem, start: Floats, step: Floats) -> tuple[Floats, float]:
    """Return the top of a hill and its ln L, by Nelder & Mead (1965), Comput. J. 7, 308."""
    corners, values = np.empty((4, 3)), np.empty(4)
    for k in range(4):
        corners[k] = start
        if k > 0:
            inside = start[k - 1] + step[k - 1] <= 1.0
            corners[k, k - 1] += step[k - 1] if inside else -step[k - 1]
        values[k] = log_like(one, corners[k])
    for _ in range(STEPS):
        order = np.argsort(-values)
        corners, values = corners[order], values[order]
        if values[0] - values[3] < FLAT:
            break
        _step(one, corners, values)
    best = np.argmax(values)
    return corners[best].copy(), values[best]


@compiled
def _step(one: Problem, corners: Floats, values: Floats) -> None:
    """Move the worst corner, or shrink; corners are sorted, and none leaves the cube."""
    centre = (corners[0] + corners[1] + corners[2]) / 3.0
    away = centre - corners[3]
    mirrored = np.clip(centre + away, 0.0, 1.0)
    value = log_like(one, mirrored)
    if value > values[0]:
        farther = np.clip(centre + 2.0 * away, 0.0, 1.0)
        there = log_like(one, farther)
        if there > value:
            mirrored, value = farther, there
    elif value <= values[2]:
        nearer = centre + (0.5 if value > values[3] else -0.5) * away
        nearer = np.clip(nearer, 0.0, 1.0)
        there = log_like(one, nearer)
        if there > max(value, values[3]):
            mirrored, value = nearer, there
        elif value <= values[3]:
            for k in range(1, 4):
                corners[k] = 0.5 * (corners[k] + corners[0])
                values[k] = log_like(one, corners[k])
            return
    corners[3], values[3] = mirrored, value


@compiled
def width(one: Problem, at: Floats, value: float, j: int) -> float:
    """Return how far along coordinate `j` ln L falls by one half: its standard deviation.

    At most 0.5; on the sides that are inside the cube, on average.
    """
    low, high = 1e-8, 0.5
    for _ in range(18):
        h = np.sqrt(low * high)
        fall = _fall(one, at, value, j, h)
        if 0.35 < fall < 0.7:
            break
        if fall > 0.5:
            high = h
        else:
            low = h
    return float(h)


@compiled
def _fall(one: Problem, at: Floats, value: float, j: int, h: float) -> float:
    """Return by how much ln L falls at a distance, on average over the sides that exist."""
    point = at.copy()
    fall, count = 0.0, 0
    for sign in (-1.0, 1.0):
        point[j] = at[j] + sign * h
        if 0.0 <= point[j] <= 1.0:
            fall += min(value - log_like(one, point), 50.0)
            count += 1
    return fall / count if count else 50.0
