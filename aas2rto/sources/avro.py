"""Avro alerts -> the few entries that matter, as nested mappings, hundreds at a time.

`Reader` is made for one writer's schema and a choice of entries. What it returns has the form
that fastavro gives, without the entries that were not chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.sources import avro_scan as machine
from aas2rto.sources import lsst_packet, ztf_packet

Schema = Any
Path = tuple[str, ...]
Wanted = Callable[[Path], bool]

PRIMITIVES = {
    "null": machine.NULL, "boolean": machine.BOOLEAN, "int": machine.INTEGER,
    "long": machine.INTEGER, "float": machine.FLOAT, "double": machine.DOUBLE,
    "bytes": machine.BYTES, "string": machine.BYTES,
}  # fmt: skip

CHUNK = 64
"""Records per pass: few enough to stay in the processor's cache."""

MAX_DEPTH = 24
"""Nesting at which a schema counts as recursive."""

_MEASUREMENT = frozenset({
    # ZTF candidate.avsc, prv_candidate.avsc, fp_hist.avsc
    "jd", "fid", "pid", "candid", "ra", "dec", "magpsf", "sigmapsf", "isdiffpos", "diffmaglim",
    "nbad", "magzpsci", "forcediffimflux", "forcediffimfluxunc", "procstatus", *ztf_packet.KEPT,
    # LSST diaSource.avsc, diaForcedSource.avsc, diaObject.avsc
    "diaSourceId", "diaObjectId", "diaForcedSourceId", "midpointMjdTai", "band", "psfFlux",
    "psfFluxErr", "timeProcessedMjdTai", "timeWithdrawnMjdTai", *lsst_packet.SUSPECT_FLAGS,
    *lsst_packet.KEPT,
})  # fmt: skip
"""Entries of measurements that `packets` reads."""

_MEASURED = frozenset({
    "candidate", "prv_candidates", "fp_hists", "diaSource", "diaObject", "prvDiaSources",
    "prvDiaForcedSources",
})  # fmt: skip
_UNREAD = ("cutout", "lc_features", "ssSource", "mpc_orbits", "broker")


def alert_entries(path: Path) -> bool:
    """Choose the entries of an alert that `packets` reads: no images, few fields of each."""
    if path[0].startswith(_UNREAD):
        return False
    return len(path) == 1 or path[0] not in _MEASURED or path[-1] in _MEASUREMENT


class UnsupportedSchemaError(InputError):
    """A schema that the fast reader cannot follow; a general reader can."""


@dataclass
class _Table:
    """Where the wanted values of one array (or of the record itself) are put."""

    path: Path
    columns: list[Path] = field(default_factory=list)
    symbols: dict[int, list[str]] = field(default_factory=dict)
    is_map: bool = False


class _Compiler:
    """Turns a schema into steps of the machine."""

    def __init__(self, schema: Schema, wanted: Wanted) -> None:
        self.wanted = wanted
        self.code: list[list[int]] = []
        self.jumps: list[int] = []
        self.tables = [_Table(())]
        self._names: dict[str, Schema] = {}
        self._type(schema, (), "", self.tables[0], 0)
        self._emit(machine.END)

    def _emit(self, op: int, a: int = 0, b: int = 0, c: int = 0) -> int:
        self.code.append([op, a, b, c])
        return len(self.code) - 1

    def _resolve(self, schema: Schema, space: str) -> Schema:
        """Follow a name; note those that are defined here."""
        if isinstance(schema, str) and schema not in PRIMITIVES:
            full = schema if "." in schema else f"{space}.{schema}".lstrip(".")
            if full not in self._names and schema not in self._names:
                raise UnsupportedSchemaError(f"the schema uses {schema!r} but does not define it")
            return self._names.get(full, self._names.get(schema))
        if isinstance(schema, dict) and "name" in schema:
            name = schema["name"]
            self._names[name if "." in name else f"{_space(schema, space)}.{name}".lstrip(".")] = (
                schema
            )
        return schema

    def _type(
        self, schema: Schema, path: Path, space: str, table: _Table | None, depth: int
    ) -> None:
        """Emit the steps that read (or, without a table, step over) a value."""
        if depth > MAX_DEPTH:
            raise UnsupportedSchemaError("the schema is recursive")
        schema = self._resolve(schema, space)
        if isinstance(schema, list):
            self._union(schema, path, space, table, depth)
            return
        kind = schema if isinstance(schema, str) else schema["type"]
        if isinstance(kind, dict | list):  # {"type": {"type": "array", ...}}
            self._type(kind, path, space, table, depth + 1)
        elif kind in {"record", "error"}:
            self._record(schema, path, _space(schema, space), table, depth)
        elif kind in {"array", "map"}:
            self._items(schema, path, space, table, depth)
        else:
            self._emit(machine.LEAF, *self._leaf(schema, path, table))

    def _record(
        self, schema: Schema, path: Path, space: str, table: _Table | None, depth: int
    ) -> None:
        for entry in schema["fields"]:
            inner = (*path, entry["name"])
            into = table if table is not None and self.wanted(inner) else None
            self._type(entry["type"], inner, space, into, depth + 1)

    def _leaf(self, schema: Schema, path: Path, table: _Table | None) -> tuple[int, int, int]:
        """Return kind, column (-1 for unwanted) and size of a primitive."""
        kind = schema if isinstance(schema, str) else schema["type"]
        code, size = PRIMITIVES.get(kind, machine.INTEGER), 0
        if kind == "fixed":
            return machine.FIXED, -1, int(schema["size"])
        if kind not in PRIMITIVES and kind != "enum":
            raise UnsupportedSchemaError(f"the schema has a type {kind!r}")
        if table is None:
            return code, -1, size
        name = path[len(table.path) :]
        if name not in table.columns:
            table.columns.append(name)
        column = table.columns.index(name)
        if kind == "enum":
            table.symbols[column] = list(schema["symbols"])
        return code, column, size

    def _union(
        self, branches: list[Schema], path: Path, space: str, table: _Table | None, depth: int
    ) -> None:
        simple = [self._resolve(branch, space) for branch in branches]
        if len(simple) == 2 and "null" in simple:
            null = simple.index("null")
            other = simple[1 - null]
            kind = other["type"] if isinstance(other, dict) else other
            if isinstance(kind, str) and kind not in {"record", "error", "array", "map"}:
                code, column, size = self._leaf(other, path, table)
                self._emit(machine.NULLABLE, code + 8 * null, column, size)
                return
        first = len(self.jumps)
        self.jumps.extend([0] * len(branches))
        self._emit(machine.UNION, first, len(branches))
        ends = []
        for number, branch in enumerate(branches):
            self.jumps[first + number] = len(self.code)
            self._type(branch, path, space, table, depth + 1)
            ends.append(self._emit(machine.JUMP))
        for end in ends:
            self.code[end][1] = len(self.code)

    def _items(
        self, schema: Schema, path: Path, space: str, table: _Table | None, depth: int
    ) -> None:
        """Emit a loop; wanted items fill rows of a table of their own, one level deep."""
        is_map = schema["type"] == "map"
        inner: _Table | None = None
        if table is not None and table.path == ():
            inner = _Table(path, is_map=is_map)
            self.tables.append(inner)
        number = len(self.tables) - 1 if inner is not None else -1
        start = self._emit(machine.ITEMS, 0, number)
        if is_map:
            self._emit(machine.LEAF, *self._leaf("string", (*path, "key"), inner))
            self._type(schema["values"], (*path, "value"), space, inner, depth + 1)
        else:
            self._type(schema["items"], path, space, inner, depth + 1)
        self._emit(machine.NEXT, start + 1, number, len(self.code) + 1)
        self.code[start][1] = len(self.code)


def _space(schema: Schema, space: str) -> str:
    """Return the namespace in which the fields of a named type are resolved."""
    name: str = schema["name"]
    return name.rpartition(".")[0] if "." in name else str(schema.get("namespace", space))


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

    def __init__(self, schema: Schema, wanted: Wanted = alert_entries) -> None:
        try:
            compiled = _Compiler(schema, wanted)
        except (KeyError, TypeError, AttributeError) as error:
            raise UnsupportedSchemaError(f"this is no Avro schema ({error!r})") from error
        self._tables = compiled.tables
        self._program = (
            np.array(compiled.code, dtype=np.int64),
            np.array(compiled.jumps or [0], dtype=np.int64),
        )
        self._width = max((len(table.columns) for table in self._tables[1:]), default=0)
        self._rows = 64 * CHUNK

    def read(self, records: Sequence[bytes]) -> list[dict[str, Any] | InputError]:
        """Read records.

        Parameters
        ----------
        records : sequence of bytes

        Returns
        -------
        list
            For each record, in order, its chosen entries, or why it cannot be read.
        """
        found: list[dict[str, Any] | InputError] = []
        for start in range(0, len(records), CHUNK):
            found += self._read_chunk(records[start : start + CHUNK])
        return found

    def _read_chunk(self, records: Sequence[bytes]) -> list[dict[str, Any] | InputError]:
        data = b"".join(records)
        stops = np.cumsum([len(record) for record in records])
        starts = np.concatenate([[0], stops[:-1]])
        top = machine.room(len(records), len(self._tables[0].columns))
        while True:
            items = machine.room(self._rows, self._width)
            tables, owners = (np.zeros(self._rows, dtype=np.int64) for _ in range(2))
            status = np.zeros(len(records), dtype=np.int64)
            n = machine.scan(
                np.frombuffer(data, dtype=np.uint8), starts, stops, self._program,
                top, items, tables, owners, status,
            )  # fmt: skip
            if not (status == machine.FULL).any():
                break
            self._rows *= 2
        used = tuple(part[:n] for part in items)
        return self._assemble(data, top, used, tables[:n], owners[:n], status)

    def _assemble(
        self,
        data: bytes,
        top: machine.Out,
        items: tuple[NDArray[Any], ...],
        tables: NDArray[np.int64],
        owners: NDArray[np.int64],
        status: NDArray[np.int64],
    ) -> list[dict[str, Any] | InputError]:
        found: list[dict[str, Any] | InputError] = list(_rows(data, top, self._tables[0]))
        for number, table in enumerate(self._tables[1:], start=1):
            mine = tables == number
            rows = _rows(data, tuple(part[mine] for part in items), table)
            of_each: dict[int, list[Any]] = {}
            for owner, row in zip(owners[mine].tolist(), rows, strict=True):
                of_each.setdefault(owner, []).append(row)
            for owner, their in of_each.items():
                _put(found[owner], table.path, _as_map(their) if table.is_map else their)
        for bad in np.flatnonzero(status).tolist():
            found[bad] = InputError(machine.COMPLAINTS[int(status[bad])])
        return found


def _as_map(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["key"]: row.get("value") for row in rows}


def _put(record: Any, path: Path, value: Any) -> None:
    for name in path[:-1]:
        record = record.setdefault(name, {})
    record[path[-1]] = value


def _rows(data: bytes, out: tuple[NDArray[Any], ...], table: _Table) -> list[dict[str, Any]]:
    """Build one mapping per row, column by column."""
    n = len(out[0])
    flat: dict[str, list[Any]] = {}
    groups: dict[Path, dict[str, list[Any]]] = {}
    for number, path in enumerate(table.columns):
        column = _column(data, tuple(part[:, number] for part in out), table.symbols.get(number))
        into = groups.setdefault(path[:-1], {}) if len(path) > 1 else flat
        into[path[-1] if path else ""] = column
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


def _column(data: bytes, out: tuple[NDArray[Any], ...], symbols: list[str] | None) -> list[Any]:
    """Turn one column of machine values into Python ones."""
    numbers, integers, kinds = out
    present = set(np.unique(kinds).tolist())
    if present <= {machine.FLOAT, machine.DOUBLE}:
        return list(numbers.tolist())
    values: NDArray[Any] = np.full(len(kinds), None, dtype=object)
    for kind in present - {machine.NULL}:
        mine = kinds == kind
        if kind in {machine.FLOAT, machine.DOUBLE}:
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
