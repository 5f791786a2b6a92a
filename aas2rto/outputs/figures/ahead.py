"""Figure: the nights ahead of a site, what each candidate is worth on which of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from aas2rto.outputs.ahead import TAKE, Ahead
from aas2rto.outputs.figures import style

MOST = 15
"""Candidates shown, the best first; the table holds all."""
MOST_NIGHTS = 12
"""Nights shown: more would not be read on a phone."""
ROW_IN, HEAD_IN, FOOT_IN = 0.27, 0.9, 0.62
LEFT, RIGHT = 0.285, 0.985
SHOWN = 0.095
"""Smaller chances have a colour, but no number."""
SHADES = LinearSegmentedColormap.from_list("chance", ["#FFFFFF", "#A9CCE8", style.BLUE])
DARK = 0.78
"""On darker cells the number is white."""


def draw(found: Ahead, title: str, provenance: Mapping[str, str]) -> bytes:
    """Draw the nights ahead as a PNG file, as wide as a phone.

    Parameters
    ----------
    found : Ahead
    title : str
        Of the site, for people.
    provenance : mapping
        Texts that travel in the file.
    """
    rows = found.table.head(MOST).to_dict("records")
    nights = found.nights[:MOST_NIGHTS]
    height = HEAD_IN + ROW_IN * max(len(rows), 1) + FOOT_IN
    with style.applied():
        sheet = style.Sheet(height, lambda _: [])
        axes = sheet.figure.add_axes(
            (LEFT, FOOT_IN / height, RIGHT - LEFT, (height - HEAD_IN - FOOT_IN) / height)
        )
        _set_up(axes, nights, len(rows))
        for place, row in enumerate(rows):
            _draw_row(axes, place, row, nights)
        if not rows:
            axes.text(len(nights) / 2, 0.5, "nothing is worth a look", ha="center", va="center")
        sheet.title(
            style.plain(title, 46), "nights ahead: chance of success in %, by date of the evening"
        )
        _legend(sheet, height)
        return sheet.png(provenance)


def _set_up(axes: Axes, nights: tuple[str, ...], rows: int) -> None:
    axes.set_xlim(0, len(nights))
    axes.set_ylim(max(rows, 1), 0)
    axes.xaxis.tick_top()
    days = [date.fromisoformat(night) for night in nights]
    texts = [
        f"{one.day}\n{one:%b}" if k == 0 or one.day == 1 else str(one.day)
        for k, one in enumerate(days)
    ]
    axes.set_xticks(np.arange(len(nights)) + 0.5, texts)
    axes.tick_params(length=0, pad=2)
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def _draw_row(axes: Axes, place: int, row: Mapping[Any, Any], nights: tuple[str, ...]) -> None:
    name = axes.text(
        -0.15,
        place + 0.5,
        style.plain(str(row["candidate_id"]), 22),
        ha="right",
        va="center",
        weight="bold" if row["do"] == TAKE and row["best_night"] == nights[0] else "normal",
    )
    style.fitted(axes.figure, name, LEFT - 0.02)  # type: ignore[arg-type]
    for h, night in enumerate(nights):
        value = float(row[night])
        if np.isnan(value):
            axes.plot([h + 0.35, h + 0.65], [place + 0.5] * 2, color=style.GREY, lw=0.8)
            continue
        cell = Rectangle((h + 0.03, place + 0.05), 0.94, 0.9, color=SHADES(value), lw=0)
        axes.add_patch(cell)
        if value >= SHOWN:
            colour = "white" if value > DARK else "black"
            text = f"{100 * value:.0f}"
            axes.text(h + 0.5, place + 0.52, text, ha="center", va="center", size=8.5, color=colour)
        if night == row["best_night"]:
            best = Rectangle((h + 0.06, place + 0.08), 0.88, 0.84, fill=False, lw=1.8)
            best.set_edgecolor(style.VERMILLION)
            axes.add_patch(best)


def _legend(sheet: style.Sheet, height: float) -> None:
    put = sheet.figure.text
    lines = (
        "frame: its best night; first column: tonight; dash: cannot be observed",
        "no number: below 10 %. Bold: best tonight. Else wait; if its night is lost, the next one.",
    )
    for k, text in enumerate(lines):
        written = put(0.03, (0.36 - 0.19 * k) / height, text, size=8, va="top", color="#333333")
        style.fitted(sheet.figure, written, 0.94)
