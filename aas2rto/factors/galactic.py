"""Leave out what lies behind the Milky Way: crowded, dusty, and mostly stars of our own."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import BaseModel, Field

from aas2rto.factors import Factor, Needs, answer, factor, numbers
from aas2rto.sky.galactic import from_centre, galactic
from aas2rto.text.late import say
from aas2rto.units import Degree


def check(options: BaseModel, **_: object) -> list[str]:
    """Say when the config loads that the factor would do nothing."""
    if getattr(options, "latitude", None) is None and getattr(options, "centre", None) is None:
        return ["give latitude, centre, or both"]
    return []


@factor("galactic", needs=Needs.LIGHT_CURVE, check=check)
def galactic_factor(
    candidates: pd.DataFrame,
    now: Time,
    *,
    latitude: Annotated[Degree, Field(ge=0, le=90)] | None = 5.0,
    centre: Annotated[Degree, Field(ge=0, le=180)] | None = None,
    action: Literal["reject", "exclude"] = "reject",
) -> Factor:
    """Reject what is too near to the Galactic plane, or to the Galactic centre.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``ra, dec`` [deg, ICRS].
    now : Time
        Not used.
    latitude : float or None
        abs(b) must not be less [deg]. 5 deg is what both science cases of the existing
        implementation take (aidansedgewick/aas2rto 0.8.2).
    centre : float or None
        The distance to l = b = 0 must not be less [deg]; they take 10 deg for kilonovae and 15 deg
        for SNe Ia.
    action : str
        ``reject`` for good, for a place does not change; or ``exclude``.

    Returns
    -------
    Factor
        1. Without a position it keeps, and says so.
    """
    place = numbers(candidates, "ra"), numbers(candidates, "dec")
    lon, lat = galactic(*place)
    away = from_centre(*place)
    low = np.zeros(len(lat), dtype=bool) if latitude is None else np.abs(lat) < latitude
    near = np.zeros(len(lat), dtype=bool) if centre is None else away < centre
    reason = say(
        lambda b, distance, is_low, is_near: (
            "no position"
            if np.isnan(b)
            else f"galactic latitude {b:+.1f} deg"
            + (f", within {latitude:g} of the plane" if is_low else "")
            + f", {distance:.0f} deg from the Galactic centre"
            + (f", closer than {centre:g}" if is_near else "")
        ),
        lat,
        away,
        low,
        near,
    )
    told = {"l": lon, "b": lat, "from_centre": away}
    return answer(1.0, **{action: low | near}, reason=reason, **told)
