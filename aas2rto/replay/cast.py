"""Who is who in a replay: whether a candidate is a success, its true peak, its first alert."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.replay.truth import Truth

Floats = NDArray[np.float64]
Kinds = NDArray[np.int8]

UNKNOWN, CLASS, NEITHER, OTHER = 0, 1, 2, 3
"""No truth; a success; related, and neither a success nor a contaminant; a contaminant."""

SN_IA = ("SN Ia", "SN Ia-91T", "SN Ia-91bg")
SN_IA_KIN = ("SN Ia-pec", "SN Iax", "SN Ia-CSM")
"""Thermonuclear, too, but no success; and no contaminant."""

WITHIN = 2.0
"""So close to its peak [d], a spectrum is what was wanted (A&A 698, A153, Sect. 3)."""

_ENDING = re.compile(r"(?:like|norm|normal)$")


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
    neither = _neither(chosen)
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


def kinds_of(types: NDArray[np.object_], chosen: Sequence[str], neither: Sequence[str]) -> Kinds:
    """Return the kind of each type, by `plain`; an empty type is unknown."""
    good, related = {plain(name) for name in chosen}, {plain(name) for name in neither}

    def kind(name: str) -> int:
        key = plain(name)
        if not name:
            return UNKNOWN
        return CLASS if key in good else NEITHER if key in related else OTHER

    codes, different = pd.factorize(types)
    return np.array([kind(str(name)) for name in different], dtype=np.int8)[codes]


def plain(name: str) -> str:
    """Return a type as it is compared.

    Examples
    --------
    >>> plain("SN Ia-91T-like"), plain("SNIa norm"), plain("Ia"), plain("TDE")
    ('ia91t', 'ia', 'ia', 'tde')
    """
    text = re.sub(r"[^a-z0-9]+", "", name.casefold())
    return _ENDING.sub("", text.removeprefix("sn")) or text


def _neither(chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the types that are too near to the class to be contaminants of it."""
    mine = {plain(name) for name in chosen}
    if not mine & {plain(name) for name in SN_IA}:
        return ()
    return tuple(name for name in (*SN_IA, *SN_IA_KIN) if plain(name) not in mine)


def label_of(chosen: Sequence[str]) -> str:
    """Return what the class is called."""
    if {plain(name) for name in chosen} == {plain(name) for name in SN_IA}:
        return "SNe Ia"
    return ", ".join(chosen)
