"""Rows for the database driver: plain Python values, in bites it can swallow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd


def chunks(items: Sequence[Any], size: int = 500) -> Iterator[list[Any]]:
    """Cut a sequence into lists of at most `size`: databases limit the variables of a query."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def records(frame: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    """Return rows as dictionaries of plain Python values, NaN as None."""
    columns = []
    for name in names:
        values = frame[name].to_numpy()
        if values.dtype.kind == "f":
            columns.append([None if value != value else value for value in values.tolist()])  # noqa: PLR0124
        else:
            columns.append(values.tolist())
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def none_if_nan(value: float) -> float | None:
    """Return None for NaN, which databases store as NULL."""
    return float(value) if np.isfinite(value) else None


def plain(value: Any) -> Any:
    """Make numpy values and paths JSON."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)
