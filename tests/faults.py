"""``python -m tests.faults``: every door x every fault, green where the tests of the cell pass.

A test names its cell: ``@pytest.mark.fault(door, fault, what)``. Where it is parametrized,
``{name}`` in a word stands for its parameter of that name. ``python -m tests.faults --names`` lists
what each cell stands for, ``--quick`` leaves out what takes minutes, and words choose rows.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

FAULTS = {
    "damaged": "cut, malformed, of the wrong shape, wrong in several ways at once",
    "empty": "nothing in it, or nothing to be had",
    "bomb": "huge, or small and standing for far more",
    "text": "what terminals, spreadsheets, calendars or file systems take for more than words",
    "range": "dates, waits and numbers beyond all that can be meant",
    "nan": "NaN, infinity, sentinels: what is no number",
    "secret": "passwords, tokens, names of people: shown nowhere, sent nowhere else",
    "slow": "hangs, drips, grows, takes for ever to read",
    "dies": "killed, reset or stopped midway",
    "gone": "disappears, refuses, is full, cannot be written",
    "forged": "pretends to be something or somebody else",
    "again": "twice, late, corrected, changed",
}
"""The columns, and what is meant by them."""

DOORS = (
    "config",
    "ToO file",
    "observatory",
    "CSV, JSON, FITS",
    "Parquet",
    "Avro file",
    "fink-ztf",
    "fink-lsst",
    "alerce-ztf",
    "alerce-lsst",
    "antares",
    "lasair-ztf",
    "lasair-lsst",
    "atlas",
    "tns",
    "yse",
    "schedules",
    "lco",
    "HTTP",
    "Kafka",
    "fink stream",
    "lasair stream",
    "answers",
    "page",
    "marks",
    "messages",
    "expression",
    "factors",
    "CLI",
    "loop",
    "store",
    "results",
    "terminal",
    "log",
    "home",
)
"""The rows, from what comes in to where the program stands; `HTTP` is the door of all services."""

OF_SERVICE = {
    "refused": "gone",
    "hang": "slow",
    "reset": "dies",
    "401": "secret",
    "404": "gone",
    "429": "slow",
    "500": "dies",
    "503": "gone",
    "html": "damaged",
    "truncated": "damaged",
    "wrong shape": "forged",
    "malformed record": "nan",
    "unknown fields": "again",
    "duplicated": "again",
    "empty": "empty",
}
"""The faults of the stand-ins, see `tests.standin.faults`, by column."""


@dataclass(frozen=True)
class Mark:
    """What a test says that it shows."""

    test: str
    door: str
    fault: str
    what: str


@dataclass
class Cell:
    """What came of the tests of a cell: `proof` if --quick left them out, `lost` if none ran."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    left_out: int = 0

    def __str__(self) -> str:
        if self.failed:
            return "FAIL"
        if self.passed:
            return f"ok {self.passed}"
        if self.skipped:
            return "skip"
        return "proof" if self.left_out else "lost"


def written_marks() -> Iterator[Mark]:
    """Yield the marks that stand in the tests, parameters unfilled, without importing them."""
    for path in _files():
        for node in ast.walk(ast.parse(path.read_text())):
            for decorator in getattr(node, "decorator_list", ()):
                if ast.unparse(decorator).startswith("pytest.mark.fault("):
                    words = [ast.literal_eval(word) for word in decorator.args]
                    name = f"{path.relative_to(ROOT)}::{node.name}"  # type: ignore[attr-defined]
                    yield Mark(name, *[*words, ""][:3])


def _files() -> list[Path]:
    return [
        path
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if "mark.fault(" in path.read_text()
    ]


def marks_of(item: Any) -> list[Mark]:
    """Return the marks of a test, its parameters filled in."""
    callspec = getattr(item, "callspec", None)
    values = {key: str(value) for key, value in callspec.params.items()} if callspec else {}
    found = []
    for marker in item.iter_markers("fault"):
        door, fault = (word.format(**values) for word in marker.args[:2])
        what = "".join(marker.args[2:])
        found.append(Mark(item.nodeid, door, OF_SERVICE.get(fault, fault), what or fault))
    return found


@dataclass(eq=False)  # plugins are looked up by who they are
class Matrix:
    """Runs what is marked, as a plugin of pytest, and remembers how that went.

    Parameters
    ----------
    doors : collection of str
        Rows that are wanted; all if it is empty.
    quick : bool
        Leaves out what takes minutes.
    """

    doors: Sequence[str] = ()
    quick: bool = False
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    _marks: dict[str, list[Mark]] = field(default_factory=dict)
    _done: int = 0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the tests of the wanted cells."""
        kept = []
        for item in items:
            marks = [m for m in marks_of(item) if not self.doors or m.door in self.doors]
            for mark in marks:
                self.cells.setdefault((mark.door, mark.fault), Cell())
            if marks and self.quick and item.get_closest_marker("proof"):
                for mark in marks:
                    self.cells[mark.door, mark.fault].left_out += 1
            elif marks:
                self._marks[item.nodeid] = marks
                kept.append(item)
        items[:] = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test in its cells."""
        if report.when == "call" or not report.passed:
            self._count(report)
        if report.when == "teardown" and sys.stderr.isatty():
            self._done += 1
            print(f"\r{self._done}/{len(self._marks)} ", end="", file=sys.stderr, flush=True)

    def _count(self, report: pytest.TestReport) -> None:
        for mark in self._marks.get(report.nodeid, ()):
            cell = self.cells[mark.door, mark.fault]
            cell.passed += report.passed
            cell.failed += report.failed
            cell.skipped += report.skipped
        if report.failed:
            self.failures.append(f"{report.nodeid}\n{report.longreprtext[-3000:]}")

    def table(self) -> str:
        """Return the matrix as text; a dash stands where a fault cannot happen at a door."""
        rows = [door for door in DOORS if any(d == door for d, _ in self.cells)]
        width = max(map(len, rows), default=0)
        lines = [" " * width + "".join(f"{fault:>9}" for fault in FAULTS)]
        for door in rows:
            cells = (self.cells.get((door, fault), "-") for fault in FAULTS)
            lines.append(f"{door:<{width}}" + "".join(f"{cell!s:>9}" for cell in cells))
        return "\n".join(lines)


def names(marks: Iterable[Mark]) -> str:
    """Return what each cell stands for, one line for each."""
    said: dict[tuple[str, str], list[str]] = {}
    for mark in marks:
        whats = said.setdefault((mark.door, OF_SERVICE.get(mark.fault, mark.fault)), [])
        if mark.what and mark.what not in whats:
            whats.append(mark.what)
    return "\n".join(f"{door}, {fault}: {'; '.join(what)}" for (door, fault), what in said.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the matrix and print it; 0 if no cell failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("doors", nargs="*", metavar="DOOR", help="rows; all by default")
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--names", action="store_true", help="say what each cell stands for")
    given = parser.parse_args(arguments)
    unknown = [door for door in given.doors if door not in DOORS]
    if unknown:
        parser.error(f"there is no door {unknown[0]!r}; there are {', '.join(map(repr, DOORS))}")
    if given.names:
        print(names(mark for mark in written_marks() if mark.what))
        return 0
    matrix = Matrix(given.doors, given.quick)
    plain = ["-o", "addopts=--strict-markers --import-mode=importlib"]  # no reporter, no `-ra`
    options = [*plain, "-p", "no:terminal", "-p", "no:randomly", "-p", "no:cacheprovider"]
    status = pytest.main([*options, *map(str, _files())], plugins=[matrix])
    print("\n".join(["", *matrix.failures]))
    print(matrix.table())
    print("\n" + "\n".join(f"{fault:>8}: {meaning}" for fault, meaning in FAULTS.items()))
    tests = sum(len(marks) > 0 for marks in matrix._marks.values())
    print(f"\n{tests} tests in {len(matrix.cells)} cells, {len(matrix.failures)} failed")
    return int(status)


if __name__ == "__main__":
    # Pytest must find one `tests.faults`, and its plugin must be of it.
    from tests.faults import main as run

    sys.exit(run())
