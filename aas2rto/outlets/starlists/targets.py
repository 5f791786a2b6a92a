"""The table of targets that every star list is written from: columns, in observing order.

Other people's words are made plain here, once: what a dialect writes is ASCII, and holds no sign
that any of them takes for the beginning of a comment, a column or a line.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd

from aas2rto.errors import InputError
from aas2rto.outlets.starlists.names import UNLIMITED, short_names
from aas2rto.tables.sexagesimal import COLONS, Marks, degrees, hours

COLUMNS: dict[str, object] = {
    "name": "",
    "ra": np.nan,
    "dec": np.nan,
    "mag": np.nan,
    "band": "",
    "rank": np.nan,
    "score": np.nan,
    "exposure_s": np.nan,
    "start": np.nan,
    "max_airmass": np.nan,
    "moon_sep": np.nan,
    "too": False,
    "standard": False,
    "comment": "",
}
"""Columns and what stands for a missing one: ``ra, dec`` [deg, ICRS], ``mag`` [mag, AB] in
``band``, ``exposure_s`` [s] with overheads, ``start`` [d, MJD UTC] (NaN: not planned),
``max_airmass`` and ``moon_sep`` [deg]: limits; ``standard``: a standard star."""

LONGEST_COMMENT = 60
"""Signs; the dialect with a limit for its lines (Blanco: 78) has no comment at all."""

_SPECIAL = re.compile(r"[^A-Za-z0-9 .:/+()%_-]+")


def conform(table: pd.DataFrame) -> pd.DataFrame:
    """Give a table all columns of `COLUMNS`, standards at its end.

    Parameters
    ----------
    table : DataFrame
        At least ``name, ra, dec``, in observing order.

    Raises
    ------
    InputError
        If a target has no position: it would be lost without a word.
    """
    made = {}
    for name, missing in COLUMNS.items():
        column = table[name] if name in table else pd.Series([missing] * len(table))
        made[name] = column.to_numpy(float if isinstance(missing, float) else object)
    found = pd.DataFrame(made)
    ra, dec = found["ra"].to_numpy(float), found["dec"].to_numpy(float)
    good = np.isfinite(ra) & (np.abs(dec) <= 90)
    if not good.all():
        lost = ", ".join(plain(str(name)) for name in found.loc[~good, "name"])
        raise InputError(f"no position for {lost}; a star list needs one for each target")
    found["ra"] = np.mod(ra, 360.0)
    found["too"], found["standard"] = (found[one].astype(bool) for one in ("too", "standard"))
    return found.sort_values("standard", kind="stable").reset_index(drop=True)


def plain(text: str, most: int = LONGEST_COMMENT) -> str:
    r"""Return other people's words as ASCII without commas, quotes and marks of comments.

    Examples
    --------
    >>> plain('rank 1, "rising"; #2 of \u03b2 Céti\n! end')
    'rank 1 rising 2 of Ceti end'
    """
    letters = unicodedata.normalize("NFKD", text[: 8 * most])
    letters = "".join(one for one in letters if not unicodedata.combining(one))
    words = " ".join(_SPECIAL.sub(" ", letters).split())
    # A spreadsheet runs what begins with these.
    return words.lstrip("+- ")[:most].rstrip()


def labelled(table: pd.DataFrame, longest: int = UNLIMITED) -> pd.DataFrame:
    """Add ``label``: unique short names, and to the comments of those that changed the full ones.

    Parameters
    ----------
    table : DataFrame
        From `conform`.
    longest : int
        Signs of a label.
    """
    names = [str(name) for name in table["name"]]
    labels = short_names(names, longest)
    comments = []
    for name, label, comment in zip(names, labels, table["comment"].tolist(), strict=True):
        full = "" if label == name else plain(name)
        comments.append(plain(f"{full} {comment}".strip()))
    return table.assign(label=labels, comment=comments)


def positions(
    table: pd.DataFrame, decimals: int, *, ra: Marks = COLONS, dec: Marks | None = None
) -> list[tuple[str, str]]:
    """Return right ascensions with `decimals` digits of a second, declinations with one less."""
    return list(
        zip(
            hours(table["ra"].to_numpy(float), decimals, ra),
            degrees(table["dec"].to_numpy(float), decimals - 1, dec or ra),
            strict=True,
        )
    )


def number(value: float, form: str = ".1f", missing: str = "") -> str:
    """Write a number, or what stands for one that is not known."""
    return format(value, form) if np.isfinite(value) else missing
