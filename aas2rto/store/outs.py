"""Who is out at a time, worked out in memory from all rejections and revivals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Words = NDArray[np.object_]


@dataclass(frozen=True)
class Comings:
    """All rejections, in the order in which they were stored, and all revivals.

    Parameters
    ----------
    out, back : ndarray of int
        The candidates' rows.
    out_at, back_at : ndarray of float
        [d, MJD UTC]
    factor : ndarray of str
        Which has rejected.
    """

    out: Ints
    out_at: Floats
    factor: Words
    back: Ints
    back_at: Floats

    @classmethod
    def of(cls, outs: Sequence[Any], backs: Sequence[Any]) -> Comings:
        """Return them of rows: candidate, time and factor; candidate and time."""
        return cls(*_columns(outs, 3), *_columns(backs, 2))

    def with_outs(self, rows: Sequence[Any]) -> Comings:
        """Return them with further rejections; of two at one time the first counts."""
        out, at, factor = _columns(rows, 3)
        return replace(
            self,
            out=np.append(self.out, out),
            out_at=np.append(self.out_at, at),
            factor=np.append(self.factor, factor),
        )

    def with_backs(self, rows: Sequence[Any]) -> Comings:
        """Return them with further revivals."""
        back, at = _columns(rows, 2)
        return replace(self, back=np.append(self.back, back), back_at=np.append(self.back_at, at))


def _columns(rows: Sequence[Any], n: int) -> list[Any]:
    columns = list(zip(*rows, strict=True)) or [()] * n
    types = (np.int64, np.float64, object)
    return [np.array(values, dtype=types[at]) for at, values in enumerate(columns)]


@dataclass(frozen=True)
class Out:
    """Who is out at a time, sorted by candidate.

    Parameters
    ----------
    since, until : float
        It is so from here, until before there [d, MJD UTC].
    candidate : ndarray of int
    at : ndarray of float
        Of the first rejection since the candidate was last in [d, MJD UTC].
    factor : ndarray of str
    """

    since: float
    until: float
    candidate: Ints
    at: Floats
    factor: Words

    def without(self, candidates: Ints) -> Out:
        """Leave some candidates out."""
        kept = ~np.isin(self.candidate, candidates)
        if kept.all():
            return self
        return replace(
            self, candidate=self.candidate[kept], at=self.at[kept], factor=self.factor[kept]
        )


def out_at(comings: Comings, now: float) -> Out:
    """Return who is out at `now` [d, MJD UTC].

    What is rejected at the time at which it came back was judged again in the same cycle.
    """
    times = np.concatenate([comings.out_at, comings.back_at])
    since = float(np.max(times[times <= now], initial=-np.inf))
    until = float(np.min(times[times > now], initial=np.inf))
    back = comings.back_at <= now
    order = np.lexsort((comings.back_at[back], comings.back[back]))
    who, last = comings.back[back][order], comings.back_at[back][order]
    place = np.searchsorted(who, comings.out, side="right") - 1
    revived = np.full(len(comings.out), -np.inf)
    if len(who):
        has = (place >= 0) & (who[place] == comings.out)
        revived[has] = last[place[has]]
    chosen = np.flatnonzero((comings.out_at <= now) & (comings.out_at >= revived))
    chosen = chosen[np.lexsort((chosen, comings.out_at[chosen], comings.out[chosen]))]
    candidate = comings.out[chosen]
    is_first = np.ones(len(chosen), dtype=bool)
    is_first[1:] = candidate[1:] != candidate[:-1]
    first = chosen[is_first]
    return Out(since, until, comings.out[first], comings.out_at[first], comings.factor[first])
