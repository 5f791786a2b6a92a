"""Columns become one score: the product, the strongest decision, the words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.factors import Decision, Factor, answer
from aas2rto.steps.column import Column
from aas2rto.steps.combine import combine, why
from tests.steps.factors_of_ones_own import (
    EXCLUDE,
    KEEP,
    REJECT,
    run,
)

# -- the product ----------------------------------------------------------------------------------


def columns_of(*rows):
    """Return columns from (values, decisions)."""
    return [
        Column(
            f"f{i}",
            Factor(
                np.array(values, float),
                np.array(decisions, np.int8),
                np.array([f"f{i} says {Decision(d).label}" for d in decisions], dtype=object),
            ),
        )
        for i, (values, decisions) in enumerate(rows)
    ]


positive = st.floats(0.01, 100)


@given(
    st.lists(st.lists(positive, min_size=3, max_size=3), max_size=5),
    st.lists(positive, min_size=3, max_size=3),
)
def test_the_score_is_base_times_the_product(values, base):
    """Eq. 1 of the paper, for kept candidates."""
    columns = columns_of(*((row, [KEEP] * 3) for row in values))
    verdict = combine(columns, np.array(base), never_reject=np.zeros(3, bool))
    expected = np.array(base) * np.prod(np.array(values).reshape(-1, 3), axis=0)
    assert verdict.score == pytest.approx(expected)
    assert verdict.decision.tolist() == [KEEP] * 3
    assert verdict.reason.tolist() == [""] * 3


decisions = st.sampled_from([KEEP, EXCLUDE, REJECT])
any_number = st.sampled_from([2.0, -1.0, 0.0, np.nan, np.inf, -np.inf])


@given(
    st.lists(
        st.tuples(any_number, decisions).filter(lambda x: x[1] != KEEP or x[0] == 2.0),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_the_strongest_decision_wins_and_the_first_to_say_it_is_named(told, is_too):
    """Whatever the numbers are: two negative factors make no positive score."""
    columns = columns_of(*(([value], [decision]) for value, decision in told))
    verdict = combine(columns, np.array([1.0]), never_reject=np.array([is_too]))
    spared = [EXCLUDE if is_too and d is REJECT else d for _, d in told]
    strongest = max(spared)
    first = spared.index(strongest)
    assert verdict.decision[0] == strongest
    if strongest is KEEP:
        assert verdict.score[0] == 2.0 ** len(told)
        assert verdict.factor[0] == ""
        return
    assert verdict.score[0] == {EXCLUDE: -1.0, REJECT: -np.inf}[strongest]
    assert verdict.factor[0] == f"f{first}"
    by_grace = is_too and told[first][1] is REJECT
    expected = f"f{first} says {told[first][1].label}"
    assert verdict.reason[0] == expected + (" (a ToO is never rejected)" if by_grace else "")


def test_two_negative_factors_exclude():
    """The trap of an encoding by sign: -1 x -1 would rank."""
    column = run(lambda *_: [-1.0, 1.0, 1.0])
    other = run(lambda *_: [-3.0, 1.0, 1.0])
    verdict = combine([column, other], np.ones(3), never_reject=np.zeros(3, bool))
    assert verdict.score.tolist() == [-1.0, 1.0, 1.0]
    assert verdict.decision.tolist() == [EXCLUDE, KEEP, KEEP]


def test_infinity_times_nothing_excludes():
    """The other trap: inf x 0 is NaN, which the paper's encoding removes for good."""
    columns = [run(lambda *_: [np.inf, 1.0, 1.0]), run(lambda *_: [0.0, 1.0, 1.0])]
    verdict = combine(columns, np.ones(3), never_reject=np.zeros(3, bool))
    assert verdict.decision.tolist() == [EXCLUDE, KEEP, KEEP]
    assert verdict.score.tolist() == [-1.0, 1.0, 1.0]
    assert "returned inf" in verdict.reason[0]


@pytest.mark.parametrize(
    ("values", "base", "shown"),
    [
        ([1e200, 1e200], 1.0, "inf"),
        ([1e-200, 1e-200], 1.0, "0"),
        ([2.0], np.nan, "nan"),
        ([2.0], -5.0, "-10"),
        ([2.0], 0.0, "0"),
    ],
)
def test_a_product_that_is_no_positive_number_excludes_and_says_so(values, base, shown):
    """Each factor may be right, and a ToO's base score wrong; the list still means something."""
    columns = columns_of(*(([value], [KEEP]) for value in values))
    verdict = combine(columns, np.array([base]), never_reject=np.array([False]))
    assert verdict.decision.tolist() == [EXCLUDE]
    assert verdict.score.tolist() == [-1.0]
    assert verdict.factor.tolist() == ["score"]
    assert verdict.reason.tolist() == [f"error: the product of base score and factors is {shown}"]


def test_without_factors_the_base_score_stands():
    """The empty product is one."""
    verdict = combine([], np.array([1.0, 1000.0]), never_reject=np.zeros(2, bool))
    assert verdict.score.tolist() == [1.0, 1000.0]


def test_a_too_outranks_the_best_of_the_paper():
    """S_base = 1000 guarantees the top rank against the largest product of x_flux and x_colour."""
    columns = columns_of(([100.0, 1.0], [KEEP, KEEP]), ([9.99, 1.0], [KEEP, KEEP]))
    verdict = combine(columns, np.array([1.0, 1000.0]), never_reject=np.array([False, True]))
    assert verdict.score[1] > verdict.score[0]


def test_why_names_the_strongest_factors_first():
    """Up or down counts alike; what changes little, or excludes, is not told."""
    columns = [
        Column(name, answer([value], exclude=decision is EXCLUDE, reason=[f"because {name}"]))
        for name, value, decision in (
            ("weak", 1.01, KEEP),
            ("up", 3.0, KEEP),
            ("down", 0.01, KEEP),
            ("out", 50.0, EXCLUDE),
        )
    ]
    assert why(columns)[0] == "down x0.01 (because down); up x3 (because up)"
    assert why(columns, most=1)[0] == "down x0.01 (because down)"
    assert why([]).tolist() == []
