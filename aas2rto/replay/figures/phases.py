"""Figure: at which phase the class enters the top N first, and at which it is observed."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from aas2rto.outputs.figures import style
from aas2rto.replay.cast import CLASS, WITHIN
from aas2rto.replay.figures import panel
from aas2rto.replay.figures.panel import Drawn
from aas2rto.replay.folder import SCIENCE
from aas2rto.replay.judge import Judged
from aas2rto.replay.metrics import judged

Floats = NDArray[np.float64]

EDGES = np.arange(-20.0, 21.0, 1.0)
"""[d]; what is beyond stands in the outermost bins."""


def entry_phases(one: Judged) -> Floats:
    """Return the phase of the first entry into the top N of the science list [d]."""
    own = judged(one.cast, one.span)
    phase = (one.lists[SCIENCE].first() - one.cast.peak)[own]
    return np.asarray(phase[np.isfinite(phase)])


def observed_phases(one: Judged) -> Floats:
    """Return the phase of each spectrum of the class [d]."""
    done = one.plans.get(one.main_site)
    if done is None:
        return np.array([])
    phase = done.phase[one.cast.kind[done.who] == CLASS]
    return np.asarray(phase[np.isfinite(phase)])


def draw(every: list[Judged], labels: list[str], top: int, command: str) -> Drawn | None:
    """Draw all runs; None where no phase is known."""
    label = every[0].cast.label
    panels = [(f"first in the top {top}", "objects", [entry_phases(one) for one in every])]
    if any(one.plans for one in every):
        panels.append(("spectra taken", "spectra", [observed_phases(one) for one in every]))
    if not any(len(phases) for _, _, some in panels for phases in some):
        return None
    told: list[str] = []

    def on(axes: list[Axes]) -> None:
        for one, (words, unit, some) in zip(axes, panels, strict=True):
            one.axvspan(-WITHIN, WITHIN, color=style.PALE, alpha=0.6, lw=0, zorder=0)
            one.set_title(words, loc="left", fontsize=9)
            one.set_ylabel(unit)
            one.set_xlim(EDGES[0], EDGES[-1])
            for k, phases in enumerate(some):
                told.append(_draw_run(one, phases, k, labels[k], words))
        axes[-1].set_xlabel("days from the true peak")
        panel.legend_above(axes, 2)

    title = f"{label}: found and observed at which phase"
    below = "per day of phase; shaded: within 2 d of the peak; dotted: medians"
    heights = [1.6] * len(panels)
    png = panel.sheet(title, below, heights, on, command=command, titled=True, legend_rows=1)
    return Drawn("phases", title, f"{title}. {' '.join(told)}", png)


def _draw_run(axes: Axes, phases: Floats, k: int, label: str, words: str) -> str:
    """Draw one run's histogram; return it in words."""
    if not len(phases):
        return f"{label}, {words}: none."
    inside = np.clip(phases, EDGES[0] + 0.5, EDGES[-1] - 0.5)
    counts, _ = np.histogram(inside, EDGES)
    axes.stairs(
        counts,
        EDGES,
        color=panel.COLOURS[k],
        lw=1.6,
        ls=panel.LINES[k],
        fill=False,
        label=panel.name(label),
        zorder=3 + k,
    )
    if k == 0:
        axes.stairs(counts, EDGES, color=panel.COLOURS[k], alpha=0.25, fill=True, zorder=2)
    low, middle, high = np.quantile(phases, [0.16, 0.5, 0.84])
    axes.axvline(middle, color=panel.COLOURS[k], ls=":", lw=1.2)
    return (
        f"{label}, {words}: {len(phases)}, median {middle:+.1f} d, 68 % {low:+.1f}..{high:+.1f} d."
    )
