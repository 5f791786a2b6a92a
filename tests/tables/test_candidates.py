"""Objects of surveys become candidates: by alias, by position, or anew."""

from __future__ import annotations

import itertools

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.tables.candidates import chord, match, unit_vectors

ARCSEC = 1 / 3600


def objects(*rows):
    return pd.DataFrame(rows, columns=["object_id", "ra", "dec"])


def candidates(*rows):
    return pd.DataFrame(rows, columns=["candidate_id", "ra", "dec"])


def found(rows, known=(), aliases=None, radius=5.0):
    answer = match(objects(*rows), candidates(*known), aliases or {}, radius_arcsec=radius)
    return list(zip(answer.candidate_id.tolist(), answer.is_new.tolist(), strict=True))


def test_a_far_object_starts_a_candidate_of_its_own_name():
    """Nothing is near, so it is new."""
    assert found([("x", 10, 20)], [("a", 50, 20)]) == [("x", True)]


def test_a_near_object_joins_the_known_candidate():
    """Another broker's name for the same place."""
    assert found([("x", 10, 20 + 4.9 * ARCSEC)], [("a", 10, 20)]) == [("a", False)]
    assert found([("x", 10, 20 + 5.1 * ARCSEC)], [("a", 10, 20)]) == [("x", True)]


def test_two_candidates_near_an_object_are_one():
    """It is called as the one that was known first, not as the nearer."""
    known = [("first", 10, 20), ("near", 10, 20 + 3 * ARCSEC)]
    assert found([("x", 10, 20 + 2 * ARCSEC)], known) == [("first", False)]


def test_an_alias_beats_the_position():
    """An id that is known stays with its candidate, wherever this alert puts it."""
    known = [("a", 10, 20), ("b", 50, -20)]
    assert found([("x", 50, -20)], known, {"x": "a"}) == [("a", False)]


def test_two_new_objects_at_one_place_are_one_candidate():
    """LSST may split a source; the first one known gives the name."""
    rows = [("x", 10, 20), ("y", 10, 20 + 1 * ARCSEC), ("z", 11, 20)]
    assert found(rows) == [("x", True), ("x", False), ("z", True)]


@pytest.mark.parametrize("order", list(itertools.permutations((0, 3, 6))))
def test_three_in_a_row_are_one_candidate(order):
    """0", 3" and 6" apart with a radius of 5": each is near the next, whichever comes first."""
    rows = [(f"x{offset}", 10, offset * ARCSEC) for offset in order]
    first = rows[0][0]
    assert found(rows) == [(first, True), (first, False), (first, False)]
    placed = [("known", 10, 0), ("known", 10, 3 * ARCSEC)]
    assert found([("x6", 10, 6 * ARCSEC)], placed) == [("known", False)]


def test_a_chain_ends_at_twice_the_radius():
    """A crowded field does not become one candidate."""
    rows = [(f"x{n}", 10, n * 4 * ARCSEC) for n in range(6)]
    names = [name for name, _ in found(rows)]
    assert names == ["x0", "x0", "x0", "x3", "x3", "x3"]


def test_known_candidates_with_an_object_between_them_are_told():
    """They are one; what they have in the store, only the store can join."""
    known = [("a", 10, 0), ("c", 10, 8 * ARCSEC), ("far", 11, 0)]
    answer = match(objects(("b", 10, 4.5 * ARCSEC)), candidates(*known), {}, radius_arcsec=5.0)
    assert answer.candidate_id.tolist() == ["a"]
    assert answer.linked == (("a", "c"),)


def test_the_sky_is_round():
    """Across 0 h and at the poles, distances are those on the sphere."""
    assert found([("x", 359.9999, 0)], [("a", 0.0001, 0)]) == [("a", False)]
    assert found([("x", 180, 89.9999)], [("a", 0, 89.9999)]) == [("a", False)]
    assert found([("x", 361, 0)], [("a", 1, 0)]) == [("a", False)]


def test_nothing_comes_of_nothing():
    """No objects, no candidates."""
    assert found([]) == []
    assert found([], [("a", 1, 2)]) == []


def test_a_radius_is_a_chord():
    """Small angles on the sphere become distances between unit vectors."""
    vectors = unit_vectors([0, 0], [0, 5 * ARCSEC])
    assert np.linalg.norm(vectors[0] - vectors[1]) == pytest.approx(chord(5.0), rel=1e-9)
    assert np.linalg.norm(unit_vectors(123.4, -56.7)) == pytest.approx(1.0)


# Places in a small field, so that many lie within the radius of one another; near the pole too.
places = st.tuples(st.integers(0, 60), st.integers(0, 60))


def as_positions(points, dec):
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    return 100 + x * 0.7 * ARCSEC / np.cos(np.radians(dec)), dec + y * 0.7 * ARCSEC


@pytest.mark.slow
@given(
    known=st.lists(places, max_size=8, unique=True),
    new=st.lists(places, min_size=1, max_size=8),
    dec=st.sampled_from([0.0, -45.0, 89.0]),
)
def test_matches_are_those_of_astropys_separations(known, new, dec):
    """Brute force: every object against every candidate, with astropy."""
    radius = 5.03  # no two points of the grid are exactly this far apart
    known_ra, known_dec = as_positions(known, dec)
    new_ra, new_dec = as_positions(new, dec)
    table = candidates(
        *((f"k{i}", a, d) for i, (a, d) in enumerate(zip(known_ra, known_dec, strict=True)))
    )
    rows = objects(*((f"n{i}", a, d) for i, (a, d) in enumerate(zip(new_ra, new_dec, strict=True))))
    answer = match(rows, table, {}, radius_arcsec=radius)

    # Known candidates, and then those that objects of this report start; linked ones are one.
    names = table["candidate_id"].tolist()
    for first, other in answer.linked:
        names = [first if name == other else name for name in names]
    places = [SkyCoord(a * u.deg, d * u.deg) for a, d in zip(known_ra, known_dec, strict=True)]
    for i, (a, d) in enumerate(zip(new_ra, new_dec, strict=True)):
        here = SkyCoord(a * u.deg, d * u.deg)
        name = answer.candidate_id[i]
        away = np.array([here.separation(place).arcsec for place in places])
        if answer.is_new[i]:
            assert name == f"n{i}"
            assert not (away <= radius).any() or i > 0, "an object within the radius was known"
            assert not (away[: len(known)] <= radius).any()
        else:
            # Near an object of its candidate, or linked to it by one that came later.
            mine = np.array([one == name for one in names])
            if not (away[mine] <= radius).any():
                assert not (away[: len(known)] <= radius).any()
        if (away[: len(known)] <= radius).any():
            assert not answer.is_new[i]
        names.append(name)
        places.append(here)


def one_by_one(rows, radius):
    """Match objects as if each came in a report of its own, in a store that heeds links."""
    known, names = [], {}
    for row in rows:
        answer = match(objects(row), candidates(*known), {}, radius_arcsec=radius)
        names[row[0]] = answer.candidate_id[0]
        known.append((answer.candidate_id[0], row[1], row[2]))
        for kept, other in answer.linked:
            names = {k: kept if v == other else v for k, v in names.items()}
            known = [(kept if k == other else k, a, d) for k, a, d in known]
    return list(names.values())


@given(st.lists(places, min_size=1, max_size=12))
def test_one_report_or_many_make_the_same_candidates(points):
    """It does not matter how a night's alerts are cut into polls."""
    ra, dec = as_positions(points, 20.0)
    rows = [(f"n{i}", a, d) for i, (a, d) in enumerate(zip(ra, dec, strict=True))]
    assert [name for name, _ in found(rows, radius=5.03)] == one_by_one(rows, 5.03)


@given(
    groups=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=1, max_size=5),
    seed=st.randoms(use_true_random=False),
)
def test_separate_objects_merge_alike_in_any_order(groups, seed):
    """Where groups are tight and far apart, the order of arrival changes only the names."""
    rows = [
        (f"g{g}n{i}", 10 + g, 20 + offset * ARCSEC)
        for g, group in enumerate(groups)
        for i, offset in enumerate(group)
    ]
    shuffled = rows.copy()
    seed.shuffle(shuffled)

    def partition(rows):
        names = {row[0]: name for row, (name, _) in zip(rows, found(rows), strict=True)}
        return {frozenset(k for k, v in names.items() if v == name) for name in names.values()}

    expected = {
        frozenset(r[0] for r in rows if r[0].startswith(f"g{g}n")) for g in range(len(groups))
    }
    assert partition(rows) == partition(shuffled) == expected
