"""The nearest value at which an answer changes is found, and said in few digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.questions.threshold import threshold


@given(
    start=st.floats(-100, 100).map(lambda v: round(v, 3)),
    factor=st.floats(1e-3, 30),
    up=st.booleans(),
)
def test_the_value_is_past_the_change_and_hardly_farther(
    start: float,
    factor: float,
    up: bool,
) -> None:
    where = start + (1 if up else -1) * factor * max(abs(start), 0.1)

    def flips(value: float) -> bool:
        return value >= where if up else value <= where

    found = threshold(flips, start, whole=False)
    assert found is not None
    assert flips(found)
    assert abs(found - where) <= 0.021 * abs(where - start) + 1e-4 * max(abs(start), 1e-3)


@given(start=st.integers(0, 50), off=st.integers(1, 100), up=st.booleans())
def test_whole_numbers_are_exact(start: int, off: int, up: bool) -> None:
    where = start + off if up else start - off
    found = threshold(lambda v: v >= where if up else v <= where, start, whole=True)
    assert found == where
    assert isinstance(found, int)


def test_the_nearer_of_two_is_taken() -> None:
    assert threshold(lambda v: v > 20 or v < 9.5, 10.0, whole=False) == pytest.approx(
        9.49, abs=0.011
    )


def test_no_value_is_an_answer_too() -> None:
    assert threshold(lambda _: False, 10.0, whole=False) is None


def test_values_that_may_not_be_are_not_said() -> None:
    """Down to the end of the range, but not beyond."""

    def flips(value: float) -> bool | None:
        return None if value < 0 else value <= 0.0

    assert threshold(flips, 0.4, whole=False) == 0.0
    assert threshold(lambda v: None if v < 0.1 else False, 0.4, whole=False) is None
