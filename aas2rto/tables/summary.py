"""Photometry -> one row of summary columns per candidate: what light-curve factors read."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.tables.photometry import (
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
    "colour": "g - r of the last night with both, ZTF or LSST [mag]",
    "colour_change": "its slope over the 10 days before; positive: redder [mag / d]",
    "n_set_aside": "detections before the present outburst, which count nowhere else",
    "last_set_aside": "MJD of the last of them [d, UTC]",
    "updated": "when its newest measurement became known [d, MJD UTC]",
}
"""Summary columns that do not depend on a band, with their meaning."""

BAND_COLUMNS: dict[str, str] = {
    "n_detections": "detections in this band",
    "mag": "magnitude of the last detection in this band [mag, AB]",
    "magerr": "its error [mag]",
    "mjd": "its time [d, MJD UTC]",
    "rise_fraction": "share of consecutive pairs of detections in which the later is brighter",
    "rise_rate": "slope over the week before its last detection; positive: brightens [mag / d]",
}
"""Summary columns that exist per band, as ``mag_ztfg``."""

RISE_WINDOW, COLOUR_WINDOW = 7.0, 10.0
"""Days before the last detection over which slopes are taken: short against the rise of a supernova
of some 15 d, long against the two or three nights between visits."""
LEAST_SPAN = 0.5
"""Slopes need detections at least this far apart [d]."""
BLUE, RED = ("ztfg", "lsstg"), ("ztfr", "lsstr")
"""What counts as g and r: the two surveys' bands differ by less than 0.1 mag for supernovae."""


def column_names(bands: tuple[str, ...] = BANDS) -> list[str]:
    """Return the names of all summary columns."""
    return [*COLUMNS, *(f"{name}_{band}" for band in bands for name in BAND_COLUMNS)]


def summarise(photometry: pd.DataFrame, candidate_ids: pd.Series) -> pd.DataFrame:
    """Summarise the light curve of each candidate.

    Parameters
    ----------
    photometry : DataFrame
        As in :mod:`aas2rto.tables.photometry`, one row per exposure, sorted by candidate and time.
    candidate_ids : Series of str
        Which candidates, in which order; those without photometry have zero counts and NaN.

    Returns
    -------
    DataFrame
        One row per entry of `candidate_ids` with the columns of `column_names`. Every row counts:
        what is to be set aside, :mod:`aas2rto.tables.outburst` has taken out.
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
        **_colours(code[detected], rows[detected], n),
        "n_set_aside": np.zeros(n, dtype=np.int64),
        "last_set_aside": np.full(n, np.nan),
        "updated": _largest(code, rows["known_at"].to_numpy(float), n),
    }
    band = rows["band"].to_numpy(dtype=object)
    others = sorted(set(pd.unique(band[detected])) - set(BANDS))
    for name in (*BANDS, *others):
        chosen = detected & (band == name)
        columns.update(_of_band(name, code[chosen], rows[chosen], n))
    return pd.DataFrame(columns)


def updated(photometry: pd.DataFrame, candidate_ids: pd.Series) -> NDArray[np.float64]:
    """Return when the newest measurement of each candidate became known [d, MJD UTC]."""
    code = codes(photometry["candidate_id"], candidate_ids.tolist())
    known = code >= 0
    return _largest(code[known], photometry["known_at"].to_numpy(float)[known], len(candidate_ids))


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
        f"rise_rate_{band}": -_slope(
            code, rows["mjd"].to_numpy(float), mag_from_flux(flux), n, RISE_WINDOW
        ),
    }


def _slope(
    code: NDArray[np.intp],
    mjd: NDArray[np.float64],
    value: NDArray[np.float64],
    n: int,
    window: float,
) -> NDArray[np.float64]:
    """Return the straight line's slope over the last `window` days of each candidate [1 / d].

    Unweighted: differences between bands and nights exceed the photon noise of bright candidates,
    which would otherwise let one point decide. NaN where the points are too close in time.
    """
    days = mjd - _largest(code, mjd, n)[code]
    good = (days >= -window) & np.isfinite(value)
    code, days, value = code[good], days[good], value[good]

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(code, weights=values, minlength=n).astype(float)

    count = np.maximum(total(np.ones(code.size)), 1.0)
    days = days - (total(days) / count)[code]
    spread = total(days**2)
    far = _largest(code, days, n) + _largest(code, -days, n) >= LEAST_SPAN
    slope: NDArray[np.float64] = np.where(
        far, total(days * value) / np.where(far, spread, 1), np.nan
    )
    return slope


def _colours(code: NDArray[np.intp], rows: pd.DataFrame, n: int) -> dict[str, NDArray[np.generic]]:
    """Return g - r of nights with both bands: the last one, and how it changes."""
    band = rows["band"].to_numpy(dtype=object)
    mjd, mag = rows["mjd"].to_numpy(float), mag_from_flux(rows["flux"].to_numpy(float))
    blue, red = np.isin(band, BLUE), np.isin(band, RED)
    night = np.floor(mjd)  # noon to noon in America and the Pacific, where both surveys observe
    used = (blue | red) & np.isfinite(mag)
    keys, place = np.unique(np.stack([code[used], night[used]]), axis=1, return_inverse=True)
    place = place.ravel()
    count, mean = np.zeros((2, 2, keys.shape[1]))
    for k, mask in enumerate((blue[used], red[used])):
        count[k] = np.bincount(place[mask], minlength=keys.shape[1])
        mean[k] = np.bincount(place[mask], weights=mag[used][mask], minlength=keys.shape[1])
    both = (count > 0).all(axis=0)
    colour = mean[0, both] / count[0, both] - mean[1, both] / count[1, both]
    owner, nights = keys[0, both].astype(np.intp), keys[1, both]
    return {
        "colour": _take(colour, _last_row(owner, n)),
        "colour_change": _slope(owner, nights, colour, n, COLOUR_WINDOW),
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
