"""Star lists of Keck and Lick: a name in 16 columns, blanks between fields, keys, a comment."""

from __future__ import annotations

import pandas as pd

from aas2rto.outlets.starlists.dialect import Dialect, lines
from aas2rto.outlets.starlists.targets import number, positions
from aas2rto.tables.sexagesimal import BLANKS

NAME = 15
"""Signs of a name; the position begins in column 17."""


def keck(table: pd.DataFrame) -> str:
    """Write a list of Keck: ``vmag`` only for what was measured in V, as its page asks."""
    found = []
    for row, (ra, dec) in zip(
        table.to_dict("records"), positions(table, 3, ra=BLANKS), strict=True
    ):
        mag = number(row["mag"], ".2f")
        is_v = str(row["band"]).lower().endswith("v")
        key = f" vmag={mag}" if mag and is_v else ""
        told = f"mag {mag} {row['band']}" if mag and not is_v else ""
        comment = " ".join(filter(None, [told.strip(), row["comment"]]))
        mark = f" # {comment}" if comment else ""
        found.append(f"{row['label']:<{NAME}} {ra} {dec} 2000.0{key}{mark}")
    return lines(found)


def lick(table: pd.DataFrame) -> str:
    """Write the same below the line that names its columns."""
    head = "!Data {name %16} ra_h ra_m ra_s dec_d dec_m dec_s equinox keyval {comment *}\n"
    return head + keck(table)


KECK = Dialect(
    "keck",
    "Keck I and II",
    ".txt",
    "www2.keck.hawaii.edu/inst/ao/starlist.html",
    NAME,
    keck,
)
LICK = Dialect(
    "lick", "Lick, Shane 3 m", ".txt", "header line of SkyPortal's utils/offset.py", NAME, lick
)
