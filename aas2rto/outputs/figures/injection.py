"""Figure: p against the depth of a dip, for several histories, and how often dips are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from aas2rto.outputs.figures import style

HEIGHT_IN = 5.2
SMALLEST = 1e-12
"""Lowest p drawn."""


def draw(
    curves: Sequence[tuple[str, NDArray[np.float64], NDArray[np.float64]]],
    found: pd.DataFrame,
    words: str,
    provenance: Mapping[str, str],
) -> bytes:
    """Draw as a PNG file, as wide as a phone.

    Parameters
    ----------
    curves : sequence of (name, depth, p)
        Of some histories, depths in magnitudes.
    found : DataFrame
        See `aas2rto.simulate.dips.by_depth`.
    words : str
        What was done, below the title.
    provenance : mapping
        Texts that travel in the file.
    """
    with style.applied():
        sheet = style.Sheet(HEIGHT_IN, lambda _: [])
        above = sheet.figure.add_axes((0.155, 0.565, 0.82, 0.31))
        below = sheet.figure.add_axes((0.155, 0.095, 0.82, 0.31))
        _p(above, curves)
        _found(below, found)
        sheet.title("Dips put into real histories", style.plain(words, 90))
        return sheet.png(provenance)


def _p(axes: Axes, curves: Sequence[tuple[str, NDArray[np.float64], NDArray[np.float64]]]) -> None:
    colours = (style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.ORANGE, style.SKY)
    for place, (name, depth, p) in enumerate(curves):
        colour = colours[place % len(colours)]
        axes.plot(depth, np.maximum(p, SMALLEST), color=colour, lw=1.2, label=style.plain(name, 24))
    axes.axhline(0.05, color=style.BLACK, lw=0.8, ls="--")
    axes.text(0.99, 0.06, "p = 0.05", transform=axes.get_yaxis_transform(), ha="right", va="bottom")
    axes.set_yscale("log")
    axes.set_ylim(SMALLEST, 2)
    ticks = [10.0**power for power in range(-12, 1, 3)]
    axes.set_yticks(ticks, [f"{tick:.0e}" if tick < 1 else "1" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("depth [mag]")
    axes.set_ylabel("p (KS)")
    axes.grid(visible=True, color=style.PALE, lw=0.5)
    if curves:
        axes.legend(loc="upper right", bbox_to_anchor=(1, 0.88), fontsize=7)


def _found(axes: Axes, found: pd.DataFrame) -> None:
    depth = found["depth"].to_numpy(float)
    axes.plot(depth, found["found"], "o-", color=style.BLUE, label="passes all tests")
    axes.plot(depth, found["p_below"], "s--", color=style.ORANGE, label="p < 0.05 alone")
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("depth [standard deviations of the history]")
    axes.set_ylabel("share of windows")
    axes.grid(visible=True, color=style.PALE, lw=0.5)
    axes.legend(loc="lower right", frameon=False)
