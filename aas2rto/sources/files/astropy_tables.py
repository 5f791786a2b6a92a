"""VOTable, ECSV, FITS and IPAC tables, read by astropy.table."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.errors import InputError
from aas2rto.guard import attempt
from aas2rto.sources.files.sheet import Sheet

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
