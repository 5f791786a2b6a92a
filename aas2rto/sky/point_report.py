"""Everything about one position at one site and time, as `aas2rto visibility` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.sky.observatory import Observatory
from aas2rto.sky.visibility import (
    MIN_ALTITUDE,
    REFERENCE_ALTITUDE,
    SATURATION_MAX,
    SATURATION_POWER,
    lowest_altitude,
    night,
    saturate,
    site_table,
    visibility_factor,
)
from aas2rto.text.json_values import plain

_TIMES = ("observing_start", "night_start", "night_end", "culmination", "rises", "sets")


def point_report(
    observatory: Observatory,
    ra: float,
    dec: float,
    at: Time,
    *,
    min_altitude: float = MIN_ALTITUDE,
    reference_altitude: float = REFERENCE_ALTITUDE,
    saturation_max: float = SATURATION_MAX,
    saturation_power: float = SATURATION_POWER,
) -> dict[str, Any]:
    """Say everything about one position at one site and time.

    Parameters
    ----------
    observatory : Observatory
        The site.
    ra, dec : float
        ICRS [deg].
    at : Time
        When.
    min_altitude, reference_altitude : float
        a_min and a_ref [deg].
    saturation_max, saturation_power : float
        See `saturate`.

    Returns
    -------
    dict
        The columns of `site_table`, with times both as MJD (``*_mjd``) and as UTC text, the factors
        ``x_vis`` (raw), ``x_vis_saturated`` and ``x_alt`` (sin a), and ``night`` (its kind). What
        does not exist is None, so that it can be written as JSON.
    """
    row = _row(observatory, ra, dec, at, min_altitude)
    area, left = row["altitude_area"], row["night_left"]
    raw = visibility_factor(
        area, left, min_altitude=min_altitude, reference_altitude=reference_altitude
    )
    up = row["altitude"] >= lowest_altitude(observatory, min_altitude)
    report = {
        "observatory": observatory.name,
        "ra": ra,
        "dec": dec,
        "time": at.utc.isot[:19],
        "night": night(observatory, at).kind.value,
        "x_vis": float(raw),
        "x_vis_saturated": float(saturate(raw, maximum=saturation_max, power=saturation_power)),
        "x_alt": float(np.sin(np.radians(row["altitude"]))) if up else np.nan,
        **_with_times(row),
    }
    return {key: plain(value) for key, value in report.items()}


def _row(
    observatory: Observatory, ra: float, dec: float, at: Time, min_altitude: float
) -> dict[str, Any]:
    """Return the columns of `site_table` for one position."""
    one = pd.DataFrame({"candidate_id": [""], "ra": [ra], "dec": [dec]})
    table = site_table(observatory, one, at, min_altitude=min_altitude)
    return {str(name): table[name].iloc[0] for name in table.columns.drop("candidate_id")}


def _with_times(row: Mapping[str, Any]) -> dict[str, Any]:
    texts = {
        name: Time(row[name], format="mjd", scale="utc").isot[:19]
        for name in _TIMES
        if np.isfinite(row[name])
    }
    dated = {f"{name}_mjd": row[name] for name in _TIMES}
    return {**row, **dict.fromkeys(_TIMES), **texts, **dated}
