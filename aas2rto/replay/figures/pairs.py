"""Figures: what one run has of what the other has, and who rose and fell between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from aas2rto.outputs.figures import style
from aas2rto.replay.cast import CLASS, OTHER
from aas2rto.replay.figures import panel
from aas2rto.replay.figures.panel import Drawn
from aas2rto.replay.folder import SCIENCE
from aas2rto.replay.judge import Compared
from aas2rto.replay.paired import Difference
from aas2rto.replay.wording import said, times

KEYS = (
    "caught",
    "caught_1d",
    "wasted",
    "in_time",
    "ever",
    "completeness",
    "purity",
    "contaminants",
    "replaced",
)
"""Metrics drawn, the most telling one first."""
RATIOS = (0.1, 0.2, 0.33, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
ROW_IN = 0.42
MOST = 8
"""Candidates drawn that rose, and that fell."""
RANKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class Move:
    """Who moved, see `aas2rto.replay.movers`."""

    candidate_id: str
    kind: int
    rank: float
    rank_against: float
    factor: str
    value: float
    value_against: float


def chosen(two: Compared) -> list[Difference]:
    """Return the metrics that are drawn: those of plans and of the science list with a quotient."""
    every = [*(two.main if two.plans else []), *two.lists.get(SCIENCE, [])]
    by_key: dict[str, Difference] = {}
    for one in every:
        by_key.setdefault(one.metric.key, one)
    found = [by_key[key] for key in KEYS if key in by_key]
    return [one for one in found if one.ratio.is_known and one.ratio.value > 0]


def draw_ratios(two: Compared, labels: list[str], command: str) -> Drawn | None:
    """Draw the first run over the second; None where nothing can be divided."""
    rows = chosen(two)
    if not rows:
        return None

    def on(axes: list[Axes]) -> None:
        own = axes[0]
        own.set_xscale("log")
        own.axvline(1, color="black", lw=0.9, zorder=1)
        for place, one in enumerate(rows):
            _draw_ratio(own, one, place)
        own.set_ylim(len(rows) - 0.3, -0.75)
        own.set_yticks([])
        ends = [e for one in rows for e in (one.ratio.low, one.ratio.high) if e > 0]
        low, high = min([*ends, 0.8]), max([*ends, 1.25])
        own.set_xlim(max(low / 1.15, 0.02), min(high * 1.15, 50))
        own.xaxis.set_major_locator(FixedLocator(list(RATIOS)))
        own.xaxis.set_minor_locator(NullLocator())
        own.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        own.set_xlabel("times as much")

    title = f"{style.plain(labels[0], 24)} over {style.plain(labels[1], 24)}"
    below = "same nights, same objects; bars: 95 %, paired; blue: better, red: worse"
    png = panel.sheet(title, below, [ROW_IN * len(rows) + 0.2], on, command=command, left=0.03)
    told = "; ".join(f"{one.metric.title}: {times(one.ratio)}" for one in rows)
    return Drawn("paired", "One config over the other", f"{title}: {told}.", png)


def _draw_ratio(axes: Axes, one: Difference, place: int) -> None:
    """Draw a metric's quotient with its name above the bar."""
    value = one.ratio.value
    low, high = (e if e > 0 else value for e in (one.ratio.low, one.ratio.high))
    colour = style.GREY
    if one.is_clear and one.metric.better:
        better = (one.minus.value > 0) == (one.metric.better > 0)
        colour = style.BLUE if better else style.VERMILLION
    axes.plot([low, high], [place, place], color=colour, lw=2.2, solid_capstyle="butt", zorder=3)
    axes.plot([value], [place], "o", color=colour, zorder=4)
    mark = " points" if one.metric.unit == "%" else None
    text = f"{one.metric.title}: {said(one.minus, one.metric.unit, signed=True, mark=mark)}"
    written = axes.text(
        0.01,
        place - 0.36,
        style.plain(text, 110),
        transform=axes.get_yaxis_transform(),
        va="center",
        size=7.8,
        color="#222222",
        zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
    )
    style.fitted(axes, written, 0.97)


def draw_movers(two: Compared, labels: list[str], command: str) -> Drawn | None:
    """Draw who rose and who fell in the science list; None where nobody moved."""
    table = two.movers.get(SCIENCE, pd.DataFrame())
    if table.empty:
        return None
    rows = pd.concat([table[table["moved"] > 0].head(MOST), table[table["moved"] < 0].tail(MOST)])
    moves = [Move(**row) for row in _plain(rows[list(Move.__dataclass_fields__)])]

    def on(axes: list[Axes]) -> None:
        own = axes[0]
        own.set_xscale("log")
        for place, move in enumerate(moves):
            _draw_mover(own, move, place)
        worst = max(max(move.rank, move.rank_against) for move in moves)
        own.set_xlim(max(worst, 20) * 1.3, 0.8)
        own.set_ylim(len(moves) - 0.4, -0.6)
        own.set_yticks([])
        own.xaxis.set_major_locator(FixedLocator(list(RANKS)))
        own.xaxis.set_minor_locator(NullLocator())
        own.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
        own.set_xlabel("median rank")

    title = "Who rises and who falls"
    ends = [style.plain(label, 24) for label in labels[:2]]
    below = f"from {ends[1]} to {ends[0]}; blue: class, red: contaminant, grey: else"
    height = 0.3 * len(moves) + 0.2
    png = panel.sheet(title, below, [height], on, command=command, left=0.42)
    told = "; ".join(
        f"{style.plain(move.candidate_id, 24)} {move.rank_against:.0f} to {move.rank:.0f}"
        for move in moves
    )
    return Drawn("movers", "Who rises and who falls", f"{title}: {told}.", png)


def _plain(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]


def _draw_mover(axes: Axes, move: Move, place: int) -> None:
    colour = {CLASS: style.BLUE, OTHER: style.VERMILLION}.get(move.kind, style.GREY)
    one, other = move.rank, move.rank_against
    arrow = {"arrowstyle": "-|>", "color": colour, "lw": 1.6, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=(one, place), xytext=(other, place), arrowprops=arrow)
    axes.plot([other], [place], "|", color=colour, ms=7)
    why = ""
    if move.factor:
        values = (move.value_against, move.value)
        ends = [f"{v:.2g}" if np.isfinite(v) else "none" for v in values]
        why = f"\n{style.plain(move.factor, 18)} {' to '.join(ends)}"
    text = axes.text(
        -0.02,
        place,
        f"{style.plain(move.candidate_id, 24)}{why}",
        transform=axes.get_yaxis_transform(),
        ha="right",
        va="center",
        size=7.6,
        linespacing=1.0,
    )
    style.fitted(axes, text, 0.64)
