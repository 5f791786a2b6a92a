"""The cells of a column as people and programs write them -> numbers, texts, times, angles."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.sources.files import coordinates
from aas2rto.sources.packets import nulls
from aas2rto.tables import photometry

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.object_]

EXACT = 2.0**53
"""Whole numbers above this lose digits as floating-point numbers."""

NOTHING = nulls.NULL_WORDS - {"-1", "-999", "-999.0"} | {
    "--",
    "-",
    "---",
    "...",
    "na",
    "masked",
    r"\n",
    "nil",
    "untrusted",
    "inf",
    "-inf",
    "undef",
}
"""Texts, in lower case, that hold no number."""

_NUMBER = re.compile(r"([<>≤≥~]=?)?\s*([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[+-]?\d+)?)", re.IGNORECASE)
_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?", re.IGNORECASE)
_DAY = re.compile(r"(\d{4})[-/. ](\d{1,2})[-/. ](\d{1,2}(?:\.\d*)?)")
_COMPACT = re.compile(r"(?:1[89]|20)\d{6}(\.\d+)?")


LONGEST_CELL = 1000
"""More than any number, date, name or position; the time to read some grows with its square."""

LONGEST_NAME = 255
"""Of an identifier; what is longer is none, but another file's text."""


@dataclass(frozen=True)
class Numbers:
    """A column of numbers.

    Parameters
    ----------
    values : ndarray of float
        NaN where there is none.
    limits : ndarray of bool
        True where ``<`` or ``>`` stands before the number.
    strange : ndarray of bool
        True where there is a text that is no number.
    """

    values: Floats
    limits: Flags
    strange: Flags


def by_unique(column: pd.Series, read: Callable[[str], Any]) -> list[Any]:
    """Read each different text of a column once; nulls are empty texts."""
    codes, uniques = pd.factorize(column.astype(object), use_na_sentinel=True)
    # The last stands for nulls, whose code is -1.
    found = [*(read(str(text)[:LONGEST_CELL]) for text in uniques), read("")]
    return list(map(found.__getitem__, codes.tolist()))


def numbers(column: pd.Series) -> Numbers:
    """Read numbers: with a unicode minus, a decimal comma, or ``<`` and ``>`` before a limit."""
    none = np.zeros(len(column), dtype=bool)
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=math.nan).copy()
    values[~np.isfinite(values)] = math.nan
    if pd.api.types.is_numeric_dtype(column.dtype):
        return Numbers(values, none, none)
    gaps = np.flatnonzero(np.isnan(values))
    limits, strange = none.copy(), none.copy()
    if len(gaps):
        found = by_unique(column.iloc[gaps], _number)
        values[gaps] = [value for value, _, _ in found]
        limits[gaps] = [is_limit for _, is_limit, _ in found]
        strange[gaps] = [is_strange for _, _, is_strange in found]
    return Numbers(values, limits, strange)


def _number(text: str) -> tuple[float, bool, bool]:
    word = coordinates.plain(text)
    if word.lower() in NOTHING:
        return math.nan, False, False
    match = _NUMBER.fullmatch(word)
    if not match:
        return math.nan, False, True
    value = float(match.group(2).replace(",", "."))
    return value, match.group(1) is not None, not math.isfinite(value)


def texts(column: pd.Series) -> Texts:
    """Return texts; nulls become empty."""
    return np.array(by_unique(column, nulls.text), dtype=object)


def codes(column: pd.Series) -> Texts:
    """Return short codes, such as those of filters, also where they went through floats."""
    return np.array(
        by_unique(column, lambda text: re.sub(r"^(\d+)\.0*$", r"\1", nulls.text(text))),
        dtype=object,
    )


def identifiers(column: pd.Series) -> Texts:
    """Return identifiers with all their digits; nulls become empty.

    Raises
    ------
    InputError
        If they went through floating-point numbers that cannot hold them.
    """
    if pd.api.types.is_float_dtype(column.dtype):
        whole = column.dropna()
        if not ((whole % 1 == 0).all() and (whole.abs() < EXACT).all()):
            raise _lost(column.name, str(whole.iloc[0]))
        column = column.astype("Int64")
    return np.array(by_unique(column, lambda text: _identifier(text, column.name)), dtype=object)


def _identifier(text: str, column: object) -> str:
    name = nulls.text(text)
    if len(name) > LONGEST_NAME:
        return ""
    if not _EXPONENT.fullmatch(name) or name.isdigit():
        return name
    value = float(name)
    if "e" not in name.lower() and "." not in name:
        return name
    if abs(value) >= EXACT:
        raise _lost(column, name)
    return str(int(value)) if value.is_integer() else name


def _lost(column: object, example: str) -> InputError:
    return InputError(
        f"the column {column!r} holds identifiers as floating-point numbers ({example}), which "
        "loses digits, so that different objects get one name; store them as text"
    )


def flags(column: pd.Series) -> Texts:
    """Return words such as ``true`` in lower case."""
    return np.array(by_unique(column, lambda text: text.strip().lower()), dtype=object)


def times(column: pd.Series) -> Floats:
    """Return MJD of numbers (MJD, JD, YYYYMMDD) and of dates; those without a zone are UTC."""
    found = numbers(column)
    values = found.values
    compact = (values > 1.8e7) & (values < 2.1e7)
    values = np.where(values > photometry.MJD_OF_JD, values - photometry.MJD_OF_JD, values)
    rows = np.flatnonzero(found.strange | compact)
    if len(rows):
        values[rows] = dates(column.iloc[rows])
    return values


def dates(column: pd.Series) -> Floats:
    """Return MJD of texts such as 2023-02-25T12:00:00 or 2023-02-25.5."""
    words = pd.Series(by_unique(column, _date_word))
    parsed = pd.to_datetime(words, errors="coerce", utc=True, format="ISO8601")
    days = (parsed - pd.Timestamp("1858-11-17", tz="UTC")) / pd.Timedelta(days=1)
    values = np.array(days.to_numpy(), dtype=np.float64)
    rest = np.flatnonzero(np.isnan(values))
    if len(rest):
        values[rest] = by_unique(words.iloc[rest], _day)
    return values


def _date_word(text: str) -> str:
    word = re.sub(r"\s*(UTC|UT)$", "", coordinates.plain(text))
    return re.sub(r"^(\d{4})/(\d{2})/(\d{2})", r"\1-\2-\3", word)


def _day(text: str) -> float:
    compact = _COMPACT.fullmatch(text)
    if compact:
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    match = _DAY.fullmatch(text)
    if not match:
        return math.nan
    year, month, day = match.groups()
    whole, _, rest = day.partition(".")
    begun = pd.to_datetime(f"{year}-{int(month):02d}-{int(whole):02d}", errors="coerce")
    if pd.isna(begun):
        return math.nan
    return (begun - pd.Timestamp("1858-11-17")).days + (float(f"0.{rest}") if rest else 0.0)


def angles(column: pd.Series, *, is_ra: bool, unit: str = "") -> tuple[Floats, Flags]:
    """Return degrees of decimal or sexagesimal angles, and where there is a text that is none.

    Parameters
    ----------
    column : Series
    is_ra : bool
        Right ascensions with colons are hours, and wrap at 0 and 360 degrees.
    unit : str
        As declared; ``hour`` and ``rad`` are converted.
    """
    found = numbers(column)
    values = found.values * _degrees_of(unit)
    strange = found.strange.copy()
    rows = np.flatnonzero(found.strange)
    if len(rows):
        read = coordinates.right_ascension if is_ra else coordinates.declination
        values[rows] = by_unique(column.iloc[rows], lambda text: _angle(text, read))
        strange[rows] = np.isnan(values[rows])
    if is_ra:
        # Some catalogues run from -180 to 180, and rounding passes 360 by a little.
        near = (values >= -180.0) & (values < 361.0)
        values = np.where(near, values % 360.0, values)
        wrong = (values < 0) | (values >= 360)
    else:
        wrong = np.abs(values) > 90
    return np.where(wrong, math.nan, values), strange | wrong


def _degrees_of(unit: str) -> float:
    word = unit.strip().lower()
    if word in {"hour", "hours", "hr", "h", "hourangle"}:
        return 15.0
    return math.degrees(1.0) if word in {"rad", "radian", "radians"} else 1.0


def _angle(text: str, read: Callable[[str], float]) -> float:
    try:
        return read(text)
    except ValueError:
        return math.nan


def place_parts(column: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Split positions in one column, such as ``10:20:30.5 -05:15:20``, into two of texts."""
    pairs = by_unique(column, _two)
    return (
        pd.Series([p[0] for p in pairs], index=column.index),
        pd.Series([p[1] for p in pairs], index=column.index),
    )


def _two(text: str) -> tuple[str, str]:
    word = coordinates.plain(text).strip("()[]")
    signed = re.match(r"^(.*?)[\s,;]+([+-].*)$", word)
    if signed:
        return signed.group(1), signed.group(2)
    parts = re.split(r"[\s,;]+", word)
    half = len(parts) // 2
    return " ".join(parts[:half]), " ".join(parts[half:])
