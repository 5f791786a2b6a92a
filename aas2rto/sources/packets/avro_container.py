"""Avro containers of alerts, block by block, read by the decoder of the streams.

The form is that of the Apache Avro specification 1.11, section "Object Container Files". What
the decoder does not know (a recursive schema, other codecs) is left to fastavro, record by record.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import IO, Any

from aas2rto.errors import InputError
from aas2rto.sources.packets.avro import CHUNK, Chunk, Reader
from aas2rto.sources.packets.avro_limits import (
    MAX_BLOCK,
    SYNC,
    UNPACKABLE,
    UNPACKERS,
    Header,
    check_container,
    check_schema,
    header,
    long_number,
    unpacked,
)
from aas2rto.sources.packets.avro_schema import UnsupportedSchemaError, Wanted

AT_ONCE = 16 * 2**20
"""So many bytes of records are kept before they are read [byte]."""


class Container:
    """The records of a container.

    Parameters
    ----------
    file : file
        At its begin.
    wanted : callable
        Says of the path of an entry whether to keep it, see `Reader`.

    Attributes
    ----------
    names : tuple of str
        Of the fields of a record.

    Raises
    ------
    InputError
        For a schema that no reader should follow.
    Exception
        Whatever a file that is none makes libraries raise.
    """

    def __init__(self, file: IO[bytes], wanted: Wanted) -> None:
        self._file = file
        self._header = header(file)
        known = self._header.codec in {"null", *UNPACKERS}
        found = _reader(self._header.schema, wanted) if known else None
        if found is None:
            file.seek(0)
            self._general = _by_fastavro(file)
            self._reader: Reader | None = None
            self.names = _names(self._general.writer_schema)
        else:
            self._reader, self.names = found

    def chunks(self) -> Iterator[Chunk]:
        """Yield the records, those before a damage first.

        Raises
        ------
        InputError
            For a block that unpacks to too much, or does not hold what it says.
        Exception
            Whatever else a damaged file makes libraries raise.
        """
        if self._reader is None:
            for record in self._general:
                yield Chunk([record], {})
            return
        for records in _together(self._records(self._reader)):
            for chunk in self._reader.scan(records):
                yield from _until_damage(chunk)

    def _records(self, reader: Reader) -> Iterator[bytes]:
        while (n := long_number(self._file)) > 0:
            records = reader.split(_block(self._file, self._header), n)
            yield from records
            if len(records) < n:
                raise InputError(f"a block of {n} records breaks off in record {len(records) + 1}")


def _together(records: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield records by the dozen, though each may have a block of its own; then what is wrong."""
    found: list[bytes] = []
    size = 0
    try:
        for record in records:
            found.append(record)
            size += len(record)
            if len(found) == CHUNK or size > AT_ONCE:
                yield found
                found, size = [], 0
    except (InputError, *UNPACKABLE):
        yield found
        raise
    yield found


def _until_damage(chunk: Chunk) -> Iterator[Chunk]:
    """Yield a chunk; raise what is wrong with a record in it, behind those before."""
    broken = [n for n, alert in enumerate(chunk.alerts) if isinstance(alert, InputError)]
    if not broken:
        yield chunk
        return
    chunk.assemble()
    yield Chunk(chunk.alerts[: broken[0]], {})
    error = chunk.alerts[broken[0]]
    if isinstance(error, InputError):
        raise error


@functools.lru_cache(maxsize=16)
def _reader(schema: bytes, wanted: Wanted) -> tuple[Reader, tuple[str, ...]] | None:
    """Return the reader of a schema and the names of its fields; None if fastavro has to do it.

    A night of alerts is as many files with one schema: it is looked at once.
    """
    try:
        parsed = json.loads(schema)
    except (ValueError, RecursionError):
        return None  # fastavro says it better
    check_schema(parsed)
    try:
        return Reader(parsed, wanted), _names(parsed)
    except UnsupportedSchemaError:
        return None


def _block(file: IO[bytes], head: Header) -> bytes:
    """Read and unpack a block, behind the number of its records."""
    packed = long_number(file)
    if not 0 <= packed <= MAX_BLOCK:
        raise InputError(f"a block of it has {packed} bytes")
    if head.codec == "null":
        data = file.read(packed)
        if len(data) < packed:
            raise EOFError("the file ends in a block")
    else:
        data = b"".join(unpacked(file, packed, UNPACKERS[head.codec]()))
    if file.read(SYNC) != head.sync:
        raise InputError("the mark behind a block is not that of the file")
    return data


def _names(schema: Any) -> tuple[str, ...]:
    fields = schema.get("fields", ()) if isinstance(schema, dict) else ()
    return tuple(str(field["name"]) for field in fields)


def _by_fastavro(file: IO[bytes]) -> Any:
    import fastavro  # noqa: PLC0415  rarely needed

    check_container(file)
    reader = fastavro.reader(file)
    check_schema(reader.writer_schema)
    return reader
