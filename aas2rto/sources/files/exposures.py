"""Files of ATLAS's forced photometry server: single exposures, joined as the live source does."""

from __future__ import annotations

import pandas as pd

from aas2rto.sources import atlas_photometry
from aas2rto.sources.files import cells
from aas2rto.text.words import counted

NAMES = (*atlas_photometry.NUMBERS, "F", "Obs")
LOWER_NAMES = frozenset(name.lower() for name in NAMES) | {"ra", "dec"}


def is_atlas(names: list[str]) -> bool:
    """Say whether columns are those of ATLAS's server."""
    return {name.lower() for name in NAMES} <= {name.strip("#").lower() for name in names}


def stacked(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Cut on quality and join the exposures of each visit.

    Parameters
    ----------
    frame : DataFrame
        As delivered, of one object.

    Returns
    -------
    points : DataFrame
        As :func:`aas2rto.sources.atlas_photometry.stack` gives them.
    lines : list of str
        How many exposures were left out, and why.
    """
    given = {str(name).strip("#").lower(): name for name in frame.columns}
    columns = {
        name: cells.numbers(frame[given[name.lower()]]).values for name in atlas_photometry.NUMBERS
    }
    table = pd.DataFrame(columns)
    for name in ("F", "Obs"):
        table[name] = cells.texts(frame[given[name.lower()]])
    lines = []
    timeless = table["MJD"].isna()
    bad = ~atlas_photometry.CUTS.good(table) & ~timeless
    foreign = ~table["F"].isin(list(atlas_photometry.BANDS)) & ~bad & ~timeless
    for rows, why in (
        (timeless, "without a time"),
        (bad, "fail ATLAS's quality cuts (error, edge, PSF, fit or sky)"),
        (foreign, "in another band than c and o"),
    ):
        if rows.any():
            lines.append(f"{int(rows.sum())} of {counted(len(table), 'exposure')} left out: {why}")
    points = atlas_photometry.stack(table[~timeless])
    kept = table[~(timeless | bad | foreign)]
    again = int(kept.duplicated(["F", "Obs"]).sum())
    if again:
        lines.append(f"{counted(again, 'exposure')} given twice")
    return points, lines
