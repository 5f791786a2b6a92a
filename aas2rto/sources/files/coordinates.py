"""Right ascension and declination as people write them.

``155.127`` is degrees; ``10:20:30.5``, ``10h20m30.5s`` and ``10 20 30.5`` are hours for a right
ascension and degrees for a declination. The text is read here, digit by digit, and never by
YAML, which takes ``10:20:30`` for a number in base 60.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_MINUS_SIGNS = dict.fromkeys(map(ord, "−–—‒﹣－"), "-")
_DECIMAL = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(?:e([+-]?\d+))?", re.IGNORECASE)
_UNIT = re.compile(r"\s*(degrees?|deg|d|°|hours?|hr|h)$", re.IGNORECASE)
_SEXAGESIMAL = re.compile(
    r"([+-]?)\s*(\d+)\s*([:hd°\s])\s*"  # sign, hours or degrees, and the mark after them
    r"(\d+(?:\.\d+)?)\s*"  # minutes, with decimals where no seconds follow
    r"(?:[:m'\s]\s*(\d+\.?\d*)\s*(?:s|\"|'')?|[m'])?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Angle:
    """A text taken apart: sign, whole units, minutes, seconds, and what the units are."""

    negative: bool
    units: float
    in_hours: bool | None
    sexagesimal: bool

    @property
    def signed(self) -> float:
        return -self.units if self.negative else self.units


LONGEST = 200
"""Signs of an angle, by far: the time to read longer ones grows with their square."""


def plain(text: str) -> str:
    """Return `text` with full-width digits, odd minus signs and quotes made ordinary."""
    text = text.replace("″", '"').replace("′", "'").translate(_MINUS_SIGNS)
    return unicodedata.normalize("NFKC", text).strip()


def right_ascension(text: str) -> float:
    """Read a right ascension.

    Parameters
    ----------
    text : str
        Decimal degrees, or hours, minutes and seconds.

    Returns
    -------
    float
        [deg], at least 0 and less than 360.

    Raises
    ------
    ValueError
        Says what is wrong with the text.

    Examples
    --------
    >>> right_ascension("155.127"), right_ascension("10:20:30")
    (155.127, 155.125)
    """
    angle = _take_apart(text)
    in_hours = angle.sexagesimal if angle.in_hours is None else angle.in_hours
    if angle.negative and angle.units:
        raise ValueError(f"{text!r} is negative; a right ascension runs from 0 to 360 degrees")
    if in_hours and angle.units >= 24:
        raise ValueError(f"{text!r} is {angle.units:g} hours; a right ascension has less than 24")
    degrees = angle.units * 15.0 if in_hours else angle.units
    if degrees >= 360:
        raise ValueError(f"{text!r} is out of range; a right ascension runs from 0 to 360 degrees")
    return degrees


def declination(text: str) -> float:
    """Read a declination.

    Parameters
    ----------
    text : str
        Decimal degrees, or degrees, minutes and seconds of arc; ``-00:30:00`` is negative.

    Returns
    -------
    float
        [deg], from -90 to 90.

    Raises
    ------
    ValueError
        Says what is wrong with the text.

    Examples
    --------
    >>> declination("-00:30:00")
    -0.5
    """
    angle = _take_apart(text)
    if angle.in_hours:
        raise ValueError(f"{text!r} is in hours; a declination is in degrees")
    if angle.units > 90:
        raise ValueError(f"{text!r} is out of range; a declination runs from -90 to 90 degrees")
    return angle.signed


def _take_apart(text: str) -> _Angle:
    if len(text) > LONGEST:
        raise ValueError(f"{text[:20]!r}... is no angle: it has {len(text)} signs")
    word = plain(text)
    if not word:
        raise ValueError("there is no value")
    unit = _UNIT.search(word)
    decimal = _DECIMAL.fullmatch(_UNIT.sub("", word))
    if decimal:
        in_hours = unit.group(1).lower().startswith("h") if unit else None
        value = float(_UNIT.sub("", word))
        return _Angle(decimal.group(1) == "-", abs(value), in_hours, sexagesimal=False)
    parts = _SEXAGESIMAL.fullmatch(word)
    if not parts or ("." in parts.group(4) and parts.group(5)):
        raise ValueError(f"{text!r} is no angle{_hint(word)}")
    sign, whole, first, minutes, seconds = parts.groups()
    for name, part in (("minutes", minutes), ("seconds", seconds)):
        if part and float(part) >= 60:
            raise ValueError(f"{text!r} has {part} {name}; there are less than 60")
    value = float(whole) + float(minutes) / 60.0 + float(seconds or 0) / 3600.0
    in_hours = {"h": True, "d": False, "°": False}.get(first.lower())
    return _Angle(sign == "-", value, in_hours, sexagesimal=True)


def _hint(word: str) -> str:
    if re.fullmatch(r"[+-]?\d+,\d+", word):
        return "; write a point, not a comma, before the decimals"
    if "," in word:
        return "; write one value, without a comma"
    return ""
