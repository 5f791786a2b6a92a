"""When a planet of the Sun is seen to pass before it from where a candidate is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import BaseModel, Field

from aas2rto.factors import Factor, Needs, Positive, answer, factor, numbers
from aas2rto.sky.regions.planets import check_names, find
from aas2rto.sky.regions.zones import Zone
from aas2rto.tables.candidates import unit_vectors
from aas2rto.text.late import say
from aas2rto.text.words import day
from aas2rto.units import Day


def _check(options: BaseModel, **_: Any) -> list[str]:
    """Say when the config loads that a planet is none."""
    return [f"planet: {why}" for why in check_names([str(getattr(options, "planet", ""))])]


@factor("transit_time", needs=Needs.LIGHT_CURVE, check=_check)
def transit_time(
    candidates: pd.DataFrame,
    now: Time,
    *,
    planet: str = "earth",
    transit: Literal["full", "grazing"] = "full",
    orbits: Literal["circular", "eccentric"] = "circular",
    window: Annotated[Day, Field(gt=0)] = 5.0,
    value: Positive = 2.0,
    outside: Literal["neutral", "exclude"] = "neutral",
) -> Factor:
    """Prefer stars while a planet passes before the Sun as seen from there.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``ra, dec``.
    now : Time
        The time of observation.
    planet : str
        Whose transit.
    transit, orbits : str
        Whose zone, see `region`; outside of it there is no transit.
    window : float
        So long before and after the middle of the transit it counts [day]. The transit itself lasts
        13 h at most, for the Earth.
    value : float
        The factor in the window.
    outside : str
        ``neutral``: 1 at other times and outside the zone; ``exclude``: excluded until its window.

    Notes
    -----
    The middle of the transit is when the planet's heliocentric direction is that of the star; for
    the Earth its opposition. What is received at that time was sent so many years ago as the star
    is light years away: a signal to be seen then would be timed by its sender.
    """
    one = find(planet)
    at = unit_vectors(numbers(candidates, "ra"), numbers(candidates, "dec"))
    zone = Zone(one, transit == "grazing", orbits == "eccentric")
    inside = zone.contains(at)
    coming = one.next_transits(at, now.utc.mjd)
    last = coming - one.period
    nearest = np.where(now.utc.mjd - last < coming - now.utc.mjd, last, coming)
    away = nearest - now.utc.mjd
    with np.errstate(invalid="ignore"):
        within = inside & (np.abs(away) <= window)
    offset = np.abs(zone.offset(at))

    def sentence(is_in: bool, days: float, when: float, far: float) -> str:  # noqa: FBT001
        if not is_in:
            return f"{far:.2f} deg from the plane of {one.name}'s orbit: no transit"
        ago = f"in {days:.1f} d" if days >= 0 else f"{-days:.1f} d ago"
        return f"sees {one.name} transit the Sun {ago}, on {day(when)}"

    return answer(
        np.where(within, value, 1.0),
        exclude=~within & (outside == "exclude"),
        reason=say(sentence, inside, away, nearest, offset),
        next_transit=coming,
    )
