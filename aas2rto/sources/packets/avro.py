"""Avro alerts -> the few entries that matter, as nested mappings, hundreds at a time.

`Reader` is made for one writer's schema and a choice of entries. What it returns has the form
that fastavro gives, without the entries that were not chosen.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.sources.packets import avro_steps as machine
from aas2rto.sources.packets.avro_schema import (
    Compiler,
    Path,
    Schema,
    Table,
    UnsupportedSchemaError,
    Wanted,
)

Alert = dict[str, Any] | InputError
"""Chosen entries of a record, or why it cannot be read."""

CHUNK = 64
"""Records per pass: few enough to stay in the processor's cache."""


class Reader:
    """Reads schemaless Avro records that one schema describes.

    Parameters
    ----------
    schema : dict, list or str
        The writer's, as parsed from JSON.
    wanted : callable
        Takes the path of an entry, such as ``("candidate", "jd")``, and says whether to keep it.

    Raises
    ------
    UnsupportedSchemaError
        If the schema is recursive, or not Avro.
    """

    def __init__(self, schema: Schema, wanted: Wanted) -> None:
        try:
            compiled = Compiler(schema, wanted)
        except (KeyError, TypeError, AttributeError) as error:
            raise UnsupportedSchemaError(f"this is no Avro schema ({error!r})") from error
        self._schema = schema
        self._tables = compiled.tables
        self._program = compiled.program
        self._width = max((len(table.columns) for table in self._tables[1:]), default=0)
        self._rows_per_record = 64

    def read(self, records: Sequence[bytes]) -> list[Alert]:
        """Read records.

        Parameters
        ----------
        records : sequence of bytes

        Returns
        -------
        list
            For each record, in order, its chosen entries, or why it cannot be read.
        """
        found: list[Alert] = []
        for chunk in self.scan(records):
            chunk.assemble()
            found += chunk.alerts
        return found

    def scan(self, records: Sequence[bytes]) -> Iterator[Chunk]:
        """Read records, but leave the items of arrays in columns.

        Parameters
        ----------
        records : sequence of bytes

        Yields
        ------
        Chunk
            Of `CHUNK` records, in order.
        """
        for start in range(0, len(records), CHUNK):
            yield self._scan_chunk(records[start : start + CHUNK])

    def split(self, data: bytes, n: int) -> list[bytes]:
        """Cut a block into its records.

        Parameters
        ----------
        data : bytes
            Records that stand behind each other.
        n : int
            How many there should be.

        Returns
        -------
        list of bytes
            Fewer than `n` if the block is damaged.
        """
        if n <= 1:
            return [data][:n]
        from aas2rto.sources.packets.avro_scan import find_ends  # noqa: PLC0415

        ends = np.zeros(min(n, len(data)), dtype=np.int64)
        nothing = machine.room(1, 0)
        program = self._boundaries.program
        good = find_ends(
            np.frombuffer(data, dtype=np.uint8), len(ends), program, nothing, nothing, ends
        )
        stops = ends[:good].tolist()
        return [data[a:b] for a, b in zip([0, *stops[:-1]], stops, strict=False)]

    @functools.cached_property
    def _boundaries(self) -> Compiler:
        return Compiler(self._schema, lambda _: False)

    def _scan_chunk(self, records: Sequence[bytes]) -> Chunk:
        from aas2rto.sources.packets.avro_scan import scan  # noqa: PLC0415  half a second at import

        data = b"".join(records)
        stops = np.cumsum([len(record) for record in records])
        starts = np.concatenate([[0], stops[:-1]])
        top = machine.room(len(records), len(self._tables[0].columns))
        while True:
            rows = self._rows_per_record * len(records)
            items = machine.room(rows, self._width)
            tables, owners = (np.zeros(rows, dtype=np.int64) for _ in range(2))
            status = np.zeros(len(records), dtype=np.int64)
            n = scan(
                np.frombuffer(data, dtype=np.uint8),
                starts,
                stops,
                self._program,
                top,
                items,
                tables,
                owners,
                status,
            )
            if not (status == machine.FULL).any():
                break
            self._rows_per_record *= 2
        alerts: list[Alert] = list(_rows(Values(data, top, self._tables[0])))
        for bad in np.flatnonzero(status).tolist():
            alerts[bad] = InputError(machine.COMPLAINTS[int(status[bad])])
        found = {}
        for number, table in enumerate(self._tables[1:], start=1):
            mine = np.flatnonzero(tables[:n] == number)
            values = Values(data, tuple(part[mine] for part in items), table)
            found[table.path] = Items(owners[mine], values)
        return Chunk(alerts, found)


class Values:
    """Values of one table, as the machine left them.

    Parameters
    ----------
    data : bytes
        Where texts lie.
    out : tuple of ndarray, shapes (n, k)
        Numbers, integers and kinds.
    table : Table
        Names the columns.
    """

    def __init__(self, data: bytes, out: tuple[NDArray[Any], ...], table: Table) -> None:
        self.data = data
        self.out = out
        self.table = table
        self._places = {path[-1] if path else "": n for n, path in enumerate(table.columns)}

    def __len__(self) -> int:
        return len(self.out[0])

    @functools.cached_property
    def _present(self) -> list[int]:
        """Which kinds each column holds, as bits: once for all, since each call costs its time."""
        kinds = self.out[2]
        if not len(kinds):
            return [0] * kinds.shape[1]
        found: list[int] = np.bitwise_or.reduce(np.uint8(1) << kinds, axis=0).tolist()
        return found

    def holds_only(self, name: str, kinds: int) -> bool:
        """Say whether a column has no values of other kinds, given as bits."""
        place = self._places.get(name)
        return place is None or not self._present[place] & ~kinds

    def kinds(self, name: str) -> NDArray[np.uint8]:
        """Return the kind of each value of a column; `machine.NULL` for none."""
        place = self._places.get(name)
        if place is None:
            return np.zeros(len(self), dtype=np.uint8)
        kinds: NDArray[np.uint8] = self.out[2][:, place]
        return kinds

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column as floats; null is NaN."""
        kinds = self.kinds(name)
        if not kinds.any():
            return np.full(len(self), np.nan)
        place = self._places[name]
        numbers: NDArray[np.float64] = np.where(
            kinds == machine.INTEGER, self.out[1][:, place], self.out[0][:, place]
        )
        return np.where(kinds == machine.NULL, np.nan, numbers)

    def integers(self, name: str) -> NDArray[np.int64]:
        """Return a column of integers (or booleans); null is 0."""
        kinds = self.kinds(name)
        if not kinds.any():
            return np.zeros(len(self), dtype=np.int64)
        return np.where(kinds == machine.NULL, 0, self.out[1][:, self._places[name]])

    def texts(self, name: str, rows: NDArray[Any]) -> list[str]:
        """Return some rows of a column of texts; null is empty."""
        kinds = self.kinds(name)
        if not kinds.any():
            return [""] * len(rows)
        # A text of no length at the beginning, which is what 0 says, is empty, too.
        packed = np.where(kinds == machine.NULL, 0, self.out[1][:, self._places[name]])
        return _texts(self.data, packed[rows].tolist())

    def column(self, number: int) -> list[Any]:
        """Return a column as Python values; null is None."""
        parts = tuple(part[:, number] for part in self.out)
        return _column(self.data, parts, self._present[number], self.table.symbols.get(number))


@dataclass(frozen=True)
class Items:
    """The items of one array of many records, one after the other.

    Parameters
    ----------
    owners : ndarray of int64, shape (n,)
        The record that each belongs to.
    values : Values
    """

    owners: NDArray[np.int64]
    values: Values


@dataclass
class Chunk:
    """Some records: their top-level entries as mappings, the items of their arrays as columns.

    Parameters
    ----------
    alerts : list of dict or InputError
    items : dict of tuple to Items
        By the path of the array.
    """

    alerts: list[Alert]
    items: dict[Path, Items]

    def assemble(self, paths: Collection[Path] | None = None) -> None:
        """Put items into the mappings of their records.

        Parameters
        ----------
        paths : collection of tuple, optional
            Of the arrays; all by default.
        """
        for path in list(self.items) if paths is None else paths:
            items = self.items.pop(path)
            of_each: dict[int, list[Any]] = {}
            rows: list[Any] = _rows(items.values)
            if list(items.values.table.columns) == [()]:  # plain values, not records
                rows = [row[""] for row in rows]
            for owner, row in zip(items.owners.tolist(), rows, strict=True):
                of_each.setdefault(owner, []).append(row)
            is_map = items.values.table.is_map
            for owner, their in of_each.items():
                if isinstance(self.alerts[owner], dict):
                    _put(self.alerts[owner], path, _as_map(their) if is_map else their)


def _as_map(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["key"]: row.get("value") for row in rows}


def _put(record: Any, path: Path, value: Any) -> None:
    for name in path[:-1]:
        record = record.setdefault(name, {})
    record[path[-1]] = value


def _rows(values: Values) -> list[dict[str, Any]]:
    """Build one mapping per row, column by column."""
    n = len(values)
    flat: dict[str, list[Any]] = {}
    groups: dict[Path, dict[str, list[Any]]] = {}
    for number, path in enumerate(values.table.columns):
        into = groups.setdefault(path[:-1], {}) if len(path) > 1 else flat
        into[path[-1] if path else ""] = values.column(number)
    rows = _mappings(flat, n)
    for group, columns in sorted(groups.items(), key=lambda item: len(item[0])):
        for row, inner in zip(rows, _mappings(columns, n), strict=True):
            _put(row, group, inner)
    return rows


def _mappings(columns: dict[str, list[Any]], n: int) -> list[dict[str, Any]]:
    if not columns:
        return [{} for _ in range(n)]
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


REAL = 1 << machine.FLOAT | 1 << machine.DOUBLE


def _column(
    data: bytes, out: tuple[NDArray[Any], ...], present: int, symbols: list[str] | None
) -> list[Any]:
    """Turn one column of machine values into Python ones; `present` are its kinds as bits."""
    numbers, integers, kinds = out
    if not present & ~REAL:
        return list(numbers.tolist())
    if present == 1 << machine.NULL:
        return [None] * len(kinds)
    if present == 1 << machine.BYTES:
        return list(_texts(data, integers.tolist()))
    values: NDArray[Any] = np.full(len(kinds), None, dtype=object)
    for kind in range(machine.NULL + 1, machine.FIXED + 1):
        if not present >> kind & 1:
            continue
        mine = kinds == kind
        if 1 << kind & REAL:
            values[mine] = numbers[mine]
        elif kind == machine.BYTES:
            values[mine] = _texts(data, integers[mine].tolist())
        elif kind == machine.BOOLEAN:
            values[mine] = integers[mine].astype(bool)
        else:
            values[mine] = integers[mine]
    found = values.tolist()
    return [symbols[value] if value is not None else None for value in found] if symbols else found


def _texts(data: bytes, packed: list[int]) -> list[str]:
    mask = (1 << machine.LENGTH_BITS) - 1
    return [
        data[(start := place >> machine.LENGTH_BITS) : start + (place & mask)].decode(
            errors="replace"
        )
        for place in packed
    ]
