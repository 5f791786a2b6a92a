"""One SALT fit at a time by sncosmo itself: the truth with which faster engines are compared.

Fits run in processes of their own, each with a time limit: one that hangs costs only itself.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aas2rto import data
from aas2rto.errors import ModelError
from aas2rto.guard import Outcome
from aas2rto.models.lightcurves import LightCurves
from aas2rto.models.pool import cores, run_limited
from aas2rto.models.progress import Progress
from aas2rto.tables.photometry import AB_ZERO_POINT

Floats = NDArray[np.float64]

R_V = 3.1
"""Ratio of total to selective extinction of the Milky Way (Fitzpatrick 1999)."""

FREE = ("t0", "x0", "x1", "c")
MIN_POINTS = 5
"""A fit is not repeated with fewer points than free parameters."""
T0_STARTS = (0.0, -8.0, 8.0)
"""Offsets [d] of the starts from the brightest point: sncosmo's own single start misses the best
minimum in 3 % of the fits with fixed redshift and in a quarter of those with free redshift."""
STEPS = {"z": 1e-4, "t0": 0.02, "x1": 0.02, "c": 0.005}
"""Steps of the numerical derivatives, far below the errors of any fit; x0 moves by a thousandth."""


@dataclass(frozen=True)
class Points:
    """The light curve of one candidate; units as in :mod:`aas2rto.tables.photometry`."""

    mjd: Floats
    flux: Floats
    flux_err: Floats
    bands: Sequence[str]


@dataclass(frozen=True)
class Solution:
    """Best parameters and their covariance, in the order of `free`."""

    parameters: dict[str, float]
    free: tuple[str, ...]
    covariance: Floats
    chisq: float
    n_points: int


@dataclass(frozen=True)
class Task:
    """What one fit needs, small enough to send to another process."""

    source: str
    points: Points
    redshift: float
    ebv: float
    z_range: tuple[float, float]
    min_points: int
    guess: bool = False


class SncosmoEngine:
    """Fits candidates one by one with `sncosmo.fit_lc`.

    Parameters
    ----------
    source : str
        See `aas2rto.data.salt_source`.
    z_range : (float, float)
        Where a free redshift may be.
    time_limit : float
        Longest time of one fit [s].
    workers : int
        Processes; 0 takes one for each core.
    guess : bool
        Start once, where sncosmo guesses, in place of several times.
    """

    def __init__(
        self,
        source: str,
        z_range: tuple[float, float],
        *,
        time_limit: float,
        workers: int = 0,
        guess: bool = False,
    ) -> None:
        self.source = source
        self.z_range = z_range
        self.guess = guess
        self.time_limit = time_limit
        self.workers = workers or cores()

    def fit(self, curves: LightCurves, chosen: NDArray[np.bool_]) -> dict[int, Outcome[Solution]]:
        """Fit the chosen candidates; answer by their place, whatever happens to each."""
        places = [int(i) for i in np.flatnonzero(chosen)]
        outcomes = run_limited(
            fit_task,
            [self._task(curves, i) for i in places],
            part="model salt",
            subjects=[str(curves.candidate_id[i]) for i in places],
            seconds=self.time_limit,
            workers=self.workers,
            progress=Progress("SALT fits by sncosmo", len(places)),
        )
        return dict(zip(places, outcomes, strict=True))

    def _task(self, curves: LightCurves, i: int) -> Task:
        rows = slice(curves.start[i], curves.start[i + 1])
        names = [curves.bands[code] for code in curves.band[rows]]
        points = Points(curves.mjd[rows], curves.flux[rows], curves.flux_err[rows], names)
        redshift, ebv = float(curves.redshift[i]), float(curves.ebv[i])
        return Task(self.source, points, redshift, ebv, self.z_range, MIN_POINTS, self.guess)


def fit_task(task: Task) -> Solution:
    """Fit one candidate; then once more without points after the surfaces' last phase, if any."""
    dusty = _model(task.source)
    z_range = None if np.isfinite(task.redshift) else task.z_range
    begin = [None] if task.guess else starts(task.points, task.redshift, task.z_range)
    if task.guess:
        dusty.set(z=task.redshift if z_range is None else np.mean(z_range))
    solution = fit_one(dusty, task.points, begin, ebv=task.ebv, z_range=z_range)
    early = before_the_end(task.points, solution, dusty.source.maxphase())
    if task.min_points <= early.mjd.size < task.points.mjd.size:
        found = Start(**{name: solution.parameters[name] for name in ("z", "t0", "x1", "c")})
        solution = fit_one(dusty, early, [found], ebv=task.ebv, z_range=z_range)
    return solution


@functools.cache
def _model(source: str) -> Any:
    return model_with_dust(data.salt_source(source))


def before_the_end(points: Points, solution: Solution, last_phase: float) -> Points:
    """Return the points up to the last phase of the surfaces, where SALT drops to zero."""
    phase = (points.mjd - solution.parameters["t0"]) / (1 + solution.parameters["z"])
    keep = phase <= last_phase
    names = [name for name, kept in zip(points.bands, keep, strict=True) if kept]
    return Points(points.mjd[keep], points.flux[keep], points.flux_err[keep], names)


def model_with_dust(source: Any) -> Any:
    """Return an `sncosmo.Model` of `source` behind Milky Way dust (F99, observer frame)."""
    import sncosmo  # noqa: PLC0415  costs more than a second

    return sncosmo.Model(
        source,
        effects=[sncosmo.F99Dust(r_v=R_V)],
        effect_names=["mw"],
        effect_frames=["obs"],
    )


@dataclass(frozen=True)
class Start:
    """Where a minimisation begins; t0 as MJD [d]."""

    z: float
    t0: float
    x1: float = 0.0
    c: float = 0.0


def starts(points: Points, redshift: float, z_range: tuple[float, float]) -> list[Start]:
    """Return the starts of a blind fit: about the brightest point, and across `z_range`."""
    redshifts = [redshift] if np.isfinite(redshift) else np.quantile(z_range, [0.25, 0.5, 0.75])
    brightest = _brightest(points)
    return [Start(float(z), brightest + offset) for z in redshifts for offset in T0_STARTS]


def fit_one(
    model: Any,
    points: Points,
    begin: Sequence[Start | None],
    *,
    ebv: float,
    z_range: tuple[float, float] | None,
) -> Solution:
    """Minimise chi2 from each start and return the best.

    Parameters
    ----------
    model : sncosmo.Model
        As `model_with_dust` makes it.
    points : Points
        At least as many as free parameters.
    begin : sequence of Start or None
        See `starts`; None is where `sncosmo.fit_lc` guesses itself.
    ebv : float
        Milky Way E(B-V) [mag].
    z_range : (float, float) or None
        Lowest and highest redshift; None keeps it fixed at that of the start.

    Raises
    ------
    ModelError
        If no start leads to a minimum.
    """
    model.set(mwebv=ebv)
    free = FREE if z_range is None else ("z", *FREE)
    bounds = {} if z_range is None else {"z": z_range}
    answers = [
        answer
        for start in begin
        if (answer := _from_start(model, points, free, start, bounds)) is not None
    ]
    if not answers:
        raise ModelError("no start led to a minimum")
    result, fitted = min(answers, key=lambda answer: answer[0].chisq)
    values = dict(zip(fitted.param_names, map(float, fitted.parameters), strict=True))
    slope = slopes(fitted, free, points.bands, points.mjd) / points.flux_err
    covariance: Floats = np.asarray(np.linalg.pinv(slope @ slope.T, hermitian=True), dtype=float)
    return Solution(values, free, covariance, float(result.chisq), points.mjd.size)


def _from_start(
    model: Any, points: Points, free: tuple[str, ...], start: Start | None, bounds: dict[str, Any]
) -> tuple[Any, Any] | None:
    """Run sncosmo from one start; None where it finds nothing finite."""
    import sncosmo  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if start is None:
            model.set(x1=0.0, c=0.0)
        else:
            model.set(z=start.z, t0=start.t0, x0=1.0, x1=start.x1, c=start.c)
            model.set(x0=_amplitude(model, points))
        guesses = start is None
        try:
            result, fitted = sncosmo.fit_lc(
                _as_table(points),
                model,
                list(free),
                bounds=bounds,
                guess_amplitude=guesses,
                guess_t0=guesses,
                guess_z=guesses,
                warn=False,
            )
        except (RuntimeError, ValueError):
            return None
    return (result, fitted) if np.isfinite(result.chisq) else None


def slopes(model: Any, free: Sequence[str], bands: Sequence[str], mjd: Floats) -> Floats:
    """Return the derivatives of the flux by the free parameters, shape (free, times)."""
    values = dict(zip(model.param_names, map(float, model.parameters), strict=True))
    flux = model_flux(model, bands, mjd)
    answer = np.empty((len(free), mjd.size))
    for row, name in enumerate(free):
        step = STEPS.get(name, 1e-3 * abs(values[name]) or 1e-12)
        model.set(**{name: values[name] + step})
        answer[row] = (model_flux(model, bands, mjd) - flux) / step
        model.set(**{name: values[name]})
    return answer


def _brightest(points: Points) -> float:
    """Return the time of the most significant high point [d]."""
    strong = points.flux > 3.0 * points.flux_err
    flux = np.where(strong, points.flux, -np.inf) if strong.any() else points.flux
    return float(points.mjd[np.argmax(flux)])


def _amplitude(model: Any, points: Points) -> float:
    """Return the x0 that fits best at the model's other parameters; it is linear."""
    shape = model_flux(model, points.bands, points.mjd)
    weight = points.flux_err**-2
    norm = float(np.sum(weight * shape**2))
    best = float(np.sum(weight * shape * points.flux)) / norm if norm > 0 else 0.0
    return (
        best if best > 0 else float(np.max(np.abs(points.flux))) / max(float(shape.max()), 1e-300)
    )


def _as_table(points: Points) -> dict[str, Any]:
    """Return the columns that sncosmo reads: uJy are fluxes with AB zero point 23.9."""
    return {
        "time": points.mjd,
        "band": np.array([data.bandpass(name) for name in points.bands], dtype=object),
        "flux": points.flux,
        "fluxerr": points.flux_err,
        "zp": np.full(points.mjd.size, AB_ZERO_POINT),
        "zpsys": np.full(points.mjd.size, "ab"),
    }


def model_flux(model: Any, bands: Sequence[str], mjd: Floats) -> Floats:
    """Return the model's flux [uJy] of each (band, time); NaN where it does not reach."""
    flux = np.full(mjd.size, np.nan)
    names = np.asarray(bands, dtype=object)
    for name in set(bands):
        rows = np.flatnonzero(names == name)
        rows = rows[np.argsort(mjd[rows], kind="stable")]
        band = data.bandpass(name)
        if band.minwave() < model.minwave() or band.maxwave() > model.maxwave():
            continue
        flux[rows] = model.bandflux(band, mjd[rows], zp=AB_ZERO_POINT, zpsys="ab")
    return flux
