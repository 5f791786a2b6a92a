"""Columns come back from bytes as they went in, and damage is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.errors import StoreError
from aas2rto.store.packed import pack, unpack

rows = st.lists(
    st.tuples(
        st.floats(width=64),
        st.integers(-(2**63), 2**63 - 1),
        st.text(),
        st.booleans(),
        st.integers(0, 2**40),
    )
)


def columns_of(found):
    floats, integers, words, flags, keys = zip(*found, strict=True) if found else [()] * 5
    text = np.empty(len(words), dtype=object)
    text[:] = words
    return {
        "score": np.array(floats, dtype=float),
        "any": np.array(integers, dtype=np.int64),
        "word": text,
        "flag": np.array(flags, dtype=bool),
        "key": np.sort(np.array(keys, dtype=np.int64)),
    }


@given(found=rows, note=st.text())
def test_columns_come_back_to_the_bit(found, note):
    """NaN, infinities, -0.0, any word, any integer of 64 bits; and what the writer noted."""
    columns = columns_of(found)
    back, notes = unpack(pack(columns, at=note))
    assert notes == {"at": note}
    assert list(back) == list(columns)
    for name, values in columns.items():
        assert back[name].dtype == values.dtype
        if values.dtype == float:
            assert back[name].tobytes() == values.tobytes()
        else:
            assert back[name].tolist() == values.tolist()


def test_some_columns_can_be_read_alone():
    """The others are stepped over."""
    columns = columns_of([(1.0, 5, "a", True, 7), (2.0, -5, "b", False, 7)])
    back, _ = unpack(pack(columns), only=frozenset({"word", "key"}))
    assert {name: values.tolist() for name, values in back.items()} == {
        "word": ["a", "b"],
        "key": [7, 7],
    }


def test_the_same_columns_are_the_same_bytes():
    """So that what did not change is known by its bytes."""
    columns = columns_of([(1.0, 5, "a", True, 7)] * 3000)
    assert pack(columns) == pack({name: values.copy() for name, values in columns.items()})
    assert len(pack(columns)) < 3000, "what is alike shrinks"


def test_noise_costs_no_more_than_itself():
    """A score's mantissa cannot be pressed; its sign and exponent can."""
    score = np.exp(np.random.default_rng(1).normal(size=10_000))
    assert len(pack({"score": score})) < 0.92 * score.nbytes


@pytest.mark.parametrize("place", [0, 3, 6, 20, 100, -1])
def test_a_flipped_byte_is_noticed(place):
    """Wherever it is."""
    data = bytearray(pack(columns_of([(1.0, 5, "a", True, 7)] * 100)))
    data[place] ^= 1
    with pytest.raises(StoreError, match=r"^a packed table of the store is damaged: "):
        unpack(bytes(data))


@pytest.mark.parametrize("length", [0, 10, 40, -1])
def test_a_cut_end_is_noticed(length):
    """A file that was cut off."""
    data = pack(columns_of([(1.0, 5, "a", True, 7)] * 100))
    with pytest.raises(StoreError, match="is damaged"):
        unpack(data[:length])
