"""Figure: what was observed each night and what was lost; without plans, what the top N held."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from aas2rto.outputs.figures import style
from aas2rto.replay import executed
from aas2rto.replay.cast import CLASS, NEITHER, OTHER, UNKNOWN
from aas2rto.replay.executed import Executed
from aas2rto.replay.figures import panel
from aas2rto.replay.figures.panel import Drawn
from aas2rto.replay.folder import SCIENCE
from aas2rto.replay.judge import Judged

Floats = NDArray[np.float64]
Part = tuple[str, str, Floats]
"""Name, colour, count by night."""


def draw(every: list[Judged], labels: list[str], top: int, command: str) -> Drawn | None:
    """Draw each run's nights; None without any night."""
    if not len(every[0].span):
        return None
    executed_ = all(one.plans for one in every)
    told: list[str] = []
    size = panel.grouped(every[0].span.at)[2]

    def on(axes: list[Axes]) -> None:
        for one, judged, label in zip(axes, every, labels, strict=True):
            parts = _observed(judged) if executed_ else _listed(judged)
            one.set_title(style.plain(label, 50), loc="left", fontsize=9)
            told.append(_draw_run(one, judged, parts, label))
        ends = [one.get_ylim() for one in axes]
        for one in axes:  # one scale: bars of two configs are compared
            one.set_ylim(min(low for low, _ in ends), 1.03 * max(high for _, high in ends))
        panel.legend_above(axes, 3)

    per = "night" if size == 1 else f"{size} nights"
    title = f"Spectra per {per}" if executed_ else f"What the top {top} held, per {per}"
    where = f"{every[0].main_site}; below zero: nights lost" if executed_ else "science list"
    heights = [1.6] * len(every)
    rows = 3 if every[0].cast.has_truth else 1
    png = panel.sheet(
        title, where, heights, on, command=command, titled=True, legend_rows=rows, foot=0.32
    )
    return Drawn("nights", title, f"{title} ({where}). {' '.join(told)}", png)


def _observed(one: Judged) -> list[Part]:
    """Return what was observed by night."""
    done: Executed = one.plans[one.main_site]
    if not one.cast.has_truth:
        again = done.per_night(executed.REPEATED)
        return [
            ("first spectrum", style.BLUE, done.per_night() - again),
            ("repeated", style.ORANGE, again),
        ]
    label = one.cast.label
    return [
        (f"{label} within 2 d", style.BLUE, done.per_night(executed.GOOD)),
        (f"{label}, else", style.SKY, done.per_night(executed.EARLY_OR_LATE)),
        ("repeated", style.ORANGE, done.per_night(executed.REPEATED)),
        ("contaminant", style.VERMILLION, done.per_night(executed.CONTAMINANT)),
        ("related", style.PURPLE, done.per_night(executed.RELATED)),
        ("unknown", style.GREY, done.per_night(executed.NOBODY_KNOWS)),
    ]


def _listed(one: Judged) -> list[Part]:
    """Return what stood in the top N by night."""
    own, span = one.lists[SCIENCE], one.span
    if not one.cast.has_truth:
        return [("candidates", style.BLUE, span.per_night(own.place))]
    kind, near, label = own.kind, own.is_near, one.cast.label
    masks = [
        (f"{label} within 2 d", style.BLUE, near),
        (f"{label}, else", style.SKY, (kind == CLASS) & ~near),
        ("contaminant", style.VERMILLION, kind == OTHER),
        ("related", style.PURPLE, kind == NEITHER),
        ("unknown", style.GREY, kind == UNKNOWN),
    ]
    return [(name, colour, span.per_night(own.place, mask)) for name, colour, mask in masks]


def _draw_run(axes: Axes, one: Judged, parts: list[Part], label: str) -> str:
    """Draw stacked bars; return them in words."""
    place, begin, size = panel.grouped(one.span.at)
    step = float(np.median(np.diff(one.span.at))) if len(one.span) > 1 else 1.0
    width = 0.92 * size * step
    at = begin + (size - 1) * step / 2
    bottom, words = np.zeros(len(begin)), []
    for name, colour, counts in parts:
        high = panel.sums(counts, place)
        if not high.any():
            continue
        axes.bar(at, high, width, bottom=bottom, color=colour, label=style.plain(name, 22), lw=0)
        bottom += high
        words.append(f"{counts.sum():.0f} {name}")
    if one.plans:
        lost = panel.sums((~one.plans[one.main_site].clear).astype(float), place)
        if lost.any():
            axes.bar(at, -lost, width, color="#333333", label="nights lost", lw=0)
        words.append(f"{lost.sum():.0f} of {len(one.span)} nights lost")
    axes.axhline(0, color="black", lw=0.8)
    axes.set_xlim(begin[0] - width, at[-1] + width)
    axes.set_ylabel("number")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    panel.with_dates(axes)
    return f"{label}: {', '.join(words) or 'nothing'}."
