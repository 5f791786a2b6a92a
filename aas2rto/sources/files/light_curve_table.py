"""Tables of light curves and of objects, in any format and with whatever column names.

`read` turns a file into a sheet, `contents` a sheet into the program's own form; the archive
and ``aas2rto explain --light-curve`` both go through them. What a column may be called stands
in `spellings`, what units mean in `units`, how brightness is read in `brightness`.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.errors import InputError
from aas2rto.sources.files import (
    alert_files,
    broker_classes,
    cells,
    exposures,
    light_curve_rows,
    object_rows,
    tables,
)
from aas2rto.sources.files.brightness import Column, Table
from aas2rto.sources.files.cells import Texts
from aas2rto.sources.files.history_columns import add_chunk
from aas2rto.sources.files.sheet import Sheet
from aas2rto.sources.files.spellings import COLUMNS, found_in, looks_measured, name_of
from aas2rto.sources.files.surveys import OTHER_SURVEY, surveys
from aas2rto.sources.packets.batch import Batch
from aas2rto.tables import photometry

__all__ = [
    "OTHER_SURVEY",
    "Contents",
    "InputError",
    "LightCurve",
    "contents",
    "read",
    "read_light_curve",
]

TIMES = ("mjd", "jd", "time", "mjd_tai", "jd_tcb")
MEASURED = ("mag", "flux", "limit")

_RUBIN = frozenset({"diaobjectid", "midpointmjdtai", "diasourceid"})
"""Names of columns that only Rubin's tables have."""

read = tables.read


@dataclass(frozen=True)
class Contents:
    """What a table says.

    Parameters
    ----------
    objects : list of dict
        Rows of a report's objects, those with a position.
    facts : list of tuple
        What the rows say of them, as `aas2rto.tables.report.fact_table` takes it.
    photometry : DataFrame
        As in :mod:`aas2rto.tables.photometry`, without ``source``.
    later : list of float
        When the rows that are still to come will be known [d, MJD UTC].
    problems : tuple of str
        One line each, without the name of the file.
    notes : tuple of str
        What became of all rows, where they are not simply detections and limits.
    """

    objects: list[dict[str, Any]]
    facts: list[tuple[Any, ...]]
    photometry: pd.DataFrame
    later: list[float]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LightCurve:
    """The light curve of one object, and what its file says of the object.

    Parameters
    ----------
    photometry : DataFrame
        As in :mod:`aas2rto.tables.photometry`, sorted by time.
    problems : tuple of str
        A line for each thing in the file that was left out.
    notes : tuple of str
        As of `Contents`.
    ra, dec : float or None
        ICRS [deg].
    redshift : float or None
    suspicions : DataFrame or None
        ``survey, measurement_id, why`` of suspect points.
    """

    photometry: pd.DataFrame
    problems: tuple[str, ...]
    ra: float | None = None
    dec: float | None = None
    redshift: float | None = None
    suspicions: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()


def read_light_curve(path: Path, *, candidate_id: str) -> LightCurve:
    """Read the light curve of one object from a file, as the archive reads it.

    Parameters
    ----------
    path : Path
        A table in any format of `read`; it needs no identifier.
    candidate_id : str
        What to call the object.

    Raises
    ------
    InputError
        If the file cannot be read, or holds several objects or no usable measurement.
    """
    try:
        found, redshift = alert_files.guarded(path, lambda: _read_one(path, candidate_id))
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error
    objects = found.photometry["candidate_id"].unique().tolist()
    if len(objects) != 1:
        what = f"{len(objects)} objects ({', '.join(objects[:3])}, ...)" if objects else "no"
        why = "; ".join(found.problems)
        raise InputError(
            f"{path}: holds {what}{'' if objects else ' usable measurement'}; give the light curve "
            f"of one object{f': {why}' if why else ''}"
        )
    rows = found.photometry.assign(candidate_id=candidate_id, source="file")
    told: dict[str, Any] = found.objects[0] if found.objects else {}
    known = {key: value for _, key, value, *_ in found.facts}
    table = photometry.conform(rows.sort_values("mjd", kind="stable"))
    doubted = table[table[photometry.WHY] != ""] if photometry.WHY in table else table.iloc[:0]
    return LightCurve(
        table[list(photometry.COLUMNS)],
        found.problems,
        told.get("ra"),
        told.get("dec"),
        known.get("redshift", redshift),
        doubted.reindex(columns=["survey", "measurement_id", photometry.WHY]),
        found.notes,
    )


def _read_one(path: Path, candidate_id: str) -> tuple[Contents, float | None]:
    if alert_files.holds_alerts(path):
        return _from_alerts(path), None
    sheet = read(path)
    return _named(path, sheet, candidate_id), _redshift_alone(sheet)


def _named(path: Path, sheet: Sheet, candidate_id: str) -> Contents:
    try:
        return contents(sheet, name=candidate_id)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _from_alerts(path: Path) -> Contents:
    """Read the alerts of a file, with their histories."""
    batch = Batch("file")
    for chunk in alert_files.alerts(path):
        add_chunk(chunk, batch, [""] * len(chunk.alerts))
    tables_of = batch.tables()
    rows: list[dict[str, Any]] = [
        {str(k): v for k, v in row.items() if not pd.isna(v)}
        for row in tables_of.objects.to_dict("records")
    ]
    facts = list(tables_of.facts.itertuples(index=False, name=None))
    return Contents(rows, facts, tables_of.photometry, [], tables_of.problems)


def _redshift_alone(sheet: Sheet) -> float | None:
    """Return the redshift of a table without a position."""
    table = _table(sheet)
    values = object_rows.redshifts(table, len(sheet.frame))[0]
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) else None


_ZTF_NAME = re.compile(r"ZTF\d{2}[a-z]{7}")


def name_of_file(path: Path) -> str:
    """Return what the object of a file without identifiers is called.

    Examples
    --------
    >>> name_of_file(Path("ZTF18abbuive_non_detections.csv")), name_of_file(Path("sn1.csv"))
    ('ZTF18abbuive', 'sn1')
    """
    ztf = _ZTF_NAME.search(path.stem)
    return ztf.group() if ztf else path.stem


def contents(
    source: Sheet | pd.DataFrame,
    *,
    name: str = "",
    now: float = math.inf,
    after: float = -math.inf,
) -> Contents:
    """Convert a table.

    Parameters
    ----------
    source : Sheet or DataFrame
        One row per measurement, or one per object.
    name : str
        What to call the object of a light curve without an identifier.
    now, after : float
        Rows known later than `now` wait; those known until `after` were taken before
        [d, MJD UTC]. A row without ``known_at`` is known when it was measured.

    Raises
    ------
    InputError
        If a column is missing without which nothing can be done; all that miss, together.
    """
    sheet = source if isinstance(source, Sheet) else Sheet(source)
    is_atlas = exposures.is_atlas([str(column) for column in sheet.frame.columns])
    table = _table(sheet)
    is_object_table = not is_atlas and _check(table, sheet, name)
    if sheet.frame.empty:
        empty = "holds a header, but no rows"
        return Contents([], [], photometry.empty(), [], (empty, *sheet.lines))
    if is_atlas:
        return _atlas(sheet, name, now, after)
    n = len(sheet.frame)
    if is_object_table:
        return _object_table(table, sheet, n, now)
    ids, table = _identify(table, name, n)
    rows = light_curve_rows.read(table, ids, now=now, after=after)
    objects, facts, more = object_rows.rows(table, ids, rows.survey, rows.known_at, rows.is_later)
    lines = [*sheet.lines, *rows.lines, *more, _unused(sheet, table)]
    return Contents(
        objects,
        facts,
        rows.photometry,
        rows.known_at[rows.is_later].tolist(),
        tuple(line for line in lines if line),
        tuple(filter(None, [rows.account.line()])),
    )


def _table(sheet: Sheet) -> dict[str, Column]:
    """Return the columns by role; those of errors go to what they are errors of."""
    frame = sheet.with_facts()
    table = {}
    for role, raw in found_in(map(str, frame.columns)).items():
        taken = name_of(raw)
        column = frame[raw]
        if taken.offset:
            full = cells.numbers(column).values + taken.offset
            column = pd.Series(full, index=frame.index, name=raw)
        table[role] = Column(column, raw, taken.plain, sheet.units.get(raw, "") or taken.unit)
    error = table.pop("error", None)
    if error is not None:
        of = "magerr" if "mag" in table and "magerr" not in table else "flux_err"
        if of not in table and (of == "magerr" or "flux" in table):
            table[of] = error
    if {name_of(str(raw)).plain for raw in frame.columns} & _RUBIN:
        table.setdefault("survey", _constant("lsst", frame))
    found = _of_brokers(table, frame)
    return table | found


def _of_brokers(table: dict[str, Column], frame: pd.DataFrame) -> dict[str, Column]:
    """Take what is a broker's guess out of the roles of types and redshifts."""
    names, found = list(dict.fromkeys(map(str, frame.columns))), dict[str, Column]()
    for raw in names:
        if not (broker_classes.may_be(raw) or broker_classes.is_annotation(raw)):
            continue
        column = Column(frame[raw], raw, name_of(raw).plain)
        if not broker_classes.may_be(raw):
            found.setdefault(raw.strip(), column)
            continue
        key = broker_classes.key_of(raw, names, cells.texts(column.cells))
        if key and key not in found:
            found[key] = column
    type_column = table.get("spectral_type")
    if type_column is not None and type_column.name in {one.name for one in found.values()}:
        words = broker_classes.spectral(cells.texts(type_column.cells))
        of_tns = pd.Series(words, index=frame.index, dtype=object)
        table["spectral_type"] = replace(type_column, cells=of_tns)
    if "redshift" in table and broker_classes.is_nearby(table["redshift"].name, names):
        found[broker_classes.REDSHIFT_NEARBY] = table.pop("redshift")
    return found


def _constant(value: str, frame: pd.DataFrame) -> Column:
    return Column(pd.Series(value, index=frame.index, dtype=object), "survey", "survey")


def _check(table: Table, sheet: Sheet, name: str) -> bool:
    """Return True for a table of objects; complain of what misses in one of light curves."""
    has_place = ("ra" in table and "dec" in table) or "place" in table
    has_time, has_flux = any(t in table for t in TIMES), any(m in table for m in MEASURED)
    if "id" in table and has_place and not (has_flux and (has_time or "band" in table)):
        ids = table["id"].cells
        if not has_flux or not ids.duplicated().any():
            return True
    has_errors = "magerr" in table or _is_gaia(table)
    missing = [
        f"{what} (accepted: {_accepted(roles)})"
        for what, roles, there in (
            ("an identifier", ("id",), "id" in table or (name and has_flux)),
            ("a time", TIMES, has_time),
            ("a band", ("band",), "band" in table),
            ("a magnitude, flux or limit", MEASURED, has_flux),
            ("magnitude errors", ("magerr",), "mag" not in table or has_errors or "flux" in table),
            (
                "flux errors",
                ("flux_err",),
                "flux" not in table or "flux_err" in table or "mag" in table,
            ),
        )
        if not there
    ]
    if missing:
        raise InputError(
            f"misses {'; '.join(missing)}; its columns are "
            f"{', '.join(sheet.all_names[:20]) or 'none'}"
        )
    return False


def _accepted(roles: tuple[str, ...]) -> str:
    """Name some spellings; all of them would fill the screen."""
    each = 6 if len(roles) == 1 else 2
    shown = [alias for role in roles for alias in COLUMNS[role][:each]]
    return f"{', '.join(shown)}, ...; 'aas2rto list columns' shows all"


def _is_gaia(table: Table) -> bool:
    return "survey" in table and bool((table["survey"].cells.astype(str) == "gaia").all())


def _object_table(table: Table, sheet: Sheet, n: int, now: float) -> Contents:
    ids = cells.identifiers(table["id"].cells)
    known_at = np.full(n, math.nan)
    if "known_at" in table:
        known_at = cells.numbers(table["known_at"].cells).values
    nothing = np.full(n, "", dtype=object)
    given = cells.texts(table["survey"].cells) if "survey" in table else nothing
    is_later = known_at > now
    survey = surveys(given, nothing, ids, nothing)
    rows, facts, lines = object_rows.rows(table, ids, survey, known_at, is_later)
    n_unnamed = int((ids == "").sum())
    if n_unnamed:
        lines.append(f"{n_unnamed} of {n} rows left out: without an identifier")
    later = known_at[is_later].tolist()
    return Contents(rows, facts, photometry.empty(), later, (*sheet.lines, *lines))


def _identify(table: dict[str, Column], name: str, n: int) -> tuple[Texts, dict[str, Column]]:
    """Return the object of each row; a column that numbers the rows names measurements.

    SkyPortal's ``id`` is the number of a measurement: it differs in every row, while all rows
    are of one place.
    """
    if "id" not in table:
        _expect_one_place(table, n)
        return np.full(n, name, dtype=object), table
    column = table["id"]
    ids = cells.identifiers(column.cells)
    if column.plain == "id" and n > 1 and name:
        digits = all(str(one).isdigit() for one in ids)
        ra, dec, _ = object_rows.positions(table, n)
        if digits and len(set(ids)) == n and object_rows.are_one_place(ra, dec):
            table = {"measurement_id": column, **table}
            return np.full(n, name, dtype=object), table
    return ids, table


def _expect_one_place(table: Table, n: int) -> None:
    ra, dec, _ = object_rows.positions(table, n)
    if not object_rows.are_one_place(ra, dec):
        raise InputError(
            "has no identifier, but rows at several places: add a column such as object_id"
        )


@functools.lru_cache(maxsize=256)
def _is_aside(raw: str) -> bool:
    return not looks_measured(raw)


def _unused(sheet: Sheet, table: Table) -> str:
    """Name the columns that look like something measured and are not read."""
    read_ones = {column.name for column in table.values()}
    left = [raw for raw in sheet.all_names if raw not in read_ones and not _is_aside(raw)]
    if not left:
        return ""
    shown = ", ".join(left[:8]) + (f" and {len(left) - 8} more" if len(left) > 8 else "")
    return (
        f"not used, though they look measured: {shown} ('aas2rto list columns' says what is read)"
    )


def _atlas(sheet: Sheet, name: str, now: float, after: float) -> Contents:
    """Convert single exposures of ATLAS's forced photometry, as the live source does."""
    table = _table(sheet)
    n = len(sheet.frame)
    ids, _ = _identify(table, name, n)
    parts, lines, notes = [], list(sheet.lines), []
    for object_id in pd.unique(pd.Series(ids)):
        here = ids == object_id
        points, said, account = exposures.stacked(sheet.frame[here], now=now, after=after)
        parts.append(points.assign(candidate_id=object_id, survey="atlas"))
        begin = f"{object_id}: " if len(set(ids)) > 1 else ""
        lines += [f"{begin}{line}" for line in said]
        notes += [f"{begin}{line}" for line in [account.line()] if line]
    rows = pd.concat(parts, ignore_index=True) if parts else photometry.empty()
    rows["known_at"] = rows["mjd"]
    no = np.zeros(n, dtype=bool)
    survey = np.full(n, "atlas", dtype=object)
    mjd = cells.times(table["mjd"].cells)
    later = rows["known_at"].to_numpy(float) > now
    objects, facts, more = object_rows.rows(table, ids, survey, mjd, no | (mjd > now))
    kept = rows[~later & (rows["known_at"].to_numpy(float) > after)].reset_index(drop=True)
    waiting = rows.loc[later, "known_at"].tolist()
    return Contents(objects, facts, kept, waiting, (*lines, *more), tuple(notes))
