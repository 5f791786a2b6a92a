"""One candidate of a judgement of all, as if it had been judged alone.

To judge one candidate anew takes most of a second, nearly all of it the fixed cost of tables with
a hundred columns at each site. What it would find stands already where all were judged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.factors import Decision, Factor
from aas2rto.models import FAILED
from aas2rto.steps.column import Column, Verdict
from aas2rto.steps.cycle import Fits, Judged, Ranking, Scored
from aas2rto.steps.prefilter import Known


class Alone:
    """Finds single candidates in a judgement of all.

    Parameters
    ----------
    known : Known
        Of all.
    judged : Judged
        The same, judged.
    """

    def __init__(self, known: Known, judged: Judged) -> None:
        self._known, self._judged = known, judged
        kept = np.flatnonzero(judged.scored.verdict.decision == Decision.KEEP)
        self._table = _places(known.table)
        self._rows = _places(judged.scored.table)
        self._kept = dict(zip(kept.tolist(), range(len(kept)), strict=True))
        self._notes = _places(known.notes)
        self._fits = {name: _places(table) for name, table in judged.fits.tables.items()}
        self._lists = [(_places(one.table), _places(one.out)) for one in judged.rankings]
        self._spans = _spans(known.photometry)

    def of(self, candidate_id: str) -> tuple[Known, Judged] | None:
        """Return what is known and was found of one candidate alone.

        Parameters
        ----------
        candidate_id : str

        Returns
        -------
        tuple of Known and Judged, or None
            None where it must be judged anew: it is not active, or is left out, so that not every
            factor was asked of it; or its fit failed, and why is told for many at once.
        """
        row = self._rows.get(candidate_id)
        place = -1 if row is None else self._kept.get(row, -1)
        if row is None or place < 0:
            return None
        fits = {
            name: _row(table, self._fits[name].get(candidate_id))
            for name, table in self._judged.fits.tables.items()
        }
        if any((table["status"] == FAILED).any() for table in fits.values() if len(table)):
            return None
        known = self._known_of(candidate_id)
        scored = self._judged.scored
        judged = Judged(
            self._judged.at,
            known.photometry,
            Fits(tables=fits),
            Scored(
                _row(scored.table, row),
                tuple(_column(one, row) for one in scored.columns),
                _verdict(scored.verdict, row),
            ),
            self._judged.rejected.iloc[:0],
            self._rankings(candidate_id, place),
        )
        return known, judged

    def place(self, observatory: str, candidate_id: str) -> tuple[pd.DataFrame, bool] | None:
        """Return a candidate's row of a list, and whether it is in it; None: neither in nor out.

        Parameters
        ----------
        observatory : str
        candidate_id : str
        """
        for ranking, (inside, out) in zip(self._judged.rankings, self._lists, strict=True):
            if ranking.observatory != observatory:
                continue
            if candidate_id in inside:
                return _row(ranking.table, inside[candidate_id]), True
            if candidate_id in out:
                return _row(ranking.out, out[candidate_id]), False
        return None

    def _known_of(self, candidate_id: str) -> Known:
        known, row = self._known, self._table[candidate_id]
        said, notes = known.said, _row(known.notes, self._notes.get(candidate_id))
        if "candidate_id" in said:
            said = said[said["candidate_id"] == candidate_id].reset_index(drop=True)
        points = known.photometry.iloc[self._spans.get(candidate_id, slice(0, 0))]
        return replace(
            known,
            table=_row(known.table, row),
            photometry=points.reset_index(drop=True),
            said=said,
            notes=notes.dropna(axis=1, how="all"),
            content=None if known.content is None else known.content[row : row + 1],
        )

    def _rankings(self, candidate_id: str, place: int) -> list[Ranking]:
        return [
            replace(
                ranking,
                table=_row(ranking.table, table.get(candidate_id)),
                out=_row(ranking.out, out.get(candidate_id)),
                columns=tuple(_column(one, place) for one in ranking.columns),
            )
            for ranking, (table, out) in zip(self._judged.rankings, self._lists, strict=True)
        ]


def _places(table: pd.DataFrame) -> dict[str, int]:
    if "candidate_id" not in table:
        return {}
    names = table["candidate_id"].tolist()
    return dict(zip(names, range(len(names)), strict=True))


def _spans(photometry: pd.DataFrame) -> dict[str, slice]:
    """Return where each candidate's rows stand in a table that is sorted by candidate."""
    if photometry.empty:
        return {}
    names = photometry["candidate_id"].to_numpy(object)
    edges = np.flatnonzero(names[1:] != names[:-1]) + 1
    starts: list[int] = [0, *edges.tolist()]
    pairs = zip(starts, [*starts[1:], len(names)], strict=True)
    return {str(names[begin]): slice(begin, end) for begin, end in pairs}


def _row(table: pd.DataFrame, row: int | None) -> pd.DataFrame:
    """Return one row as a table, or none."""
    found: pd.DataFrame = table.iloc[:0] if row is None else table.iloc[row : row + 1]
    return found


def _column(column: Column, row: int) -> Column:
    factor = column.factor
    n, one = len(factor.value), slice(row, row + 1)
    inputs = {name: _input(values, n, one) for name, values in factor.inputs.items()}
    return replace(
        column,
        factor=Factor(factor.value[one], factor.decision[one], factor.reason[one], inputs),
    )


def _input(values: Any, n: int, one: slice) -> Any:
    """Return one of as many values; a single value holds for all."""
    held: NDArray[Any] = np.asarray(values)
    return held[one] if held.ndim and len(held) == n else values


def _verdict(verdict: Verdict, row: int) -> Verdict:
    one = slice(row, row + 1)
    return Verdict(
        verdict.score[one], verdict.decision[one], verdict.factor[one], verdict.reason[one]
    )
