"""Points become one score: the sum, its bounds, the smallest that is kept, and the words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.factors import Decision, answer
from aas2rto.steps.column import FEEDBACK, Column, effect_of
from aas2rto.steps.combine import EXCLUDED_SCORE, combine, why
from aas2rto.steps.evaluate import spread
from aas2rto.tables.effect import PRODUCT, Sum

POINTS = Sum(0.0, 100.0, keep_from=40.0)


def columns(*rows, effect=POINTS):
    return [
        Column(f"f{i}", answer(np.array(row, float), reason=f"says {i}"), effect=effect)
        for i, row in enumerate(rows)
    ]


def verdict(*rows, base=0.0, effect=POINTS, too=False):
    n = len(rows[0])
    return combine(
        columns(*rows, effect=effect),
        np.full(n, base),
        never_reject=np.full(n, too),
        effect=effect,
    )


numbers = st.lists(st.floats(-100, 100), min_size=4, max_size=4)


@given(st.lists(numbers, min_size=1, max_size=5), st.floats(0, 50))
def test_the_score_is_the_base_and_the_clipped_sum(rows, base):
    found = verdict(*rows, base=base)
    expected = base + np.clip(np.sum(rows, axis=0), 0, 100)
    kept = found.decision == Decision.KEEP
    assert found.score[kept] == pytest.approx(expected[kept])
    assert (expected[kept] >= 40 - 1e-9).all()
    assert (expected[~kept] < 40 + 1e-9).all()
    assert (found.score[~kept] == EXCLUDED_SCORE).all()


def test_the_order_of_factors_does_not_change_a_score():
    rows = [[0.1], [39.7], [0.2]]
    assert verdict(*rows).score.tolist() == verdict(*rows[::-1]).score.tolist() == [40.0]


@pytest.mark.parametrize(
    ("points", "score", "kept"),
    [(160, 100.0, True), (-40, 0.0, False), (40, 40.0, True), (39.9, 39.9, False)],
)
def test_edges(points, score, kept):
    found = verdict([points])
    assert bool(found.decision[0] == Decision.KEEP) is kept
    assert found.score[0] == (score if kept else EXCLUDED_SCORE)
    if not kept:
        told = f"{score:g} points, less than keep_from 40; f0 {points:+g} (says 0)"
        assert (found.factor[0], found.reason[0]) == ("score", told)


def test_a_target_of_opportunity_carries_what_keeps_it():
    """Its own base score stands above the bound of the points."""
    assert verdict([200.0], base=1000.0, too=True).score.tolist() == [1100.0]


def test_nothing_is_never_kept():
    """Without a smallest score, too: a list is of what something speaks for."""
    found = verdict([0.0, -5.0, 0.5], effect=Sum())
    assert found.decision.tolist() == [Decision.EXCLUDE, Decision.EXCLUDE, Decision.KEEP]
    assert found.reason[0] == "0 points: nothing speaks for it"


def test_what_is_no_number_is_an_error_of_its_own():
    assert verdict([np.inf]).decision.tolist() == [Decision.KEEP]  # clipped to 100
    found = combine(
        columns([1.0]), np.array([np.nan]), never_reject=np.zeros(1, bool), effect=POINTS
    )
    assert found.reason[0].startswith("error: the sum of base score and factors is nan")


def test_points_are_said_strongest_first():
    assert why(columns([10.0], [-40.0], [0.0], [24.8])).tolist() == [
        "f1 -40 (says 1); f3 +24.8 (says 3); f0 +10 (says 0)"
    ]


def test_who_was_not_asked_gets_no_points():
    """A column spread over a larger table is neutral where there was no answer."""
    (column,) = columns([25.0])
    found = spread(column, np.array([False, True]), "not asked")
    assert found.factor.value.tolist() == [0.0, 25.0]
    assert found.effect is POINTS


def test_a_rule_beside_the_factors_does_not_tell_how_they_join():
    rule = Column(FEEDBACK, answer(1.0))
    assert effect_of([rule, *columns([1.0])]) is POINTS
    assert effect_of([rule]) == PRODUCT
    both = combine(
        [rule, *columns([50.0])], np.zeros(1), never_reject=np.zeros(1, bool), effect=POINTS
    )
    assert both.score.tolist() == [50.0]


def test_what_is_between_two_is_a_difference():
    assert POINTS.between(25.0, 10.0) == 15.0
    assert POINTS.between(None, 1.0) is None
    assert POINTS.joint([1.0, 2.5]) == 3.5
    assert POINTS.joint([]) == 0.0
    assert (POINTS.tick(20.0), POINTS.tick(0.0), POINTS.written(np.nan)) == ("+20", "0", "+0")
