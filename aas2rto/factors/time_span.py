"""x_span: what was discovered long ago is past its peak."""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Factor, Needs, answer, factor, numbers
from aas2rto.factors.normal import expit
from aas2rto.text.late import Late, say
from aas2rto.units import Day, PerDay


@factor("time_span", needs=Needs.LIGHT_CURVE)
def time_span(
    candidates: pd.DataFrame,
    now: Time,
    *,
    midpoint: Day | None = 25.0,
    rate: PerDay = -1.0,
    max: Day = 30.0,
) -> Factor:
    """Let the score fall with the time since the first detection; reject beyond a limit.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``first_detection``, ``last_set_aside`` and ``updated``.
    now : Time
        The time since the first detection is counted to here.
    midpoint : float or None
        Time at which the factor is one half [day]; None: it is 1 up to `max`.
    rate : float
        Steepness; negative falls with time [1 / day].
    max : float
        Longer time spans are rejected [day]. What was never detected is rejected when nothing new
        was measured of it for so long: artefacts would otherwise stay for ever.

    Notes
    -----
    A&A 698, A153 (2025), Eqs. 8 and 9: the logistic function 1 / (1 + exp(-rate (T -
    midpoint))). With the defaults it falls from 0.99 to 0.01 between 20 and 30 days.
    """
    span = now.utc.mjd - numbers(candidates, "first_detection")
    aside = now.utc.mjd - numbers(candidates, "last_set_aside")
    seen = np.isfinite(span)
    silent = now.utc.mjd - numbers(candidates, "updated")
    quiet = np.where(np.isnan(aside), silent, aside)
    over = np.where(seen, span, quiet) > max
    usual = 1.0 if midpoint is None else expit(rate * (span - midpoint))
    value = np.where(seen, usual, np.nan)
    too_long = f", more than {max:g} d"

    def sentence(t: float, old: float, dark: float, is_over: bool, is_seen: bool) -> str:  # noqa: FBT001
        if is_seen:
            return f"first detected {t:.1f} d ago" + (too_long if is_over else "")
        if np.isnan(old):
            ended = f", and nothing new for {dark:.1f} d{too_long}" if is_over else ""
            return f"never detected{ended}"
        return f"no outburst now: last detected {old:.1f} d ago{too_long if is_over else ''}"

    reason = Late.where(
        seen & ~over,
        say("first detected {:.1f} d ago", span),
        say(sentence, span, aside, silent, over, seen),
    )
    return answer(value, exclude=~seen, reject=over, reason=reason, time_span=span)
