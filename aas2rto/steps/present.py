"""The magnitude that a fit predicts for now, where the last measured one is old."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.guard import attempt
from aas2rto.models import OK
from aas2rto.steps.cycle import BoundModel, Fits, Parts
from aas2rto.tables.photometry import mag_from_flux

COLUMN = "present_mag"
"""Of the candidate table [mag, AB], in the band of the last detection; NaN where nobody asked."""

USE, MODEL, STALE = "use", "model", "stale"
"""Settings of a factor that asks for it, see `aas2rto.factors.magnitude`."""


def with_present_magnitudes(
    parts: Parts, table: pd.DataFrame, fits: Fits, at: float
) -> pd.DataFrame:
    """Add what the chosen fit says of the magnitude now, if a factor asks for it.

    Only of candidates whose last detection is older than the factor's ``stale``: each costs an
    evaluation of its model.

    Parameters
    ----------
    parts : Parts
    table : DataFrame
        Candidates with their fits.
    fits : Fits
    at : float
        [d, MJD UTC]
    """
    asking = [one.settings for one in parts.factors if one.settings.get(USE) == MODEL]
    if not asking:
        return table
    oldest = min(float(settings.get(STALE, 0.0)) for settings in asking)
    stale = (at - table["last_detection"].to_numpy(float)) > oldest
    mag = np.full(len(table), np.nan)
    ids, band = table["candidate_id"].tolist(), table["last_band"].tolist()
    chosen = table["model"].tolist() if "model" in table else [""] * len(table)
    models = {bound.name: bound for bound in parts.models}
    rows = {name: found.set_index("candidate_id") for name, found in fits.tables.items()}
    for row in np.flatnonzero(stale).tolist():
        name = str(chosen[row])
        if name in models and ids[row] in rows[name].index:
            fit = {str(key): value for key, value in rows[name].loc[ids[row]].items()}
            mag[row] = present_magnitude(models[name], fit, str(band[row]), at)
    return table.assign(**{COLUMN: mag})


def present_magnitude(model: BoundModel, fit: Mapping[str, Any], band: str, at: float) -> float:
    """Return the magnitude [AB] of a fit in a band at a time; NaN if it says nothing there."""
    if fit.get("status") != OK:
        return float("nan")
    when: NDArray[np.float64] = np.array([at])
    done = attempt(f"model {model.name}", lambda: model.model.light_curve(fit, [band], when))
    if done.value is None or not len(done.value):
        return float("nan")
    flux = done.value["flux"].to_numpy(float)
    return float(mag_from_flux(flux)[0]) if flux[0] > 0 else float("nan")
