"""Figure: the transit zones of the planets along the ecliptic, and where they overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from aas2rto.outputs.figures import style
from aas2rto.sky.regions.overlaps import latitudes, overlaps
from aas2rto.sky.regions.zones import Zone

HEIGHT_IN = 6.0
COLOURS = (
    style.GREY,
    style.ORANGE,
    style.BLUE,
    style.VERMILLION,
    style.PURPLE,
    style.GREEN,
    style.SKY,
    style.BLACK,
)
"""By planet, from Mercury on."""
STEP = 0.02
"""Steps in longitude [deg]."""
BELT = 7.9
"""Highest latitude shown: Mercury's orbit reaches 7.0 deg, and its zone 0.7 deg more."""


def draw(zones: Sequence[Zone], provenance: Mapping[str, str]) -> bytes:
    """Draw zones, and below how many there are at each place, as a PNG file.

    Parameters
    ----------
    zones : sequence of Zone
    provenance : mapping
        Texts that travel in the file.
    """
    longitude, edges = latitudes(zones, STEP)
    pairs, triples = overlaps(zones, 2), overlaps(zones, 3)
    with style.applied():
        sheet = style.Sheet(HEIGHT_IN, lambda _: [])
        above = sheet.figure.add_axes((0.115, 0.6, 0.865, 0.29))
        below = sheet.figure.add_axes((0.115, 0.15, 0.865, 0.29))
        for axes in (above, below):
            _set_up(axes)
        for place, zone in enumerate(zones):
            colour = COLOURS[place % len(COLOURS)]
            south, north = edges[place]
            name = zone.planet.name.capitalize()
            above.fill_between(longitude, south, north, color=colour, alpha=0.75, lw=0, label=name)
        _counts(below, longitude, edges)
        for one in triples:
            _mark(below, one.longitude, one.latitude)
            _mark(below, (one.longitude + 180) % 360, -one.latitude, filled=one.pieces > 1)
        above.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, frameon=False, fontsize=7.5
        )
        kind = "grazing" if zones and zones[0].grazing else "full"
        orbit = "eccentric" if zones and zones[0].eccentric else "circular"
        pieces = sum(one.pieces for one in pairs)
        sheet.title(
            "Transit zones of the planets",
            f"{kind} transits, {orbit} orbits: {len(pairs)} pairs in {pieces} pieces, "
            f"{len(triples)} triples",
        )
        below.set_xlabel("heliocentric ecliptic longitude [deg]")
        return sheet.png(provenance)


def _set_up(axes: Axes) -> None:
    axes.set_xlim(360, 0)  # as the sky is seen
    axes.set_ylim(-BELT, BELT)
    axes.set_xticks(range(0, 361, 60))
    axes.set_ylabel("latitude [deg]")
    axes.grid(visible=True, color=style.PALE, lw=0.5)
    axes.set_axisbelow(True)


def _counts(axes: Axes, longitude: NDArray[np.float64], edges: NDArray[np.float64]) -> None:
    """Shade where at least one, two, three zones lie."""
    n = len(edges)
    heights = edges.reshape(2 * n, -1)
    order = np.argsort(heights, axis=0)
    count = np.where(order % 2 == 0, 1, -1).cumsum(axis=0)
    heights = np.take_along_axis(heights, order, axis=0)
    shades = ((1, style.PALE), (2, style.SKY), (3, style.VERMILLION))
    for least, colour in shades:
        for gap in range(2 * n - 1):
            there = count[gap] >= least
            if there.any():
                axes.fill_between(
                    longitude, heights[gap], heights[gap + 1], where=there, color=colour, lw=0.2
                )
        axes.fill_between([], [], [], color=colour, label=f"{least} zone{'s' if least > 1 else ''}")
    axes.plot([], [], "o", mfc="none", mec=style.BLACK, ms=7, label="a triple")
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=4, frameon=False, fontsize=7.5
    )


def _mark(axes: Axes, longitude: float, latitude: float, *, filled: bool = True) -> None:
    """Ring a triple, which is too small to be seen; the opposite one is there for most."""
    if filled:
        axes.plot([longitude], [latitude], "o", mfc="none", mec=style.BLACK, ms=7, mew=0.7)
