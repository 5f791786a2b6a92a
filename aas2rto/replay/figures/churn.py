"""Figure: which share of the top N is replaced from one night to the next."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from aas2rto.replay import metrics
from aas2rto.replay.figures import panel
from aas2rto.replay.figures.panel import Drawn
from aas2rto.replay.folder import SCIENCE
from aas2rto.replay.judge import Judged


def draw(every: list[Judged], labels: list[str], top: int, command: str) -> Drawn | None:
    """Draw all runs; None with fewer than two nights."""
    if len(every[0].span) < 2:
        return None
    told: list[str] = []
    size = panel.grouped(every[0].span.at)[2]

    def on(axes: list[Axes]) -> None:
        for k, one in enumerate(every):
            replaced, before, _, _ = metrics.changes(one.lists[SCIENCE])
            place, begin, _ = panel.grouped(one.span.at)
            some, of = panel.sums(replaced, place), panel.sums(before, place)
            share = np.where(of > 0, 100 * some / np.where(of > 0, of, 1), np.nan)
            axes[0].plot(
                begin,
                share,
                drawstyle="steps-mid",
                color=panel.COLOURS[k],
                ls=panel.LINES[k],
                label=panel.name(labels[k]),
                zorder=3 + k,
            )
            mean = 100 * replaced.sum() / before.sum() if before.sum() else np.nan
            axes[0].axhline(mean, color=panel.COLOURS[k], lw=0.9, ls=":")
            told.append(f"{labels[k]}: {mean:.0f} % on average.")
        axes[0].set_ylim(0, 104)
        axes[0].set_ylabel("replaced [%]")
        panel.with_dates(axes[0])
        panel.legend_above(axes, 2, titled=False)

    per = "from night to night" if size == 1 else f"from night to night, means of {size} nights"
    title = f"How restless is the top {top}?"
    below = f"share replaced {per}; dotted: the whole span"
    png = panel.sheet(title, below, [1.7], on, command=command, legend_rows=1, foot=0.32)
    return Drawn("churn", title, f"{title} {below}. {' '.join(told)}", png)
