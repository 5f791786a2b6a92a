"""Drawings of one candidate: its light curve with the model, and where it has ranked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from aas2rto.outputs.figures.light_curve import curve, days, magnitudes, shown
from aas2rto.outputs.figures.subject import Subject
from aas2rto.page import svg
from aas2rto.page.svg import Box, Floats
from aas2rto.tables.photometry import DETECTION, LIMIT, mag_from_flux, magerr_from_flux
from aas2rto.tables.records import records
from aas2rto.text.words import day_and_hour, one_line

WIDTH, HEIGHT = 640.0, 360.0
NARROW = 150.0
TOLD = 600
"""Of more points than this none says what it is when pointed at: the table below does."""

LETTERS = "ugcroizy"
"""Last letters of bands that have a colour of their own."""


def band_class(band: str) -> str:
    """Return the class of a band, by the last letter of its name."""
    letter = band[-1:].lower()
    return f"b-{letter}" if letter and letter in LETTERS else "b-other"


def light_curve(subject: Subject) -> Markup:
    """Draw magnitudes over days from now: points, limits, model with its 68 %, peak."""
    points = shown(subject)
    low, high = days(subject, points)
    model = curve(subject, points, (low, high))
    top, bottom = magnitudes(points, model, subject.reported)
    box = Box(46.0, 8.0, WIDTH - 60.0, HEIGHT - 44.0, low, high, top, bottom)
    parts = [svg.rect(box.left, box.top, box.width, box.height, "paper"), *_axes(box)]
    parts += _peak(box, subject)
    parts += _model(box, model, subject.now)
    parts += _points(box, points, subject.now)
    parts.append(svg.down(box, float(box.x(0.0)), "now"))
    seen = int((points["kind"] == DETECTION).sum())
    words = f"light curve: {seen} detections, {bottom:.1f} to {top:.1f} mag; all in the table below"
    return svg.drawing(WIDTH, HEIGHT, parts, words, "lc")


def _axes(box: Box) -> list[str]:
    parts = []
    for mag in svg.steps(box.high, box.low, 7):
        y = float(box.y(mag))
        parts.append(svg.across(box, y, "grid"))
        parts.append(svg.text(box.left - 5, y + 4, f"{mag:g}", "tick", "end"))
    for one in svg.steps(box.first, box.last, 8):
        x = float(box.x(one))
        parts.append(svg.text(x, box.bottom + 16, f"{one:g}", "tick", "middle"))
    middle = box.left + box.width / 2
    parts.append(svg.text(middle, HEIGHT - 6, "days from now; magnitude (AB)", "tick", "middle"))
    return parts


def _peak(box: Box, subject: Subject) -> list[str]:
    fitted = subject.fitted
    if fitted is None or not np.isfinite(fitted.t_peak):
        return []
    at, error, parts = fitted.t_peak - subject.now, fitted.t_peak_err, []
    if np.isfinite(error):
        begin, end = (float(np.clip(at + s * error, box.first, box.last)) for s in (-1, 1))
        x = float(box.x(begin))
        parts.append(svg.rect(x, box.top, float(box.x(end)) - x, box.height, "peak-err"))
    if box.first <= at <= box.last:
        x = float(box.x(at))
        parts.append(
            f'<path class="peak" d="M{svg.short(x)} {svg.short(box.top)}v{box.height:g}"/>'
        )
        parts.append(svg.text(x + 4, box.top + 12, "peak", "tick"))
    return parts


def _model(box: Box, model: pd.DataFrame, now: float) -> list[str]:
    parts = []
    for band, rows in model.groupby("band", sort=True):
        css = band_class(str(band))
        x = box.x(rows["mjd"].to_numpy(float) - now)
        middle, faint, bright = (
            box.y(_mags(rows[name].to_numpy(float), box.low))
            for name in ("flux", "flux_low", "flux_high")
        )
        good = np.isfinite(faint) & np.isfinite(bright)
        if good.any():
            around = np.concatenate([x[good], x[good][::-1]])
            edge = np.concatenate([faint[good], bright[good][::-1]])
            parts.append(svg.path(f"{svg.line(around, edge)}Z", f"band {css}"))
        parts += [
            svg.path(svg.line(x[run], middle[run]), f"model {css}")
            for run in svg.stretches(np.isfinite(middle))
        ]
    return parts


def _mags(flux: Floats, floor: float) -> Floats:
    """Return magnitudes; what is not positive lies on the floor, what is unknown stays so."""
    dim = np.where(np.isnan(flux), np.nan, floor)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(flux > 0, mag_from_flux(np.where(flux > 0, flux, 1.0)), dim))


def _points(box: Box, points: pd.DataFrame, now: float) -> Iterator[str]:
    told = len(points) <= TOLD
    limits = points[points["kind"] == LIMIT]
    others = points[points["kind"] != LIMIT]
    mag = mag_from_flux(limits["limit"].to_numpy(float))
    for row, value in zip(records(limits), mag.tolist(), strict=True):
        if np.isfinite(value):
            words = svg.title(f"{_when(row, now)}: fainter than {value:.2f}") if told else ""
            yield _limit(float(box.x(row["mjd"] - now)), float(box.y(value)), row, words)
    flux, error = (others[name].to_numpy(float) for name in ("flux", "flux_err"))
    good = flux > 0
    mag, err = mag_from_flux(flux[good]), np.nan_to_num(magerr_from_flux(flux[good], error[good]))
    rows = records(others[good])
    for row, value, one in zip(rows, mag.tolist(), err.tolist(), strict=True):
        words = svg.title(f"{_when(row, now)}: {value:.2f} ± {one:.2f}") if told else ""
        yield _point(box, row, (value, one), now, words)


def _when(row: Mapping[Any, Any], now: float) -> str:
    band = one_line(str(row["band"]), 16)
    return f"{band}, {day_and_hour(float(row['mjd']))} UTC, {now - row['mjd']:.1f} d ago"


def _limit(x: float, y: float, row: Mapping[Any, Any], words: str) -> str:
    d = f"M{svg.short(x - 3)} {svg.short(y)}h6l-3 5z"
    return f'<path class="limit {band_class(str(row["band"]))}" d="{d}">{words}</path>'


def _point(
    box: Box, row: Mapping[Any, Any], value: tuple[float, float], now: float, words: str
) -> str:
    mag, error = value
    x, y = float(box.x(row["mjd"] - now)), float(box.y(mag))
    kind = "point" if row["kind"] == DETECTION else "suspect"
    high, low = (svg.short(float(box.y(mag + s * error))) for s in (-1, 1))
    bar = f'<path class="bar" d="M{svg.short(x)} {high}V{low}"/>'
    dot = f'<circle cx="{svg.short(x)}" cy="{svg.short(y)}" r="3.5"/>'
    return f'<g class="{kind} {band_class(str(row["band"]))}">{bar}{dot}{words}</g>'


def rank_history(subject: Subject, names: list[str]) -> Markup | str:
    """Draw where a candidate has ranked at each site, over the last days; empty with one cycle.

    Parameters
    ----------
    subject : Subject
    names : list of str
        Of the sites, in the order of their colours.
    """
    ranks = subject.ranks
    if ranks["at"].nunique() < 2 if len(ranks) else True:
        return ""
    first = min(float(ranks["at"].min()), subject.now - 0.1)
    worst = max(float(ranks["rank"].max()), 2.0)
    box = Box(
        42.0, 8.0, WIDTH - 52.0, NARROW - 32.0, first - subject.now, 0.0, 0.0, np.log(worst) * 1.05
    )
    parts = [svg.rect(box.left, box.top, box.width, box.height, "paper")]
    parts += [
        svg.text(box.left - 5, float(box.y(np.log(rank))) + 4, rank, "tick", "end")
        for rank in (1, 2, 5, 10, 20, 50, 100, 1000, 10000)
        if rank <= worst
    ]
    parts += [
        svg.text(float(box.x(one)), box.bottom + 16, f"{one:g}", "tick", "middle")
        for one in svg.steps(box.first, box.last, 8)
    ]
    for number, name in enumerate(names):
        rows = ranks[ranks["observatory"] == name].sort_values("at")
        parts += _steps(box, rows, subject.now, f"site s{number % 8}")
    words = f"rank over the last {-box.first:.1f} days, best at the top"
    return svg.drawing(WIDTH, NARROW, parts, words, "ranks")


def _steps(box: Box, rows: pd.DataFrame, now: float, css: str) -> list[str]:
    """Draw a line that stays where it is until the next word; none while it is not in the list."""
    at = np.append(rows["at"].to_numpy(float) - now, 0.0)
    rank = rows["rank"].to_numpy(float)
    parts = []
    for run in svg.stretches(np.isfinite(rank)):
        x = np.repeat(at[run.start : run.stop + 1], 2)[1:-1]
        y = np.repeat(np.log(rank[run]), 2)
        parts.append(svg.path(svg.line(box.x(x), box.y(y)), css))
    return parts
