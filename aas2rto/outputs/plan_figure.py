"""Figure: the plan of a night on one page: altitude tracks with their slots, Moon and twilight."""

from __future__ import annotations

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
from aas2rto.planning.options import SiteNight
from aas2rto.planning.problem import Floats
from aas2rto.planning.timeline import AHEAD, PLANNED, state_words
from aas2rto.sky.altitude_curve import moon_track, sun_track, track
from aas2rto.sky.night import NightKind
from aas2rto.sky.visibility import lowest_altitude
from aas2rto.text.words import day, day_and_hour, hour

PANEL_IN, LINE_IN, BETWEEN_IN, HEAD_IN = 1.65, 0.15, 0.55, 0.68
"""Heights [inch] of a site's panel, of a line of its list, between sites, and of the title."""

LEFT, RIGHT = 0.075, 0.985

COLOURS = (style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.ORANGE, style.BLACK)
"""Of neighbouring slots; the number says which is which."""

MARGIN = 0.5 / 24.0
"""Before dusk and after dawn [d]."""

STEP = 3.0 / 1440.0
"""Between the points of a track [d]."""

CROWDED = 10
"""With more slots at a site, tracks are drawn near the slot only, numbers above and below."""

NEAR = 1.5 / 24.0
"""What is near a slot [d]."""

NOTE_LETTERS = 19
"""Longer notes beside a slot are written smaller, so as not to run into its altitude."""

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
    lists = [len(plan.at(one.observatory.name)) for one in plan.nights]
    heights = [PANEL_IN + LINE_IN * max(rows, 1) + BETWEEN_IN for rows in lists]
    with style.applied():
        sheet = style.Sheet(HEAD_IN + sum(heights), lambda _: [])
        top = HEAD_IN
        for night, height in zip(plan.nights, heights, strict=True):
            _draw_site(sheet.figure, plan, night, top)
            top += height
        sheet.title(style.plain(f"Plan of {_date(plan)}: {project}", 44), "")
        put = sheet.figure.text
        for line, text in enumerate(_below(plan)):
            put(
                0.03,
                1 - (0.31 + 0.15 * line) / sheet.figure.get_figheight(),
                text,
                size=8,
                va="top",
                color="#333333",
            )
        return sheet.png(provenance)


def _date(plan: NightPlan) -> str:
    begins = [one.begin for one in plan.nights if np.isfinite(one.begin)]
    first = min(begins, default=float(plan.now.utc.mjd))
    return f"{day(first)} {Time(first, format='mjd').isot[:4]}"


def _below(plan: NightPlan) -> list[str]:
    text = style.plain(worth(plan), 160).replace("independent lists", "single lists")
    head, _, tail = text.partition("; ")
    made = f"made {day_and_hour(float(plan.now.utc.mjd))} UT"
    return [head, f"{tail} · {made}" if tail else made]


def _draw_site(figure: Figure, plan: NightPlan, night: SiteNight, top: float) -> None:
    """Draw one observatory: its panel, and below it the list of its slots."""
    total = float(figure.get_figheight())
    axes = figure.add_axes(
        (LEFT, 1 - (top + 0.2 + PANEL_IN) / total, RIGHT - LEFT, PANEL_IN / total)
    )
    slots = plan.at(night.observatory.name)
    axes.text(
        0,
        1.035,
        style.plain(night.observatory.title, 40),
        transform=axes.transAxes,
        size=9.5,
        weight="bold",
        va="bottom",
    )
    if night.night.kind is NightKind.POLAR_DAY:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no night: polar day", transform=axes.transAxes, ha="center")
        return
    low, high = night.night.start - MARGIN, night.night.end + MARGIN
    mjd = np.arange(low, high + STEP, STEP)
    _set_up(axes, low, high)
    _draw_sky(axes, night, mjd)
    _draw_limits(axes, night, float(plan.now.utc.mjd), low, high)
    crowded = len(slots) > CROWDED
    for row in slots.to_dict("records"):
        _draw_slot(axes, night, row, mjd, crowded=crowded)
    _write_list(figure, slots, top + 0.2 + PANEL_IN + 0.33)


def _set_up(axes: Axes, low: float, high: float) -> None:
    axes.set_xlim(low, high)
    axes.set_ylim(0, 93)
    axes.yaxis.set_major_locator(FixedLocator([0, 30, 60, 90]))
    axes.tick_params(which="both", direction="in", top=True, right=True, pad=2)
    step = next(n for n in (1, 2, 3, 4, 6, 12) if (high - low) * 24 / n <= 13)
    edge = 0.02 * (high - low)  # a number there would be cut off
    first, last = np.ceil((low + edge) * 24 / step), np.floor((high - edge) * 24 / step)
    ticks = np.arange(first, last + 1) * step / 24
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda mjd, _: f"{hour(mjd)[:2]} h"))
    axes.text(-0.012, 1.035, "alt", transform=axes.transAxes, size=8, ha="right", va="bottom")


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
        1, 1.035, words, transform=axes.transAxes, size=8, ha="right", va="bottom", color=MOON_TEXT
    )


def _draw_limits(axes: Axes, night: SiteNight, now: float, low: float, high: float) -> None:
    """Draw the lowest altitude, when it is closed, and now."""
    limit = lowest_altitude(night.observatory, night.min_altitude)
    axes.axhline(limit, color="#555555", linewidth=0.8, linestyle=":", zorder=2)
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
    colour = _colour(row)
    inside = np.union1d(mjd, np.linspace(row["start"], row["end"], 9))
    if crowded:
        inside = inside[(inside > row["start"] - NEAR) & (inside < row["end"] + NEAR)]
    times = Time(inside, format="mjd", scale="utc")
    altitude = track(night.observatory, [row["ra"]], [row["dec"]], times)[0][0]
    axes.plot(inside, altitude, color=colour, linewidth=0.6, alpha=0.55, zorder=3)
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


def _colour(row: Mapping[Any, Any]) -> str:
    if row["state"] not in AHEAD:
        return style.GREY
    return COLOURS[(int(row["slot"]) - 1) % len(COLOURS)]


def _write_list(figure: Figure, slots: pd.DataFrame, top: float) -> None:
    total = float(figure.get_figheight())
    if slots.empty:
        figure.text(LEFT, 1 - top / total, "nothing to observe", size=8, color="#333333")
    for line, row in enumerate(slots.to_dict("records")):
        y = 1 - (top + LINE_IN * line) / total
        put: dict[str, Any] = {"y": y, "size": 7.8, "va": "center"}
        figure.text(
            x=0.075, s=str(row["slot"]), ha="right", weight="bold", color=_colour(row), **put
        )
        figure.text(x=0.09, s=f"{hour(row['start'])}–{hour(row['end'])}", **put)
        figure.text(x=0.265, s=style.plain(_name(row), 16), weight="bold", **put)
        figure.text(x=0.60, s=_what(row), ha="center", **put)
        note = _note(row)
        small = {"size": put["size"] * min(1.0, NOTE_LETTERS / max(len(note), 1))}
        figure.text(x=0.985, s=note, ha="right", color="#333333", **(put | small))


def _name(row: Mapping[Any, Any]) -> str:
    return ("★ " if row["too"] else "") + str(row["candidate_id"])


def _what(row: Mapping[Any, Any]) -> str:
    mag = f"{row['mag']:.1f}" if np.isfinite(row["mag"]) else "–"
    return f"{mag}  {row['exposure_s'] / 60:.0f} min  {row['altitude']:.0f}°"


def _note(row: Mapping[Any, Any]) -> str:
    if row["state"] != PLANNED:
        return state_words(row["state"])
    words = []
    if row["pinned"]:
        words.append("pinned")
    if np.isposinf(row["last_chance"]):
        words.append("last chance")
    if row["backup"]:
        words.append(f"else {style.plain(row['backup'], 12 if words else 15)}")
    return " · ".join(words)
