"""Compiled: shapes of anomalies, and how likely a light curve is under one of them.

A light curve of one band is F = c + A g(t; t0, a, b). The level c (flat) and the amplitude A (a
mixture of half-normals; normals where it may dim) are integrated out in closed form; what remains
is a function of (t0, a, b), each of which is a coordinate from 0 to 1 here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.compiled.jit import compiled, entry

Floats = NDArray[np.float64]

TDE, SN, NOVA, LBV, CLAGN = 0, 1, 2, 3, 4
"""Shapes, in the order of `aas2rto.models.watched.templates.TEMPLATES`."""

ACTIVE = 1e-5
"""Where a shape is below this share of its peak, the night knows nothing of it."""

IMPOSSIBLE = -1e300
"""ln of a likelihood that is zero: finite, so that sums of it stay numbers."""

MOST_ERROR = 1e6
"""Variance of the model's own error over that of a night, at most: weights stay above rounding."""

LN_TWO_PI = math.log(2.0 * math.pi)


@compiled
def shape(kind: int, x: float, a: float, b: float) -> float:
    """Return g of a night `x` [d] after t0, 1 at its peak (the logistic ones: at their plateau)."""
    if kind == SN:
        return _bazin(x, a, b)
    if kind == NOVA:
        return max(1.0 + x / a, 0.0) if x < 0.0 else math.exp(-x / b)
    if kind == TDE:
        return math.exp(-0.5 * (x / a) ** 2 if x < 0.0 else -5.0 / 3.0 * math.log1p(x / b))
    rise = 1.0 / (1.0 + math.exp(min(-4.0 * x / a, 700.0)))
    if kind == LBV and x > 0.0:
        rise *= math.exp(-x / b)
    return rise


@compiled
def _bazin(x: float, a: float, b: float) -> float:
    """Return exp(-x / b) / (1 + exp(-x / a)) over its value at the peak, x = a ln(b / a - 1)."""
    if b <= a * 1.001:
        return math.nan
    top = a * math.log(b / a - 1.0)
    at_top = -top / b - math.log1p(math.exp(-top / a))
    if x > 0.0:
        here = -x / b - math.log1p(math.exp(-x / a))
    else:
        here = -x / b + x / a - math.log1p(math.exp(x / a))
    return math.exp(min(here - at_top, 0.0))


@compiled
def log_normal_cdf(z: float) -> float:
    """Return ln Phi(z), also far below zero (Abramowitz & Stegun 26.2.12)."""
    if z > -30.0:
        return math.log(0.5 * math.erfc(-z / math.sqrt(2.0)))
    return -0.5 * z * z - 0.5 * LN_TWO_PI - math.log(-z)


@compiled
def _of_amplitude(sgg: float, sgy: float, widths: Floats, both: bool) -> float:  # noqa: FBT001  compiled
    """Return ln of the integral over A of its prior times exp(A sgy - A^2 sgg / 2)."""
    top, total = IMPOSSIBLE, 0.0
    for s in widths:
        precision = sgg + 1.0 / (s * s)
        value = 0.5 * sgy * sgy / precision - 0.5 * math.log(s * s * precision)
        if not both:
            value += math.log(2.0) + log_normal_cdf(sgy / math.sqrt(precision))
        if value > top:
            total = total * math.exp(top - value) + 1.0
            top = value
        else:
            total += math.exp(value - top)
    return float(top + math.log(total / len(widths)))


@compiled
def sums(y: Floats, v: Floats) -> Floats:
    """Return sum w, sum w y, sum w y^2 and sum ln v of all nights, with w = 1 / v."""
    out = np.zeros(4)
    for i in range(len(y)):
        out[0] += 1.0 / v[i]
        out[1] += y[i] / v[i]
        out[2] += y[i] * y[i] / v[i]
        out[3] += math.log(v[i])
    return out


@compiled
def level_only(total: Floats, n: int) -> float:
    """Return ln of the integral over c of the likelihood of a constant."""
    chisq = total[2] - total[1] * total[1] / total[0]
    fitted = -0.5 * (n * LN_TWO_PI + total[3] + chisq)
    return float(fitted + 0.5 * (LN_TWO_PI - math.log(total[0])))


@entry
def constant(y: Floats, err: Floats, jitters: Floats) -> float:
    """Return ln Z of a constant level with jitter: the mean of the likelihoods of `jitters`.

    Parameters
    ----------
    y, err : ndarray of float
        Fluxes and errors [uJy].
    jitters : ndarray of float
        Added to each error in quadrature [uJy], equally probable.
    """
    values = np.empty(len(jitters))
    for k in range(len(jitters)):
        values[k] = level_only(sums(y, err * err + jitters[k] ** 2), len(y))
    top = values.max()
    return float(top + math.log(np.exp(values - top).mean()))


class Problem(NamedTuple):
    """A light curve in one band, a shape, and what is believed of noise and amplitude.

    ``box``, shape (3, 2): lowest value and span of t0 [d], ln a and ln b. ``t, y`` nights [d] and
    fluxes [uJy]. ``noise``, shape (k, n): variances with each jitter; ``totals``, shape (k, 4):
    `sums` of them. ``fractions``: errors of the model itself, as shares of it. ``widths`` of the
    amplitude's prior [uJy]. ``g, out``: room to work in, n and 7 numbers.
    """

    kind: int
    box: Floats
    t: Floats
    y: Floats
    noise: Floats
    totals: Floats
    fractions: Floats
    widths: Floats
    g: Floats
    out: Floats


@compiled
def posed(
    kind: int,
    box: Floats,
    t: Floats,
    y: Floats,
    err: Floats,
    jitters: Floats,
    fractions: Floats,
    widths: Floats,
) -> Problem:
    """Return a problem, with what does not depend on the parameters summed once."""
    noise = np.empty((len(jitters), len(t)))
    totals = np.empty((len(jitters), 4))
    for j in range(len(jitters)):
        noise[j] = err * err + jitters[j] ** 2
        totals[j] = sums(y, noise[j])
    g, out = np.empty(len(t)), np.empty(7)
    return Problem(kind, box, t, y, noise, totals, fractions, widths, g, out)


@compiled
def weighed(one: Problem, j: int, fraction: float) -> None:
    """Fill ``out`` with sgg, sgy, chisq, sum ln v, sum w, A and c for a jitter and a fraction.

    The fractional error is that of the model, `fraction` A g, with the best A without it.
    """
    v0, y, g = one.noise[j], one.y, one.g
    sg = sgg = sgy = 0.0
    for i in range(len(y)):
        if g[i] > ACTIVE:
            w = g[i] / v0[i]
            sg += w
            sgg += w * g[i]
            sgy += w * y[i]
    sw, swy, swyy, lnv = one.totals[j]
    _centred(sw, swy, swyy, lnv, sg, sgg, sgy, one.out)
    if fraction <= 0.0:
        return
    size = fraction * one.out[5]
    sg = sgg = sgy = 0.0
    for i in range(len(y)):
        if g[i] > ACTIVE:
            more = min((size * g[i]) ** 2, MOST_ERROR * v0[i])
            w, w0 = 1.0 / (v0[i] + more), 1.0 / v0[i]
            sw += w - w0
            swy += (w - w0) * y[i]
            swyy += (w - w0) * y[i] * y[i]
            lnv += math.log1p(more * w0)
            sg += w * g[i]
            sgg += w * g[i] * g[i]
            sgy += w * g[i] * y[i]
    _centred(sw, swy, swyy, lnv, sg, sgg, sgy, one.out)


@compiled
def _centred(
    sw: float, swy: float, swyy: float, lnv: float, sg: float, sgg: float, sgy: float, out: Floats
) -> None:
    """Integrate over the level: the sums about the weighted means."""
    out[0], out[1] = sgg - sg * sg / sw, sgy - sg * swy / sw
    if out[0] <= 1e-10 * sgg or not sgg > 0.0:  # as flat as the level: nothing is known of A
        out[0], out[1] = 1e-300, 0.0
    out[2] = swyy - swy * swy / sw
    out[3] = lnv
    out[4] = sw
    out[5] = out[1] / out[0]
    out[6] = (swy - out[5] * sg) / sw


@compiled
def log_like(one: Problem, u: Floats) -> float:
    """Return ln of the likelihood at `u`, level, amplitude and noise integrated out.

    Parameters
    ----------
    one : Problem
    u : ndarray, shape (3,)
        From 0 to 1: t0 linearly, a and b logarithmically between the limits of the box.
    """
    if min(u[0], u[1], u[2]) < 0.0 or max(u[0], u[1], u[2]) > 1.0:
        return IMPOSSIBLE
    shaped(one, u)
    if math.isnan(one.g[0]):
        return IMPOSSIBLE
    n, out = len(one.t), one.out
    top, total = IMPOSSIBLE, 0.0
    for j in range(len(one.totals)):
        for fraction in one.fractions:
            weighed(one, j, fraction)
            value = _of_amplitude(out[0], out[1], one.widths, one.kind == CLAGN)
            value += -0.5 * (n * LN_TWO_PI + out[3] + out[2])
            value += 0.5 * (LN_TWO_PI - math.log(out[4]))
            if value > top:
                total = total * math.exp(top - value) + 1.0
                top = value
            else:
                total += math.exp(value - top)
    return float(top + math.log(total / (len(one.totals) * len(one.fractions))))


@compiled
def shaped(one: Problem, u: Floats) -> None:
    """Fill ``g`` with the shape at `u`."""
    x0 = one.box[0, 0] + u[0] * one.box[0, 1]
    a = math.exp(one.box[1, 0] + u[1] * one.box[1, 1])
    b = math.exp(one.box[2, 0] + u[2] * one.box[2, 1])
    for i in range(len(one.t)):
        one.g[i] = shape(one.kind, one.t[i] - x0, a, b)


@entry
def shapes(kind: int, x: Floats, a: float, b: float) -> Floats:
    """Return `shape` of many nights."""
    found = np.empty(len(x))
    for i in range(len(x)):
        found[i] = shape(kind, x[i], a, b)
    return found
