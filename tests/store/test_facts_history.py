"""Facts that come in parts make the history that they make at once."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.store.facts_history import NULL, OTHERS, PERSON, TNS, of_rows, standing

FACTS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(["name", "redshift", "p"]),
        st.sampled_from([NULL, "0.1", '"a"', "true"]),
        st.integers(0, 4).map(float),
        st.sampled_from(["", "fink", "tns"]),
        st.sampled_from([OTHERS, TNS, PERSON]),
        st.sampled_from(["", "x"]),
    ),
    min_size=1,
    max_size=14,
    unique=True,
)


def _columns(rows, first=1):
    types = (np.int64, np.int64, object, object, np.float64, object, np.int64, object)
    numbered = [(number, *row) for number, row in enumerate(rows, start=first)]
    pairs = zip(zip(*numbered, strict=True), types, strict=True)
    return [np.array(values, dtype=kind) for values, kind in pairs]


@given(rows=FACTS, cut=st.integers(1, 13))
def test_parts_make_what_all_at_once_makes(rows, cut):
    whole = of_rows(_columns(rows))
    history = of_rows(_columns(rows[:cut]))
    if rows[cut:]:
        grown = history.with_rows(_columns(rows[cut:], first=cut + 1))
        known = {row[1] for row in rows[:cut]}, {row[4] for row in rows[:cut]}
        news = any(row[1] not in known[0] or row[4] not in known[1] for row in rows[cut:])
        assert (grown is None) == news
        history = whole if grown is None else grown
    for field in fields(whole):
        assert getattr(history, field.name).tolist() == getattr(whole, field.name).tolist()
    for now in (-1.0, 2.0, 9.0):
        assert standing(history, now).tolist() == standing(whole, now).tolist()
