"""Who is who in a replay: whether a candidate is a success, its true peak, its first alert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.replay.truth import Truth
from aas2rto.tables.transient_types import (
    CLASS,
    NEITHER,
    OTHER,
    SN_IA,
    SN_IA_KIN,
    UNKNOWN,
    WITHIN,
    Kinds,
    kinds_of,
    label_of,
    neither_of,
    plain,
)

__all__ = [
    "CLASS",
    "NEITHER",
    "OTHER",
    "SN_IA",
    "SN_IA_KIN",
    "UNKNOWN",
    "WITHIN",
    "Cast",
    "cast_of",
    "kinds_of",
    "label_of",
    "plain",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cast:
    """The candidates of a replay, in the order of their ids.

    Parameters
    ----------
    ids : Index of str
    kind : ndarray of int8
        `UNKNOWN`, `CLASS`, `NEITHER` or `OTHER`.
    peak, mag : ndarray of float
        True peak [d, MJD UTC] and its magnitude; NaN where unknown.
    first_known : ndarray of float
        When the first alert arrived [d, MJD UTC].
    label : str
        What the class is called, in the plural.
    neither : tuple of str
        Types that count as neither.
    has_truth : bool
    is_sn_ia : bool
        Whether the class is that of SNe Ia, so that a P(SN Ia) is one of it.
    """

    ids: pd.Index
    kind: Kinds
    peak: Floats
    mag: Floats
    first_known: Floats
    label: str
    neither: tuple[str, ...] = ()
    has_truth: bool = True
    is_sn_ia: bool = True

    def counts(self) -> dict[str, int]:
        """Return how many candidates are of which kind."""
        names = ("unknown", "class", "neither", "other")
        return {name: int((self.kind == k).sum()) for k, name in enumerate(names)}


def cast_of(objects: pd.DataFrame, truth: Truth | None, classes: Sequence[str] | None) -> Cast:
    """Bring candidates and truth together.

    Parameters
    ----------
    objects : DataFrame
        ``candidate_id, first_known``, each candidate once.
    truth : Truth or None
    classes : sequence of str or None
        Types that are a success; None or none: `SN_IA`.
    """
    objects = objects.sort_values("candidate_id", kind="stable")
    ids = pd.Index(objects["candidate_id"].to_numpy(object))
    chosen = tuple(classes or SN_IA)
    neither = neither_of(chosen)
    kind = np.zeros(len(ids), dtype=np.int8)
    peak, mag = np.full(len(ids), np.nan), np.full(len(ids), np.nan)
    if truth is not None and len(truth.table):
        table = truth.table
        at = ids.get_indexer(pd.Index(table["candidate_id"].to_numpy(object)))
        known = at >= 0
        kind[at[known]] = kinds_of(table["type"].to_numpy(object)[known], chosen, neither)
        peak[at[known]] = table["peak_mjd"].to_numpy(float)[known]
        mag[at[known]] = table["peak_mag"].to_numpy(float)[known]
    first = objects["first_known"].to_numpy(float)
    label, is_ia = label_of(chosen), "ia" in {plain(name) for name in chosen}
    return Cast(ids, kind, peak, mag, first, label, neither, truth is not None, is_ia)
