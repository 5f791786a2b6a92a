"""Cells of many rows are written at once, and are those that each would be alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aas2rto.outputs.cell_memory import Written
from aas2rto.outputs.cells import HIGHEST, LOWEST, cell, column_cells, with_sexagesimal

WORDS = st.text(st.sampled_from('ab,"# \n\té\u2028'), max_size=6)


@given(st.lists(WORDS, max_size=8))
@example(["a", " b"])
@example(["a ", "b"])
@example(["plain", "with, comma"])
def test_texts_together_are_as_each_alone(texts):
    table = pd.DataFrame({"word": np.array([*texts, None], dtype=object)[:-1]})
    assert column_cells(table, "word") == [cell(text) for text in texts]


@pytest.mark.parametrize(("name", "form"), [("altitude", ".2f"), ("moon_sep", ".1f")])
@given(
    st.lists(
        st.one_of(
            st.floats(LOWEST - 5, HIGHEST + 5),
            st.integers(LOWEST * 1000, HIGHEST * 1000).map(lambda n: n / 1000),
            st.floats(-0.01, 0.01),
            st.sampled_from([np.nan, np.inf, -np.inf, -0.0, 1.115, 0.125, 2.675, -0.004, 1e300]),
        ),
        max_size=20,
    )
)
def test_numbers_that_are_looked_up_are_as_those_that_are_written(name, form, values):
    table = pd.DataFrame({name: np.array(values, dtype=float)})
    wanted = ["" if np.isnan(value) else format(value, form) for value in values]
    assert column_cells(table, name) == wanted


COLUMN = st.lists(st.sampled_from([0.0, -0.0, 1.25, np.nan, 2.0]), min_size=6, max_size=6)


@given(st.lists(st.tuples(COLUMN, st.lists(WORDS, min_size=6, max_size=6)), min_size=1, max_size=5))
def test_what_changed_is_written_again_and_nothing_else(cycles):
    """Whatever changes from one cycle to the next, the cells are those of a new table."""
    names, written = ("ra", "ra_hms", "word", "last_mag", "missing"), Written()
    for numbers, words in cycles:
        values = np.array(numbers)
        table = pd.DataFrame(
            {
                "ra": np.nan_to_num(values),
                "dec": 1.0,
                "word": np.array(words, dtype=object),
                "last_mag": values,
            }
        )
        whole = with_sexagesimal(table)
        columns = [column_cells(whole, name) for name in names]
        assert written.rows(table, names) == [",".join(row) for row in zip(*columns, strict=True)]
        assert written.rows(table, names) is written.rows(table.copy(), names)
