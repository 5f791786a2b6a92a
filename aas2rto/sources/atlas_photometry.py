"""ATLAS forced photometry: the text of a result -> quality cuts -> one point per visit.

ATLAS takes four 30 s exposures of a field within about an hour. Alone, each reaches 19.3 mag;
together they are one point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from aas2rto.tables import photometry

BANDS = {"c": "atlasc", "o": "atlaso"}
"""``F`` -> band; w and H occur rarely and have no place in our models."""

EXPOSURE = 30.0 / 86400.0
"""[d]; ``MJD`` is the start of an exposure (fallingstar-data.com/forcedphot, resultdesc)."""

VISIT = 90.0 / 1440.0
"""[d] Time within which exposures belong together (AAS2RTO, A&A 698, A153, Sect. 2.2)."""

NUMBERS = ("MJD", "uJy", "duJy", "err", "x", "y", "maj", "min", "apfit", "mag5sig", "Sky")
"""Columns that are used as numbers, beside ``F`` (filter) and ``Obs`` (exposure)."""

MAX_SCATTER = 10.0
"""Reduced chi square of the exposures about their mean above which a point is suspect: an
asteroid, a satellite or a bad subtraction in one of them."""

SCATTER_FLOOR = 0.02
"""Relative scatter that exposures of a bright source have beyond the photon noise that ``duJy``
tells. ATLAS finds variability of bright stars down to 0.02 mag (Heinze et al. 2018, AJ 156, 241),
since the transparency varies by more than 0.01 mag over a field and its reference catalogue errs
by up to 0.02 mag in places (Tonry et al. 2018, ApJ 867, 105)."""


@dataclass(frozen=True)
class Cuts:
    """What an exposure must fulfil, from the server's FAQ and the recipes it links.

    Parameters
    ----------
    max_error : float
        Largest ``duJy`` [uJy].
    edge : tuple of float
        Smallest and largest ``x`` and ``y`` [pix]: the detector has 10,560.
    axes : tuple of float
        Limits of ``maj`` and ``min`` [pix], the widths of the PSF.
    apfit : tuple of float
        Limits of ``apfit`` [mag], aperture minus fitted magnitude.
    min_depth, min_sky : float
        Smallest ``mag5sig`` [mag] and ``Sky`` [mag / arcsec2].
    """

    max_error: float = 10000.0
    edge: tuple[float, float] = (100.0, 10460.0)
    axes: tuple[float, float] = (1.6, 5.0)
    apfit: tuple[float, float] = (-1.0, -0.1)
    min_depth: float = 17.0
    min_sky: float = 17.0

    def good(self, table: pd.DataFrame) -> pd.Series:
        """Say of each exposure whether it can be used."""
        inside = _between(table, ("x", "y"), self.edge) & _between(table, ("maj", "min"), self.axes)
        fitted = _between(table, ("apfit",), self.apfit) & (table["err"] == 0)
        deep = (table["mag5sig"] > self.min_depth) & (table["Sky"] > self.min_sky)
        error = (table["duJy"] > 0) & (table["duJy"] < self.max_error)
        return pd.Series(inside & fitted & deep & error & np.isfinite(table["uJy"]))


CUTS = Cuts()


def _between(
    table: pd.DataFrame, columns: tuple[str, ...], bounds: tuple[float, float]
) -> pd.Series:
    low, high = bounds
    inside = (table[list(columns)] > low) & (table[list(columns)] < high)
    return pd.Series(inside.all(axis=1))


def read(text: str, complain: Callable[[str], None]) -> pd.DataFrame:
    """Read a result.

    Parameters
    ----------
    text : str
        A header that begins with ``###MJD``, then one line per exposure.
    complain : callable
        Takes one line about each exposure that cannot be read.

    Returns
    -------
    DataFrame
        `NUMBERS` as floats, ``F`` and ``Obs``; further columns are left out.

    Raises
    ------
    ValueError
        If it has no such header.
    """
    lines = text.splitlines()
    head = lines[0].removeprefix("###").split() if lines else []
    missing = [name for name in (*NUMBERS, "F", "Obs") if name not in head]
    if missing:
        raise ValueError(f"its header lacks {', '.join(missing)}")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        try:
            rows.append(_row(head, line.split()))
        except ValueError as error:
            complain(f"line {number} cannot be read ({error})")
    table = pd.DataFrame(rows, columns=[*NUMBERS, "F", "Obs"])
    return table.astype(dict.fromkeys(NUMBERS, float))


def _row(head: list[str], words: list[str]) -> dict[str, Any]:
    if len(words) != len(head):
        raise ValueError(f"{len(words)} values for {len(head)} columns")
    by_name = dict(zip(head, words, strict=True))
    numbers = {name: float(by_name[name]) for name in NUMBERS}
    if not math.isfinite(numbers["MJD"]):
        raise ValueError("it has no time")
    return {**numbers, "F": by_name["F"], "Obs": by_name["Obs"]}


def stack(
    exposures: pd.DataFrame,
    *,
    limit: Literal["stacked", "paper"] = "stacked",
    begin: float = -math.inf,
    end: float = math.inf,
    cuts: Cuts = CUTS,
) -> pd.DataFrame:
    """Combine the exposures of each visit into one point.

    Parameters
    ----------
    exposures : DataFrame
        From `read`.
    limit : str
        ``stacked``: 5 sigma of the combined flux. ``paper``: the mean of the 5 sigma limits of
        the single exposures, as in A&A 698, A153, Sect. 2.2, which is higher and loses
        detections: four exposures of 40 +- 12 uJy are 6.7 sigma together.
    begin, end : float
        MJD (UTC) between which a visit has to start, so that none is used that lacks
        exposures at either end of what was asked for.
    cuts : Cuts

    Returns
    -------
    DataFrame
        ``mjd`` [d, UTC, middle of the exposures], ``band, flux, flux_err, limit`` [uJy],
        ``kind, measurement_id, exposures`` (how many), ``why`` (of suspect points). The flux is
        the mean with weights 1 / sigma^2, its error 1 / sqrt(sum of 1 / sigma^2).
    """
    good = exposures[cuts.good(exposures) & exposures["F"].isin(list(BANDS))]
    good = good.sort_values(["F", "MJD"], kind="stable").drop_duplicates(["F", "Obs"])
    visit = _visits(good["F"].to_numpy(dtype=object), good["MJD"].to_numpy())
    weight = 1.0 / good["duJy"] ** 2
    parts = pd.DataFrame(
        {
            "visit": visit,
            "F": good["F"],
            "Obs": good["Obs"],
            "start": good["MJD"],
            "mjd": good["MJD"] + EXPOSURE / 2.0,
            "weight": weight,
            "sum": weight * good["uJy"],
            "single": photometry.LIMIT_SIGMA * good["duJy"],
        }
    )
    each = parts.groupby("visit", sort=True)
    first = each[["F", "Obs", "start"]].first()
    total = each[["weight", "sum"]].sum()
    mean = each[["mjd", "single"]].mean()
    flux = (total["sum"] / total["weight"]).to_numpy()
    flux_err = (1.0 / np.sqrt(total["weight"])).to_numpy()
    points = pd.DataFrame(
        {
            "mjd": mean["mjd"].to_numpy(),
            "band": first["F"].map(BANDS).to_numpy(),
            "flux": flux,
            "flux_err": flux_err,
            "limit": _limits(limit, flux_err, mean["single"].to_numpy()),
            "measurement_id": ("stack:" + first["Obs"]).to_numpy(),
            "exposures": each.size().to_numpy(),
        }
    )
    wild = _disagree(good, visit)
    points["kind"] = _kinds(limit, points, wild)
    points[photometry.WHY] = np.where(wild, SCATTERS, "")
    inside = (first["start"] >= begin) & (first["start"] <= end)
    return points[inside.to_numpy()].sort_values("mjd", ignore_index=True)


SCATTERS = "its exposures scatter more than noise and sky allow"
"""Why a point is suspect."""


def _disagree(exposures: pd.DataFrame, visit: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Say of each visit whether its exposures scatter more than noise and sky allow.

    The allowance is relative to the visit's median, which one wild exposure does not lift.
    """
    flux = exposures["uJy"]
    floor = SCATTER_FLOOR * flux.groupby(visit).transform("median")
    weight = 1.0 / (exposures["duJy"] ** 2 + floor**2)
    terms = pd.DataFrame(
        {"weight": weight, "sum": weight * flux, "squares": weight * flux**2, "n": 1.0}
    )
    total = terms.groupby(visit, sort=True).sum()
    scatter = total["squares"] - total["sum"] ** 2 / total["weight"]
    many = (scatter > MAX_SCATTER * (total["n"] - 1.0)) & (total["n"] > 1)
    return many.to_numpy(dtype=bool)


def _limits(
    limit: str, flux_err: np.ndarray[Any, Any], single: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    return single if limit == "paper" else photometry.LIMIT_SIGMA * flux_err


def _kinds(limit: str, points: pd.DataFrame, suspect: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    kinds = photometry.kind_of(points["flux"], points["flux_err"], "atlas", suspect=suspect)
    if limit == "paper":
        too_faint = (kinds == photometry.DETECTION) & (points["flux"] < points["limit"]).to_numpy()
        kinds = np.where(too_faint, photometry.LIMIT, kinds)
    return kinds


def _visits(bands: np.ndarray[Any, Any], mjd: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Give each exposure the number of its visit; they are sorted by band and time."""
    numbers = np.zeros(len(mjd), dtype=np.int64)
    number, start, band = -1, -math.inf, ""
    for i in range(len(mjd)):
        if bands[i] != band or mjd[i] - start > VISIT:
            number, start, band = number + 1, mjd[i], bands[i]
        numbers[i] = number
    return numbers
