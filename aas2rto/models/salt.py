"""SALT2 and SALT3 fits: when a candidate peaks, if it is a SN Ia."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto import data
from aas2rto.errors import ModelError
from aas2rto.guard import attempt
from aas2rto.models import OK, model
from aas2rto.models.fit_table import Fit, failed, fit_table, not_enough
from aas2rto.models.lightcurves import LightCurves, pack
from aas2rto.models.sncosmo_engine import (
    Points,
    Solution,
    Start,
    covered,
    fit_one,
    model_flux,
    model_with_dust,
    slopes,
    starts,
)

Floats = NDArray[np.float64]

MB_OFFSET = 10.5
"""m_B = -2.5 log10(x0) + 10.5 (Kenworthy et al. 2021)."""
LAST_PHASE = 50.0
"""Last rest-frame day of SALT's surfaces; later points say nothing about its parameters."""


@model("salt")
class Salt:
    """SALT light-curve model of SNe Ia, with Milky Way dust.

    F(p, lambda) = x0 (M0(p, lambda) + x1 M1(p, lambda)) exp(c CL(lambda)) (Guy et al. 2007;
    Kenworthy et al. 2021), behind F99 dust with R_V = 3.1 in the observer's frame.

    Parameters
    ----------
    source : str
        ``salt3`` (F22, packaged), a model folder, or a name in sncosmo's data folder (``salt2``).
    min_detections : int
        Candidates with fewer are not tried; five is the number of free parameters
        (A&A 698, A153, Sect. 3.1).
    redshift : (float, float)
        Where it may be if the candidate's is unknown; 0.2 is about as far as ZTF sees SNe Ia.
    engine : str
        ``sncosmo``: `sncosmo.fit_lc` from several starts, one candidate at a time.
    """

    PARAMETERS: ClassVar = ("z", "t0", "x0", "x1", "c", "mB", "ebv")

    def __init__(
        self,
        *,
        source: str = "salt3",
        min_detections: int = 5,
        redshift: tuple[float, float] = (0.0, 0.2),
        engine: Literal["sncosmo"] = "sncosmo",
    ) -> None:
        if not 0 <= redshift[0] < redshift[1]:
            raise ModelError(
                f"salt: redshift {list(redshift)} is no range; "
                "give [low, high] with 0 <= low < high"
            )
        self.source_name = source
        self.min_detections = min_detections
        self.z_range = redshift
        self.engine = engine

    def _source(self) -> Any:
        return data.salt_source(self.source_name)

    def fit(self, photometry: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
        """Fit every candidate; see `aas2rto.models.Model`.

        Returns
        -------
        DataFrame
            Parameters: ``z, t0 [d, MJD UTC], x0, x1, c, mB [mag], ebv [mag]``.
        """
        curves = self._within_range(pack(photometry, candidates, data.has_bandpass))
        detections = curves.count(curves.detection)
        dusty = model_with_dust(self._source())
        fits = [
            not_enough(int(found), self.min_detections, str(curves.left_out[i]))
            if found < self.min_detections
            else self._fit_guarded(dusty, curves, i)
            for i, found in enumerate(detections)
        ]
        return fit_table(curves.candidate_id, fits)

    def _within_range(self, curves: LightCurves) -> LightCurves:
        """Leave out points whose band the surfaces do not cover at the candidate's redshift."""
        source = self._source()
        inside = np.ones(curves.mjd.size, dtype=bool)
        redshift = curves.redshift[curves.owner]
        free = np.isnan(redshift)
        for code, name in enumerate(curves.bands):
            mine = curves.band == code
            inside[mine & free] = covered(source, name, self.z_range)
            band = data.bandpass(name)
            known = mine & ~free
            inside[known] = (band.minwave() >= source.minwave() * (1 + redshift[known])) & (
                band.maxwave() <= source.maxwave() * (1 + redshift[known])
            )
        for i in np.flatnonzero(curves.count(~inside)):
            rows = slice(curves.start[i], curves.start[i + 1])
            names = sorted({curves.bands[k] for k in curves.band[rows][~inside[rows]]})
            comma = ", " if curves.left_out[i] else ""
            curves.left_out[i] += (
                f"{comma}{int((~inside[rows]).sum())} in bands beyond the model's wavelengths "
                f"({', '.join(names)})"
            )
        return curves.only(inside)

    def _fit_guarded(self, dusty: Any, curves: LightCurves, i: int) -> Fit:
        subject = str(curves.candidate_id[i])
        outcome = attempt("model salt", lambda: self._fit_one(dusty, curves, i), subject=subject)
        if outcome.value is not None:
            return outcome.value
        why = outcome.failure.error if outcome.failure else "no answer"
        count = int(curves.start[i + 1] - curves.start[i])
        return failed(why, n_points=count, bands=curves.band_names(i))

    def _fit_one(self, dusty: Any, curves: LightCurves, i: int) -> Fit:
        rows = slice(curves.start[i], curves.start[i + 1])
        names = np.array(curves.bands, dtype=object)[curves.band[rows]]
        points = Points(curves.mjd[rows], curves.flux[rows], curves.flux_err[rows], names.tolist())
        redshift, ebv = float(curves.redshift[i]), float(curves.ebv[i])
        z_range = None if np.isfinite(redshift) else self.z_range
        begin = starts(points, redshift, self.z_range)
        solution = fit_one(dusty, points, begin, ebv=ebv, z_range=z_range)
        early = _before_the_end(points, solution)
        if self.min_detections <= early.mjd.size < points.mjd.size:
            found = Start(**{name: solution.parameters[name] for name in ("z", "t0", "x1", "c")})
            solution = fit_one(dusty, early, [found], ebv=ebv, z_range=z_range)
        late = points.mjd.size - solution.n_points
        return _as_fit(solution, curves.band_names(i), late)

    def light_curve(
        self, fit: Mapping[str, Any], bands: Sequence[str], mjd: NDArray[Any]
    ) -> pd.DataFrame:
        """Evaluate a fit; see `aas2rto.models.Model`.

        The interval follows from the covariance of the free parameters, to first order. Flux is
        NaN in bands that have no passband or that the surfaces do not cover.
        """
        times = np.asarray(mjd, dtype=float)
        known = [band for band in bands if data.has_bandpass(band)]
        names = [band for band in bands for _ in times]
        flux, error = np.full((2, len(names)), np.nan)
        inside = np.isin(names, known)
        flux[inside], error[inside] = self._flux_and_error(
            fit, [name for name in names if name in known], np.tile(times, len(known))
        )
        return pd.DataFrame(
            {
                "band": names,
                "mjd": np.tile(times, len(bands)),
                "flux": flux,
                "flux_low": flux - error,
                "flux_high": flux + error,
            }
        )

    def _flux_and_error(
        self, fit: Mapping[str, Any], bands: list[str], mjd: Floats
    ) -> tuple[Floats, Floats]:
        parameters, free = fit["parameters"], list(fit["errors"])
        dusty = model_with_dust(self._source())
        dusty.set(**{name: parameters[name] for name in ("z", "t0", "x0", "x1", "c")})
        dusty.set(mwebv=parameters["ebv"])
        flux = model_flux(dusty, bands, mjd)
        slope = slopes(dusty, free, bands, mjd)
        covariance = np.array(fit["covariance"], dtype=float).reshape(len(free), len(free))
        variance = np.einsum("ij,ik,kj->j", slope, covariance, slope)
        return flux, np.sqrt(np.clip(variance, 0.0, None))


def _before_the_end(points: Points, solution: Solution) -> Points:
    """Return the points up to the last phase of the surfaces, where SALT drops to zero."""
    phase = (points.mjd - solution.parameters["t0"]) / (1 + solution.parameters["z"])
    keep = phase <= LAST_PHASE
    names = np.array(points.bands, dtype=object)[keep]
    return Points(points.mjd[keep], points.flux[keep], points.flux_err[keep], names.tolist())


def _as_fit(solution: Solution, bands: str, late: int) -> Fit:
    """Turn a solution into a row, or into a failure if it makes no sense."""
    values, free = solution.parameters, solution.free
    if not values["x0"] > 0:
        why = f"best amplitude x0 = {values['x0']:.3g} is not positive"
        return failed(why, n_points=solution.n_points, bands=bands)
    variance = np.diag(solution.covariance)
    errors = dict(zip(free, np.sqrt(np.where(variance > 0, variance, np.nan)), strict=True))
    ndof = solution.n_points - len(free)
    parameters = {
        **{name: values[name] for name in ("z", "t0", "x0", "x1", "c")},
        "mB": -2.5 * np.log10(values["x0"]) + MB_OFFSET,
        "ebv": values["mwebv"],
    }
    reason = f"chi2 {solution.chisq:.1f} for {ndof} degrees of freedom, z "
    reason += f"free, {values['z']:.3f}" if "z" in free else f"fixed to {values['z']:.4f}"
    if late:
        reason += f"; {late} points later than {LAST_PHASE:.0f} d (rest frame) left out"
    return Fit(
        OK,
        reason,
        t_peak=values["t0"],
        t_peak_err=float(errors["t0"]),
        chisq=solution.chisq,
        ndof=float(ndof),
        n_points=float(solution.n_points),
        bands=bands,
        parameters=parameters,
        errors={name: float(error) for name, error in errors.items()},
        covariance=solution.covariance.tolist(),
    )
