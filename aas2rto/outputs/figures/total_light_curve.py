"""Figure: total brightness of a star, the years before its alerts and the alerts themselves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from aas2rto.outputs.figures import style
from aas2rto.tables.total import ALERT, HISTORY, magnitudes
from aas2rto.text.words import day_and_hour

PANEL_IN, HEAD_IN, FOOT_IN = 1.55, 0.62, 0.5
LEFT, RIGHT = 0.165, 0.975
PACKET = 30.0
"""A ZTF packet begins so long before its first alert: the paper's discovery date [d]."""


def draw(
    table: pd.DataFrame, name: str, verdict: str, now: float, provenance: Mapping[str, str]
) -> bytes:
    """Draw as a PNG file, as wide as a phone: a panel for each band.

    Parameters
    ----------
    table : DataFrame
        Total brightness, see `aas2rto.tables.total`.
    name : str
        Of the candidate.
    verdict : str
        What is said of it, below the name.
    now : float
        [d, MJD UTC]
    provenance : mapping
        Texts that travel in the file.
    """
    mag, magerr = magnitudes(table)
    rows = table.assign(mag=mag, magerr=magerr).dropna(subset="mag")
    bands = sorted(rows["band"].unique(), key="grizy".find) or [""]
    height = HEAD_IN + PANEL_IN * len(bands) + FOOT_IN
    with style.applied():
        sheet = style.Sheet(height, lambda _: [])
        alerts = rows.loc[rows["kind"] == ALERT, "mjd"]
        discovery = float(alerts.min()) - PACKET if len(alerts) else None
        for place, band in enumerate(bands):
            bottom = FOOT_IN + PANEL_IN * (len(bands) - 1 - place)
            box = (LEFT, bottom / height, RIGHT - LEFT, (PANEL_IN - 0.12) / height)
            axes = sheet.figure.add_axes(box)
            _panel(axes, rows[rows["band"] == band], band, discovery, now)
            if place < len(bands) - 1:
                axes.tick_params(labelbottom=False)
            else:
                axes.set_xlabel(f"days from {day_and_hour(now, year=True)} UTC")
        if rows.empty:
            sheet.figure.text(0.5, 0.4, "no total brightness is known", ha="center")
        sheet.title(style.plain(name, 40), style.plain(verdict, 110))
        return sheet.png(provenance)


def _panel(axes: Axes, rows: pd.DataFrame, band: str, discovery: float | None, now: float) -> None:
    colour = style.band_colour(band)
    for kind, alpha, size in ((HISTORY, 0.3, 2.2), (ALERT, 1.0, 3.6)):
        some = rows[rows["kind"] == kind]
        axes.errorbar(
            some["mjd"] - now,
            some["mag"],
            yerr=some["magerr"],
            fmt="o",
            ms=size,
            lw=0.6,
            color=colour,
            alpha=alpha,
            label="data release" if kind == HISTORY else "alerts",
        )
    old = rows.loc[rows["kind"] == HISTORY, "mag"].to_numpy(float)
    if len(old):
        axes.axhline(float(np.median(old)), color=style.BLACK, lw=0.8)
        axes.axhline(float(np.percentile(old, 95)), color=style.BLACK, lw=0.8, ls=":")
    if discovery is not None:
        axes.axvline(discovery - now, color=style.GREY, lw=0.8, ls="--")
    axes.invert_yaxis()
    axes.set_ylabel(f"{style.band_label(band)} [mag]")
    axes.grid(visible=True, color=style.PALE, lw=0.5)
    axes.set_axisbelow(True)
    if len(rows):
        axes.legend(loc="lower left", fontsize=7, ncols=2, framealpha=0.8)
