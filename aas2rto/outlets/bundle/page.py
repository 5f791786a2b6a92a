"""One printed page for a target: who, where, when, light curve, altitude, room for notes."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from aas2rto.outputs.figures import light_curve, style, visibility
from aas2rto.outputs.figures.part import Part, PartSheet
from aas2rto.outputs.figures.subject import Subject
from aas2rto.sky.visibility import clock
from aas2rto.tables.sexagesimal import degrees, hours
from aas2rto.text.words import number

WIDTH_IN, HEIGHT_IN, EDGE_IN = 8.27, 11.69, 0.6
"""A4, ISO 216, with edges that every printer leaves free."""

LINE_IN = 0.185
"""Between lines of text of 10 pt."""

WIDE = 100
"""Signs of 10 pt in a line."""

MOST_LINES = 4
"""Of a reason; the list has all of it."""

NOTES_IN = 0.3
"""Between the lines to write on."""


@dataclass(frozen=True)
class Target:
    """What a page says beside the figures.

    Parameters
    ----------
    place : int
        In observing order, from 1.
    label : str
        Its name in the star list.
    row : mapping
        A row of `aas2rto.outlets.gather.targets_of`.
    slot : mapping or None
        Its first visit in the plan.
    """

    place: int
    label: str
    row: Mapping[Any, Any]
    slot: Mapping[Any, Any] | None


def draw(target: Target, subject: Subject, foot: str) -> Figure:
    """Draw the page of a target.

    Parameters
    ----------
    target : Target
    subject : Subject
        With one observatory.
    foot : str
        Where it comes from.
    """
    page = Figure(figsize=(WIDTH_IN, HEIGHT_IN), facecolor="white")
    top = HEIGHT_IN - EDGE_IN
    heading = f"{target.place}. {style.plain(subject.heading, 60)}"
    title = page.text(
        EDGE_IN / WIDTH_IN, top / HEIGHT_IN, heading, size=17, weight="bold", va="top"
    )
    style.fitted(page, title, 1 - 2 * EDGE_IN / WIDTH_IN)
    top = _write(page, top - 0.38, _lines(target, subject))
    wide = WIDTH_IN - 2 * EDGE_IN
    for kind, height in (
        (light_curve, light_curve.HEIGHT_IN),
        (visibility, visibility.height(len(subject.sites))),
    ):
        top -= height
        kind.draw(PartSheet(Part(page, EDGE_IN, top, wide, height), kind.set_up), subject)
    _notes(page, top - 0.15)
    page.text(
        EDGE_IN / WIDTH_IN, 0.35 / HEIGHT_IN, style.plain(foot, 150), size=7.5, color="#333333"
    )
    return page


def pdf(page: Figure) -> bytes:
    """Return a page as PDF, the same bytes for the same page."""
    out = io.BytesIO()
    metadata: dict[str, Any] = {"Creator": "aas2rto", "Producer": None, "CreationDate": None}
    canvas: Any = FigureCanvasPdf(page)
    canvas.print_pdf(out, metadata=metadata)
    return out.getvalue()


def _lines(target: Target, subject: Subject) -> list[tuple[str, str]]:
    """Return what is written at the top, each with its weight."""
    row, slot = target.row, target.slot
    ra, dec = np.array([row["ra"]]), np.array([row["dec"]])
    told = [
        (
            f"{hours(ra, 2)[0]}  {degrees(dec, 1)[0]}  (J2000)     "
            f"{row['ra']:.6f}  {row['dec']:+.6f} deg",
            "bold",
        ),
        (f"{style.plain(subject.known, 70)}     in the star list: {target.label}", "normal"),
        (_when(slot), "normal"),
    ]
    why = (
        f"rank {row['rank']:.0f}, score {number(row['score'])}: {style.plain(subject.reason, 500)}"
    )
    wrapped = textwrap.wrap(why, WIDE)
    if len(wrapped) > MOST_LINES:
        wrapped = [*wrapped[: MOST_LINES - 1], f"{wrapped[MOST_LINES - 1][: WIDE - 1]}…"]
    return [*told, *((line, "normal") for line in wrapped)]


def _when(slot: Mapping[Any, Any] | None) -> str:
    if slot is None:
        return "not planned tonight: observe it when there is time"
    backup = style.plain(str(slot["backup"]), 30)
    told = (
        f"planned {clock(slot['start'])}–{clock(slot['end'])} UT, {slot['exposure_s']:.0f} s, "
        f"airmass {slot['airmass']:.2f}, parallactic angle {slot['parallactic']:.0f}°, "
        f"Moon {slot['moon_sep']:.0f}°"
    )
    return f"{told}; if it fails: {backup}" if backup else told


def _write(page: Figure, top: float, told: list[tuple[str, str]]) -> float:
    """Write lines downwards from `top` [inch]; return where the last one ends."""
    for text, weight in told:
        line = page.text(
            EDGE_IN / WIDTH_IN, top / HEIGHT_IN, text, size=10, weight=weight, va="top"
        )
        style.fitted(page, line, 1 - 2 * EDGE_IN / WIDTH_IN)
        top -= LINE_IN
    return top


def _notes(page: Figure, top: float) -> None:
    """Draw lines to write on, as many as there is room for."""
    left, right = EDGE_IN / WIDTH_IN, 1 - EDGE_IN / WIDTH_IN
    page.text(left, top / HEIGHT_IN, "start UT, exposures, seeing, sky, remarks:", size=9, va="top")
    height = top - 0.5
    while height > 0.6:
        y = height / HEIGHT_IN
        page.add_artist(Line2D([left, right], [y, y], color="#999999", linewidth=0.6))
        height -= NOTES_IN
