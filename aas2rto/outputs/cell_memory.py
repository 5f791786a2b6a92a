"""Cells that were written in an earlier cycle, so that only what changed is written again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.outputs.cells import SEXAGESIMAL, column_cells, sexagesimal

MOST = 0.25
"""If a larger part of a column changed, all of it is written again, which is quicker."""


class Written:
    """The cells of one table, by column: as it was the last time."""

    def __init__(self) -> None:
        self._columns: dict[str, tuple[NDArray[Any], list[str]]] = {}
        self._blank: list[str] = []
        self._rows: dict[tuple[str, ...], tuple[list[list[str]], list[str]]] = {}
        self._files: dict[Path, bytes] = {}

    def is_there(self, path: Path, text: str) -> bool:
        """Tell whether a file has these rows already; remember them if not.

        Parameters
        ----------
        path : Path
        text : str
            Without the lines above, which tell of the cycle that wrote it.
        """
        digest = hashlib.sha256(text.encode()).digest()
        same = self._files.get(path) == digest and path.exists()
        self._files[path] = digest
        return same

    def cells(self, table: pd.DataFrame, name: str) -> list[str]:
        """Return the cells of a column; the same list as the last time if nothing changed."""
        source = SEXAGESIMAL.get(name, name) if name not in table else name
        if source not in table:
            self._blank = self._blank if len(self._blank) == len(table) else [""] * len(table)
            return self._blank
        values = table[source].to_numpy()
        old = self._columns.get(name)
        if old is None or len(old[0]) != len(values) or old[0].dtype != values.dtype:
            texts = _write(table, name)
        else:
            rows = np.flatnonzero(_differs(old[0], values))
            if not len(rows):
                return old[1]
            texts = list(old[1]) if len(rows) < MOST * len(values) else _write(table, name)
            if len(rows) < MOST * len(values):
                new = _write(table[[source]].iloc[rows], name)
                for row, text in zip(rows.tolist(), new, strict=True):
                    texts[row] = text
        self._columns[name] = (values, texts)
        return texts

    def rows(self, table: pd.DataFrame, names: tuple[str, ...]) -> list[str]:
        """Return some columns, joined by commas."""
        columns = [self.cells(table, name) for name in names]
        old = self._rows.get(names)
        if old is not None and all(a is b for a, b in zip(old[0], columns, strict=True)):
            return old[1]
        joined = list(map(",".join, zip(*columns, strict=True)))
        self._rows[names] = (columns, joined)
        return joined


def _write(table: pd.DataFrame, name: str) -> list[str]:
    if name in SEXAGESIMAL and name not in table:
        return sexagesimal(table[SEXAGESIMAL[name]].to_numpy(float), name)
    return column_cells(table, name)


def _differs(old: NDArray[Any], new: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which values are others, bit by bit: -0 is written otherwise than 0, NaN is not."""
    if old.dtype.kind == "f" and old.dtype.itemsize == 8:
        return np.not_equal(old.view(np.int64), np.ascontiguousarray(new).view(np.int64))
    return np.array(old != new, dtype=bool)


class Shared:
    """Cells of candidates that stand in several lists, written once.

    Parameters
    ----------
    table : DataFrame
        One row for each candidate, by ``candidate_id``.
    but : collection of str
        Columns that each list has for itself.
    written : Written, optional
        What was written of them in an earlier cycle.
    """

    def __init__(
        self, table: pd.DataFrame, but: Sequence[str] = (), written: Written | None = None
    ) -> None:
        self._table = table
        self._own = frozenset(but)
        self._place = {name: row for row, name in enumerate(table["candidate_id"].tolist())}
        self._written = Written() if written is None else written

    def has(self, name: str) -> bool:
        """Tell whether a column is the same in all lists."""
        return (name in self._table or name in SEXAGESIMAL) and name not in self._own

    def places(self, candidate_ids: Sequence[str]) -> list[int]:
        """Return where candidates stand in the table."""
        return [self._place[name] for name in candidate_ids]

    def cells(self, names: tuple[str, ...], places: Sequence[int]) -> list[str]:
        """Return some columns of candidates, joined by commas."""
        rows = self._written.rows(self._table, names)
        return [rows[place] for place in places]
