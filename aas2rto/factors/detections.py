"""Enough detections to trust, and to fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Factor, Needs, answer, check_bands, factor, per_band
from aas2rto.text.late import say
from aas2rto.text.words import counted


@factor("detections", needs=Needs.LIGHT_CURVE, check=check_bands)
def detections(
    candidates: pd.DataFrame,
    now: Time,
    *,
    min: int = 4,
    bands: tuple[str, ...] = ("ztfg", "ztfr"),
) -> Factor:
    """Exclude candidates with too few detections; neutral (1) otherwise.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``n_detections_<band>``.
    now : Time
        Not used.
    min : int
        Fewest detections, all `bands` together.
    bands : tuple of str
        Bands that count.

    Notes
    -----
    A&A 698, A153 (2025), Sect. 3.2: four detections, g and r together.
    """
    count = np.nansum(per_band(candidates, "n_detections", bands), axis=1).astype(int)
    few = count < min
    names = "+".join(bands)
    reason = say(
        lambda n, is_few: (
            f"{counted(n, 'detection')} in {names}" + (f", needs {min}" if is_few else "")
        ),
        count,
        few,
    )
    return answer(1.0, exclude=few, reason=reason, n_detections=count)
