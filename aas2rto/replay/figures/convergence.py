"""Figure: how far fitted peaks are from the true ones, by phase; as the paper's Figs 6, 7, 10."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from aas2rto.outputs.figures import style
from aas2rto.replay import calibration_check
from aas2rto.replay.calibration_check import Fits
from aas2rto.replay.figures import panel
from aas2rto.replay.figures.panel import Drawn
from aas2rto.replay.judge import Judged

EDGES = (-18, -15, -12, -10, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 8, 10)
"""Finer than the tables' bins [d]; the one about the peak is the paper's."""
LEAST = 5
"""Objects in a bin; a central 68 % of fewer is none."""
SPAN = 6.0
"""Of the errors [d]; what is beyond is told in the tables."""
MOST_POINTS = 3000


def draw(every: list[Judged], labels: list[str], command: str) -> Drawn | None:
    """Draw the first model of each run; None where there is no fit to a known peak."""
    models = [one.models[0].fits if one.models else None for one in every]
    if not any(models):
        return None
    told: list[str] = []

    def on(axes: list[Axes]) -> None:
        for k, fits in enumerate(models):
            if fits is not None:
                told.append(_draw_run(axes[0], fits, k, labels[k], alone=len(every) == 1))
        _set_up(axes[0])

    title = "Fitted less true peak, by phase"
    below = "median and central 68 % of the objects, each once per bin; shaded: ±2 d"
    png = panel.sheet(title, below, [2.6], on, command=command)
    alt = f"{title}: median and central 68 %. {' '.join(told)}"
    return Drawn("convergence", title, alt, png)


def _set_up(axes: Axes) -> None:
    axes.axhspan(-2, 2, color=style.PALE, alpha=0.5, lw=0, zorder=0)
    axes.axhline(0, color="black", lw=0.8, zorder=1)
    axes.axvline(0, color="black", lw=0.8, ls=":", zorder=1)
    axes.set_xlim(EDGES[0], EDGES[-1])
    axes.set_ylim(-SPAN, SPAN)
    axes.set_xlabel("days from the true peak, when the fit was made")
    axes.set_ylabel("error of the peak [d]")
    panel.legend(axes, "upper right")


def _draw_run(axes: Axes, fits: Fits, k: int, label: str, *, alone: bool) -> str:
    """Draw one run; return it in words."""
    table = calibration_check.by_phase(fits, EDGES)
    table = table[table["n"] >= LEAST]
    if alone:
        step = max(1, len(fits.phase) // MOST_POINTS)
        axes.plot(
            fits.phase[::step],
            fits.error[::step],
            ".",
            ms=1.5,
            color="#B5B5B5",
            zorder=1,
            alpha=0.6,
        )
    if table.empty:
        return f"{label}: too few fits to show."
    middle = (table["low"] + table["high"]).to_numpy(float) / 2 + 0.15 * k
    low, value, high = (
        np.array([one.value() for one in table[key]]) for key in ("p16", "median", "p84")
    )
    axes.errorbar(
        middle,
        value,
        yerr=[value - low, high - value],
        fmt=panel.MARKERS[k],
        ls=panel.LINES[k],
        lw=1.0,
        elinewidth=1.4,
        capsize=2,
        color=panel.COLOURS[k],
        label=panel.name(f"{label}: {fits.model}"),
        zorder=3 + k,
    )
    near = int(np.argmin(np.abs(middle)))
    return (
        f"{label}: near the peak {value[near]:+.1f} d, 68 % from {low[near]:+.1f} to "
        f"{high[near]:+.1f} d; at {middle[0]:+.0f} d {value[0]:+.1f} d, 68 % from {low[0]:+.1f} to "
        f"{high[0]:+.1f} d."
    )
