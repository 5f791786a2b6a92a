"""Star lists of the Palomar 200 inch: its control system's, and the table of NGPS."""

from __future__ import annotations

import pandas as pd

from aas2rto.outlets.starlists.dialect import Dialect, lines
from aas2rto.outlets.starlists.targets import number, positions
from aas2rto.tables.sexagesimal import BLANKS

NAME = 18
"""Signs of a name: the control system cuts at 20, SkyPortal's lists and NGPS take 18."""

NGPS_COLUMNS = (
    "NAME,RA,DECL,OFFSET_RA,OFFSET_DEC,COMMENT,PRIORITY,BINSPAT,BINSPECT,SLITANGLE,SLITWIDTH,"
    "AIRMASS_MAX,WRANGE_LOW,WRANGE_HIGH,CHANNEL,MAGNITUDE,MAGFILTER,EXPTIME,NEXP"
)


def p200(table: pd.DataFrame) -> str:
    """Write a catalogue of the control system: two blanks between fields, comments after ``!``."""
    found = []
    for row, (ra, dec) in zip(
        table.to_dict("records"), positions(table, 2, ra=BLANKS), strict=True
    ):
        mark = f"  ! {row['comment']}" if row["comment"] else ""
        found.append(f"{row['label']:<20}  {ra}  {dec}  2000.0{mark}")
    return lines(found)


def ngps(table: pd.DataFrame) -> str:
    """Write the table of NGPS; what it observes with are the defaults of SkyPortal's lists."""
    found = [NGPS_COLUMNS]
    for row, (ra, dec) in zip(table.to_dict("records"), positions(table, 3), strict=True):
        airmass = number(row["max_airmass"], ".2f", "2.5")
        magnitude = f"{number(row['mag'], '.2f')},{_filter(str(row['band']))}"
        exposure = f"SET {row['exposure_s']:.0f}" if row["exposure_s"] > 0 else "SNR 5"
        rank = number(row["rank"], ".0f", "5")
        found.append(
            f"{row['label']},{ra},{dec},,,{row['comment']},{rank},2,3,PA,1.5,{airmass},650,680,R,"
            f"{magnitude},{exposure},1"
        )
    return lines(found)


def _filter(band: str) -> str:
    """Return the filter that NGPS knows (U, G, R, I, Z) for a band such as ``ztfr``."""
    letter = band[-1:].upper()
    return letter if letter in set("UGRIZ") else "R"


P200 = Dialect(
    "p200",
    "Palomar, Hale 200 inch",
    ".txt",
    "astro.caltech.edu/palomar/200inch/tcs.html",
    NAME,
    p200,
)
NGPS = Dialect(
    "ngps", "Palomar, NGPS", ".csv", "SkyPortal, utils/offset.py (PR 5352, 5452)", NAME, ngps
)
