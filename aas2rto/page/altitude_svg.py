"""Drawing: the altitude of a candidate in the night of a site, with twilight, Moon, now, window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from markupsafe import Markup

from aas2rto.outputs.figures.gathering import observable_at
from aas2rto.outputs.figures.subject import SiteNight
from aas2rto.page import svg
from aas2rto.page.svg import Box, Floats
from aas2rto.sky import altitude_curve as tracks
from aas2rto.sky.observatory import Observatory
from aas2rto.steps.cycle import Ranking
from aas2rto.tables.records import records
from aas2rto.text.words import hour

POINTS = 49
"""Of a small curve: every quarter of an hour in a long night."""

MARGIN = 0.75 / 24.0
"""Before dusk and after dawn [d]."""

ROOM = 24.0
"""Half the width of a time below the axis."""

SMALL, LARGE = (132.0, 40.0), (640.0, 190.0)

TWILIGHTS = ((0.0, "day"), (-6.0, "civil"), (-12.0, "nautical"), (-18.0, "astronomical"))
"""Altitude of the Sun [deg] above which it is so, and the class."""


def small_curves(site: Observatory, ranking: Ranking, table: pd.DataFrame, now: float) -> list[str]:
    """Draw one small curve for each row of a part of a site's list.

    Parameters
    ----------
    site : Observatory
    ranking : Ranking
        The whole list: the night is the same for all.
    table : DataFrame
        Rows of it.
    now : float
        For when the list was made [d, MJD UTC].

    Returns
    -------
    list of str
        Empty texts where there is no night.
    """
    begin, end = night_of(ranking)
    if not (len(table) and np.isfinite(end - begin)):
        return [""] * len(table)
    mjd = np.linspace(begin - MARGIN, end + MARGIN, POINTS)
    times = Time(mjd, format="mjd", scale="utc")
    ra, dec = table["ra"].to_numpy(float), table["dec"].to_numpy(float)
    altitude, azimuth = tracks.track(site, ra, dec, times)
    _, moon, _ = tracks.moon_track(site, ra[:1], dec[:1], times)
    box = _box(mjd, *SMALL, labelled=False)
    below = _sky(box, mjd, tracks.sun_track(site, times), moon, now)
    told: list[str] = []
    for row, facts in enumerate(records(table)):
        good = observable_at(site, facts, now, mjd, altitude[row], azimuth[row])
        above = _track(box, mjd, altitude[row], good)
        words = describe(mjd, altitude[row], good, facts)
        told.append(svg.drawing(*SMALL, [*below, *above], words, "alt small"))
    return told


def night_of(ranking: Ranking) -> tuple[float, float]:
    """Return evening and morning twilight of the night of a list [d, MJD UTC]; NaN: none."""
    for table in (ranking.table, ranking.out):
        if len(table) and "night_start" in table:
            return float(table["night_start"].iloc[0]), float(table["night_end"].iloc[0])
    return np.nan, np.nan


def large_curve(night: SiteNight, now: float) -> Markup:
    """Draw the night of a site for one candidate, with axes.

    Parameters
    ----------
    night : SiteNight
    now : float
        [d, MJD UTC]
    """
    first, last = night.number("night_start"), night.number("night_end")
    if np.isfinite(last - first):
        low, high = min(first, now) - MARGIN, last + MARGIN
    else:
        low, high = float(night.mjd[0]), float(night.mjd[-1])
    inside = (night.mjd >= low) & (night.mjd <= high)
    if inside.sum() < 2:
        inside[:] = True
    mjd = night.mjd[inside]
    box = _box(mjd, *LARGE, labelled=True)
    parts = _sky(box, mjd, night.sun_altitude[inside], night.moon_altitude[inside], now)
    parts += _track(box, mjd, night.altitude[inside], night.observable[inside])
    parts += _axes(box)
    words = describe(mjd, night.altitude[inside], night.observable[inside], night.facts)
    return svg.drawing(*LARGE, parts, f"{night.title}: {words}", "alt large")


def _box(mjd: Floats, width: float, height: float, *, labelled: bool) -> Box:
    left, below = (36.0, 20.0) if labelled else (0.0, 0.0)
    top = 6.0 if labelled else 0.0
    return Box(
        left, top, width - left, height - below - top, float(mjd[0]), float(mjd[-1]), 90.0, 0.0
    )


def _sky(box: Box, mjd: Floats, sun: Floats, moon: Floats, now: float) -> list[str]:
    """Draw twilight, the Moon, and now."""
    parts = [svg.rect(box.left, box.top, box.width, box.height, "dark")]
    for above, css in reversed(TWILIGHTS):
        for run in svg.stretches(sun > above):
            begin, end = box.x(mjd[run.start]), box.x(mjd[min(run.stop, len(mjd) - 1)])
            parts.append(svg.rect(begin, box.top, end - begin, box.height, css))
    parts += [
        svg.path(svg.line(box.x(mjd[run]), box.y(moon[run])), "moon")
        for run in svg.stretches(moon > 0)
    ]
    if box.first <= now <= box.last:
        parts.append(svg.down(box, float(box.x(now)), "now"))
    return parts


def _track(box: Box, mjd: Floats, altitude: Floats, good: Any) -> list[str]:
    """Draw where the candidate is, and where it can be observed."""
    parts = []
    for css, chosen in (("up", altitude > 0), ("window", good & (altitude > 0))):
        for run in svg.stretches(np.asarray(chosen)):
            d = svg.line(box.x(mjd[run]), box.y(altitude[run]))
            parts.append(svg.path(d, css))
    return parts


def _axes(box: Box) -> list[str]:
    parts = []
    for altitude in (30, 60, 90):
        y = float(box.y(altitude))
        parts.append(svg.across(box, y, "grid"))
        parts.append(svg.text(box.left - 4, y + 4, f"{altitude}°", "tick", "end"))
    every = max(round((box.last - box.first) * 24 / 8), 1)
    for one in np.arange(np.ceil(box.first * 24 / every), np.floor(box.last * 24 / every) + 1):
        mjd = float(one) * every / 24
        x = float(box.x(mjd))
        if box.left + ROOM <= x <= box.right - ROOM:
            parts.append(svg.text(x, box.bottom + 15, hour(mjd), "tick", "middle"))
    return parts


def describe(mjd: Floats, altitude: Floats, good: Any, facts: Mapping[str, Any]) -> str:
    """Say in words what a curve shows.

    Parameters
    ----------
    mjd, altitude, good : ndarray, shape (n,)
        Times [d, UTC], altitudes [deg], and whether it can be observed then.
    facts : mapping
        The candidate's columns of the site's list.
    """
    top = int(np.argmax(altitude))
    told = f"highest {altitude[top]:.0f}° at {hour(float(mjd[top]))} UTC"
    runs = svg.stretches(np.asarray(good))
    spans = [f"{hour(float(mjd[r.start]))}-{hour(float(mjd[r.stop - 1]))}" for r in runs]
    told += f", observable {' and '.join(spans)} UTC" if spans else ", not observable from now on"
    moon = facts.get("moon_sep")
    return told + (
        f", Moon {moon:.0f}° away" if isinstance(moon, float) and np.isfinite(moon) else ""
    )
