"""What a watched source that changed is: stage 2 of the first filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from aas2rto.models import NOT_ENOUGH_DATA, OK, model
from aas2rto.models.fit_table import Fit, failed, fit_table
from aas2rto.models.watched import packing
from aas2rto.models.watched.evidence import Curve, curve_of
from aas2rto.models.watched.nightly import LONGITUDES, nightly
from aas2rto.models.watched.packing import NAMES, PARAMETERS
from aas2rto.models.watched.templates import curve
from aas2rto.tables.photometry import BANDS, SUSPECT, flux_from_mag
from aas2rto.units import Day, Mag

Floats = NDArray[np.float64]


@model("anomaly_class")
class AnomalyClass:
    """Class of a watched source that changed: TDE, SN, nova, LBV or CLAGN, and how sure.

    Parameters
    ----------
    flux : str
        ``difference``: photometry as it stands; ``total``: with templates and histories.
    look_at : str
        ``flagged``: sources that stage 1 flags (as the model `change` with its defaults does), and
        those without a baseline that are detected on two nights; ``all``.
    span : float
        Nights so long before the last one are not looked at [day].
    detections : int
        Nights at S/N 5 that a source without a baseline needs.
    saturation : float
        Nothing brighter is read [mag].

    Notes
    -----
    Evidence of five shapes against a constant with jitter and a damped random walk, see
    `aas2rto.models.watched.evidence` and docs/muse.md. About 0.2 s per band and source.
    """

    PARAMETERS = (
        *PARAMETERS,
        *(f"{name}_{band}" for band in BANDS for name in packing.OF_BAND),
    )

    def __init__(
        self,
        *,
        flux: Literal["difference", "total"] = "difference",
        look_at: Literal["flagged", "all"] = "flagged",
        span: Annotated[Day, Field(ge=60)] = 1500.0,
        detections: Annotated[int, Field(ge=1)] = 2,
        saturation: Mag = 12.5,
    ) -> None:
        self.reads_totals = flux == "total"
        self.everyone = look_at == "all"
        self.span = span
        self.detections = detections
        self.brightest = float(flux_from_mag(saturation))

    def fit(self, photometry: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
        """Classify; see :class:`aas2rto.models.Model`."""
        from aas2rto.models.watched.evidence import compile_kernels  # noqa: PLC0415  numba

        rows = self._measured(photometry)
        if len(rows):
            compile_kernels()
        groups = dict(iter(rows.groupby("candidate_id", sort=False)))
        names = candidates["candidate_id"].to_numpy(object)
        ebv = (
            candidates["ebv"].to_numpy(float) if "ebv" in candidates else np.zeros(len(candidates))
        )
        fits = [
            self._one(groups.get(name), float(dust)) for name, dust in zip(names, ebv, strict=True)
        ]
        return fit_table(names, fits)

    def curves_of(self, photometry: pd.DataFrame) -> tuple[dict[str, Curve], dict[str, Floats]]:
        """Return the nightly means of one candidate by band, and the exposures of each night."""
        rows = self._measured(photometry)
        return self._curves(rows) if len(rows) else ({}, {})

    def _measured(self, photometry: pd.DataFrame) -> pd.DataFrame:
        """Return what is a measurement: not saturated, not of bad quality."""
        flux = photometry["flux"].to_numpy(float)
        bad = (photometry["kind"] == SUSPECT).to_numpy() & (flux > 0)
        with np.errstate(invalid="ignore"):
            good = np.isfinite(flux) & ~bad & (flux < self.brightest)
        found: pd.DataFrame = photometry[good]
        return found

    def _one(self, rows: pd.DataFrame | None, ebv: float) -> Fit:
        from aas2rto.models.watched.stage_two import analyse  # noqa: PLC0415  numba takes a while

        if rows is None or rows.empty:
            return Fit(NOT_ENOUGH_DATA, "no usable night")
        curves, points = self._curves(rows)
        used = " ".join(sorted(curves))
        n_points = float(sum(len(one.mjd) for one in curves.values()))
        why = self._not_looked_at(rows, curves)
        if why:
            return Fit(NOT_ENOUGH_DATA, why, n_points=n_points, bands=used)
        found = analyse(curves, points=points, ebv=ebv)
        if not found.ok or found.found is None:
            return Fit(NOT_ENOUGH_DATA, found.status, n_points=n_points, bands=used)
        told = packing.numbers_of(found)
        if not np.isfinite(found.found.ln_b):
            return failed("its evidence is no number", n_points=n_points, bands=used)
        reason = "; ".join(filter(None, [str(found.found), found.found.by_colour, found.note]))
        return Fit(OK, reason, n_points=n_points, bands=used, parameters=told)

    def _curves(self, rows: pd.DataFrame) -> tuple[dict[str, Curve], dict[str, Floats]]:
        """Return nightly means by band, and the exposures of each night."""
        rows = rows[rows["mjd"] > rows["mjd"].max() - self.span]
        curves, points = {}, {}
        for band, own in rows.groupby("band", sort=True):
            east = own["survey"].map(LONGITUDES).to_numpy(float)
            found = nightly(own["mjd"], own["flux"], own["flux_err"], longitude=east)
            if len(found.mjd):
                curves[str(band)] = curve_of(found.mjd, found.flux, found.flux_err)
                points[str(band)] = found.n[-len(curves[str(band)].mjd) :].astype(float)
        return curves, points

    def _not_looked_at(self, rows: pd.DataFrame, curves: Mapping[str, Curve]) -> str:
        """Say why nobody looks at a source; empty if it is looked at."""
        state = "flagged" if self.everyone else _stage_one(rows)
        if state == "flagged":
            return ""
        if state == "quiet":
            return "stage 1 does not flag it: nothing to classify"
        seen = max(int((one.flux > 5 * one.err).sum()) for one in curves.values()) if curves else 0
        if seen >= self.detections:
            return ""
        return f"no baseline, and seen at S/N 5 on {seen} nights ({self.detections} are needed)"

    def light_curve(
        self, fit: Mapping[str, Any], bands: Sequence[str], mjd: NDArray[Any]
    ) -> pd.DataFrame:
        """Return the likeliest shape in each band it was fitted to, with its 10 % model error."""
        values = fit["parameters"]
        number = values.get("best", 0.0)
        tables = []
        t = np.asarray(mjd, dtype=float)
        for band in bands:
            t0, a, b, size, level = (
                float(values.get(f"{k}_{band}", np.nan)) for k in packing.OF_BAND
            )
            if number and np.isfinite(t0):
                shape = size * curve(NAMES[int(number)], t, t0, a, b)
                flux, wide = level + shape, MODEL_ERROR * np.abs(shape)
                columns = {"flux": flux, "flux_low": flux - wide, "flux_high": flux + wide}
                tables.append(pd.DataFrame({"band": band, "mjd": t, **columns}))
        names = ("band", "mjd", "flux", "flux_low", "flux_high")
        empty = pd.DataFrame({name: pd.Series(dtype=float) for name in names})
        return pd.concat(tables, ignore_index=True) if tables else empty


MODEL_ERROR = 0.1
"""Share of a shape by which real events differ from it: the middle of those summed over."""


def _stage_one(rows: pd.DataFrame) -> str:
    """Return what stage 1 says: ``flagged``, ``quiet`` or ``no baseline``."""
    from aas2rto.models.watched import stage_state as at  # noqa: PLC0415
    from aas2rto.models.watched.stage_one import Watched, stage_one  # noqa: PLC0415  numba

    key = rows.groupby(["band", "survey"], sort=True).ngroup().to_numpy()
    of = rows[["band", "survey"]].drop_duplicates().sort_values(["band", "survey"])
    nights = nightly(
        rows["mjd"], rows["flux"], rows["flux_err"], key, rows["survey"].map(LONGITUDES)
    )
    band, _ = pd.factorize(of["band"], sort=True)
    none = np.zeros(1, dtype=bool)
    watched = Watched(np.zeros(len(of), dtype=np.int64), band.astype(np.int64), none)
    state = stage_one(nights, watched).state
    if (state[:, at.N_FLAGS] > 0).any():
        return "flagged"
    return "quiet" if (state[:, at.N_BASE] > 0).any() else "no baseline"
