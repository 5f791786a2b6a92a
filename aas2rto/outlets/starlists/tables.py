"""Tables for programs: CSV, VOTable, DS9 regions, and the import of Gemini's Explore."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd

from aas2rto.outlets.starlists.dialect import Dialect, lines
from aas2rto.outlets.starlists.names import UNLIMITED
from aas2rto.outlets.starlists.targets import number, plain, positions

DECIMALS = 7
"""Of degrees: 0.4 mas."""

_MARK = re.compile(r"<!--.*?-->\s*", re.DOTALL)


def plain_csv(table: pd.DataFrame) -> str:
    """Write one row for each target, with degrees and sexagesimal positions."""
    found = ["name,ra,dec,ra_hms,dec_dms,mag,band,rank,exposure_s,comment"]
    for row, (ra, dec) in zip(table.to_dict("records"), positions(table, 3), strict=True):
        cells = [
            row["label"],
            f"{_ra(row['ra'])},{row['dec']:.{DECIMALS}f},{ra},{dec}",
            number(row["mag"], ".2f"),
            _word(row["band"]),
            number(row["rank"], ".0f"),
            number(row["exposure_s"], ".0f"),
            row["comment"],
        ]
        found.append(",".join(cells))
    return lines(found)


def gemini(table: pd.DataFrame) -> str:
    """Write the table that Explore imports; the magnitudes of each band in columns of its own."""
    bands = sorted({_sloan(str(one)) for one in table["band"]} - {""})
    head = [name for band in bands for name in (band, f"{band}_unit")]
    found = [",".join(["Name,RAJ2000,DECJ2000,Epoch,pmRa,pmDec", *head])]
    for row, (ra, dec) in zip(table.to_dict("records"), positions(table, 3), strict=True):
        cells = [row["label"], ra, dec, "J2000.000", "0.0", "0.0"]
        for band in bands:
            has = _sloan(str(row["band"])) == band and np.isfinite(row["mag"])
            cells += [f"{row['mag']:.2f}", "AB mag"] if has else ["", ""]
        found.append(",".join(cells))
    return lines(found)


def _sloan(band: str) -> str:
    """Return Explore's name of a band such as ``ztfr``; empty if it has none."""
    letter = band[-1:].lower()
    return f"Sloan_{letter}" if letter in set("ugriz") else ""


def ds9(table: pd.DataFrame) -> str:
    """Write regions for DS9: ICRS [deg], names without brackets."""
    found = [
        "# Region file format: DS9 version 4.1",
        "global color=green font='helvetica 10 normal roman'",
        "icrs",
    ]
    found += [
        f"point({_ra(row['ra'])},{row['dec']:.{DECIMALS}f}) # point=circle text={{{row['label']}}}"
        for row in table.to_dict("records")
    ]
    return lines(found)


def votable(table: pd.DataFrame) -> str:
    """Write a VOTable, with units and UCDs, so that TOPCAT and Aladin know the positions."""
    from astropy.io.votable import from_table  # noqa: PLC0415 - half a second
    from astropy.table import Table  # noqa: PLC0415

    names = ("ra", "dec", "mag", "rank", "exposure_s")
    made = Table({"name": np.array(table["label"].tolist(), dtype="S")})
    for name in names:
        made[name] = table[name].to_numpy(float)
    for name in ("band", "comment"):
        made[name] = np.array([_word(one) for one in table[name]], dtype="S")
    for name, unit in {"ra": "deg", "dec": "deg", "mag": "mag", "exposure_s": "s"}.items():
        made[name].unit = unit
    whole = from_table(made)
    ucds = {"name": "meta.id;meta.main", "ra": "pos.eq.ra;meta.main", "dec": "pos.eq.dec;meta.main"}
    for field in whole.get_first_table().fields:
        field.ucd = ucds.get(field.name)
    out = io.BytesIO()
    whole.to_xml(out)
    # Astropy's own mark would change the bytes with its version.
    return _MARK.sub("", out.getvalue().decode("ascii"))


def _ra(value: float) -> str:
    """Write degrees below 360 also after rounding."""
    return f"{round(value, DECIMALS) % 360.0:.{DECIMALS}f}"


def _word(value: object) -> str:
    return plain(str(value or ""))


CSV = Dialect("csv", "any program, spreadsheets", ".csv", "RFC 4180", UNLIMITED, plain_csv)
GEMINI = Dialect(
    "gemini", "Gemini, Explore", ".csv", "explore-help-docs, target import", UNLIMITED, gemini
)
DS9 = Dialect("ds9", "SAOImage DS9", ".reg", "ds9.si.edu/doc/ref/region.html", UNLIMITED, ds9)
VOTABLE = Dialect(
    "votable", "TOPCAT, Aladin", ".vot", "IVOA VOTable 1.4, UCD1+", UNLIMITED, votable
)
