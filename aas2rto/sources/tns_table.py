"""The local copy of TNS: all reported transients in one file, kept up to date by deltas.

TNS asks its users to match against its daily files rather than by cone searches. The whole table
(about 200,000 names) is fetched once; after that, one file per day and per hour says what has
changed. What the local table covers stands in the table's own file, so that it can be shared by
projects and survives a lost store.
"""

from __future__ import annotations

import csv
import datetime
import io
import math
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.tables.candidates import chord, unit_vectors
from aas2rto.text.words import counted

FILE = "tns_public_objects.parquet"
COMPLETE_UNTIL = b"complete_until"

COLUMNS = {
    "objid": "objid",
    "name_prefix": "prefix",
    "name": "name",
    "ra": "ra",
    "declination": "dec",
    "redshift": "redshift",
    "type": "type",
    "reporting_group": "reporting_group",
    "source_group": "source_group",
    "discoverydate": "discovery_date",
    "discoverymag": "discovery_mag",
    "internal_names": "internal_names",
    "Class_ADS_bibcodes": "class_bibcodes",
    "lastmodified": "last_modified",
}
"""TNS's columns -> ours; TNS's others are left out."""

NUMBERS = ("ra", "dec", "redshift", "discovery_mag")
MAX_UNZIPPED = 512 * 2**20
"""[bytes] The whole table is about 60 MiB; more than this is no table of TNS."""

NEIGHBOURS = 4
"""Names near a candidate that are looked at, so that two candidates can share a crowded spot."""

_DATES = re.compile(
    r'^"?(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}) - '
    r'(?:(\d{4}-\d{2}-\d{2}) )?(\d{2}:\d{2}:\d{2})"?\s*$'
)
_MJD_EPOCH = datetime.datetime(1858, 11, 17)  # noqa: DTZ001  UTC throughout


@dataclass(frozen=True)
class Delta:
    """One file of TNS.

    Parameters
    ----------
    rows : DataFrame
        With the columns `COLUMNS` names.
    begin, end : float
        Time that it covers [MJD, UTC]; NaN if the file does not say.
    """

    rows: pd.DataFrame
    begin: float
    end: float


def mjd_of(text: str) -> float:
    """Return the MJD of a date and time such as ``2026-11-20 23:59:59``, UTC."""
    moment = datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007  UTC
    return (moment - _MJD_EPOCH) / datetime.timedelta(days=1)


def date_of(mjd: float) -> str:
    """Return the UT day of an MJD as TNS writes it in file names: ``20261120``."""
    return f"{_MJD_EPOCH + datetime.timedelta(days=math.floor(mjd)):%Y%m%d}"


def read(content: bytes, complain: Callable[[str], None]) -> Delta:
    """Read a file of TNS.

    Parameters
    ----------
    content : bytes
        A zip archive with one CSV file: a line with the time it covers, a header, rows.
    complain : callable
        Takes one line about rows that cannot be used.

    Raises
    ------
    InputError
        If it is no such archive, or lacks a column that is needed.
    """
    lines = _unzip(content).splitlines()
    begin, end = _dates(lines[0]) if lines else (math.nan, math.nan)
    rows = list(csv.reader(lines[1:]))
    if not rows:  # Nothing has changed: the date line stands alone.
        return Delta(_frame([]), begin, end)
    header, records = rows[0], rows[1:]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise InputError(f"the table lacks the columns {', '.join(missing)}")
    places = [header.index(name) for name in COLUMNS]
    whole = [record for record in records if len(record) == len(header)]
    table = _frame([[record[place] for place in places] for record in whole])
    usable = np.isfinite(table["ra"]) & table["dec"].between(-90, 90) & (table["name"] != "")
    bad = len(records) - int(usable.sum())
    if bad:
        told = counted(len(records), "row")
        complain(f"{bad} of {told} cannot be used (cut short, or without a place)")
    return Delta(table[usable].reset_index(drop=True), begin, end)


def _unzip(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            (member, *_) = archive.infolist()
            if member.file_size > MAX_UNZIPPED:
                raise InputError(f"the archive unpacks to {member.file_size / 2**20:.0f} MiB")
            return archive.read(member).decode("utf-8", errors="replace")
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
        raise InputError(f"it is no zip archive ({error})") from error


def _dates(line: str) -> tuple[float, float]:
    """Read ``2026-11-20 00:00:00 - 23:59:59``; the end is the second after the last."""
    found = _DATES.match(line)
    if found is None:
        return math.nan, math.nan
    begin = mjd_of(f"{found[1]} {found[2]}")
    end = mjd_of(f"{found[3] or found[1]} {found[4]}") + 1.0 / 86400.0
    return begin, end


def _frame(records: Sequence[Sequence[str]]) -> pd.DataFrame:
    table = pd.DataFrame(records, columns=list(COLUMNS.values()), dtype="str")
    for name in NUMBERS:
        table[name] = pd.to_numeric(table[name], errors="coerce")
    return table


def default_folder() -> Path:
    """Return the cache folder of the user, where projects share the table."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "aas2rto" / "tns"


class Table:
    """The local copy, and the index to match against it.

    Parameters
    ----------
    folder : Path
        Where its file is, or will be.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stamp: tuple[int, int] | None = None
        self._tree: Any = None
        self.rows = _frame([])
        self.complete_until = -math.inf

    def load(self) -> None:
        """Read the file, if there is one and it has changed since.

        Raises
        ------
        InputError
            If the file is broken; it says what to do.
        """
        if not self._path.is_file():
            return
        status = self._path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp == self._stamp:
            return
        try:
            found = pq.read_table(self._path)
            until = float((found.schema.metadata or {})[COMPLETE_UNTIL])
            rows = found.to_pandas()[list(COLUMNS.values())]
        except (pa.ArrowException, KeyError, ValueError, OSError) as error:
            raise InputError(
                f"{self._path} is broken ({error}); delete it, and it is fetched again"
            ) from error
        self.rows, self.complete_until, self._stamp = rows, until, stamp
        self._tree = None

    def replace(self, rows: pd.DataFrame, complete_until: float) -> None:
        """Take a whole new table."""
        self.rows, self.complete_until, self._tree = rows, complete_until, None

    def apply(self, rows: pd.DataFrame, complete_until: float) -> None:
        """Take changes: rows of a known ``objid`` are replaced, new ones added."""
        self.complete_until = complete_until
        if rows.empty:
            return
        # A file may name an object twice; its last state counts.
        rows = rows.sort_values("last_modified", kind="stable")
        both = pd.concat([self.rows, rows], ignore_index=True)
        self.rows = both.drop_duplicates("objid", keep="last", ignore_index=True)
        self._tree = None

    def save(self) -> None:
        """Write the file beside and rename it over the old one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pandas(self.rows, preserve_index=False)
        mark = {COMPLETE_UNTIL: repr(self.complete_until).encode()}
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), **mark})
        beside = self._path.with_name(f"{FILE}.{os.getpid()}.tmp")
        pq.write_table(table, beside, compression="zstd")
        beside.replace(self._path)
        status = self._path.stat()
        self._stamp = (status.st_mtime_ns, status.st_size)

    def match(
        self,
        ra: NDArray[np.float64],
        dec: NDArray[np.float64],
        *,
        radius: float,
        aliases: Sequence[Sequence[str]] = (),
    ) -> pd.DataFrame:
        """Find the names of candidates.

        Parameters
        ----------
        ra, dec : ndarray of float, shape (n,)
            ICRS [deg].
        radius : float
            Largest separation [arcsec].
        aliases : sequence of sequence of str
            Names of each candidate; the TNS object that lists one of them among its internal
            names is preferred to a nearer one.

        Returns
        -------
        DataFrame
            ``candidate`` and ``row`` (positions in the arguments and in `rows`), ``separation``
            [arcsec]. Each candidate and each name occurs at most once, the nearest pair first.
        """
        if len(ra) == 0 or self.rows.empty:
            return pd.DataFrame({"candidate": [], "row": [], "separation": []})
        if self._tree is None:
            from scipy.spatial import cKDTree  # noqa: PLC0415  half a second that few need

            self._tree = cKDTree(unit_vectors(self.rows["ra"], self.rows["dec"]))
        distance, row = self._tree.query(
            unit_vectors(ra, dec), k=NEIGHBOURS, distance_upper_bound=chord(radius)
        )
        candidate, place = np.nonzero(np.isfinite(distance))
        pairs = pd.DataFrame(
            {
                "candidate": candidate,
                "row": row[candidate, place],
                "separation": np.degrees(2.0 * np.arcsin(distance[candidate, place] / 2.0))
                * 3600.0,
            }
        )
        pairs["named"] = self._named(pairs, aliases)
        order = pairs.sort_values(["named", "separation"], ascending=[False, True], kind="stable")
        return _one_to_one(order).drop(columns="named")

    def _named(self, pairs: pd.DataFrame, aliases: Sequence[Sequence[str]]) -> list[bool]:
        """Say of each pair whether TNS lists a name of the candidate."""
        if not aliases:
            return [False] * len(pairs)
        internal = self.rows["internal_names"].to_numpy(dtype=object)
        return [
            any(_is_listed(alias, str(internal[row])) for alias in aliases[candidate])
            for candidate, row in zip(pairs["candidate"], pairs["row"], strict=True)
        ]


def _is_listed(alias: str, internal_names: str) -> bool:
    """Say whether an alias is among names such as ``ZTF26aaaaaaa, LSST-P-DO-313...``."""
    names = {name.strip() for name in internal_names.split(",")}
    return alias in names or f"LSST-P-DO-{alias}" in names


def _one_to_one(pairs: pd.DataFrame) -> pd.DataFrame:
    """Keep pairs in their order as long as neither side is taken."""
    candidates: set[int] = set()
    rows: set[int] = set()
    kept = []
    for index, candidate, row in zip(pairs.index, pairs["candidate"], pairs["row"], strict=True):
        if candidate not in candidates and row not in rows:
            candidates.add(candidate)
            rows.add(row)
            kept.append(index)
    return pairs.loc[kept].reset_index(drop=True)
