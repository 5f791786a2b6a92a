"""Figures: whether stated errors of peaks are true (PIT), and chances come true (reliability)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from aas2rto.outputs.figures import style
from aas2rto.replay.calibration_check import PIT_BINS, PIT_WINDOW, Reliability
from aas2rto.replay.figures import panel
from aas2rto.replay.figures.panel import Drawn
from aas2rto.replay.judge import Judged, ModelCheck

LEAST = 5
"""Candidates times nights in a bin that is drawn."""


def draw_pit(every: list[Judged], labels: list[str], command: str) -> Drawn | None:
    """Draw the PIT of the first model of each run; None where no fit states an error."""
    models = [one.models[0] if one.models and one.models[0].pit.n else None for one in every]
    if not any(models):
        return None
    told: list[str] = []

    def on(axes: list[Axes]) -> None:
        for k, model in enumerate(models):
            if model is not None:
                told.append(_draw_pit(axes[0], model, k, labels[k]))
        axes[0].set_xlim(0, 1)
        axes[0].set_ylim(0, max(float(axes[0].get_ylim()[1]) * 1.25, 20))
        axes[0].set_xlabel("PIT of the true peak")
        axes[0].set_ylabel("objects [%]")
        panel.legend(axes[0], "upper center")

    low, high = PIT_WINDOW
    title = "Are the errors of fitted peaks true?"
    below = (
        f"flat: yes (shaded: 95 %); a hill: too large; a valley: too small. {low:+g}..{high:+g} d"
    )
    png = panel.sheet(title, below, [1.9], on, command=command)
    return Drawn("pit", title, f"PIT histogram. {title} {' '.join(told)}", png)


def _draw_pit(axes: Axes, model: ModelCheck, k: int, label: str) -> str:
    """Draw one run's histogram; return it in words."""
    edges = np.linspace(0, 1, PIT_BINS + 1)
    if k == 0:
        low, high = 100 * model.pit.low[0], 100 * model.pit.high[0]
        axes.axhspan(low, high, color=style.PALE, alpha=0.8, lw=0, zorder=0)
    axes.stairs(
        100 * model.pit.shares,
        edges,
        color=panel.COLOURS[k],
        lw=2,
        ls=panel.LINES[k],
        label=style.plain(f"{label}: {model.fits.model}, {model.pit.n} objects", 50),
        zorder=3 + k,
    )
    inside = {key: 100 * ratio.value() for key, ratio in model.pit.coverage.items()}
    return (
        f"{label}: stated 68 % hold {inside['68']:.0f} % of the true peaks, stated 95 % hold "
        f"{inside['95']:.0f} %."
    )


def draw_reliability(every: list[Judged], labels: list[str], command: str) -> Drawn | None:
    """Draw what happened against what was said, for each kind of chance; None without any."""
    kinds = list(dict.fromkeys(chance.what for one in every for chance in one.chances))[-2:]
    if not kinds:
        return None
    told: list[str] = []

    def on(axes: list[Axes]) -> None:
        for one, what in zip(axes, kinds, strict=True):
            one.plot([0, 100], [0, 100], color="black", lw=0.8, zorder=1)
            one.set_title(style.plain(what, 60), loc="left", fontsize=8.5)
            one.set_xlim(0, 100)
            one.set_ylim(0, 104)
            one.set_ylabel("came true [%]")
            for k, judged in enumerate(every):
                own = [chance for chance in judged.chances if chance.what == what]
                told.extend(_draw_chance(one, chance, k, labels[k]) for chance in own)
            panel.legend(one, "upper left")
        axes[-1].set_xlabel("said [%]")

    title = "Do chances come true?"
    below = "on the line: as often as said; bars: 95 %, bootstrap over objects"
    png = panel.sheet(title, below, [1.9] * len(kinds), on, command=command, titled=True)
    return Drawn("reliability", title, f"Reliability. {title} {' '.join(told)}", png)


def _draw_chance(axes: Axes, chance: Reliability, k: int, label: str) -> str:
    """Draw one run's reliability; return it in words."""
    points = []
    for said, count, found in zip(chance.said, chance.counts, chance.happened, strict=True):
        if count >= LEAST:
            low, high = (e if np.isfinite(e) else found.value for e in (found.low, found.high))
            points.append((said, found.value, found.value - low, high - found.value))
    if not points:
        return f"{label}: too few."
    x, y, below, above = 100 * np.array(points).T
    axes.errorbar(
        x,
        y,
        yerr=[np.maximum(below, 0), np.maximum(above, 0)],
        fmt=panel.MARKERS[k],
        color=panel.COLOURS[k],
        ls=panel.LINES[k],
        lw=1,
        capsize=2,
        label=f"{panel.name(label)}: Brier {chance.brier.value:.3f}",
        zorder=3 + k,
    )
    pairs = ", ".join(f"{a:.0f} % said, {b:.0f} % came" for a, b in zip(x, y, strict=True))
    return f"{label}, {chance.what}: Brier score {chance.brier.value:.3f}; {pairs}."
