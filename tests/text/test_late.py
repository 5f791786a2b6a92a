"""Sentences are the same whenever they are read, whichever way their rows went."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.text.late import Late, say, sentences

NUMBERS = say("{:.1f} d in {}", np.arange(4.0), ["g", "r", "i", "z"])
TEXTS = ["0.0 d in g", "1.0 d in r", "2.0 d in i", "3.0 d in z"]


def test_a_template_and_columns_make_sentences() -> None:
    assert NUMBERS.tolist() == TEXTS
    assert say(lambda x: "odd" if x % 2 else "even", np.arange(3)).tolist() == [
        "even",
        "odd",
        "even",
    ]


def test_nothing_is_written_before_it_is_read() -> None:
    """And then only what is read."""
    written: list[int] = []

    def one(row: int) -> str:
        written.append(row)
        return f"row {row}"

    told = sentences(1000, one)
    table = pd.DataFrame({"score": np.arange(1000.0)}).assign(reason=told)
    best = table.sort_values("score", ascending=False).head(2)
    assert written == []
    assert best["reason"].tolist() == ["row 999", "row 998"]
    assert written == [999, 998]


def test_what_is_remembered_is_written_once() -> None:
    written: list[int] = []
    told = sentences(3, lambda row: written.append(row) or f"row {row}").remembered()
    assert (told[1], told[1], told.tolist()) == ("row 1", "row 1", ["row 0", "row 1", "row 2"])
    assert sorted(written) == [0, 1, 2]


@given(st.lists(st.integers(0, 3), max_size=9), st.lists(st.booleans(), min_size=4, max_size=4))
def test_rows_keep_their_sentences(rows: list[int], mask: list[bool]) -> None:
    """Taken, chosen, joined and put into tables, as plain texts would be."""
    plain = np.array(TEXTS, dtype=object)
    chosen = np.array(mask)
    assert NUMBERS.take(rows).tolist() == plain[np.array(rows, dtype=int)].tolist()
    assert NUMBERS[chosen].tolist() == plain[chosen].tolist()
    other = Late.where(chosen, NUMBERS, Late.of("no", 4)).then("!")
    assert other.tolist() == [f"{t}!" if m else "no!" for t, m in zip(TEXTS, mask, strict=True)]
    both = pd.concat([pd.DataFrame({"r": NUMBERS}), pd.DataFrame({"r": other})], ignore_index=True)
    assert both["r"].tolist() == [*TEXTS, *other.tolist()]
    assert both.iloc[[i + 4 for i in rows]]["r"].tolist() == [other[i] for i in rows]


def test_tables_join_and_compare_them() -> None:
    table = pd.DataFrame({"id": ["a", "b", "c", "d"], "reason": NUMBERS})
    wide = pd.DataFrame({"id": ["c", "x"]}).merge(table, how="left")
    assert wide["reason"].tolist() == ["2.0 d in i", ""]
    assert (table["reason"] != "").all()
    assert table.to_dict("records")[3] == {"id": "d", "reason": "3.0 d in z"}
    assert np.asarray(table["reason"]).tolist() == TEXTS


def test_texts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 reasons for 3 candidates"):
        Late.of(["a", "b"], 3)
