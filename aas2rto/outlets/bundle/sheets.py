"""Sheets of a bundle that are text: airmass through the night, and what is in the bundle."""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.outputs.cells import cell, iso_minutes
from aas2rto.planning.options import SiteNight
from aas2rto.sky.altitude_curve import track

STEP = 0.5 / 24.0
"""Between the columns of the airmass sheet [d]."""

LOWEST = 10.0
"""Lower than this [deg], sec z is no airmass that anybody observes at."""


def airmass(targets: pd.DataFrame, night: SiteNight) -> str:
    """Return the airmass, sec z, of each target every half hour of a night.

    Parameters
    ----------
    targets : DataFrame
        From `aas2rto.outlets.gather.targets_of`.
    night : SiteNight
    """
    start, end = night.night.start, night.night.end
    if not end > start or not len(targets):
        return "# there is no night, or no target\n"
    mjd = np.arange(np.ceil(start / STEP), np.floor(end / STEP) + 1) * STEP
    altitude, _ = track(
        night.observatory,
        targets["ra"].to_numpy(float),
        targets["dec"].to_numpy(float),
        Time(mjd, format="mjd", scale="utc"),
    )
    heads = [text[11:] for text in iso_minutes(mjd)]
    lines = [
        f"# airmass (sec z) at {night.observatory.name} from {iso_minutes(mjd[:1])[0]} UTC; "
        f"empty: lower than {LOWEST:.0f} deg",
        ",".join(["name", *heads]),
    ]
    secant = 1.0 / np.sin(np.radians(np.maximum(altitude, LOWEST)))
    for name, row, high in zip(targets["name"], secant, altitude > LOWEST, strict=True):
        cells = [f"{value:.2f}" if good else "" for value, good in zip(row, high, strict=True)]
        lines.append(",".join([cell(name), *cells]))
    return "".join(f"{line}\n" for line in lines)


def contents(site: str, title: str, evening: str, dialect: str, names: list[str]) -> str:
    """Return the README of a bundle.

    Parameters
    ----------
    site, title : str
        Of the observatory.
    evening : str
        The local date on which the night begins.
    dialect : str
        Whose star list it is.
    names : list of str
        Files that are in it.
    """
    what = {
        "ranked.csv": "all that is worth observing, best first, and why",
        "plan.csv": "who is observed when; also plan.png, and plan.ics for a calendar",
        "not_planned.csv": "who is wanted, but not in the plan, and why",
        "starlist": f"targets in observing order, for {dialect}",
        "targets/": "one page for each target, in observing order: print what you need",
        "airmass.csv": "airmass every half hour",
        "log.csv": "to fill in; send it back",
    }
    told = [
        f"{title} ({site}), the night that begins on {evening}, local date. All times are UTC.",
        "",
        *(f"{name:<16} {says}" for name, says in what.items() if _has(name, names)),
        "",
        "Log: write observed, failed or clouded into the column kind of log.csv, the time into",
        "at_utc and your name into by. Whoever runs aas2rto reads it back with",
        "    aas2rto mark CONFIG --from log.csv",
        "so that what was observed leaves the lists, and what failed is offered again.",
    ]
    return "".join(f"{line}\n" for line in told)


def _has(name: str, names: list[str]) -> bool:
    return any(one.startswith(name.removesuffix("/")) for one in names)
