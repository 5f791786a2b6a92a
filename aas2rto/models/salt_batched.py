"""SALT fits of all candidates in one call of compiled code."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.calibration import NONE, Calibration, calibration
from aas2rto.models.lightcurves import LightCurves
from aas2rto.models.pool import cores
from aas2rto.models.priors import Priors, smooth_modulus
from aas2rto.models.progress import Progress
from aas2rto.models.salt_tables import Z_STEP, SaltTables, build_tables

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

Z_MIN = 0.001
"""Lowest redshift of a free fit: 300 km / s, about the peculiar velocity of a galaxy."""
Z_TABLE_MAX = 1.5
X1_BOUND, C_BOUND = 100.0, 10.0
"""Bounds without priors: far beyond any supernova, but finite."""
STARTS_FIXED, STARTS_FREE, STARTS_PLAIN = 2, 3, 5
REDSHIFTS_PRIOR, REDSHIFTS_PLAIN = 8, 7
"""How many valleys are polished, and redshifts scanned. Priors leave few valleys; without them, on
simulated light curves with free redshift, 7 and 5 find what 10 and 6 find, in 0.8 of the time."""
ROUNDS = 2
"""Repetitions with new weights, when the model's own error or robustness is asked for."""
STEP_PRIOR, STEP_PLAIN = 1, 2
"""Steps of the scan in t0 [rest-frame d]: finer where the mean of t0 is taken over it."""
KEPT = 14
CHUNK = 64
PARAMETERS = ("t0", "lnx0", "x1", "c", "z")


@dataclass(frozen=True)
class Batch:
    """Answers for n candidates, in the order t0, ln x0, x1, c, z; NaN where nothing was found.

    Parameters
    ----------
    values : ndarray, shape (n, 5)
    covariance : ndarray, shape (n, 5, 5)
        Laplace's approximation of the posterior; NaN where a parameter is not free.
    objective, chisq : ndarray, shape (n,)
        chi2 - 2 ln prior, and chi2.
    minima : ndarray, shape (n, KEPT, 3)
        Objective, t0 and z of the minima that were polished, in any order; NaN for the rest, and an
        infinite objective for starts that led to one of the others.
    spread : ndarray, shape (n, 2)
        Mean and standard deviation of t0 over all valleys, on the scan's grid of 1 or 2 d.
    has_prior : bool
        Whether these are posteriors.
    bounds : mapping
        Of ``x1, c, z``.
    learnt : Calibration
        What their errors were corrected with, and the errors of peaks are to be.
    """

    values: Floats
    covariance: Floats
    objective: Floats
    chisq: Floats
    minima: Floats
    spread: Floats
    has_prior: bool
    learnt: Calibration
    bounds: Mapping[str, tuple[float, float]]

    def replace(self, other: Batch, where: Flags) -> None:
        """Take the answers of another batch where `where` is true."""
        for name in ("values", "covariance", "objective", "chisq", "minima", "spread"):
            getattr(self, name)[where] = getattr(other, name)[where]


class BatchedEngine:
    """Fits many light curves with one set of surfaces and priors.

    Parameters
    ----------
    source : sncosmo.Source
    priors : Priors or None
        None gives the plain chi2 fit.
    z_range : (float, float)
        Where a free redshift may be.
    model_error : float
        Share of the model's own error that is added to that of the data; 1 takes it as trained.
    learnt : Calibration, optional
        What is known of the errors of data, surfaces and peaks; by default nothing.
    huber : float
        Residuals beyond this [sigma] pull with constant force only; 0 is least squares.
    workers : int
        Threads; 0 takes one for each core.
    """

    def __init__(
        self,
        source: Any,
        priors: Priors | None,
        z_range: tuple[float, float],
        *,
        model_error: float = 0.0,
        learnt: Calibration | None = None,
        huber: float = 0.0,
        workers: int = 0,
    ) -> None:
        self.model_error = model_error
        self.learnt = learnt or calibration(NONE)
        self.huber = huber
        self.source = source
        self.priors = priors
        self.z_range = (max(z_range[0], Z_MIN), z_range[1])
        self.workers = workers or cores()

    @functools.lru_cache(maxsize=8)  # noqa: B019  few engines live, each as long as the program
    def tables(self, bands: tuple[str, ...], z_max: float) -> SaltTables:
        """Return the tables of `bands`, kept for the next batch."""
        made = build_tables(self.source, bands, z_max)
        mean = self.early(made, self.learnt.mean)
        return made.with_early(mean) if mean.any() else made

    @functools.lru_cache(maxsize=8)  # noqa: B019
    def modulus(self, z_count: int) -> Floats:
        """Return the smooth part of the distance modulus [mag] at the tables' redshifts."""
        redshifts = np.asarray(np.arange(z_count) * Z_STEP, dtype=float)
        return smooth_modulus(redshifts, self.priors or Priors())

    def tables_for(self, bands: Sequence[str], redshift: Floats) -> SaltTables:
        """Return tables that reach all known redshifts, and the range of the unknown ones."""
        known = redshift[np.isfinite(redshift) & (redshift < Z_TABLE_MAX)]
        z_max = max([self.z_range[1], *np.ceil(known / 0.05 - 1e-9) * 0.05])
        return self.tables(tuple(bands), float(z_max))

    def covered(self, curves: LightCurves) -> Flags:
        """Tell for each point whether the surfaces cover its band at its redshift."""
        tables = self.tables_for(curves.bands, curves.redshift)
        redshift = curves.redshift[curves.owner]
        low = np.where(np.isnan(redshift), self.z_range[0], redshift)
        high = np.where(np.isnan(redshift), self.z_range[1], redshift)
        first = tables.first[curves.band] * Z_STEP
        last = tables.last[curves.band] * Z_STEP
        # Four nodes are needed to interpolate.
        wide = tables.last[curves.band] - tables.first[curves.band] >= 3
        inside: Flags = wide & (low >= first - 1e-9) & (high <= last + 1e-9)
        return inside

    def fit(self, curves: LightCurves, chosen: Flags, fades: Flags) -> Batch:
        """Fit the chosen candidates; the others get NaN.

        Parameters
        ----------
        curves : LightCurves
            Only points for which `covered` is true.
        chosen : ndarray of bool, shape (n,)
            Candidates to fit; each has at least one point.
        fades : ndarray of bool, shape (n,)
            Whether the model declines slowly after its last phase instead of ending there.

        Notes
        -----
        Candidates with known redshifts beyond `z_range` are fitted apart: their tables are larger
        and slower, see `aas2rto.models.salt_tables.NODES`.
        """
        far = chosen & (curves.redshift > self.z_range[1])
        batch = self._fit(curves, chosen & ~far, fades)
        if far.any():
            batch.replace(self._fit(curves, far, fades), far)
        return batch

    def _fit(self, curves: LightCurves, chosen: Flags, fades: Flags) -> Batch:
        from aas2rto.models.compiled import problem, salt_fit  # noqa: PLC0415  numba takes a while
        from aas2rto.models.compiled.jit import in_threads, prepare  # noqa: PLC0415

        made = self.tables_for(curves.bands, curves.redshift[chosen])
        tables = problem.Tables(
            made.values,
            made.law,
            made.dust,
            made.error,
            self.early(made, self.learnt.scatter),
            made.first,
            made.last,
            Z_STEP,
            made.first_phase,
            made.days,
        )
        batch = problem.Batch(
            chosen,
            curves.start,
            curves.mjd,
            curves.flux,
            curves.calibrated(self.learnt),
            curves.band,
            curves.limit,
            curves.redshift,
            curves.ebv,
            np.where(fades, problem.FADES, problem.STOPS).astype(np.int64),
        )
        shapes = ((5,), (5, 5), (KEPT, 3), (2,), (2,))
        answers = problem.Answers(*(np.full((len(curves), *shape), np.nan) for shape in shapes))
        rules = self._rules(made)

        def run(begin: int, end: int) -> None:
            salt_fit.fit_many(begin, end, tables, batch, rules, answers)

        prepare(salt_fit.fit_many, lambda: run(0, 0), "the SALT fit")
        counted = Progress("SALT fits", len(curves)).counting(run)
        in_threads(counted, len(curves), workers=self.workers, chunk=CHUNK)
        return Batch(
            answers.values,
            answers.covariance,
            answers.costs[:, 0],
            answers.costs[:, 1],
            answers.minima,
            answers.spread,
            self.priors is not None,
            self.learnt,
            {
                "x1": (-rules.x1_cut, rules.x1_cut),
                "c": (rules.c_low, rules.c_high),
                "z": (rules.z_low, rules.z_high),
            },
        )

    def early(self, tables: SaltTables, values: Floats) -> Floats:
        """Return what was learnt of real supernovae about the surfaces on each rest-frame day."""
        phase = tables.first_phase + np.arange(tables.days)
        found: Floats = np.interp(phase, self.learnt.phase, values)
        return found

    def _rules(self, tables: SaltTables) -> Any:
        from aas2rto.models.compiled.problem import Rules  # noqa: PLC0415

        p = self.priors
        prior = p or Priors()
        on = 1.0 if p else 0.0
        return Rules(
            z_low=self.z_range[0],
            z_high=self.z_range[1],
            x1_cut=prior.x1_cut if p else X1_BOUND,
            c_low=-prior.c_cut if p else -C_BOUND,
            c_high=prior.c_cut if p else C_BOUND,
            x1_mean=prior.x1[0] * on,
            x1_weight=on / prior.x1[1],
            c_mean=prior.c[0] * on,
            c_weight=on / prior.c[1],
            mag=prior.magnitude,
            mag_weight=on / prior.scatter,
            alpha=prior.alpha,
            beta=prior.beta,
            volume=prior.volume * on,
            modulus=self.modulus(tables.redshifts.size),
            starts_fixed=STARTS_FIXED,
            starts_free=STARTS_FREE if p else STARTS_PLAIN,
            n_redshifts=REDSHIFTS_PRIOR if p else REDSHIFTS_PLAIN,
            step=STEP_PRIOR if p else STEP_PLAIN,
            model_error=self.model_error,
            huber=self.huber,
            rounds=ROUNDS if self.model_error > 0 or self.huber > 0 else 0,
        )
