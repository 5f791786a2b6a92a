"""An Avro schema -> the steps of the machine that reads its records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.sources.packets import avro_steps as machine
from aas2rto.sources.packets.avro_limits import MAX_DEPTH

Schema = Any
Path = tuple[str, ...]
Wanted = Callable[[Path], bool]

PRIMITIVES = {
    "null": machine.NULL,
    "boolean": machine.BOOLEAN,
    "int": machine.INTEGER,
    "long": machine.INTEGER,
    "float": machine.FLOAT,
    "double": machine.DOUBLE,
    "bytes": machine.BYTES,
    "string": machine.BYTES,
}


class UnsupportedSchemaError(InputError):
    """A schema that the fast reader cannot follow; a general reader can."""


@dataclass
class Table:
    """Where the wanted values of one array (or of the record itself) are put."""

    path: Path
    columns: list[Path] = field(default_factory=list)
    symbols: dict[int, list[str]] = field(default_factory=dict)
    is_map: bool = False


class Compiler:
    """Turns a schema into steps of the machine."""

    def __init__(self, schema: Schema, wanted: Wanted) -> None:
        self.wanted = wanted
        self.code: list[list[int]] = []
        self.jumps: list[int] = []
        self.tables = [Table(())]
        self._names: dict[str, Schema] = {}
        self._type(schema, (), "", self.tables[0], 0)
        self._emit(machine.END)
        self.program = self._with_runs()

    def _emit(self, op: int, a: int = 0, b: int = 0, c: int = 0) -> int:
        self.code.append([op, a, b, c])
        return len(self.code) - 1

    def _with_runs(self) -> tuple[NDArray[np.int64], ...]:
        """Replace each series of values that nobody wants by one step."""
        targets = {*self.jumps, *(line[1] for line in self.code if line[0] in _POINTS_TO_A)}
        targets |= {line[3] for line in self.code if line[0] == machine.NEXT}
        code: list[list[int]] = []
        runs: list[list[int]] = []
        moved: dict[int, int] = {}
        for number, line in enumerate(self.code):
            entry = _unwanted(line)
            goes_on = bool(code) and code[-1][0] == machine.RUN and number not in targets
            moved[number] = len(code)
            if entry is None:
                code.append(list(line))
                continue
            runs.append(entry)
            if goes_on:
                code[-1][2] += 1
            else:
                code.append([machine.RUN, len(runs) - 1, 1, 0])
        for line in code:
            if line[0] in _POINTS_TO_A:
                line[1] = moved[line[1]]
            if line[0] == machine.NEXT:
                line[3] = moved[line[3]]
        jumps = [moved[target] for target in self.jumps]
        return (
            np.array(code, dtype=np.int64),
            np.array(jumps or [0], dtype=np.int64),
            np.array(runs or [[0, 0, 0]], dtype=np.int64),
        )

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
        self, schema: Schema, path: Path, space: str, table: Table | None, depth: int
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
        self, schema: Schema, path: Path, space: str, table: Table | None, depth: int
    ) -> None:
        for entry in schema["fields"]:
            inner = (*path, entry["name"])
            into = table if table is not None and self.wanted(inner) else None
            self._type(entry["type"], inner, space, into, depth + 1)

    def _leaf(self, schema: Schema, path: Path, table: Table | None) -> tuple[int, int, int]:
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
        self, branches: list[Schema], path: Path, space: str, table: Table | None, depth: int
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
        self, schema: Schema, path: Path, space: str, table: Table | None, depth: int
    ) -> None:
        """Emit a loop; wanted items fill rows of a table of their own, one level deep."""
        is_map = schema["type"] == "map"
        inner: Table | None = None
        if table is not None and table.path == ():
            inner = Table(path, is_map=is_map)
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


_POINTS_TO_A = frozenset({machine.JUMP, machine.ITEMS, machine.NEXT})
"""Operations whose first argument is a step."""


def _unwanted(line: Sequence[int]) -> list[int] | None:
    """Return the entry of a run for a value that nobody wants; None for any other step."""
    op, a, b, c = line
    if op not in {machine.LEAF, machine.NULLABLE} or b >= 0:
        return None
    return [a >> 3 if op == machine.NULLABLE else -1, a & 7, c]


def _space(schema: Schema, space: str) -> str:
    """Return the namespace in which the fields of a named type are resolved."""
    name: str = schema["name"]
    return name.rpartition(".")[0] if "." in name else str(schema.get("namespace", space))
