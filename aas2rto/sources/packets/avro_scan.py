"""A machine that walks over Avro data and keeps only what is wanted, compiled to native code.

An alert packet has thousands of fields, of which a few dozen matter per measurement. A general
Avro reader makes a Python object of each (about 1 us per field, 5 ms for a ZTF packet with its
30-day history); this one steps over them at a few ns per field. The encoding is that of the
Apache Avro specification 1.11, section "Binary Encoding".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from aas2rto.sources.packets.avro_steps import (
    BAD_LENGTH,
    BAD_UNION,
    BAD_VARINT,
    BOOLEAN,
    BYTES,
    DOUBLE,
    END,
    FLOAT,
    FULL,
    GOOD,
    INTEGER,
    JUMP,
    LEAF,
    LEFT_OVER,
    LENGTH_BITS,
    NEXT,
    NULL,
    NULLABLE,
    RUN,
    TRUNCATED,
    UNION,
)


@njit(cache=True, nogil=True)
def _varint(data: Any, pos: Any, stop: Any) -> Any:  # pragma: no cover  compiled
    """Read a zigzag number; returns it and the next position, negative for an error."""
    if pos < stop and data[pos] < 0x80:  # Nearly all: one byte.
        small = np.int64(data[pos])
        return (small >> 1) ^ -(small & 1), pos + 1
    shift = 0
    bits = np.uint64(0)
    while True:
        if pos >= stop:
            return np.int64(0), -TRUNCATED
        byte = data[pos]
        pos += 1
        bits |= np.uint64(byte & 0x7F) << np.uint64(shift)
        if byte < 0x80:
            break
        shift += 7
        if shift > 63:
            return np.int64(0), -BAD_VARINT
    half = np.int64(bits >> np.uint64(1))
    return half ^ -np.int64(bits & np.uint64(1)), pos


@njit(cache=True, nogil=True)
def _extent(data: Any, pos: Any, stop: Any, kind: Any, size: Any) -> Any:  # pragma: no cover
    """Find where a value that is no number ends; a text's place is its value."""
    value = np.int64(0)
    width = np.int64(size)
    if kind == DOUBLE:
        width = np.int64(8)
    elif kind == FLOAT:
        width = np.int64(4)
    elif kind == BOOLEAN:
        width = np.int64(1)
    elif kind == BYTES:
        width, pos = _varint(data, pos, stop)
        if pos < 0:
            return value, pos
        if width < 0:
            return value, -BAD_LENGTH
        value = (np.int64(pos) << LENGTH_BITS) + width
    if width > stop - pos:
        return value, -TRUNCATED
    return value, pos + width


@njit(cache=True, nogil=True)
def _leaf(
    data: Any, pos: Any, stop: Any, kind: Any, column: Any, size: Any, row: Any, out: Any
) -> Any:  # pragma: no cover  compiled
    """Keep one value or step over it; returns the next position, negative for an error."""
    if kind == INTEGER:
        value, pos = _varint(data, pos, stop)
    else:
        value, pos = _extent(data, pos, stop, kind, size)
    if pos < 0 or column < 0:
        return pos
    numbers, integers, kinds = out
    kinds[row, column] = kind
    if kind == DOUBLE:
        numbers[row, column] = data[pos - 8 : pos].view(np.float64)[0]
    elif kind == FLOAT:
        numbers[row, column] = data[pos - 4 : pos].view(np.float32)[0]
    elif kind == BOOLEAN:
        integers[row, column] = data[pos - 1]
    else:
        integers[row, column] = value
    return pos


@njit(cache=True, nogil=True)
def _skip(  # noqa: C901  one loop: calls would cost its speed
    data: Any, pos: Any, stop: Any, runs: Any, first: Any, n: Any
) -> Any:  # pragma: no cover  compiled
    """Step over `n` values, most of an alert, with as little ado as possible.

    An entry of `runs` is the index of the null branch (-1: cannot be null), kind and size.
    """
    for entry in range(first, first + n):
        null, kind = runs[entry, 0], runs[entry, 1]
        if null >= 0:
            if pos >= stop:
                return -TRUNCATED
            byte = data[pos]
            pos += 1
            if byte == null << 1:
                continue
            if byte != (1 - null) << 1:
                return -BAD_UNION
        if kind == DOUBLE:
            pos += 8
        elif kind == FLOAT:
            pos += 4
        elif kind == INTEGER:
            while pos < stop and data[pos] >= 0x80:
                pos += 1
            pos += 1
        elif kind != NULL:
            _, pos = _extent(data, pos, stop, kind, runs[entry, 2])
            if pos < 0:
                return pos
        if pos > stop:
            return -TRUNCATED
    return pos


@njit(cache=True, nogil=True)
def _count(data: Any, pos: Any, stop: Any) -> Any:  # pragma: no cover  compiled
    """Read how many items follow; a negative count is followed by their size in bytes."""
    count, pos = _varint(data, pos, stop)
    if pos >= 0 and count < 0:
        count = -count
        _, pos = _varint(data, pos, stop)
    # Each item takes at least a byte: what promises more would keep us busy for ever.
    if pos >= 0 and count > stop - pos:
        return count, -BAD_LENGTH
    return count, pos


@njit(cache=True, nogil=True)
def _begin(
    data: Any, pos: Any, stop: Any, op: Any, a: Any, c: Any, step: Any, left: Any, depth: Any
) -> Any:  # pragma: no cover  compiled
    """Begin the next item of a list, or leave it; returns place, step, depth and whether it began.

    A place below 0 is a complaint.
    """
    count, first, end = np.int64(0), step, a
    if op == NEXT:
        first, end = a, c
        depth -= 1
        count = left[depth] - 1
    if count == 0:
        count, pos = _count(data, pos, stop)
    if pos < 0 or count == 0:
        return pos, end, depth, False
    left[depth] = count
    return pos, first, depth + 1, True


@njit(cache=True, nogil=True)
def _branch(data: Any, pos: Any, stop: Any, op: Any, b: Any) -> Any:  # pragma: no cover  compiled
    """Read which option of a union follows; a place below 0 is a complaint."""
    branch, pos = _varint(data, pos, stop)
    if pos >= 0 and (branch < 0 or branch >= (2 if op == NULLABLE else b)):
        return branch, -BAD_UNION
    return branch, pos


@njit(cache=True, nogil=True)
def _walk(  # noqa: C901, PLR0912, PLR0913, PLR0917  one loop over the steps of a program
    data: Any,
    pos: Any,
    stop: Any,
    code: Any,
    jumps: Any,
    runs: Any,
    top: Any,
    top_out: Any,
    item_out: Any,
    tables: Any,
    owners: Any,
    n_items: Any,
) -> Any:  # pragma: no cover  compiled
    """Walk over one record; returns the complaint, the number of item rows so far, and its end."""
    left = np.zeros(32, dtype=np.int64)
    depth, in_table, step = 0, -1, 0
    while pos >= 0:
        op, a, b, c = code[step, 0], code[step, 1], code[step, 2], code[step, 3]
        step += 1
        branch = np.int64(-1)
        if op in (NULLABLE, UNION):
            branch, pos = _branch(data, pos, stop, op, b)
        if pos < 0:
            break
        if op == RUN:
            pos = _skip(data, pos, stop, runs, a, b)
        elif op in (LEAF, NULLABLE):
            kind = NULL if op == NULLABLE and branch == a >> 3 else a & 7
            if kind != NULL and in_table >= 0:
                pos = _leaf(data, pos, stop, kind, b, c, n_items - 1, item_out)
            elif kind != NULL:
                pos = _leaf(data, pos, stop, kind, b, c, top, top_out)
        elif op == UNION:
            step = jumps[a + branch]
        elif op == JUMP:
            step = a
        elif op == END:
            return (GOOD if pos == stop else LEFT_OVER), n_items, pos
        else:  # ITEMS or NEXT
            pos, step, depth, began = _begin(data, pos, stop, op, a, c, step, left, depth)
            if b < 0 or pos < 0:
                continue
            if not began:
                in_table = -1
            elif n_items >= len(tables):
                return FULL, n_items, pos
            else:
                in_table, tables[n_items], owners[n_items] = b, b, top
                item_out[2][n_items, :] = NULL
                n_items += 1
    return -pos, n_items, pos


@njit(cache=True, nogil=True)
def scan(
    data: Any,
    starts: Any,
    stops: Any,
    program: Any,
    top_out: Any,
    item_out: Any,
    tables: Any,
    owners: Any,
    status: Any,
) -> int:  # pragma: no cover  compiled
    """Walk over many records.

    Parameters
    ----------
    data : ndarray of uint8
        All records, one after the other.
    starts, stops : ndarray of int64, shape (n,)
        Where each begins and ends.
    program : tuple of ndarray
        Steps, shape (m, 4), jump table, and table of runs, shape (r, 3).
    top_out : tuple of ndarray, shapes (n, k)
        Numbers, integers and kinds of the wanted top-level values; kind 0 is null.
    item_out : tuple of ndarray, shapes (r, l)
        The same for the items of wanted arrays.
    tables, owners : ndarray, shape (r,)
        To which array and record an item belongs.
    status : ndarray of int64, shape (n,)
        What is wrong with each record, 0 for nothing. After a `FULL` one nothing was read.

    Returns
    -------
    int
        How many item rows are filled.
    """
    code, jumps, runs = program
    n_items = 0
    for i in range(len(starts)):
        before = n_items
        top_out[2][i, :] = NULL
        status[i], n_items, _ = _walk(
            data,
            starts[i],
            stops[i],
            code,
            jumps,
            runs,
            i,
            top_out,
            item_out,
            tables,
            owners,
            n_items,
        )
        if status[i] != GOOD:
            n_items = before
        if status[i] == FULL:
            break
    return n_items


@njit(cache=True, nogil=True)
def find_ends(
    data: Any, n: Any, program: Any, top_out: Any, item_out: Any, ends: Any
) -> Any:  # pragma: no cover  compiled
    """Find where each of many records ends that stand behind each other.

    Parameters
    ----------
    data : ndarray of uint8
        All records, one after the other.
    n : int
        How many there are.
    program : tuple of ndarray
        One that keeps nothing, see `scan`.
    top_out, item_out : tuple of ndarray
        Rooms without columns.
    ends : ndarray of int64, shape (n,)
        Filled as far as the records can be read.

    Returns
    -------
    int
        How many can be read.
    """
    code, jumps, runs = program
    none = np.zeros(0, dtype=np.int64)
    pos, stop = np.int64(0), np.int64(len(data))
    for i in range(n):
        status, _, pos = _walk(
            data, pos, stop, code, jumps, runs, 0, top_out, item_out, none, none, 0
        )
        if status not in (GOOD, LEFT_OVER):
            return i
        ends[i] = pos
    return n
