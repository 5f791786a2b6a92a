"""What listing objects has in common: windows, dates, pages, and what is asked once a day."""

from __future__ import annotations

import json
from typing import Any

import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.sources.listing import iso_date, newest_of, once_a_day, pages, window_start


@given(
    seen=st.none() | st.floats(0, 1000),
    complete=st.none() | st.floats(0, 1000),
    gap=st.floats(0, 500),
    since=st.floats(0.1, 30),
    overlap=st.floats(0, 5),
)
def test_a_window_never_begins_after_what_was_listed_completely(
    seen, complete, gap, since, overlap
):
    """However long the outage: what came since the last complete list is in the next."""
    end = max(seen or 0.0, complete or 0.0) + gap
    start = window_start(seen, complete, end, since=since, overlap=overlap)
    assert start < end or gap == 0.0
    if complete is not None:
        assert start <= max(complete, seen or 0.0)
    if seen is None and complete is None:
        assert start == end - since


@given(st.floats(51544.0, 61500.0))
def test_dates_are_read_back_by_astropy(mjd):
    """To the millisecond: Fink's servers hand them to `Time`."""
    assert Time(iso_date(mjd)).mjd == pytest.approx(mjd, abs=0.6e-3 / 86400.0)


def test_pages_end_with_one_that_is_not_full():
    """Whatever the service says of its length; a full last page costs one more question."""
    rows = list(range(6))
    asked: list[int] = []

    def ask(start: int) -> list[Any]:
        asked.append(start)
        return rows[start : start + 3]

    assert [len(page) for page in pages(ask, 3)] == [3, 3, 0]
    assert asked == [0, 3, 6]


def test_once_a_day_asks_again_for_another_thing_and_on_the_next_day():
    """What the answer was about is kept with it; the cursor is JSON."""
    cursor: dict[str, Any] = {}
    answers = iter("abcd")

    def ask(now: float, about: str) -> Any:
        return once_a_day(cursor, "x", now, lambda: next(answers), about=about)

    assert ask(10.0, "one") == "a"
    cursor = json.loads(json.dumps(cursor))
    assert ask(10.9, "one") == "a"
    assert ask(10.9, "two") == "b"
    assert ask(12.0, "two") == "c"


def test_what_cannot_be_read_as_kept_is_asked_again():
    """Cursors of an older version held a pair."""
    cursor: dict[str, Any] = {"x": ["old", 9.0]}
    assert once_a_day(cursor, "x", 9.1, lambda: "new") == "new"


def test_the_newest_of_a_page_ignores_what_has_no_time():
    """NaN and infinities move no cursor."""
    assert newest_of([1.0, float("nan"), 3.0, float("-inf")], 2.0) == 3.0
    assert newest_of([], 2.0) == 2.0
