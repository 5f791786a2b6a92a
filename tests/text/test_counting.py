"""One is one candidate, not one candidates."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from aas2rto.text.counting import counted

PACKAGE = Path(__file__).resolve().parents[2] / "aas2rto"
ROOMS = ("cli", "outputs", "messaging")
SPOKEN = [PACKAGE / "steps" / "cycle.py", PACKAGE / "errors.py"]
SPOKEN += [path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*.py"))]
THINGS = re.compile(
    r" (new |more |older )?(candidates|measurements|detections|visits|messages|files|objects|"
    r"problems|alerts|rows|figures|sources|channels|fits)\b"
)


@pytest.mark.parametrize(
    ("n", "words", "expected"),
    [(0, ("visit",), "0 visits"), (1, ("candidate",), "1 candidate"),
     (2, ("new candidate",), "2 new candidates"),
     (1, ("degree of freedom", "degrees of freedom"), "1 degree of freedom"),
     (3, ("degree of freedom", "degrees of freedom"), "3 degrees of freedom")],
)  # fmt: skip
def test_things_are_counted_as_people_do(n: int, words: tuple[str, ...], expected: str) -> None:
    assert counted(n, *words) == expected


def plurals(tree: ast.AST) -> list[str]:
    """Return the f-strings that put a plural behind whatever number there is."""
    return [
        ast.unparse(text)
        for text in ast.walk(tree)
        if isinstance(text, ast.JoinedStr)
        for value, after in zip(text.values, text.values[1:], strict=False)
        if isinstance(value, ast.FormattedValue)
        and isinstance(after, ast.Constant)
        and THINGS.match(str(after.value))
    ]


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nobody_writes_a_plural_behind_any_number(path: Path) -> None:
    """`counted` knows when it is one."""
    assert plurals(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_the_test_above_finds_what_it_looks_for() -> None:
    assert plurals(ast.parse("f'{n} new candidates, {m} of them'")) != []
