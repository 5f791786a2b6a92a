"""JSON as services write it, with what no JSON may hold and yet occurs."""

from __future__ import annotations

import json
import math
import re
from typing import Any

LONGEST_INTEGER = 20
"""Digits of the largest integer that an identifier has; more are no number that we could keep."""

_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
"""Half of a character: no text that a store or a terminal could take."""


def parse(text: str | bytes) -> Any:
    """Parse JSON; NaN, infinities and integers beyond all identifiers become None.

    Raises
    ------
    ValueError
        If it is not JSON.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="replace")
    if "\\ud" in text or "\\uD" in text:
        text = _LONE_SURROGATE.sub(r"\\ufffd", text)
    return json.loads(text, parse_constant=lambda _: None, parse_int=_integer, parse_float=_number)


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= LONGEST_INTEGER + 1 else None


def _number(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


def shape(payload: Any) -> str:
    """Describe a JSON value for an error text."""
    if isinstance(payload, dict):
        keys = ", ".join(sorted(map(str, payload))[:5])
        return f"an object with keys {keys or 'none'}"
    return {"list": "a list", "str": "a text", "NoneType": "null"}.get(
        type(payload).__name__, f"a {type(payload).__name__}"
    )
