"""Light curves and lists in JSON: the answers of brokers and marshals, saved to a file.

Read are a list of records, a mapping of columns, and a mapping that holds lists of records
beside facts, such as ALeRCE's ``detections`` and ``non_detections``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from aas2rto.errors import InputError
from aas2rto.guard import attempt
from aas2rto.sources.files.broker_classes import LASAIR, REDSHIFT_NEARBY
from aas2rto.sources.files.sheet import Sheet
from aas2rto.sources.files.spellings import COLUMNS, found_in, name_of
from aas2rto.sources.transport import json_text

LEAST_CELLS, FULL = 1_000_000, 50
"""Cells that any table may have, and how many more for each that is filled."""

_MEASURED = ("mag", "flux", "limit")


def read(text: str) -> Sheet:
    """Read a table in JSON.

    Raises
    ------
    InputError
        If there is none, without the name of the file.
    """
    done = attempt("json", lambda: json_text.parse(text))
    if done.failure is not None:
        why = str(done.failure.error)[:100]
        raise InputError(f"cannot be read as JSON ({why}); it may be cut short: fetch it again")
    content = done.value
    parts = list(_tables(content, depth=0))
    if not parts and {"id", "ra", "dec"} <= set(_facts(content)):
        parts = [pd.DataFrame([_facts(content)], dtype=object)]
    measured = [part for part in parts if _is_measured(part)]
    if not parts:
        raise InputError(
            "is JSON, but no list of records: give the light curve as a list of "
            "{mjd, band, mag, magerr, ...}, or as CSV"
        )
    frame = pd.concat(measured or parts[:1], ignore_index=True)
    return Sheet(frame.astype(object), {}, _facts(content), kind="JSON")


def _tables(content: Any, *, depth: int) -> Any:
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        if depth == 0 and len(content) == 1 and not _is_measured(_frame(content)):
            yield from _tables(content[0], depth=depth + 1)  # Lasair: a list of one object
            return
        yield _frame(content)
    elif isinstance(content, dict):
        columns = {k: v for k, v in content.items() if isinstance(v, list)}
        if columns and not any(isinstance(x, dict | list) for v in columns.values() for x in v[:1]):
            if len({len(v) for v in columns.values()}) == 1:
                yield pd.DataFrame(columns, dtype=object)
        elif depth < 3:
            for value in content.values():
                yield from _tables(value, depth=depth + 1)


def _frame(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return records as a table; each may have keys of its own, but not all."""
    rows = [_flat(record) for record in records]
    names = {name for row in rows for name in row}
    if len(names) * len(rows) > LEAST_CELLS + FULL * sum(map(len, rows)):
        raise InputError(f"has {len(names)} columns of which most rows have hardly any")
    return pd.DataFrame(rows, dtype=object)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the simple entries of a record; ALeRCE's of LSST have numbered bands and TAI."""
    bands = row.get("band_map")
    if isinstance(bands, dict):
        row = {**row, "band": bands.get(str(row.get("band")), row.get("band"))}
        row["midpointMjdTai"] = row.pop("mjd", None)
    return {str(k): v for k, v in row.items() if not isinstance(v, dict | list)}


def _is_measured(frame: pd.DataFrame) -> bool:
    found = found_in(map(str, frame.columns))
    return any(name in found for name in _MEASURED) and any(
        name in found for name in ("mjd", "jd", "time", "mjd_tai")
    )


def _facts(content: Any) -> dict[str, str]:
    """Return what stands beside the lists: identifier, position, redshift."""
    if isinstance(content, list):
        content = content[0] if len(content) == 1 else None
    found: dict[str, str] = {}
    stack = [content]
    while stack:
        part = stack.pop(0)
        if not isinstance(part, dict):
            continue
        found |= _sherlock(part) | _tns(part)
        for key, value in part.items():
            plain = name_of(str(key)).plain
            for ours in ("id", "ra", "dec", "redshift"):
                simple = isinstance(value, str | int | float) and not isinstance(value, bool)
                if simple and plain in COLUMNS[ours] and ours not in found:
                    found[ours] = str(value)
        stack += [v for k, v in part.items() if isinstance(v, dict) and k != "sherlock"]
    return found


def _tns(part: Mapping[str, Any]) -> dict[str, str]:
    """Return what TNS says of the object, as Lasair's answer of an object has it."""
    block = part.get("TNS")
    if not isinstance(block, dict):
        return {}
    given = {"tns": block.get("tns_name"), "spectral_type": block.get("type")}
    return {key: value for key, value in given.items() if isinstance(value, str) and value.strip()}


def _sherlock(part: Mapping[str, Any]) -> dict[str, str]:
    """Return what Lasair says of the surroundings: the redshift there is not the object's."""
    nearby = part.get("sherlock")
    if not isinstance(nearby, dict):
        return {}
    given = {LASAIR: nearby.get("classification"), REDSHIFT_NEARBY: nearby.get("z")}
    return {key: str(value) for key, value in given.items() if value is not None}
