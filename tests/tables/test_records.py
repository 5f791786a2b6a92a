"""Rows as mappings: the same as pandas' own, whatever the columns hold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aas2rto.tables.records import records


def test_rows_are_those_of_pandas_with_python_values() -> None:
    """Numbers, truths, texts, objects and what is missing; names of columns are texts."""
    table = pd.DataFrame(
        {
            "number": [1.5, np.nan],
            "count": [1, 2],
            "good": [True, False],
            "text": pd.Series(["a", "ü"], dtype="str"),
            "kind": pd.Categorical(["x", "y"]),
            "any": [{"a": 1}, None],
        }
    )
    found, expected = records(table), table.to_dict("records")
    assert [list(row) for row in found] == [list(map(str, row)) for row in expected]
    for one, other in zip(found, expected, strict=True):
        for name, value in one.items():
            assert type(value) is type(other[name]), name
            assert value == other[name] or (value != value and other[name] != other[name])


def test_no_rows() -> None:
    """Are no mappings."""
    assert records(pd.DataFrame({"a": []})) == []
    assert records(pd.DataFrame()) == []
