"""Closed intervals, as people write them."""

from __future__ import annotations

import numpy as np
import pytest

from aas2rto.errors import UsageError
from aas2rto.planning.closures import ALWAYS, closed, interval


@pytest.mark.parametrize(
    ("text", "begin", "end", "expected"),
    [
        ("02:00-04:00", 61119.9, 61120.3, [(61120 + 2 / 24, 61120 + 4 / 24)]),
        ("22:00-02:00", 61119.9, 61120.3, [(61120 - 2 / 24, 61120 + 2 / 24)]),
        ("2:00-4:30", 61120.05, 61120.3, [(61120 + 2 / 24, 61120 + 4.5 / 24)]),
        ("12:00-13:00", 61119.9, 61120.3, []),
        ("00:00-24:00", 61119.9, 61120.3, [(61119, 61120), (61120, 61121)]),
        ("03:00-01:00", 61120.1, 61120.2, [(61120 + 3 / 24, 61121 + 1 / 24)]),
        ("2026-03-21T02:00/2026-03-21T04:00", 0, 1, [(61120 + 2 / 24, 61120 + 4 / 24)]),
        ("", 0, 1, [ALWAYS]),
    ],
)
def test_intervals_are_clock_times_or_dates(
    text: str, begin: float, end: float, expected: list[tuple[float, float]]
) -> None:
    np.testing.assert_allclose(interval(text, begin, end), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2-4", "--close: '2-4' is no interval, perhaps 02:00-04:00; write"),
        ("25-30", "--close: '25-30' is no interval; write"),
        ("25:00-04:00", "25:00 in '25:00-04:00' is no time of the day"),
        ("02:70-04:00", "02:70 in '02:70-04:00' is no time of the day"),
        ("2026-03-21T04:00/2026-03-21T02:00", "ends before it begins"),
    ],
)
def test_what_is_no_interval_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("(", r"\(")):
        interval(text, 0, 1)


def test_config_and_command_line_add_up() -> None:
    found = closed(
        "a",
        61119.9,
        61120.3,
        always={"a": ["02:00-03:00"], "b": ["04:00-05:00"]},
        tonight=[("a", "2026-03-21T04:00/2026-03-21T05:00"), ("b", "")],
    )
    np.testing.assert_allclose(found, [(61120 + h / 24, 61120 + (h + 1) / 24) for h in (2, 4)])
