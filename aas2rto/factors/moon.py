"""How much the Moon hampers a candidate at its best moment of the night."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import Field

from aas2rto.factors import Factor, Needs, answer, factor
from aas2rto.sky.exposure import dark_sky, moonlight
from aas2rto.text.late import say
from aas2rto.units import Degree


@factor("moon", needs=Needs.SITE)
def moon(
    candidates: pd.DataFrame,
    now: Time,
    *,
    min_separation: Annotated[Degree, Field(ge=0, le=180)] = 30.0,
    strength: Annotated[float, Field(ge=0)] = 1.0,
) -> Factor:
    """Prefer dark sky: the share of the signal-to-noise that moonlight leaves.

    x_moon = (B_dark / (B_dark + B_moon))^(strength / 2), with the sky brightness of Krisciunas &
    Schaefer (1991), PASP 103, 1033, at the candidate's highest point of the hours that are left.
    For a candidate fainter than the sky, S/N goes with B^-0.5, which is strength 1.

    Parameters
    ----------
    candidates : DataFrame
        Joined with the site's table, see `aas2rto.sky.visibility.site_table`.
    now : Time
        Unused: the table was made for it.
    min_separation : float
        Closer to the Moon while it is up: excluded [deg]. 30 deg is a custom, not a measurement; an
        observatory's own limit is taken where it is larger.
    strength : float
        How much the sky matters: 0 for no softening, only the limit.

    Returns
    -------
    Factor
        1 while the Moon is down, about 0.3 near the full Moon.
    """
    sep = candidates["culmination_moon_sep"].to_numpy(float)
    height = candidates["culmination_moon_altitude"].to_numpy(float)
    altitude = candidates["culmination_altitude"].to_numpy(float)
    illumination = candidates["moon_illumination"].to_numpy(float)
    limit = np.fmax(min_separation, candidates["moon_limit"].to_numpy(float))
    dark = dark_sky(altitude)
    value = (dark / (dark + moonlight(altitude, height, sep, illumination))) ** (strength / 2)
    near = (height > 0) & (sep < limit)
    unknown = np.isnan(value)
    status = candidates["status"].to_numpy(object)
    return answer(
        value,
        exclude=near | unknown,
        reason=say(
            lambda why, lost, *moon: (why or "no place tonight") if lost else _reason(*moon),
            status,
            unknown,
            sep,
            height,
            illumination,
            limit,
            near,
        ),
        moon_sep=sep,
        moon_altitude=height,
        moon_illumination=illumination,
    )


def _reason(sep: float, height: float, illumination: float, limit: float, near: bool) -> str:  # noqa: FBT001
    if height <= 0:
        return "the Moon is down"
    if near:
        return f"{sep:.0f} deg from the Moon, closer than {limit:g} deg"
    return f"{sep:.0f} deg from the Moon ({100 * illumination:.0f} % lit)"
