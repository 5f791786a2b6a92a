"""Bazin fits: when a candidate peaks, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.models import OK, model
from aas2rto.models.calibration import calibration
from aas2rto.models.fit_table import Fit, failed, fit_table, not_enough
from aas2rto.models.lightcurves import LightCurves, pack
from aas2rto.models.pool import cores
from aas2rto.models.progress import Progress
from aas2rto.tables.photometry import BANDS
from aas2rto.units import Day

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NAMES = ("A", "t0", "tau_rise", "tau_fall", "q")
FOUR = 4
NO_PRIOR = np.zeros(4)
CHUNK = 32


@dataclass(frozen=True)
class BandFit:
    """One band of one candidate: parameters A, t0, tau_rise, tau_fall, q and their covariance."""

    band: str
    values: Floats
    covariance: Floats
    peak: float
    peak_err: float
    chisq: float
    n_points: int


@model("bazin")
class Bazin:
    """Bazin's function in each band, and the peak of the bands together.

    F(t) = A exp(-(t - t0) / tau_fall) / (1 + exp(-(t - t0) / tau_rise)) + q (A&A 698, A153,
    Eq. 3, after Bazin et al. 2009); t_peak = t0 + tau_rise ln(tau_fall / tau_rise - 1) (Eq. 4),
    which needs tau_fall > tau_rise. The peaks of the bands are averaged by inverse variance.

    Parameters
    ----------
    min_detections : int
        A band with fewer is not tried; four is the number of free parameters.
    baseline : str
        ``none`` keeps q at 0, where a difference image should have it; ``free`` is Eq. 3.
    t0 : str
        ``per_band``: each band by itself. ``shared``: one t0 in all bands, for sparse ones.
    max_peak_err : float
        A peak whose error [d] is larger counts as not constrained, such as while the light curve
        only rises.
    workers : int
        Threads; 0 is one for each core.
    """

    PARAMETERS: ClassVar = tuple(
        f"{name}_{band}" for name in (*NAMES, "t_peak", "t_peak_err") for band in BANDS
    )

    def __init__(
        self,
        *,
        min_detections: int = 4,
        baseline: Literal["none", "free"] = "none",
        t0: Literal["per_band", "shared"] = "per_band",
        max_peak_err: Day = 10.0,
        workers: int = 0,
    ) -> None:
        self.min_detections = min_detections
        self.baseline = baseline
        self.shared = t0 == "shared"
        self.workers = workers or cores()
        self.max_peak_err = max_peak_err

    def fit(self, photometry: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
        """Fit every candidate; see `aas2rto.models.Model`.

        Returns
        -------
        DataFrame
            Parameters, for each band: ``A_<band>`` [uJy], ``t0_<band>`` [d, MJD UTC],
            ``tau_rise_<band>, tau_fall_<band>`` [d], ``q_<band>`` [uJy], and
            ``t_peak_<band>, t_peak_err_<band>`` [d].
        """
        # Bazin's function needs no passband: any band can be fitted.
        curves = pack(photometry, candidates, lambda _: True)
        bands = _by_band(curves)
        detections = np.bincount(bands.piece[curves.detection], minlength=len(bands.owner))
        fits_of: dict[int, list[BandFit]] = {}
        for owner, fitted in self._fit_bands(curves, bands, detections >= self.min_detections):
            fits_of.setdefault(owner, []).append(fitted)
        best = np.zeros(len(curves), dtype=int)
        np.maximum.at(best, bands.owner, detections)
        return fit_table(
            curves.candidate_id,
            [
                self._combine(fits_of[i])
                if i in fits_of
                else not_enough(int(best[i]), self.min_detections, str(curves.left_out[i]))
                for i in range(len(curves))
            ],
        )

    def _fit_bands(
        self, curves: LightCurves, bands: _Bands, tried: NDArray[np.bool_]
    ) -> list[tuple[int, BandFit]]:
        """Fit the tried bands of all candidates in one call of the kernel."""
        from aas2rto.models.compiled import bazin as kernel  # noqa: PLC0415  numba takes a while
        from aas2rto.models.compiled.jit import in_threads, prepare  # noqa: PLC0415

        pieces = np.flatnonzero(tried)
        key = bands.owner[pieces] if self.shared else pieces
        first = np.flatnonzero(np.diff(key, prepend=-1))
        problem = np.cumsum(np.diff(key, prepend=-1) != 0) - 1
        local = np.arange(pieces.size) - first[problem]
        number = np.full(len(bands.owner), -1)
        number[pieces] = np.arange(pieces.size)
        order = bands.order[number[bands.piece[bands.order]] >= 0]
        piece = number[bands.piece[order]]
        n, most = first.size, int(local.max(initial=0)) + 1
        start = np.searchsorted(problem[piece], np.arange(n + 1)).astype(np.int64)
        free_q = self.baseline == "free"
        weight = curves.calibrated(calibration("all"))
        data = (curves.mjd[order], curves.flux[order], weight[order], local[piece])
        batch = kernel.Pieces(start, *data, self.shared, free_q)
        shapes = ((n, most, 5), (n, most, 5, 5), (n, most))
        answers = kernel.Answers(*(np.full(shape, np.nan) for shape in shapes))

        def run(begin: int, end: int) -> None:
            kernel.fit_many(begin, end, batch, NO_PRIOR, answers)

        prepare(kernel.fit_many, lambda: run(0, 0), "the Bazin fit")
        counted = Progress("Bazin fits", n).counting(run)
        in_threads(counted, n, workers=self.workers, chunk=CHUNK)
        values, covariance = answers.values[problem, local], answers.covariance[problem, local]
        chisq = answers.chisq[problem, local]
        count = np.bincount(piece, minlength=pieces.size)
        names = [curves.bands[k] for k in bands.band[pieces]]
        fits = _band_fits(names, values, covariance, chisq, count, FOUR + 1 if free_q else FOUR)
        return list(zip(bands.owner[pieces].tolist(), fits, strict=True))

    def _combine(self, bands: list[BandFit]) -> Fit:
        """Average the peaks of the bands; a scatter beyond the errors widens the error."""
        n_points = float(sum(band.n_points for band in bands))
        names = " ".join(band.band for band in bands)
        good = [b for b in bands if b.values[0] > 0 and 0 < b.peak_err <= self.max_peak_err]
        if not good:
            why = ", ".join(f"{b.band} {b.peak:.1f} +- {b.peak_err:.1f}" for b in bands)
            return failed(
                f"no band constrains its peak to {self.max_peak_err:g} d ({why})",
                n_points=n_points,
                bands=names,
            )
        peaks = np.array([band.peak for band in good])
        weight = np.array([band.peak_err for band in good]) ** -2
        peak = float(np.sum(weight * peaks) / np.sum(weight))
        scatter = float(np.sum(weight * (peaks - peak) ** 2)) / max(len(good) - 1, 1)
        error = float(np.sqrt(max(scatter, 1.0) / np.sum(weight)))
        fit = _as_fit(bands, peak, error, n_points, names, self.baseline)
        # A shared t0 was counted once for each band.
        return replace(fit, ndof=fit.ndof + len(bands) - 1) if self.shared else fit

    def light_curve(
        self, fit: Mapping[str, Any], bands: Sequence[str], mjd: NDArray[Any]
    ) -> pd.DataFrame:
        """Evaluate a fit; see `aas2rto.models.Model`. Flux is NaN in bands that were not fitted."""
        times = np.asarray(mjd, dtype=float)
        tables = [self._one_band(fit, band, times) for band in bands]
        empty = pd.DataFrame(columns=["band", "mjd", "flux", "flux_low", "flux_high"])
        return pd.concat(tables, ignore_index=True) if tables else empty

    def _one_band(self, fit: Mapping[str, Any], band: str, mjd: Floats) -> pd.DataFrame:
        values = [fit["parameters"].get(f"{name}_{band}", np.nan) for name in NAMES]
        flux = bazin_flux(np.array(values), mjd)
        free = list(fit["errors"])
        rows = [k for k, name in enumerate(free) if name.endswith(f"_{band}")]
        error = np.full(mjd.size, np.nan)
        if rows:
            covariance = np.array(fit["covariance"])[np.ix_(rows, rows)]
            slope = np.empty((len(rows), mjd.size))
            for k in range(len(rows)):
                step = 1e-4 * max(float(np.sqrt(covariance[k, k])), 1e-6)
                moved = np.array(values)
                moved[k] += step
                slope[k] = (bazin_flux(moved, mjd) - flux) / step
            variance = np.einsum("ij,ik,kj->j", slope, covariance, slope)
            error = np.sqrt(np.clip(variance, 0, None))
        return pd.DataFrame(
            {
                "band": band,
                "mjd": mjd,
                "flux": flux,
                "flux_low": flux - error,
                "flux_high": flux + error,
            }
        )


def bazin_flux(values: Floats, mjd: Floats) -> Floats:
    """Evaluate Bazin's function.

    Parameters
    ----------
    values : ndarray, shape (5,)
        ``A`` [uJy], ``t0`` [d], ``tau_rise``, ``tau_fall`` [d], ``q`` [uJy].
    mjd : ndarray
        [d].

    Examples
    --------
    >>> bazin_flux(np.array([2.0, 10.0, 3.0, 20.0, 0.5]), np.array([10.0])).tolist()
    [1.5]
    """
    amplitude, t0, tau_rise, tau_fall, q = values
    x = mjd - t0
    late = np.maximum(x, 0.0)
    early = np.minimum(x, 0.0)
    # The same quotient, written so that no exponential can overflow on either side of t0.
    after = np.exp(-late / tau_fall) / (1 + np.exp(-late / tau_rise))
    before = np.exp(early / tau_rise - early / tau_fall) / (1 + np.exp(early / tau_rise))
    flux: Floats = amplitude * np.where(x < 0, before, after) + q
    return flux


def peak_time(values: Floats) -> float:
    """Return t0 + tau_rise ln(tau_fall / tau_rise - 1) (A&A 698, A153, Eq. 4)."""
    _, t0, tau_rise, tau_fall, _ = values
    return float(t0 + tau_rise * np.log(tau_fall / tau_rise - 1))


@dataclass(frozen=True)
class _Bands:
    """Light curves cut into pieces of one candidate and band each.

    Parameters
    ----------
    order : ndarray of int, shape (points,)
        Points by candidate, then band, then time.
    piece : ndarray of int, shape (points,)
        Which piece a point belongs to, in the points' own order.
    owner, band : ndarray of int, shape (pieces,)
    """

    order: Ints
    piece: Ints
    owner: Ints
    band: Ints


def _by_band(curves: LightCurves) -> _Bands:
    bands = max(len(curves.bands), 1)
    key = curves.owner * bands + curves.band
    unique, piece = np.unique(key, return_inverse=True)
    return _Bands(np.argsort(key, kind="stable"), piece, unique // bands, unique % bands)


def _band_fits(
    names: list[str], p: Floats, covariance: Floats, chisq: Floats, count: Ints, size: int
) -> list[BandFit]:
    """Turn the kernel's (A, t0, u, v, q) into A, t0, tau_rise, tau_fall, q with their errors."""
    u, v = p[:, 2], p[:, 3]
    tau_rise, extra = np.exp(u), np.exp(v)
    values = np.column_stack([p[:, 0], p[:, 1], tau_rise, tau_rise + extra, p[:, 4]])
    turn = np.tile(np.eye(size), (len(p), 1, 1))
    turn[:, 2, 2], turn[:, 3, 2], turn[:, 3, 3] = tau_rise, tau_rise, extra
    covariance = covariance[:, :size, :size]
    # d t_peak / d (t0, u, v) of t0 + exp(u) (v - u)
    slope = np.zeros((len(p), size))
    slope[:, 1], slope[:, 2], slope[:, 3] = 1.0, tau_rise * (v - u - 1.0), tau_rise
    variance = np.einsum("ni,nij,nj->n", slope, covariance, slope)
    peak_err = np.sqrt(np.where(variance > 0, variance, np.nan)).tolist()
    peak = (p[:, 1] + tau_rise * (v - u)).tolist()  # Eq. 4
    turned = turn @ covariance @ turn.transpose(0, 2, 1)
    columns = (names, values, turned, peak, peak_err, chisq.tolist(), count.tolist())
    return [BandFit(*row) for row in zip(*columns, strict=True)]


def _as_fit(
    bands: list[BandFit], peak: float, error: float, n_points: float, names: str, baseline: str
) -> Fit:
    parameters: dict[str, float] = {}
    errors: dict[str, float] = {}
    free = NAMES if baseline == "free" else NAMES[:FOUR]
    covariance = np.zeros((len(bands) * len(free),) * 2)
    for k, band in enumerate(bands):
        parameters |= {
            f"{n}_{band.band}": float(x) for n, x in zip(NAMES, band.values, strict=True)
        }
        parameters[f"t_peak_{band.band}"] = band.peak
        parameters[f"t_peak_err_{band.band}"] = band.peak_err
        sigma = np.sqrt(np.diag(band.covariance))
        errors |= {f"{n}_{band.band}": float(s) for n, s in zip(free, sigma, strict=True)}
        block = slice(k * len(free), (k + 1) * len(free))
        covariance[block, block] = band.covariance
    chisq = float(sum(band.chisq for band in bands))
    ndof = n_points - len(errors)
    peaks = ", ".join(f"{b.band} {b.peak:.2f} +- {b.peak_err:.2f}" for b in bands)
    return Fit(
        OK,
        f"chi2 {chisq:.1f} for {ndof:.0f} degrees of freedom; peaks: {peaks}",
        t_peak=peak,
        t_peak_err=error,
        chisq=chisq,
        ndof=ndof,
        n_points=n_points,
        bands=names,
        parameters=parameters,
        errors=errors,
        covariance=covariance.tolist(),
    )
