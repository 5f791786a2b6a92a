"""How templates say numbers, ages and other people's words."""

from __future__ import annotations

import math
from typing import Any

from aas2rto.text.words import counted, iso, number, one_line

NAME, SENTENCE, TEXT = 60, 300, 2000
"""Longest names, reasons and comments that are shown; programs get them whole."""

UNKNOWN = "–"
ARROWS = {"rises": "↗", "falls": "↘", "steady": "→"}


def digits(value: Any, form: str = ".2f") -> str:
    """Write a number; a dash if it is unknown."""
    if value is None or not math.isfinite(float(value)):
        return UNKNOWN
    return format(float(value), form)


def score(value: Any) -> str:
    """Write a score with three digits."""
    return UNKNOWN if value is None else number(float(value))


def age(days: Any) -> str:
    """Write a time span in the unit that suits it: ``40 min``, ``3.2 h``, ``1.7 d``."""
    if days is None or not math.isfinite(float(days)):
        return UNKNOWN
    span = float(days)
    if abs(span) >= 2:
        return f"{span:.1f} d"
    return f"{span * 24:.1f} h" if abs(span) * 24 >= 2 else f"{span * 1440:.0f} min"


def peak(days: Any, error: Any) -> str:
    """Say when the peak is: ``peak in 1.3 ± 0.4 d``."""
    if days is None:
        return ""
    sure = "" if error is None else f" ± {float(error):.1f}"
    return f"peak in {days:.1f}{sure} d" if days >= 0 else f"peak {-days:.1f}{sure} d ago"


def name(text: object) -> str:
    """Return other people's name as one short, harmless line."""
    return one_line(str(text), NAME)


def said(text: object) -> str:
    """Return other people's sentence as one harmless line."""
    return one_line(str(text), SENTENCE)


def moment(mjd: Any) -> str:
    """Write an MJD as ``2026-03-22 20:00``; a dash if it is unknown."""
    found = None if mjd is None else float(mjd)
    return UNKNOWN if found is None or not math.isfinite(found) else iso(found).replace("T", " ")


FILTERS = {
    "digits": digits,
    "score": score,
    "age": age,
    "peak": peak,
    "name": name,
    "said": said,
    "moment": moment,
    "counted": counted,
    "arrow": lambda trend: ARROWS.get(trend, ""),
}
