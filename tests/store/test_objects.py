"""What is known of objects at a time, and which are near others; against plain loops."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.store import objects as module
from aas2rto.store.objects import PEOPLE, Objects, Places
from aas2rto.tables.candidates import chord, separation, unit_vectors

ROWS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(["b", "a", "é", "A1", "zz"]),
        st.integers(0, 3).map(lambda k: 10.0 + k / 3600),
        st.integers(0, 3).map(lambda k: -5.0 + k / 3600),
        st.integers(0, 5).map(float),
        st.sampled_from(["ztf", PEOPLE]),
    ),
    max_size=12,
)


def _own(rows):
    """Give each object one candidate, as the store does, and number the rows."""
    owner: dict[str, int] = {}
    return [
        (number, owner.setdefault(row[1], row[0]), *row[1:])
        for number, row in enumerate(rows, start=1)
    ]


def _by_hand(rows, now):
    seen = [row for row in rows if row[5] <= now]
    told = {}
    for candidate in {row[1] for row in seen}:
        own = [row for row in seen if row[1] == candidate]
        name = own[0][2]
        of_object = [row for row in own if row[2] == name]
        people = [row for row in of_object if row[6] == PEOPLE]
        # Of what people said at one time, the greater place: any rule, but one.
        row = max(people, key=lambda one: (one[5], one[3], one[4])) if people else of_object[-1]
        told[name] = (candidate, row[3], row[4], min(one[5] for one in own))
    return told


@given(rows=ROWS, cuts=st.lists(st.integers(0, 12), max_size=3), now=st.integers(-1, 6))
def test_what_was_known_is_what_a_plain_loop_finds(rows, cuts, now):
    rows = _own(rows)
    held = Objects()
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for first, last in itertools.pairwise(edges):
        held.add(rows[first:last])
    found = held.as_known(float(now))
    expected = _by_hand(rows, now)
    assert found["candidate_id"].tolist() == sorted(expected)
    for row in found.itertuples():
        assert (row.id, row.ra, row.dec, row.first_known) == expected[row.candidate_id]
    assert held.times.tolist() == sorted(row[5] for row in rows)
    assert held.last == len(rows)


def test_nothing_is_known_before_the_first():
    found = Objects().as_known(61000.0)
    assert list(found) == ["id", "candidate_id", "ra", "dec", "first_known"]
    assert found.empty


def test_those_that_are_near_are_found_whether_in_the_tree_or_beside_it(monkeypatch):
    monkeypatch.setattr(module, "FEW", 10)
    draw = np.random.default_rng(5)
    sky = pd.DataFrame({"ra": draw.uniform(10, 10.05, 200), "dec": draw.uniform(-5, -4.95, 200)})
    held = Places()
    for first in range(0, 200, 7):
        some = sky.iloc[first : first + 7]
        held.put([(f"n{row.Index}", row.ra, row.dec) for row in some.itertuples()])
        known = sky.iloc[: first + 7]
        found = held.near(unit_vectors([10.02], [-4.98]), chord(60.0))
        away = [separation(10.02, -4.98, *place) for place in known.to_numpy()]
        assert sorted(found) == sorted(f"n{k}" for k in np.flatnonzero(np.array(away) <= 60.0))
    assert held.in_order(["n9", "n0", "n100"]) == ["n0", "n9", "n100"]


def test_an_object_that_moved_is_found_where_it_is(monkeypatch):
    monkeypatch.setattr(module, "FEW", 1)
    held = Places()
    held.put([("a", 10.0, 5.0), ("b", 20.0, 5.0), ("c", 30.0, 5.0)])
    assert held.near(unit_vectors([10.0], [5.0]), chord(1.0)) == ["a"]
    held.put([("a", 40.0, 5.0), ("a", 50.0, 5.0)])
    assert held.near(unit_vectors([10.0, 40.0], [5.0, 5.0]), chord(1.0)) == []
    assert held.near(unit_vectors([50.0], [5.0]), chord(1.0)) == ["a"]
