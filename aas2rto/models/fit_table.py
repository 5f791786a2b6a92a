"""Rows of the fit table, the same for every model of this room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.models import FAILED, FIT_COLUMNS, NOT_ENOUGH_DATA, OK


@dataclass(frozen=True)
class Fit:
    """What a model says of one candidate; see `FIT_COLUMNS` for units."""

    status: str
    reason: str
    t_peak: float = np.nan
    t_peak_err: float = np.nan
    chisq: float = np.nan
    ndof: float = np.nan
    n_points: float = 0.0
    bands: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)
    covariance: Sequence[Sequence[float]] = ()


def failed(reason: str, *, n_points: float = 0.0, bands: str = "") -> Fit:
    """Build the answer of a fit that did not work."""
    return Fit(FAILED, reason, n_points=n_points, bands=bands)


def not_enough(found: int, needed: int, left_out: str = "") -> Fit:
    """Build the answer for a candidate with too few detections."""
    why = f" (not usable: {left_out})" if left_out else ""
    return Fit(
        NOT_ENOUGH_DATA,
        f"{found} usable detection{'' if found == 1 else 's'}, at least {needed} are needed{why}",
        n_points=float(found),
    )


def fit_table(candidate_id: NDArray[Any], fits: Sequence[Fit]) -> pd.DataFrame:
    """Return the fit table of `fits`, in the order of `candidate_id`."""
    columns: dict[str, Any] = {"candidate_id": pd.Series(list(candidate_id), dtype="str")}
    for name, dtype in list(FIT_COLUMNS.items())[1:]:
        values = [getattr(fit, name) for fit in fits]
        if name == "covariance":
            values = [[list(map(float, row)) for row in rows] for rows in values]
        elif dtype == "object":
            values = [dict(value) for value in values]
        columns[name] = pd.Series(values, dtype=dtype)
    return pd.DataFrame(columns)


__all__ = ["FAILED", "NOT_ENOUGH_DATA", "OK", "Fit", "failed", "fit_table", "not_enough"]
