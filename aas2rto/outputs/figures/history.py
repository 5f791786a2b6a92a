"""Figure: how a candidate's rank at each observatory has moved."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from aas2rto.outputs.figures import style
from aas2rto.outputs.figures.subject import Floats, Subject
from aas2rto.text.words import day_and_hour

Label = tuple[float, str, str, str]
"""Where a line ends [rank], name and rank (empty: none) to write there, and the colour."""

HEIGHT_IN = 2.7
RANKS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
APART = 1.035
"""Between the lines of two observatories with the same rank."""
MOST_IN_TWO_LINES = 5
"""Labels that fit beside the axis with the rank below the name."""
HIGH_LINE = 0.098
"""Height of a line of a label of 8.5 pt, in parts of the axis."""
SHORTEST = 0.25
"""Of the axis of time [d]."""


def set_up(figure: Figure) -> list[Axes]:
    """Lay out the axes."""
    axes = figure.add_axes((0.105, 0.18, 0.60, 0.58))
    axes.set_ylabel("rank (logarithmic)")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator(list(RANKS)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda rank, _: f"{rank:.0f}"))
    axes.grid(color=style.PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(direction="in", top=True, right=True)
    return [axes]


def draw(sheet: style.Sheet, subject: Subject) -> None:
    """Draw the ranks of a candidate over time."""
    (axes,) = sheet.axes
    ranks = subject.ranks
    first = float(ranks["at"].min()) - subject.now if len(ranks) else -SHORTEST
    low = min(first, -SHORTEST)
    worst = float(ranks["rank"].max()) if len(ranks) else np.nan
    in_hours = low > -2
    unit = 24.0 if in_hours else 1.0
    labels: list[Label] = []
    groups = list(ranks.groupby("observatory", sort=False)) if len(ranks) else []
    for order, (site, rows) in enumerate(groups):
        # Sites often agree: side by side, no line hides another.
        apart = APART ** (order - (len(groups) - 1) / 2)
        labels.append(_draw_site(axes, rows, str(site), subject.now, unit, order, apart))
    axes.set_xlim(low * unit * 1.03, 0)
    _say_new(axes, ranks)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 3, 5, 6, 10]))
    axes.set_xlabel(f"{'hours' if in_hours else 'days'} from now")
    axes.set_ylim((max(worst, 5.0) if np.isfinite(worst) else 10.0) * 1.25, 0.85)
    _label(axes, labels)
    if not labels:
        axes.text(0.5, 0.5, "not ranked yet", transform=axes.transAxes, ha="center", size=12)
    told = f"rank at each observatory, until {day_and_hour(subject.now)} UT"
    sheet.title(style.plain(subject.heading, 44), told)


def _draw_site(
    axes: Axes, rows: pd.DataFrame, site: str, now: float, unit: float, order: int, apart: float
) -> Label:
    """Draw one line, moved by a factor; return what to write at its end."""
    colour = style.SITE_COLOURS[order % len(style.SITE_COLOURS)]
    dashes = style.SITE_DASHES[order % len(style.SITE_DASHES)]
    at, rank = rows["at"].to_numpy(float), rows["rank"].to_numpy(float)
    time = np.append((at - now) * unit, 0.0)
    level = np.append(rank, rank[-1]) * apart
    axes.plot(time, level, drawstyle="steps-post", color=colour, linestyle=dashes, zorder=3)
    moved = _changes(rank)
    axes.plot(
        time[:-1][moved],
        level[:-1][moved],
        "o",
        color=colour,
        markersize=3.5,
        zorder=4,
        clip_on=False,
    )
    last = float(rank[-1])
    told = f"#{last:.0f}" if np.isfinite(last) else ""
    return last, style.plain(site, 20), told, colour


def _say_new(axes: Axes, ranks: pd.DataFrame) -> None:
    if len(ranks) and ranks["at"].nunique() == 1:
        axes.text(
            0.5,
            0.5,
            "ranked for the first time",
            transform=axes.transAxes,
            ha="center",
            va="center",
            backgroundcolor="white",
        )


def _changes(rank: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    before = np.append(np.nan, rank[:-1])
    return np.asarray(np.isfinite(rank) & (rank != before))


def _label(axes: Axes, labels: list[Label]) -> None:
    """Write the observatories beside the ends of their lines, none over another."""
    if not labels:
        return
    transform = axes.transData
    ends = [
        axes.transAxes.inverted().transform(transform.transform((0, last)))[1]
        if np.isfinite(last)
        else 0.0
        for last, *_ in labels
    ]
    lines = 2 if len(labels) <= MOST_IN_TWO_LINES else 1
    high = min(HIGH_LINE * lines, 1.0 / len(labels))
    places = spread(np.array(ends), high)
    for (_, name, rank, colour), place in zip(labels, places, strict=True):
        told = f"{name}\n{rank or 'not ranked'}" if lines == 2 else f"{rank or '–'} {name}"
        text = axes.text(
            1.03,
            place,
            told,
            transform=axes.transAxes,
            va="center",
            color=colour,
            weight="bold",
            size=8.5 * high / (HIGH_LINE * lines),
            linespacing=1.05,
        )
        style.fitted(axes, text, 0.44)


def spread(ends: Floats, high: float) -> Floats:
    """Move labels apart, no farther from their lines than they must.

    Parameters
    ----------
    ends : ndarray of float
        Where the lines end, in parts of the axis from its bottom.
    high : float
        Height of a label; all of them together are no higher than the axis.

    Returns
    -------
    ndarray of float
        Middles of the labels, within the axis and none over another.
    """
    places = ends.copy()
    order = np.argsort(-ends, kind="stable")
    ceiling = 1.0 - high / 2
    for i in order:
        places[i] = min(places[i], ceiling)
        ceiling = places[i] - high
    floor = high / 2
    for i in order[::-1]:
        places[i] = max(places[i], floor)
        floor = places[i] + high
    return places
