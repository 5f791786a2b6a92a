"""The pages of a proposal, by matplotlib: it draws the light curve anyway, and nothing is added."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from aas2rto.models.watched.rules import Criterion
from aas2rto.outlets.proposal.facts import NAMES, justification
from aas2rto.outlets.proposal.subject import Subject
from aas2rto.outputs.figures import style
from aas2rto.tables.photometry import mag_from_flux

WIDTH_IN, HEIGHT_IN, EDGE_IN = 8.27, 11.69, 0.75
"""A4, ISO 216."""

WIDE = 98
"""Signs of 9.5 pt in a line."""

LINE_IN = 0.175

SHOWN = 180.0
"""The light curve begins so long before the last night, or before the onset if that is earlier
[d]: the design note's six months."""

BEFORE = 60.0
"""Of the baseline, before the onset [d]."""


def pdf(subject: Subject, told: Mapping[str, str]) -> bytes:
    """Return the pages as PDF, the same bytes for the same source."""
    out = io.BytesIO()
    metadata: dict[str, Any] = {"Creator": "aas2rto", "Producer": None, "CreationDate": None}
    with style.applied(), PdfPages(out, metadata=metadata) as pages:
        for figure in (_words(subject, told), _figures(subject, told)):
            pages.savefig(figure)
    return out.getvalue()


class _Column:
    """Writes downwards on a page."""

    def __init__(self, page: Figure) -> None:
        self.page, self.top = page, HEIGHT_IN - EDGE_IN

    def line(self, text: str, *, size: float = 9.5, weight: str = "normal", gap: float = 0) -> None:
        self.page.text(
            EDGE_IN / WIDTH_IN,
            self.top / HEIGHT_IN,
            style.plain(text, 400),
            size=size,
            weight=weight,
            va="top",
        )
        self.top -= LINE_IN * size / 9.5 + gap

    def head(self, text: str) -> None:
        self.top -= 0.12
        self.line(text, size=11, weight="bold", gap=0.04)

    def paragraph(self, text: str) -> None:
        for line in textwrap.wrap(text, WIDE):
            self.line(line)
        self.top -= 0.06


def _words(subject: Subject, told: Mapping[str, str]) -> Figure:
    """Draw the first page: who, what, why, and each criterion."""
    page = Figure(figsize=(WIDTH_IN, HEIGHT_IN), facecolor="white")
    column = _Column(page)
    column.line(f"VLT/MUSE: {told['source']}", size=17, weight="bold", gap=0.08)
    verdict = told["best_name"] if told["class"] not in {"Unknown", "none"} else ""
    if told["class"] == "Unknown":
        verdict = f"class not decided: {told['best_name']}, or {told['second_name']}"
    if told["class"] == "none":
        verdict = "nothing to propose"
    column.line(f"{verdict[:1].upper()}{verdict[1:]}; priority {told['priority']}", size=12)
    column.line(f"as known on {told['now']}; {told['review']}", gap=0.03)
    column.head("Position")
    column.paragraph(
        f"{told['position']}; {told['position_deg']}; error {told['position_error']}; "
        f"galactic latitude {told['galactic_latitude']}"
    )
    column.head("Classification")
    column.paragraph(f"Posterior with yearly rates: {told['posterior']}.")
    column.head("Justification")
    for paragraph in justification(told):
        column.paragraph(paragraph)
    column.head("Host and environment")
    names = ("kind", "host", "offset", "redshift", "distance", "parallax", "proper_motion")
    column.paragraph("; ".join(f"{name.replace('_', ' ')} {told[name]}" for name in names))
    for name, rules in subject.rules.items() if told["class"] != "none" else ():
        column.head(f"Criteria of a {NAMES[name]}")
        for line in (line for one in rules for line in _criterion(one)):
            column.line(line)
    if subject.analysis.note:
        column.paragraph(f"Note: {subject.analysis.note}.")
    return page


def _criterion(one: Criterion) -> list[str]:
    mark = {True: "met", False: "NOT met", None: "open"}[one.passed]
    return textwrap.wrap(f"{mark}: {one.name}: {one.value} (asked: {one.asked})", WIDE)


def _figures(subject: Subject, told: Mapping[str, str]) -> Figure:
    """Draw the second page: a panel for each band, and the nights of the window."""
    page = Figure(figsize=(WIDTH_IN, HEIGHT_IN), facecolor="white")
    bands = list(subject.analysis.curves)[:4]
    rows = len(bands) + 1
    grid = page.add_gridspec(
        rows,
        1,
        left=0.11,
        right=0.9,
        top=0.93,
        bottom=0.07,
        hspace=0.28,
        height_ratios=[*([2.0] * len(bands)), 1.5],
    )
    first: Axes | None = None
    for k, band in enumerate(bands):
        axes = page.add_subplot(grid[k], sharex=first)
        first = first or axes
        _panel(axes, subject, band)
        if k == 0:
            axes.set_title(f"{told['source']}: {told['class']}, shape {told['best']}", loc="left")
    if first is not None:
        page.axes[len(bands) - 1].set_xlabel("MJD [d, UTC]")
    _nights(page.add_subplot(grid[rows - 1]), subject)
    page.text(
        0.11,
        0.02,
        "dashed: level before; dotted: onset; grey: now; band: 68 % of the shape, 30 d ahead",
        size=8,
        color="#333333",
    )
    return page


def _panel(axes: Axes, subject: Subject, band: str) -> None:
    found = subject.analysis
    own, colour = found.curves[band], style.band_colour(band)
    last = max(float(one.mjd[-1]) for one in found.curves.values())
    start = last - SHOWN
    if np.isfinite(found.measures.t_on):
        start = min(start, found.measures.t_on - BEFORE)
    near = own.mjd >= start
    axes.errorbar(
        own.mjd[near], own.flux[near], own.err[near], fmt="o", ms=3.5, lw=1, color=colour, zorder=3
    )
    shape = subject.template[subject.template["band"] == band]
    shape = shape[shape["mjd"] >= start]
    axes.fill_between(
        shape["mjd"], shape["flux_low"], shape["flux_high"], color=colour, alpha=0.25, lw=0
    )
    axes.plot(shape["mjd"], shape["flux"], color=colour, lw=1.3)
    before = own.mjd < found.measures.t_on
    if before.sum() >= 2:
        level = float(np.average(own.flux[before], weights=own.err[before] ** -2))
        axes.axhline(level, color=style.BLACK, ls="--", lw=0.9)
    if np.isfinite(found.measures.t_on):
        axes.axvline(found.measures.t_on, color=style.BLACK, ls=":", lw=1.2)
    axes.axvline(float(subject.now.utc.mjd), color=style.GREY, lw=1)
    _scale(axes, own.flux[near], shape)
    axes.set_ylabel(f"{band} [uJy]")
    axes.set_xlim(start - 5, last + 32)
    axes.tick_params(direction="in", top=True)
    _magnitudes(axes)


def _scale(axes: Axes, flux: np.ndarray, shape: pd.DataFrame) -> None:
    """Let data and shape fill the panel; a wide band does not stretch it far."""
    low, high = (float(flux.min()), float(flux.max())) if len(flux) else (0.0, 1.0)
    if len(shape):
        high = max(high, min(float(shape["flux"].max()), high + 0.5 * (high - low)))
        low = min(low, max(float(shape["flux"].min()), low - 0.3 * abs(high - low)))
    edge = 0.08 * max(high - low, 1e-3)
    axes.set_ylim(low - edge, high + edge)


def _magnitudes(axes: Axes) -> None:
    """Write magnitudes at the right, where fluxes are positive."""
    low, high = axes.get_ylim()
    right = axes.twinx()
    right.set_ylim(low, high)
    if high <= 0:
        right.set_yticks([])
        return
    top = float(mag_from_flux(high))
    marks = np.arange(np.ceil(top * 2) / 2, top + 6, 0.5)
    place = 10 ** ((23.9 - marks) / 2.5)
    # Marks that would touch each other are left out.
    kept: list[int] = []
    for k in range(len(marks)):
        if place[k] > low and (not kept or place[kept[-1]] - place[k] > 0.08 * (high - low)):
            kept.append(k)
    right.set_yticks(place[kept], [f"{marks[k]:g}" for k in kept])
    right.set_ylabel("mag (AB)")


def _nights(axes: Axes, subject: Subject) -> None:
    """Draw the dark hours of each night, and how far the Moon is lit."""
    table = subject.nights
    x = np.arange(len(table))
    axes.bar(x, table["hours"], color=style.BLUE, width=0.8)
    axes.set_ylabel("dark hours")
    axes.set_ylim(0, max(float(table["hours"].max()), 1.0) * 1.15)
    step = max(len(x) // 8, 1)
    axes.set_xticks(x[::step], [str(one)[5:] for one in table["evening"].iloc[::step]])
    year = Time(float(subject.now.utc.mjd), format="mjd").utc.iso[:4]
    axes.set_xlabel(f"evening, {year} (month-day)")
    where = subject.site.title or subject.site.name
    axes.set_title(f"{where}: dark hours above 30 deg, and the Moon", loc="left", size=9.5)
    moon = axes.twinx()
    moon.plot(x, 100 * table["moon_illumination"], "o-", color=style.ORANGE, ms=3, lw=1)
    moon.set_ylim(0, 105)
    moon.set_ylabel("Moon lit [%]")
