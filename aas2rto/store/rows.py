"""Rows for the database driver: plain Python values, in bites it can swallow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection


def chunks(items: Sequence[Any], size: int = 500) -> Iterator[list[Any]]:
    """Cut a sequence into lists of at most `size`: databases limit the variables of a query."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def records(frame: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    """Return rows as dictionaries of plain Python values, NaN as None."""
    return [dict(zip(names, row, strict=True)) for row in tuples(frame, names)]


def tuples(frame: pd.DataFrame, names: list[str]) -> list[tuple[Any, ...]]:
    """Return rows as tuples of plain Python values, NaN as None."""
    columns = []
    for name in names:
        values = frame[name].to_numpy()
        if values.dtype.kind == "f" and np.isnan(values).any():
            plain_values = values.astype(object)
            plain_values[np.isnan(values)] = None
            columns.append(plain_values.tolist())
        else:
            columns.append(values.tolist())
    return list(zip(*columns, strict=True))


def insert_many(connection: Connection, statement: Any, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows, which are in the order of the table's columns.

    SQLAlchemy prepares each row's parameters in Python, which takes longer than SQLite's insert;
    where the driver takes plain tuples, they go there directly.
    """
    if not rows:
        return
    compiled = statement.compile(dialect=connection.dialect)
    if compiled.positional:
        connection.exec_driver_sql(str(compiled), rows)
    else:
        names = list(compiled.params)
        connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])


def plain(value: Any) -> Any:
    """Make numpy values and paths JSON."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)
