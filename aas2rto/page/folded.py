"""A light curve folded by a period that is given, or found on request."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np
import pandas as pd
from astropy.timeseries import LombScargle
from markupsafe import Markup
from scipy.stats import beta

from aas2rto.outputs.figures.subject import Subject
from aas2rto.page import svg
from aas2rto.page.light_curve_svg import band_class
from aas2rto.page.svg import Box, Floats
from aas2rto.tables.photometry import LIMIT
from aas2rto.text.words import one_line

FIND = "find"
"""What is written in place of a period to have it looked for."""

SHORTEST = 0.05
"""Shortest period that is looked for [d]: below lie few but delta Scuti stars."""

LEAST, LEAST_IN_BAND = 10, 5
"""Points without which there is no search; a band with fewer is drawn only."""

PER_PEAK = 5
"""Frequencies per width of a peak, 1 / span (VanderPlas 2018, ApJS 236, 16, section 7.1)."""

MOST_FREQUENCIES = 200_000
"""Of one search; what is longer begins at a longer period, and says so."""

BOUNDS = (1e-3, 1e5)
"""Periods that may be given [d]."""

WIDTH, HEIGHT = 640.0, 300.0

_ONE = threading.Lock()
"""One search at a time: several at once would take as long as all together."""


@dataclass(frozen=True)
class Period:
    """A period, and what speaks for it.

    Parameters
    ----------
    days : float
        [d]
    power : float
        Share of chi squared that a sine in each band explains, 0 to 1; NaN: it was given.
    chance : float
        That noise alone has as high a peak anywhere in the search, 0 to 1; NaN: it was given.
    shortest : float
        From where it was looked for [d].
    """

    days: float
    power: float = math.nan
    chance: float = math.nan
    shortest: float = math.nan


@dataclass(frozen=True)
class Folded:
    """What the page of a candidate shows: a drawing, and words."""

    asked: str
    words: str = ""
    drawing: Markup | str = ""


def points_of(subject: Subject) -> pd.DataFrame:
    """Return what can be folded: fluxes, also negative ones, with errors; no limits."""
    table = subject.points
    flux, error = (table[key].to_numpy(float) for key in ("flux", "flux_err"))
    good = (table["kind"] != LIMIT).to_numpy(bool) & np.isfinite(flux) & (error > 0)
    found: pd.DataFrame = table[good & np.isfinite(error)].reset_index(drop=True)
    return found


def find(points: pd.DataFrame) -> Period | str:
    """Look for the period of a sine that all bands share, each with its mean, size and phase.

    Parameters
    ----------
    points : DataFrame
        ``mjd, band, flux, flux_err``.

    Returns
    -------
    Period or str
        Or why there is none.

    Notes
    -----
    The power is that of VanderPlas & Ivezic (2015, ApJ 812, 18), eq. 22, with no shared term: the
    periodograms of the bands, weighted by their chi squared. Of N points in B bands and noise
    alone, it follows a beta distribution (B, (N - 3 B) / 2); the peak is the highest of
    span x (highest frequency) independent ones (VanderPlas 2018, section 7.4.2).
    """
    groups = [g for _, g in points.groupby("band", observed=True) if len(g) >= LEAST_IN_BAND]
    n = sum(map(len, groups))
    if n < LEAST:
        return (
            f"a period needs at least {LEAST} measurements, {LEAST_IN_BAND} or more in a band; "
            f"there are {n}"
        )
    used = pd.concat(groups)
    span = float(np.ptp(used["mjd"]))
    highest = min(1 / SHORTEST, MOST_FREQUENCIES / (PER_PEAK * span) if span > 0 else 0.0)
    if not span > 0 or highest <= 2 / span:
        return "the measurements span too little time: a period has to be seen twice"
    step = 1 / (PER_PEAK * span)
    grid = np.arange(2 / span, highest, step)
    with _ONE:
        best = float(grid[np.argmax(_power(groups, grid, "fast"))])
        near = np.linspace(max(best - step, 1 / span), best + step, 201)
        power = _power(groups, near, "cython")
    top = int(np.argmax(power))
    value = float(np.clip(power[top], 0.0, 1.0))
    alone = float(beta.sf(value, len(groups), (n - 3 * len(groups)) / 2))
    chance = -math.expm1(span * highest * math.log1p(-alone)) if alone < 1 else 1.0
    return Period(1 / float(near[top]), value, chance, 1 / highest)


def _power(groups: list[pd.DataFrame], frequency: Floats, method: str) -> Floats:
    """Return the share of chi squared that is explained at each frequency [1 / d]."""
    explained, total = np.zeros(len(frequency)), 0.0
    for one in groups:
        t, y, dy = (one[key].to_numpy(float) for key in ("mjd", "flux", "flux_err"))
        chisq = float(np.sum(((y - np.average(y, weights=dy**-2)) / dy) ** 2))
        if chisq > 0:
            model = LombScargle(t - t.min(), y, dy)
            regular = {"assume_regular_frequency": True} if method == "fast" else {}
            explained += chisq * np.asarray(model.power(frequency, method=method, **regular))
            total += chisq
    return explained / total if total > 0 else explained


def given(text: str) -> Period | str:
    """Read a period in days; or say why it is none."""
    try:
        days = float(text)
    except ValueError:
        days = math.nan
    if not BOUNDS[0] <= days <= BOUNDS[1]:
        return (
            f"{one_line(text, 30)!r} is no period: write days, {BOUNDS[0]:g} to {BOUNDS[1]:g}, "
            f"such as 0.53, or {FIND}"
        )
    return Period(days)


def folded(subject: Subject, asked: str) -> Folded:
    """Return a candidate's light curve folded as somebody asks; nothing if nobody does.

    Parameters
    ----------
    subject : Subject
    asked : str
        A period [d], or ``find``.
    """
    asked = asked.strip()[:40]
    if not asked:
        return Folded("")
    points = points_of(subject)
    period = find(points) if asked == FIND else given(asked)
    if isinstance(period, str):
        return Folded(asked, period)
    if points.empty:
        return Folded(asked, "there is nothing to fold: no measurement has a flux and an error")
    words = f"Period {period.days:.6g} d, as given."
    if math.isfinite(period.power):
        words = (
            f"Period {period.days:.6g} d: a sine in each band explains {100 * period.power:.0f} % "
            f"of the scatter; chance of as good a one in noise {period.chance:.2g}. Looked for "
            f"from {period.shortest:.3g} d on; half or twice of it, and what one observation a "
            "night makes of it, may fit as well."
        )
    return Folded(asked, words, draw(points, period.days))


def draw(points: pd.DataFrame, days: float) -> Markup:
    """Draw fluxes [uJy] over two cycles; phase 0 is the first measurement."""
    mjd, flux, error = (points[key].to_numpy(float) for key in ("mjd", "flux", "flux_err"))
    low, high = float(flux.min()), float(flux.max())
    edge = 0.08 * (high - low) or max(abs(high) * 0.1, 1.0)
    box = Box(56.0, 8.0, WIDTH - 66.0, HEIGHT - 62.0, 0.0, 2.0, high + edge, low - edge)
    parts = [svg.rect(box.left, box.top, box.width, box.height, "paper")]
    for value in svg.steps(box.low, box.high, 6):
        y = float(box.y(value))
        parts += [svg.across(box, y, "grid")]
        parts += [svg.text(box.left - 5, y + 4, f"{value:g}", "tick", "end")]
    for one in (0.0, 0.5, 1.0, 1.5, 2.0):
        parts.append(svg.text(float(box.x(one)), box.bottom + 16, f"{one:g}", "tick", "middle"))
    words = "phase; flux (uJy)"
    parts.append(svg.text(box.left + box.width / 2, HEIGHT - 6, words, "tick", "middle"))
    phase = (mjd - mjd.min()) / days % 1.0
    for band, p, f, e in zip(points["band"].astype(str), phase, flux, error, strict=True):
        top, bottom, dot = (svg.short(float(box.y(v))) for v in (f + e, f - e, f))
        for shift in (0.0, 1.0):
            x = svg.short(float(box.x(p + shift)))
            bar = f'<path class="bar" d="M{x} {top}V{bottom}"/><circle cx="{x}" cy="{dot}" r="3"/>'
            parts.append(f'<g class="point {band_class(band)}">{bar}</g>')
    label = f"light curve folded by {days:.6g} d: {len(points)} measurements over two cycles"
    return svg.drawing(WIDTH, HEIGHT, parts, label, "lc")
