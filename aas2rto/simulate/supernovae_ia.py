"""SNe Ia: how many, how bright, and their light curves from the packaged SALT3 surfaces.

Rate: Frohmaier et al. (2019), MNRAS 486, 2308: 2.43e-5 per year, Mpc3 and h70^3 at z = 0.073;
it grows as (1 + z)^1.5 (Dilday et al. 2010, ApJ 713, 1026). Stretch and colour: the asymmetric
Gaussians of Scolnic & Kessler (2016), ApJ 822, L35 (G10, high z). Luminosity: Tripp (1998).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto import data
from aas2rto.models.salt_tables import Z_STEP, SaltTables, build_tables
from aas2rto.simulate.cosmology import Rate, distance_modulus

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Random = np.random.Generator

TYPE = "SN Ia"
RATE = Rate(
    2.43e-5, 0.073, 1.5, "Frohmaier et al. 2019 at z = 0.073; (1 + z)^1.5, Dilday et al. 2010"
)
ALPHA, BETA = 0.148, 3.1
"""Coefficients of M = M_B - alpha x1 + beta c (Taylor et al. 2021, as the paper's Sect. 5)."""
PEAK_MAG, SCATTER = -19.19, 0.15
"""M_B [mag] of x1 = c = 0 in SALT's m_B = 10.5 - 2.5 log10 x0 for H0 = 70: -19.05 of Betoule et al.
(2014), whose m_B has 10.635. The 96 SNe Ia of ZTF's DR1 (Dhawan et al. 2022) at 0.02 < z < 0.08 in
shared data have -19.20. And the intrinsic scatter that the paper takes [mag]."""
BRIGHTEST = -20.2
"""[mag] Hardly any is brighter."""
X1 = (0.973, 1.472, 0.222)
C = (-0.054, 0.043, 0.101)
"""Mode, width below and width above it (Scolnic & Kessler 2016, Table 1: G10, high z)."""
X1_RANGE, C_RANGE = (-4.0, 3.0), (-0.3, 0.5)
ZERO_POINT = 10.5
"""m_B = 10.5 - 2.5 log10 x0 (Kenworthy et al. 2021)."""
LASTS = (20.0, 110.0)
"""Days before and after B maximum with light, rest frame. SALT3-F22 ends at 50 d."""
FADING = 0.02
"""Decline after the last phase of the surfaces [mag / d] (Stritzinger et al. 2002), as the fits
take it where they search."""
BATCH = 400
"""Supernovae whose tables are in memory at a time: 130 MB for six bands."""


def asymmetric(rng: Random, n: int, shape: Sequence[float], cut: tuple[float, float]) -> Floats:
    """Draw from two half Gaussians that meet at the mode, within a range.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    shape : sequence of float
        Mode, width below, width above.
    cut : (float, float)
        Draws outside are drawn again.
    """
    mode, below, above = shape
    values = np.full(n, np.nan)
    left = np.arange(n)
    while left.size:
        is_above = rng.random(left.size) < above / (above + below)
        width = np.where(is_above, above, -below)
        values[left] = mode + width * np.abs(rng.normal(size=left.size))
        left = left[(values[left] < cut[0]) | (values[left] > cut[1])]
    return values


def draw(rng: Random, z: Floats, t0: Floats) -> pd.DataFrame:
    """Draw SNe Ia at given redshifts and times of B maximum [d, MJD UTC].

    Returns
    -------
    DataFrame
        ``type, z, t0 [d], x0, x1, c, peak_abs [mag]``, without dust of the Milky Way.
    """
    n = z.size
    x1 = asymmetric(rng, n, X1, X1_RANGE)
    c = asymmetric(rng, n, C, C_RANGE)
    absolute = PEAK_MAG - ALPHA * x1 + BETA * c + rng.normal(0.0, SCATTER, n)
    x0 = 10 ** (-0.4 * (absolute + distance_modulus(z) - ZERO_POINT))
    columns = {"type": TYPE, "z": z, "t0": t0, "x0": x0, "x1": x1, "c": c, "peak_abs": absolute}
    return pd.DataFrame(columns)


@functools.lru_cache(maxsize=4)
def tables(bands: tuple[str, ...], z_max: float) -> SaltTables:
    """Return the surfaces integrated through passbands, as the fit reads them."""
    return build_tables(data.salt_source(), bands, z_max)


def flux(truth: pd.DataFrame, owner: Ints, mjd: Floats, band: Ints, made: SaltTables) -> Floats:
    """Return noise-free fluxes [uJy] of many supernovae at once.

    Parameters
    ----------
    truth : DataFrame
        ``z, t0, x0, x1, c, ebv``, one row for each supernova.
    owner : ndarray of int, shape (m,)
        Whose a time is: rows of `truth`, in order.
    mjd : ndarray, shape (m,)
        [d]
    band : ndarray of int, shape (m,)
        Rows of the tables.
    made : SaltTables
        Of `tables`; must reach to the largest redshift.

    Notes
    -----
    As sncosmo's within 1e-4 of the peak: spectra are integrated exactly, colour law and dust act
    at Gaussian nodes across the band, see :mod:`aas2rto.models.salt_tables`. After the surfaces'
    last phase, where sncosmo's is zero, it fades by `FADING`; zero where they do not cover a band.
    """
    found = np.zeros(mjd.size)
    edges = np.searchsorted(owner, np.arange(0, len(truth) + BATCH, BATCH))
    for k, (begin, end) in enumerate(itertools.pairwise(edges)):
        some = truth.iloc[k * BATCH : (k + 1) * BATCH]
        if end == begin:
            continue
        here = slice(begin, end)
        found[here] = _flux(some, owner[here] - k * BATCH, mjd[here], band[here], made)
    return found


def _flux(some: pd.DataFrame, owner: Ints, mjd: Floats, band: Ints, made: SaltTables) -> Floats:
    z, t0 = some["z"].to_numpy(float), some["t0"].to_numpy(float)
    day = (mjd - t0[owner]) / (1 + z)[owner] - made.first_phase
    taps, weights, inside = _phase_taps(np.minimum(day, made.days - 1.0), made)
    weights *= 10 ** (-0.4 * FADING * np.maximum(day - (made.days - 1), 0.0))[:, None]
    found = np.zeros(mjd.size)
    for b in np.unique(band):
        here = np.flatnonzero((band == b) & inside)
        if here.size:
            curves = _curves(some, made, int(b))
            rows = taps[here][:, None] + np.arange(4)
            found[here] = (curves[owner[here][:, None], rows] * weights[here]).sum(axis=1)
    return found


def _curves(some: pd.DataFrame, made: SaltTables, b: int) -> Floats:
    """Return the light curves of one band [uJy], shape (supernovae, rows of the table)."""
    z = some["z"].to_numpy(float)
    first, last = int(made.first[b]), int(made.last[b])
    node = np.clip(np.floor(z / Z_STEP).astype(int) - 1, first, max(last - 3, first))
    lagrange = _lagrange(z / Z_STEP - node)
    nodes = node[:, None] + np.arange(4)
    law = np.einsum("iq,iqj->ij", lagrange, made.law[b][nodes])
    lost = some["c"].to_numpy(float)[:, None] * law
    lost += some["ebv"].to_numpy(float)[:, None] * made.dust[b]
    passed = 10 ** (-0.4 * lost)
    curves = np.zeros((len(some), made.values.shape[-1]))
    stretch = some["x1"].to_numpy(float)[:, None]
    for q in range(4):
        m0, m1 = (np.einsum("ij,ijr->ir", passed, made.values[b][nodes[:, q], k]) for k in (0, 1))
        curves += lagrange[:, q : q + 1] * (m0 + stretch * m1)
    covered = (z >= first * Z_STEP) & (z <= last * Z_STEP) & (last >= first + 3)
    return np.asarray(curves * np.where(covered, some["x0"].to_numpy(float), 0.0)[:, None])


def _lagrange(u: Floats) -> Floats:
    """Return the weights of four neighbours at the places 0, 1, 2, 3."""
    return np.stack(
        [
            -(u - 1) * (u - 2) * (u - 3) / 6,
            u * (u - 2) * (u - 3) / 2,
            -u * (u - 1) * (u - 3) / 2,
            u * (u - 1) * (u - 2) / 6,
        ],
        axis=1,
    )


def _phase_taps(day: Floats, made: SaltTables) -> tuple[Ints, Floats, NDArray[np.bool_]]:
    """Return the first of four table rows for each day, their weights, and whether there is light.

    Cubic convolution (Keys 1981, a = -1/2) as sncosmo's, linear in the first and the last day.
    """
    inside = (day >= 0) & (day <= made.days - 1)
    day = np.where(inside, day, 0.0)
    i = np.minimum(day.astype(np.intp), made.days - 2)
    f = day - i
    weights = np.stack(
        [
            ((-0.5 * f + 1.0) * f - 0.5) * f,
            (1.5 * f - 2.5) * f * f + 1.0,
            ((-1.5 * f + 2.0) * f + 0.5) * f,
            (0.5 * f - 0.5) * f * f,
        ],
        axis=1,
    )
    edge = (i == 0) | (i == made.days - 2)
    nothing = np.zeros_like(f)
    weights[edge] = np.stack([1 - f, f, nothing, nothing], axis=1)[edge]
    first = np.where(i == 0, made.days, np.where(i == made.days - 2, made.days + 4, i - 1))
    return first, weights, inside
