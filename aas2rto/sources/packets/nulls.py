"""Nulls of the brokers: told apart from values, and from each other.

Brokers write "nothing" in many ways: JSON null, NaN, ``"nan"``, ``"None"``, ``""``, ``"null"``,
``-1`` for a score, ``-999``. Two more words look alike and mean opposite things: Fink writes
``"Unknown"`` where a catalogue was searched without a counterpart, and ``"Fail"`` (or
``"Fail 503"``) where the catalogue did not answer, which it then stores for ever. The first is
evidence that an object is new; the second is no evidence at all.
"""

from __future__ import annotations

import functools
import math
from enum import Enum
from typing import Any

NO_COUNTERPART = "none"
"""The annotation that a verified search without a counterpart gets."""

NUMBER_SENTINELS = frozenset({-1.0, -999.0, -9999.0, -99999.0})
"""Numbers that brokers and ZTF write for "no value": -1 in scores and classes, -999 and its kin
in catalogue columns, -99999 in ZTF forced photometry."""

NULL_WORDS = frozenset({"", "nan", "none", "null", "\ufffd", "<na>", "n/a", "-1", "-999", "-999.0"})
"""Texts, in lower case, that hold no value."""


class Meaning(Enum):
    """What a broker's entry says."""

    VALUE = "value"
    NULL = "null"
    """Nothing is known."""
    NO_COUNTERPART = "no counterpart"
    """A catalogue was searched and nothing was there."""
    FAILED = "failed"
    """A catalogue should have been searched, but did not answer."""


def meaning(value: object) -> Meaning:
    """Tell a value from the four kinds of nothing.

    Parameters
    ----------
    value : object
        One entry of a broker's answer.

    Examples
    --------
    >>> meaning("RRLyr"), meaning("Fail 503")
    (<Meaning.VALUE: 'value'>, <Meaning.FAILED: 'failed'>)
    """
    if value is None:
        return Meaning.NULL
    if isinstance(value, bool):
        return Meaning.VALUE
    if isinstance(value, str):
        return _meaning_of_text(value)
    if isinstance(value, int | float):
        absent = not math.isfinite(value) or value in NUMBER_SENTINELS
        return Meaning.NULL if absent else Meaning.VALUE
    return Meaning.VALUE


@functools.lru_cache(maxsize=16384)  # brokers write the same few words over and over
def _meaning_of_text(value: str) -> Meaning:
    word = value.strip().lower()
    if word in NULL_WORDS:
        return Meaning.NULL
    if word == "unknown":
        return Meaning.NO_COUNTERPART
    if word == "fail" or word.startswith("fail "):
        return Meaning.FAILED
    return Meaning.VALUE


def is_value(value: object) -> bool:
    """Say whether an entry holds a value."""
    return meaning(value) is Meaning.VALUE


def text(value: object) -> str:
    """Return a value as text, and every kind of nothing as an empty text."""
    return str(value).strip() if is_value(value) else ""


def number(value: Any) -> float:
    """Return a value as a float, and nothing, sentinels and words as NaN.

    Examples
    --------
    >>> number("18.5"), number("Fail 503"), number(-999)
    (18.5, nan, nan)
    """
    try:
        found = float(value)
    except (TypeError, ValueError):
        return math.nan
    return found if math.isfinite(found) and found not in NUMBER_SENTINELS else math.nan


def digits(value: object) -> str:
    """Return a 64-bit identifier as text, with all its digits.

    Parameters
    ----------
    value : object
        An int or a text; null, 0 and -1 are no identifiers and give an empty text.

    Raises
    ------
    ValueError
        For a float: above 2**53 it has lost digits, and would name another object.
    """
    if isinstance(value, bool) or (isinstance(value, float) and not math.isnan(value)):
        raise ValueError(f"the identifier {value!r} is not an integer, so digits may be lost")
    name = "" if isinstance(value, float) else text(value)
    return "" if name == "0" else name
