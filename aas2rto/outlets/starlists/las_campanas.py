"""Catalogues of Las Campanas: Magellan and du Pont, 16 fields."""

from __future__ import annotations

import pandas as pd

from aas2rto.outlets.starlists.dialect import Dialect, lines
from aas2rto.outlets.starlists.targets import positions

NO_GUIDE_STARS = "00:00:00.0 +00:00:00 2000.0 00:00:00.0 +00:00:00 2000.0"

HEAD = (
    "# rotator offset and mode (fields 8 and 9) are those of your instrument: OFF stands here for "
    "a mode that you must choose",
    "# ref name RA Dec equinox pmRA[s/yr] pmDec[arcsec/yr] rot_offset rot_mode gp1_RA gp1_Dec "
    "gp1_eq gp2_RA gp2_Dec gp2_eq pm_epoch",
)


def las_campanas(table: pd.DataFrame) -> str:
    """Write a catalogue: seconds with decimals, as its page has them, for 0.1 arcsec."""
    found = list(HEAD)
    rows = zip(table.to_dict("records"), positions(table, 3), strict=True)
    for place, (row, (ra, dec)) in enumerate(rows, start=1):
        mark = f" # {row['comment']}" if row["comment"] else ""
        found.append(
            f"{place} {row['label']} {ra} {dec} 2000.0 0.00 0.00 0.0 OFF {NO_GUIDE_STARS} 0.0{mark}"
        )
    return lines(found)


LAS_CAMPANAS = Dialect(
    "lascampanas",
    "Las Campanas: Magellan, du Pont",
    ".cat",
    "lco.cl/observing-catalogs-format",
    30,
    las_campanas,
)
