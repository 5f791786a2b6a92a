"""Total brightness: what a star shines itself, out of its template and a difference to it.

Alerts tell differences to a template. Of a star that dims the difference is negative, and what
people compare with older light curves is the sum. Photometry of this sort is a table of its own: a
template's star never enters a fit of a transient, nor a light curve from an archive.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from aas2rto.tables.photometry import (
    COLUMNS,
    TEMPLATE,
    TEMPLATE_ERR,
    mag_from_flux,
    magerr_from_flux,
)

Floats = NDArray[np.float64]

POINT_SOURCE = 1.4
"""A source of the reference image at most so far from the alert is what the alert is of [arcsec];
ALeRCE's cut for corrected magnitudes, Foerster et al. (2021), AJ 161, 242, Sect. 4.1."""

ALERT, HISTORY = "alert", "history"
"""Kinds of rows of a table of total brightness: template and difference of an alert, and a light
curve from a data release."""

TOTAL_COLUMNS: dict[str, str] = {**COLUMNS, "difference": "float64", "difference_err": "float64"}
"""Columns of such a table: those of photometry, of which ``flux`` is the total one [uJy] and
``kind`` is `ALERT` or `HISTORY`; and the difference of an alert [uJy], NaN in a history."""


def magnitude(
    magnr: ArrayLike, sigmagnr: ArrayLike, magpsf: ArrayLike, sigmapsf: ArrayLike, sign: ArrayLike
) -> tuple[Floats, Floats]:
    """Return total magnitudes and their errors [mag] from what a ZTF alert says.

    F = 10^(-0.4 magnr) + s 10^(-0.4 magpsf); m = -2.5 log10 F; sigma_m = sqrt((F_r sigma_r)^2 +
    (F_d sigma_d)^2) / F, in which the factors 2.5 / ln 10 cancel.

    Parameters
    ----------
    magnr, sigmagnr : array_like
        Of the nearest source in the reference image [mag].
    magpsf, sigmapsf : array_like
        Of the absolute difference [mag].
    sign : array_like
        1 brighter, -1 fainter than the reference (``isdiffpos``).

    Returns
    -------
    mag, magerr : ndarray
        NaN where no flux is left: the difference takes away all that the reference has.

    Examples
    --------
    >>> mag, magerr = magnitude(16.0, 0.02, 18.0, 0.05, -1.0)
    >>> f"{float(mag):.5f} {float(magerr):.5f}"
    '16.18735 0.02556'
    """
    reference = 10.0 ** (-0.4 * np.asarray(magnr, dtype=float))
    difference = 10.0 ** (-0.4 * np.asarray(magpsf, dtype=float))
    total = reference + np.asarray(sign, dtype=float) * difference
    total = np.where(total > 0, total, np.nan)
    error = np.hypot(reference * np.asarray(sigmagnr), difference * np.asarray(sigmapsf)) / total
    return np.asarray(-2.5 * np.log10(total)), np.asarray(error)


def totals(photometry: pd.DataFrame) -> pd.DataFrame:
    """Return the total brightness of measurements whose template is known.

    Parameters
    ----------
    photometry : DataFrame
        With `TEMPLATE` and `TEMPLATE_ERR` beside the usual columns.

    Returns
    -------
    DataFrame
        With `TOTAL_COLUMNS`; errors in quadrature, which is some 1.4 times what repeated
        measurements scatter: the error of the template is common to all of them.
    """
    difference, error = (photometry[name].to_numpy(float) for name in ("flux", "flux_err"))
    template, template_err = (photometry[name].to_numpy(float) for name in (TEMPLATE, TEMPLATE_ERR))
    known = np.isfinite(difference) & np.isfinite(template) & np.isfinite(template_err)
    table = photometry.assign(
        flux=template + difference,
        flux_err=np.hypot(template_err, error),
        kind=ALERT,
        limit=np.nan,
        difference=difference,
        difference_err=error,
    )[known]
    found: pd.DataFrame = table[list(TOTAL_COLUMNS)].reset_index(drop=True)
    return found


def magnitudes(table: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return AB magnitudes and their errors [mag] of a table of total brightness."""
    flux = table["flux"].to_numpy(float)
    return mag_from_flux(flux), magerr_from_flux(flux, table["flux_err"].to_numpy(float))


def empty() -> pd.DataFrame:
    """Return a table of total brightness without rows."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in TOTAL_COLUMNS.items()})
