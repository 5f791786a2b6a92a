"""Catalogues of the Isaac Newton Group, and of ESO's control systems at La Silla."""

from __future__ import annotations

import pandas as pd

from aas2rto.outlets.starlists.dialect import Dialect, lines
from aas2rto.outlets.starlists.targets import number, plain, positions
from aas2rto.tables.sexagesimal import BLANKS, PACKED


def ing(table: pd.DataFrame) -> str:
    """Write a catalogue of WHT and INT: blanks, no tabs, ``J2000`` also for ICRS positions."""
    found = []
    for row, (ra, dec) in zip(
        table.to_dict("records"), positions(table, 3, ra=BLANKS), strict=True
    ):
        mark = f" ! {row['comment']}" if row["comment"] else ""
        found.append(f"{row['label']} {ra} {dec} J2000{mark}")
    return lines(found)


def eso(table: pd.DataFrame) -> str:
    """Write a catalogue of FEROS at the 2.2 m: packed positions; a comment needs two motions."""
    found = []
    for row, (ra, dec) in zip(
        table.to_dict("records"), positions(table, 3, ra=PACKED), strict=True
    ):
        mag = number(row["mag"], ".1f")
        told = " ".join(filter(None, [f"mag {mag}" if mag else "", row["comment"]]))
        found.append(f"{row['label']} {ra} {dec} 2000.0 0.0 0.0 {plain(told)}".rstrip())
    return lines(found)


ING = Dialect(
    "ing",
    "ING: William Herschel and Isaac Newton telescopes",
    ".cat",
    "ing.iac.es/Astronomy/telescopes/wht/catformat.html",
    20,
    ing,
)
ESO = Dialect(
    "eso",
    "ESO La Silla",
    ".cat",
    "eso.org/sci/facilities/lasilla/instruments/feros/tools/TCS-Catalogues",
    30,
    eso,
)
