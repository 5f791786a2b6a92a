"""What the compiled SALT fit is given, and where it writes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.compiled.jit import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

T0, Y, X1, C, Z = 0, 1, 2, 3, 4
"""Order of the parameters in the fit; Y = ln x0, which keeps the amplitude positive."""
N_PARAMETERS = 5
STOPS, FADES = 0, 1
"""What the model does after its last phase: it is zero, as in sncosmo; or it declines slowly, which
keeps the search smooth where data reach beyond it (they leave the final fit)."""


class Tables(NamedTuple):
    """The arrays of :class:`aas2rto.models.salt_tables.SaltTables`."""

    values: Floats
    law: Floats
    dust: Floats
    error: Floats
    early: Floats
    first: Ints
    last: Ints
    z_step: float
    first_phase: float
    days: int


class Points(NamedTuple):
    """One candidate: times [d], fluxes [uJy], inverse variances, band rows, and one-sided flags.

    For a one-sided point `f` is the flux [uJy] above which the source would have been detected.
    """

    t: Floats
    f: Floats
    w: Floats
    band: Ints
    limit: Flags


class Rules(NamedTuple):
    """Bounds, priors and choices of the fit; a weight is 1 / sigma, and 0 without a prior.

    ``modulus`` holds 5 log10(d_L / z) + 25 with d_L in Mpc at the redshift nodes of the tables, so
    that mu = modulus + 5 log10(z). ``volume`` is the exponent of p(z) ~ z^volume. ``starts`` are
    how many valleys are polished, ``step`` that of the scan in t0 [rest-frame d].
    ``model_error`` scales the model's own error, ``huber`` is the robust threshold [sigma] (0:
    none), ``rounds`` how often the fit is repeated with new weights.
    """

    z_low: float
    z_high: float
    x1_cut: float
    c_low: float
    c_high: float
    x1_mean: float
    x1_weight: float
    c_mean: float
    c_weight: float
    mag: float
    mag_weight: float
    alpha: float
    beta: float
    volume: float
    modulus: Floats
    starts_fixed: int
    starts_free: int
    n_redshifts: int
    step: int
    model_error: float
    huber: float
    rounds: int


class Work(NamedTuple):
    """Scratch arrays of one thread."""

    values: Floats
    law: Floats
    curves: Floats
    mix: Floats
    taps: Floats
    present: Flags


class Problem(NamedTuple):
    """One candidate with everything that its fit needs.

    ``dust`` is the Milky Way's extinction at the nodes [mag], shape (bands, nodes); ``late`` is
    `STOPS` or `FADES`; ``lines`` is scratch, shape (8, points).
    """

    tables: Tables
    dust: Floats
    points: Points
    rules: Rules
    late: int
    work: Work
    lines: Floats


class Batch(NamedTuple):
    """Many candidates: number ``i`` owns the points ``start[i]:start[i + 1]``."""

    chosen: Flags
    start: Ints
    t: Floats
    f: Floats
    w: Floats
    band: Ints
    limit: Flags
    redshift: Floats
    ebv: Floats
    late: Ints


class Answers(NamedTuple):
    """Where the answers go; see :class:`aas2rto.models.salt_batched.Batch`."""

    values: Floats
    covariance: Floats
    minima: Floats
    spread: Floats
    costs: Floats


@compiled
def make_work(tables: Tables) -> Work:
    """Allocate the scratch arrays for one thread."""
    bands, _, _, nodes, rows = tables.values.shape
    return Work(
        np.empty((bands, 1, 2, nodes, rows)),
        np.empty((bands, 1, nodes)),
        np.empty((bands, 4, rows)),
        np.empty((8, nodes)),
        np.empty((2, 4)),
        np.zeros(bands, dtype=np.bool_),
    )


@compiled
def distance_modulus(rules: Rules, step: float, z: float) -> tuple[float, float]:
    """Return mu [mag] and its derivative by z, from the smooth part of the table."""
    z = max(z, 1e-5)
    k = min(max(int(z / step), 0), rules.modulus.size - 2)
    slope = (rules.modulus[k + 1] - rules.modulus[k]) / step
    smooth = rules.modulus[k] + slope * (z - k * step)
    return smooth + 5.0 * np.log10(z), slope + 5.0 / (np.log(10.0) * z)
