"""Compiled: the integral over (t0, a, b) by adaptive importance sampling.

Many scattered points find the modes, a simplex climbs each, its widths there make a mixture of
Student-t densities, and the mixture is matched to the weighted samples of it until they are many
(adaptive importance sampling: Cappe et al. 2008, Stat. Comput. 18, 447).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from aas2rto.models.compiled.anomaly_climb import APART, DAYS_APART, climb, width
from aas2rto.models.compiled.anomaly_shapes import (
    IMPOSSIBLE,
    Floats,
    Problem,
    log_like,
    posed,
    weighed,
)
from aas2rto.models.compiled.jit import compiled, entry
from aas2rto.models.compiled.linear import cholesky

MODES = 6
"""Modes that are climbed."""

DEGREES = 4.0
"""Of freedom of the Student-t densities: heavier tails than the posterior."""

DEFENSIVE = 0.1
"""Share of samples that are spread over the whole cube, so that no weight is unbounded."""


TO_MATCH = 15.0
"""Effective samples from which a mixture is matched."""


class Mixture(NamedTuple):
    """Student-t densities in the cube: shares, means, Cholesky factors and covariances."""

    alpha: Floats
    means: Floats
    chols: Floats
    covs: Floats


@compiled
def _starts(points: Floats, values: Floats, chosen: Floats, span: float) -> int:
    """Fill `chosen` with the best points that are apart; return how many there are.

    A shape with a kink has a mode between any two nights, so times are apart by days.
    """
    count = 0
    for i in np.argsort(-values):
        if values[i] <= IMPOSSIBLE or count == MODES:
            break
        near = False
        for k in range(count):
            away = np.abs(points[i] - chosen[k])
            near = near or (away.max() < APART and away[0] * span < DAYS_APART)
        if not near:
            chosen[count] = points[i]
            count += 1
    return count


@compiled
def _scattered(one: Problem, points: Floats, near: float) -> tuple[Floats, Floats]:
    """Return points all over the cube, and half as many near the brightest nights."""
    m = len(points)
    wide = np.empty((m + m // 2, 3))
    values = np.empty(len(wide))
    reach = min(0.5, 40.0 / one.box[0, 1])
    for i in range(len(wide)):
        wide[i] = points[i % m]
        if i >= m:
            wide[i, 0] = min(max(near + (2.0 * wide[i, 0] - 1.0) * reach, 0.0), 1.0)
        values[i] = log_like(one, wide[i])
    return wide, values


@compiled
def _modes(one: Problem, chosen: Floats, found: int) -> tuple[Mixture, Floats]:
    """Climb from each start; return a mixture of the modes, and the highest point."""
    means, heights, alpha = np.empty((found, 3)), np.empty(found), np.empty(found)
    chols, covs = np.zeros((found, 3, 3)), np.zeros((found, 3, 3))
    step = np.array([min(5.0 / one.box[0, 1], 0.05), 0.1, 0.1])
    count = 0
    for k in range(found):
        at, height = climb(one, chosen[k], step)
        same = False
        for other in range(count):
            apart = np.abs(means[other] - at).max()
            same = same or (apart < 0.2 * APART and abs(heights[other] - height) < 1.0)
        if same:
            continue
        means[count], heights[count] = at, height
        for j in range(3):
            h = width(one, at, height, j)
            covs[count, j, j], chols[count, j, j] = h * h, h
        count += 1
    best = np.argmax(heights[:count])
    for k in range(count):
        size = chols[k, 0, 0] * chols[k, 1, 1] * chols[k, 2, 2]
        alpha[k] = math.exp(max(heights[k] - heights[best], -6.0)) * math.sqrt(size)
    alpha[:count] *= (1.0 - DEFENSIVE) / alpha[:count].sum()
    mixture = Mixture(alpha[:count], means[:count], chols[:count], covs[:count])
    return mixture, means[best].copy()


@compiled
def _log_student(x: Floats, mean: Floats, chol: Floats) -> float:
    """Return ln of the density of a Student-t in three dimensions."""
    z = np.empty(3)
    q, logdet = 0.0, 0.0
    for i in range(3):
        s = x[i] - mean[i]
        for k in range(i):
            s -= chol[i, k] * z[k]
        z[i] = s / chol[i, i]
        q += z[i] * z[i]
        logdet += math.log(chol[i, i])
    front = math.lgamma(0.5 * (DEGREES + 3.0)) - math.lgamma(0.5 * DEGREES)
    front -= 1.5 * math.log(DEGREES * math.pi) + logdet
    return front - 0.5 * (DEGREES + 3.0) * math.log1p(q / DEGREES)


@compiled
def _log_density(x: Floats, of: Mixture) -> float:
    """Return ln of the density of the samples: the modes and the cube."""
    total = DEFENSIVE
    for k in range(len(of.alpha)):
        total += of.alpha[k] * math.exp(_log_student(x, of.means[k], of.chols[k]))
    return math.log(total)


@compiled
def _drawn(x: Floats, i: int, of: Mixture, scatter: Floats, cube: Floats) -> None:
    """Fill `x` with sample `i`, of the mode whose turn it is."""
    place, edge = (i + 0.5) / len(scatter), 0.0
    for k in range(len(of.alpha)):
        edge += of.alpha[k]
        if place < edge:
            for j in range(3):
                x[j] = of.means[k, j]
                for m in range(j + 1):
                    x[j] += of.chols[k, j, m] * scatter[i, m]
            return
    x[:] = cube[i % len(cube)]


@compiled
def _power(logw: Floats) -> float:
    """Return the power of the weights, 1 or less, with which at least `TO_MATCH` samples count.

    Where few samples have all the weight the next mixture is then as wide as those near them.
    """
    power = 1.0
    for _ in range(12):
        w = np.exp(power * (logw - logw.max()))
        if w.sum() ** 2 > TO_MATCH * (w * w).sum():
            break
        power *= 0.6
    return power


@compiled
def _match(of: Mixture, samples: Floats, logw: Floats) -> None:
    """Match each mode to the weighted samples that are nearest to it, where they are enough."""
    count = len(of.alpha)
    weight, squares, share = np.zeros(count), np.zeros(count), np.empty(count)
    first, second = np.zeros((count, 3)), np.zeros((count, 3, 3))
    top, power = logw.max(), _power(logw)
    for i in range(len(logw)):
        w = math.exp(power * (logw[i] - top))
        if w < 1e-9:
            continue
        for k in range(count):
            share[k] = of.alpha[k] * math.exp(_log_student(samples[i], of.means[k], of.chols[k]))
        total = share.sum()
        for k in range(count):
            r = w * share[k] / total if total > 0.0 else w / count
            weight[k] += r
            squares[k] += r * r
            first[k] += r * samples[i]
            for j in range(3):
                second[k, j] += r * samples[i, j] * samples[i]
    for k in range(count):
        of.alpha[k] = max(weight[k] / weight.sum(), 0.02)
        if squares[k] > 0.0 and weight[k] ** 2 > 8.0 * squares[k]:
            _replace(of, k, first[k] / weight[k], second[k] / weight[k])
    of.alpha[:] *= (1.0 - DEFENSIVE) / of.alpha.sum()


@compiled
def _replace(of: Mixture, k: int, mean: Floats, second: Floats) -> None:
    """Give a mode the moments of its samples, no narrower than a seventh of what it had."""
    cov, chol = np.empty((3, 3)), np.zeros((3, 3))
    for j in range(3):
        for m in range(3):
            cov[j, m] = second[j, m] - mean[j] * mean[m]
        cov[j, j] += 0.02 * of.covs[k, j, j] + 1e-14
    if cholesky(cov, 3, chol):
        of.means[k], of.chols[k], of.covs[k] = mean, chol, cov


@entry
def integrate(
    kind: int,
    box: Floats,
    curve: tuple[Floats, Floats, Floats],
    beliefs: tuple[Floats, Floats, Floats],
    points: Floats,
    near: float,
    scatter: Floats,
    enough: float,
) -> tuple[float, float, Floats, Floats, Floats]:
    """Integrate the likelihood of a shape over its three parameters.

    Parameters
    ----------
    kind : int
        See `aas2rto.models.compiled.anomaly_shapes`.
    box : ndarray, shape (3, 2)
        Of t0 [d], ln a and ln b: lowest value and span.
    curve : tuple of ndarray of float, shape (n,)
        Nights [d], fluxes and errors [uJy], sorted.
    beliefs : tuple of ndarray of float
        Jitters [uJy], fractional errors, and widths of the amplitude's prior [uJy].
    points : ndarray, shape (m, 3)
        Scattered evenly over the unit cube.
    near : float
        Where in the cube t0 is looked for more densely: the brightest nights.
    scatter : ndarray, shape (rounds, k, 3)
        Student-t deviates of scale 1.
    enough : float
        Effective sample size at which no further round is needed.

    Returns
    -------
    ln_z, ess : float
    samples : ndarray, shape (k, 3)
    logw : ndarray, shape (k,)
        Their log weights.
    top : ndarray, shape (3,)
        Where the likelihood is largest.
    """
    one = posed(kind, box, curve[0], curve[1], curve[2], beliefs[0], beliefs[1], beliefs[2])
    wide, values = _scattered(one, points, near)
    chosen = np.empty((MODES, 3))
    found = _starts(wide, values, chosen, box[0, 1])
    samples, logw = np.empty((scatter.shape[1], 3)), np.full(scatter.shape[1], IMPOSSIBLE)
    if found == 0:
        return IMPOSSIBLE, 0.0, samples, logw, points[0].copy()
    mixture, top = _modes(one, chosen, found)
    ln_z, ess = IMPOSSIBLE, 0.0
    for r in range(len(scatter)):
        for i in range(len(samples)):
            _drawn(samples[i], i, mixture, scatter[r], points)
            logw[i] = log_like(one, samples[i])
            if logw[i] > IMPOSSIBLE:
                logw[i] -= _log_density(samples[i], mixture)
        w = np.exp(logw - logw.max())
        ln_z = logw.max() + math.log(w.mean())
        ess = w.sum() ** 2 / (w * w).sum()
        if ess > enough:
            break
        if r < len(scatter) - 1:
            _match(mixture, samples, logw)
    return ln_z, ess, samples, logw, top


@entry
def of_points(
    kind: int,
    box: Floats,
    curve: tuple[Floats, Floats, Floats],
    beliefs: tuple[Floats, Floats, Floats],
    points: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Return ln L, amplitude and level [uJy] at points of the cube, as `integrate` sees them.

    Amplitude and level are those of the likeliest noise.
    """
    one = posed(kind, box, curve[0], curve[1], curve[2], beliefs[0], beliefs[1], beliefs[2])
    found, amplitude, level = np.empty(len(points)), np.empty(len(points)), np.empty(len(points))
    for i in range(len(points)):
        found[i] = log_like(one, points[i])
        amplitude[i] = level[i] = math.nan
        if found[i] > IMPOSSIBLE:
            amplitude[i], level[i] = solved(one)
    return found, amplitude, level


@compiled
def solved(one: Problem) -> tuple[float, float]:
    """Return amplitude and level where ``g`` is filled, for the noise that is likeliest."""
    best, amplitude, level = IMPOSSIBLE, 0.0, 0.0
    for j in range(len(one.totals)):
        for fraction in one.fractions:
            weighed(one, j, fraction)
            sgg, sgy = one.out[0], one.out[1]
            value = -0.5 * (one.out[3] + one.out[2] - sgy * sgy / sgg)
            if value > best:
                best, amplitude, level = value, one.out[5], one.out[6]
    return amplitude, level
