"""Light-curve models: one per file; each turns the photometry table into a fit table.

A model is a class with keyword-only settings and two methods::

    @model("salt")
    class Salt:
        def __init__(self, *, source: str = "salt3", min_detections: int = 5, ...) -> None: ...
        def fit(self, photometry, candidates) -> DataFrame: ...
        def light_curve(self, fit, bands, mjd) -> DataFrame: ...

The fit table has one row per candidate with the columns of `FIT_COLUMNS`. A class attribute
``PARAMETERS`` names the parameters, so that expressions in a config may read them as columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pandas as pd
from numpy.typing import NDArray

from aas2rto.parts.registry import Registry

OK, NOT_ENOUGH_DATA, FAILED = "ok", "not_enough_data", "failed"

FIT_COLUMNS: dict[str, str] = {
    "candidate_id": "str",
    "status": "str",
    "reason": "str",
    "t_peak": "float64",
    "t_peak_err": "float64",
    "chisq": "float64",
    "ndof": "float64",
    "n_points": "float64",
    "bands": "str",
    "parameters": "object",
    "errors": "object",
    "covariance": "object",
}
"""Columns of a fit table, the same for every model.

``status`` is ok, not_enough_data or failed, with a ``reason`` sentence; ``t_peak, t_peak_err``
[d, MJD UTC]; ``bands`` joined by spaces; ``parameters`` and ``errors`` map names to floats;
``covariance`` is a list of rows in the order of ``errors`` (the free parameters)."""


class Model(Protocol):
    """What the loop asks of a light-curve model."""

    def fit(self, photometry: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
        """Fit every candidate.

        Parameters
        ----------
        photometry : DataFrame
            As in :mod:`aas2rto.tables.photometry`, sorted by candidate and time, as known now.
        candidates : DataFrame
            One row each: ``candidate_id, ra, dec, redshift`` (NaN if unknown), ``ebv`` [mag].

        Returns
        -------
        DataFrame
            See `FIT_COLUMNS`; one row per row of `candidates`, in their order.
        """
        ...

    def light_curve(
        self, fit: Mapping[str, Any], bands: Sequence[str], mjd: NDArray[Any]
    ) -> pd.DataFrame:
        """Evaluate a fitted model.

        Parameters
        ----------
        fit : mapping
            One row of the fit table.
        bands : sequence of str
            sncosmo names.
        mjd : ndarray of float
            [d, UTC].

        Returns
        -------
        DataFrame
            ``band, mjd, flux`` and the 68 % interval ``flux_low, flux_high`` [uJy].
        """
        ...


MODELS = Registry("model", __name__)
model = MODELS.register
