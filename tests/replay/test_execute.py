"""A night carried out: capacities, weather, and which visits are made."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.errors import UsageError
from aas2rto.replay.execute import Capacity, Weather, parse_capacity, within


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("palomar_p60=3", ("palomar_p60", Capacity(spectra=3))),
        ("a=6h", ("a", Capacity(hours=6.0))),
        ("a = 90 min", ("a", Capacity(hours=1.5))),
    ],
)
def test_hours_or_spectra(text, expected):
    assert parse_capacity(text) == expected


@pytest.mark.parametrize("text", ["a", "=3", "a=", "a=0", "a=-2h", "a=25h", "a=3.5", "a=x", "a=²"])
def test_what_is_neither_is_refused(text):
    with pytest.raises(UsageError, match="write SITE=6h or SITE=3"):
        parse_capacity(text)


slots = st.lists(st.tuples(st.floats(0.01, 10), st.integers(1, 20)), min_size=0, max_size=12).map(
    lambda rows: pd.DataFrame(
        {
            "value": [value for value, _ in rows],
            "start": np.cumsum([0, *(n for _, n in rows)])[:-1] / 96,
            "end": np.cumsum([n for _, n in rows]) / 96 if rows else [],
        }
    ).astype(float)
)


@given(slots=slots, spectra=st.integers(1, 6))
def test_the_best_so_many_are_made(slots, spectra):
    found = within(slots, Capacity(spectra=spectra))
    assert len(found) == min(spectra, len(slots))
    assert found["start"].is_monotonic_increasing
    best = slots["value"].sort_values(ascending=False).head(spectra)
    assert sorted(found["value"]) == sorted(best)


@given(slots=slots, quarters=st.integers(1, 60))
def test_no_more_hours_than_there_are_and_none_left_that_would_fit(slots, quarters):
    found = within(slots, Capacity(hours=quarters / 4))
    used = 24 * (found["end"] - found["start"]).sum()
    assert used <= quarters / 4 + 1e-6
    left = slots[~slots["start"].isin(found["start"])]
    lengths = 24 * (left["end"] - left["start"])
    assert (lengths > quarters / 4 - used - 1e-6).all()


def test_the_weather_is_the_same_for_everybody_and_as_clear_as_said():
    """The share of clear nights lies within three sigma; sites and seeds differ."""
    weather = Weather(3, 0.75)
    nights = np.array([weather.is_clear("a", night) for night in range(4000)])
    assert abs(nights.mean() - 0.75) < 3 * np.sqrt(0.75 * 0.25 / 4000)
    assert [Weather(3, 0.75).is_clear("a", night) for night in range(50)] == list(nights[:50])
    for other in (
        [Weather(4, 0.75).is_clear("a", night) for night in range(200)],
        [weather.is_clear("b", night) for night in range(200)],
    ):
        assert other != list(nights[:200])
    assert all(Weather(None, 0.0).is_clear("a", night) for night in range(50))
    assert not any(Weather(1, 0.0).is_clear("a", night) for night in range(50))
    # A night that is clear at 0.5 is clear at 0.75: what is compared differs as little as can be.
    half = [Weather(3, 0.5).is_clear("a", night) for night in range(4000)]
    assert not (np.array(half) & ~nights).any()
