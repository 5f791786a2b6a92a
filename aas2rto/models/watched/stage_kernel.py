"""Stage 1 of one source, night by night: the same whether nights come singly or at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.compiled.jit import compiled, entry
from aas2rto.models.watched import stage_state as at
from aas2rto.models.watched.baseline import reml
from aas2rto.models.watched.blocks import partition
from aas2rto.models.watched.drw import sums

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

OF_NEIGHBOURS = 1.4826 / np.sqrt(2.0)
"""Standard deviation from the median absolute difference of neighbours."""

CLIP = 10.0
"""Where a block's points are clipped, as in `aas2rto.models.watched.blocks` [sigma]."""

TAUS = 12
"""Grid of time scales of the walk, and of its standard deviations."""

CALM, CALM_NIGHTS = 3.0, 3.0
"""As in `aas2rto.models.watched.baseline`."""


class Curve(NamedTuple):
    """The nights of a series until tonight: times [d], fluxes and errors."""

    t: Floats
    flux: Floats
    error: Floats


class Nightly(NamedTuple):
    """All that stage 1 works on: nights by series, series by source, settings, state.

    ``starts`` and ``sources`` say where the nights of each series and the series of each source
    begin; ``agn`` is 1 for known active nuclei; ``out_of``, ``z`` and ``state`` are written.
    """

    t: Floats
    night: Ints
    flux: Floats
    error: Floats
    starts: Ints
    sources: Ints
    band: Ints
    agn: Ints
    until: Floats
    p: Floats
    state: Floats
    out_of: Mask
    z: Floats


@compiled
def clipped(flux: Floats, error: Floats) -> Floats:
    """Return fluxes within 10 errors of their median."""
    middle = np.median(flux)
    out = np.empty(len(flux))
    for i in range(len(flux)):
        most = CLIP * error[i]
        out[i] = middle + min(max(flux[i] - middle, -most), most)
    return out


@compiled
def level_changes(flux: Floats, error: Floats, p: Floats) -> bool:
    """Tell whether a baseline has blocks, of errors and of what neighbours scatter beyond them.

    The scatter of neighbours is small where a flare or a walk is slow, unlike that of all nights.
    """
    n = len(flux)
    own = OF_NEIGHBOURS * np.median(np.abs(flux[1:] - flux[:-1]))
    noise = np.median(error)
    extra = max(own * own - noise * noise, 0.0)
    total = np.sqrt(error * error + extra)
    starts = partition(clipped(flux, total), total**-2.0, p[at.P_PENALTY])
    many = 0
    for b in range(len(starts)):
        end = starts[b + 1] if b + 1 < len(starts) else n
        if end - starts[b] >= 2:
            many += 1
    return many > 1


@compiled
def find_walk(t: Floats, flux: Floats, error: Floats, one: Floats) -> None:
    """Write sigma, tau and mean of the most likely damped random walk to the state."""
    spread = max(np.std(flux), np.median(error))
    low_s, high_s = np.log(spread * 0.03), np.log(spread * 30.0)
    low_t, high_t = np.log(1.0), np.log(3000.0)
    s, tau, best, mean = 0.0, 1.0, -np.inf, 0.0
    wide_s, wide_t = 0.5 * (high_s - low_s), 0.5 * (high_t - low_t)
    mid_s, mid_t = low_s + wide_s, low_t + wide_t
    out = np.empty((3, TAUS, TAUS))
    for _ in range(4):
        sigmas, taus = np.empty(TAUS), np.empty(TAUS)
        for i in range(TAUS):
            x = 2.0 * i / (TAUS - 1) - 1.0
            sigmas[i] = np.exp(min(max(mid_s + x * wide_s, low_s), high_s))
            taus[i] = np.exp(min(max(mid_t + x * wide_t, low_t), high_t))
        sums(t, flux, error, sigmas, taus, out)
        for i in range(TAUS):
            for j in range(TAUS):
                if out[0, i, j] > best:
                    best, s, tau, mean = out[0, i, j], sigmas[i], taus[j], out[1, i, j]
        mid_s, mid_t = np.log(s), np.log(tau)
        wide_s /= 3.0
        wide_t /= 3.0
    one[at.SIGMA], one[at.TAU], one[at.WALK_MEAN] = s, tau, mean


@compiled
def walk_on(t: float, flux: float, error: float, one: Floats) -> float:
    """Take one step of the Kalman filter; return the innovation in its own errors."""
    power = one[at.SIGMA] * one[at.SIGMA]
    decay = 0.0
    if not np.isnan(one[at.WALK_AT]):
        decay = np.exp(-(t - one[at.WALK_AT]) / one[at.TAU])
    state = decay * one[at.WALK]
    left = decay * decay * one[at.WALK_VAR] + power * (1.0 - decay * decay)
    surprise = flux - one[at.WALK_MEAN] - state
    var = left + error * error
    gain = left / var
    one[at.WALK], one[at.WALK_VAR], one[at.WALK_AT] = state + gain * surprise, left * (1 - gain), t
    answer: float = surprise / np.sqrt(var)
    return answer


@compiled
def nights_before(t: Floats, until: float, p: Floats, one: Floats) -> int:
    """Return how many nights may belong to the baseline, the last night of `t` being tonight."""
    last = t[-1] - p[at.P_GUARD]
    if until < np.inf:
        if t[-1] <= until or one[at.N_BASE] > 0.0:
            return 0  # it is measured once, on the first night after its end
        last = until
    stop = 0
    while stop < len(t) - 1 and t[stop] <= last:
        stop += 1
    return stop


@compiled
def learn(c: Curve, out_of: Mask, until: float, agn: int, p: Floats, one: Floats) -> None:
    """Measure the baseline of a series anew, if it has grown enough."""
    stop = nights_before(c.t, until, p, one)
    n = 0
    for r in range(stop):
        n += not out_of[r]
    if n < max(p[at.P_MIN_NIGHTS], 3.0) or n < p[at.P_GROWTH] * one[at.N_BASE]:
        return
    kept = np.flatnonzero(~out_of[:stop])
    if c.t[kept[-1]] - c.t[kept[0]] < p[at.P_MIN_SPAN]:
        return
    when, f, e = c.t[kept], c.flux[kept], c.error[kept]
    reml(f, e, one[at.MEAN : at.HIGH + 1])
    one[at.N_BASE], one[at.BASE_FROM], one[at.BASE_TO] = n, when[0], when[-1]
    one[at.RED] = 1.0 if level_changes(f, e, p) else 0.0
    one[at.SIGMA] = 0.0
    if (agn > 0 or one[at.RED] > 0) and n >= p[at.P_WALK_NIGHTS]:
        find_walk(when, f, e, one)
        one[at.WALK], one[at.WALK_VAR], one[at.WALK_AT] = 0.0, 0.0, np.nan
        for r in range(len(c.t) - 1):
            walk_on(c.t[r], c.flux[r], c.error[r], one)


@compiled
def around(p: Floats, one: Floats) -> float:
    """Return the variance about the baseline: own scatter, error of its mean, calibration.

    The mean is no better known than a block of as many nights is.
    """
    floor = p[at.P_FLOOR] * one[at.MEAN]
    return float(one[at.SCATTER] ** 2 + one[at.MEAN_ERR] ** 2 + floor * floor)


@compiled
def look(c: Curve, agn: int, p: Floats, one: Floats) -> None:
    """Compare tonight with the baseline: deviation, nights in a row, sums."""
    t, flux, error = c.t[-1], c.flux[-1], c.error[-1]
    var = error * error + around(p, one)
    z = (flux - one[at.MEAN]) / np.sqrt(var)
    one[at.Z] = z
    one[at.Z_MOST] = max(one[at.Z_MOST], abs(z))
    way = 1.0 if z > p[at.P_S_MIN] else (-1.0 if z < -p[at.P_S_MIN] else 0.0)
    one[at.HOT] = one[at.HOT] + way if way * one[at.HOT] > 0 else way
    one[at.N_HOT] += abs(way)
    has_walk = one[at.SIGMA] > 0
    trend = walk_on(t, flux, error, one) / p[at.P_WALK_SCALE] if has_walk else z
    trend = min(max(trend, -p[at.P_CLIP]), p[at.P_CLIP])
    # Not far above the threshold, so that they come back when the change is over.
    top = p[at.P_H] + p[at.P_CLIP] - p[at.P_K]
    one[at.PLUS] = min(max(one[at.PLUS] + trend - p[at.P_K], 0.0), top)
    one[at.MINUS] = min(max(one[at.MINUS] - trend - p[at.P_K], 0.0), top)
    if not has_walk and (agn > 0 or one[at.RED] > 0):
        # Sums of raw deviations of a walk sound the alarm every month or two.
        one[at.PLUS], one[at.MINUS] = 0.0, 0.0
    if one[at.PLUS] == 0.0:
        one[at.ZERO_PLUS] = t
    if one[at.MINUS] == 0.0:
        one[at.ZERO_MINUS] = t


@compiled
def block_of(c: Curve, sign: float, after: float, p: Floats, one: Floats) -> float:
    """Return when the first block that differs and ends later begins; NaN if none does."""
    first = max(0, len(c.t) - int(p[at.P_BLOCK_NIGHTS]))
    e = np.sqrt(c.error[first:] ** 2 + one[at.SCATTER] ** 2)
    f = clipped(c.flux[first:], e)
    starts = partition(f, e**-2.0, p[at.P_PENALTY])
    n = len(f)
    for b in range(len(starts)):
        begin, end = starts[b], starts[b + 1] if b + 1 < len(starts) else n
        mass = np.sum(e[begin:end] ** -2.0)
        level = np.sum(f[begin:end] * e[begin:end] ** -2.0) / mass
        var = 1.0 / mass + around(p, one)
        away = sign * (level - one[at.MEAN]) / np.sqrt(var)
        if end - begin >= 2 and away > p[at.P_STEP] and c.t[first + end - 1] > after:
            return float(c.t[first + begin])
    return np.nan


@compiled
def calms(t: float, one: Floats) -> None:
    """Thaw a frozen series after three calm nights, if both sums have been back at 0."""
    one[at.CALM] = one[at.CALM] + 1.0 if abs(one[at.Z]) < CALM else 0.0
    back = min(one[at.ZERO_PLUS], one[at.ZERO_MINUS])  # NaN compares as false
    if one[at.CALM] >= CALM_NIGHTS and back > one[at.FROZEN_AT]:
        one[at.FROZEN], one[at.CALM], one[at.KIND], one[at.SIGN] = 0.0, 0.0, 0.0, 0.0
        one[at.PLUS], one[at.MINUS], one[at.ZERO_PLUS], one[at.ZERO_MINUS] = 0.0, 0.0, t, t


@compiled
def verdict(c: Curve, p: Floats, one: Floats) -> tuple[int, float, float]:
    """Return by what a series is flagged tonight by itself, with sign and onset; 0: not."""
    if abs(one[at.HOT]) >= 2.0:
        sign = 1.0 if one[at.HOT] > 0 else -1.0
        begun = block_of(c, sign, one[at.BASE_TO], p, one)
        if np.isnan(begun):  # where no block says, it began when the threshold was first passed
            begun = float(c.t[len(c.t) - int(abs(one[at.HOT]))])
        return at.TWO_NIGHTS, sign, begun
    for sign in (1.0, -1.0):
        height = one[at.PLUS] if sign > 0 else one[at.MINUS]
        zero = one[at.ZERO_PLUS] if sign > 0 else one[at.ZERO_MINUS]
        if height > p[at.P_H]:
            begun = block_of(c, sign, -np.inf if np.isnan(zero) else zero, p, one)
            if not np.isnan(begun):
                return at.TREND, sign, begun
    return 0, 0.0, np.nan


@compiled
def raise_flag(one: Floats, kind: int, sign: float, begun: float, now: float) -> None:
    """Note a flag in the state of the series that raised it."""
    one[at.KIND], one[at.SIGN], one[at.T_ON], one[at.FLAG_MJD] = kind, sign, begun, now
    one[at.N_FLAGS] += 1.0
    if one[at.N_FLAGS] == 1.0:
        one[at.FIRST_MJD], one[at.FIRST_KIND] = now, kind


@compiled
def freeze(every: Nightly, s: int, begun: float, now: float) -> None:
    """Freeze the baseline of a series, and take what it saw since the onset out of it."""
    one = every.state[s]
    one[at.FROZEN], one[at.CALM], one[at.FROZEN_AT] = 1.0, 0.0, now
    row = every.starts[s] + int(one[at.SEEN]) - 1
    while row >= every.starts[s] and every.t[row] >= begun:
        every.out_of[row] = True
        row -= 1


@compiled
def two_bands(every: Nightly, night: int, first: int, last: int) -> float:
    """Return the sign in which two bands are above the threshold tonight; 0 if not."""
    state = every.state
    for a in range(first, last):
        for b in range(first, a):
            both = state[a, at.LAST_NIGHT] == night and state[b, at.LAST_NIGHT] == night
            same = every.band[a] == every.band[b]
            if both and not same and state[a, at.HOT] * state[b, at.HOT] > 0:
                return 1.0 if state[a, at.HOT] > 0 else -1.0
    return 0.0


@compiled
def until_now(every: Nightly, s: int) -> Curve:
    """Return the nights of a series that were seen."""
    a = every.starts[s]
    b = a + int(every.state[s, at.SEEN])
    return Curve(every.t[a:b], every.flux[a:b], every.error[a:b])


@compiled
def judge(every: Nightly, night: int, first: int, last: int) -> None:
    """Raise the flag of a source that is not flagged, if tonight asks for it."""
    begun, now = np.inf, -np.inf
    for s in range(first, last):
        one = every.state[s]
        if one[at.LAST_NIGHT] == night and one[at.N_BASE] > 0 and not np.isnan(one[at.Z]):
            c = until_now(every, s)
            kind, sign, onset = verdict(c, every.p, one)
            if kind > 0:
                raise_flag(one, kind, sign, onset, c.t[-1])
                begun, now = min(begun, onset), max(now, c.t[-1])
    both = two_bands(every, night, first, last) if begun == np.inf else 0.0
    if both != 0.0:
        for s in range(first, last):
            one = every.state[s]
            if one[at.LAST_NIGHT] == night and one[at.HOT] * both > 0:
                t = until_now(every, s).t[-1]
                raise_flag(one, at.TWO_BANDS, both, t, t)
                begun, now = min(begun, t), max(now, t)
    if begun < np.inf:
        for s in range(first, last):
            freeze(every, s, begun, now)


@compiled
def one_night(every: Nightly, s: int, source: int) -> None:
    """Take the next night of a series."""
    one = every.state[s]
    one[at.SEEN] += 1.0
    c = until_now(every, s)
    a = every.starts[s]
    row = a + len(c.t) - 1
    until, agn = every.until[source], every.agn[source]
    if one[at.FROZEN] == 0.0:
        learn(c, every.out_of[a : row + 1], until, agn, every.p, one)
    else:
        every.out_of[row] = True
    if one[at.N_BASE] > 0 and (until == np.inf or c.t[-1] > until):
        look(c, agn, every.p, one)
        every.z[row] = one[at.Z]
        if one[at.FROZEN] > 0.0:
            calms(c.t[-1], one)


@compiled
def next_night(every: Nightly, first: int, last: int) -> int:
    """Return the earliest night of a source that was not seen; the largest number if all were."""
    tonight = np.iinfo(np.int64).max
    for s in range(first, last):
        row = every.starts[s] + int(every.state[s, at.SEEN])
        if row < every.starts[s + 1]:
            tonight = min(tonight, every.night[row])
    return int(tonight)


@entry
def advance(every: Nightly) -> None:
    """Take all nights that the state has not seen, source after source, in the order of time."""
    for source in range(len(every.sources) - 1):
        first, last = every.sources[source], every.sources[source + 1]
        while True:
            tonight = next_night(every, first, last)
            if tonight == np.iinfo(np.int64).max:
                break
            flagged = False
            for s in range(first, last):
                flagged = flagged or every.state[s, at.KIND] > 0
                row = every.starts[s] + int(every.state[s, at.SEEN])
                if row < every.starts[s + 1] and every.night[row] == tonight:
                    every.state[s, at.LAST_NIGHT] = tonight
                    one_night(every, s, source)
            if not flagged:
                judge(every, tonight, first, last)
