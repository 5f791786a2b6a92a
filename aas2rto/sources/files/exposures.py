"""Files of ATLAS's forced photometry server: single exposures, joined as the live source does."""

from __future__ import annotations

import math

import pandas as pd

from aas2rto.sources import atlas_photometry
from aas2rto.sources.files import cells
from aas2rto.sources.files.account import Account, of_points
from aas2rto.text.words import counted

NAMES = (*atlas_photometry.NUMBERS, "F", "Obs")
LOWER_NAMES = frozenset(name.lower() for name in NAMES) | {"ra", "dec"}


def is_atlas(names: list[str]) -> bool:
    """Say whether columns are those of ATLAS's server."""
    return {name.lower() for name in NAMES} <= {name.strip("#").lower() for name in names}


def stacked(
    frame: pd.DataFrame, *, now: float = math.inf, after: float = -math.inf
) -> tuple[pd.DataFrame, list[str], Account]:
    """Cut on quality and join the exposures of each visit.

    Parameters
    ----------
    frame : DataFrame
        As delivered, of one object.
    now, after : float
        Points later than `now`, and those taken until `after`, are counted as such [d, MJD UTC].

    Returns
    -------
    points : DataFrame
        As :func:`aas2rto.sources.atlas_photometry.stack` gives them.
    lines : list of str
        How many exposures were left out, and why.
    account : Account
        What became of each exposure.
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
    mjd = points["mjd"].to_numpy(float)
    later, before = mjd > now, mjd <= after
    used = points[~later & ~before]
    n = points["exposures"].to_numpy(int)
    account = of_points(
        used,
        stacked=int(n[~later & ~before].sum()),
        left_out=len(table) - len(kept),
        twice=again,
        later=int(n[later].sum()),
        before=int(n[before].sum()),
    )
    return points.drop(columns="exposures"), lines, account
