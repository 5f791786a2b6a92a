"""Dips put into real histories: how often they are found, and how often one is seen that is not.

A window of a history's own points, shifted by a depth, stands in for the alerts; what is older than
the gap before it is the history. Nothing is assumed of the noise.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.factors import Decision
from aas2rto.factors.dip import dip
from aas2rto.models.dip import STATISTICS
from aas2rto.models.dip_statistics import Sample, compared, ks_p

Floats = NDArray[np.float64]

DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
"""Depths in standard deviations of the history."""

BAND = "ztfr"
"""What the band of a single curve is called for the factor; it takes each band alike."""

J2000 = 51544.5
"""Any time: the factor asks for none."""

SIGNIFICANT = 0.05
"""The paper's p."""


@dataclass(frozen=True)
class Trial:
    """How dips are put in and looked for.

    Parameters
    ----------
    n_alert : int
        Points of a window.
    gap : float
        Between history and window [d]: the packet's own days and those before it.
    step : int
        A window begins so many points after the one before.
    most : int
        Windows of one curve, the latest.
    percentile : float
        See `aas2rto.models.dip.Dip`.
    sharp : bool
        See `aas2rto.models.dip_statistics.compared`.
    drawn : bool
        Draw the points of a window from all of the history, in place of later ones: what the star
        did in between then does not add to the dip.
    settings : mapping
        Of the factor.
    """

    n_alert: int = 10
    gap: float = 130.0
    step: int = 10
    most: int = 5
    percentile: float = 95.0
    sharp: bool = True
    drawn: bool = False
    settings: Mapping[str, Any] | None = None

    @property
    def min_history(self) -> int:
        """Least points of a history."""
        return int((self.settings or {}).get("min_history") or 30)


def windows(curve: Sample, trial: Trial) -> Iterator[tuple[Sample, Sample]]:
    """Yield histories and the windows after them, the latest first.

    Parameters
    ----------
    curve : Sample
        Sorted by time.
    trial : Trial
    """
    if trial.drawn:
        yield from _drawn(curve, trial)
        return
    starts = range(len(curve.mjd) - trial.n_alert, 0, -trial.step)
    for start in starts[: trial.most]:
        old = int(np.searchsorted(curve.mjd, curve.mjd[start] - trial.gap))
        if old < trial.min_history:
            return
        yield _cut(curve, 0, old), _cut(curve, start, start + trial.n_alert)


def _drawn(curve: Sample, trial: Trial) -> Iterator[tuple[Sample, Sample]]:
    dice = np.random.default_rng(len(curve.mjd))
    if len(curve.mjd) - trial.n_alert < trial.min_history:
        return
    for _ in range(trial.most):
        taken = np.zeros(len(curve.mjd), dtype=bool)
        taken[dice.choice(len(taken), trial.n_alert, replace=False)] = True
        old, new = (
            Sample(curve.mjd[part], curve.mag[part], curve.magerr[part]) for part in (~taken, taken)
        )
        yield old, new


def _cut(curve: Sample, start: int, stop: int) -> Sample:
    part = slice(start, stop)
    return Sample(curve.mjd[part], curve.mag[part], curve.magerr[part])


def tried(
    curves: Mapping[str, Sample], trial: Trial, depths: Sequence[float] = DEPTHS
) -> pd.DataFrame:
    """Put dips into windows of curves, and let the factor judge.

    Parameters
    ----------
    curves : mapping of str to Sample
    trial : Trial
    depths : sequence of float
        In standard deviations of each history.

    Returns
    -------
    DataFrame
        One row per window and depth: ``curve, depth`` [sd], ``std`` [mag], ``p``, ``passes``.
    """
    rows: list[dict[str, Any]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # exact p that SciPy cannot have
        for name, curve in curves.items():
            for history, window in windows(curve, trial):
                std = float(history.mag.std(ddof=1))
                for depth in depths:
                    fainter = Sample(window.mjd, window.mag + depth * std, window.magerr)
                    told = compared(history, fainter, trial.percentile, 1, sharp=trial.sharp)
                    rows.append({"curve": name, "injected": depth, **told, "n_brighter": 0.0})
    table = pd.DataFrame(rows, columns=["curve", "injected", *STATISTICS])
    return pd.DataFrame(
        {
            "curve": table["curve"],
            "depth": table["injected"].astype(float),
            "std": table["std"].astype(float),
            "p": table["p"].astype(float),
            "passes": _passes(table, trial),
        }
    )


def _passes(table: pd.DataFrame, trial: Trial) -> NDArray[np.bool_]:
    """Return what the factor itself says."""
    if table.empty:
        return np.zeros(0, dtype=bool)
    columns = {f"dip_{name}_{BAND}": table[name].astype(float) for name in STATISTICS}
    settings = {**(trial.settings or {}), "bands": (BAND,), "model": "dip", "use": "exclude"}
    found = dip(pd.DataFrame(columns), Time(J2000, format="mjd"), **settings)
    return np.asarray(found.decision == Decision.KEEP)


def by_depth(table: pd.DataFrame) -> pd.DataFrame:
    """Return the share found by depth; at depth 0 that is the share of false positives.

    Returns
    -------
    DataFrame
        ``depth`` [sd], ``n`` windows, ``found`` share that passes all tests, ``p_below`` share with
        p < 0.05, ``median_p``.
    """
    groups = table.groupby("depth", sort=True)
    return pd.DataFrame(
        {
            "n": groups.size(),
            "found": groups["passes"].mean(),
            "p_below": groups["p"].apply(lambda p: float((p < SIGNIFICANT).mean())),
            "median_p": groups["p"].median(),
        }
    ).reset_index()


def p_against_depth(
    history: Sample, n_alert: int, depths: Sequence[float], seed: int = 0
) -> Floats:
    """Return p by depth as the paper's Fig. 6 has it: from draws of a Gaussian.

    Parameters
    ----------
    history : Sample
    n_alert : int
        Points of each draw, of the history's own standard deviation.
    depths : sequence of float
        [mag]
    seed : int
        Of the draws; the same for each depth, so that only the depth differs.
    """
    median, std = float(np.median(history.mag)), float(history.mag.std(ddof=1))
    drawn = np.random.default_rng(seed).normal(median, std, n_alert)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.array([ks_p(history.mag, drawn + depth) for depth in depths])


def depth_at(depths: Sequence[float], p: Floats, level: float = SIGNIFICANT) -> float:
    """Return from which depth on p stays below a level; NaN if it never does."""
    above = np.flatnonzero(p >= level)
    if len(above) == 0:
        return float(depths[0])
    last = int(above[-1])
    if last == len(p) - 1:
        return float("nan")
    # Between two depths by the logarithm of p, which falls in a straight line.
    high, low = np.log(p[last]), np.log(max(float(p[last + 1]), 1e-300))
    share = (high - np.log(level)) / (high - low)
    return float(depths[last] + share * (depths[last + 1] - depths[last]))


def can_show(
    curves: Mapping[str, Sample], n_alert: int, draws: int = 5, most: int = 200
) -> pd.DataFrame:
    """Return which depth the history of each curve can show: that at which p falls below 0.05.

    Parameters
    ----------
    curves : mapping of str to Sample
    n_alert : int
    draws : int
        Of which the median is taken.
    most : int
        So many curves are looked at.

    Returns
    -------
    DataFrame
        ``curve, n, std`` [mag], ``depth`` [mag], ``sigmas``.
    """
    rows = []
    for name, curve in list(curves.items())[:most]:
        std = float(curve.mag.std(ddof=1))
        grid = np.linspace(0, 3 * std, 25).tolist()
        found = [
            depth_at(grid, p_against_depth(curve, n_alert, grid, seed)) for seed in range(draws)
        ]
        middle = float(np.nanmedian(found)) if np.isfinite(found).any() else float("nan")
        rows.append((name, len(curve.mag), std, middle, middle / std))
    return pd.DataFrame(rows, columns=["curve", "n", "std", "depth", "sigmas"])


def curves_of(histories: pd.DataFrame, least: int) -> dict[str, Sample]:
    """Return the curves of a report's histories that have enough points."""
    found = {}
    for name, rows in histories.groupby("curve_id", sort=True):
        if len(rows) >= least:
            by_time = rows.sort_values("mjd")
            columns = (by_time[key].to_numpy(float) for key in ("mjd", "mag", "magerr"))
            found[str(name)] = Sample(*columns)
    return found
