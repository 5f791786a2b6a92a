"""Tables as CSV, column by column: the same bytes for the same table."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.tables.sexagesimal import degrees as in_degrees
from aas2rto.tables.sexagesimal import hours as in_hours

TIMES = frozenset({"rises", "sets", "updated", "culmination", "first_detection", "at"})
"""Columns that hold MJD and are written as ISO 8601 UTC, to the minute."""

DECIMALS = {
    "ra": 6,
    "dec": 6,
    "last_mag": 3,
    "t_peak": 3,
    "t_peak_err": 3,
    "p_peak_1d": 4,
    "redshift": 5,
    "altitude": 2,
    "azimuth": 2,
    "airmass": 3,
    "moon_sep": 1,
    "hours_left": 2,
    "x_vis": 2,
    "recommended_mjd": 5,
    "last_recommended_mjd": 5,
    "requested_mjd": 5,
    "observed_mjd": 5,
    "classified_mjd": 5,
    "peak_mjd": 3,
    "peak_err": 3,
    "peak_mag": 3,
    "phase": 3,
}
"""Digits after the point; other numbers have six significant digits."""

LOWEST, HIGHEST = -90, 360
"""Numbers with at most two decimals between these are looked up, not written."""

UNSURE = 1e-6
"""So close to the middle between two texts, the rounding is left to the machine."""

MJD_OF_1970 = 40587.0
"""MJD of 1970-01-01, from which numpy counts."""


SEXAGESIMAL = {"ra_hms": "ra", "dec_dms": "dec"}
"""Columns that are made of others."""


class Rows(Protocol):
    """Cells of candidates that stand in several lists, see `aas2rto.outputs.cell_memory`."""

    def has(self, name: str) -> bool:
        """Tell whether a column is the same in all lists."""

    def places(self, candidate_ids: Sequence[str]) -> list[int]:
        """Return where candidates stand in the table."""

    def cells(self, names: tuple[str, ...], places: Sequence[int]) -> list[str]:
        """Return some columns of candidates, joined by commas."""


def to_csv(
    table: pd.DataFrame,
    columns: Sequence[str],
    header: Sequence[str],
    *,
    shared: Rows | None = None,
) -> str:
    """Format a table; missing columns are empty.

    Parameters
    ----------
    table : DataFrame
    columns : sequence of str
        What to write, in this order.
    header : sequence of str
        Lines that get a ``#`` in front; ``pandas.read_csv(..., comment="#")`` skips them.
    shared : Rows, optional
        Holds what other lists say of the same candidates.
    """
    parts: list[list[str]] = []
    if shared is None:
        table = with_sexagesimal(table)
        parts = [column_cells(table, name) for name in columns]
    else:
        places = shared.places(table["candidate_id"].tolist())
        for is_shared, names in itertools.groupby(columns, shared.has):
            if is_shared:
                parts.append(shared.cells(tuple(names), places))
            else:
                parts.extend(column_cells(table, name) for name in names)
    lines = [",".join(map(cell, columns)), *map(",".join, zip(*parts, strict=True))]
    return comments(header) + "\n".join(lines) + "\n"


def comments(header: Sequence[str]) -> str:
    """Write the lines above a table, which readers of CSV skip."""
    return "".join(f"# {line}\n" for line in header)


def with_sexagesimal(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``ra_hms`` and ``dec_dms``, as telescopes take them, to 0.01 s and 0.1 arcsec."""
    if "ra" not in table or "ra_hms" in table:
        return table
    made = {
        name: np.array(sexagesimal(table[of].to_numpy(float), name), dtype=object)
        for name, of in SEXAGESIMAL.items()
    }
    return table.assign(**made)


def sexagesimal(degrees: NDArray[np.float64], name: str) -> list[str]:
    """Write right ascensions in hours (``ra_hms``), or declinations in degrees (``dec_dms``)."""
    return in_hours(degrees, 2) if name == "ra_hms" else in_degrees(degrees, 1)


FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""Signs with which a text begins that spreadsheets would run, OWASP "CSV injection"; an apostrophe
before it makes it a text."""

_SIGNED = re.compile(r"[+-]\d[\d:. ]*(?:e[+-]?\d+)?")
"""Numbers, and declinations, which have a sign as well."""


def column_cells(table: pd.DataFrame, name: str) -> list[str]:
    """Return the cells of a column; empty ones where there is no such column."""
    if name not in table:
        return [""] * len(table)
    column = table[name]
    if name in TIMES:
        return iso_minutes(column.to_numpy(float))
    kind = column.dtype.kind
    if kind == "f":
        return _numbers(column.to_numpy(float), name)
    if kind in "iu" and name != "observable_now":
        return list(map(str, column.tolist()))
    values = column.tolist()
    if name in SEXAGESIMAL:
        return list(map(str, values))
    formatter = _formatter(name, kind)
    return _texts(values) if formatter is cell else list(map(formatter, values))


def _texts(values: list[Any]) -> list[str]:
    """Write texts as `cell` does; whether they need care is asked of all of them at once."""
    try:
        together = "".join(values)
        lines = "\n".join(values)
    except TypeError:  # not all are texts
        return list(map(cell, values))
    odd = not together.isascii() or not together.isprintable() or "#" in together
    odd = odd or any(f"\n{sign}" in lines or lines[:1] == sign for sign in "=+-@")
    odd = odd or '"' in together or "  " in lines or " \n" in lines or "\n " in lines
    if odd or lines[:1] == " " or lines[-1:] == " ":
        return list(map(cell, values))
    if "," not in together:
        return values
    return [f'"{text}"' if "," in text else text for text in values]


def _form(name: str) -> str:
    return f".{DECIMALS[name]}f" if name in DECIMALS else ".6g"


def _numbers(values: NDArray[np.float64], name: str) -> list[str]:
    """Write numbers, all at once; an empty text for NaN."""
    if not len(values):
        return []
    return (
        _from_table(values, DECIMALS[name])
        if DECIMALS.get(name, 9) <= 2
        else _each(values, _form(name))
    )


@functools.cache
def _table(decimals: int) -> NDArray[np.object_]:
    """Return the texts of all numbers from -`LOWEST` to `HIGHEST`, and an empty one."""
    scale = 10**decimals
    whole = range(LOWEST * scale, HIGHEST * scale + 1)
    return np.array([*(f"{number / scale:.{decimals}f}" for number in whole), ""], dtype=object)


def _from_table(values: NDArray[np.float64], decimals: int) -> list[str]:
    """Write numbers with few digits, looked up where that is certain to be the right rounding."""
    inside = (values > LOWEST) & (values < HIGHEST)
    scaled = np.where(inside, values, 0.0) * 10**decimals
    whole = np.rint(scaled)
    sure = inside & (np.abs(np.abs(scaled - whole) - 0.5) > UNSURE)
    sure &= (whole != 0) | ~np.signbit(values)
    row = np.where(sure, whole - LOWEST * 10**decimals, -1).astype(np.int64)
    texts: list[str] = _table(decimals)[row].tolist()
    others = np.flatnonzero(~sure & ~np.isnan(values))
    for at, text in zip(others.tolist(), _each(values[others], f".{decimals}f"), strict=True):
        texts[at] = text
    return texts


def _each(values: NDArray[np.float64], form: str) -> list[str]:
    """Write numbers one by one, in one call."""
    texts = (f"%{form}\n" * len(values) % tuple(values.tolist())).split("\n")[:-1]
    for row in np.flatnonzero(np.isnan(values)).tolist():
        texts[row] = ""
    return texts


def _formatter(name: str, kind: str) -> Callable[[Any], str]:
    if kind == "b" or name == "observable_now":
        return lambda value: "true" if value else "false"
    if name in DECIMALS:
        return lambda value: _number(value, _form(name))
    return cell


def _number(value: Any, form: str) -> str:
    return "" if value is None or value != value else format(value, form)  # noqa: PLR0124


def iso_minutes(mjd: NDArray[np.float64]) -> list[str]:
    """Write MJDs (UTC) as ``2026-03-22T23:41``; an empty text for NaN."""
    return _iso(mjd, 1440, "m")


def iso_seconds(mjd: NDArray[np.float64]) -> list[str]:
    """Write MJDs (UTC) as ``2026-03-22T23:41:07``; an empty text for NaN and infinities."""
    return _iso(mjd, 86400, "s")


def _iso(mjd: NDArray[np.float64], per_day: int, unit: str) -> list[str]:
    known = np.isfinite(mjd)
    if not known.any():
        return [""] * len(mjd)
    counts = np.rint((np.where(known, mjd, 0.0) - MJD_OF_1970) * per_day)
    # Many times of one night are the same minute.
    different, which = np.unique(counts.astype(np.int64), return_inverse=True)
    texts = np.datetime_as_string(different.astype(f"datetime64[{unit}]")).tolist()
    return [
        texts[at] if is_known else ""
        for at, is_known in zip(which.tolist(), known.tolist(), strict=True)
    ]


def cell(value: Any) -> str:
    """Write a text so that no reader is led astray: one line, quoted where it must be."""
    if value is None or value != value:  # noqa: PLR0124
        return ""
    if isinstance(value, float):
        return _number(value, ".6g")
    text = str(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    if text[:1] == " " or text[-1:] == " " or "  " in text or not text.isascii():
        text = " ".join(text.split())
    if text[:1] in FORMULA and len(text) > 1 and not _SIGNED.fullmatch(text):
        text = f"'{text}"
    if "," in text or '"' in text or "#" in text:
        return '"' + text.replace('"', '""') + '"'
    return text
