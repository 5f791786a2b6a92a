"""What the machine of `avro_scan` is told and what it answers: numbers for steps and complaints.

Apart from it, since its compiler takes half a second to import, which reading a config need not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Kinds of primitive values; a step that keeps a value names its kind.
NULL, BOOLEAN, INTEGER, FLOAT, DOUBLE, BYTES, FIXED = range(7)

# Operations: (operation, a, b, c).
END = 0  # the record is over
LEAF = 1  # a: kind, b: column or -1, c: size of a fixed
NULLABLE = 2  # as LEAF, with the index of the null branch times 8 added to the kind
UNION = 3  # a: first entry in the jump table, b: number of branches
JUMP = 4  # a: where to
ITEMS = 5  # begin of an array or map; a: where it ends, b: table of its rows or -1
NEXT = 6  # after one item; a: the first step of an item, b: table, c: where it ends
RUN = 7  # values to step over; a: first entry in the table of runs, b: how many

# What can be wrong with the data.
GOOD, TRUNCATED, BAD_VARINT, BAD_UNION, BAD_LENGTH, LEFT_OVER, FULL = range(7)

COMPLAINTS = {
    TRUNCATED: "it ends early",
    BAD_VARINT: "a number in it has more than 64 bits",
    BAD_UNION: "a branch in it is none of the schema's",
    BAD_LENGTH: "a length in it is impossible",
    LEFT_OVER: "it is longer than its schema says",
}

LENGTH_BITS = 32
"""Texts are kept as (start << LENGTH_BITS) + length."""

Out = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.uint8]]


def room(rows: int, columns: int) -> Out:
    """Make room for values."""
    shape = (rows, max(1, columns))
    return np.zeros(shape), np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.uint8)
