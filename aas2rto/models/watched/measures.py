"""What a change of a watched source looks like, in numbers: amplitude, times, rates, colours.

Fluxes throughout; a magnitude only where there is a level to compare with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.watched import cusum
from aas2rto.models.watched.baseline import Baseline, baseline, in_magnitudes
from aas2rto.models.watched.evidence import Curve
from aas2rto.models.watched.onset import Onset, changed, onset
from aas2rto.tables.photometry import POGSON

Floats = NDArray[np.float64]
NAN = float("nan")

SEEN = 5.0
"""A night counts as a detection above so many errors."""

AT_PEAK = 8.0
"""A colour at the peak is of nights so near to it [d]."""

LATELY = 30.0
"""What goes on now is judged by so many days before the last night."""

BLUE, RED = ("ztfg", "lsstg", "g"), ("ztfr", "lsstr", "r")
"""Bands whose difference is called g - r."""


@dataclass(frozen=True)
class Measures:
    """Of one source; NaN (or None) is unknown. Times are MJD [d], fluxes uJy.

    Parameters
    ----------
    band : str
        In which the change is most significant; all but the colours are of it.
    base : Baseline
        Of the nights before the change.
    onset : Onset
    significance : float
        Largest |F - mean| / sqrt(error^2 + scatter^2 + error of the mean^2) since the onset.
    nights : int
        Most consecutive nights above 5 of it.
    strong : int
        Nights since then at more than 10.
    amplitude : float
        Of the peak [mag], positive where brighter; a lower limit if `at_least`.
    at_least : bool
        There is no level to compare with: against 3 median errors.
    scatter_mag : tuple of float
        Limits (95 %) of the own scatter of the baseline [mag].
    daily : float
        Fastest change between nights a day or more apart, less two errors [mag/d].
    since, duration : float
        Last night less the onset; time since the onset spent beyond half of the peak [d].
    sustained : bool or None
        30 d and 5 nights, each mean of 15 d on the same side by more than 2 sigma.
    trend_p : float
        Of Kendall's tau since the onset.
    cusum, step : float
        Largest cumulative sum; step of the block of the peak [sigma].
    jitter : float
        Scatter about a parabola since the onset [mag].
    colour, colour_err : float
        g - r at the peak [mag].
    redder : float
        g - r at the peak less that of the baseline [mag].
    rate_now : float
        Slope of the last 30 d [mag/d], positive where it brightens.
    rising : bool or None
        Whether the last nights are the brightest, and the slope is up.
    gap, deeper : float
        Last night without a detection, before the first one [d]; by how much its limit is deeper
        than the first detection [mag].
    first, first_points : float
        First detection since then, and its exposures (both bands together).
    magnitude : float
        Of the last detected difference [mag].
    """

    band: str = ""
    base: Baseline | None = None
    onset: Onset | None = None
    significance: float = NAN
    nights: int = 0
    strong: int = 0
    amplitude: float = NAN
    at_least: bool = False
    scatter_mag: tuple[float, float] = (NAN, NAN)
    daily: float = NAN
    since: float = NAN
    duration: float = NAN
    sustained: bool | None = None
    trend_p: float = NAN
    cusum: float = NAN
    step: float = NAN
    jitter: float = NAN
    colour: float = NAN
    colour_err: float = NAN
    redder: float = NAN
    rate_now: float = NAN
    rising: bool | None = None
    gap: float = NAN
    deeper: float = NAN
    first: float = NAN
    first_points: float = NAN
    magnitude: float = NAN
    others: Mapping[str, Onset] = field(default_factory=dict)

    @property
    def t_on(self) -> float:
        """Onset [d]; NaN where there is none."""
        return self.onset.t_on if self.onset is not None else NAN


def measured(
    curves: Mapping[str, Curve],
    begin: float,
    reference: Mapping[str, float] | None = None,
    points: Mapping[str, Floats] | None = None,
) -> Measures:
    """Measure a change.

    Parameters
    ----------
    curves : mapping of str to Curve
        Nightly, by band.
    begin : float
        Nights before it are the baseline [d]: where the best template begins, or stage 1 says.
    reference : mapping of str to float, optional
        Fluxes of the template image [uJy], where the curves are differences to it.
    points : mapping of str to ndarray, optional
        Exposures of each night.
    """
    bands = {band: _Band(curve, begin) for band, curve in curves.items()}
    bands = {band: one for band, one in bands.items() if one.after.any()}
    if not bands:
        return Measures()
    band = max(bands, key=lambda name: bands[name].peak_s)
    one = bands[band]
    ref = (reference or {}).get(band, 0.0)
    found = one.shape(one.level(ref), Measures(band=band, base=one.base, onset=one.onset))
    colour, colour_err, redder = _colours(curves, found, reference or {}, bands)
    found = replace(found, colour=colour, colour_err=colour_err, redder=redder)
    return _early(found, curves, points or {})


class _Band:
    """One band, split at the beginning of a change."""

    def __init__(self, curve: Curve, begin: float) -> None:
        self.curve = curve
        before = curve.mjd < begin
        self.base = baseline(*(column[before] for column in curve))
        known = self.base.n >= 2
        self.mean = self.base.mean if known else 0.0
        self.scatter = self.base.scatter if known else 0.0
        mean_err = self.base.mean_err if known else 0.0
        self.error = np.sqrt(curve.err**2 + self.scatter**2 + mean_err**2)
        self.z = (curve.flux - self.mean) / self.error
        self.onset = onset(*curve, self.mean, self.scatter, after=begin)
        start = self.onset.t_on if self.onset.status == "ok" else begin
        self.after = curve.mjd >= start
        self.peak_s = float(np.abs(self.z[self.after]).max(initial=0.0))

    def level(self, reference: float) -> float:
        """Return the flux of the baseline that magnitudes are compared with; NaN without one."""
        total = reference + self.mean
        seen = total > SEEN * self.curve.scale if self.base.n >= 2 else False
        return total if seen else NAN

    def shape(self, level: float, found: Measures) -> Measures:
        """Fill in what is measured in this band alone."""
        t, z = self.curve.mjd[self.after], self.z[self.after]
        excess, err = (self.curve.flux - self.mean)[self.after], self.error[self.after]
        top = int(np.argmax(np.abs(z)))
        total = level + excess if np.isfinite(level) else excess
        with np.errstate(invalid="ignore", divide="ignore"):
            mag = -2.5 * np.log10(np.where(total > 0, total, np.nan))
            magerr = POGSON * self.curve.err[self.after] / np.where(total > 0, total, np.nan)
        mag = np.where(magerr < 1 / 3, mag, np.nan)
        amplitude, at_least = self._amplitude(level, excess[top])
        plus, minus = cusum.run(np.nan_to_num(self.z))
        low, high = (self.base.scatter_low, self.base.scatter_high)
        scatter = in_magnitudes([low, high], level, 0.0)
        _, _, steps = changed(self.curve.flux, self.curve.err, self.mean, self.scatter)
        return replace(
            found,
            significance=self.peak_s,
            nights=_longest(np.abs(z) > SEEN),
            strong=int((np.abs(excess) > 10 * self.curve.err[self.after]).sum()),
            amplitude=amplitude,
            at_least=at_least,
            scatter_mag=(float(scatter[0]), float(scatter[1])),
            daily=_fastest(t, mag, magerr),
            since=float(t[-1] - t[0]),
            duration=_lasting(t, excess),
            sustained=_sustained(t, excess, err),
            trend_p=_trend(t, excess),
            cusum=float(max(plus[self.after].max(), minus[self.after].max())),
            step=float(np.abs(steps).max(initial=0.0)),
            jitter=_about_parabola(t, mag),
            rate_now=_slope(t, mag),
            rising=_rising(t, np.abs(excess), self.curve.err[self.after]),
            magnitude=_last_magnitude(excess, self.curve.err[self.after]),
        )

    def _amplitude(self, level: float, peak: float) -> tuple[float, bool]:
        if np.isfinite(level):
            total = level + peak
            return (float(2.5 * np.log10(total / level)) if total > 0 else NAN), False
        noise = 3.0 * self.curve.scale
        return (float(2.5 * np.log10(peak / noise)) if peak > noise else NAN), True


def _longest(flags: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _fastest(t: Floats, mag: Floats, magerr: Floats) -> float:
    good = np.isfinite(mag)
    t, mag, magerr = t[good][-200:], mag[good][-200:], magerr[good][-200:]
    if len(t) < 2:
        return NAN
    i, j = np.triu_indices(len(t), 1)
    apart = t[j] - t[i]
    change = np.abs(mag[j] - mag[i]) - 2 * np.hypot(magerr[i], magerr[j])
    fits = apart >= 1.0
    return float(max((change[fits] / apart[fits]).max(initial=0.0), 0.0))


def _lasting(t: Floats, excess: Floats) -> float:
    """Return the time from the first night beyond half of the peak to the last one [d]."""
    beyond = np.abs(excess) > 0.5 * np.abs(excess).max()
    return float(np.ptp(t[beyond]))


def _sustained(t: Floats, excess: Floats, err: Floats) -> bool | None:
    """Tell whether a change stayed, as issue and document ask of CLAGN; None: too short."""
    if t[-1] - t[0] < 30.0 or len(t) < 5:
        return None
    bins = ((t - t[0]) // 15.0).astype(int)
    weight = np.bincount(bins, err**-2)
    known = weight > 0
    mean = np.bincount(bins, excess / err**2)[known] / weight[known]
    side = np.sign(excess[np.argmax(np.abs(excess))])
    same = side * mean * np.sqrt(weight[known]) > 2.0
    return bool(same[1:].all() and (np.abs(mean[1:]) > 0.5 * np.abs(mean).max()).all())


def _trend(t: Floats, excess: Floats) -> float:
    from scipy.stats import kendalltau  # noqa: PLC0415  takes a while

    return float(kendalltau(t, excess).pvalue) if len(t) >= 6 and np.ptp(excess) > 0 else NAN


def _about_parabola(t: Floats, mag: Floats) -> float:
    good = np.isfinite(mag)
    if good.sum() < 6:
        return NAN
    x = (t[good] - t[good].mean()) / max(float(np.ptp(t[good])), 1.0)
    return float(np.std(mag[good] - np.polyval(np.polyfit(x, mag[good], 2), x), ddof=3))


def _slope(t: Floats, mag: Floats) -> float:
    near = np.isfinite(mag) & (t > t[-1] - LATELY)
    if near.sum() < 3 or np.ptp(t[near]) < 1.0:
        return NAN
    return float(-np.polyfit(t[near] - t[-1], mag[near], 1)[0])


def _rising(t: Floats, height: Floats, err: Floats) -> bool | None:
    """Tell whether the latest night is within 2 errors of the highest, after a rise of 3."""
    if len(t) < 2:
        return None
    top = int(np.argmax(height))
    near = height[-1] > height[top] - 2.0 * np.hypot(err[top], err[-1])
    return bool(near and height[-1] - height[0] > 3.0 * np.hypot(err[0], err[-1]))


def _last_magnitude(excess: Floats, err: Floats) -> float:
    seen = np.flatnonzero(excess > SEEN * err)
    return float(23.9 - 2.5 * np.log10(excess[seen[-1]])) if len(seen) else NAN


def _colours(
    curves: Mapping[str, Curve],
    found: Measures,
    reference: Mapping[str, float],
    bands: Mapping[str, _Band],
) -> tuple[float, float, float]:
    """Return g - r of the change at its peak, its error, and how much redder the total became."""
    blue = next((one for one in BLUE if one in bands), "")
    red = next((one for one in RED if one in bands), "")
    if not blue or not red or found.onset is None or not np.isfinite(found.onset.t_peak):
        return NAN, NAN, NAN
    told = []
    for name in (blue, red):
        one = bands[name]
        near = np.abs(curves[name].mjd - found.onset.t_peak) <= AT_PEAK
        weight = curves[name].err[near] ** -2
        if not near.any():
            return NAN, NAN, NAN
        flux = float((weight * (curves[name].flux[near] - one.mean)).sum() / weight.sum())
        told.append((flux, float(weight.sum() ** -0.5), one.level(reference.get(name, 0.0))))
    (g, g_err, g0), (r, r_err, r0) = told
    if not (g > 3 * g_err and r > 3 * r_err):
        return NAN, NAN, NAN
    colour, err = -2.5 * np.log10(g / r), POGSON * np.hypot(g_err / g, r_err / r)
    redder = -2.5 * np.log10((g0 + g) / (r0 + r)) + 2.5 * np.log10(g0 / r0)
    return float(colour), float(err), float(redder)


def _early(found: Measures, curves: Mapping[str, Curve], points: Mapping[str, Floats]) -> Measures:
    """Add the first detection, and the last night without one before it, in the same band."""
    one = curves[found.band]
    base = found.base.mean if found.base is not None and found.base.n >= 2 else 0.0
    excess = one.flux - base
    start = found.t_on if np.isfinite(found.t_on) else one.mjd[0]
    seen = np.flatnonzero((excess > SEEN * one.err) & (one.mjd >= start - 1e-6))
    if not len(seen):
        return found
    k = int(seen[0])
    night = np.floor(one.mjd[k])
    exposures = sum(
        float(np.asarray(points[band])[np.floor(curve.mjd) == night].sum())
        if band in points
        else float((np.floor(curve.mjd) == night).sum())
        for band, curve in curves.items()
    )
    gap = float(one.mjd[k] - one.mjd[k - 1]) if k else NAN
    deeper = float(2.5 * np.log10(excess[k] / (SEEN * one.err[k - 1]))) if k else NAN
    return replace(found, first=float(one.mjd[k]), first_points=exposures, gap=gap, deeper=deeper)
