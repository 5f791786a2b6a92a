"""What an Avro schema or container may not ask of a reader: to recurse, to read nothing for ever.

A reader follows the schema that it is given (Avro 1.11 specification). A schema that contains
itself, lists whose items take no bytes, and blocks that unpack to gigabytes are right by the
letter, and would cost the program; no survey sends any of them.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from aas2rto.errors import InputError

MAX_DEPTH = 24
"""Nesting beyond which a schema counts as recursive; ZTF's and Rubin's alerts nest 5 deep."""

MAX_BLOCK = 128 * 2**20
"""Largest unpacked block [byte]: an alert with its images has 0.1 MB, a block some hundred."""

PIECE = 2**20
MAX_META = 16 * 2**20
MAGIC, SYNC = b"Obj\x01", 16

UNPACKERS: Mapping[str, Callable[[], Any]] = {
    "deflate": lambda: zlib.decompressobj(-15),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}


def check_schema(schema: Any) -> None:
    """Refuse a schema that could keep a reader busy without data.

    Raises
    ------
    InputError
    """
    if Sizes().least(schema, 0) == 0:
        raise InputError("its schema describes records without content")


class Sizes:
    """The least number of bytes that a value takes, 0 or 1; 1 stands for more."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {}

    def least(self, schema: Any, depth: int) -> int:
        """Return it for a schema at some depth; raise for what no reader should follow."""
        if depth > MAX_DEPTH:
            raise InputError(f"its schema is nested more than {MAX_DEPTH} deep, or contains itself")
        if isinstance(schema, str):
            known = self._names.get(schema)
            return int(schema != "null") if known is None else self.least(known, depth + 1)
        if isinstance(schema, list):
            for option in schema:
                self.least(option, depth + 1)
            return 1  # the number of the option
        if not isinstance(schema, Mapping):
            raise InputError(f"its schema holds {schema!r:.60} where a type was expected")
        return self._complex(schema, depth)

    def _complex(self, schema: Mapping[str, Any], depth: int) -> int:
        kind = schema.get("type")
        if not isinstance(kind, str):  # a type may be written out where its name would stand
            return self.least(kind, depth + 1)
        if kind in {"record", "error", "enum", "fixed"}:
            self._names[str(schema.get("name"))] = schema
        if kind in {"record", "error"}:
            fields = schema.get("fields") or ()
            if not isinstance(fields, list | tuple):
                raise InputError(f"its schema holds {fields!r:.60} where fields were expected")
            return max((self.least(_type_of(one), depth + 1) for one in fields), default=0)
        if kind == "fixed":
            return _size(schema.get("size"))
        if kind == "array" and self.least(schema.get("items"), depth + 1) == 0:
            raise InputError("its schema has lists whose items take no bytes")
        if kind == "map":
            self.least(schema.get("values"), depth + 1)  # a key takes a byte at least
        return 1 if kind in {"array", "map", "enum"} else self.least(kind, depth + 1)


def _type_of(one: Any) -> Any:
    if not isinstance(one, Mapping) or "type" not in one:
        raise InputError("its schema has a field without a type")
    return one["type"]


def _size(size: Any) -> int:
    if not isinstance(size, int) or size < 0:
        raise InputError(f"its schema has values of {size!r:.20} bytes")
    return min(size, 1)


def check_container(file: IO[bytes]) -> None:
    """Refuse a container with a block that unpacks to more than `MAX_BLOCK`; rewind the file.

    What else is wrong with it is left to the reader.

    Raises
    ------
    InputError
    """
    try:
        codec = header(file).codec
        if codec in UNPACKERS:
            while _check_block(file, UNPACKERS[codec]):
                pass
    finally:
        file.seek(0)


@dataclass(frozen=True)
class Header:
    """What stands before the blocks of a container.

    Parameters
    ----------
    schema : bytes
        The writer's, as JSON.
    codec : str
        How blocks are packed; an empty text where there is no readable header.
    sync : bytes
        The mark behind each block.
    """

    schema: bytes = b""
    codec: str = ""
    sync: bytes = b""


def header(file: IO[bytes]) -> Header:
    """Read what stands before the blocks of a container.

    Parameters
    ----------
    file : file
        At its begin; then at the first block.
    """
    if file.read(len(MAGIC)) != MAGIC:
        return Header()
    found = {b"avro.codec": b"null"}
    while count := long_number(file):
        if count < 0:
            long_number(file)  # the size of the block of entries
        for _ in range(min(abs(count), 1000)):
            key, value = _bytes(file), _bytes(file)
            if key.startswith(b"avro."):
                found[key] = value
    codec = found[b"avro.codec"].decode("ascii", errors="replace")
    return Header(found.get(b"avro.schema", b""), codec, file.read(SYNC))


def _check_block(file: IO[bytes], make: Callable[[], Any]) -> bool:
    """Unpack a block piece by piece, keeping nothing; return whether there was one."""
    if not long_number(file):
        return False
    try:
        for _ in unpacked(file, long_number(file), make()):
            pass
    except UNPACKABLE:
        return False  # the reader says it better
    file.read(SYNC)
    return True


UNPACKABLE = (zlib.error, OSError, lzma.LZMAError, EOFError)
"""What unpacking a damaged block raises."""


def unpacked(file: IO[bytes], packed: int, unpacker: Any) -> Iterator[bytes]:
    """Yield what a block unpacks to, piece by piece.

    Parameters
    ----------
    file : file
        Where the block begins.
    packed : int
        Its size there [byte].
    unpacker : object
        As those of zlib, bz2 and lzma.

    Raises
    ------
    InputError
        If it unpacks to more than `MAX_BLOCK`.
    EOFError
        If the file ends before it.
    zlib.error, OSError, lzma.LZMAError
        If it is damaged.
    """
    total = 0
    while packed > 0:
        data = file.read(min(packed, PIECE))
        if not data:
            raise EOFError("the file ends in a block")
        packed -= len(data)
        while data or not getattr(unpacker, "needs_input", True):
            piece = unpacker.decompress(data, PIECE)
            data = getattr(unpacker, "unconsumed_tail", b"")
            total += len(piece)
            if total > MAX_BLOCK:
                raise InputError(f"a block of it unpacks to more than {MAX_BLOCK >> 20} MiB")
            yield piece
            if unpacker.eof:
                break


def long_number(file: IO[bytes]) -> int:
    """Read a zigzag number; 0 at the end of the file."""
    value = shift = 0
    while byte := file.read(1):
        value |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80 or shift > 63:
            break
    return (value >> 1) ^ -(value & 1)


def _bytes(file: IO[bytes]) -> bytes:
    n = long_number(file)
    return file.read(n) if 0 <= n <= MAX_META else b""
