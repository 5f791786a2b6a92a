"""Figure: the light curve, its model, now, and the predicted peak."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import AutoMinorLocator, FuncFormatter, MaxNLocator

from aas2rto.outputs.figures import style
from aas2rto.outputs.figures.subject import Floats, Subject
from aas2rto.tables.photometry import DETECTION, LIMIT, SUSPECT, mag_from_flux, magerr_from_flux
from aas2rto.text.words import chisq_per_dof, day, day_and_hour, fit_sentence, peak_sentence

HEIGHT_IN = 4.25
LONGEST = 100.0
"""Older measurements are not shown [d]."""
WEEK, AHEAD = 7.0, 12.0
"""The axis goes at least and at most so far beyond now [d], wherever the peak is predicted."""
EPOCHS = 90
"""At which the model is evaluated."""
DEEPEST = 2.0
"""Limits may stretch the axis this far below the faintest point [mag]; deeper ones end there."""
COLUMNS, LETTERS = 6, 54.0
"""Of the legend; so many letters of 8.5 pt fill a row."""
BRIGHTEST = 2.0
"""The model may stretch the axis this far above the brightest point [mag]."""
SMALLEST_SPAN = 1.2
"""Of the magnitude axis [mag], so that noise does not look like change."""


def set_up(figure: Figure) -> list[Axes]:
    """Lay out the axes."""
    axes = figure.add_axes((0.125, 0.147, 0.85, 0.63))
    axes.set_ylabel("magnitude (AB)")
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
    axes.xaxis.set_minor_locator(AutoMinorLocator())
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.grid(color=style.PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", direction="in", top=True, right=True)
    return [axes]


def draw(sheet: style.Sheet, subject: Subject) -> None:
    """Draw the light curve of a candidate."""
    (axes,) = sheet.axes
    points = shown(subject)
    low, high = days(subject, points)
    model = curve(subject, points, (low, high))
    top, bottom = magnitudes(points, model, subject.reported)
    _mark_peak(axes, subject, low, high)
    _draw_model(axes, model, subject.now, (top, bottom))
    for (survey, band), rows in points.groupby(["survey", "band"], sort=True, observed=True):
        _draw_points(axes, rows, str(survey), str(band), subject.now)
    _draw_limits(axes, points, subject.now, (top, bottom))
    _draw_reported(axes, subject)
    axes.axvline(0, color=style.BLACK, linewidth=1.2)
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, top)
    axes.annotate(
        "now",
        (0, 0.012),
        xycoords=axes.get_xaxis_transform(),
        rotation=90,
        size=8,
        ha="right",
        va="bottom",
        xytext=(-1, 0),
        textcoords="offset points",
    )
    _legend(axes, subject, points)
    if points.empty:
        axes.text(0.3, 0.5, "no photometry", transform=axes.transAxes, ha="center", size=12)
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda days, _: f"{days:.0f}\n{day(subject.now + days)}")
    )
    axes.set_xlabel(f"days from now, {day_and_hour(subject.now, year=True)} UT, and date")
    sheet.title(style.plain(subject.heading, 44), style.plain(subject.known, 78))
    _say_fit(sheet, subject)


def _say_fit(sheet: style.Sheet, subject: Subject) -> None:
    """Write when the peak is, and how far the model can be trusted."""
    fitted, words = subject.fitted, "no fit"
    if fitted is not None:
        peak = peak_sentence(fitted.t_peak, fitted.t_peak_err, subject.now)
        words = f"{peak} · {fit_sentence(fitted.name, chisq_per_dof(fitted.row))}"
    sheet.figure.text(
        0.03, 1 - 0.53 / HEIGHT_IN, style.plain(words, 78), size=9, va="top", color="#333333"
    )


def shown(subject: Subject) -> pd.DataFrame:
    """Return what of the photometry is shown: not too old, and not before the story begins."""
    points = subject.points
    detected = points.loc[points["kind"] == DETECTION, "mjd"]
    oldest = subject.now - LONGEST
    if len(detected):
        recent = detected[detected >= oldest]
        first = float((recent if len(recent) else detected).min())
        # Limits long before the first detection say nothing and squeeze the rest.
        oldest = max(min(oldest, first), first - 15.0)
    return points[points["mjd"] >= oldest]


def days(subject: Subject, points: pd.DataFrame) -> tuple[float, float]:
    """Return the first and the last day of the axis, from now [d]."""
    first = float(points["mjd"].min()) - subject.now if len(points) else -10.0
    last = WEEK
    if subject.fitted is not None:
        last = subject.fitted.t_peak + 2 - subject.now
    high = float(np.clip(last, WEEK, AHEAD))
    low = min(first, -3.0)
    return low - 0.04 * (high - low), high


def magnitudes(
    points: pd.DataFrame, curve: pd.DataFrame, reported: float = np.nan
) -> tuple[float, float]:
    """Return the brightest and the faintest magnitude of the axis; the model's peak is on it."""
    flux = points["flux"].to_numpy(float)
    seen = (points["kind"] != LIMIT).to_numpy()
    mag = mag_from_flux(flux)[seen]
    limits = mag_from_flux(points.loc[points["kind"] == LIMIT, "limit"].to_numpy(float))
    mag, limits = mag[np.isfinite(mag)], limits[np.isfinite(limits)]
    if len(mag):
        # A limit brighter than the candidate ever was says nothing and squeezes the rest.
        limits = np.minimum(limits[limits > mag.min()], mag.max() + DEEPEST)
        model = mag_from_flux(curve["flux"].to_numpy(float))
        model = model[np.isfinite(model)]
        mag = np.append(mag, max(model.min(initial=np.inf), mag.min() - BRIGHTEST))
    said = [reported] if np.isfinite(reported) else []
    told = np.concatenate([mag[np.isfinite(mag)], limits, said])
    if not len(told):
        return 17.0, 21.0
    brightest, faintest = float(told.min()), float(told.max())
    pad = max(0.08 * (faintest - brightest), (SMALLEST_SPAN - (faintest - brightest)) / 2, 0.1)
    return brightest - 1.6 * pad, faintest + pad


def _draw_points(axes: Axes, rows: pd.DataFrame, survey: str, band: str, now: float) -> None:
    colour, shape = style.band_colour(band), style.marker(survey)
    for kind in (DETECTION, SUSPECT):
        some = rows[rows["kind"] == kind]
        flux, error = some["flux"].to_numpy(float), some["flux_err"].to_numpy(float)
        if not (flux > 0).any():
            continue
        good = kind == DETECTION
        axes.errorbar(
            some["mjd"].to_numpy(float)[flux > 0] - now,
            mag_from_flux(flux[flux > 0]),
            np.nan_to_num(magerr_from_flux(flux, error)[flux > 0]),
            fmt=shape if good else "x",
            color=colour,
            markersize=5 if good else 5.5,
            markeredgecolor="white" if good else colour,
            markeredgewidth=0.6 if good else 1.1,
            elinewidth=1.0,
            alpha=1.0 if good else 0.75,
            zorder=4 if good else 3,
            label=style.band_label(band) if good else "_",
        )


def _draw_limits(axes: Axes, points: pd.DataFrame, now: float, mags: tuple[float, float]) -> None:
    top, bottom = mags
    rows = points[points["kind"] == LIMIT]
    mag = mag_from_flux(rows["limit"].to_numpy(float))
    known = np.isfinite(mag)
    if not known.any():
        return
    colours = [style.band_colour(str(band)) for band in rows["band"].to_numpy(object)[known]]
    axes.scatter(
        rows["mjd"].to_numpy(float)[known] - now,
        np.where(mag[known] > bottom, bottom - 0.02 * (bottom - top), mag[known]),
        marker="v",
        s=22,
        facecolors="none",
        edgecolors=colours,
        linewidths=0.8,
        zorder=2,
    )


def _draw_reported(axes: Axes, subject: Subject) -> None:
    """Draw what a ToO's file says of the magnitude; it does not say of when."""
    if np.isfinite(subject.reported):
        axes.plot(
            [0],
            [subject.reported],
            marker="*",
            markersize=12,
            color=style.BLACK,
            markeredgecolor="white",
            linestyle="",
            zorder=6,
            label=f"reported {subject.reported:.1f}",
        )


def curve(subject: Subject, points: pd.DataFrame, days: tuple[float, float]) -> pd.DataFrame:
    """Return the model in the bands that it was fitted to and that are shown."""
    if subject.fitted is None:
        return pd.DataFrame(columns=["band", "mjd", "flux", "flux_low", "flux_high"])
    used = str(subject.fitted.row.get("bands") or "").split()
    bands = sorted(set(used) & set(points["band"]))
    mjd = np.linspace(days[0], days[1], EPOCHS) + subject.now
    curve = subject.fitted.evaluate(bands, mjd)
    return curve[curve["mjd"].between(mjd[0] - 1e-6, mjd[-1] + 1e-6)]


def _draw_model(axes: Axes, curve: pd.DataFrame, now: float, mags: tuple[float, float]) -> None:
    for band, rows in curve.groupby("band", sort=True):
        time = rows["mjd"].to_numpy(float) - now
        colour = style.band_colour(str(band))
        middle, faint, bright = (
            _clipped(rows[name].to_numpy(float), mags) for name in ("flux", "flux_low", "flux_high")
        )
        axes.fill_between(time, faint, bright, color=colour, alpha=0.2, linewidth=0, zorder=1)
        axes.plot(time, middle, color=colour, linewidth=1.5, alpha=0.9, zorder=2)


def _clipped(flux: Floats, mags: tuple[float, float]) -> Floats:
    """Return magnitudes; what is not positive lies just below the axis, what is NaN stays so."""
    floor = mags[1] + 1.0
    mag = np.where(flux > 0, mag_from_flux(flux), np.where(np.isnan(flux), np.nan, floor))
    return np.asarray(np.clip(mag, mags[0] - 1.0, floor))


def _mark_peak(axes: Axes, subject: Subject, low: float, high: float) -> None:
    if subject.fitted is None:
        return
    day, error = subject.fitted.t_peak - subject.now, subject.fitted.t_peak_err
    if np.isfinite(error):
        axes.axvspan(
            max(day - error, low - 1), min(day + error, high + 1), color=style.PALE, zorder=0
        )
    if low <= day <= high:
        axes.axvline(day, color=style.GREY, linewidth=1.3, linestyle=(0, (5, 2)), zorder=1)
        axes.annotate(
            "peak",
            (day, 0.988),
            xycoords=axes.get_xaxis_transform(),
            rotation=90,
            size=8,
            ha="left" if day >= 0 else "right",
            va="top",
            color="#444444",
            xytext=(1 if day >= 0 else -1, 0),
            textcoords="offset points",
        )


def _legend(axes: Axes, subject: Subject, points: pd.DataFrame) -> None:
    handles, labels = axes.get_legend_handles_labels()
    for handle, label in _signs(subject, points):
        handles.append(handle)
        labels.append(label)
    if handles:
        axes.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(-0.01, 0.995),
            ncols=-(-len(labels) // _rows(labels)),
            frameon=False,
            handletextpad=0.25,
            columnspacing=0.7,
            borderpad=0.1,
            handlelength=1.2,
            labelspacing=0.25,
            fontsize=_legend_size(labels),
        )


def _rows(labels: list[str]) -> int:
    return -(-len(labels) // COLUMNS)


def _legend_size(labels: list[str]) -> float:
    """Return the size of letters [pt] at which the legend is as wide as the axes at most."""
    rows = _rows(labels)
    columns = [labels[start : start + rows] for start in range(0, len(labels), rows)]
    letters = sum(max(len(label) for label in column) + 3 for column in columns)
    return min(8.5 if rows == 1 else 7.0, 8.5 * LETTERS / letters)


def _signs(subject: Subject, points: pd.DataFrame) -> Iterator[tuple[Artist, str]]:
    """Yield what the legend says of signs that are not the detections of a band."""
    kinds = set(points["kind"])
    seen = set(points.loc[(points["kind"] == DETECTION) & (points["flux"] > 0), "band"])
    for band in sorted(set(points["band"]) - seen):
        colour = style.band_colour(str(band))
        sign = Line2D([], [], marker="v", color=colour, markerfacecolor="none", linestyle="")
        yield sign, style.band_label(str(band))
    if LIMIT in kinds:
        yield (
            Line2D([], [], marker="v", color=style.GREY, markerfacecolor="none", linestyle=""),
            "limit (5σ)",
        )
    if SUSPECT in kinds:
        hidden = int(((points["kind"] == SUSPECT) & ~(points["flux"] > 0)).sum())
        label = f"suspect ({hidden} negative)" if hidden else "suspect"
        yield Line2D([], [], marker="x", color=style.GREY, linestyle=""), label
    if subject.fitted is not None:
        yield Patch(facecolor=style.GREY, alpha=0.4), "model 68%"
        if np.isfinite(subject.fitted.t_peak_err):
            yield Patch(facecolor=style.PALE, edgecolor="#9AA0AA", linewidth=0.5), "peak ±1σ"
