"""Points off for what is known well already: the common variables."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import Field

from aas2rto.factors import POINTS, Factor, Needs, answer, entries, factor
from aas2rto.text.late import sentences


@factor("known_type", needs=Needs.LIGHT_CURVE, scale=POINTS)
def known_type(
    candidates: pd.DataFrame,
    now: Time,
    *,
    types: Annotated[tuple[str, ...], Field(min_length=1)],
    points: float = -40.0,
    columns: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "antares_known_type",
        "antares_catalogs",
        "antares_tags",
    ),
) -> Factor:
    """Take points off what a catalogue, a tag or a property calls a common type.

    Parameters
    ----------
    candidates : DataFrame
        Reads the annotations `columns`, each a text or a list of texts.
    now : Time
        Not used.
    types : tuple of str
        The types, or catalogues of such; ``RR*`` stands for all that begin so, and capitals do
        not matter.
    points : float
        Given once, however many say so; negative takes them off.
    columns : tuple of str
        Names of the annotations.

    Returns
    -------
    Factor
        0 where no type is known.
    """
    wanted = [one.lower() for one in types]
    given = [entries(candidates, name) for name in columns]
    known = [tuple(one for one in row if one is not None) for row in zip(*given, strict=True)]
    found = [_first(row, wanted) for row in known]

    def sentence(row: int) -> str:
        if found[row]:
            return f"known as {found[row]}"
        return "no known type" if any(known[row]) else "nothing is known of its type"

    value = np.array([points if one else 0.0 for one in found])
    reason = sentences(len(found), sentence)
    return answer(value, reason=reason, known_as=np.array(found, dtype=object))


def _first(row: Sequence[Sequence[str]], wanted: Sequence[str]) -> str:
    """Return the first text that is one of the types; empty if none is."""
    texts = (text for one in row for text in one)
    return next((t for t in texts if any(fnmatchcase(t.lower(), one) for one in wanted)), "")
