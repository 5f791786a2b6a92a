"""Candidates that turn out to be one become one, with all that belongs to them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.store import Store, merging, schema
from aas2rto.store.outbox import Mail, Post, Told
from tests.conftest import MJD, make_facts, make_objects, make_photometry, make_report
from tests.store.test_no_future import opened, seen

ARCSEC = 1 / 3600


def tell(store: Store, name: str, arcsec: float, *, at: float = MJD, also: str = "", **more: Any):
    """Tell a store of an object in a row, with a measurement of its own and one of all."""
    rows = make_objects(name, dec=arcsec * ARCSEC, known_at=at)
    rows = rows.assign(also_known_as=[(also,) if also else ()])
    mjd = MJD - np.array([9.0, 1.0 + arcsec / 100, 2.0 + arcsec / 100])
    ids = ["all", f"{name} 1", f"{name} 2"]
    points = make_photometry(name, mjd, measurement_id=ids)
    return store.ingest(make_report(rows, points, **more), at, merge_radius=5.0)


def partition(store: Store) -> set[frozenset[str]]:
    """Return which objects are one candidate."""
    found: dict[str, set[str]] = {}
    for name in store.identities._objects:
        found.setdefault(str(store.identities.resolve(name)), set()).add(name)
    assert sorted(found) == store.candidates(MJD + 99.0, state=None)["candidate_id"].tolist()
    return {frozenset(group) for group in found.values()}


@pytest.mark.parametrize("order", list(itertools.permutations((0, 3, 6))))
def test_a_chain_is_one_candidate_in_any_order_of_polls(store, order):
    """0", 3" and 6": the first and the last are two candidates until the middle one comes."""
    for when, offset in enumerate(order):
        done = tell(store, f"x{offset}", offset, at=MJD + when)
    assert partition(store) == {frozenset({"x0", "x3", "x6"})}
    first = f"x{order[0]}"
    held = store.candidates(MJD + 9.0)
    assert held["candidate_id"].tolist() == [first]
    rows = store.photometry.of(held)
    assert rows["measurement_id"].is_unique
    assert len(rows) == 1 + 3 * 2
    linked = order[2] == 3
    assert done.notes == (
        (
            f"test: x{order[1]} is {first}, for an object lies near both or bears a name of both; "
            f"they are one candidate now, {first}",
        )
        if linked
        else ()
    )


def test_a_name_makes_two_one(store):
    """TNS names the surveys' ids, 30 arcsec away; a name that is far off does not."""
    tell(store, "ZTF26a", 0)
    tell(store, "2026abc", 30)
    assert len(partition(store)) == 2
    done = tell(store, "2026abc", 30, also="ZTF26a", at=MJD + 1)
    assert partition(store) == {frozenset({"ZTF26a", "2026abc"})}
    assert done.notes[0].startswith("test: 2026abc is ZTF26a, for both are called ZTF26a")
    tell(store, "ZTF26far", 36000)
    done = tell(store, "2026xyz", 0.0, also="ZTF26far", at=MJD + 2)
    assert done.notes == (
        "test: ZTF26a and ZTF26far are both called ZTF26far, but lie 10 deg apart: they stay two",
    )
    assert len(partition(store)) == 2
    again = tell(store, "2026xyz", 0.0, also="ZTF26far", at=MJD + 3)
    assert again.notes == ()


def test_an_object_that_somebody_named_before_links_by_its_place_too(store):
    """It belongs to who is called so, and lies near another: all are one."""
    tell(store, "named", 0, also="x")
    tell(store, "near", 30)
    tell(store, "x", 31, at=MJD + 1)
    assert partition(store) == {frozenset({"named", "near", "x"})}


def full(store: Store) -> None:
    """Fill every table with something of two candidates, and a third."""
    for name, offset in (("a", 0), ("c", 8), ("far", 3600)):
        facts = make_facts(name, known_at=MJD, redshift=0.1, mine_word=f"of {name}")
        tell(store, name, offset, facts=facts)
    scores = pd.DataFrame(
        {"candidate_id": ["a", "c", "far"], "score": 1.0, "decision": "keep", "factor": ""}
    )
    ranks = pd.DataFrame(
        {
            "candidate_id": ["a", "c", "far"],
            "observatory": "here",
            "rank": [1, 2, 3],
            "site_score": 1.0,
        }
    )
    rejected = [{"candidate_id": "c", "factor": "old", "reason": "too old", "row": {}}]
    for at, out in ((MJD + 1.0, []), (MJD + 2.0, rejected)):
        store.save_cycle(
            at,
            scores=scores,
            ranks=ranks,
            rejected=pd.DataFrame(out),
            report={"version": "1", "config": "c"},
            mail=mail(at),
        )
    marks = [
        {"candidate_id": name, "kind": "comment", "at": MJD + 1, "author": "me", "comment": name}
        for name in ("a", "c")
    ]
    store.marks.save(marks)


def mail(at: float) -> Mail:
    posts = [Post("slack", f"new:{n}:{at}", {}, at, candidate_id=n) for n in "ac"]
    told = [Told(n, "new", "", at) for n in "ac"]
    return Mail(posts=posts, told=[*told, Told("c", "type", "SN Ia", at)])


def test_all_that_belongs_to_both_stays(store):
    """Photometry, facts, marks, names, messages and what was said; ranks go on."""
    full(store)
    assert store.candidates(MJD + 3.0)["candidate_id"].tolist() == ["a", "far"]  # c is rejected
    tell(store, "b", 4, at=MJD + 3.0)
    held = store.candidates(MJD + 3.0)
    assert held["candidate_id"].tolist() == ["a", "far"]
    mine = held[held["candidate_id"] == "a"]
    assert len(store.photometry.of(mine)) == 1 + 3 * 2
    known = store.photometry.as_known(held, MJD + 3.0)
    assert known.summary.set_index("candidate_id")["n_detections"].to_dict() == {"a": 7, "far": 3}
    assert known.photometry["candidate_id"].value_counts().to_dict() == {"a": 7, "far": 3}
    assert store.marks.as_known(MJD + 3.0)["comment"].tolist() == ["a", "c"]
    assert set(store.marks.as_known(MJD + 3.0)["candidate_id"]) == {"a"}
    assert sorted(store.facts.as_known(MJD + 3.0)["candidate_id"]) == ["a", "far"]
    assert {store.identities.resolve(name) for name in ("a", "b", "c")} == {"a"}
    told = store.outbox.told(candidate_ids=["a"])
    assert sorted((one.topic, one.value) for one in told) == [("new", ""), ("type", "SN Ia")]
    assert "c" not in store.results.last_scores(MJD + 3.0)
    store.save_cycle(
        MJD + 3.0,
        scores=pd.DataFrame(
            {"candidate_id": ["a", "far"], "score": 1.0, "decision": "keep", "factor": ""}
        ),
        ranks=pd.DataFrame(
            {
                "candidate_id": ["a", "far"],
                "observatory": "here",
                "rank": [1, 2],
                "site_score": 1.0,
            }
        ),
        rejected=pd.DataFrame(),
        report={"version": "1", "config": "c"},
    )
    assert store.results.last_scores(MJD + 3.0).index.tolist() == ["a", "far"]


def ranked(store: Store, at: float, **ranks: int) -> None:
    names = list(ranks)
    found = pd.DataFrame({"candidate_id": names, "score": 1.0, "decision": "keep", "factor": ""})
    places = {"observatory": "here", "rank": list(ranks.values()), "site_score": 1.0}
    places = pd.DataFrame({"candidate_id": names, **places})
    report = {"version": "1", "config": "c"}
    none = pd.DataFrame()
    store.save_cycle(at, scores=found, ranks=places, rejected=none, report=report)


@pytest.mark.parametrize("since", [0.0, 1.5])
def test_the_history_of_ranks_goes_on(store, since):
    """Who went into another stood in the lists before the other did."""
    for name, offset in (("a", 0), ("c", 8), ("far", 3600)):
        tell(store, name, offset)
    ranked(store, MJD + 1.0, c=2, far=1)
    ranked(store, MJD + 2.0, c=1, far=2)
    tell(store, "b", 4, at=MJD + 2.5)
    ranked(store, MJD + 3.0, a=1, far=2)
    ranked(store, MJD + 4.0, a=2, far=1)
    found = store.results.rank_history(["a"], ["here"], since=MJD + since, until=MJD + 9.0)
    told = list(zip(found["at"] - MJD, found["rank"], strict=True))
    begin = [(1.0, 2.0)] if since == 0 else [(1.5, 2.0)]
    assert told == [*begin, (2.0, 1.0), (3.0, 1.0), (4.0, 2.0)]


def test_a_mark_that_comes_meanwhile_is_not_lost(url):
    """Another program opened the store before two became one."""
    with Store(url) as store, Store(url) as other:
        tell(store, "a", 0)
        tell(store, "c", 8)
        other.identities.load_anew()
        tell(store, "b", 4, at=MJD + 1.0)
        row = {"candidate_id": "c", "kind": "veto", "at": MJD + 2, "author": "me", "comment": ""}
        other.marks.save([row])
        assert store.marks.as_known(MJD + 3.0)["candidate_id"].tolist() == ["a"]


def test_a_snapshot_from_before_is_read_with_what_changed(sqlite_url):
    """The file beside the store has both; what is read from it and the rows is one."""
    names = [f"n{k}" for k in range(150)]
    with Store(sqlite_url) as store:
        for k, name in enumerate(names):
            tell(store, name, 1000.0 * k)
        tell(store, "c", 8)
        store.photometry.as_known(store.candidates(MJD + 1.0), MJD + 1.0)
        assert store.photometry.keep_snapshot(last=True)
        tell(store, "b", 4, at=MJD + 1.0)
    found = []
    for path in (Path(f"{sqlite_url.removeprefix('sqlite:///')}.snapshot"), None):
        with Store(sqlite_url) as store:
            held = store.candidates(MJD + 2.0)
            known = store.photometry.as_known(held, MJD + 2.0)
            found.append((len(held), str(known.photometry.to_dict()), str(known.summary.to_dict())))
        if path is not None:
            path.unlink()
    assert found[0] == found[1]
    assert found[0][0] == 150


def test_who_was_rejected_is_judged_anew_by_what_both_have(store):
    """Also if the other was not: the light curve is another now."""
    full(store)
    reject = pd.DataFrame([{"candidate_id": "a", "factor": "old", "reason": "r", "row": {}}])
    empty = pd.DataFrame()
    report = {"version": "1", "config": "c"}
    store.save_cycle(MJD + 2.5, scores=empty, ranks=empty, rejected=reject, report=report)
    assert store.candidates(MJD + 2.6)["candidate_id"].tolist() == ["far"]
    tell(store, "b", 4, at=MJD + 3.0)
    assert store.candidates(MJD + 3.0)["candidate_id"].tolist() == ["a", "far"]
    assert store.rejections.as_known(MJD + 2.6)["candidate_id"].tolist() == ["a"]


def test_numbers_are_never_given_twice(store):
    """Packed columns hold them: a new candidate must not get the past of one that is gone."""
    tell(store, "a", 0)
    tell(store, "c", 8)
    tell(store, "b", 4, at=MJD + 1)
    tell(store, "new", 3600, at=MJD + 2)
    assert store.candidates(MJD + 2.0)["id"].tolist() == [1, 3]


def test_a_store_opened_again_says_the_same(url):
    """Memory and database agree."""
    with Store(url) as store:
        full(store)
        tell(store, "b", 4, at=MJD + 3.0)
        before = str(seen(store, MJD + 4.0))
        store.photometry.keep_snapshot(last=True)
    with Store(url) as store:
        assert str(seen(store, MJD + 4.0)) == before
        tell(store, "c", 8, at=MJD + 5.0)
        assert len(partition(store)) == 2


def test_a_merge_that_fails_leaves_both(store, monkeypatch):
    """All of a report, or nothing."""
    full(store)
    before = str(seen(store, MJD + 4.0))

    def fails(*_: Any) -> None:
        raise RuntimeError("full disk")

    monkeypatch.setattr(store.rejections, "moved", fails)
    with pytest.raises(RuntimeError, match="full disk"):
        tell(store, "b", 4, at=MJD + 3.0)
    assert str(seen(store, MJD + 4.0)) == before


def test_every_table_with_candidates_is_thought_of():
    """A new table has to say what becomes of its rows."""
    thought_of = {
        table.name
        for kind in (merging.RENAMED, merging.JOINED, merging.DROPPED, merging.OTHERWISE)
        for table in kind
    }
    assert thought_of == {
        table.name for table in schema.metadata.sorted_tables if "candidate" in table.c
    }


groups = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abc")), min_size=1, max_size=4),
    min_size=1,
    max_size=3,
)


@pytest.mark.proof
@settings(max_examples=25, deadline=None)
@given(groups=groups, order=st.randoms(use_true_random=False), cuts=st.sets(st.integers(0, 12)))
def test_any_order_of_arrival_gives_the_same_candidates(empty_store, groups, order, cuts):
    """Objects in rows of at most twice the radius, some of which call others by their names."""
    objects = [
        (f"g{g}n{n}", 10.0 + g, offset * ARCSEC, f"g{g}n{'abc'.index(also)}")
        for g, group in enumerate(groups)
        for n, (offset, also) in enumerate(group)
    ]
    shuffled = list(objects)
    order.shuffle(shuffled)
    found = []
    for rows, bounds in ((objects, range(len(objects) + 1)), (shuffled, sorted(cuts))):
        with opened(empty_store) as store:
            edges = sorted({0, len(rows), *(min(cut, len(rows)) for cut in bounds)})
            for start, stop in itertools.pairwise(edges):
                part = rows[start:stop]
                names = [name for name, *_ in part]
                table = make_objects(
                    names, ra=[ra for _, ra, _, _ in part], dec=[dec for _, _, dec, _ in part]
                ).assign(also_known_as=[(also,) for *_, also in part])
                points = make_photometry(names, MJD - np.arange(len(names)))
                store.ingest(make_report(table, points), MJD + start, merge_radius=5.0)
                warm = seen(store, MJD + 99.0)
            with Store(str(store.engine.url)) as cold:
                assert str(seen(cold, MJD + 99.0)) == str(warm)
            held = store.candidates(MJD + 99.0)
            count = store.photometry.of(held).groupby("candidate_id").size()
            found.append((partition(store), sorted(count)))
            assert len(held) == len(found[-1][0])
    assert found[0][0] == found[1][0]
