"""SALT2 and SALT3 fits: when a candidate peaks, if it is a SN Ia."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import PositiveInt

from aas2rto import data
from aas2rto.errors import ModelError
from aas2rto.models import calibration as learnt
from aas2rto.models import model
from aas2rto.models.fit_table import Fit, fit_table, not_enough
from aas2rto.models.lightcurves import LightCurves, pack
from aas2rto.models.priors import NONE, Priors
from aas2rto.models.salt_batched import BatchedEngine
from aas2rto.models.salt_results import LAST_PHASE, from_batch, from_sncosmo
from aas2rto.models.sncosmo_engine import SncosmoEngine, model_flux, model_with_dust, slopes
from aas2rto.tables import photometry as phot
from aas2rto.units import Second

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FAR = 3000.0
"""Points farther than this from the median time of a candidate's points are left out [d]: no
supernova lasts as long, and a scan over all time between costs as much as a thousand fits."""


@model("salt")
class Salt:
    """SALT light-curve model of SNe Ia, with Milky Way dust and priors.

    F(p, lambda) = x0 (M0(p, lambda) + x1 M1(p, lambda)) exp(c CL(lambda)) (Guy et al. 2007;
    Kenworthy et al. 2021), behind F99 dust with R_V = 3.1 in the observer's frame.

    Parameters
    ----------
    source : str
        ``salt3`` (F22, packaged), a model folder, or a name in sncosmo's data folder
        (``salt2``, ``salt2@2.4``).
    min_detections : int
        Candidates with fewer are not tried; five is the number of free parameters
        (A&A 698, A153, Sect. 3.1).
    redshift : (float, float)
        Where it may be if the candidate's is unknown; 0.2 is about as far as ZTF sees SNe Ia.
    priors : Priors or "none"
        What is known of SNe Ia before the fit; ``none`` gives the lowest chi2 of all. (The paper
        took what `sncosmo.fit_lc` finds from its one start, which is nearer to the truth.)
    model_error : bool or None
        Whether the scatter of real SNe Ia about the surfaces, as found in their training, is
        added to the errors of the data. None: with priors only, so that ``priors: none`` is a
        plain chi2, as in the paper.
    calibration : str or None
        What was learnt of the errors of alerts and forced photometry, of the early rise and of
        peaks: a set of ``data/salt_calibration.yaml``, or ``none``. None: ``all`` for SALT3-F22
        with the model's error, else ``none``.
    non_detections : str
        ``one_sided``: a limit without a flux pulls where the model is brighter than it.
        ``ignore``: as the paper. Forced photometry is used as it is in both.
    robust : bool
        Whether points beyond three sigma pull with constant force only (Huber 1964).
    engine : str
        ``batched``: all candidates in compiled code. ``sncosmo``: `sncosmo.fit_lc` from several
        starts, one candidate at a time and without priors; it stays the truth.
    starts : str
        Of the engine ``sncosmo``: ``several``, the best of which counts, or ``one``, where
        `sncosmo.fit_lc` guesses, as A&A 698, A153 (2025) ran it: often another minimum.
    time_limit : float
        Longest time of one fit by sncosmo [s]; the batched engine needs none.
    workers : int
        Threads or processes; 0 is one for each core.
    """

    PARAMETERS: ClassVar = (
        "z",
        "t0",
        "x0",
        "x1",
        "c",
        "mB",
        "ebv",
        "objective",
        "t0_other",
        "dchisq_other",
    )
    """Names of the parameters in the fit table."""

    def __init__(  # noqa: PLR0913  all keyword-only settings
        self,
        *,
        source: str = "salt3",
        min_detections: PositiveInt = 5,
        redshift: tuple[float, float] = (0.0, 0.2),
        priors: Priors | Literal["none"] = Priors(),  # noqa: B008  frozen
        model_error: bool | None = None,
        calibration: str | None = None,
        non_detections: Literal["one_sided", "ignore"] = "one_sided",
        robust: bool = False,
        engine: Literal["batched", "sncosmo"] = "batched",
        starts: Literal["several", "one"] = "several",
        time_limit: Second = 60.0,
        workers: int = 0,
    ) -> None:
        if not 0 <= redshift[0] < redshift[1]:
            raise ModelError(
                f"salt: redshift {list(redshift)} is no range; "
                "give [low, high] with 0 <= low < high"
            )
        self.source_name = source
        self.min_detections = min_detections
        self.z_range = redshift
        self.priors = None if priors == NONE or isinstance(priors, str) else priors
        self.model_error = self.priors is not None if model_error is None else model_error
        trusted = self.model_error and source == "salt3"
        self.learnt = learnt.calibration(calibration or ("all" if trusted else learnt.NONE))
        self.non_detections = non_detections
        self.robust = robust
        self.engine = engine
        self.starts = starts
        self.time_limit = time_limit
        self.workers = workers
        self._batched: BatchedEngine | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Go to another process without the engine, which is set up again there on first use."""
        return {**self.__dict__, "_batched": None}

    def _source(self) -> Any:
        return data.salt_source(self.source_name)

    def _engine(self) -> BatchedEngine:
        """Set up the batched engine on first use: its tables take a moment."""
        if self._batched is None:
            self._batched = BatchedEngine(
                self._source(),
                self.priors,
                self.z_range,
                model_error=1.0 if self.model_error else 0.0,
                learnt=self.learnt,
                huber=3.0 if self.robust else 0.0,
                workers=self.workers,
            )
        return self._batched

    def prepare(self, bands: Sequence[str] = ()) -> None:
        """Compile the batched engine and make the tables of `bands`, unless both are kept."""
        nobody = pd.DataFrame({"candidate_id": pd.Series([], dtype="str")})
        curves = replace(pack(phot.empty(), nobody, data.has_bandpass), bands=tuple(bands))
        none = np.zeros(0, dtype=bool)
        self._engine().fit(curves, none, none)

    def fit(self, photometry: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
        """Fit every candidate; see `aas2rto.models.Model`.

        Returns
        -------
        DataFrame
            Parameters: ``z, t0 [d, MJD UTC], x0, x1, c`` of the best fit, ``mB [mag]``,
            ``ebv [mag]``, ``objective`` (chi2 - 2 ln prior), and ``t0_other, dchisq_other``: the
            peak of the next best valley and how much worse it is, NaN if there is none within 9.
            ``t_peak`` is the mean of t0 over all valleys where they are wide or many, else t0.
        """
        one_sided = self.engine == "batched" and self.non_detections == "one_sided"
        curves = pack(photometry, candidates, data.has_bandpass, limits=one_sided)
        curves = self._within_range(curves)
        detections = curves.count(curves.detection)
        chosen = detections >= self.min_detections
        fits = self._fit_chosen(curves, chosen)
        return fit_table(
            curves.candidate_id,
            [
                fits[i]
                if chosen[i]
                else not_enough(int(found), self.min_detections, str(curves.left_out[i]))
                for i, found in enumerate(detections)
            ],
        )

    def _fit_chosen(self, curves: LightCurves, chosen: Flags) -> dict[int, Fit]:
        if not chosen.any():
            return {}
        if self.engine == "sncosmo":
            engine = SncosmoEngine(
                self.source_name,
                self.z_range,
                time_limit=self.time_limit,
                workers=self.workers,
                guess=self.starts == "one",
            )
            return from_sncosmo(engine.fit(curves, chosen), curves)
        batch, used = self._fit_batched(curves, chosen)
        return from_batch(batch, used, curves, chosen)

    def _fit_batched(self, curves: LightCurves, chosen: Flags) -> tuple[Any, LightCurves]:
        """Fit all; then once more without the points after the surfaces' last phase, if any."""
        engine = self._engine()
        # Only then can a point lie beyond the last phase of a fit that has points around its peak.
        long = np.zeros(len(curves), dtype=bool)
        long[chosen] = curves.span[chosen] > LAST_PHASE - 10.0
        batch = engine.fit(curves, chosen, long)
        phase = curves.mjd - batch.values[curves.owner, 0]
        late = phase / (1 + batch.values[curves.owner, 4]) > LAST_PHASE
        early = curves.only(~late)
        again = chosen & (curves.count(late) > 0)
        again &= early.count(early.detection) >= min(self.min_detections, 3)
        if not again.any():
            return batch, curves
        batch.replace(engine.fit(early, again, long), again)
        return batch, curves.only(~late | ~again[curves.owner])

    def _within_range(self, curves: LightCurves) -> LightCurves:
        """Leave out points that no fit can use, and say so.

        Those are points in bands that the surfaces do not cover at the candidate's redshift, and
        points years from the rest.
        """
        inside = self._engine().covered(curves)
        for i in np.flatnonzero(curves.count(~inside)).tolist():
            rows = slice(curves.start[i], curves.start[i + 1])
            names = sorted({curves.bands[k] for k in curves.band[rows][~inside[rows]]})
            curves.leave_out(
                i,
                f"{int((~inside[rows]).sum())} in bands beyond the model's wavelengths "
                f"({', '.join(names)})",
            )
        curves = curves.only(inside)
        near = curves.from_median() < FAR
        for i, n in enumerate(curves.count(~near).tolist()):
            if n:
                curves.leave_out(i, f"{n} more than {FAR:.0f} d from the median of the others")
        return curves.only(near)

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

    @staticmethod
    def draws(fit: Mapping[str, Any], n: int, *, seed: int) -> pd.DataFrame:
        """Draw from the posterior of a fit, in Laplace's approximation.

        Parameters
        ----------
        fit : mapping
            One row of the fit table.
        n : int
            Number of draws.
        seed : int
            The same seed gives the same draws.

        Returns
        -------
        DataFrame
            One column per free parameter. It knows the best valley only; ``t_peak_err`` of the
            fit knows them all.
        """
        free = list(fit["errors"])
        centre = [fit["parameters"][name] for name in free]
        covariance = np.array(fit["covariance"], dtype=float).reshape(len(free), len(free))
        rng = np.random.default_rng(seed)
        values = rng.multivariate_normal(centre, covariance, size=n, method="eigh")
        return pd.DataFrame(values, columns=free)
