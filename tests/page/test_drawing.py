"""Drawings and words: scales, round numbers, runs, ages; and that a curve says what it shows."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.page import svg, words
from aas2rto.page.altitude_svg import describe
from aas2rto.page.links import Files, Links
from aas2rto.page.rows import number, time_of, trend

FINITE = st.floats(-1e6, 1e6)


@given(FINITE, st.floats(1e-6, 1e6), st.integers(2, 12))
def test_ticks_are_round_few_and_inside(low: float, span: float, most: int) -> None:
    """Whatever the axis shows."""
    high = low + span
    found = svg.steps(low, high, most)
    assert len(found) <= most + 1
    slack = 1e-6 * max(span, 1e-3) + 1e-8
    assert all(low - slack <= one <= high + slack for one in found)
    apart = np.diff(found)
    if len(apart):
        assert np.allclose(apart, apart[0], rtol=1e-3, atol=1e-8)


@given(st.lists(st.booleans(), max_size=40))
def test_runs_hold_what_is_true_and_nothing_else(good: list[bool]) -> None:
    """Each as long as it can be."""
    flags = np.array(good, dtype=bool)
    again = np.zeros(len(flags), dtype=bool)
    runs = svg.stretches(flags)
    for run in runs:
        again[run] = True
    assert again.tolist() == good
    assert all(b.start > a.stop for a, b in itertools.pairwise(runs))


@given(FINITE)
def test_what_is_beyond_an_edge_lies_on_it(value: float) -> None:
    """No line leaves the drawing upwards or downwards."""
    box = svg.Box(10.0, 5.0, 100.0, 50.0, 0.0, 1.0, 90.0, 0.0)
    assert 5.0 <= float(box.y(value)) <= 55.0


def test_words_in_a_drawing_are_escaped() -> None:
    """They come from services."""
    found = svg.drawing(1, 1, [svg.text(0, 0, "<b>"), svg.title("a&b")], 'say "x"', "css")
    assert "<b>" not in found
    assert "&lt;b&gt;" in found
    assert "a&amp;b" in found
    assert 'aria-label="say &#34;x&#34;"' in found


def test_a_curve_says_in_words_what_it_shows() -> None:
    """For who does not see it."""
    mjd = 61119.875 + np.arange(5) / 24
    altitude = np.array([20.0, 45.0, 60.0, 45.0, 20.0])
    good = altitude > 30
    told = describe(mjd, altitude, good, {"moon_sep": 81.2})
    assert told == "highest 60° at 23:00 UTC, observable 22:00-00:00 UTC, Moon 81° away"
    assert describe(mjd, altitude, good & False, {}).endswith("not observable from now on")


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0.01, "14 min"),
        (0.5, "12.0 h"),
        (3.25, "3.2 d"),
        (-4.0, "-4.0 d"),
    ],
)
def test_an_age_has_the_unit_that_suits_it(days: float | None, expected: str) -> None:
    """Minutes, hours, or days."""
    assert words.age(days) == expected


def test_what_is_not_known_is_a_dash_or_null() -> None:
    """Never nan, on a page or in JSON."""
    assert (words.digits(None), words.digits(math.nan), words.score(math.nan)) == ("–", "–", "–")
    assert [number(one) for one in (None, math.nan, math.inf, "", 1)] == [None, None, None, None, 1]
    assert time_of(math.nan) is None
    assert [trend(one) for one in (None, 0.2, -0.2, 0.001)] == ["", "rises", "falls", "steady"]


@given(st.text(max_size=60))
def test_an_address_holds_any_id(name: str) -> None:
    """And leads nowhere else."""
    links = Links("/root", {})
    for one in (links.candidate(name), links.would(name), links.api(f"candidates/{name}")):
        assert one.isascii()
        assert one.startswith("/root/")
        assert not set(one) & set("\"'<> \n")
    inside = Files(written=[name]).candidate(name)
    assert inside.startswith("candidate/")
    assert inside.count("/") == 1
