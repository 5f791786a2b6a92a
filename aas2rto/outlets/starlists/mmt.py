"""Catalogues of the MMT and of the Blanco 4 m: free fields, none left out."""

from __future__ import annotations

import pandas as pd

from aas2rto.outlets.starlists.dialect import Dialect, lines
from aas2rto.outlets.starlists.targets import number, positions
from aas2rto.tables.sexagesimal import BLANKS

UNKNOWN_MAG = "99.9"
"""No field may be blank; that of a bright star would be believed."""

MOST_BYTES = 64 * 1024
"""Of a file of the Blanco."""


def mmt(table: pd.DataFrame) -> str:
    """Write a catalogue of the MMT: 8 fields, comments in lines of their own."""
    found = ["# name, e-mail, date of the run: please fill in"]
    for row, (ra, dec) in zip(table.to_dict("records"), positions(table, 3), strict=True):
        if row["comment"]:
            found.append(f"# {row['label']}: {row['comment']}")
        mag = number(row["mag"], ".1f", UNKNOWN_MAG)
        found.append(f"{row['label']} {ra} {dec} 0.0 0.0 {mag} - J2000")
    return lines(found)


def blanco(table: pd.DataFrame) -> str:
    """Write a list of the Blanco: no comments, which its page does not know."""
    found = [
        f"{label} {ra} {dec} 2000.0"
        for label, (ra, dec) in zip(table["label"], positions(table, 3, ra=BLANKS), strict=True)
    ]
    return lines(found)


MMT = Dialect("mmt", "MMT", ".cat", "mmto.org/?p=544, MMT catalog format", 15, mmt)
BLANCO = Dialect(
    "blanco",
    "CTIO, Blanco 4 m",
    ".txt",
    "ctio.noao.edu/new/Telescopes/Blanco4m/TCSCoordFormat.php",
    30,
    blanco,
)
