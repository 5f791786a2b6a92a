"""Rings on the sky where signals timed by a supernova would be seen, however far the star is."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import Field

from aas2rto.factors import Factor, Needs, Positive, answer, factor, numbers
from aas2rto.factors.timed import check_event, event_in, of_stars
from aas2rto.sky.signals import rings
from aas2rto.tables.candidates import unit_vectors
from aas2rto.text.late import say
from aas2rto.units import Degree, Parsec


@factor("seto", needs=Needs.LIGHT_CURVE, check=check_event)
def seto(  # noqa: PLR0913  the settings of a config
    candidates: pd.DataFrame,
    now: Time,
    *,
    name: str = "",
    event: str = "sn1054",
    date: str | None = None,
    ra: Degree | None = None,
    dec: Degree | None = None,
    distance: Annotated[Parsec, Field(gt=0)] | None = None,
    distance_err: Annotated[Parsec, Field(ge=0)] | None = None,
    sigmas: Positive = 1.0,
    min_width: Annotated[Degree, Field(gt=0)] = 0.1,
    value: Positive = 5.0,
    outside: Literal["neutral", "exclude"] = "neutral",
) -> Factor:
    """Prefer stars on the two rings around an event where Seto's scheme looks now.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``ra, dec``; where a distance is known, stars beyond a ring's depth are outside.
    now : Time
        The time of observation.
    name : str
        Of the column, where a config has several of these factors.
    event, date, ra, dec, distance, distance_err
        See `seti_ellipsoid`.
    sigmas : float
        Half the width of a ring, in units of its error by that of the event's distance.
    min_width : float
        Least half the width [deg].
    value : float
        The factor on a ring.
    outside : str
        For all others, ``neutral``: 1; ``exclude``: excluded.

    Notes
    -----
    cos theta + sin theta = 1 + c (t - t0) / D, Seto (2021), ApJ 917, 96, with q = 1.
    """
    one = event_in(event, date, ra, dec, distance, distance_err)
    at = unit_vectors(numbers(candidates, "ra"), numbers(candidates, "dec"))
    chord = np.linalg.norm(at - unit_vectors(one.ra, one.dec), axis=1)
    theta = np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1)))
    far, _ = of_stars(candidates)
    within = np.zeros(len(theta), dtype=bool)
    off = np.full(len(theta), np.inf)
    for ring in rings(one, now.utc.mjd):
        apart = theta - ring.theta
        with np.errstate(invalid="ignore"):
            near = np.abs(apart) <= max(sigmas * ring.half_width, min_width)
        within |= near & ~(far >= ring.depth)
        off = np.where(np.abs(apart) < np.abs(off), apart, off)

    def sentence(is_in: bool, angle: float, apart: float) -> str:  # noqa: FBT001
        if not np.isfinite(angle):
            return "its position is not known"
        if not np.isfinite(apart):
            return f"{one.name.upper()} has no ring any more"
        where = f"{angle:.2f} deg from {one.name.upper()}"
        return f"{where}, on a ring" if is_in else f"{where}, {abs(apart):.2f} deg off the ring"

    return answer(
        np.where(within, value, 1.0),
        exclude=~within & (outside == "exclude"),
        reason=say(sentence, within, theta, off),
        theta=theta,
    )
