"""What a factor does to a score: the product of the paper."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.tables.effect import PRODUCT, Sum

VALUES = st.floats(1e-6, 1e6)


@given(st.lists(VALUES, max_size=6), VALUES)
def test_several_factors_do_what_their_joint_value_does(values, base):
    score = np.array([base])
    for value in values:
        score = PRODUCT.applied(score, np.array([value]))
    joint = np.array([PRODUCT.joint(values)])
    np.testing.assert_allclose(score, PRODUCT.applied(np.array([base]), joint), rtol=1e-12)


@given(VALUES, VALUES)
def test_what_lies_between_two_values_leads_from_one_to_the_other(one, other):
    between = PRODUCT.between(one, other)
    assert between is not None
    assert PRODUCT.joint([other, between]) == pytest.approx(one)


@given(VALUES)
def test_up_and_down_by_the_same_are_equally_strong(value):
    assert PRODUCT.strength(value) == pytest.approx(PRODUCT.strength(1 / value), abs=1e-12)
    assert PRODUCT.step(value) == pytest.approx(-PRODUCT.step(1 / value), abs=1e-12)


@pytest.mark.parametrize("value", [1.0, 0.0, -1.0, np.nan, np.inf])
def test_neutral_and_meaningless_values_have_no_strength(value):
    assert PRODUCT.strength(value) == 0
    assert PRODUCT.step(value) == 0


def test_no_factor_is_neutral():
    assert PRODUCT.joint([]) == PRODUCT.neutral
    assert PRODUCT.between(None, 2.0) is None
    assert PRODUCT.between(2.0, 0.0) is None


def test_it_is_written_as_what_it_does():
    assert PRODUCT.written(13.5) == "×13.5"
    assert PRODUCT.typed(0.01) == "x0.01"
    assert [PRODUCT.tick(place) for place in (-1.0, 0.0, 5.0)] == ["×0.1", "×1", "×1e5"]


def test_what_travels_to_a_worker_process_is_what_it_was():
    for effect in (PRODUCT, Sum()):
        assert pickle.loads(pickle.dumps(effect)) == effect
    assert Sum() != PRODUCT
