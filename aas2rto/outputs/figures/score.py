"""Figure: the score, taken apart: what each factor contributes, in powers of ten or points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from aas2rto.outputs.figures import style
from aas2rto.outputs.figures.subject import Share, Subject
from aas2rto.tables.effect import PRODUCT, Effect
from aas2rto.text.words import number

ROW_IN = 0.37
HEAD_IN, FOOT_IN = 0.62, 0.5


@dataclass(frozen=True)
class Bar:
    """One row of the figure."""

    name: str
    value: float
    words: str
    kind: str  # factor, total, out


def bars(subject: Subject) -> list[Bar]:
    """Return the rows, top to bottom: base score, factors, score, then the sites."""
    rows = [Bar("base score", subject.base, "", "factor")]
    rows += [_bar(share) for share in subject.shares]
    total = subject.score if subject.decision == "keep" else np.nan
    rows.append(Bar("SCORE", total, "" if total > 0 else subject.decision, "total"))
    if subject.decision != "keep":
        return rows
    for site in subject.sites:
        ranked = np.isfinite(site.number("rank"))
        # What is out has no size: the number that came with it would only stretch the axis.
        values = [share.value for share in site.shares]
        factor = PRODUCT.joint(values) if ranked else np.nan  # a site multiplies
        words = str(site.facts.get("status") or site.facts.get("reason") or "")
        if ranked:
            words = f"site score {number(site.number('site_score'))}, #{site.number('rank'):.0f}"
            if subject.effect != PRODUCT:  # of a worker process, it is another object
                words, factor = f"{PRODUCT.written(factor)}: {words}", subject.effect.neutral
        rows.append(Bar(f"at {site.name}", factor, words, "factor" if ranked else "out"))
    return rows


def _bar(share: Share) -> Bar:
    return Bar(share.name, share.value, share.reason, "out" if share.out else "factor")


def height(rows: int) -> float:
    """Return the height of the figure [inch]."""
    return HEAD_IN + FOOT_IN + ROW_IN * rows


def set_up(figure: Figure) -> list[Axes]:
    """Lay out the axes."""
    total = float(figure.get_figheight())
    axes = figure.add_axes((0.03, FOOT_IN / total, 0.94, 1 - (HEAD_IN + FOOT_IN) / total))
    axes.set_yticks([])
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    return [axes]


def draw(sheet: style.Sheet, subject: Subject) -> None:
    """Draw the score of a candidate."""
    (axes,) = sheet.axes
    effect = subject.effect
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: effect.tick(place)))
    axes.set_xlabel(effect.step_label)
    rows = bars(subject)
    logs = effect.step([row.value for row in rows])
    reach = max(1.0, float(np.abs(logs).max(initial=0.0)))
    axes.set_xlim(-reach * 1.12, reach * 1.12)
    axes.set_ylim(len(rows) - 0.45, -0.65)
    for place, (row, log) in enumerate(zip(rows, logs, strict=True)):
        _draw_bar(axes, place, row, float(log), effect)
    _rule_above_total(axes, rows)
    decided = subject.decision
    told = f"score {number(subject.score)}" if decided == "keep" else f"{decided}: {subject.reason}"
    sheet.title(style.plain(subject.heading, 44), style.plain(told, 80))


def _draw_bar(axes: Axes, place: int, row: Bar, log: float, effect: Effect) -> None:
    colour = {"total": "#333333", "out": "white"}.get(
        row.kind, style.BLUE if log >= 0 else style.VERMILLION
    )
    if effect.strength(row.value) >= effect.worth_saying or row.kind == "total":
        axes.barh(
            place + 0.17,
            log,
            height=0.36,
            color=colour,
            zorder=2,
            edgecolor=style.VERMILLION if row.kind == "out" else "none",
        )
    axes.plot([0, 0], [place - 0.05, place + 0.39], color="#333333", linewidth=1.0, zorder=3)
    name = style.plain(row.name, 30)
    value = "out" if row.kind == "out" else _value(row, effect)
    put = axes.text
    left = axes.get_yaxis_transform()
    weight = "bold" if row.kind == "total" else "normal"
    put(0.0, place - 0.2, f"{name}  {value}", transform=left, size=9, va="center", weight=weight)
    if row.words:
        told = style.plain(row.words.replace("+-", "±"), 90)
        words = put(
            1.0,
            place - 0.2,
            told,
            transform=left,
            size=7.8,
            ha="right",
            va="center",
            color="#444444",
        )
        style.fitted(axes, words, 0.97 - 0.0185 * (len(name) + len(value) + 2))


def _value(row: Bar, effect: Effect) -> str:
    if not effect.allows(np.array(row.value)):
        return ""
    return number(row.value) if row.kind == "total" else effect.written(row.value)


def _rule_above_total(axes: Axes, rows: Sequence[Bar]) -> None:
    for place, row in enumerate(rows):
        if row.kind == "total":
            for edge in (place - 0.5, place + 0.5):
                axes.axhline(edge, color="#333333", linewidth=0.8, zorder=1)
