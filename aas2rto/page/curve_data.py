"""The light curve of a candidate as numbers, for the chart in a browser and for programs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.outputs.figures.light_curve import curve, days, magnitudes, shown
from aas2rto.outputs.figures.subject import Subject
from aas2rto.page.light_curve_svg import band_class
from aas2rto.page.svg import Floats
from aas2rto.tables.photometry import DETECTION, LIMIT, mag_from_flux, magerr_from_flux
from aas2rto.tables.total import HISTORY
from aas2rto.text.json_values import plain

DIGITS = {"days": 5, "mag": 4, "magerr": 4, "flux": 4, "flux_err": 4}
"""After the point: of magnitudes a hundredth of their errors, of days a second."""


def curve_data(subject: Subject, totals: pd.DataFrame) -> dict[str, Any]:
    """Return points and model of a candidate, by band.

    Parameters
    ----------
    subject : Subject
    totals : DataFrame
        Its total brightness, see `aas2rto.tables.total`.

    Returns
    -------
    dict
        ``now_mjd``; ``peak`` with ``mjd, err, model``, or None; ``axis``: what is shown at first
        [d from now; mag]; ``bands``: for each its name, ``class``, and columns ``days`` [d from
        now], ``kind``, ``mag, magerr`` [AB], ``flux, flux_err`` [uJy] (of limits: the limit);
        ``model``: for each band ``days, mag, mag_faint, mag_bright, flux, flux_low, flux_high``;
        ``total``: as ``bands``, of template plus difference (``point``) and of light curves from
        data releases (``history``).
    """
    points = shown(subject)
    low, high = days(subject, points)
    model = curve(subject, points, (low, high))
    top, bottom = magnitudes(points, model, subject.reported)
    fitted = subject.fitted
    peak = None
    if fitted is not None and np.isfinite(fitted.t_peak):
        peak = {"mjd": fitted.t_peak, "err": fitted.t_peak_err, "model": fitted.name}
    told: dict[str, Any] = plain(
        {
            "now_mjd": subject.now,
            "peak": peak,
            "axis": {"days": [low, high], "mag": [top, bottom]},
            "bands": [
                _points(str(band), rows, subject.now)
                for band, rows in subject.points.groupby("band", sort=True, observed=True)
            ],
            "model": [
                _model(str(band), rows, subject.now)
                for band, rows in model.groupby("band", sort=True)
            ],
            "total": [
                _totals(str(band), rows, subject.now)
                for band, rows in totals.groupby("band", sort=True, observed=True)
            ],
        }
    )
    return told


def _points(band: str, rows: pd.DataFrame, now: float) -> dict[str, Any]:
    is_limit = (rows["kind"] == LIMIT).to_numpy(bool)
    flux = np.where(is_limit, rows["limit"], rows["flux"]).astype(float)
    error = np.where(is_limit, np.nan, rows["flux_err"]).astype(float)
    kind = np.where(is_limit, "limit", np.where(rows["kind"] == DETECTION, "point", "suspect"))
    return _of_band(band, kind, rows["mjd"].to_numpy(float) - now, flux, error)


def _totals(band: str, rows: pd.DataFrame, now: float) -> dict[str, Any]:
    flux, error = rows["flux"].to_numpy(float), rows["flux_err"].to_numpy(float)
    kind = np.where(rows["kind"] == HISTORY, "history", "point")
    return _of_band(band, kind, rows["mjd"].to_numpy(float) - now, flux, error)


def _of_band(
    band: str, kind: NDArray[np.str_], ago: Floats, flux: Floats, error: Floats
) -> dict[str, Any]:
    is_seen = flux > 0
    columns = {
        "days": ago,
        "mag": _mags(flux),
        "magerr": np.where(is_seen, magerr_from_flux(np.where(is_seen, flux, 1.0), error), np.nan),
        "flux": flux,
        "flux_err": error,
    }
    return {"band": band, "class": band_class(band), "kind": kind.tolist(), **_rounded(columns)}


def _model(band: str, rows: pd.DataFrame, now: float) -> dict[str, Any]:
    flux, low, high = (rows[name].to_numpy(float) for name in ("flux", "flux_low", "flux_high"))
    columns = {"days": rows["mjd"].to_numpy(float) - now, "mag": _mags(flux)}
    columns |= {"mag_faint": _mags(low), "mag_bright": _mags(high)}
    columns |= {"flux": flux, "flux_low": low, "flux_high": high}
    return {"band": band, "class": band_class(band), **_rounded(columns)}


def _mags(flux: Floats) -> Floats:
    """Return magnitudes; NaN where the flux is not positive."""
    good = flux > 0
    found: Floats = np.where(good, mag_from_flux(np.where(good, flux, 1.0)), np.nan)
    return found


def _rounded(columns: dict[str, Floats]) -> dict[str, list[float]]:
    return {
        name: np.round(values, DIGITS.get(name, 4)).tolist() for name, values in columns.items()
    }
