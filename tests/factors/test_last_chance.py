"""What waiting until tomorrow would cost, as a bounded factor."""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Decision
from aas2rto.factors.last_chance import last_chance, ratio

NOW = Time(61119.0, format="mjd")


def table(score: list[float], tomorrow: list[float], hours: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"score": score, "score_tomorrow": tomorrow, "hours_left_tomorrow": hours})


def test_the_ratio_is_tonight_over_tomorrow() -> None:
    found = ratio(table([4.0, 4.0, 4.0, 4.0], [2.0, 8.0, 0.0, 2.0], [3.0, 3.0, 3.0, 0.0]))
    assert found.tolist() == [2.0, 0.5, np.inf, np.inf]
    assert np.isnan(ratio(pd.DataFrame({"score": [1.0]}))).all()


def test_it_is_the_ratio_near_one_and_never_beyond_its_bounds() -> None:
    scores = np.logspace(-6, 6, 101)
    told = last_chance(table(scores.tolist(), [1.0] * 101, [5.0] * 101), NOW, limit=3.0)
    assert (told.decision == Decision.KEEP).all()
    assert (np.diff(told.value) > 0).all(), "more to lose, more urgent"
    assert told.value.min() > 1 / 3
    assert told.value.max() < 3
    assert told.value[50] == 1.0
    near = last_chance(table([1.01], [1.0], [5.0]), NOW).value[0]
    assert abs(near - 1.01) < 2e-4
    np.testing.assert_allclose(told.value * told.value[::-1], 1.0)


def test_the_last_chance_gets_the_bound() -> None:
    told = last_chance(table([1.0, 1.0], [0.0, 5.0], [5.0, 0.0]), NOW, limit=2.5)
    assert told.value.tolist() == [2.5, 2.5]
    assert told.reason[0] == "not observable or out tomorrow"


def test_without_tomorrow_it_is_neutral_and_says_so() -> None:
    told = last_chance(pd.DataFrame({"score": [3.0, 1.0]}), NOW)
    assert told.value.tolist() == [1.0, 1.0]
    assert told.reason[0] == "tomorrow is not known"
