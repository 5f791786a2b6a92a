"""How bright a SALT fit says that candidates will be: all of them, on many nights, at once.

The fits themselves need the flux to a thousandth; to tell whether a spectrograph can see a
candidate next week, some hundredths of a magnitude will do. So the passband's integrals are taken
from the tables of the fit, summed over their nodes, and colour law and dust act at the band's
effective wavelength.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto import data
from aas2rto.models.salt_tables import Z_STEP, build_tables
from aas2rto.tables.photometry import AB_ZERO_POINT

Floats = NDArray[np.float64]

PARAMETERS = ("z", "t0", "x0", "x1", "c", "ebv")
"""Columns of a fit that are read, behind ``<model>_``."""
TABLE_Z = 0.05
"""Tables reach to a multiple of this in redshift, so that few serve all nights."""


@dataclass(frozen=True)
class Curves:
    """Light curves of SALT's surfaces in some bands.

    Parameters
    ----------
    flux : ndarray, shape (bands, redshifts, 2, days)
        M0 and M1 [uJy for x0 = 1].
    law, dust : ndarray, shape (bands, redshifts)
        Magnitudes per unit of c, and per magnitude of E(B-V), at maximum.
    covered : ndarray of bool, shape (bands, redshifts)
    first_phase : float
        [d, rest frame].
    """

    flux: Floats
    law: Floats
    dust: Floats
    covered: NDArray[np.bool_]
    first_phase: float


@functools.lru_cache(maxsize=8)
def curves(bands: tuple[str, ...], z_max: float) -> Curves:
    """Return the light curves of the packaged surfaces, from the tables of the fit."""
    tables = build_tables(data.salt_source(), bands, z_max)
    flux = tables.values[..., : tables.days].sum(axis=3)
    at_peak = tables.values[:, :, 0, :, round(-tables.first_phase)]
    total = at_peak.sum(axis=2)
    covered = total > 0
    weight = at_peak / np.where(covered, total, 1.0)[..., None]
    return Curves(
        flux,
        (weight * tables.law).sum(axis=2),
        (weight * tables.dust[:, None, :]).sum(axis=2),
        covered,
        tables.first_phase,
    )


def magnitudes(
    candidates: pd.DataFrame, mjd: Floats, bands: Sequence[str], *, model: str = "salt"
) -> Floats:
    """Return the magnitude of each candidate's best fit, in the band where it is brightest.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``<model>_z, _t0, _x0, _x1, _c, _ebv``.
    mjd : ndarray, shape (nights,) or (n, nights)
        [d, UTC]
    bands : sequence of str
        sncosmo names; those without a passband do not count.
    model : str
        Name of a SALT model in the config. Its surfaces are taken to be SALT3-F22, whatever it
        was fitted with.

    Returns
    -------
    ndarray, shape (n, nights)
        [mag, AB]; infinite before the first and after the last phase of the surfaces (-20 and
        50 d, rest frame), NaN without a fit. Within 0.03 mag of the fit itself for abs(c) < 0.3,
        see ``tests/models/test_salt_forecast.py``.
    """
    times = np.atleast_2d(np.asarray(mjd, dtype=float))
    times = np.broadcast_to(times, (len(candidates), times.shape[1]))
    rows = np.repeat(np.arange(len(candidates)), times.shape[1])
    return magnitudes_of(candidates, rows, times.ravel(), bands, model=model).reshape(times.shape)


def magnitudes_of(
    candidates: pd.DataFrame,
    rows: NDArray[np.intp],
    mjd: Floats,
    bands: Sequence[str],
    *,
    model: str = "salt",
) -> Floats:
    """Do the same for pairs of a candidate and a time, shape (m,) each.

    Parameters
    ----------
    candidates : DataFrame
    rows : ndarray of int, shape (m,)
        Which candidate, by its place.
    mjd : ndarray, shape (m,)
        [d, UTC]
    bands, model
        See `magnitudes`.
    """
    z, t0, x0, x1, c, ebv = (_column(candidates, f"{model}_{name}") for name in PARAMETERS)
    known = tuple(band for band in bands if data.has_bandpass(band))
    good = np.isfinite(z) & np.isfinite(t0) & (x0 > 0)
    if not known or not good.any():
        return np.full(len(rows), np.nan)
    made = curves(known, float(np.ceil(z[good].max() / TABLE_Z + 1e-9)) * TABLE_Z)
    days = made.flux.shape[-1]
    node = np.where(good, np.rint(np.where(good, z, 0.0) / Z_STEP), 0).astype(np.intp)
    day = (mjd - t0[rows]) / (1 + z)[rows] - made.first_phase
    inside = (day >= 0) & (day <= days - 1)
    low = np.where(inside, np.minimum(day, days - 2), 0).astype(np.intp)
    share = day - low
    place = (node * days)[rows] + low
    stretch, brightest = x1[rows], np.zeros(len(rows))
    for b in range(len(known)):
        m0, m1 = (np.ascontiguousarray(made.flux[b, :, k]).ravel() for k in (0, 1))
        here = m0[place] + stretch * m1[place]
        then = m0[place + 1] + stretch * m1[place + 1]
        lost = c * made.law[b, node] + ebv * made.dust[b, node]
        scale = np.where(made.covered[b, node], x0 * 10 ** (-0.4 * lost), 0.0)
        brightest = np.fmax(brightest, scale[rows] * (here + share * (then - here)))
    with np.errstate(divide="ignore"):
        mag = AB_ZERO_POINT - 2.5 * np.log10(np.where(inside, brightest, 0.0))
    return np.where(good[rows], mag, np.nan)


def _column(candidates: pd.DataFrame, name: str) -> Floats:
    if name not in candidates:
        return np.full(len(candidates), np.nan)
    return candidates[name].to_numpy(dtype=float, na_value=np.nan)
