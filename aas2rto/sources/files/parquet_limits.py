"""What a Parquet file would unpack to, read from its pages: its index may say anything.

A page of 6 kB can stand for 200 MB, and 50,000 rows that all point to one text of a megabyte, or
repeat its beginning, for 50 GB. Pages tell their size in a header of a few bytes (Apache Parquet
format 2.11, ``parquet.thrift``, in Thrift's compact protocol), so nothing is unpacked to know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
_DICTIONARY, _DELTA_BYTE_ARRAY = 2, 7
"""Of ``PageType`` and ``Encoding``."""
_STRUCT, _LISTS = 12, (9, 10)
_WIDTHS = {1: 0, 2: 0, 3: 1, 7: 8}
"""[byte] Of values that are stepped over, by their kind in Thrift's compact protocol; the head of a
field that is true or false says so."""
_DEEPEST = 8


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
    metadata = pq.read_metadata(path)
    told = _of_index(metadata, is_wanted)
    _check(path, size, metadata.num_rows, told)
    with path.open("rb") as file:
        found = _of_pages(path, file, metadata, is_wanted)
    _check(path, size, metadata.num_rows, found)
    most = LEAST_UNPACKED + MAX_RATIO * size
    schema = metadata.schema
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


def _chunks(metadata: Any, is_wanted: Callable[[str], bool]) -> Iterator[Any]:
    for i in range(metadata.num_row_groups):
        group = metadata.row_group(i)
        for j in range(group.num_columns):
            column = group.column(j)
            if is_wanted(column.path_in_schema):
                yield column


def _of_index(metadata: Any, is_wanted: Callable[[str], bool]) -> dict[str, Pages]:
    found: dict[str, Pages] = {}
    for column in _chunks(metadata, is_wanted):
        pages = found.setdefault(column.path_in_schema, Pages())
        pages.values += column.num_values
        pages.unpacked += column.total_uncompressed_size
    return found


def _of_pages(
    path: Path, file: IO[bytes], metadata: Any, is_wanted: Callable[[str], bool]
) -> dict[str, Pages]:
    found: dict[str, Pages] = {}
    for column in _chunks(metadata, is_wanted):
        pages = found.setdefault(column.path_in_schema, Pages())
        starts = [column.data_page_offset]
        if column.has_dictionary_page and column.dictionary_page_offset:
            starts.append(column.dictionary_page_offset)
        begin, is_text = min(starts), column.physical_type == "BYTE_ARRAY"
        _walk(
            path,
            file,
            begin,
            begin + column.total_compressed_size,
            column.num_values,
            pages,
            is_text=is_text,
        )
    return found


def _walk(
    path: Path,
    file: IO[bytes],
    place: int,
    end: int,
    values: int,
    pages: Pages,
    *,
    is_text: bool,
) -> None:
    """Add up the pages of one chunk of a column: as many as its reader takes."""
    seen = 0
    while seen < values and 0 <= place < end:
        file.seek(place)
        header, length = _page_header(path, file.read(_HEADER))
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


def _page_header(path: Path, content: bytes) -> tuple[dict[int, Any], int]:
    """Return the fields of a page header by number, and how long it is."""
    try:
        return _struct(content, 0)
    except (IndexError, RecursionError) as error:
        raise InputError(
            f"{path}: has a page whose header cannot be read; it is damaged: fetch it again"
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
        return None, _after_list(content, at, depth)
    if kind == 8:
        length, at = _varint(content, at)
        return None, at + length
    if kind in _WIDTHS:
        return None, at + _WIDTHS[kind]
    raise IndexError  # a map, or none of its kinds: no page header has one


def _after_list(content: bytes, at: int, depth: int) -> int:
    head = content[at]
    at += 1
    n, kind = head >> 4, head & 15
    if n == 15:
        n, at = _varint(content, at)
    for _ in range(n):
        if kind in (1, 2):
            at += 1
        else:
            _, at = _value(content, at, kind, depth + 1)
    return at
