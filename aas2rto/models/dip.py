"""How a star's alerts compare with its own history: what the factor `dip` decides on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from aas2rto.models import NOT_ENOUGH_DATA, OK, model
from aas2rto.models.dip_statistics import Sample, compared
from aas2rto.tables.photometry import BANDS
from aas2rto.tables.total import ALERT, HISTORY, magnitudes
from aas2rto.units import Day

STATISTICS: dict[str, str] = {
    "n_history": "points of the history",
    "n_alert": "points of the alert sample",
    "median": "median of the history [mag]",
    "std": "standard deviation of the history [mag]",
    "chisq": "mean of ((m - median) / error)^2 of the history",
    "chisq_90": "the same of what lies between its 5th and 95th percentile, about its own median",
    "limit": "percentile of the history that the alerts are compared with [mag]",
    "alert": "middle of the alert sample, see `centre` [mag]",
    "p": "two-sample Kolmogorov-Smirnov p of history and alerts",
    "depth": "that less the median of the history; positive: fainter [mag]",
    "depth_err": "its error [mag]",
    "sigmas": "depth in standard deviations of the history",
    "sigmas_err": "its error",
    "n_brighter": "alert points brighter than their template",
    "nights": "nights with alerts fainter than the limit: how often it was seen to dip",
}
"""What is measured in each band; as columns ``<model>_<name>_<band>``."""


@model("dip")
class Dip:
    """Statistics of a star's alerts against its history, in each band.

    Parameters
    ----------
    packet : float
        The discovery date is so long before the first alert, where the packet's own history
        begins: 30 d for ZTF [day].
    gap : float
        The history ends so long before the discovery date [day].
    sample_start : float
        Alerts count from so long after the discovery date on [day].
    percentile : float
        Of the history, with which the alerts' median is compared.
    reference : str
        ``template``: an alert is the flux of its template plus the difference. ``history``: the
        median of the history plus the difference, as the paper's published script has it: for a
        history that drifted, that is another magnitude.
    centre : str
        What the middle of the alerts is: ``hodges_lehmann``, the median of the means of all pairs,
        or their ``median``, as in the paper. Of ten alerts of quiet stars the first calls 0.1 %
        dips that are none, the second 0.5 % (tests/benchmarks/bench_dips.py).
    least : int
        Fewer points of either sample, and nothing is measured in a band.

    Notes
    -----
    Gallay, Davenport & Croft (2025), arXiv:2506.14744, Sect. 5.2.3. It reads total brightness: the
    history that `ztf_history` brings, and alerts whose template is known. Bands are not mixed.
    """

    PARAMETERS = tuple(f"{name}_{band}" for band in BANDS for name in STATISTICS)
    reads_totals = True

    def __init__(
        self,
        *,
        packet: Annotated[Day, Field(ge=0)] = 30.0,
        gap: Annotated[Day, Field(ge=0)] = 100.0,
        sample_start: Annotated[Day, Field(ge=0)] = 30.0,
        percentile: Annotated[float, Field(gt=50, lt=100)] = 95.0,
        reference: Literal["template", "history"] = "template",
        centre: Literal["hodges_lehmann", "median"] = "hodges_lehmann",
        least: Annotated[int, Field(ge=1)] = 3,
    ) -> None:
        self.packet = packet
        self.gap = gap
        self.sample_start = sample_start
        self.percentile = percentile
        self.reference = reference
        self.sharp = centre == "hodges_lehmann"
        self.least = least

    def fit(self, photometry: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
        """Compare; see :class:`aas2rto.models.Model`. The photometry is total brightness."""
        mag, magerr = magnitudes(photometry)
        table = photometry.assign(mag=mag, magerr=magerr)
        groups = dict(iter(table.groupby("candidate_id", sort=False)))
        names = candidates["candidate_id"].tolist()
        return pd.DataFrame([self._one(name, groups.get(name)) for name in names])

    def _one(self, name: str, rows: pd.DataFrame | None) -> dict[str, Any]:
        told: dict[str, float] = {}
        reason = "no alert with a template, and no history" if rows is None else ""
        if rows is not None:
            alerts = rows[rows["kind"] == ALERT]
            if alerts.empty:
                reason = "no alert whose template is known"
            else:
                told = self._of_bands(rows, alerts)
                reason = "" if told else "no band has both alerts and a history"
        bands = sorted({key.rpartition("_")[2] for key in told})
        used = [told[f"n_{kind}_{band}"] for band in bands for kind in ("history", "alert")]
        return {
            "candidate_id": name,
            "status": OK if told else NOT_ENOUGH_DATA,
            "reason": reason,
            "t_peak": np.nan,
            "t_peak_err": np.nan,
            "chisq": np.nan,
            "ndof": np.nan,
            "n_points": float(sum(used)),
            "bands": " ".join(bands),
            "parameters": told,
            "errors": {},
            "covariance": [],
        }

    def _of_bands(self, rows: pd.DataFrame, alerts: pd.DataFrame) -> dict[str, float]:
        """Measure each band with alerts; the discovery date is that of the object."""
        discovery = float(alerts["mjd"].min()) - self.packet
        old = (rows["kind"] == HISTORY) & (rows["mjd"] < discovery - self.gap)
        new = alerts[alerts["mjd"] >= discovery + self.sample_start]
        found: dict[str, float] = {}
        for band in new["band"].unique():
            history = _sample(rows[old & (rows["band"] == band)])
            one = new[new["band"] == band]
            sample = _sample(one)
            if self.reference == "history" and len(history.mag):
                sample = _from_history(history, one)
            if len(history.mag) < self.least:
                told = {"n_history": float(len(history.mag)), "n_alert": float(len(sample.mag))}
            else:
                with warnings.catch_warnings():
                    # Of exact probabilities that SciPy replaces by asymptotic ones.
                    warnings.simplefilter("ignore", RuntimeWarning)
                    told = compared(history, sample, self.percentile, self.least, sharp=self.sharp)
            told["n_brighter"] = float((one["difference"] > 0).sum())
            found.update({f"{key}_{band}": value for key, value in told.items()})
        return found

    def light_curve(
        self,
        fit: Mapping[str, Any],  # noqa: ARG002  every model takes it
        bands: Sequence[str],  # noqa: ARG002
        mjd: NDArray[Any],  # noqa: ARG002
    ) -> pd.DataFrame:
        """Return no rows: a star that is as ever has no difference to draw."""
        names = ("band", "mjd", "flux", "flux_low", "flux_high")
        return pd.DataFrame({name: pd.Series(dtype=float) for name in names})


def _sample(rows: pd.DataFrame) -> Sample:
    good = np.isfinite(rows["mag"].to_numpy(float))
    columns = (rows[name].to_numpy(float)[good] for name in ("mjd", "mag", "magerr"))
    return Sample(*columns)


def _from_history(history: Sample, alerts: pd.DataFrame) -> Sample:
    """Return alerts as differences to the median of the history."""
    reference = 10 ** (-0.4 * (float(np.median(history.mag)) - 23.9))
    flux = reference + alerts["difference"].to_numpy(float)
    table = alerts.assign(flux=flux, flux_err=alerts["difference_err"])
    mag, magerr = magnitudes(table)
    return _sample(table.assign(mag=mag, magerr=magerr))
