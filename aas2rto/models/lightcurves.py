"""From the photometry table to packed arrays: what of each candidate enters a fit, and why not.

Shared by the models of this room. Bad-quality points (``suspect``) enter fits but do not count
as detections, as in A&A 698, A153, Sect. 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.models.calibration import ALERT, FORCED, SURVEY, Calibration
from aas2rto.tables import photometry as phot

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ERRORS = (1e-100, 1e100)
"""Errors beyond are set to these [uJy], so that no square overflows."""


@dataclass(frozen=True)
class LightCurves:
    """The points of many candidates, one after the other, sorted by time.

    Parameters
    ----------
    candidate_id : ndarray of str, shape (n,)
        In the order of the candidate table.
    start : ndarray of int, shape (n + 1,)
        Candidate ``i`` owns the points ``start[i]:start[i + 1]``.
    mjd, flux, flux_err : ndarray of float, shape (points,)
        [d, UTC] and [uJy]; all finite, errors positive.
    band : ndarray of int, shape (points,)
        Index into `bands`.
    detection : ndarray of bool, shape (points,)
        False for forced photometry below the cut and for bad-quality points.
    limit : ndarray of bool, shape (points,)
        True where nothing was seen and `flux` is the limit: 5 `flux_err` [uJy].
    sort : ndarray of int, shape (points,)
        Kind of measurement, an index of `calibration.KINDS`.
    bands : tuple of str
        sncosmo names.
    redshift, ebv : ndarray of float, shape (n,)
        Redshift, NaN where unknown; Milky Way E(B-V) [mag], 0 where unknown.
    left_out : ndarray of str, shape (n,)
        What could not be used, in words; empty where all could.
    """

    candidate_id: NDArray[np.object_]
    start: Ints
    mjd: Floats
    flux: Floats
    flux_err: Floats
    band: Ints
    detection: NDArray[np.bool_]
    limit: NDArray[np.bool_]
    sort: Ints
    bands: tuple[str, ...]
    redshift: Floats
    ebv: Floats
    left_out: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.candidate_id)

    @property
    def owner(self) -> Ints:
        """Index of the candidate that owns each point, shape (points,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    @property
    def weight(self) -> Floats:
        """Inverse variance of each point, of errors within `ERRORS`."""
        weight: Floats = np.clip(self.flux_err, *ERRORS) ** -2
        return weight

    def calibrated(self, learnt: Calibration) -> Floats:
        """Return `weight` with the errors of each kind of measurement as they are found to be."""
        weight: Floats = self.weight / np.array(learnt.scale)[self.sort] ** 2
        return weight

    @property
    def span(self) -> Floats:
        """Days from the first to the last point of each candidate; 0 without points."""
        span = np.zeros(len(self))
        full = np.diff(self.start) > 0
        span[full] = self.mjd[self.start[1:][full] - 1] - self.mjd[self.start[:-1][full]]
        return span

    def from_median(self) -> Floats:
        """Return how far each point is from the median time of its candidate [d]."""
        middle = (self.start[:-1] + np.maximum(np.diff(self.start) - 1, 0) // 2)[self.owner]
        distance: Floats = np.abs(self.mjd - self.mjd[middle])  # times are sorted
        return distance

    def leave_out(self, i: int, words: str) -> None:
        """Note why points of candidate `i` are not used."""
        self.left_out[i] += (", " if self.left_out[i] else "") + words

    def count(self, mask: NDArray[np.bool_]) -> Ints:
        """Count the points of each candidate for which `mask` is true."""
        return np.bincount(self.owner[mask], minlength=len(self))

    def band_names(self, i: int) -> str:
        """Return the bands of candidate `i`, joined by spaces in the order of `bands`."""
        codes = np.unique(self.band[self.start[i] : self.start[i + 1]])
        return " ".join(self.bands[code] for code in codes)

    def only(self, keep: NDArray[np.bool_]) -> LightCurves:
        """Return the same candidates with only the points where `keep` is true."""
        return LightCurves(
            self.candidate_id,
            _starts(self.count(keep)),
            self.mjd[keep],
            self.flux[keep],
            self.flux_err[keep],
            self.band[keep],
            self.detection[keep],
            self.limit[keep],
            self.sort[keep],
            self.bands,
            self.redshift,
            self.ebv,
            self.left_out,
        )


def _starts(counts: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def numbers(candidates: pd.DataFrame, column: str) -> Floats:
    """Return a column of the candidate table as floats, NaN where it is missing."""
    if column not in candidates:
        return np.full(len(candidates), np.nan)
    values = pd.to_numeric(candidates[column], errors="coerce")
    return np.asarray(values, dtype=float).copy()


def pack(
    photometry: pd.DataFrame,
    candidates: pd.DataFrame,
    has_passband: Callable[[str], bool],
    *,
    limits: bool = False,
) -> LightCurves:
    """Choose the points that may enter a fit.

    Parameters
    ----------
    photometry : DataFrame
        As in :mod:`aas2rto.tables.photometry`; may hold other candidates too.
    candidates : DataFrame
        ``candidate_id``, and ``redshift`` and ``ebv`` if known.
    has_passband : callable
        Tells whether a band can be used.
    limits : bool
        Whether non-detections without a flux enter too, as one-sided points.

    Returns
    -------
    LightCurves
        Rows with finite flux and time, positive finite error and a known passband, one per
        exposure. A redshift counts as known when it is finite and above 0.
    """
    ids = candidates["candidate_id"].astype(str).to_numpy(dtype=object)
    owner = pd.Index(ids).get_indexer(pd.Index(photometry["candidate_id"].to_numpy(dtype=object)))
    table = photometry[owner >= 0].assign(_owner=owner[owner >= 0])
    table = table.sort_values(["_owner", "mjd"], kind="stable")
    measured = ~table["flux"].isna().to_numpy()
    seen_as = limits & ~measured & (table["kind"] == phot.LIMIT).to_numpy(dtype=bool)
    limit = table["limit"].to_numpy(float)
    flux = np.where(seen_as, limit, table["flux"].to_numpy(float))
    error = np.where(seen_as, limit / phot.LIMIT_SIGMA, table["flux_err"].to_numpy(float))
    finite = np.isfinite(table["mjd"].to_numpy(float)) & np.isfinite(flux) & np.isfinite(error)
    finite &= error > 0
    known = {name: has_passband(name) for name in table["band"].unique()}
    in_band = table["band"].map(known).to_numpy(dtype=bool)
    left_out = _left_out(table, len(ids), measured & ~finite, finite & ~in_band)

    table = table.assign(_flux=flux, _error=error, _limit=seen_as, _sort=sorts(table))
    used = phot.one_per_exposure(table[finite & in_band].reset_index(drop=True))
    bands, band = np.unique(used["band"].to_numpy(dtype=str), return_inverse=True)
    redshift = numbers(candidates, "redshift")
    redshift[~(np.isfinite(redshift) & (redshift > 0))] = np.nan
    # Copies, because the compiled code wants arrays that it might write to.
    return LightCurves(
        candidate_id=ids,
        start=_starts(np.bincount(used["_owner"].to_numpy(), minlength=len(ids))),
        mjd=np.array(used["mjd"], dtype=float),
        flux=np.array(used["_flux"], dtype=float),
        flux_err=np.array(used["_error"], dtype=float),
        band=np.array(band, dtype=np.int64),
        detection=np.array(used["kind"] == phot.DETECTION, dtype=bool),
        limit=np.array(used["_limit"], dtype=bool),
        sort=np.array(used["_sort"], dtype=np.int64),
        bands=tuple(str(name) for name in bands),
        redshift=redshift,
        ebv=np.nan_to_num(numbers(candidates, "ebv"), posinf=0.0, neginf=0.0),
        left_out=left_out,
    )


def sorts(table: pd.DataFrame) -> Ints:
    """Return the kind of each measurement: an index of `calibration.KINDS`.

    Parameters
    ----------
    table : DataFrame
        Rows of :mod:`aas2rto.tables.photometry` with ``_owner``.

    Notes
    -----
    Forced photometry of ZTF is what its source names so (``forced:...``). Where no name tells, a
    flux below the cut of detections does: alerts do not carry one, so that all of this light curve
    of ZTF's is forced photometry.
    """
    ztf = (table["survey"] == "ztf").to_numpy(dtype=bool)
    named = table["measurement_id"].astype(str).str.startswith("forced:").to_numpy(dtype=bool)
    weak = ztf & ~named & table["flux"].notna().to_numpy(dtype=bool)
    weak &= (table["kind"] == phot.LIMIT).to_numpy(dtype=bool)
    owner = table["_owner"].to_numpy()
    whole = np.isin(owner, owner[weak])
    return np.where(ztf, np.where(named | whole, FORCED, ALERT), SURVEY).astype(np.int64)


def _left_out(
    table: pd.DataFrame, n: int, broken: NDArray[np.bool_], no_band: NDArray[np.bool_]
) -> NDArray[np.object_]:
    """Say per candidate how many rows cannot be used, and why."""
    owner = table["_owner"].to_numpy()
    words: NDArray[np.object_] = np.full(n, "", dtype=object)
    counts = np.bincount(owner[broken], minlength=n)
    for i in np.flatnonzero(counts):
        words[i] = f"{counts[i]} without a finite flux and a positive error"
    bands = table["band"].to_numpy(dtype=object)
    for i in np.unique(owner[no_band]):
        lost = bands[no_band & (owner == i)]
        comma = ", " if words[i] else ""
        names = ", ".join(sorted(set(lost)))
        words[i] += f"{comma}{lost.size} in bands without a passband ({names})"
    return words
