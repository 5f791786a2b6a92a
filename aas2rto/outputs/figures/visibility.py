"""Figure: tonight at every observatory: altitude, airmass, twilight, Moon, when to look."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from aas2rto.outputs.figures import style
from aas2rto.outputs.figures.subject import Floats, SiteNight, Subject
from aas2rto.steps.column import TELESCOPE
from aas2rto.text.words import day, day_and_hour, hour

PANEL_IN = 1.35
HEAD_IN, FOOT_IN = 0.62, 0.62
TWILIGHTS = np.array([0.0, 6.0, 12.0, 18.0])
"""Depth of the Sun [deg] at which civil, nautical, astronomical twilight and night begin."""
NIGHT_COLOUR = np.array([0.68, 0.74, 0.86])
AIRMASSES = (1.0, 1.2, 1.5, 2.0, 3.0)
MOON = "\N{LAST QUARTER MOON}"
MOON_TEXT = "#8F6200"
"""Orange, dark enough to be read."""
MARGIN = 1.0 / 24.0
"""Before the first dusk and after the last dawn [d]."""


def height(sites: int) -> float:
    """Return the height of the figure [inch]."""
    return HEAD_IN + FOOT_IN + PANEL_IN * max(sites, 1)


def set_up(figure: Figure) -> list[Axes]:
    """Lay out one panel per observatory, as many as the figure's height holds."""
    total = float(figure.get_figheight())
    count = max(round((total - HEAD_IN - FOOT_IN) / PANEL_IN), 1)
    panels = []
    for index in range(count):
        top = 1 - (HEAD_IN + PANEL_IN * index + 0.27) / total
        panel = (PANEL_IN - 0.33) / total
        axes = figure.add_axes((0.115, top - panel, 0.775, panel))
        _set_up_panel(axes, last=index == count - 1)
        panels.append(axes)
    _explain_shades(figure)
    return panels


SHADES = ("day", "civil", "nautical", "astronomical twilight", "night")


def _explain_shades(figure: Figure) -> None:
    """Say at the bottom what each shade is."""
    darkness = np.arange(len(SHADES)) / (len(SHADES) - 1)
    colours = np.clip(1 - darkness[:, None] * (1 - NIGHT_COLOUR), 0, 1)
    signs = [Patch(facecolor=one, edgecolor="#777777", linewidth=0.5) for one in colours]
    figure.legend(
        signs,
        SHADES,
        loc="lower center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=len(SHADES),
        frameon=False,
        fontsize=7.5,
        handlelength=1.1,
        handletextpad=0.35,
        columnspacing=0.9,
        borderpad=0.15,
    )


def _set_up_panel(axes: Axes, *, last: bool) -> None:
    axes.set_ylim(0, 90)
    axes.yaxis.set_major_locator(FixedLocator([0, 30, 60, 90]))
    axes.yaxis.set_minor_locator(FixedLocator([15, 45, 75]))
    axes.tick_params(which="both", direction="in", labelbottom=last, top=True)
    axes.set_ylabel("altitude [°]", size=8, labelpad=1.5)
    axes.text(
        1.105,
        0.5,
        "airmass",
        transform=axes.transAxes,
        rotation=270,
        size=8,
        ha="center",
        va="center",
        color="#333333",
    )
    for airmass in AIRMASSES:
        altitude = np.degrees(np.arcsin(1 / airmass))
        axes.text(
            1.012,
            altitude,
            f"{airmass:g}",
            transform=axes.get_yaxis_transform(),
            size=7.5,
            va="center",
            color="#333333",
        )
        axes.plot(
            [0.99, 1.0],
            [altitude] * 2,
            transform=axes.get_yaxis_transform(),
            color="#333333",
            linewidth=0.8,
        )


def draw(sheet: style.Sheet, subject: Subject) -> None:
    """Draw tonight for all observatories, on one axis of time (UT)."""
    low, high = _span(subject)
    windows = [
        _draw_site(axes, site, subject.now, (low, high))
        for axes, site in zip(sheet.axes, subject.sites, strict=False)
    ]
    for text in windows:
        text.set_fontsize(min(text.get_fontsize() for text in windows))
    step = next(n for n in (1, 2, 3, 4, 6, 12) if (high - low) * 24 / n <= 10)
    ticks = np.arange(np.ceil(low * 24 / step), np.floor(high * 24 / step) + 1) * step / 24
    for axes in sheet.axes:
        axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda mjd, _: hour(mjd)[:2]))
        axes.set_xlim(low, high)
    if not subject.sites:
        sheet.axes[0].text(0.5, 0.5, "no observatory", transform=sheet.axes[0].transAxes)
    put, total = sheet.figure.text, float(sheet.figure.get_figheight())
    put(0.5, 0.25 / total, f"hour of {_dates(low, high)} [UT]", ha="center", size=9.5)
    sheet.title(style.plain(subject.heading, 44), f"as of {day_and_hour(subject.now)} UT")
    _key(sheet, subject)


def _key(sheet: style.Sheet, subject: Subject) -> None:
    """Say what the lines are, in their colours."""
    lit = [site.number("moon_illumination") for site in subject.sites]
    moon = f"- - {MOON} Moon" + (f", {lit[0]:.0%} lit" if lit and np.isfinite(lit[0]) else "")
    y = 1 - 0.345 / float(sheet.figure.get_figheight())
    for x, words, colour in (
        (0.985, moon, MOON_TEXT),
        (0.70, "| now", style.VERMILLION),
        (0.59, "▬ observe", style.BLUE),
    ):
        sheet.figure.text(x, y, words, size=8.5, ha="right", va="top", color=colour)


def _dates(low: float, high: float) -> str:
    first, last = day(low), day(high)
    return first if first == last else f"{first} – {last}"


def _span(subject: Subject) -> tuple[float, float]:
    """Return the times of the axis: from the first dusk to the last dawn of all sites."""
    starts = [site.number("night_start") for site in subject.sites]
    ends = [site.number("night_end") for site in subject.sites]
    known = [t for t in (*starts, *ends) if np.isfinite(t)]
    if not known:
        return subject.now, subject.now + 1.0
    # Long past evenings are not worth the space.
    first = max(min(known), subject.now - 0.5)
    return first - MARGIN, max(*known, first + 0.25) + MARGIN


def _draw_site(axes: Axes, site: SiteNight, now: float, span: tuple[float, float]) -> Text:
    """Draw one panel; return the text that says when to look."""
    _draw_sky(axes, site.mjd, site.sun_altitude, span)
    limit = site.number("lowest_altitude")
    axes.axhline(limit, color="#555555", linewidth=0.7, linestyle=":", zorder=2)
    axes.plot(
        site.mjd,
        site.moon_altitude,
        color=style.ORANGE,
        linewidth=1.3,
        linestyle=(0, (4, 2)),
        zorder=3,
    )
    axes.plot(site.mjd, site.altitude, color="#8A8F98", linewidth=1.4, zorder=4)
    axes.plot(
        site.mjd,
        np.where(site.observable, site.altitude, np.nan),
        color=style.BLUE,
        linewidth=3.4,
        solid_capstyle="butt",
        zorder=5,
    )
    if span[0] <= now <= span[1]:
        axes.axvline(now, color=style.VERMILLION, linewidth=1.4, zorder=6)
    rank = site.number("rank")
    heading = f"{style.plain(site.name, 24)}" + (f"  #{rank:.0f}" if np.isfinite(rank) else "")
    axes.text(0, 1.05, heading, transform=axes.transAxes, size=9, weight="bold", va="bottom")
    text = axes.text(
        1,
        1.05,
        style.plain(_window(site, now), 60),
        transform=axes.transAxes,
        size=8,
        ha="right",
        va="bottom",
    )
    style.fitted(axes, text, 1 - 0.0215 * len(heading) - 0.02)
    return text


def _draw_sky(axes: Axes, mjd: Floats, sun: Floats, span: tuple[float, float]) -> None:
    """Shade the hours by the Sun's altitude: white is day."""
    darkness = np.searchsorted(TWILIGHTS, -sun) / len(TWILIGHTS)
    colours = 1 - darkness[:, None] * (1 - NIGHT_COLOUR)
    half = 0.5 * (mjd[1] - mjd[0])
    axes.imshow(
        np.clip(colours, 0, 1)[None],
        extent=(mjd[0] - half, mjd[-1] + half, 0, 90),
        aspect="auto",
        interpolation="nearest",
        zorder=0,
    )
    axes.set_xlim(*span)


def _window(site: SiteNight, now: float) -> str:
    """Say when to look from this observatory."""
    left = site.number("hours_left")
    if site.facts.get("factor") == TELESCOPE and left > 0:
        return str(site.facts.get("reason")).partition(":")[0]
    if not left > 0:
        return str(site.facts.get("status") or "not tonight")
    start = site.number("observing_start")
    rises, sets = site.number("rises"), site.number("sets")
    begin = max(rises, start) if np.isfinite(rises) else start
    end = sets if np.isfinite(sets) else site.number("night_end")
    first = "now" if begin <= now + 1 / 1440 else hour(begin)
    moon = f"{MOON} {site.number('moon_sep'):.0f}°"
    highest = site.number("culmination_altitude")
    best = f"best {hour(site.number('culmination'))}, {highest:.0f}°"
    return f"{first}–{hour(end)} · {best} · {moon}"
