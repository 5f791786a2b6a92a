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
import itertools
import math
import operator
import os
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TextIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.guard import attempt
from aas2rto.tables.candidates import chord, unit_vectors
from aas2rto.text.cache import cache_folder, can_hold, temporary_folder
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
MAX_UNZIPPED = 192 * 2**20
"""[bytes] The whole table is about 60 MiB; more than this is no table of TNS."""
MAX_RATIO, LEAST_BOUND = 20, 2**20
"""Unpacked to packed: rows like those of TNS have 3 to 5, an archive made to fill a memory 1000;
and [bytes] what any archive may unpack to."""
MAX_ROWS = 1_000_000
"""The whole table has 200,000."""
ROWS_AT_ONCE = 20_000
LONGEST_LINE = 1000
PIECE = 2**16
ENCRYPTED = 1
"""A bit in the flags of a file in an archive, APPNOTE.TXT 4.4.4 of PKWARE."""
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Those of TNS; others unpack a piece to any size at once."""

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
    done = attempt("tns", lambda: _read(content, complain), passing=(InputError,))
    if done.failure is not None:
        raise InputError(f"it is no zip archive of a table ({done.failure.error[:120]})")
    return done.value  # type: ignore[return-value]


def _read(content: bytes, complain: Callable[[str], None]) -> Delta:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if not members or members[0].compress_type not in PACKINGS:
            raise InputError("the archive holds no file that can be unpacked")
        if members[0].flag_bits & ENCRYPTED:
            raise InputError("the archive is encrypted")
        most = min(MAX_UNZIPPED, max(LEAST_BOUND, MAX_RATIO * len(content)))
        with archive.open(members[0]) as packed:
            bounded = io.BufferedReader(_Bounded(packed, most), PIECE)
            text = io.TextIOWrapper(bounded, encoding="utf-8", errors="replace", newline="")
            return _table_of(text, complain)


def _table_of(text: TextIO, complain: Callable[[str], None]) -> Delta:
    """Read row by row: what is kept of a row is a tenth of what Python makes of it."""
    first = text.readline(LONGEST_LINE)
    if not first.strip():
        raise InputError("the file in the archive is empty")
    begin, end = _dates(first)
    rows = csv.reader(text)
    header = next(rows, None)
    if header is None:  # Nothing has changed: the date line stands alone.
        return Delta(_frame([]), begin, end)
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise InputError(f"the table lacks the columns {', '.join(missing)}")
    chosen = operator.itemgetter(*(header.index(name) for name in COLUMNS))
    tables, n = [_frame([])], 0
    while some := list(itertools.islice(rows, ROWS_AT_ONCE)):
        n += len(some)
        if n > MAX_ROWS:
            raise InputError(f"the table has more than {MAX_ROWS} rows, which no table of TNS has")
        table = _frame([chosen(row) for row in some if len(row) == len(header)])
        usable = np.isfinite(table["ra"]) & table["dec"].between(-90, 90) & (table["name"] != "")
        tables.append(table[usable])
    table = pd.concat(tables, ignore_index=True)
    if bad := n - len(table):
        told = counted(n, "row")
        complain(f"{bad} of {told} cannot be used (cut short, or without a place)")
    return Delta(table, begin, end)


class _Bounded(io.RawIOBase):
    """What a member of an archive unpacks to, as long as it is no more than it may be."""

    def __init__(self, packed: IO[bytes], most: int) -> None:
        self._packed, self._left = packed, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._packed.read(len(buffer))
        self._left -= len(piece)
        if self._left < 0:
            raise InputError("the archive unpacks to more than any table of TNS")
        buffer[: len(piece)] = piece
        return len(piece)


def _dates(line: str) -> tuple[float, float]:
    """Read ``2026-11-20 00:00:00 - 23:59:59``; the end is the second after the last."""
    found = _DATES.match(line)
    if found is None:
        return math.nan, math.nan
    try:
        begin = mjd_of(f"{found[1]} {found[2]}")
        return begin, mjd_of(f"{found[3] or found[1]} {found[4]}") + 1.0 / 86400.0
    except ValueError as error:
        raise InputError(f"its first line holds no time: {found[0].strip()}") from error


def _frame(records: Sequence[Sequence[str]]) -> pd.DataFrame:
    # By columns: from rows, pandas takes twice as long.
    cells = list(zip(*records, strict=True)) if records else [()] * len(COLUMNS)
    columns: dict[str, Any] = {}
    for name, column in zip(COLUMNS.values(), cells, strict=True):
        if name in NUMBERS:
            texts = pd.Series(column, dtype=object)
            columns[name] = pd.to_numeric(texts, errors="coerce").astype(float)
        else:
            columns[name] = pd.array(pa.array(column, pa.string()).to_pandas(), dtype="str")
    return pd.DataFrame(columns)


def default_folder() -> Path:
    """Return the folder in the program's cache, where projects share the table."""
    folder = cache_folder() / "tns"
    return folder if can_hold(folder) else temporary_folder() / "tns"


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
