"""The photometry table: its columns, its units, and the conversions at its door.

One row per measurement. Fluxes are in uJy on the AB scale, m = 23.9 - 2.5 log10(F / uJy),
and may be negative; times are MJD in UTC.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

AB_ZERO_POINT = 23.9
"""AB magnitude of 1 uJy: -2.5 log10(1e-29 erg / s / cm2 / Hz) - 48.60, Oke & Gunn (1983)."""

POGSON = 2.5 / np.log(10.0)
"""Magnitudes per unit of relative flux error, 1.0857."""

MJD_OF_JD = 2400000.5
"""MJD = JD - 2400000.5."""

SAME_EXPOSURE = 1e-4
"""Measurements of one survey and band that are no more than this apart are one exposure [d].

Exposures take longer than these 9 s; brokers round times by less."""

LIMIT_SIGMA = 5.0
"""Limits in this table are 5 sigma."""

DETECTION_SNR = {"ztf": 3.0, "lsst": 5.0, "atlas": 5.0}
"""Smallest flux / error that counts as a detection, by survey.

ZTF alerts are cut at 5 sigma on the matched filter, so their PSF-fit errors may reach 0.36 mag
(3 sigma); LSST alerts and ATLAS stacks are cut at 5 sigma on the PSF flux itself.
"""

DEFAULT_DETECTION_SNR = 3.0
"""The cut for a survey that is not in `DETECTION_SNR`."""

DETECTION, LIMIT, SUSPECT = "detection", "limit", "suspect"
KINDS = (DETECTION, LIMIT, SUSPECT)
"""``detection``: counts in factors. ``suspect``: bad quality or negative, enters fits only.
``limit``: not detected; `flux` may still be there (forced photometry) and then enters fits."""

BANDS = (
    "ztfg",
    "ztfr",
    "ztfi",
    "atlasc",
    "atlaso",
    "lsstu",
    "lsstg",
    "lsstr",
    "lssti",
    "lsstz",
    "lssty",
)
"""Bands, named as sncosmo does, for which summary columns always exist."""

COLUMNS: dict[str, str] = {
    "candidate_id": "str",
    "mjd": "float64",
    "band": "str",
    "flux": "float64",
    "flux_err": "float64",
    "limit": "float64",
    "kind": "str",
    "survey": "str",
    "source": "str",
    "measurement_id": "str",
    "known_at": "float64",
}
"""Columns of the photometry table. Units: mjd, known_at [d, UTC]; flux, flux_err, limit [uJy]."""


def flux_from_mag(mag: ArrayLike) -> NDArray[np.float64]:
    """Convert AB magnitudes to fluxes [uJy].

    Examples
    --------
    >>> float(flux_from_mag(23.9))
    1.0
    """
    return np.asarray(10.0 ** ((AB_ZERO_POINT - np.asarray(mag, dtype=float)) / 2.5))


def mag_from_flux(flux: ArrayLike) -> NDArray[np.float64]:
    """Convert fluxes [uJy] to AB magnitudes; NaN where the flux is not positive."""
    flux = np.asarray(flux, dtype=float)
    return np.asarray(AB_ZERO_POINT - 2.5 * np.log10(np.where(flux > 0, flux, np.nan)))


def flux_err_from_magerr(flux: ArrayLike, magerr: ArrayLike) -> NDArray[np.float64]:
    """Convert magnitude errors to flux errors [uJy] of fluxes [uJy]."""
    return np.asarray(
        np.abs(np.asarray(flux, dtype=float)) * np.asarray(magerr, dtype=float) / POGSON
    )


def magerr_from_flux(flux: ArrayLike, flux_err: ArrayLike) -> NDArray[np.float64]:
    """Convert flux errors [uJy] to magnitude errors; NaN where the flux is not positive."""
    flux = np.asarray(flux, dtype=float)
    return np.asarray(POGSON * np.asarray(flux_err, dtype=float) / np.where(flux > 0, flux, np.nan))


def mjd_utc_from_tai(mjd_tai: ArrayLike) -> NDArray[np.float64]:
    """Convert MJD in TAI, as LSST gives it, to MJD in UTC (37 s less since 2017)."""
    from astropy.time import Time  # noqa: PLC0415  half a second at import
    from erfa import ErfaWarning  # type: ignore[import-untyped]  # noqa: PLC0415

    values = np.asarray(mjd_tai, dtype=float)
    good = np.isfinite(values)
    utc = np.full(values.shape, np.nan)
    if good.any():
        with warnings.catch_warnings():
            # Of years far away, which no measurement has.
            warnings.simplefilter("ignore", ErfaWarning)
            utc[good] = Time(values[good], format="mjd", scale="tai").utc.mjd
    return utc


def kind_of(
    flux: ArrayLike, flux_err: ArrayLike, survey: str, *, suspect: ArrayLike = False
) -> NDArray[np.str_]:
    """Name each measurement: detection, limit or suspect.

    Parameters
    ----------
    flux, flux_err : array_like
        [uJy]; NaN flux means that there is only a limit.
    survey : str
        Decides the cut in signal to noise, see `DETECTION_SNR`.
    suspect : array_like of bool
        True where the survey's own flags say bad quality.

    Returns
    -------
    ndarray of str
        A significantly negative flux (fainter than the template) is ``suspect``: it is a
        measurement that a fit may use, but no detection of a new source.
    """
    flux, flux_err = np.broadcast_arrays(
        np.asarray(flux, dtype=float), np.asarray(flux_err, dtype=float)
    )
    cut = DETECTION_SNR.get(survey, DEFAULT_DETECTION_SNR)
    with np.errstate(all="ignore"):
        snr = flux / flux_err
        usable = np.isfinite(snr) & (flux_err > 0)
        kind = np.where(usable & (snr >= cut), DETECTION, LIMIT)
        kind = np.where(usable & (snr <= -cut), SUSPECT, kind)
    return np.where(np.asarray(suspect, dtype=bool) & np.isfinite(flux), SUSPECT, kind)


def empty() -> pd.DataFrame:
    """Return a photometry table without rows."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in COLUMNS.items()})


def limit_id(band: str, mjd: float) -> str:
    """Name a non-detection by its exposure, so that all brokers name it alike.

    A ten-thousandth of a day (9 s) tells exposures apart and absorbs rounding by brokers.
    """
    return f"limit:{band}:{mjd:.4f}"


WHY = "why"
"""A further column of what sources report: which test made a point suspect; else empty. The table
that flows through the program has it not: the store keeps it for those who ask."""

TEMPLATE, TEMPLATE_ERR = "template_flux", "template_flux_err"
"""Further columns of what sources report: the flux of the template at this place, which the total
brightness needs, and its error [uJy]; NaN where there is no star. As with `WHY`, the store keeps
them for those who ask, see `aas2rto.tables.total`."""

OPTIONAL: dict[str, str] = {WHY: "str", TEMPLATE: "float64", TEMPLATE_ERR: "float64"}
"""What sources may report beside `COLUMNS`."""

NEGATIVE = "a negative flux: fainter than the template"
"""Why a point is suspect for which its source names no test."""


def conform(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with exactly the columns and types of this module, missing ones as null.

    What is `OPTIONAL` stays where it is given.

    Parameters
    ----------
    table : DataFrame
        At least ``mjd`` and ``band``.
    """
    given = {**COLUMNS, **{name: kind for name, kind in OPTIONAL.items() if name in table}}
    return pd.DataFrame(
        {
            name: _as(table[name], dtype)
            if name in table
            else pd.Series(np.nan if dtype == "float64" else "", index=table.index, dtype=dtype)
            for name, dtype in given.items()
        }
    ).reset_index(drop=True)


def _as(column: pd.Series, dtype: str) -> pd.Series:
    column = column.astype(dtype)  # type: ignore[call-overload]
    return column.fillna("") if dtype == "str" else column


@dataclass(frozen=True)
class Segment:
    """The rows of one candidate in a table sorted by candidate."""

    candidate_id: str
    start: int
    stop: int


def codes(column: pd.Series, values: Sequence[str] | None = None) -> NDArray[np.intp]:
    """Return a number for each text of a column, quickly where it holds categories.

    Parameters
    ----------
    column : Series
        Texts or categories.
    values : sequence of str, optional
        What the numbers stand for; by default any numbering that tells texts apart.

    Returns
    -------
    ndarray of int, shape (n,)
        -1 where a text is not among `values`.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        number = column.cat.codes.to_numpy()
        if values is None:
            return number.astype(np.intp)
        return np.append(pd.Index(values).get_indexer(column.cat.categories), -1)[number]
    if values is None:
        return pd.factorize(column)[0]
    return pd.Index(values).get_indexer(pd.Index(column))


def segments(photometry: pd.DataFrame) -> Iterator[Segment]:
    """Yield the contiguous rows of each candidate.

    Parameters
    ----------
    photometry : DataFrame
        Sorted by candidate.
    """
    if photometry.empty:
        return
    ids = photometry["candidate_id"].to_numpy(dtype=object)
    edges = np.flatnonzero(ids[1:] != ids[:-1]) + 1
    bounds = [0, *edges.tolist(), len(ids)]
    for start, stop in itertools.pairwise(bounds):
        yield Segment(str(ids[start]), start, stop)


def as_known_at(photometry: pd.DataFrame, now_mjd: float) -> pd.DataFrame:
    """Return the rows that were measured and known at `now_mjd` [d, UTC]."""
    seen = (photometry["known_at"] <= now_mjd) & (photometry["mjd"] <= now_mjd)
    return photometry[seen]


def one_per_exposure(photometry: pd.DataFrame) -> pd.DataFrame:
    """Keep one row per exposure where an alert and forced photometry measured the same one.

    Parameters
    ----------
    photometry : DataFrame
        Sorted by candidate and time.

    Returns
    -------
    DataFrame
        Rows of one candidate, survey and band that lie within 9 s are one exposure; a
        detection is kept before a suspect point and that before a limit, so that no epoch
        enters a fit or a count twice.
    """
    if photometry.empty:
        return photometry
    camera = np.zeros(len(photometry), dtype=np.int64)
    for name in ("candidate_id", "survey", "band"):
        code = codes(photometry[name])
        camera = camera * (code.max() + 1) + code
    mjd = photometry["mjd"].to_numpy(float)
    by_time = np.lexsort((mjd, camera))
    # Not by rounded times, which would part two that lie on either side of a boundary.
    apart = (np.diff(camera[by_time]) != 0) | (np.diff(mjd[by_time]) > SAME_EXPOSURE)
    exposure = np.empty(len(photometry), dtype=np.int64)
    exposure[by_time] = np.concatenate([[0], np.cumsum(apart)])
    order = codes(photometry["kind"], [DETECTION, SUSPECT, LIMIT])
    order = order + len(KINDS) * photometry["flux"].isna().to_numpy()
    best = np.lexsort((order, exposure))  # stable: of equals, the first row
    first = np.concatenate([[True], np.diff(exposure[best]) != 0])
    return photometry.iloc[np.sort(best[first])]
