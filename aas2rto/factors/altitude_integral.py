"""How much of a candidate's time above the limit is left tonight, A&A 698, A153, Eq. 12-14."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from aas2rto.errors import UsageError
from aas2rto.factors import Factor, Needs, answer, factor
from aas2rto.sky.visibility import (
    MIN_ALTITUDE,
    REFERENCE_ALTITUDE,
    SATURATION_MAX,
    SATURATION_POWER,
    clock,
    saturate,
    visibility_factor,
)
from aas2rto.text.late import Late, looked_up, say
from aas2rto.units import Degree

MINUTES = 1440
"""Of a day."""


class Saturation(BaseModel):
    """How the factor is bounded, A&A 698, A153, App. B.

    ``smooth`` is Eq. B.2, x / (1 + (x / max)^power)^(1 / power); ``minimum`` is Eq. B.1,
    min(x, max).

    Parameters
    ----------
    max : float
        Bound of the factor.
    power : float
        How sharp the bend is; larger is sharper.
    form : str
        As above.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max: Annotated[float, Field(gt=1, allow_inf_nan=False)] = SATURATION_MAX
    power: Annotated[float, Field(ge=1)] = SATURATION_POWER
    form: Literal["smooth", "minimum"] = "smooth"

    def __str__(self) -> str:
        power = f", power: {self.power:g}" if self.form == "smooth" else ""
        return f"{{form: {self.form}, max: {self.max:g}{power}}}"

    def apply(self, value: Any) -> Any:
        """Bound x_vis."""
        power = self.power if self.form == "smooth" else math.inf
        return saturate(value, maximum=self.max, power=power)


def _or_none(value: Any) -> Any:
    """Let a config say ``none`` for no saturation; YAML itself only knows ``null``."""
    return None if value == "none" else value


DEFAULT_SATURATION = Saturation()


@factor("altitude_integral", needs=Needs.SITE)
def altitude_integral(
    candidates: pd.DataFrame,
    now: Time,
    *,
    min_altitude: Degree = MIN_ALTITUDE,
    reference_altitude: Degree = REFERENCE_ALTITUDE,
    saturation: Annotated[Saturation | None, BeforeValidator(_or_none)] = DEFAULT_SATURATION,
) -> Factor:
    """Prefer candidates that leave soon or stay low: x_vis, A&A 698, A153, Eq. 13.

    x_vis = (a_ref - a_min) (t_SR - t_obs) / A_vis, saturated by Eq. B.2.

    Parameters
    ----------
    candidates : DataFrame
        Joined with the site's table, see `aas2rto.sky.visibility.site_table`.
    now : Time
        Unused: the table was made for it.
    min_altitude : float
        a_min [deg]; must be the one of the site's table.
    reference_altitude : float
        a_ref [deg].
    saturation : Saturation or None
        How the factor is bounded; None leaves it without bound (454 for a candidate that grazes
        31 deg).

    Returns
    -------
    Factor
        1 for a candidate at the zenith all night, up to ``saturation.max`` for one that is hardly
        up; excluded where nothing of its time is left.

    Raises
    ------
    UsageError
        If the table was made for another a_min.
    """
    _check_table(candidates["min_altitude"].to_numpy(float), min_altitude)
    hours = candidates["hours_left"].to_numpy(float)
    raw = visibility_factor(
        candidates["altitude_area"],
        candidates["night_left"],
        min_altitude=min_altitude,
        reference_altitude=reference_altitude,
    )
    value = raw if saturation is None else saturation.apply(raw)
    gone = ~np.isfinite(value)
    lowest = candidates["lowest_altitude"].to_numpy(float)
    return answer(
        value,
        exclude=gone,
        reason=Late.where(
            gone,
            Late.of(candidates["status"].to_numpy(object), len(candidates)),
            say("{:.1f} h left above {:g} deg, {}", hours, lowest, _until(candidates["sets"])),
        ),
        altitude_area=candidates["altitude_area"],
        night_left=candidates["night_left"],
        hours_left=hours,
        x_vis=raw,
    )


def _check_table(made_for: NDArray[np.float64], min_altitude: float) -> None:
    other = made_for[made_for != min_altitude]
    if other.size:
        raise UsageError(
            f"altitude_integral: min_altitude is {min_altitude:g} deg, but A_vis was computed "
            f"above {other[0]:g} deg; set both by visibility.min_altitude"
        )


def _until(sets: pd.Series) -> NDArray[np.object_]:
    """Say until when candidates are up; many set in the same minute."""
    mjd = sets.to_numpy(float)
    known = np.isfinite(mjd)
    minutes = np.rint(np.where(known, mjd, 0.0) % 1.0 * MINUTES).astype(int) % MINUTES
    return looked_up(
        np.where(known, minutes, -1),
        lambda m: f"sets {clock(m / MINUTES)} UTC" if m >= 0 else "still up at dawn",
    )
