"""Objects of a table: names, positions in any form, redshifts and spectral types."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.sources.files import broker_classes, cells, sentinels
from aas2rto.sources.files.brightness import Table
from aas2rto.sources.files.cells import Flags, Floats, Texts
from aas2rto.text.words import counted

_TYPE = re.compile(
    r"(SN|SLSN|TDE|AGN|QSO|CV|KN|Ia|Ib|Ic|II|LBV|ILRT|LRN|FBOT|Nova|Varstar|Galaxy|M dwarf|Star"
    r"|Kilonova|Afterglow|GRB|Other|Impostor|Blazar|WR|Std|PISN|Computed|Gap|Light-Echo|NA|Cepheid"
    r"|RR|Mira|AM|YSO|uLens|Microlensing)([\s\-_/I].*|[abcnPpLb]+.*)?$",
    re.IGNORECASE,
)
"""What spectral types begin with: the object types of TNS, and variable stars."""

_WEAK = frozenset({"type", "class", "classification", "obj_type"})
"""Columns that hold a spectral type only if their words look like one."""

SAME_PLACE = 5.0 / 3600.0
"""[deg] Positions within 5" in one file are of one object."""


def positions(table: Table, n: int) -> tuple[Floats, Floats, list[str]]:
    """Return ``ra, dec`` [deg] of each row, NaN where there is none, and lines about unread ones.

    Parameters
    ----------
    table : mapping
        Columns by role.
    n : int
        Rows.
    """
    if "ra" in table and "dec" in table:
        parts = [(table["ra"].cells, table["ra"].unit), (table["dec"].cells, table["dec"].unit)]
    elif "place" in table:
        ra_text, dec_text = cells.place_parts(table["place"].cells)
        parts = [(ra_text, ""), (dec_text, "")]
    else:
        return np.full(n, np.nan), np.full(n, np.nan), []
    ra, bad_ra = cells.angles(parts[0][0], is_ra=True, unit=parts[0][1])
    dec, bad_dec = cells.angles(parts[1][0], is_ra=False, unit=parts[1][1])
    bad = bad_ra | bad_dec
    lines = []
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        shown = ", ".join(str(part.iloc[k]) for part, _ in parts)
        lines = [
            f"the position of {counted(int(bad.sum()), 'row')} cannot be read (first: "
            f"{shown[:60]!r} in row {k + 1}); write degrees, or 10:20:30.5 and -05:15:20"
        ]
    return np.where(bad, np.nan, ra), np.where(bad, np.nan, dec), lines


def are_one_place(ra: Floats, dec: Floats) -> bool:
    """Say whether all positions that are there lie within 5 arcsec."""
    known = np.isfinite(ra) & np.isfinite(dec)
    if not known.any():
        return True
    east = (ra[known] - ra[known][0] + 180.0) % 360.0 - 180.0
    east *= np.cos(np.deg2rad(dec[known][0]))
    return bool(np.all(np.hypot(east, dec[known] - dec[known][0]) < SAME_PLACE))


def redshifts(table: Table, n: int) -> tuple[Floats, list[str]]:
    """Return redshifts; negative and huge ones stand for unknown.

    A column ``z`` of magnitudes is no redshift, and is said so.
    """
    nothing = np.full(n, np.nan)
    if "redshift" not in table:
        return nothing, []
    column = table["redshift"]
    values = cells.numbers(column.cells).values
    known = values[np.isfinite(values) & (values > 0) & (values < sentinels.FAINTEST)]
    if len(known) and np.median(known) > 10 and column.plain == "z":
        return nothing, [
            f"the column {column.name!r} holds magnitudes rather than redshifts and "
            "is not used; one row per band is read"
        ]
    return np.where((values < 0) | (values > sentinels.LARGEST_REDSHIFT), np.nan, values), []


def spectral_types(table: Table, n: int) -> tuple[list[str | None], list[str]]:
    """Return spectral types; a column ``type`` with other words is left aside with a line."""
    if "spectral_type" not in table:
        return [None] * n, []
    column = table["spectral_type"]
    words = np.where(cells.texts(column.cells) == "-", "", cells.texts(column.cells))
    if column.plain in _WEAK:
        alien = sorted({str(w) for w in words if w and not _is_type(str(w))})
        if alien:
            shown = ", ".join(map(repr, alien[:3])) + (", ..." if len(alien) > 3 else "")
            line = f"the column {column.name!r} holds {shown}: no spectral type, not used there"
            return [w if w and _is_type(str(w)) else None for w in words], [line]
    return [str(word) or None for word in words], []


def _is_type(word: str) -> bool:
    return bool(_TYPE.match(word)) and not broker_classes.is_guess(word)


def _of_brokers(table: Table) -> dict[str, list[Any]]:
    """Return the annotations in a table, a value or None for each row."""
    found: dict[str, list[Any]] = {}
    for key in broker_classes.KEYS:
        if key in table and key != broker_classes.REDSHIFT_NEARBY:
            found[key] = broker_classes.said(cells.texts(table[key].cells))
        elif key in table:
            values = cells.numbers(table[key].cells).values
            found[key] = [float(z) if z > 0 else None for z in values]
    for key in table:
        if key not in found and broker_classes.is_annotation(key):
            found[key] = _annotation(table[key].cells)
    return found


def _annotation(column: pd.Series) -> list[Any]:
    """Return what a broker says in each row: numbers where it is one, else texts."""
    number = cells.numbers(column)
    if not number.strange.any():
        return [None if math.isnan(value) else value for value in number.values.tolist()]
    return [word or None for word in cells.texts(column)]


def rows(
    table: Table, ids: Texts, survey: Texts, known_at: Floats, is_later: Flags
) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]], list[str]]:
    """Return objects, what rows say of them, and lines about what cannot be read.

    One row per object and survey: where it was first, and since when it is known. Redshift, type,
    name and what brokers say are facts, once for each time that they change, as tuples of
    `aas2rto.tables.report.FACT_COLUMNS`.
    """
    n = len(ids)
    ra, dec, lines = positions(table, n)
    if not np.isfinite(ra).any():
        return [], [], lines
    redshift, more = redshifts(table, n)
    types, others = spectral_types(table, n)
    names = [str(w) or None for w in cells.texts(table["tns"].cells)] if "tns" in table else None
    frame = pd.DataFrame(
        {"object_id": ids, "survey": survey, "ra": ra, "dec": dec, "known_at": known_at}
    )
    good = np.isfinite(ra) & np.isfinite(dec) & (ids != "") & ~is_later
    first = frame[good].sort_values("known_at", kind="stable")
    first = first.drop_duplicates(["object_id", "survey"]).sort_index()
    objects = [
        {str(key): value for key, value in row.items() if not pd.isna(value)}
        for row in first.to_dict("records")
    ]
    facts: list[tuple[Any, ...]] = []
    told = {"redshift": redshift, "spectral_type": types, "name": names, **_of_brokers(table)}
    for key, values in told.items():
        if values is not None:
            facts += _changes(key, frame.assign(value=pd.Series(values))[good])
    return objects, facts, [*lines, *more, *others]


def _changes(key: str, rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return what rows say of objects, once for each time that it changes."""
    rows = rows[rows["value"].notna() & (rows["value"] != "")]
    rows = rows.sort_values("known_at", kind="stable")
    rows = rows.drop_duplicates(["object_id", "known_at"], keep="last")
    before = rows.groupby("object_id")["value"].shift()
    new = rows[before.isna() | (rows["value"] != before)]
    columns = (new[name].tolist() for name in ("object_id", "known_at", "value"))
    return [(name, key, value, at, "") for name, at, value in zip(*columns, strict=True)]
