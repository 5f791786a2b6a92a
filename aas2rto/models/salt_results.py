"""From what an engine found to rows of the fit table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aas2rto.guard import Outcome
from aas2rto.models import OK
from aas2rto.models.calibration import KINDS, NONE, peak_error
from aas2rto.models.fit_table import Fit, failed
from aas2rto.models.lightcurves import LightCurves
from aas2rto.models.salt_batched import STEP_PRIOR, Batch
from aas2rto.models.sncosmo_engine import Solution

Floats = NDArray[np.float64]

MB_OFFSET = 10.5
"""m_B = -2.5 log10(x0) + 10.5 (Kenworthy et al. 2021)."""
LAST_PHASE = 50.0
"""Last rest-frame day of SALT's surfaces; later points say nothing about its parameters."""
OTHER_VALLEY, OTHER_T0 = 9.0, 1.0
"""Another valley is told of if it is worse by less than this in chi2 - 2 ln prior, and its peak
this many days off."""
WIDE = 0.6
"""The mean over the scan replaces the best t0 where its spread exceeds this many steps of the scan:
a Gaussian sampled that coarsely still has its moments right to 1 %."""
BETWEEN = 0.5
"""Where the posterior of t0 is wide it is skewed; its median then lies between its mean and the
best fit, and so does the peak: with this share of the mean, the median error over all samples and
cuts of `tests/benchmarks/bench_fit_peaks.py bias` is smallest."""
STEADY = 4
OUTSIDE = 15.0
"""A peak farther from all detections is doubtful [d]: SNe Ia are seen about that long before it."""
NEAR_BOUND = 1e-4
"""A parameter this close to a bound, as a share of the range, is at it."""
AT_BOUND, UNTESTED = 1.8, 1.1
"""See `_widened`; `tests/benchmarks/bench_fit_peaks.py doubts` shows what such fits are worth."""
T0, LNX0, X1, C, Z = range(5)


def from_batch(
    batch: Batch, used: LightCurves, curves: LightCurves, chosen: NDArray[np.bool_]
) -> dict[int, Fit]:
    """Return the fits of the chosen candidates, by their place.

    Parameters
    ----------
    batch : Batch
    used, curves : LightCurves
        What was fitted, and what there was before late points were left out.
    chosen : ndarray of bool
    """
    late = np.diff(curves.start) - np.diff(used.start)
    return {int(i): _one(batch, used, int(i), int(late[i])) for i in np.flatnonzero(chosen)}


def _one(batch: Batch, curves: LightCurves, i: int, late: int) -> Fit:
    values = batch.values[i]
    rows = slice(curves.start[i], curves.start[i + 1])
    n_points = int((~curves.limit[rows]).sum())
    bands = curves.band_names(i)
    if not np.isfinite(batch.chisq[i]):
        why = "no SALT light curve is brighter than nothing at these points"
        return failed(why, n_points=n_points, bands=bands)
    free = ["t0", "x0", "x1", "c"]
    if np.isnan(curves.redshift[i]):
        free.append("z")
    x0 = float(np.exp(values[LNX0]))
    scale = np.array([1.0, x0, 1.0, 1.0, 1.0])[: len(free)]
    covariance = batch.covariance[i][: len(free), : len(free)] * np.outer(scale, scale)
    parameters = {
        "z": values[Z],
        "t0": values[T0],
        "x0": x0,
        "x1": values[X1],
        "c": values[C],
        "mB": -2.5 * np.log10(x0) + MB_OFFSET,
        "ebv": curves.ebv[i],
        "objective": batch.objective[i],
    }
    other = _other_valley(batch, i)
    t_peak, t_peak_err = _peak(batch, curves, i)
    doubts = [*_at_bounds(batch, i, free), *_outside(curves, i, t_peak)]
    t_peak_err = _widened(t_peak_err, other, t_peak, doubts, n_points - len(free))
    return _row(
        parameters | other,
        free,
        covariance,
        chisq=float(batch.chisq[i]),
        n_points=n_points,
        bands=bands,
        late=late,
        peak=(t_peak, t_peak_err),
        doubts=[doubt.words for doubt in doubts],
        known=_calibrated(batch, curves, i),
    )


@dataclass(frozen=True)
class Doubt:
    """Why a fit may be worth less than its error says, in words and in days of its peak."""

    words: str
    days: float = 0.0


def _at_bounds(batch: Batch, i: int, free: list[str]) -> list[Doubt]:
    """Name the parameters that end at a bound of the fit."""
    doubts = []
    for name, k in (("x1", X1), ("c", C), ("z", Z)):
        low, high = batch.bounds[name]
        value = float(batch.values[i, k])
        close = NEAR_BOUND * (high - low)
        if name in free and not low + close < value < high - close:
            doubts.append(Doubt(f"{name} is at its bound, {value:.3g}"))
    return doubts


def _outside(curves: LightCurves, i: int, t_peak: float) -> list[Doubt]:
    """Say where the peak lies far outside the detections."""
    rows = slice(curves.start[i], curves.start[i + 1])
    seen = curves.mjd[rows][curves.detection[rows]]
    before, after = seen.min() - t_peak, t_peak - seen.max()
    far = max(before, after)
    if not far > OUTSIDE:
        return []
    side = "before the first" if before > after else "after the last"
    return [Doubt(f"peaks {far:.0f} d {side} detection", far)]


def _widened(
    error: float, other: Mapping[str, float], t_peak: float, doubts: Sequence[Doubt], ndof: int
) -> float:
    """Return the error of a peak with what its doubts add.

    Notes
    -----
    Another valley counts by its likelihood, p = 1 / (1 + exp(dchisq / 2)), and adds
    p (1 - p) (distance)^2 to the variance, as in a mixture of both. A peak outside the detections
    adds its distance from them. Parameters at a bound and fits without degrees of freedom
    cannot say how wrong they are: what they say is taken `AT_BOUND` and `UNTESTED` times.
    """
    if np.isfinite(other["dchisq_other"]):
        p = 1 / (1 + np.exp(other["dchisq_other"] / 2))
        mixed = np.sqrt(p * (1 - p)) * abs(other["t0_other"] - t_peak)
        error = float(np.maximum(error, mixed))
    if any(doubt.days == 0.0 for doubt in doubts):
        error *= AT_BOUND
    if ndof <= 0:
        error *= UNTESTED
    return float(np.hypot(error, max((doubt.days for doubt in doubts), default=0.0)))


def _calibrated(batch: Batch, curves: LightCurves, i: int) -> str:
    """Say with what the errors of each kind of measurement were multiplied."""
    if batch.learnt.name == NONE:
        return ""
    present = np.unique(curves.sort[curves.start[i] : curves.start[i + 1]])
    words = " and ".join(f"{KINDS[k]} errors x {batch.learnt.scale[k]:g}" for k in present)
    return f"{words} (calibration {batch.learnt.name!r})"


def _peak(batch: Batch, curves: LightCurves, i: int) -> tuple[float, float]:
    """Return the middle and spread of t0 where they are trustworthy, else the best t0 and error."""
    mean, spread = batch.spread[i]
    z = batch.values[i, Z]
    if batch.has_prior and np.isfinite(spread) and spread > WIDE * STEP_PRIOR * (1 + z):
        peak = float(BETWEEN * mean + (1 - BETWEEN) * batch.values[i, T0])
        error = float(spread)
    else:
        variance = batch.covariance[i, T0, T0]
        peak = float(batch.values[i, T0])
        error = float(np.sqrt(variance)) if variance > 0 else np.nan
    rows = slice(curves.start[i], curves.start[i + 1])
    seen = curves.detection[rows]
    days = (curves.mjd[rows][seen].max() - peak) / (1 + z)
    constants = batch.learnt.peak[main_sort(curves.sort[rows][seen])]
    is_free = bool(np.isnan(curves.redshift[i]))
    if batch.learnt.name != NONE:
        n_points = int((~curves.limit[rows]).sum())
        error *= misfit(batch.chisq[i], n_points - (5 if is_free else 4))
    return peak, peak_error(error, days, constants, is_free=is_free)


def misfit(chisq: float, ndof: int) -> float:
    """Return what an error is multiplied with where the data scatter more than they should.

    The square root of the reduced chi2 if that is above 1, as if `STEADY` more points had fitted
    as expected, so that a few points do not decide.

    Examples
    --------
    >>> misfit(4.0, 8), misfit(36.0, 6)
    (1.0, 2.0)
    """
    return float(np.sqrt(max(1.0, (chisq + STEADY) / (max(ndof, 0) + STEADY))))


def main_sort(sort: NDArray[np.int64]) -> int:
    """Return the kind of measurement that most of the points have."""
    return int(np.bincount(sort, minlength=len(KINDS)).argmax())


def _other_valley(batch: Batch, i: int) -> dict[str, float]:
    """Return where the next best valley peaks, and how much worse it is."""
    objective, t0, _ = batch.minima[i].T
    with np.errstate(invalid="ignore"):
        worse = np.where(np.isfinite(objective), objective - batch.objective[i], np.inf)
        apart = np.abs(t0 - batch.values[i, T0]) > OTHER_T0
    worse = np.where(apart, worse, np.inf)
    k = int(np.argmin(worse))
    if not worse[k] < OTHER_VALLEY:
        return {"t0_other": np.nan, "dchisq_other": np.nan}
    return {"t0_other": float(t0[k]), "dchisq_other": float(worse[k])}


def from_sncosmo(outcomes: Mapping[int, Outcome[Solution]], curves: LightCurves) -> dict[int, Fit]:
    """Return the fits by sncosmo, by the candidates' place; what it raised is a failed fit."""
    fits = {}
    for i, outcome in outcomes.items():
        count, bands = int(curves.start[i + 1] - curves.start[i]), curves.band_names(i)
        if outcome.value is None:
            why = outcome.failure.error if outcome.failure else "no answer"
            fits[i] = failed(why, n_points=count, bands=bands)
        else:
            fits[i] = _from_solution(outcome.value, bands, count)
    return fits


def _from_solution(solution: Solution, bands: str, count: int) -> Fit:
    values = solution.parameters
    if not values["x0"] > 0:
        why = f"best amplitude x0 = {values['x0']:.3g} is not positive"
        return failed(why, n_points=solution.n_points, bands=bands)
    names = ("z", "t0", "x0", "x1", "c")
    parameters = {name: values[name] for name in names}
    parameters["mB"] = -2.5 * np.log10(values["x0"]) + MB_OFFSET
    parameters |= {"ebv": values["mwebv"], "objective": solution.chisq}
    variance = solution.covariance[list(solution.free).index("t0")]
    variance = variance[list(solution.free).index("t0")]
    error = float(np.sqrt(variance)) if variance > 0 else np.nan
    return _row(
        parameters | {"t0_other": np.nan, "dchisq_other": np.nan},
        list(solution.free),
        solution.covariance,
        chisq=solution.chisq,
        n_points=solution.n_points,
        bands=bands,
        late=count - solution.n_points,
        peak=(values["t0"], error),
    )


def _row(
    parameters: Mapping[str, float],
    free: list[str],
    covariance: Floats,
    *,
    chisq: float,
    n_points: int,
    bands: str,
    late: int,
    peak: tuple[float, float],
    doubts: Sequence[str] = (),
    known: str = "",
) -> Fit:
    ndof = n_points - len(free)
    variance = np.diag(covariance)
    errors = dict(zip(free, np.sqrt(np.where(variance > 0, variance, np.nan)), strict=True))
    reason = f"chi2 {chisq:.1f} for {ndof} degrees of freedom, z "
    z = parameters["z"]
    reason += f"free, {z:.3f}" if "z" in free else f"fixed to {z:.4f}"
    if np.isfinite(parameters["dchisq_other"]):
        reason += (
            f"; another valley peaks {parameters['t0_other'] - parameters['t0']:+.1f} d from the "
            f"best, worse by {parameters['dchisq_other']:.1f}"
        )
    if ndof <= 0:
        doubts = ["no degrees of freedom, so that nothing tells whether it fits", *doubts]
    reason += "".join(f"; {words}" for words in (*doubts, known) if words)
    if late:
        reason += f"; {late} points later than {LAST_PHASE:.0f} d (rest frame) left out"
    return Fit(
        OK,
        reason,
        t_peak=peak[0],
        t_peak_err=peak[1],
        chisq=chisq,
        ndof=float(ndof),
        n_points=float(n_points),
        bands=bands,
        parameters={name: float(value) for name, value in parameters.items()},
        errors={name: float(error) for name, error in errors.items()},
        covariance=covariance.tolist(),
    )
