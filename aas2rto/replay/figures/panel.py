"""What all figures of the report share: the sheet, its axes, colours of runs, dates below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from aas2rto.outputs.figures import style
from aas2rto.text.words import date_of, is_date

Floats = NDArray[np.float64]

COLOURS = (style.BLUE, style.VERMILLION)
"""Of the first run and of the second."""
MARKERS = ("o", "s")
LINES = ("-", "--")

HEAD_IN, FOOT_IN = 0.62, 0.5
"""Above and below the axes [inch]: title and explanation; labels."""
TITLE_IN, ROW_IN = 0.19, 0.18
"""Of a title above axes, and of a row of a legend [inch]."""
LEFT, RIGHT = 0.125, 0.965
BETWEEN_IN = 0.55
MOST_BARS = 60
"""More nights than this are drawn in groups."""
MOST_NAME = 26
"""Letters of a name in a legend."""


@dataclass(frozen=True)
class Drawn:
    """One figure of the report.

    Parameters
    ----------
    name : str
        Of its file, without ``.png``.
    title : str
    alt : str
        What it shows, with its main numbers, for who cannot see it.
    png : bytes
    """

    name: str
    title: str
    alt: str
    png: bytes


Draw = Callable[[list[Axes]], None]


def sheet(
    title: str,
    below: str,
    heights: Sequence[float],
    draw: Draw,
    *,
    command: str = "",
    left: float = LEFT,
    titled: bool = False,
    legend_rows: int = 0,
    foot: float = FOOT_IN,
) -> bytes:
    """Draw a figure of some axes one below the other, as a PNG file.

    Parameters
    ----------
    title, below : str
        Heading, and what it means.
    heights : sequence of float
        Of the axes [inch].
    draw : callable
        Draws on them.
    command : str
        Travels in the file.
    left : float
        Where the axes begin, in parts of the width.
    titled : bool
        Whether axes have titles.
    legend_rows : int
        Rows of a legend between the explanation and the axes, see `legend_above`.
    foot : float
        Below the last axes [inch].
    """
    gaps = BETWEEN_IN * (len(heights) - 1)
    head = HEAD_IN + TITLE_IN * titled + ROW_IN * legend_rows
    height = head + sum(heights) + gaps + foot

    def set_up(figure: Figure) -> list[Axes]:
        axes, top = [], head
        for own in heights:
            bottom = (height - top - own) / height
            axes.append(figure.add_axes((left, bottom, RIGHT - left, own / height)))
            top += own + BETWEEN_IN
        for one in axes:
            one.grid(color=style.PALE, linewidth=0.6)
            one.set_axisbelow(True)
            one.tick_params(direction="in", top=True, right=True)
        return axes

    with style.applied():
        made = style.Sheet(height, set_up)
        draw(made.axes)
        made.title(style.plain(title, 60), style.plain(below, 120))
        return made.png({"aas2rto-command": style.plain(command, 500)})


def say_nothing(axes: Axes, why: str) -> None:
    """Write into empty axes why they are empty."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color=style.GREY)


def legend(axes: Axes, where: Any = "best", columns: int = 1) -> None:
    """Name what is drawn, if anything is."""
    if not axes.get_legend_handles_labels()[0]:
        return
    made = axes.legend(
        loc=where, ncols=columns, frameon=True, framealpha=0.85, edgecolor="none", borderpad=0.3
    )
    made.set_zorder(10)


def legend_above(axes: Sequence[Axes], columns: int, *, titled: bool = True) -> None:
    """Name what is drawn on any of the axes, above the first."""
    found: dict[str, Any] = {}
    for one in axes:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if not found:
        return
    first = axes[0]
    inches = first.get_position().height * first.figure.get_figheight()  # type: ignore[union-attr]
    up = 1 + ((TITLE_IN if titled else 0.0) + 0.05) / inches
    first.legend(
        list(found.values()),
        list(found),
        loc="lower left",
        bbox_to_anchor=(0.0, up),
        ncols=columns,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handlelength=1.4,
        handletextpad=0.5,
        columnspacing=1.2,
        labelspacing=0.25,
    )


def name(label: str) -> str:
    """Return a run's name as it stands in a legend."""
    return style.plain(label, MOST_NAME)


def with_dates(axes: Axes) -> None:
    """Write dates below an axis of MJD."""

    def text(mjd: float, _: float) -> str:
        if not is_date(mjd):
            return ""
        date = date_of(mjd)
        low, high = axes.get_xlim()
        return f"{date:%b %Y}" if high - low > 250 else f"{date.day} {date:%b}"

    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(text))


def grouped(at: Floats) -> tuple[NDArray[np.int64], Floats, int]:
    """Return the bar of each night, when each begins [d], and how many nights are in one."""
    n = len(at)
    size = max(1, int(np.ceil(n / MOST_BARS)))
    place = np.arange(n) // size
    return place, at[::size], size


def sums(values: Floats, place: NDArray[np.int64]) -> Floats:
    """Return the sum of each bar."""
    return np.bincount(place, weights=values).astype(float)
