"""The loop's own rules, which stand among the factors.

ToOs end, people's word counts, and a telescope has limits.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import answer
from aas2rto.sky.exposure import beyond_limits
from aas2rto.sky.observatory import Observatory
from aas2rto.steps.column import FEEDBACK, TELESCOPE, VALID_UNTIL, Column
from aas2rto.tables import marks
from aas2rto.text.late import Late, sentences
from aas2rto.text.words import day_and_hour, is_date


def rules(candidates: pd.DataFrame, now: Time) -> tuple[Column, ...]:
    """Evaluate the rules that hold wherever one is.

    Parameters
    ----------
    candidates : DataFrame
        With the marks beside it, see `aas2rto.tables.marks.join`.
    now : Time
    """
    return (expired(candidates, now), taken_out(candidates))


def expired(candidates: pd.DataFrame, now: Time) -> Column:
    """Exclude ToOs whose time is over."""
    until = candidates["valid_until"].to_numpy(float)
    over = until < now.utc.mjd
    reason = sentences(
        len(until), lambda i: f"the ToO was valid until {Time(until[i], format='mjd').isot[:16]}"
    )
    reason = Late.where(over, reason, Late.of("", len(until)))
    return Column(VALID_UNTIL, answer(1.0, exclude=over, reason=reason))


def taken_out(candidates: pd.DataFrame, observatory: str = "") -> Column:
    """Exclude what people took out, as a rule beside the factors.

    Parameters
    ----------
    candidates : DataFrame
        After `aas2rto.tables.marks.join`.
    observatory : str
        At this site.
    """
    reason = marks.told(candidates, "mark", observatory)
    return Column(FEEDBACK, answer(1.0, exclude=reason != "", reason=reason))


def beyond_telescope(candidates: pd.DataFrame, observatory: Observatory) -> Column:
    """Exclude what an observatory's file says that it does not observe.

    That is what is fainter or brighter than its instrument takes, by the last magnitude, or else
    by what a ToO's file says; and what is closer to the Moon than its own limit, while that is up,
    at its highest point of the hours that are left, as the factor `moon` does.

    Parameters
    ----------
    candidates : DataFrame
        With the columns of the site, see `aas2rto.sky.visibility.site_table`.
    observatory : Observatory
    """
    mag = candidates["last_mag"].fillna(candidates["magnitude"]).to_numpy(float)
    instrument = observatory.instrument
    faint = instrument.faint_limit_mag if instrument else None
    bright = instrument.bright_limit_mag if instrument else None
    beyond = np.zeros(len(mag), dtype=bool)
    beyond |= mag > (np.inf if faint is None else faint)
    beyond |= mag < (-np.inf if bright is None else bright)
    sep = candidates["culmination_moon_sep"].to_numpy(float)
    limit = candidates["moon_limit"].to_numpy(float)
    near = (sep < limit) & (candidates["culmination_moon_altitude"].to_numpy(float) > 0)

    def sentence(row: int) -> str:
        if beyond[row]:
            return beyond_limits(observatory, float(mag[row]))
        if near[row]:
            return f"{sep[row]:.0f} deg from the Moon, closer than the telescope's {limit[row]:g}"
        return ""

    out = beyond | near
    return Column(TELESCOPE, answer(1.0, exclude=out, reason=sentences(len(mag), sentence)))


def told_by_people(candidates: pd.DataFrame) -> Late:
    """Say that a candidate is a ToO, until when, and what its file says; else nothing."""
    too = candidates["too"].to_numpy(bool)
    if not too.any():
        return Late.of("", len(candidates))
    comment = candidates["comment"].fillna("").to_numpy(object)
    until = candidates["valid_until"].to_numpy(float)
    told = sentences(len(too), lambda i: too_sentence(str(comment[i]), until[i]))
    return Late.where(too, told, Late.of("", len(too)))


def too_sentence(comment: str, until: float) -> str:
    """Say until when a ToO is wanted [d, MJD UTC; NaN: for ever], and what its file says."""
    ends = f" until {day_and_hour(until)} UT" if is_date(until) else ""
    return f"ToO{ends}{': ' if comment else ''}{comment}"
