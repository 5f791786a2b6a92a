"""Why rows of a table were left out: counted, so that none vanishes without a line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aas2rto.text.words import counted


class Reasons:
    """The first reason of each row that is not used.

    Parameters
    ----------
    n : int
        Rows of the table.
    """

    def __init__(self, n: int) -> None:
        self._code = np.zeros(n, dtype=np.int16)
        self._texts: list[str] = [""]

    def add(self, rows: NDArray[np.bool_], why: str) -> None:
        """Give rows a reason, unless they have one.

        Parameters
        ----------
        rows : ndarray of bool
        why : str
            What is wrong with them, such as ``without a time``.
        """
        fresh = np.asarray(rows, dtype=bool) & (self._code == 0)
        if not fresh.any():
            return
        if why not in self._texts:
            self._texts.append(why)
        self._code[fresh] = self._texts.index(why)

    @property
    def left_out(self) -> NDArray[np.bool_]:
        """True for rows that have a reason."""
        return self._code > 0

    def line(self) -> str:
        """Say in one line how many rows are left out, and why; empty if none is."""
        n = int(self.left_out.sum())
        if not n:
            return ""
        parts = []
        for code in range(1, len(self._texts)):
            rows = np.flatnonzero(self._code == code)
            if len(rows):
                parts.append((len(rows), self._texts[code], int(rows[0]) + 1))
        parts.sort(reverse=True)
        told = "; ".join(
            f"{counted(k, 'row')} {why} (first: row {first})"
            if len(parts) > 1 or k != n
            else f"{why} (first: row {first})"
            for k, why, first in parts
        )
        return f"{n} of {counted(len(self._code), 'row')} left out: {told}"
