"""Numbers, times and other people's texts in words, the same in figures and in messages."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
"""MJD 0."""


LAST_DAY = 2_900_000.0
"""An MJD in the year 9798: dates end with the year 9999."""


def is_date(mjd: float) -> bool:
    """Tell whether an MJD is known and within the calendar."""
    return bool(np.isfinite(mjd) and 0.0 <= mjd < LAST_DAY)


def date_of(mjd: float) -> datetime:
    """Return an MJD (UTC) as a date, to the minute; leap seconds do not matter there."""
    return MJD_EPOCH + timedelta(minutes=round(mjd * 1440))


def mjd_of(date: datetime) -> float:
    """Return a date with a time zone as MJD (UTC)."""
    return (date - MJD_EPOCH) / timedelta(days=1)


def day(mjd: float) -> str:
    """Write the day of an MJD (UTC) as ``22 Mar``."""
    date = date_of(mjd)
    return f"{date.day} {MONTHS[date.month - 1]}"


def day_and_hour(mjd: float, *, year: bool = False) -> str:
    """Write an MJD (UTC) as ``22 Mar 20:00``, or ``22 Mar 2026 20:00``."""
    date = date_of(mjd)
    return f"{day(mjd)}{f' {date.year}' if year else ''} {date:%H:%M}"


def hour(mjd: float) -> str:
    """Write the time of day of an MJD (UTC) as ``20:00``; a dash if it is unknown."""
    return f"{date_of(mjd):%H:%M}" if np.isfinite(mjd) else "–"


def number(value: float) -> str:
    """Write a score or a factor with three significant digits."""
    if not np.isfinite(value):
        return "–"
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.2e}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def peak_sentence(t_peak: float, error: float, now: float) -> str:
    """Say when the peak is, with its error: ``peak in 1.3 ± 0.4 d (24 Mar)``.

    Parameters
    ----------
    t_peak, error, now : float
        [d, MJD UTC] and [d]; the error may be NaN.
    """
    away = t_peak - now
    sure = f" ± {error:.1f}" if np.isfinite(error) else ""
    date = f" ({day(t_peak)})" if abs(away) < 3e4 else ""
    return f"peak in {away:.1f}{sure} d{date}" if away >= 0 else (
        f"peak {-away:.1f}{sure} d ago{date}"
    )  # fmt: skip


POOR_FIT = 10.0
"""χ² per degree of freedom beyond which the error of a fitted peak means little: surveys
underestimate their errors by less than a factor of three."""


def fit_sentence(model: str, chisq_per_dof: float) -> str:
    """Say how well a model fits: ``salt χ²/dof 1.3``, or ``salt χ²/dof 25.4, poor fit``.

    Parameters
    ----------
    model : str
    chisq_per_dof : float
        NaN if unknown.
    """
    told = one_line(model, 16)
    if not np.isfinite(chisq_per_dof):
        return told
    poor = ", poor fit" if chisq_per_dof > POOR_FIT else ""
    return f"{told} χ²/dof {number(chisq_per_dof)}{poor}"


def chisq_per_dof(fit: Mapping[str, Any]) -> float:
    """Return χ² per degree of freedom of a row of a fit table; NaN if unknown."""
    chisq, ndof = (float(fit.get(name, np.nan)) for name in ("chisq", "ndof"))
    return chisq / ndof if ndof > 0 else float("nan")


MOST_MARKS = 2
"""Accents that may stand on one letter; more are only there to disturb."""


def one_line(text: str, most: int) -> str:
    """Return other people's text as one harmless line.

    Parameters
    ----------
    text : str
        A name, a comment, a broker's words: anything.
    most : int
        Longest answer; what is cut off is marked with an ellipsis.

    Notes
    -----
    Line breaks become spaces; control signs, invisible signs and those that change the direction
    of writing go, so that nothing can pretend to be a line of ours. The services' own markup is
    the business of each messenger.
    """
    # Normalised after it is cut, as that is where the time goes.
    shown = unicodedata.normalize("NFC", str(text)[: 8 * most])
    shown = "".join(" " if c.isspace() else c for c in shown)
    shown = "".join(c for c in shown if unicodedata.category(c)[0] != "C")
    runs = itertools.groupby(shown, key=lambda c: unicodedata.category(c) in {"Mn", "Me"})
    shown = "".join(
        "".join(itertools.islice(run, MOST_MARKS if is_mark else None)) for is_mark, run in runs
    )
    shown = " ".join(shown.split())
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
