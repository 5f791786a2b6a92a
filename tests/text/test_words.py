"""Times, numbers of things and names in words: one is one candidate, not one candidates."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from aas2rto.steps.rules import too_sentence
from aas2rto.text.words import counted, is_date, nearest

PACKAGE = Path(__file__).resolve().parents[2] / "aas2rto"
ROOMS = ("cli", "outputs", "messaging")
SPOKEN = [PACKAGE / "steps" / "cycle.py", PACKAGE / "errors.py"]
SPOKEN += [path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*.py"))]
THINGS = re.compile(
    r" (new |more |older )?(candidates|measurements|detections|visits|messages|files|objects|"
    r"problems|alerts|rows|figures|sources|channels|fits)\b"
)


@pytest.mark.fault("marks", "range", "an end beyond the calendar")
@pytest.mark.parametrize("mjd", [np.nan, np.inf, -1.0, 1e8])
def test_ends_beyond_the_calendar_are_not_told(mjd: float) -> None:
    """Such an end must not stop a cycle: the ToO is simply wanted."""
    assert not is_date(mjd)
    assert too_sentence("spectrum", mjd) == "ToO: spectrum"


def test_an_end_is_told() -> None:
    assert too_sentence("", 61119.5) == "ToO until 20 Mar 12:00 UT"


@pytest.mark.parametrize(
    ("n", "words", "expected"),
    [
        (0, ("visit",), "0 visits"),
        (1, ("candidate",), "1 candidate"),
        (2, ("new candidate",), "2 new candidates"),
        (1, ("degree of freedom", "degrees of freedom"), "1 degree of freedom"),
        (3, ("degree of freedom", "degrees of freedom"), "3 degrees of freedom"),
    ],
)
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


def test_a_name_far_from_all_others_is_no_guess():
    """A wild guess would lead astray."""
    assert nearest("zzz", ["magnitude"]) == ""
    assert nearest("detection", ["detections", "peak"]) == "; did you mean 'detections'?"


@pytest.mark.parametrize(
    ("typed", "known", "offered"),
    [
        ("altitude_i", ["altitude", "altitude_integral"], "'altitude_integral'?"),
        ("uncl", ["unclassified", "uncertain"], "'unclassified'?"),
        ("GRB26", ["GRB260320A", "GRB26", "GRC26"], "'GRB26' or 'GRB260320A'?"),
        ("zero", ["bands", "faint_limit", "zero_point"], "'zero_point'?"),
        (
            "la_silla",
            ["la_palma_not", "la_silla_ntt", "la_silla_dk154"],
            "'la_silla_dk154' or 'la_silla_ntt'?",
        ),
        (
            "sim42",
            [f"SIM42x{n}" for n in range(5)],
            "'SIM42x0', 'SIM42x1', 'SIM42x2' or one of 2 more?",
        ),
        ("palma", ["palomar_p60", "la_palma_not"], "'la_palma_not'?"),
        ("peak_", ["peak", "speaks"], "'peak'?"),
        ("brigth", ["bright", "brigade"], "'bright'?"),
    ],
)
def test_who_typed_the_beginning_of_a_name_is_offered_that_name(typed, known, offered):
    """However similar another name is."""
    assert nearest(typed, known) == f"; did you mean {offered}"


def test_a_single_letter_is_no_beginning():
    assert nearest("m", ["magnitude", "moon"]) == ""
