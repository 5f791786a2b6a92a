"""Star lists in the dialects of telescopes: one small writer for each, one table for all.

A new dialect is a function from the table to a text, and a line in `DIALECTS`; its name stands in
`aas2rto.sky.observatory.STARLISTS` too, so that an observatory's file may choose it.
"""

from __future__ import annotations

import pandas as pd

from aas2rto.errors import UsageError
from aas2rto.outlets.starlists import (
    ing,
    keck,
    las_campanas,
    mmt,
    palomar,
    planners,
    stellarium,
    tables,
)
from aas2rto.outlets.starlists.dialect import Dialect
from aas2rto.outlets.starlists.targets import conform, labelled
from aas2rto.text.words import nearest

DIALECTS: dict[str, Dialect] = {
    one.name: one
    for one in (
        keck.KECK,
        keck.LICK,
        palomar.P200,
        palomar.NGPS,
        ing.ING,
        ing.ESO,
        las_campanas.LAS_CAMPANAS,
        mmt.MMT,
        mmt.BLANCO,
        planners.VISPLOT,
        planners.ACP,
        planners.NINA,
        stellarium.STELLARIUM,
        tables.GEMINI,
        tables.DS9,
        tables.VOTABLE,
        tables.CSV,
    )
}


def dialect(name: str) -> Dialect:
    """Return a dialect by name.

    Raises
    ------
    UsageError
        If there is none; the text offers the nearest.
    """
    if name not in DIALECTS:
        raise UsageError(
            f"--format: there is no star list {name!r}{nearest(name, DIALECTS)} "
            f"(known: {', '.join(DIALECTS)})"
        )
    return DIALECTS[name]


def write(table: pd.DataFrame, chosen: Dialect) -> str:
    """Return a star list.

    Parameters
    ----------
    table : DataFrame
        Targets in observing order, see `aas2rto.outlets.starlists.targets`.
    chosen : Dialect

    Returns
    -------
    str
        ASCII with line feeds; every target of the table once, standards last.
    """
    return chosen.write(labelled(conform(table), chosen.longest))


def labels(table: pd.DataFrame, chosen: Dialect) -> list[str]:
    """Return what the targets of a table are called in a dialect, standards last."""
    return [str(one) for one in labelled(conform(table), chosen.longest)["label"]]


def renamed(table: pd.DataFrame, chosen: Dialect) -> list[tuple[str, str]]:
    """Return the targets whose names a dialect does not take, and what they are called in it."""
    found = conform(table)
    pairs = zip(found["name"].tolist(), labels(table, chosen), strict=True)
    return [(str(name), label) for name, label in pairs if name != label]
