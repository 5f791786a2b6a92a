"""The truth that a replay is judged by: types and peaks, matched to its candidates by any name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.sources.files import alert_files, tables
from aas2rto.sources.files.alert_files import Format
from aas2rto.text.words import MJD_RANGE, counted, nearest, one_line

SPELLINGS: dict[str, tuple[str, ...]] = {
    ours: tuple(names.split())
    for ours, names in {
        "id": "id candidate_id name object object_id objectid oid ztf_id ztfid ztf_name snid "
        "diaobjectid tns tns_name iauid iau_name target",
        "type": "type sn_type true_type spectral_type classification class obj_type tns_type",
        "peak_mjd": "peak_mjd mjd_peak peakmjd t_peak tpeak t0 true_t0 peak t_max tmax peakt "
        "peak_jd jd_peak",
        "peak_mag": "peak_mag mag_peak peakmag peak_magnitude mpeak",
        "redshift": "redshift z zhel true_redshift",
        "ra": "ra ra_deg raj2000",
        "dec": "dec dec_deg decj2000 dej2000 decl",
    }.items()
}
"""Columns: ours, and how else they are called; the first that is there is read."""

NEEDED = ("id", "type")
NUMBERS = ("peak_mjd", "peak_mag", "redshift", "ra", "dec")
COLUMNS = ("candidate_id", "id", "type", *NUMBERS)

NOTHING = frozenset({"", "-", "–", "nan", "none", "null", "unknown", "n/a", "na", "other?", "<na>"})
"""What stands for a type that nobody knows, in lower case."""

MJD_0 = 2400000.5
"""Julian date of MJD 0."""

OTHER_NAME = "other name"
"""Begins the columns of what else an object is called, which is asked where its id is unknown."""

MOST_NAMED = 3
"""Names in a line; the rest is counted."""

_YEAR = re.compile(r"^(?:sn|at)(?=\d{4}[a-z]+$)")


@dataclass(frozen=True)
class Truth:
    """What is true of the candidates of a replay.

    Parameters
    ----------
    table : DataFrame
        `COLUMNS`: one row for each candidate of which something is known; ``type`` is empty and a
        number NaN where it is not. ``peak_mjd`` [d, MJD UTC], ``peak_mag`` [mag], ``ra``, ``dec``
        [deg].
    lines : tuple of str
        What had to be said about the file.
    unmatched : int
        Rows whose object the replay never heard of.
    """

    table: pd.DataFrame
    lines: tuple[str, ...] = ()
    unmatched: int = 0


def load_truth(path: Path, objects: pd.DataFrame) -> Truth:
    """Read a truth table and match it to the candidates of a replay.

    Parameters
    ----------
    path : Path
        CSV, Parquet, ECSV or VOTable with ``id, type`` and best ``peak_mjd, peak_mag``; see
        `SPELLINGS`.
    objects : DataFrame
        ``candidate_id`` and ``aliases`` (all names, separated by ``|``) of the replay.

    Returns
    -------
    Truth

    Raises
    ------
    InputError
        If the file cannot be read, or lacks names or types.
    """
    path = Path(path)
    lines: list[str] = []
    rows = _renamed(path, _read(path), lines)
    rows = _checked(rows, lines)
    table, unmatched = _matched(rows, objects, lines)
    where = one_line(path.name, 60)
    return Truth(table, tuple(f"truth {where}: {line}" for line in lines), unmatched)


def _read(path: Path) -> pd.DataFrame:
    """Return the columns of a file, named as they are there."""
    try:
        if alert_files.format_of(path) is Format.PARQUET:
            # Identifiers of 64 bits keep their digits, also where some are missing.
            table = pq.read_table(path).replace_schema_metadata(None)
            frame: pd.DataFrame = table.to_pandas(integer_object_nulls=True)
            return frame
        return tables.read(path).frame
    except OSError as error:
        why = error.strerror or one_line(str(error), 120)
        raise InputError(f"{path}: the truth table cannot be opened ({why})") from error
    except pa.ArrowException as error:
        why = one_line(str(error), 120)
        raise InputError(f"{path}: is no Parquet table ({why}); write it again") from error


def _renamed(path: Path, frame: pd.DataFrame, lines: list[str]) -> pd.DataFrame:
    """Return our columns; other spellings are taken with a line."""
    given: dict[str, str] = {}
    for raw in map(str, frame.columns):
        given.setdefault(re.sub(r"[^a-z0-9]+", "_", raw.lower()).strip("_"), raw)
    found = {
        ours: given[name]
        for ours, names in SPELLINGS.items()
        for name in [next((n for n in names if n in given), None)]
        if name is not None
    }
    for ours in NEEDED:
        if ours not in found:
            there = ", ".join(one_line(str(name), 30) for name in list(frame.columns)[:12])
            raise InputError(
                f"{path}: the truth table has no column {ours!r}{nearest(ours, given)} It needs id "
                f"and type, and best peak_mjd and peak_mag; there are: {there or 'no columns'}"
            )
    other = [f"{one_line(raw, 30)} as {ours}" for ours, raw in found.items() if raw != ours]
    if other:
        lines.append(f"took {', '.join(other)}")
    missing = [ours for ours in ("peak_mjd", "peak_mag") if ours not in found]
    if missing:
        lines.append(f"has no {' and no '.join(missing)}: what needs it is left out")
    made = {ours: frame[raw].reset_index(drop=True) for ours, raw in found.items()}
    more = [given[n] for n in SPELLINGS["id"] if n in given and given[n] != found["id"]]
    made |= {f"{OTHER_NAME} {raw}": frame[raw].reset_index(drop=True) for raw in more}
    return pd.DataFrame(made)


def _checked(rows: pd.DataFrame, lines: list[str]) -> pd.DataFrame:
    """Return names and types as texts and the rest as numbers that can be meant."""
    names = [name for name in rows if str(name).startswith(OTHER_NAME)]
    table = pd.DataFrame({name: _texts(rows[name]) for name in ("id", "type", *names)})
    table["type"] = table["type"].map(
        {
            text: "" if text.casefold() in NOTHING else one_line(text, 60)
            for text in table["type"].unique()
        }
    )
    for name in NUMBERS:
        if name not in rows:
            table[name] = np.nan
            continue
        raw = rows[name]
        table[name] = pd.to_numeric(raw, errors="coerce").to_numpy(float, na_value=np.nan)
        said = ~_texts(raw).str.casefold().isin(NOTHING).to_numpy()
        bad = int((said & ~np.isfinite(table[name])).sum())
        if bad:
            lines.append(f"{counted(bad, 'row')} with a {name} that is no number: taken as unknown")
    peak = table["peak_mjd"].to_numpy(float).copy()
    julian = np.isfinite(peak) & (peak > MJD_0)
    if julian.any():
        lines.append(f"{counted(int(julian.sum()), 'peak')} given as a Julian date: now MJD")
        peak[julian] -= MJD_0
    low, high = MJD_RANGE
    odd = np.isfinite(peak) & ~((peak >= low) & (peak <= high))
    if odd.any():
        said_of = f"{counted(int(odd.sum()), 'peak')} outside 1968 to 2077"
        lines.append(f"{said_of}: taken as unknown; give MJD")
        peak[odd] = np.nan
    return table.assign(peak_mjd=peak)


def _texts(column: pd.Series) -> pd.Series:
    """Return cells as texts; whole numbers without a point, what is missing as an empty text."""
    if pd.api.types.is_float_dtype(column):
        values = column.to_numpy(float, na_value=np.nan)
        numbers = [
            "" if np.isnan(v) else f"{v:.0f}" if v == np.rint(v) and abs(v) < 2**53 else repr(v)
            for v in values.tolist()
        ]
        return pd.Series(numbers, dtype=object)
    texts = ["" if v is None or v is pd.NA or v != v else str(v).strip() for v in column]  # noqa: PLR0124
    return pd.Series(texts, dtype=object)


def key_of(name: str) -> str:
    """Return a name as it is compared: without case and spaces, ``SN 2020abc`` as ``2020abc``."""
    return _YEAR.sub("", "".join(name.split()).casefold())


def _matched(
    rows: pd.DataFrame, objects: pd.DataFrame, lines: list[str]
) -> tuple[pd.DataFrame, int]:
    """Give each candidate the first row that has one of its names."""
    exact = _names(objects)
    nowhere: tuple[int, ...] = ()
    owners = [exact.get(name, nowhere) for name in rows["id"]]
    if not all(owners):
        alike = _alike(exact)
        for column in ("id", *(c for c in rows if str(c).startswith(OTHER_NAME))):
            pairs = zip(owners, rows[column], strict=True)
            owners = [
                own or (alike.get(key_of(name), nowhere) if name else ()) for own, name in pairs
            ]
    count = np.array([len(own) for own in owners], dtype=int)
    row = np.repeat(np.arange(len(rows)), count)
    own = np.array([k for some in owners for k in some], dtype=int)
    ids = objects["candidate_id"].astype(str).to_numpy(object)
    table = rows.iloc[row].reset_index(drop=True)
    table.insert(0, "candidate_id", ids[own] if len(own) else np.array([], dtype=object))
    again = table["candidate_id"].duplicated().to_numpy(bool)
    _say(rows["id"].to_numpy(object), table["id"].to_numpy(object), count, again, lines)
    return table[~again].reset_index(drop=True)[list(COLUMNS)], int((count == 0).sum())


def _names(objects: pd.DataFrame) -> dict[str, tuple[int, ...]]:
    """Return which candidates have which name."""
    exact: dict[str, list[int]] = {}
    pairs = zip(objects["candidate_id"].astype(str), objects["aliases"], strict=True)
    for k, (own, aliases) in enumerate(pairs):
        others = aliases.split("|") if isinstance(aliases, str) else []
        for name in {own, *(alias.strip() for alias in others)} - {""}:
            exact.setdefault(name, []).append(k)
    return {name: tuple(some) for name, some in exact.items()}


def _alike(exact: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Return which candidates have a name as it is compared, see `key_of`."""
    alike: dict[str, set[int]] = {}
    for name, some in exact.items():
        alike.setdefault(key_of(name), set()).update(some)
    return {name: tuple(sorted(some)) for name, some in alike.items()}


def _say(
    given: NDArray[np.object_],
    names: NDArray[np.object_],
    count: NDArray[np.int64],
    again: NDArray[np.bool_],
    lines: list[str],
) -> None:
    """Say how many rows met which candidates."""
    lines.append(
        f"{counted(len(given), 'row')}, {counted(int((~again).sum()), 'candidate')} of the replay "
        "known by them"
    )
    if (lost := count == 0).any():
        lines.append(f"{int(lost.sum())} match no candidate of the replay{_some(given[lost])}")
    if again.any():
        lines.append(
            f"{counted(int(again.sum()), 'row')} for a candidate that has one: the first is taken"
            f"{_some(names[again])}"
        )
    if (several := count > 1).any():
        lines.append(
            f"{counted(int(several.sum()), 'name')} shared by several candidates, each of which "
            f"has the truth of it{_some(given[several])}"
        )


def _some(names: Sequence[str] | NDArray[np.object_]) -> str:
    shown = ", ".join(one_line(str(name), 24) or "(no name)" for name in names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f": {shown}{f' and {more} more' if more > 0 else ''}"
