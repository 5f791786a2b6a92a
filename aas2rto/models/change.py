"""Whether a watched source has changed: baselines, and stage 1 of the first filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from aas2rto.models import NOT_ENOUGH_DATA, OK, model
from aas2rto.models.watched import cusum, tails
from aas2rto.models.watched import stage_state as at
from aas2rto.models.watched.as_written import as_written as run_as_written
from aas2rto.models.watched.baseline import in_magnitudes, structure_function
from aas2rto.models.watched.nightly import LONGITUDES, Nights, nightly
from aas2rto.models.watched.onset import Onset, onset, since
from aas2rto.models.watched.stage_state import Settings
from aas2rto.tables.columns import PARAMETERS
from aas2rto.tables.photometry import (
    BANDS,
    SUSPECT,
    flux_from_mag,
    mag_from_flux,
    magerr_from_flux,
)
from aas2rto.units import Day, Mag

STATUSES = ("ok", "random walk", "baseline changes", "too few nights", "no nights")
"""How a band is looked at, see `aas2rto.models.watched.stage_one.statuses`; a column holds its
number in this list."""

_PER_BAND = "_<band>"
OF_SOURCE = tuple(name for name in PARAMETERS["change"] if not name.endswith(_PER_BAND))
"""Parameters of a source; those from `t_on` to `reversals` only where it is flagged."""

OF_BAND = tuple(
    name.removesuffix(_PER_BAND) for name in PARAMETERS["change"] if name.endswith(_PER_BAND)
)
"""Parameters of a band, as columns ``<model>_<name>_<band>``."""


@dataclass(frozen=True)
class Series:
    """One band of a source at one site: its place in the nights, and its state."""

    band: str
    nights: slice
    state: NDArray[np.float64]
    status: str


@model("change")
class Change:
    """Baseline of a watched source in each band, and whether it has changed: stage 1.

    Parameters
    ----------
    flux : str
        ``difference``: photometry as it stands, as alerts and forced photometry give it. ``total``:
        template and difference, with the histories of data releases.
    s_min : float
        Threshold of the deviation on two nights in a row, or in two bands on one night [sigma].
    run_length : float
        Average run length of the cumulative sums without a change [nights]; their threshold
        follows.
    min_nights, min_span : int, float
        Of a baseline; the second in days.
    guard : float
        A night enters the baseline so many days later, so that a slow rise does not lift it [day].
    floor : float
        Error of the baseline's mean that its nights have in common, in units of the mean:
        calibration.
    saturation : float
        Nothing brighter is read [mag].
    as_written : bool
        The project's document's own statistics beside, to be compared; they decide nothing.

    Notes
    -----
    The whole light curve is looked at anew whenever a point of it is new, night after night, and
    only with what was known before each: a replay of the past says what was said then.
    """

    PARAMETERS = (*OF_SOURCE, *(f"{name}_{band}" for band in BANDS for name in OF_BAND))

    def __init__(
        self,
        *,
        flux: Literal["difference", "total"] = "difference",
        s_min: Annotated[float, Field(gt=0)] = 5.0,
        run_length: Annotated[float, Field(ge=100, le=1e7)] = 10_000.0,
        min_nights: Annotated[int, Field(ge=3)] = 30,
        min_span: Annotated[Day, Field(ge=0)] = 60.0,
        guard: Annotated[Day, Field(ge=0)] = 30.0,
        floor: Annotated[float, Field(ge=0, lt=1)] = 0.01,
        saturation: Mag = 12.5,
        as_written: bool = False,
    ) -> None:
        self.reads_totals = flux == "total"
        self.brightest = float(flux_from_mag(saturation))
        self.as_written = as_written
        self.settings = Settings(
            s_min=s_min,
            h=cusum.threshold(float(run_length)),
            min_nights=min_nights,
            min_span=min_span,
            guard=guard,
            floor=floor,
        )

    def fit(self, photometry: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
        """Look at every night; see :class:`aas2rto.models.Model`."""
        from aas2rto.models.watched.stage_one import (  # noqa: PLC0415  numba takes a while
            Watched,
            stage_one,
            statuses,
        )

        names = candidates["candidate_id"].tolist()
        rows = self._measured(photometry)
        rows = rows[rows["candidate_id"].isin(names)]
        source = pd.Index(names).get_indexer(pd.Index(rows["candidate_id"]))
        keys = pd.DataFrame(
            {"source": source, "band": rows["band"].to_numpy(), "survey": rows["survey"].to_numpy()}
        )
        by = ["source", "band", "survey"]
        number = keys.groupby(by, sort=True).ngroup().to_numpy()
        of = keys.drop_duplicates().sort_values(by)
        east = rows["survey"].map(LONGITUDES).to_numpy(float)
        nights = nightly(rows["mjd"], rows["flux"], rows["flux_err"], number, east)
        band, _ = pd.factorize(of["band"], sort=True)
        watched = Watched(
            of["source"].to_numpy(np.int64), band.astype(np.int64), np.zeros(len(names), dtype=bool)
        )
        found = stage_one(nights, watched, self.settings)
        status = statuses(found.table())
        series: dict[int, list[Series]] = {k: [] for k in range(len(names))}
        for s, (k, name) in enumerate(zip(of["source"], of["band"], strict=True)):
            where = slice(int(found.starts[s]), int(found.starts[s + 1]))
            series[int(k)].append(Series(str(name), where, found.state[s], str(status[s])))
        return pd.DataFrame([self._one(name, series[k], nights) for k, name in enumerate(names)])

    def _measured(self, photometry: pd.DataFrame) -> pd.DataFrame:
        """Return what is a measurement: with a flux, not saturated, not of bad quality.

        A suspect point is a bad one, or a good one fainter than the template, which is wanted here.
        """
        flux = photometry["flux"].to_numpy(float)
        bad = (photometry["kind"] == SUSPECT).to_numpy() & (flux > 0)
        with np.errstate(invalid="ignore"):
            good = np.isfinite(flux) & ~bad & (flux < self.brightest)
        kept: pd.DataFrame = photometry[good]
        return kept

    def _one(self, name: str, series: list[Series], nights: Nights) -> dict[str, Any]:
        told: dict[str, float] = {}
        best: dict[str, Series] = {}
        for one in series:
            # Of two sites in a band the one with more nights is told.
            if one.band not in best or one.state[at.SEEN] > best[one.band].state[at.SEEN]:
                best[one.band] = one
        for band, one in best.items():
            told |= {f"{key}_{band}": value for key, value in self._of_band(one, nights).items()}
        told |= _of_source(series, nights, self.settings)
        ready = [one for one in series if one.state[at.N_BASE] > 0]
        counts = [int(one.state[at.SEEN]) for one in series]
        reason = "" if ready else _why(counts, self.settings)
        return {
            "candidate_id": name,
            "status": OK if ready else NOT_ENOUGH_DATA,
            "reason": reason,
            "t_peak": np.nan,
            "t_peak_err": np.nan,
            "chisq": np.nan,
            "ndof": np.nan,
            "n_points": float(sum(counts)),
            "bands": " ".join(sorted(best)),
            "parameters": told,
            "errors": {},
            "covariance": [],
        }

    def _of_band(self, one: Series, nights: Nights) -> dict[str, float]:
        state = one.state
        t, flux, err = (getattr(nights, name)[one.nights] for name in ("mjd", "flux", "flux_err"))
        mags = in_magnitudes(
            state[[at.SCATTER, at.LOW, at.HIGH]], state[at.MEAN], state[at.MEAN_ERR]
        )
        told = {
            "nights": state[at.SEEN],
            **{name: state[k] for name, k in _COPIED.items()},
            "mag": float(mag_from_flux(state[at.MEAN])),
            **dict(zip(("scatter_mag", "scatter_mag_low", "scatter_mag_high"), mags, strict=True)),
            "status": float(STATUSES.index(one.status)),
        }
        old = t <= state[at.BASE_TO]  # NaN: none
        # A source without scatter of its own has no time scale.
        if state[at.LOW] > 0 and old.sum() <= MOST_PAIRED:
            told["tau"] = structure_function(t[old], flux[old], err[old], state[at.SCATTER]).tau
        if self.as_written:
            written = run_as_written(mag_from_flux(flux), magerr_from_flux(flux, err))
            told["written_s"], told["written_sum"] = written.s_most, written.sum_most
            told["written_pass"] = float(written.passes >= 0)
        return {key: float(value) for key, value in told.items()}

    def light_curve(
        self,
        fit: Mapping[str, Any],
        bands: Sequence[str],
        mjd: NDArray[Any],
    ) -> pd.DataFrame:
        """Return the baseline with its own scatter; see :class:`aas2rto.models.Model`."""
        values = fit["parameters"]
        rows = [
            pd.DataFrame(
                {
                    "band": band,
                    "mjd": np.asarray(mjd, dtype=float),
                    "flux": level,
                    "flux_low": level - spread,
                    "flux_high": level + spread,
                }
            )
            for band in bands
            for level, spread in [
                (values.get(f"mean_{band}", np.nan), values.get(f"scatter_{band}", np.nan))
            ]
            if np.isfinite(level)
        ]
        names = ("band", "mjd", "flux", "flux_low", "flux_high")
        if not rows:
            return pd.DataFrame({name: pd.Series(dtype=float) for name in names})
        return pd.concat(rows, ignore_index=True)


MOST_PAIRED = 1000
"""Nights of a baseline of which all pairs are looked at; of more there are half a million."""

_COPIED = {
    "n_base": at.N_BASE,
    "base_from": at.BASE_FROM,
    "base_to": at.BASE_TO,
    "mean": at.MEAN,
    "mean_err": at.MEAN_ERR,
    "scatter": at.SCATTER,
    "scatter_low": at.LOW,
    "scatter_high": at.HIGH,
    "z": at.Z,
    "plus": at.PLUS,
    "minus": at.MINUS,
    "walk_sigma": at.SIGMA,
    "walk_tau": at.TAU,
}


def _why(counts: Sequence[int], settings: Settings) -> str:
    most = max(counts, default=0)
    return (
        f"no baseline yet: {settings.min_nights:.0f} nights over {settings.min_span:.0f} d and "
        f"{settings.guard:.0f} d more are needed ({most} nights in the best band)"
    )


def _of_source(series: Sequence[Series], nights: Nights, settings: Settings) -> dict[str, float]:
    """Return the parameters of a source from those of its series."""
    if not series:
        return {"flagged": 0.0, "n_flags": 0.0, "kind": 0.0, "sign": 0.0}
    state = np.stack([one.state for one in series])
    up = np.flatnonzero(state[:, at.KIND] > 0)
    # Of several bands that raised the flag, the one that deviated most.
    first = int(up[np.argmax(state[up, at.Z_MOST])]) if len(up) else -1
    z = _most(np.abs(state[:, at.Z]))
    told = {
        "flagged": float(first >= 0),
        "kind": state[first, at.KIND] if first >= 0 else 0.0,
        "flag_mjd": _most(state[:, at.FLAG_MJD]),
        "first_flag_mjd": -_most(-state[:, at.FIRST_MJD]),
        "n_flags": state[:, at.N_FLAGS].max(),
        "sign": state[first, at.SIGN] if first >= 0 else 0.0,
        "s_most": state[:, at.Z_MOST].max(),
        "s": z,
        "p": float(tails.QUIET_ZTF_G.p(z)),
    }
    if first >= 0:
        told |= _of_onset(_onset_of(series[first], nights, settings))
    return {key: float(value) for key, value in told.items()}


def _most(values: NDArray[np.float64]) -> float:
    """Return the greatest of what is known; NaN if nothing is."""
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else float("nan")


def _onset_of(one: Series, nights: Nights, settings: Settings) -> Onset:
    t, flux, err = (getattr(nights, name)[one.nights] for name in ("mjd", "flux", "flux_err"))
    state = one.state
    level, scatter, sign = float(state[at.MEAN]), float(state[at.SCATTER]), int(state[at.SIGN])
    found = onset(
        t,
        flux,
        err,
        level,
        scatter,
        # The flag's own onset says where to look: what was before is another change.
        after=float(np.max(t[t < state[at.T_ON]], initial=-np.inf)),
        sign=sign,
        mean_err=float(np.hypot(state[at.MEAN_ERR], settings.floor * level)),
    )
    if found.status == "ok":
        return found
    # No block differs by enough: it began where the flag says.
    return since(t, flux, err, level, scatter, float(state[at.T_ON]), sign)


def _of_onset(found: Onset) -> dict[str, float]:
    return {
        "t_on": found.t_on,
        "t_0": found.t_0,
        "t_top": found.t_peak,
        "rise": found.rise,
        "rise_most": found.rise_most,
        "reversals": float(found.reversals),
    }
