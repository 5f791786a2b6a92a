"""What can go wrong with a service, done to its answers on purpose."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

STATUSES = {
    "401": "Unauthorized",
    "404": "Not Found",
    "500": "Internal Server Error",
    "503": "Service Unavailable",
}

KINDS = (
    "refused",
    "hang",
    "reset",
    "401",
    "404",
    "429",
    "500",
    "503",
    "html",
    "truncated",
    "wrong shape",
    "malformed record",
    "unknown fields",
    "duplicated",
    "empty",
)
"""All faults of a service. `refused` closes its port; the next four act on the connection or the
status, the rest on what is sent."""

WRONG: tuple[Any, ...] = ({"oh": "no"}, ["no"], "no", None, True, -1e300)
"""What stands in the fields of malformed records."""

HTML = "<!DOCTYPE html><html><body><h1>Down for maintenance</h1></body></html>"


@dataclass
class Fault:
    """One fault of one service.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    path : str
        Only requests whose path contains it are hit.
    after : int
        So many requests are spared first.
    times : int or None
        So many are hit; None for all.
    wait : float
        Seconds of a 429, or of a hang.
    """

    kind: str
    path: str = ""
    after: int = 0
    times: int | None = None
    wait: float = 20.0

    def strikes(self, path: str) -> bool:
        """Say whether a request is hit, and count it."""
        if self.path not in path:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
            return self.times >= 0
        return True


def spoil(payload: Any, kind: str) -> Any:
    """Apply a fault that lies in the records of an answer, to JSON values and to tables in text."""
    if kind == "wrong shape":
        return "sorry?" if isinstance(payload, str) else {"status": "fine", "answer": 42}
    treat = {
        "malformed record": _with_garbage,
        "unknown fields": _with_more_fields,
        "duplicated": _doubled,
        "empty": lambda records: [],
    }.get(kind)
    if treat is None:
        return payload
    return _spoil_text(payload, kind) if isinstance(payload, str) else _walk(payload, treat)


def _walk(value: Any, treat: Callable[[list[Any]], list[Any]]) -> Any:
    """Treat every list of records in a JSON value."""
    if isinstance(value, list):
        inner = [_walk(item, treat) for item in value]
        return treat(inner) if not inner or isinstance(inner[0], dict) else inner
    if isinstance(value, dict):
        return {key: _walk(item, treat) for key, item in value.items()}
    return value


def _with_garbage(records: list[Any]) -> list[Any]:
    """Put records whose every value is of a wrong type among the good ones."""
    if not records:
        return records
    broken = [dict.fromkeys(records[0], wrong) for wrong in WRONG]
    middle = len(records) // 2
    return [*records[:middle], *broken, *records[middle:]]


def _with_more_fields(records: list[Any]) -> list[Any]:
    news = {"brandNew": 1, "brand_new_too": {"x": [1.5, None]}}
    return [record | copy.deepcopy(news) for record in records]


def _doubled(records: list[Any]) -> list[Any]:
    both = [*records, *copy.deepcopy(records)]
    random.Random(1).shuffle(both)
    return both


def _spoil_text(table: str, kind: str) -> str:
    """Do the same to a table of lines under a header."""
    head, lines = _split_header(table)
    quoted = lines and lines[0].startswith('"')
    if kind == "malformed record" and lines:
        garbage = '"x"' if quoted else "this is no line of a table"
        lines = [*lines[: len(lines) // 2], garbage, *lines[len(lines) // 2 :]]
    elif kind == "unknown fields":
        extra, value = (',"brand_new"', ',"1"') if quoted else (" brandNew", " 7")
        head = [*head[:-1], head[-1] + extra]
        lines = [line + value for line in lines]
    elif kind == "duplicated":
        lines = lines + lines
        random.Random(1).shuffle(lines)
    elif kind == "empty":
        lines = []
    return "\n".join([*head, *lines]) + "\n"


def _split_header(table: str) -> tuple[list[str], list[str]]:
    """Split off the header: one line, or two if the first is a date range."""
    lines = [line for line in table.splitlines() if line]
    n = 2 if len(lines) > 1 and lines[1].startswith('"objid"') else 1
    return lines[:n], lines[n:]


def cut_in_half(payload: Any) -> bytes:
    """Return the first half of the bytes that would have been sent."""
    content = payload if isinstance(payload, bytes) else to_bytes(payload)
    return content[: len(content) // 2]


def to_bytes(payload: Any) -> bytes:
    """Encode what a route returned."""
    if isinstance(payload, bytes):
        return payload
    return (payload if isinstance(payload, str) else json.dumps(payload)).encode()
