"""Stars from which a signal sent when a supernova was seen there would arrive now."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import Field
from scipy.special import ndtr

from aas2rto.factors import Factor, Needs, Positive, Share, answer, factor, numbers
from aas2rto.factors.timed import check_event, event_in, of_stars
from aas2rto.sky.signals import PARSEC, YEAR, delay, delay_err
from aas2rto.tables.candidates import unit_vectors
from aas2rto.text.late import say
from aas2rto.units import Degree, Parsec, Year


@factor("seti_ellipsoid", needs=Needs.LIGHT_CURVE, check=check_event)
def seti_ellipsoid(  # noqa: PLR0913  the settings of a config
    candidates: pd.DataFrame,
    now: Time,
    *,
    name: str = "",
    event: str = "sn1987a",
    date: str | None = None,
    ra: Degree | None = None,
    dec: Degree | None = None,
    distance: Annotated[Parsec, Field(gt=0)] | None = None,
    distance_err: Annotated[Parsec, Field(ge=0)] | None = None,
    window: Annotated[Year, Field(gt=0)] = 0.1,
    least_chance: Share = 0.0,
    value: Positive = 5.0,
    outside: Literal["neutral", "exclude"] = "neutral",
) -> Factor:
    """Prefer stars that cross the SETI Ellipsoid of an event.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``ra, dec`` and ``distance, distance_err`` [pc] or ``parallax, parallax_err`` [mas],
        which `aas2rto targets import` brings.
    now : Time
        The time of observation.
    name : str
        Of the column, where a config has several of these factors.
    event : str
        ``sn1987a``, ``sn1054``, ``sn1006``, ``sn1572``, ``sn1604``; or your own, with all below.
    date : str or None
        When the event was first seen here, such as ``1987-02-23``; null: as known.
    ra, dec : float or None
        Its position [deg, ICRS].
    distance, distance_err : float or None
        Its distance and the error of it [pc].
    window : float
        A star crosses for so long before and after [yr]: 0.1 light years, Davenport et al. (2022).
    least_chance : float
        The chance, by the errors of both distances, that it is within the window; 0: not asked.
    value : float
        The factor for stars that cross now.
    outside : str
        For all others, ``neutral``: 1; ``exclude``: excluded until they cross.

    Notes
    -----
    x = d + s - D, Lemarchand (1994), Ap&SS 214, 209; Davenport et al. (2022), AJ 164, 117. The
    error of a crossing is sigma_d (1 - cos theta) / c for a distant event.
    """
    one = event_in(event, date, ra, dec, distance, distance_err)
    cosine = one.cosine(unit_vectors(numbers(candidates, "ra"), numbers(candidates, "dec")))
    far, far_err = of_stars(candidates)
    of_event = one.distance * PARSEC
    late = delay(cosine, far * PARSEC, of_event)
    error = delay_err(
        cosine, far * PARSEC, np.nan_to_num(far_err) * PARSEC, of_event, one.distance_err * PARSEC
    )
    away = late - one.years(now.utc.mjd)
    wide = np.maximum(error, 1e-9)
    chance = ndtr((window - away) / wide) - ndtr((-window - away) / wide)
    with np.errstate(invalid="ignore"):
        within = (np.abs(away) <= window) & (chance >= least_chance)
    crossing = now.utc.mjd + away * YEAR
    year = 2000.0 + (crossing - 51544.5) / YEAR

    def sentence(is_in: bool, when: float, err: float, share: float) -> str:  # noqa: FBT001
        if not np.isfinite(when):
            return "no distance: no crossing can be computed"
        told = f"the ellipsoid of {one.name.upper()} in {when:.2f} +- {err:.2f}"
        return (
            f"crosses {told} ({100 * share:.0f} % within the window)"
            if is_in
            else (f"crosses {told}")
        )

    return answer(
        np.where(within, value, 1.0),
        exclude=~within & (outside == "exclude"),
        reason=say(sentence, within, year, error, chance),
        crossing=crossing,
        crossing_err=error * YEAR,
    )
