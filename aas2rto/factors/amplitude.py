"""Points for how much the brightness of a candidate changes."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import BaseModel, Field

from aas2rto.factors import POINTS, Factor, Needs, answer, factor, first_known, per_column
from aas2rto.text.late import say
from aas2rto.units import Mag

HALVES = ("antares_feature_amplitude_magn_r", "antares_feature_amplitude_magn_R")
"""ANTARES' feature is computed by the package light-curve, whose amplitude is half of max - min:
ZTF18aaviokz has 0.49647, and 0.99295 between its 2nd and 98th percentiles."""

WHOLES = ("antares_amplitude_r",)
"""What our source `antares` computes of the total fluxes, where that feature is missing."""


def check(options: BaseModel, **_: Any) -> list[str]:
    """Say when the config loads which limits and points are out of order."""
    limits = [getattr(options, name, np.nan) for name in ("small", "medium", "large")]
    told = [] if limits[0] < limits[1] < limits[2] else ["small, medium and large must go up"]
    if not (getattr(options, "halves", ()) or getattr(options, "wholes", ())):
        told.append("name at least one annotation in halves or wholes")
    return told


@factor("amplitude", needs=Needs.LIGHT_CURVE, check=check, scale=POINTS)
def amplitude(
    candidates: pd.DataFrame,
    now: Time,
    *,
    small: Annotated[Mag, Field(gt=0)] = 1.0,
    medium: Annotated[Mag, Field(gt=0)] = 1.5,
    large: Annotated[Mag, Field(gt=0)] = 2.0,
    points: tuple[float, float, float] = (5.0, 15.0, 25.0),
    halves: tuple[str, ...] = HALVES,
    wholes: tuple[str, ...] = WHOLES,
) -> Factor:
    """Give points for the brightness change from faintest to brightest.

    Parameters
    ----------
    candidates : DataFrame
        Reads the annotations of `halves` and `wholes`.
    now : Time
        Not used.
    small, medium : float
        From this change on, peak to peak, there are the first and the second points [mag].
    large : float
        Above this change there are the third [mag].
    points : tuple of float
        For a small, a medium and a large change.
    halves : tuple of str
        Annotations that hold half of the change [mag]; doubled here.
    wholes : tuple of str
        Annotations that hold all of it [mag]; read where none of `halves` is known.

    Returns
    -------
    Factor
        0 below `small`, and where nothing is known.
    """
    names = [*halves, *wholes]
    which = first_known(candidates, names)
    rows, known = np.arange(len(candidates)), which >= 0
    times = np.array([2.0] * len(halves) + [1.0] * len(wholes))
    change = np.where(known, times[which] * per_column(candidates, names)[rows, which], np.nan)
    # 2 x 0.75 is 1.5, whatever the last bit of a float says.
    change = np.round(change, 9)
    value = np.select(
        [change > large, change >= medium, change >= small], [points[2], points[1], points[0]], 0.0
    )
    reason = say(
        lambda mag: (
            "no amplitude is known" if np.isnan(mag) else f"{mag:.2f} mag from peak to peak"
        ),
        change,
    )
    return answer(value, reason=reason, peak_to_peak=change)
