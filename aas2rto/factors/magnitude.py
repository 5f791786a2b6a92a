"""x_mag: brighter candidates give better spectra."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import BaseModel, Field

from aas2rto.factors import (
    Factor,
    Needs,
    Positive,
    answer,
    check_bands,
    elsewhere,
    factor,
    latest,
    numbers,
)
from aas2rto.text.late import Late, say
from aas2rto.text.words import counted
from aas2rto.units import Day, Mag

PRESENT = "present_mag"
"""Column of what the fit says of the magnitude now, where the last one is old."""


def _needs(options: BaseModel) -> Needs:
    """Wait for the fits where they are asked."""
    return Needs.FIT if getattr(options, "use", "") == "model" else Needs.LIGHT_CURVE


@factor("magnitude", needs=Needs.LIGHT_CURVE, check=check_bands, needs_with=_needs)
def magnitude(
    candidates: pd.DataFrame,
    now: Time,
    *,
    zero_point: Mag = 18.5,
    faint_limit: Mag = 18.5,
    bands: tuple[str, ...] = ("ztfg", "ztfr"),
    ceiling: Positive | None = None,
    use: Literal["last", "model"] = "last",
    stale: Annotated[Day, Field(gt=0)] = 5.0,
) -> Factor:
    """Rank by the latest magnitude: 10^((zero_point - m) / 2); exclude what is too faint.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``mag_<band>`` and ``mjd_<band>``, and ``present_mag`` where the model is used.
    now : Time
        Not used.
    zero_point : float
        Magnitude at which the factor is 1 [mag].
    faint_limit : float
        Fainter candidates are excluded: they may brighten later [mag].
    bands : tuple of str
        The latest detection in any of these counts.
    ceiling : float or None
        Largest value; None: there is none, as in the paper. Without one, a variable star of
        12.5 mag has 1000, and no other factor can bring it down.
    use : str
        ``last``: the last detection, however old. ``model``: where that is stale, what the chosen
        fit says of now, in the band of the last detection; where there is no fit, the last one. The
        factor then waits for the fits, so that it spares none.
    stale : float
        Older than this, a magnitude is called stale [day]. A choice: a survey that comes back every
        2 to 3 days has then missed it once.

    Notes
    -----
    A&A 698, A153 (2025), Eq. 5. At 16.5 mag the factor is 10, at 17.0 mag 5.62.
    """
    mag, band, mjd = latest(candidates, bands)
    seen = np.isfinite(mag)
    old = seen & (now.utc.mjd - mjd > stale)
    present = numbers(candidates, PRESENT) if use == "model" else np.full(len(mag), np.nan)
    predicted = old & np.isfinite(present)
    measured, mag = mag, np.where(predicted, present, mag)
    faint = seen & (mag > faint_limit)
    aside = np.nan_to_num(numbers(candidates, "n_set_aside")) > 0
    suspect = np.nan_to_num(numbers(candidates, "n_suspect")).astype(int)
    nowhere = f"no detection in {', '.join(bands)}"
    nothing = np.where(aside, f"{nowhere} in the present outburst", nowhere)
    fainter = f" is fainter than {faint_limit:g}"

    others = elsewhere(candidates, bands)

    def sentence(m: float, b: str, days: float, *rest: Any) -> str:
        is_faint, n, none, was, is_old, row = rest
        if np.isfinite(m) and m != was:
            fit = f"{m:.2f} mag by the fit now"
            return f"{fit}{fainter if is_faint else ''} ({was:.2f} mag in {b}{age(days)})"
        if np.isfinite(m):
            aged = f"{age(days)}{', stale' if is_old else ''}"
            return f"{m:.2f} mag in {b}{aged}{fainter if is_faint else ''}"
        why = f", {counted(n, 'suspect point')} (negative or of bad quality)" if n else ""
        seen_in = others(row)
        return f"{none}{f' ({seen_in})' if seen_in else ''}{why}"

    days, rows = now.utc.mjd - mjd, np.arange(len(mag))
    usual = seen & ~faint & ~old & (mag == measured) & (days <= 1.0)
    reason = Late.where(
        usual,
        say("{:.2f} mag in {}", mag, band),
        say(sentence, mag, band, days, faint, suspect, nothing, measured, old, rows),
    )
    value = 10.0 ** ((zero_point - mag) / 2)
    value = value if ceiling is None else np.minimum(value, ceiling)
    return answer(value, exclude=~seen | faint, reason=reason, mag=mag, band=band)


def age(days: float) -> str:
    """Say how old a measurement is, if it is older than a day."""
    return f" {days:.1f} d ago" if days > 1.0 else ""
