"""Photometry -> one row of summary columns per candidate: what light-curve factors read."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.photometry import (
    BANDS,
    DETECTION,
    LIMIT,
    SUSPECT,
    codes,
    mag_from_flux,
    magerr_from_flux,
)

COLUMNS: dict[str, str] = {
    "n_detections": "detections, all bands",
    "n_limits": "measurements without a detection",
    "n_suspect": "measurements of bad quality or negative flux",
    "first_detection": "MJD of the first detection [d, UTC]",
    "last_detection": "MJD of the last detection [d, UTC]",
    "last_mag": "magnitude of the last detection [mag, AB]",
    "last_magerr": "its error [mag]",
    "last_band": "its band",
    "peak_mag": "brightest detection [mag, AB]",
    "updated": "when its newest measurement became known [d, MJD UTC]",
}
"""Summary columns that do not depend on a band, with their meaning."""

BAND_COLUMNS: dict[str, str] = {
    "n_detections": "detections in this band",
    "mag": "magnitude of the last detection in this band [mag, AB]",
    "magerr": "its error [mag]",
    "mjd": "its time [d, MJD UTC]",
    "rise_fraction": "share of consecutive pairs of detections in which the later is brighter",
}
"""Summary columns that exist per band, as ``mag_ztfg``."""


def column_names(bands: tuple[str, ...] = BANDS) -> list[str]:
    """Return the names of all summary columns."""
    return [*COLUMNS, *(f"{name}_{band}" for band in bands for name in BAND_COLUMNS)]


def summarise(photometry: pd.DataFrame, candidate_ids: pd.Series) -> pd.DataFrame:
    """Summarise the light curve of each candidate.

    Parameters
    ----------
    photometry : DataFrame
        As in :mod:`aas2rto.photometry`, one row per exposure, sorted by candidate and time.
    candidate_ids : Series of str
        Which candidates, in which order; those without photometry have zero counts and NaN.

    Returns
    -------
    DataFrame
        One row per entry of `candidate_ids` with the columns of `column_names`.
    """
    n = len(candidate_ids)
    code = codes(photometry["candidate_id"], candidate_ids.tolist())
    known = code >= 0
    code, rows = code[known], photometry[known]
    kind = rows["kind"].to_numpy(dtype=object)
    detected = kind == DETECTION
    columns: dict[str, NDArray[np.generic]] = {
        "n_detections": np.bincount(code[detected], minlength=n),
        "n_limits": np.bincount(code[kind == LIMIT], minlength=n),
        "n_suspect": np.bincount(code[kind == SUSPECT], minlength=n),
        **_of_detections(code[detected], rows[detected], n),
        "updated": _largest(code, rows["known_at"].to_numpy(float), n),
    }
    band = rows["band"].to_numpy(dtype=object)
    others = sorted(set(pd.unique(band[detected])) - set(BANDS))
    for name in (*BANDS, *others):
        chosen = detected & (band == name)
        columns.update(_of_band(name, code[chosen], rows[chosen], n))
    return pd.DataFrame(columns)


def _of_detections(
    code: NDArray[np.intp], rows: pd.DataFrame, n: int
) -> dict[str, NDArray[np.generic]]:
    mjd = rows["mjd"].to_numpy(float)
    flux = rows["flux"].to_numpy(float)
    last = _last_row(code, n)
    return {
        "first_detection": -_largest(code, -mjd, n),
        "last_detection": _take(mjd, last),
        "last_mag": _take(mag_from_flux(flux), last),
        "last_magerr": _take(magerr_from_flux(flux, rows["flux_err"].to_numpy(float)), last),
        "last_band": np.where(
            last >= 0, np.append(rows["band"].to_numpy(dtype=object), "")[last], ""
        ),
        "peak_mag": mag_from_flux(_largest(code, flux, n)),
    }


def _of_band(
    band: str, code: NDArray[np.intp], rows: pd.DataFrame, n: int
) -> dict[str, NDArray[np.generic]]:
    flux = rows["flux"].to_numpy(float)
    last = _last_row(code, n)
    count = np.bincount(code, minlength=n)
    pair = code[1:] == code[:-1]
    brighter = np.bincount(code[1:][pair & (flux[1:] > flux[:-1])], minlength=n)
    pairs = np.where(count > 1, count - 1, np.nan)
    return {
        f"n_detections_{band}": count,
        f"mag_{band}": _take(mag_from_flux(flux), last),
        f"magerr_{band}": _take(magerr_from_flux(flux, rows["flux_err"].to_numpy(float)), last),
        f"mjd_{band}": _take(rows["mjd"].to_numpy(float), last),
        f"rise_fraction_{band}": brighter / pairs,
    }


def _last_row(code: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """Return the last row of each candidate in rows sorted by time; -1 where there is none."""
    last = np.full(n, -1, dtype=np.intp)
    last[code] = np.arange(len(code))  # later rows overwrite earlier ones
    return last


def _take(values: NDArray[np.float64], row: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.where(row >= 0, np.append(values, np.nan)[row], np.nan)


def _largest(code: NDArray[np.intp], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    largest = np.full(n, -np.inf)
    np.maximum.at(largest, code, values)
    return np.where(np.isfinite(largest), largest, np.nan)
