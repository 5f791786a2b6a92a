"""Figure: the plan of a night on one page: altitude tracks with their slots, Moon and twilight."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from aas2rto.outputs.figures import style
from aas2rto.outputs.plan_csv import worth
from aas2rto.planning import NightPlan
from aas2rto.planning.options import SiteNight, within_limits
from aas2rto.planning.problem import Floats, Mask
from aas2rto.planning.timeline import AHEAD, PLANNED, state_words
from aas2rto.sky.altitude_curve import moon_track, sun_track, track
from aas2rto.sky.night import NightKind
from aas2rto.sky.visibility import lowest_altitude
from aas2rto.text.words import day, day_and_hour, hour

PANEL_IN, LINE_IN, BETWEEN_IN, HEAD_IN = 1.65, 0.15, 0.92, 0.55
"""Heights [inch] of a site's panel, of a line of its list, between sites, and of the title."""

LINE_OF_HEAD_IN, FOOT_IN = 0.15, 0.42
"""Of a line below the title, and of the key at the bottom."""

LEFT, RIGHT = 0.075, 0.925

COLOURS = (
    "#0058A8",
    "#D55E00",
    "#00805E",
    "#B5408F",
    "#A87000",
    "#2E9FD8",
    "#000000",
    "#8B1E3F",
    "#6E7B00",
    "#6A5ACD",
)
"""Of the slots, as long as there are as many; with more, all have the first one, and the numbers
say which is which. Each can be read on white (3 : 1 or more), and is told from any other."""

AIRMASSES = (1.0, 1.2, 1.5, 2.0, 3.0)
"""At the right axis: sec z."""

COLUMNS = (
    (0.075, "right", "#"),
    (0.09, "left", "UT"),
    (0.275, "left", "candidate"),
    (0.565, "right", "mag"),
    (0.66, "right", "expose"),
    (0.715, "right", "alt"),
    (0.985, "right", "note, or next if it fails"),
)
"""Of the list below a panel: where, which side is there, and the heading."""

MARGIN = 0.5 / 24.0
"""Before dusk and after dawn [d]."""

STEP = 3.0 / 1440.0
"""Between the points of a track [d]."""

CROWDED = 10
"""With more slots at a site, tracks are drawn near the slot only, numbers above and below."""

NEAR = 1.5 / 24.0
"""What is near a slot [d]."""

MOON_TEXT = "#8F6200"
"""Orange, dark enough to be read."""

TWILIGHTS = np.array([0.0, 6.0, 12.0, 18.0])
"""Depth of the Sun [deg] at which civil, nautical, astronomical twilight and night begin."""

NIGHT_COLOUR = np.array([0.78, 0.83, 0.92])
"""Pale, so that thin tracks and small numbers can be read on it."""


def draw(plan: NightPlan, project: str, provenance: Mapping[str, str]) -> bytes:
    """Draw a plan as a PNG file, as wide as a phone.

    Parameters
    ----------
    plan : NightPlan
    project : str
    provenance : mapping
        Texts that travel in the file.
    """
    with style.applied():
        return sheet_of(plan, project).png(provenance)


def sheet_of(plan: NightPlan, project: str) -> style.Sheet:
    """Draw a plan; see `draw`. Needs the style that is applied there."""
    lists = [len(plan.at(one.observatory.name)) for one in plan.nights]
    heights = [PANEL_IN + LINE_IN * max(rows, 1) + BETWEEN_IN for rows in lists]
    below = _below(plan)
    head = HEAD_IN + LINE_OF_HEAD_IN * (len(below) - 1)
    sheet = style.Sheet(head + sum(heights) + FOOT_IN, lambda _: [])
    top = head
    for night, height in zip(plan.nights, heights, strict=True):
        _draw_site(sheet.figure, plan, night, top)
        top += height
    sheet.title(style.plain(f"Plan of {_date(plan)}: {project}", 44), "")
    total = float(sheet.figure.get_figheight())
    for line, text in enumerate(below):
        y = 1 - (0.31 + LINE_OF_HEAD_IN * line) / total
        put = sheet.figure.text(0.03, y, text, size=8, va="top", color="#333333")
        style.fitted(sheet.figure, put, 0.955)
    _write_key(sheet.figure)
    return sheet


def _date(plan: NightPlan) -> str:
    begins = [one.night.start for one in plan.nights if np.isfinite(one.night.start)]
    first = min(begins, default=float(plan.now.utc.mjd))
    return f"{day(first)} {Time(first, format='mjd').isot[:4]}"


KEY = (
    "shade: day, civil, nautical, astronomical twilight, night · ★ target of opportunity",
    "dotted level: lowest and highest the telescope points · thick: observed, with its number",
    "track dotted: outside the telescope's limits (horizon, mount, Moon), or twilight",
)

LONGEST_LINE = 74
"""Letters of 8 pt that fill a line below the title."""


def _below(plan: NightPlan) -> list[str]:
    """Return the lines below the title, none longer than the figure is wide."""
    made = f"made {day_and_hour(float(plan.now.utc.mjd))} UT"
    told = style.plain(f"{worth(plan)} · {made}", 400)
    return textwrap.wrap(told, LONGEST_LINE)


def _write_key(figure: Figure) -> None:
    """Say what shades and lines are."""
    total = float(figure.get_figheight())
    for line, text in enumerate(KEY):
        y = (FOOT_IN - 0.04 - 0.12 * line) / total
        figure.text(0.03, y, text, size=7, va="top", color="#333333")


def _draw_site(figure: Figure, plan: NightPlan, night: SiteNight, top: float) -> None:
    """Draw one observatory: its panel, and below it the list of its slots."""
    total = float(figure.get_figheight())
    axes = figure.add_axes(
        (LEFT, 1 - (top + 0.2 + PANEL_IN) / total, RIGHT - LEFT, PANEL_IN / total)
    )
    slots = plan.at(night.observatory.name)
    title = axes.text(
        0.055,
        1.035,
        style.plain(night.observatory.title, 40),
        transform=axes.transAxes,
        size=9.5,
        weight="bold",
        va="bottom",
    )
    style.fitted(axes, title, 0.55)
    if night.night.kind is NightKind.POLAR_DAY:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no night: polar day", transform=axes.transAxes, ha="center")
        return
    low, high = night.night.start - MARGIN, night.night.end + MARGIN
    mjd = np.arange(low, high + STEP, STEP)
    _set_up(axes, low, high)
    _airmass_axis(axes)
    _draw_sky(axes, night, mjd)
    _draw_limits(axes, night, float(plan.now.utc.mjd), low, high)
    crowded = len(slots) > CROWDED
    for row in slots.to_dict("records"):
        _draw_slot(axes, night, row, mjd, crowded=crowded)
    figure.text(
        0.5 * (LEFT + RIGHT),
        1 - (top + 0.2 + PANEL_IN + 0.27) / total,
        f"hour of {_dates(low, high)} [UT]",
        size=8.5,
        ha="center",
        va="center",
    )
    _write_list(figure, slots, top + 0.2 + PANEL_IN + 0.47)


def _dates(low: float, high: float) -> str:
    first, last = day(low), day(high)
    year = Time(high, format="mjd").isot[:4]
    return f"{first} {year}" if first == last else f"{first} – {last} {year}"


def _airmass_axis(axes: Axes) -> None:
    """Write airmasses at the right, where the altitudes are that they belong to."""
    beside = axes.get_yaxis_transform()
    for airmass in AIRMASSES:
        altitude = float(np.degrees(np.arcsin(1 / airmass)))
        axes.plot([0.99, 1.0], [altitude] * 2, transform=beside, color="#333333", linewidth=0.8)
        axes.text(
            1.01,
            min(altitude, 88.0),
            f"{airmass:g}",
            transform=beside,
            size=7.5,
            va="center",
            color="#333333",
        )
    axes.text(1.075, 1.035, "airmass", transform=axes.transAxes, size=8, ha="right", va="bottom")


def _set_up(axes: Axes, low: float, high: float) -> None:
    axes.set_xlim(low, high)
    axes.set_ylim(0, 93)
    axes.yaxis.set_major_locator(FixedLocator([0, 30, 60, 90]))
    axes.tick_params(which="both", direction="in", top=True, right=False, pad=2)
    step = next(n for n in (1, 2, 3, 4, 6, 12) if (high - low) * 24 / n <= 13)
    edge = 0.02 * (high - low)  # a number there would be cut off
    first, last = np.ceil((low + edge) * 24 / step), np.floor((high - edge) * 24 / step)
    ticks = np.arange(first, last + 1) * step / 24
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda mjd, _: f"{hour(mjd)[:2]} h"))
    axes.text(-0.065, 1.035, "alt [°]", transform=axes.transAxes, size=8, va="bottom")


def _draw_sky(axes: Axes, night: SiteNight, mjd: Floats) -> None:
    """Shade by the Sun's altitude, white is day; draw the Moon."""
    times = Time(mjd, format="mjd", scale="utc")
    sun = sun_track(night.observatory, times)
    _, moon, lit = moon_track(night.observatory, [0.0], [0.0], times)
    darkness = np.searchsorted(TWILIGHTS, -sun) / len(TWILIGHTS)
    colours = 1 - darkness[:, None] * (1 - NIGHT_COLOUR)
    extent = (mjd[0] - STEP / 2, mjd[-1] + STEP / 2, 0, 93)
    axes.imshow(colours[None], extent=extent, aspect="auto", interpolation="nearest", zorder=0)
    axes.plot(
        mjd,
        np.where(moon > 0, moon, np.nan),
        color=style.ORANGE,
        linewidth=1.4,
        linestyle=(0, (4, 2)),
        zorder=2,
    )
    dark = (mjd >= night.night.start) & (mjd <= night.night.end)
    up = bool((moon[dark] > 0).any())
    words = f"– – Moon, {lit.mean():.0%} lit" if up else "no Moon"
    axes.text(
        0.95,
        1.035,
        words,
        transform=axes.transAxes,
        size=8,
        ha="right",
        va="bottom",
        color=MOON_TEXT,
    )


def _draw_limits(axes: Axes, night: SiteNight, now: float, low: float, high: float) -> None:
    """Draw the lowest and the highest altitude, when it is closed, and now."""
    limits = [lowest_altitude(night.observatory, night.min_altitude)]
    if night.observatory.max_altitude_deg is not None:
        limits.append(night.observatory.max_altitude_deg)
    for limit in limits:
        axes.axhline(limit, color="#555555", linewidth=0.9, linestyle=":", zorder=2)
    for start, end in night.closed:
        first, last = max(start, low), min(end, high)
        if last > first:
            axes.axvspan(
                first,
                last,
                facecolor="#FFFFFF",
                edgecolor=style.GREY,
                hatch="///",
                linewidth=0.0,
                alpha=0.7,
                zorder=1,
            )
            axes.text(0.5 * (first + last), 84, "closed", size=8, ha="center", color="#333333")
    if low < now < high:
        axes.axvline(now, color=style.VERMILLION, linewidth=1.2, zorder=3)
        axes.text(now, 4, " now", size=8, color=style.VERMILLION, zorder=3)


def _draw_slot(
    axes: Axes, night: SiteNight, row: Mapping[Any, Any], mjd: Floats, *, crowded: bool
) -> None:
    """Draw the track of a candidate, thick while it is observed, with the number of its slot."""
    colour = _colour(row, crowded=crowded)
    inside = np.union1d(mjd, np.linspace(row["start"], row["end"], 9))
    if crowded:
        inside = inside[(inside > row["start"] - NEAR) & (inside < row["end"] + NEAR)]
    altitude, may = _track(night, row, inside)
    for shown, style_, width in ((may, "-", 0.8), (~may, (0, (1, 2)), 0.7)):
        axes.plot(
            inside,
            np.where(shown, altitude, np.nan),
            color=colour,
            linewidth=width,
            linestyle=style_,
            alpha=0.65,
            zorder=3,
        )
    now = (inside >= row["start"] - 1e-9) & (inside <= row["end"] + 1e-9)
    axes.plot(
        inside[now], altitude[now], color=colour, linewidth=4.0, solid_capstyle="butt", zorder=4
    )
    middle = 0.5 * (row["start"] + row["end"])
    height = float(np.interp(middle, inside, altitude))
    above = height < 82 and not (crowded and row["slot"] % 2 == 0)
    axes.annotate(
        str(row["slot"]),
        (middle, height),
        xytext=(0, 4 if above else -4),
        textcoords="offset points",
        ha="center",
        va="bottom" if above else "top",
        size=7 if crowded else 8,
        weight="bold",
        color=colour,
        zorder=5,
        bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.8},
    )


def _track(night: SiteNight, row: Mapping[Any, Any], mjd: Floats) -> tuple[Floats, Mask]:
    """Return altitudes of a candidate, and when the telescope may observe it."""
    times = Time(mjd, format="mjd", scale="utc")
    ra, dec = [row["ra"]], [row["dec"]]
    altitude, azimuth = track(night.observatory, ra, dec, times)
    separation, moon, _ = moon_track(night.observatory, ra, dec, times)
    may = within_limits(night.observatory, altitude, azimuth, night.min_altitude)[0]
    may &= (separation[0] >= night.moon_limit) | (moon <= 0)
    may &= (mjd >= night.night.start) & (mjd <= night.night.end)
    return altitude[0], may


def _colour(row: Mapping[Any, Any], *, crowded: bool) -> str:
    """Return a colour of its own for each slot, or one for all where there are too many."""
    if row["state"] not in AHEAD:
        return style.GREY
    return COLOURS[0] if crowded else COLOURS[(int(row["slot"]) - 1) % len(COLOURS)]


def _write_list(figure: Figure, slots: pd.DataFrame, top: float) -> None:
    total = float(figure.get_figheight())
    if slots.empty:
        figure.text(LEFT, 1 - top / total, "nothing to observe", size=8, color="#333333")
        return
    head: dict[str, Any] = {
        "y": 1 - (top - 0.02) / total,
        "size": 7.2,
        "va": "center",
        "color": "#555555",
    }
    for x, side, words in COLUMNS:
        figure.text(x=x, s=words, ha=side, **head)
    crowded = len(slots) > CROWDED
    for line, row in enumerate(slots.to_dict("records"), start=1):
        put: dict[str, Any] = {"y": 1 - (top + LINE_IN * line) / total, "va": "center"}
        for (x, side, _), words in zip(COLUMNS, _cells(row), strict=True):
            more: dict[str, Any] = {"weight": "bold"} if x in BOLD else {}
            if x == COLUMNS[0][0]:
                more["color"] = _colour(row, crowded=crowded)
            text = figure.text(x=x, s=words, ha=side, size=7.8, **put, **more)
            if x in WIDEST:
                style.fitted(figure, text, WIDEST[x])


BOLD = (COLUMNS[0][0], COLUMNS[2][0])
"""Number and candidate."""

WIDEST = {COLUMNS[2][0]: 0.222, COLUMNS[-1][0]: 0.255}
"""How wide candidate and note may be, in parts of the figure."""


def _cells(row: Mapping[Any, Any]) -> tuple[str, ...]:
    return (
        str(row["slot"]),
        f"{hour(row['start'])}–{hour(row['end'])}",
        style.plain(("★ " if row["too"] else "") + str(row["candidate_id"]), 18),
        f"{row['mag']:.1f}" if np.isfinite(row["mag"]) else "–",
        f"{row['exposure_s'] / 60:.0f} min",
        f"{row['altitude']:.0f}°",
        _note(row),
    )


def _note(row: Mapping[Any, Any]) -> str:
    if row["state"] != PLANNED:
        return state_words(row["state"])
    words = []
    if row["pinned"]:
        words.append("pinned")
    if row["fill"]:
        words.append(str(row["fill"]))
    if np.isposinf(row["last_chance"]):
        words.append("last chance")
    if row["backup"]:
        words.append(f"next {style.plain(row['backup'], 13 if words else 18)}")
    return " · ".join(words)
