"""Damage: small changes of bytes, texts and JSON values, by a random generator that is given.

The generator is `random.Random`, or Hypothesis's, which shrinks what it drew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Any

SECRET = "geheim-7f3a9c41"
"""The password of every door that has one; services may send it back."""

NUMBERS = (
    *[
        "0",
        "-0",
        "1",
        "-1",
        "-999",
        "99.99",
        "1e999",
        "-1e300",
        "1e-320",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "None",
        "null",
        "2147483648",
        "-9223372036854775809",
        "18446744073709551616",
        "61100.5",
        "2461100.5",
        "1774000000",
        "20260325",
        "1e10",
        "9999-12-31",
        "0000-00-00",
        "2026-02-30T25:61:61",
        "2026-03-25T23:59:60Z",
        "1,5",
        "1.2.3",
        "٣",
        "²",
        "½",
        "0x10",
        "1_000",
        "--5",
        "+-3",
        "1e",
        "e5",
        ".",
        "-",
        "''",
    ],
    "9" * 400,
    "1 000",
)
"""What stands where a number was expected."""

TEXTS = (
    "",
    " ",
    "\x00",
    "\x1b[2J\x1b]0;x\x07",
    "\u202eevil\u2066",
    "=cmd|' /C calc'!A0",
    "+1",
    "@SUM(1)",
    "-2+3",
    "a" * 5000,
    "\ud800",
    "\udc00x",
    "\U0001f600",
    "e\u0301" * 40,
    "\r\n",
    "\n",
    "\t",
    ",",
    ";",
    "'",
    '"',
    "{",
    "}",
    "[",
    "]",
    "<script>",
    "<!DOCTYPE html>",
    "../../etc/passwd",
    "/dev/zero",
    "${HOME}",
    "${FUZZ_SECRET}",
    "%s%n",
    "{0.__class__}",
    "__class__",
    "DROP TABLE",
    "NUL",
    "CON",
    "true",
    "yes",
    "Unknown",
    "Fail",
    "nan",
    "N/A",
    "--",
    "…",
    "−5",
    "ｎｕｍｂｅｒ",
)
"""What stands where a text was expected."""

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**63) - 1,
    2**64,
    10**400,
    0.0,
    -0.0,
    1e308,
    -1e300,
    5e-324,
    float("nan"),
    float("inf"),
    -999.0,
    99.0,
    61100.5,
    2461100.5,
    1774000000,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [[[[[[[[[[]]]]]]]]]],
    [1, "a", None],
    {"a": {"b": []}},
    "x",
    "1",
    "nan",
)
"""What stands where a value of JSON was expected."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
MOST_BYTES = 2**17
"""An input is not made longer than that: bombs have tests of their own."""


def several(rng: Random, most: int = 6) -> int:
    """Draw a small number, most often one or two."""
    n = 1
    while n < most and rng.random() < 0.45:
        n += 1
    return n


def of_bytes(rng: Random, content: bytes, words: Sequence[bytes] = ()) -> bytes:
    """Change some bytes."""
    for _ in range(several(rng)):
        content = _one_of_bytes(rng, content, words)[:MOST_BYTES]
    return content


def _one_of_bytes(rng: Random, content: bytes, words: Sequence[bytes]) -> bytes:
    n = len(content)
    at = rng.randrange(n + 1)
    end = min(n, at + rng.choice((1, 1, 2, 4, 8, 64, 1000)))
    what = rng.randrange(8)
    if what == 0 and at < n:  # a flipped bit
        return content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
    if what == 1:  # noise
        noise = bytes(rng.randrange(256) for _ in range(min(end - at, 16)))
        return content[:at] + noise + content[at + len(noise) :]
    if what == 2:  # gone
        return content[:at] + content[end:]
    if what == 3:  # twice, or often
        return content[:end] + content[at:end] * rng.choice((1, 1, 2, 30)) + content[end:]
    if what == 4:  # cut short
        return content[:at]
    if what == 5 and words:
        return content[:at] + rng.choice(words) + content[rng.choice((at, end)) :]
    if what == 6:  # extremes
        piece = rng.choice((b"\x00", b"\xff", b"\x80", b"\x7f", b"\xff\xff\xff\xff", b"\x80" * 10))
        return content[:at] + piece + content[at + len(piece) :]
    return content[:at] + content[max(0, at - 50) : at] + content[at:]


def of_text(rng: Random, text: str, words: Sequence[str] = ()) -> str:
    """Change numbers, words, lines and signs of a text."""
    for _ in range(several(rng)):
        text = _one_of_text(rng, text, words)[:MOST_BYTES]
    return text


def _one_of_text(rng: Random, text: str, words: Sequence[str]) -> str:
    what = rng.randrange(8)
    if what == 0:
        return _another_number(rng, text)
    if what in (1, 2) and "\n" in text:
        return _another_line(rng, text)
    at = rng.randrange(len(text) + 1)
    end = min(len(text), at + rng.choice((0, 0, 1, 1, 3, 10, 100)))
    if what == 3 and words:
        return text[:at] + rng.choice(words) + text[end:]
    if what == 4:
        return text[:at] + rng.choice(TEXTS) + text[end:]
    if what == 5:
        return text[:at] + text[end:]
    if what == 6:
        return text[:at] + text[at:end] * rng.choice((2, 3, 50)) + text[end:]
    return _another_cell(rng, text, at)


def _another_number(rng: Random, text: str) -> str:
    # A window, not the whole: texts are long, and numbers everywhere.
    start = rng.randrange(len(text) + 1)
    found = _NUMBER.search(text, start) or _NUMBER.search(text)
    if found is None:
        return text + rng.choice(NUMBERS)
    return text[: found.start()] + rng.choice(NUMBERS) + text[found.end() :]


def _another_line(rng: Random, text: str) -> str:
    lines = text.split("\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.randrange(6)
    if what == 0:
        del lines[i]
    elif what == 1:
        lines.insert(j, lines[i])
    elif what == 2:
        lines[i], lines[j] = lines[j], lines[i]
    elif what == 3:
        lines[i] = ""
    elif what == 4:
        lines[i] = lines[i] + rng.choice((",", ", extra", ": x", "  # note", "\\", "\t"))
    else:
        lines[i] = rng.choice((" ", "\t", "- ", "#", "  - ")) + lines[i]
    return "\n".join(lines)


def _another_cell(rng: Random, text: str, at: int) -> str:
    """Replace what stands between two separators."""
    begin = max(text.rfind(sign, 0, at) for sign in ",\n:\t |")
    ends = [found for sign in ",\n:\t |" if (found := text.find(sign, at)) >= 0]
    end = min(ends, default=len(text))
    return text[: begin + 1] + rng.choice((*NUMBERS, *TEXTS)) + text[end:]


def of_value(rng: Random, value: Any, keys: Sequence[str] = ()) -> Any:
    """Change something in a JSON value; what is not changed is shared with the original."""
    for _ in range(several(rng)):
        value = _one_of_value(rng, value, keys, 0)
    return value


def _one_of_value(rng: Random, value: Any, keys: Sequence[str], depth: int) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.9:
        return _of_mapping(rng, value, keys, depth)
    if isinstance(value, list) and value and rng.random() < 0.9:
        return _of_list(rng, value, keys, depth)
    what = rng.randrange(4)
    if what == 0:
        return rng.choice(TEXTS)
    if what == 1:
        return rng.choice(NUMBERS)
    if what == 2 and isinstance(value, str):
        return of_text(rng, value)
    if what == 2 and isinstance(value, (int, float)) and not isinstance(value, bool):
        return rng.choice((-value, str(value), [value], value, f"{value}0", [[value]]))
    return rng.choice(VALUES)


def _of_mapping(rng: Random, value: dict[str, Any], keys: Sequence[str], depth: int) -> Any:
    changed = dict(value)
    key = rng.choice(list(changed))
    what = rng.randrange(10)
    if what == 0:
        del changed[key]
    elif what == 1:
        changed[rng.choice((*keys, "", "x", *value))] = changed.pop(key)
    elif what == 2:
        changed[key] = changed[rng.choice(list(changed))]
    else:
        changed[key] = _one_of_value(rng, changed[key], keys, depth + 1)
    return changed


def _of_list(rng: Random, value: list[Any], keys: Sequence[str], depth: int) -> Any:
    changed = list(value)
    i = rng.randrange(len(changed))
    what = rng.randrange(10)
    if what == 0:
        del changed[i]
    elif what == 1:
        changed.insert(i, changed[rng.randrange(len(changed))])
    elif what == 2:
        changed[i:] = changed[i : i + 1] * rng.choice((2, 20))
    else:
        changed[i] = _one_of_value(rng, changed[i], keys, depth + 1)
    return changed


def json_of(value: Any) -> bytes:
    """Write a value as services do, NaN and half characters included."""
    return json.dumps(value).encode()
