"""What a Parquet file would unpack to, read from its pages: its index may say anything.

A page of 6 kB can stand for 200 MB, and 50,000 rows that all point to one text of a megabyte, or
repeat its beginning, for 50 GB. Pages tell their size in a header of a few bytes (Apache Parquet
format 2.11, ``parquet.thrift``, in Thrift's compact protocol), so nothing is unpacked to know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from aas2rto.errors import InputError

LEAST_VALUES, BYTES_PER_ROW = 50_000, 4
"""Rows that any Parquet file may have, and the bytes that each further one takes, packed: a time
and a flux alone take more."""
LEAST_UNPACKED, MAX_RATIO = 64 * 2**20, 100
"""[byte] What any file may unpack to, and how much more for each of its bytes."""
AT_ONCE = 128 * 2**20
"""[byte] What the rows that are read at once may unpack to."""
MOST_ROWS_AT_ONCE = 65_536

_HEADER = 2**16
"""[byte] Of a page, with the statistics that it may carry."""
_DICTIONARY, _DELTA_BYTE_ARRAY, _BYTE_ARRAY = 2, 7, 6
"""Of ``PageType``, ``Encoding`` and ``Type``."""
_STRUCT, _LISTS = 12, (9, 10)
_WIDTHS = {1: 0, 2: 0, 3: 1, 7: 8}
"""[byte] Of values that are stepped over, by their kind in Thrift's compact protocol; the head of a
field that is true or false says so."""
_DEEPEST = 16


@dataclass
class Pages:
    """What the pages of a column hold.

    Parameters
    ----------
    values : int
        Of all data pages.
    unpacked : int
        [byte]
    longest : int
        [byte] What a single value may unpack to though it is not written out: a text of a
        dictionary, or one that repeats its neighbour's beginning.
    """

    values: int = 0
    unpacked: int = 0
    longest: int = 0


def check_parquet(path: Path, is_wanted: Callable[[str], bool]) -> int:
    """Refuse a Parquet file that means far more than it holds.

    Parameters
    ----------
    path : Path
    is_wanted : callable
        Tells of the path of a column whether it is to be read.

    Returns
    -------
    int
        How many rows can be read at once.

    Raises
    ------
    InputError
        If its columns have more values, or unpack to more, than real data of this size can, by its
        index or by its pages.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415  only who reads Parquet pays for it

    size = path.stat().st_size
    with path.open("rb") as file:
        index = _index(path, file)
        rows, chunks = _rows_and_chunks(path, index, is_wanted)
        told = _of_index(chunks)
        _check(path, size, rows, told)
        found = _of_pages(path, file, chunks)
    _check(path, size, rows, found)
    most = LEAST_UNPACKED + MAX_RATIO * size
    # Nothing more of the index is asked of the library: what it says of columns of a damaged one
    # ends the process (pyarrow 26: ColumnChunkMetaData throws where nothing may).
    schema = pq.read_metadata(path).schema
    for i in range(len(schema)):
        column = schema.column(i)
        pages = found.get(column.path)
        if pages is None:
            continue
        wide = (column.length or 0) if column.physical_type == "FIXED_LEN_BYTE_ARRAY" else 0
        repeats = pages.longest if column.max_repetition_level else wide
        if repeats * pages.values > most:
            raise InputError(
                f"{path}: {size / 1e3:.0f} kB that unpack to {repeats * pages.values / 1e6:.0f} MB "
                f"in the column {column.path[:80]!r} are no data"
            )
    longest = sum(pages.longest for pages in found.values())
    return min(MOST_ROWS_AT_ONCE, max(1, AT_ONCE // max(longest, 1)))


def read_flat(path: Path, columns: list[str], rows_at_once: int) -> Any:
    """Read columns of a table, as long as they unpack to what data of its size can.

    Raises
    ------
    InputError
        If they unpack to more.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    size, unpacked = path.stat().st_size, 0
    batches = []
    with pq.ParquetFile(path) as file:
        schema = pa.schema([file.schema_arrow.field(name) for name in columns])
        for batch in file.iter_batches(batch_size=rows_at_once, columns=columns):
            unpacked += batch.nbytes
            if unpacked > LEAST_UNPACKED + MAX_RATIO * size:
                raise InputError(
                    f"{path}: {size / 1e3:.0f} kB that unpack to more than "
                    f"{unpacked / 1e6:.0f} MB are no data"
                )
            batches.append(batch)
    return pa.Table.from_batches(batches, schema if not batches else batches[0].schema)


def _check(path: Path, size: int, rows: int, columns: Mapping[str, Pages]) -> None:
    most = max([rows, *(column.values for column in columns.values())])
    unpacked = sum(column.unpacked for column in columns.values())
    if most > LEAST_VALUES + size // BYTES_PER_ROW or unpacked > LEAST_UNPACKED + MAX_RATIO * size:
        raise InputError(
            f"{path}: {size / 1e3:.0f} kB that stand for {most} rows or values, and unpack to "
            f"{unpacked / 1e6:.0f} MB, are no data"
        )


@dataclass(frozen=True)
class Chunk:
    """What the index says of one column in one group of rows."""

    name: str
    is_text: bool
    values: int
    unpacked: int
    packed: int
    begin: int


def _index(path: Path, file: IO[bytes]) -> dict[int, Any]:
    """Return the index, ``FileMetaData``, by the numbers of its fields."""
    file.seek(0, 2)
    size = file.tell()
    file.seek(max(0, size - 8))
    tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if size < 12 or tail[4:] != b"PAR1" or length + 8 > size:
        raise InputError(f"{path}: has no index at its end; it is cut short: fetch it again")
    file.seek(size - 8 - length)
    return _header(path, file.read(length))[0]


def _rows_and_chunks(
    path: Path, index: dict[int, Any], is_wanted: Callable[[str], bool]
) -> tuple[int, list[Chunk]]:
    """Return the number of rows, and what is said of the columns that are wanted."""
    try:
        chunks = [_chunk(one[3]) for group in index[4] or () for one in group[1]]
        return int(index[3]), [chunk for chunk in chunks if is_wanted(chunk.name)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: its index does not describe its columns; it is damaged: fetch it again"
        ) from error


def _chunk(told: dict[int, Any]) -> Chunk:
    """Read ``ColumnMetaData``."""
    name = b".".join(told[3]).decode("utf-8", "replace")
    starts = [told[9], *([told[11]] if told.get(11) else [])]
    return Chunk(
        name, told[1] == _BYTE_ARRAY, int(told[5]), int(told[6]), int(told[7]), min(starts)
    )


def _of_index(chunks: Iterable[Chunk]) -> dict[str, Pages]:
    found: dict[str, Pages] = {}
    for chunk in chunks:
        pages = found.setdefault(chunk.name, Pages())
        pages.values += chunk.values
        pages.unpacked += chunk.unpacked
    return found


def _of_pages(path: Path, file: IO[bytes], chunks: Iterable[Chunk]) -> dict[str, Pages]:
    found: dict[str, Pages] = {}
    for chunk in chunks:
        _walk(path, file, chunk, found.setdefault(chunk.name, Pages()))
    return found


def _walk(path: Path, file: IO[bytes], chunk: Chunk, pages: Pages) -> None:
    """Add up the pages of one chunk of a column: as many as its reader takes."""
    seen, place, is_text = 0, chunk.begin, chunk.is_text
    end = chunk.begin + chunk.packed
    while seen < chunk.values and 0 <= place < end:
        file.seek(place)
        header, length = _header(path, file.read(_HEADER))
        unpacked, packed = header.get(2, -1), header.get(3, -1)
        data = header.get(5) or header.get(8)
        if min(unpacked, packed) < 0:
            raise InputError(f"{path}: has a page without a size; it is damaged: fetch it again")
        pages.unpacked += unpacked
        if isinstance(data, dict):
            n = data.get(1, 0)
            pages.values += n
            seen += max(n, 0)
            encoding = data.get(2 if 5 in header else 4)
            if is_text and encoding == _DELTA_BYTE_ARRAY:
                pages.longest = max(pages.longest, unpacked)
        elif is_text and header.get(1) == _DICTIONARY:
            pages.longest = max(pages.longest, unpacked)
        place += length + packed


def _header(path: Path, content: bytes) -> tuple[dict[int, Any], int]:
    """Return the fields of a page header, or of the index, by number, and how long it is."""
    try:
        return _struct(content, 0)
    except (IndexError, RecursionError) as error:
        raise InputError(
            f"{path}: its index, or the header of a page, cannot be read; it is damaged: fetch it "
            "again"
        ) from error


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
        if shift > 70:
            raise IndexError


def _zigzag(content: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(content, at)
    return (value >> 1) ^ -(value & 1), at


def _struct(content: bytes, at: int, depth: int = 0) -> tuple[dict[int, Any], int]:
    if depth > _DEEPEST:
        raise RecursionError
    fields: dict[int, Any] = {}
    number = 0
    while True:
        head = content[at]
        at += 1
        if head == 0:
            return fields, at
        kind, step = head & 15, head >> 4
        if step:
            number += step
        else:
            number, at = _zigzag(content, at)
        fields[number], at = _value(content, at, kind, depth)


def _value(content: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    """Return a value of Thrift's compact protocol; those of no interest are stepped over."""
    if kind in (4, 5, 6):
        return _zigzag(content, at)
    if kind == _STRUCT:
        return _struct(content, at, depth + 1)
    if kind in _LISTS:
        return _list(content, at, depth)
    if kind == 8:
        length, at = _varint(content, at)
        if at + length > len(content):
            raise IndexError
        return content[at : at + length], at + length
    if kind in _WIDTHS:
        return None, at + _WIDTHS[kind]
    raise IndexError  # a map, or none of its kinds: no page header has one


def _list(content: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    head = content[at]
    at += 1
    n, kind = head >> 4, head & 15
    if n == 15:
        n, at = _varint(content, at)
    if n > len(content) - at:  # each takes a byte at least
        raise IndexError
    values = []
    for _ in range(n):
        if kind in (1, 2):
            value, at = content[at] == 1, at + 1
        else:
            value, at = _value(content, at, kind, depth + 1)
        values.append(value)
    return values, at
