"""Types of transients: how names of the same type are spelt, and which are a success."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Kinds = NDArray[np.int8]

UNKNOWN, CLASS, NEITHER, OTHER = 0, 1, 2, 3
"""No truth; a success; related, and neither a success nor a contaminant; a contaminant."""

SN_IA = ("SN Ia", "SN Ia-91T", "SN Ia-91bg")
SN_IA_KIN = ("SN Ia-pec", "SN Iax", "SN Ia-CSM")
"""Thermonuclear, too, but no success; and no contaminant."""

WITHIN = 2.0
"""So close to its peak [d], a spectrum is what was wanted (A&A 698, A153, Sect. 3)."""

_ENDING = re.compile(r"(?:like|norm|normal)$")


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


def neither_of(chosen: Sequence[str]) -> tuple[str, ...]:
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
