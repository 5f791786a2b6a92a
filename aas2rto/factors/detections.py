"""Enough detections to trust, and to fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Factor, Needs, answer, check_bands, elsewhere, factor, per_band
from aas2rto.text.late import say
from aas2rto.text.words import counted


@factor("detections", needs=Needs.LIGHT_CURVE, check=check_bands)
def detections(
    candidates: pd.DataFrame,
    now: Time,
    *,
    min: int = 4,
    bands: tuple[str, ...] = ("ztfg", "ztfr"),
    suspects: bool = False,
) -> Factor:
    """Exclude candidates with too few detections; neutral (1) otherwise.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``n_detections_<band>`` and ``n_suspect``.
    now : Time
        Not used.
    min : int
        Fewest detections, all `bands` together.
    bands : tuple of str
        Bands that count.
    suspects : bool
        Suspect measurements count, too, in any band: of a star that only dims, which a survey
        announces with a negative flux, there are no others.

    Notes
    -----
    A&A 698, A153 (2025), Sect. 3.2: four detections, g and r together.
    """
    count = np.nansum(per_band(candidates, "n_detections", bands), axis=1).astype(int)
    more = candidates["n_suspect"].to_numpy(int) if suspects else np.zeros(len(count), dtype=int)
    few = count + more < min
    names = "+".join(bands)
    others = elsewhere(candidates, bands)

    def sentence(n: int, besides: int, is_few: bool, row: int) -> str:  # noqa: FBT001  a column's cell
        words = f"{counted(n, 'detection')} in {names}"
        if besides:
            words += f" and {counted(besides, 'suspect measurement')}"
        if not is_few:
            return words
        seen_in = others(row)
        return f"{words}{f' ({seen_in})' if seen_in else ''}, needs {min}"

    reason = say(sentence, count, more, few, np.arange(len(count)))
    return answer(1.0, exclude=few, reason=reason, n_detections=count)
