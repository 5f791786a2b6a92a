"""Points for how unusual a broker's classifiers find a light curve."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import BaseModel, Field

from aas2rto.factors import POINTS, Factor, Needs, answer, factor, first_known, numbers, per_column
from aas2rto.text.late import say

SCALES = {"antares_anomaly_score": 1.0, "antares_LAISS_RFC_anomaly_score": 100.0}
"""Annotations that hold a score, and what its largest value is. ANTARES has no score of all
objects: its documentation's examples name `anomaly_score` (0 to 1), and LAISS writes 0 to 100."""


def check(options: BaseModel, **_: Any) -> list[str]:
    """Say when the config loads that there is nothing to read."""
    return [] if getattr(options, "scales", None) else ["scales: name at least one annotation"]


@factor("anomaly_score", needs=Needs.LIGHT_CURVE, check=check, scale=POINTS)
def anomaly_score(
    candidates: pd.DataFrame,
    now: Time,
    *,
    points: float = 40.0,
    scales: dict[str, Annotated[float, Field(gt=0)]] = SCALES,
) -> Factor:
    """Give points in proportion to an anomaly score.

    Parameters
    ----------
    candidates : DataFrame
        Reads the annotations that `scales` names.
    now : Time
        Not used.
    points : float
        For the largest score.
    scales : dict
        From the name of an annotation to its largest value; the first that is known counts.

    Returns
    -------
    Factor
        0 to `points`; a score beyond its range counts as the end of it. 0 where none is known.
    """
    names = list(scales)
    which = first_known(candidates, names)
    rows, known = np.arange(len(candidates)), which >= 0
    value = np.where(known, per_column(candidates, names)[rows, which], np.nan)
    largest = np.array([scales[name] for name in names])[which]
    share = np.clip(value / largest, 0.0, 1.0)
    reason = say(
        lambda one, most, is_known: (
            f"{one:g} of {most:g}" if is_known else "no anomaly score is known"
        ),
        value,
        largest,
        known,
    )
    return answer(np.where(known, points * share, 0.0), reason=reason, anomaly_score=value)


@factor("outlier", needs=Needs.LIGHT_CURVE, scale=POINTS)
def outlier(
    candidates: pd.DataFrame,
    now: Time,
    *,
    points: float = 20.0,
    column: str = "antares_anomaly",
    value: float = -1.0,
) -> Factor:
    """Give points for what a classifier calls an outlier.

    Parameters
    ----------
    candidates : DataFrame
        Reads the annotation `column`.
    now : Time
        Not used.
    points : float
        For an outlier.
    column : str
        Name of the annotation.
    value : float
        What it says of an outlier. An isolation forest says -1 of outliers and 1 of all others;
        that ANTARES keeps this sign is believed, and no recorded answer shows it.

    Returns
    -------
    Factor
        0 where nothing is known.
    """
    said = numbers(candidates, column)
    found = said == value
    reason = say(
        lambda one, is_outlier: (
            "it is not known whether it is an outlier"
            if np.isnan(one)
            else f"an outlier ({column} {one:g})"
            if is_outlier
            else f"no outlier ({column} {one:g})"
        ),
        said,
        found,
    )
    return answer(np.where(found, points, 0.0), reason=reason, anomaly=said)
