"""``python -m tests.outlets``: each outlet x what was shown of it, by its tests.

A cell stands for the tests that name its column (``@pytest.mark.outlet("file", ...)``): how many
passed; ``-`` where there is none, since the service has nothing of that kind or nobody has shown
it. Words choose rows; ``--quick`` leaves out kills in a process of its own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pytest

COLUMNS = (
    "file",
    "validated",
    "submitted",
    "read back",
    "state followed",
    "refused with reason",
    "retried after a kill without a double",
)
OUTLETS = ("lco", "skyportal", "tom", "lasair", "hermes", "p2")
FILES = ("tests/cli/test_lco.py", "tests/cli/test_share.py")
ROOT = Path(__file__).resolve().parents[2]


class Table:
    """Collects what tests of each cell did."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, str], list[int]] = {}
        self._of: dict[str, list[tuple[str, str]]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note which cells each test is for; a misspelt column is an error."""
        for item in items:
            callspec: Any = getattr(item, "callspec", None)
            row = callspec.params.get("where", "lco") if callspec else "lco"
            words = [word for mark in item.iter_markers("outlet") for word in mark.args]
            wrong = [word for word in words if word not in COLUMNS]
            if wrong:
                raise pytest.UsageError(f"{item.nodeid}: no column {wrong[0]!r}")
            self._of[item.nodeid] = [(row, word) for word in words]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what passed and what did not."""
        if report.when == "call" or report.failed:
            for cell in self._of.get(report.nodeid, []):
                self.cells.setdefault(cell, [0, 0])[0 if report.passed else 1] += 1

    def text(self, rows: tuple[str, ...]) -> str:
        """Return the table."""
        lines = ["| outlet | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
        for row in rows:
            cells = [self._cell(row, column) for column in COLUMNS]
            lines.append(f"| {row} | " + " | ".join(cells) + " |")
        return "\n".join(lines)

    def _cell(self, row: str, column: str) -> str:
        passed, failed = self.cells.get((row, column), (0, 0))
        return f"FAIL {failed}" if failed else f"ok {passed}" if passed else "-"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help="outlets; by default all")
    parser.add_argument("--quick", action="store_true", help="without kills")
    options = parser.parse_args()
    rows = tuple(options.rows) or OUTLETS
    words = " or ".join(f"[{row}" if row != "lco" else "test_lco" for row in rows)
    chosen = ["-k", words] if options.rows else []
    quick = ["-m", "outlet and not slow"] if options.quick else ["-m", "outlet"]
    table = Table()
    files = [str(ROOT / name) for name in FILES]
    code = pytest.main(["-q", "-p", "no:randomly", *quick, *chosen, *files], plugins=[table])
    print(table.text(rows))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
