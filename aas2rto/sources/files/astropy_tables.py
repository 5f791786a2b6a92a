"""VOTable, ECSV, FITS and IPAC tables, read by astropy.table."""

from __future__ import annotations

import io
import math
import re
import warnings
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.errors import InputError
from aas2rto.guard import attempt
from aas2rto.sources.files.sheet import Sheet

LONGEST_ARRAY = 10_000
"""Of a cell of a VOTable, or letters of a text."""

LEAST_VALUES, PADDING = 5_000_000, 20
"""Values that the rows of any VOTable may declare, and how many more for each byte: a column of
texts is as wide as its longest may be."""

FORMATS = {"VOTable": "votable", "ECSV": "ascii.ecsv", "FITS": "fits", "IPAC": "ascii.ipac"}

_FACTS = {
    "ra": "ra",
    "dec": "dec",
    "decl": "dec",
    "redshift": "redshift",
    "z": "redshift",
    "object": "id",
    "name": "id",
    "snid": "id",
    "survey": "survey",
}


def kind_of(start: bytes) -> str:
    """Name the format of a file by its first bytes; empty if it is none of these."""
    text = start[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith(b"SIMPLE  ="):
        return "FITS"
    if text.startswith(b"# %ECSV"):
        return "ECSV"
    if text.startswith((b"<?xml", b"<VOTABLE", b"<votable")) and b"VOTABLE" in text.upper():
        return "VOTable"
    return "IPAC" if _is_ipac(text.decode("latin-1")) else ""


def _is_ipac(text: str) -> bool:
    """Say whether names stand between bars, but numbers below do not."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("\\")]
    header = [line for line in lines if line.startswith("|")]
    body = [line for line in lines if not line.startswith("|")]
    return (
        bool(lines)
        and lines[0].startswith("|")
        and bool(body)
        and ("|" not in body[0] and 1 <= len(header) <= 4)
    )


def read(content: bytes, kind: str) -> Sheet:
    """Read a table.

    Parameters
    ----------
    content : bytes
    kind : str
        One of `FORMATS`.

    Raises
    ------
    InputError
        If it cannot be read, without the name of the file.
    """
    if kind == "VOTable":
        _check_votable(content)
    done = attempt(kind, lambda: _table(content, kind))
    table = done.value
    if table is None:
        why = str(getattr(done.failure, "error", ""))[:120]
        raise InputError(f"cannot be read as {kind} ({why}); write it again, or save it as CSV")
    frame = pd.DataFrame({name: _cells(table[name]) for name in table.colnames})
    units = {n: str(table[n].unit) for n in table.colnames if getattr(table[n], "unit", None)}
    facts = {
        _FACTS[str(key).lower()]: str(value)
        for key, value in table.meta.items()
        if str(key).lower() in _FACTS and isinstance(value, str | int | float)
    }
    return Sheet(frame, units, facts, kind=kind)


_ELSEWHERE = re.compile(rb"<(?:\w+:)?STREAM\b[^>]*\bhref\b", re.IGNORECASE)
_ARRAYSIZE = re.compile(rb"\barraysize\s*=\s*[\"']\s*([0-9x]+)", re.IGNORECASE)
_NROWS = re.compile(rb"\bnrows\s*=\s*[\"']\s*(\d+)", re.IGNORECASE)


def _check_votable(content: bytes) -> None:
    """Refuse what would fetch files from elsewhere, or make room for more than there is."""
    if b"<!ENTITY" in content.upper():
        raise InputError("is a VOTable with entities of its own, which no service writes")
    if _ELSEWHERE.search(content):
        raise InputError("is a VOTable whose data lie elsewhere; save it with its data")
    sizes = [_product(found) for found in _ARRAYSIZE.findall(content)]
    rows = [int(found[:20]) for found in _NROWS.findall(content)]
    values = (content.count(b"<TR") + 1) * sum(sizes)
    is_large = values > LEAST_VALUES + PADDING * len(content)
    if max(sizes, default=0) > LONGEST_ARRAY or max(rows, default=0) > len(content) or is_large:
        raise InputError("is a VOTable that declares far more data than it holds")


def _product(sizes: bytes) -> int:
    """Return how many values ``2x3`` stands for, or so many that it is refused."""
    return math.prod(int(size[:20]) for size in sizes.lower().split(b"x")[:8] if size)


def _table(content: bytes, kind: str) -> Any:
    from astropy.table import Table  # noqa: PLC0415  half a second at import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about units and versions that do not matter here
        source = io.BytesIO(content) if kind in {"VOTable", "FITS"} else content.decode("utf-8")
        return Table.read(source, format=FORMATS[kind])


def _cells(column: Any) -> Any:
    """Return a column as pandas has it: times as MJD, bytes as text, masked cells as null."""
    if hasattr(column, "utc"):
        return np.ma.filled(np.ma.asarray(column.utc.mjd, dtype=float), np.nan)
    if hasattr(column, "deg"):
        return np.asarray(column.deg, dtype=float)
    values = np.ma.asarray(column)
    if values.ndim > 1:
        return [None] * len(values)
    mask = np.ma.getmaskarray(values)
    if values.dtype.kind == "f":
        return np.where(mask, np.nan, values.filled(np.nan).astype(float))
    cells = [_text(value) for value in values.data.tolist()]
    return pd.Series([None if m else c for c, m in zip(cells, mask, strict=True)], dtype=object)


def _text(value: Any) -> Any:
    return value.decode("utf-8", errors="replace").strip() if isinstance(value, bytes) else value
