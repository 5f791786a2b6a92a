"""Light curves of ZTF data releases: IPAC tables, CSV, Parquet; one row per point, or per curve.

IRSA's light-curve service answers with one row per point (``oid, hjd, mjd, mag, magerr, catflags,
filtercode, ra, dec``); the bulk files hold one row per curve with lists in it (``objectid,
filterid, objra, objdec, hmjd, mag, magerr, catflags``). Tables that people make of either have
both sorts of names. Columns: ZTF Public Data Release notes, and IRSA's page of the service.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from aas2rto.errors import InputError
from aas2rto.sources.files import alert_files, tables
from aas2rto.sources.files.alert_files import Format
from aas2rto.tables.report import HISTORY_COLUMNS

NAMES: dict[str, tuple[str, ...]] = {
    "curve_id": ("oid", "objectid", "matchid", "source_id"),
    "band": ("filtercode", "filterid", "fid", "band", "filter"),
    "ra": ("ra", "objra", "meanra"),
    "dec": ("dec", "objdec", "meandec"),
    "mjd": ("mjd", "hmjd", "mjd_helio", "night_mjd"),
    "hjd": ("hjd",),
    "mag": ("mag", "mag_binned"),
    "magerr": ("magerr", "mag_err"),
    "catflags": ("catflags",),
}
"""Our names, and those of files; the first that is there is read. Heliocentric times differ from
UTC by 8 min at most, which no history of years minds."""

BANDS = {"zg": "ztfg", "zr": "ztfr", "zi": "ztfi", "g": "ztfg", "r": "ztfr", "i": "ztfi"} | {
    str(number): band for number, band in {1: "ztfg", 2: "ztfr", 3: "ztfi"}.items()
}
"""Filters of the releases -> sncosmo's names."""

JD_OF_MJD = 2400000.5


NO_TRANSIENT = (
    "holds light curves of a ZTF data release: total brightness of whatever shines there, not of a "
    "transient; name it in `sources` as `ztf_history: {paths: [...]}`"
)
"""Why an archive of transients does not read such a file."""


def refuse(names: Iterable[str]) -> None:
    """Raise if a table is of a data release: only those have ``catflags`` beside a curve's id.

    Raises
    ------
    InputError
    """
    there = {name.lower() for name in names}
    if "catflags" in there and there & set(NAMES["curve_id"]):
        raise InputError(NO_TRANSIENT)


def read(path: Path) -> pd.DataFrame:
    """Read a file.

    Returns
    -------
    DataFrame
        With those of our names that the file has; bulk files are unfolded.

    Raises
    ------
    InputError
        If it cannot be read, or is none of a data release.
    OSError
        If it cannot be opened.
    """
    if alert_files.format_of(path) is Format.PARQUET:
        frame = alert_files.guarded(path, lambda: _parquet(path))
    else:
        frame = tables.read(path).frame
    return chosen(frame, str(path))


def chosen(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the columns that are understood, by our names.

    Parameters
    ----------
    frame : DataFrame
        With the names of a release.
    where : str
        Where it came from, for the complaint.

    Raises
    ------
    InputError
        If these are no light curves, nor where they are.
    """
    given = {str(name).lower(): name for name in frame}
    columns = {
        ours: frame[given[name]]
        for ours, names in NAMES.items()
        for name in [next((n for n in names if n in given), None)]
        if name is not None
    }
    if "curve_id" not in columns or not ({"mag", "ra"} & set(columns)):
        raise InputError(
            f"{where}: is no light curve of a ZTF data release: it needs oid, mjd, mag, magerr, "
            f"filtercode, ra and dec; its columns are {', '.join(map(str, list(frame)[:15]))}"
        )
    return pd.DataFrame(columns)


def _parquet(path: Path) -> pd.DataFrame:
    """Read the columns of a Parquet file that are wanted; lists become rows of their own."""
    import pyarrow.parquet as pq  # noqa: PLC0415  slow to import

    wanted = {name for names in NAMES.values() for name in names}
    there = pq.ParquetFile(path).schema_arrow
    names = [name for name in there.names if name.lower() in wanted]
    frame: pd.DataFrame = pq.read_table(path, columns=names).to_pandas(integer_object_nulls=True)
    lists = [name for name in names if str(there.field(name).type).startswith(("list", "large_l"))]
    return frame.explode(lists, ignore_index=True) if lists else frame


def curves(parts: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, list[str]]:
    """Join what several files say into the histories of a report.

    Parameters
    ----------
    parts : sequence of DataFrame
        As `read` returns them. A table without magnitudes says where the curves of another are.

    Returns
    -------
    histories : DataFrame
        With `HISTORY_COLUMNS`, without points that the release flags as bad (``catflags`` not 0).
    problems : list of str
        One line for each reason for which rows are left out.
    """
    points = [_typed(part) for part in parts if "mag" in part]
    places = [_typed(part) for part in parts if "mag" not in part and {"ra", "dec"} <= set(part)]
    if not points:
        return pd.DataFrame({name: [] for name in HISTORY_COLUMNS}).astype(HISTORY_COLUMNS), []
    table = pd.concat([_placed(part, places) for part in points], ignore_index=True)
    table["survey"] = "ztf"
    # The same object in another band has another curve, whatever a file calls it.
    table["curve_id"] = table["curve_id"] + ":" + table["band"]
    good = table["catflags"].to_numpy(float) == 0
    numbers = table[["ra", "dec", "mjd", "mag", "magerr"]].to_numpy(float)
    whole = (
        np.isfinite(numbers).all(axis=1) & (numbers[:, 4] > 0) & (table["band"] != "").to_numpy()
    )
    problems = []
    if lost := int((good & ~whole).sum()):
        problems.append(f"left out {lost} points without position, band, time or magnitude")
    return table.loc[good & whole, list(HISTORY_COLUMNS)].reset_index(drop=True), problems


def _typed(part: pd.DataFrame) -> pd.DataFrame:
    """Return texts as texts and numbers as numbers; a missing flag says nothing bad."""
    n = len(part)
    found = pd.DataFrame({"curve_id": _whole(part["curve_id"])}, index=part.index)
    for name in ("ra", "dec", "mjd", "hjd", "mag", "magerr", "catflags"):
        column = part.get(name, pd.Series(0.0 if name == "catflags" else np.nan, part.index))
        found[name] = pd.to_numeric(column, errors="coerce").astype("float64")
    found["mjd"] = found["mjd"].fillna(found.pop("hjd") - JD_OF_MJD)
    found["catflags"] = found["catflags"].fillna(0.0)
    band = part.get("band", pd.Series([""] * n, part.index)).astype(str)
    found["band"] = band.str.strip().str.removesuffix(".0").map(BANDS).fillna("")
    return found.reset_index(drop=True)


def _whole(column: pd.Series) -> pd.Series:
    """Return identifiers as texts with all their digits."""
    return column.astype(str).str.strip().str.removesuffix(".0")


def _placed(part: pd.DataFrame, places: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Fill in positions and bands that another table has, and give each curve one position."""
    if places:
        known = pd.concat(places, ignore_index=True).drop_duplicates("curve_id")
        known = known.set_index("curve_id")
        for name in ("ra", "dec"):
            part[name] = part[name].fillna(part["curve_id"].map(known[name]))
        band = part["curve_id"].map(known["band"]).fillna("")
        part["band"] = part["band"].where(part["band"] != "", band)
    keys = part["curve_id"] + ":" + part["band"]
    for name in ("ra", "dec"):
        part[name] = part.groupby(keys)[name].transform("median")
    return part
