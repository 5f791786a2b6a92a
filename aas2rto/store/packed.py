"""Columns as one value of the database: a header, and bytes that are pressed where it pays.

A packed table is ``AAC1``, the checksum and length of its header, the header (JSON: the number of
rows, each column's name, kind and planes, and whatever the writer notes), and the columns one
after the other. Numbers stand byte by byte: all first bytes, all second bytes, and so on. The
bytes of sign and exponent are then alike and shrink to nothing, while those of the mantissa are
noise, which no compressor shrinks and on which none is wasted. Words stand as numbers into the
header's list of different words.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.errors import StoreError

MAGIC = b"AAC1"
HEAD = struct.Struct("<4sIII")
"""Magic, checksum of all that follows the head, length of the header, length of the columns."""

PROBE = 1024
"""Bytes of a plane that are pressed to see whether it pays."""
PAYS = 0.95
"""A plane of which less than this remains is worth it."""

Columns = dict[str, NDArray[Any]]


def pack(columns: Mapping[str, NDArray[Any]], **notes: Any) -> bytes:
    """Return columns of one length as bytes: the same bytes for the same columns.

    Parameters
    ----------
    columns : mapping of str to ndarray
        float64, integers, bool, or objects that are str.
    **notes
        Goes into the header; ready for JSON.
    """
    told, body = [], []
    n = 0
    for name, values in columns.items():
        n = len(values)
        kind, numbers, words = _numbers(values)
        planes = [_squeezed(plane) for plane in _planes(numbers)]
        sizes = [[len(data), int(pressed)] for data, pressed in planes]
        told.append([name, kind, numbers.dtype.str, sizes, words])
        body += [data for data, _ in planes]
    header = json.dumps({"n": n, "columns": told, "notes": notes}, separators=(",", ":"))
    head, rest = header.encode(), b"".join(body)
    checksum = zlib.crc32(rest, zlib.crc32(head))
    return HEAD.pack(MAGIC, checksum, len(head), len(rest)) + head + rest


def unpack(data: bytes, *, only: frozenset[str] | None = None) -> tuple[Columns, dict[str, Any]]:
    """Return the columns, and what the writer noted.

    Parameters
    ----------
    data : bytes
    only : frozenset of str, optional
        Leave the others out.

    Raises
    ------
    StoreError
        If a byte of it is not what was written.
    """
    if len(data) < HEAD.size:
        raise StoreError("a packed table of the store is damaged: it is too short")
    magic, checksum, n_header, n_rest = HEAD.unpack_from(data)
    if magic != MAGIC or len(data) != HEAD.size + n_header + n_rest:
        raise StoreError("a packed table of the store is damaged: it does not begin as one")
    if zlib.crc32(memoryview(data)[HEAD.size :]) != checksum:
        raise StoreError("a packed table of the store is damaged: its checksum is another")
    header = json.loads(data[HEAD.size : HEAD.size + n_header])
    place, found = HEAD.size + n_header, {}
    for name, kind, dtype, sizes, words in header["columns"]:
        size = sum(length for length, _ in sizes)
        if only is None or name in only:
            numbers = _joined(data, place, sizes, np.dtype(dtype), header["n"])
            found[name] = _values(kind, numbers, words)
        place += size
    return found, header["notes"]


def _numbers(values: NDArray[Any]) -> tuple[str, NDArray[Any], list[str]]:
    """Return how a column is written: its kind, numbers, and different words."""
    kind = values.dtype.kind
    if kind == "O":
        codes, different = pd.factorize(values, sort=True)
        numbers = np.asarray(codes, dtype=np.int64)
        return "words", numbers.astype(_smallest(numbers)), different.tolist()
    if kind == "f":
        return "floats", values.astype(np.float64), []
    if kind == "b":
        return "bools", values.astype(np.uint8), []
    numbers = values.astype(np.int64)
    if len(numbers) > 1 and (numbers[1:] >= numbers[:-1]).all():
        steps = np.diff(numbers, prepend=np.int64(0))
        return "steps", steps.astype(_smallest(steps)), []
    return "integers", numbers.astype(_smallest(numbers)), []


def _smallest(numbers: NDArray[np.int64]) -> str:
    """Return the smallest type that holds all numbers."""
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    for dtype in ("<i1", "<i2", "<i4"):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return dtype
    return "<i8"


def _planes(numbers: NDArray[Any]) -> list[bytes]:
    little = np.ascontiguousarray(numbers).astype(numbers.dtype.newbyteorder("<"), copy=False)
    by_byte = little.view(np.uint8).reshape(len(numbers), numbers.dtype.itemsize)
    return [np.ascontiguousarray(by_byte[:, at]).tobytes() for at in range(by_byte.shape[1])]


def _squeezed(plane: bytes) -> tuple[bytes, bool]:
    probe = plane[:PROBE]
    if len(probe) < 64 or len(zlib.compress(probe, 1)) > PAYS * len(probe):
        return plane, False
    pressed = zlib.compress(plane, 1)
    return (pressed, True) if len(pressed) < PAYS * len(plane) else (plane, False)


def _joined(
    data: bytes, place: int, sizes: list[list[int]], dtype: np.dtype[Any], n: int
) -> NDArray[Any]:
    by_byte = np.empty((n, dtype.itemsize), dtype=np.uint8)
    for at, (length, pressed) in enumerate(sizes):
        plane = data[place : place + length]
        by_byte[:, at] = np.frombuffer(zlib.decompress(plane) if pressed else plane, dtype=np.uint8)
        place += length
    return by_byte.reshape(-1).view(dtype)


def _values(kind: str, numbers: NDArray[Any], words: list[str]) -> NDArray[Any]:
    if kind == "words":
        different = np.empty(len(words), dtype=object)
        different[:] = words
        return different[numbers] if len(numbers) else np.empty(0, dtype=object)
    if kind == "bools":
        return numbers.astype(bool)
    if kind == "steps":
        return np.cumsum(numbers, dtype=np.int64)
    return numbers.astype(np.float64 if kind == "floats" else np.int64)
