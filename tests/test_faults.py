"""The matrix of doors and faults: its words, its named faults, and what it prints."""

from __future__ import annotations

import pytest

from tests import faults
from tests.faults import DOORS, FAULTS, OF_SERVICE, Cell, Matrix, written_marks
from tests.standin.faults import KINDS

NAMED = (
    # State that poisons
    "Retry-After: 99999999999999",
    "a clock that jumped ahead",
    "mark --until 1774000000",
    "mark --until nan, inf",
    "a stored mark that cannot be read",
    # A ToO dropped again
    "dropped again with a corrected position",
    # Nobody hears of lost cycles
    "an ASCII terminal, a full disk behind stdout, | head",
    "lost cycles reach operators",
    "SIGHUP from a terminal that closes",
    "a second SIGINT/SIGTERM",
    # Answers
    "a stale Telegram button",
    "forged callback data (veto|²)",
    "forwarded messages",
    # Files
    "a header-only CSV",
    "damaged pandas metadata",
    "valid_until: 9999-12-31",
    "a 250-byte name",
    "400-digit JSON integers",
    "lone surrogates",
    "damaged TNS zips",
    "ATLAS tasks without position",
    "a page that contradicts its index",
    "a plain large CSV",
    # Small bombs
    "Content-Encoding: gzip, gzip",
    "TNS zip (428 kB -> 6.2 GB)",
    "deflate Avro (1.5 MB -> 3.1 GB)",
    "hostile schemas in a Kafka key",
    "endless nesting",
    "headers that drip",
    # Secrets
    "url: http://user:${PW}@...",
    "a same-host http:// link",
    "credential headers on redirects",
    "logging's own tracebacks (raiseExceptions)",
    "names of people in the store",
    "names of people in lists",
    # Terminal, CSV, calendar
    "ESC, BEL, RTL",
    "=, +, -, @ cells",
    "RFC 5545",
    # Deployment
    "a home that is missing, or cannot be written or looked into; a uid without passwd entry",
    "a read-only package and cache",
    "an output folder that disappears",
    # `check` that means it
    "maximum(a, b, c) passes and excludes everybody",
    "a config is tried on ten candidates",
)
"""What was found, or asked for, by name."""


def test_every_fault_that_has_a_name_is_in_the_matrix() -> None:
    """By the words of whoever reported it."""
    shown = {mark.what for mark in written_marks()}
    assert [name for name in NAMED if name not in shown] == []


def test_marks_name_rows_and_columns_that_exist() -> None:
    """A misspelt one would be a cell that nobody sees."""
    for mark in written_marks():
        assert mark.door in DOORS or mark.door == "{name}", mark
        assert mark.fault in FAULTS or mark.fault == "{kind}", mark
        assert mark.what or "{" in mark.door, mark
    assert set(OF_SERVICE) == set(KINDS)
    assert set(OF_SERVICE.values()) <= set(FAULTS)


def test_every_door_is_guarded() -> None:
    """A row without a cell would not be printed."""
    from tests.sources.test_faults import HTTP, STREAMS

    fixed = {mark.door for mark in written_marks()}
    assert set(DOORS) == fixed - {"{name}"} | {*HTTP, *STREAMS}


def test_a_cell_is_green_only_if_all_of_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """One of ten that fails is red; dashes stand where nothing can happen."""
    matrix = Matrix(cells={("log", "gone"): Cell(passed=9, failed=1), ("log", "secret"): Cell(3)})
    head, row = matrix.table().splitlines()
    cells = dict(
        zip(head.split(), row.removeprefix("log").replace("ok ", "ok").split(), strict=True)
    )
    assert (cells["gone"], cells["secret"], cells["bomb"]) == ("FAIL", "ok3", "-")
    assert str(Cell(skipped=1)) == "skip"
    assert str(Cell(left_out=1)) == "proof"
    assert faults.main(["--names"]) == 0
    assert "tns, bomb: TNS zip" in capsys.readouterr().out
