"""Numbers, times, names and other people's texts in words, the same wherever people read them.

Without NumPy: the errors say their words with it, and `--help` must not pay for more.
"""

from __future__ import annotations

import difflib
import itertools
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
"""MJD 0."""


LAST_DAY = 2_900_000.0
"""An MJD in the year 9798: dates end with the year 9999."""

MJD_RANGE = (40000.0, 80000.0)
"""1968 to 2077: a number outside is a Julian date, seconds of 1970, or a mistake."""


def in_range(mjd: float) -> bool:
    """Tell whether a time that a person or a service gave can be meant."""
    return MJD_RANGE[0] <= mjd <= MJD_RANGE[1]


def out_of_range(text: str) -> str:
    """Say what is wrong with a time for which `in_range` is false."""
    low, high = MJD_RANGE
    return f"{text} is no time between MJD {low:g} (1968) and {high:g} (2077)"


def iso(mjd: float) -> str:
    """Write an MJD (UTC) as ``2026-03-22T20:00``; what is no date as the number that it is."""
    return f"{date_of(mjd):%Y-%m-%dT%H:%M}" if is_date(mjd) else f"MJD {mjd:g}"


def is_date(mjd: float) -> bool:
    """Tell whether an MJD is known and within the calendar."""
    return bool(math.isfinite(mjd) and 0.0 <= mjd < LAST_DAY)


def date_of(mjd: float) -> datetime:
    """Return an MJD (UTC) as a date, to the minute; leap seconds do not matter there."""
    return MJD_EPOCH + timedelta(minutes=round(mjd * 1440))


def mjd_of(date: datetime) -> float:
    """Return a date with a time zone as MJD (UTC)."""
    return (date - MJD_EPOCH) / timedelta(days=1)


def day(mjd: float) -> str:
    """Write the day of an MJD (UTC) as ``22 Mar``."""
    if not is_date(mjd):
        return f"MJD {mjd:g}"
    date = date_of(mjd)
    return f"{date.day} {MONTHS[date.month - 1]}"


def day_and_hour(mjd: float, *, year: bool = False) -> str:
    """Write an MJD (UTC) as ``22 Mar 20:00``, or ``22 Mar 2026 20:00``."""
    if not is_date(mjd):
        return day(mjd)
    date = date_of(mjd)
    return f"{day(mjd)}{f' {date.year}' if year else ''} {date:%H:%M}"


def hour(mjd: float) -> str:
    """Write the time of day of an MJD (UTC) as ``20:00``; a dash if it is unknown."""
    return f"{date_of(mjd):%H:%M}" if is_date(mjd) else "–"


def counted(n: int, thing: str, things: str = "") -> str:
    """Write how many there are.

    Parameters
    ----------
    n : int
    thing : str
        What one is called.
    things : str
        What several are called; by default with an s at the end.

    Examples
    --------
    >>> counted(1, "candidate"), counted(0, "visit"), counted(2, "new alert")
    ('1 candidate', '0 visits', '2 new alerts')
    """
    return f"{n} {thing if n == 1 else things or f'{thing}s'}"


def number(value: float) -> str:
    """Write a score or a factor with three significant digits."""
    if not math.isfinite(value):
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
    sure = f" ± {error:.1f}" if math.isfinite(error) else ""
    date = f" ({day(t_peak)})" if abs(away) < 3e4 else ""
    return (
        f"peak in {away:.1f}{sure} d{date}"
        if away >= 0
        else (f"peak {-away:.1f}{sure} d ago{date}")
    )


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
    if not math.isfinite(chisq_per_dof):
        return told
    poor = ", poor fit" if chisq_per_dof > POOR_FIT else ""
    return f"{told} χ²/dof {number(chisq_per_dof)}{poor}"


def chisq_per_dof(fit: Mapping[str, Any]) -> float:
    """Return χ² per degree of freedom of a row of a fit table; NaN if unknown."""
    chisq, ndof = (float(fit.get(name, math.nan)) for name in ("chisq", "ndof"))
    return chisq / ndof if ndof > 0 else float("nan")


SHORTEST_BEGINNING = 2
"""Of a single letter too many names begin with it for one to be meant."""

MOST_OFFERED = 3
"""Names offered of those that begin alike; the rest is counted."""


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return ``"; did you mean 'x'?"`` for what was probably meant, or an empty string.

    Parameters
    ----------
    name : str
        What somebody typed.
    known : iterable of str
    cutoff : float
        How similar a name must be, from 0 to 1, see `difflib.SequenceMatcher.ratio`; names that
        begin with what was typed need not be.

    Examples
    --------
    >>> nearest("altitude_i", ["altitude", "altitude_integral"])
    "; did you mean 'altitude_integral'?"
    """
    text, names = str(name).strip(), sorted(set(map(str, known)))
    offered = _beginning(text, names) or _similar(text, names, cutoff)[:1]
    if not offered:
        return ""
    shown, more = [repr(one) for one in offered[:MOST_OFFERED]], len(offered) - MOST_OFFERED
    if more > 0:
        shown.append(f"one of {more} more")
    *first, last = shown
    return f"; did you mean {', '.join(first)}{' or ' if first else ''}{last}?"


def _beginning(text: str, names: list[str]) -> list[str]:
    """Return the names, or else those with a later word, that begin with what was typed."""
    start = text.casefold()
    if len(start) < SHORTEST_BEGINNING:
        return []
    whole = [one for one in names if one.casefold().startswith(start)]
    return whole or [one for one in names if f"_{start}" in one.casefold()]


def _similar(text: str, names: list[str], cutoff: float) -> list[str]:
    close = difflib.get_close_matches(text, names, n=5, cutoff=cutoff)
    # Two letters that changed places are the commonest slip.
    return sorted(close, key=lambda other: sorted(other) != sorted(text))


_HARMFUL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # what terminals obey, ECMA-48, 5.4
    r"|(?:\x1b\]|\x9d)[^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles and links of terminals
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # C0 but tab and line feed, DEL, C1
    r"|[\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
    r"|[\ud800-\udfff\U000e0000-\U000e007f]"
)


def harmless(text: str) -> str:
    """Return a text without signs that a terminal obeys, or that hide or turn around what is read.

    Parameters
    ----------
    text : str
        Ours, with other people's words in it; its lines and tabs stay.

    Examples
    --------
    >>> harmless("SN" + chr(27) + "[2J 2026" + chr(0x202E) + "abc" + chr(7))
    'SN 2026abc'
    """
    plain = text.isascii() and text.replace("\n", "").isprintable()
    return text if plain else _HARMFUL.sub("", text)


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
    text = str(text)
    if len(text) <= most and text.isascii() and text.isprintable():  # as nearly all are
        return " ".join(text.split())
    # Normalised after it is cut, as that is where the time goes.
    shown = unicodedata.normalize("NFC", text[: 8 * most])
    shown = "".join(" " if c.isspace() else c for c in shown)
    shown = "".join(c for c in shown if unicodedata.category(c)[0] != "C")
    runs = itertools.groupby(shown, key=lambda c: unicodedata.category(c) in {"Mn", "Me"})
    shown = "".join(
        "".join(itertools.islice(run, MOST_MARKS if is_mark else None)) for is_mark, run in runs
    )
    shown = " ".join(shown.split())
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
