"""No future: what is read at a time is what a store would say that had learnt nothing since."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.store import Store
from aas2rto.tables import candidates as candidate_table
from tests.conftest import MJD, make_facts, make_objects, make_photometry, make_report

PLACES = {"here": 10.0, "there": 120.0}
"""Far from each other; what is told of one place is of one candidate."""

SOURCES = ("fink", "lasair", "mine")
days = st.integers(0, 4)
"""When something became known [d]; few, so that things become known at the same time."""

FACTS: dict[str, Any] = {
    "redshift": st.sampled_from([0.1, 0.2, None]),
    "spectral_type": st.sampled_from(["SN", "SN Ia", None]),
    "name": st.sampled_from(["2026abc", "2026xyz", None]),
    "host": st.sampled_from(["NGC 1", ""]),
    "comment": st.sampled_from(["soon", None]),
    "magnitude": st.sampled_from([17.0, None]),
    "base_score": st.sampled_from([2.0, 3.0]),
    "valid_until": st.sampled_from([MJD + 5.0, None]),
    "too": st.sampled_from([True, None]),
    "fink_p": st.sampled_from([0.5, 0.9, None]),
    "fink_class": st.sampled_from(["SN", 7, [1.0], None]),
}


@st.composite
def told(draw: Any) -> tuple[Any, ...]:
    """Draw a report of one object: since when, what, by whom."""
    place = draw(st.sampled_from(sorted(PLACES)))
    known = draw(st.fixed_dictionaries({}, optional=FACTS))
    return (
        "told",
        draw(days),
        place,
        draw(st.integers(1, 2)),
        draw(st.sampled_from(SOURCES)),
        draw(st.sampled_from(["ztf", "tns", "too"])),
        known,
        draw(st.integers(1, 2)),
        draw(st.sampled_from(["", "alias 1", "alias 2"])),
    )


def happened(kind: str, *more: Any) -> Any:
    return st.tuples(st.just(kind), days, st.sampled_from(sorted(PLACES)), *more)


events = st.lists(
    st.one_of(
        told(),
        told(),
        told(),
        happened("mark", st.sampled_from(["veto", "pin", "observed"])),
        happened("reject", st.sampled_from(["old", "faint"])),
        happened("revive"),
    ),
    min_size=2,
    max_size=12,
)


@contextmanager
def opened(empty: Path) -> Iterator[Store]:
    """Open an empty store of one's own."""
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copyfile(empty, Path(folder) / "store.sqlite")
        with Store(f"sqlite:///{path}") as store:
            yield store


def report_of(event: tuple[Any, ...]) -> Any:
    _, day, place, number, source, survey, known, n_points, alias = event
    at, name = MJD + day, f"{place}{number}"
    # Different objects of one place, and one object at different times, are not quite together.
    objects = make_objects(
        name,
        ra=PLACES[place] + (number + day / 10) / 36000,
        dec=10.0,
        survey=survey,
        known_at=at,
    ).assign(also_known_as=[(alias,) if alias else ()])
    # The first measurement is that of every report, the second its own.
    mjd = MJD - np.array([0.0, 1.0 + day])[:n_points]
    points = make_photometry(
        name,
        mjd,
        mag=18.0 + number + 0.1 * day,
        source=source,
        known_at=at,
        measurement_id=[f"at {one}" for one in mjd],
    )
    return make_report(objects, points, source=source, facts=make_facts(name, known_at=at, **known))


def fill(store: Store, happenings: list[tuple[Any, ...]]) -> None:
    """Tell a store what happened, in this order; what concerns nobody it knows is left out."""
    for event in happenings:
        if event[0] == "told":
            store.ingest(report_of(event), MJD + 10.0)
    for event in happenings:
        kind, day, place = event[:3]
        # By when something is said of somebody, he is known.
        names = store.identities.as_known(MJD + day)
        names = names[np.abs(names["ra"] - PLACES[place]) < 1.0]["candidate_id"].tolist()
        if kind == "told" or not names:
            continue
        at = MJD + day
        if kind == "mark":
            row = {
                "candidate_id": names[0],
                "kind": event[3],
                "at": at,
                "author": "me",
                "comment": "",
            }
            store.marks.save([row])
        elif kind == "reject":
            rows = [{"candidate_id": names[0], "factor": event[3], "reason": "r", "row": {}}]
            store.save_cycle(
                at,
                scores=pd.DataFrame(),
                rejected=pd.DataFrame(rows),
                ranks=pd.DataFrame(),
                report={"version": "1", "config": "c"},
            )
        else:
            key = store.identities.key_of(names[0])
            with store._access.transaction("test") as connection:
                store.rejections.revive(connection, [(int(key or 0), at)])


def seen(store: Store, now: float) -> dict[str, Any]:
    """Return all that can be read of a store at some time."""
    held = store.candidates(now, state=None)
    points = store.photometry.as_known(held, now)
    return {
        "candidates": held[list(candidate_table.COLUMNS)].to_dict("records"),
        "annotations": store.facts.as_known(now).to_dict("records"),
        "aliases": store.identities.aliases(now).to_numpy().tolist(),
        "photometry": points.photometry.astype(object)
        .sort_values(["candidate_id", "mjd", "survey", "measurement_id"])
        .to_dict("records"),
        "summary": points.summary.to_dict("records"),
        "marks": sorted(map(str, store.marks.as_known(now).to_dict("records"))),
        "rejections": store.rejections.as_known(now).to_dict("records"),
        "counts": store.rejections.counts(now),
        "state": store.rejections.state(now),
    }


@pytest.mark.proof
@settings(max_examples=50)
@given(events=events, now=st.integers(0, 4), order=st.randoms(use_true_random=False))
def test_what_is_read_at_a_time_does_not_depend_on_what_became_known_later(
    empty_store, events, now, order
):
    """Cut any store after a time, in any order of arrival: what is read there is the same."""
    order.shuffle(events)
    with opened(empty_store) as whole, opened(empty_store) as cut:
        fill(whole, events)
        fill(cut, [event for event in events if event[1] <= now])
        for day in range(now + 1):
            assert str(seen(whole, MJD + day)) == str(seen(cut, MJD + day))


@pytest.mark.proof
@given(events=st.lists(told(), min_size=1, max_size=8), order=st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(empty_store, events, order):
    """But for the name of a candidate: that of the object which came first."""
    # One object a place, so that all orders give the same name.
    events = [(*event[:3], 1, *event[4:]) for event in events]
    shuffled = list(events)
    order.shuffle(shuffled)
    with opened(empty_store) as one, opened(empty_store) as other:
        fill(one, events)
        fill(other, shuffled)
        for day in range(5):
            assert str(seen(one, MJD + day)) == str(seen(other, MJD + day))


def test_a_later_word_stays_when_an_earlier_one_comes_late(store):
    """The type SN Ia of day 5 is not overwritten by the SN of day 2; each is read at its time."""
    for day, word in ((5, "SN Ia"), (2, "SN")):
        objects = make_objects("a", known_at=MJD + day, spectral_type=word)
        store.ingest(make_report(objects), MJD + 9)
    types = {day: store.candidates(MJD + day)["spectral_type"].tolist() for day in (1, 3, 6)}
    assert types == {1: [], 3: ["SN"], 6: ["SN Ia"]}
    assert store.candidates(MJD + 6)["first_known"].tolist() == [MJD + 2]


def test_what_a_source_takes_back_is_gone(store):
    """Its own word only: another source's stands."""
    store.ingest(make_report(make_objects("a", spectral_type="SN"), source="fink"), MJD)
    for day, word in ((1, "SN Ia"), (2, None)):
        facts = make_facts("a", known_at=MJD + day, spectral_type=word, tns_type=word)
        store.ingest(make_report(facts=facts, source="tns"), MJD + day)
    types = [store.candidates(MJD + day)["spectral_type"].item() for day in (0, 1, 2)]
    assert types == ["SN", "SN Ia", "SN"]
    assert [list(store.facts.as_known(MJD + day)) for day in (1, 2)] == [
        ["candidate_id", "tns_type"],
        ["candidate_id"],
    ]


def test_names_are_known_since_they_were_given(store):
    """Of two candidates of one name, the one that bore it first; nobody before that."""
    for name, ra, day in (("late", 10.0, 5), ("early", 50.0, 2)):
        objects = make_objects(name, ra=ra, known_at=MJD + day)
        store.ingest(make_report(objects.assign(also_known_as="2026abc")), MJD + 9)
    owners = {day: dict(store.identities.aliases(MJD + day).to_numpy()) for day in (1, 3, 6)}
    assert owners[1] == {}
    assert owners[3] == {"2026abc": "early", "early": "early"}
    assert owners[6] == {"2026abc": "early", "early": "early", "late": "late"}
    assert store.identities.resolve("2026abc") == "early"


def test_who_came_back_was_out_before(store):
    """A rejection of the past can be asked after new evidence has lifted it."""
    store.ingest(make_report(make_objects("a"), make_photometry("a", MJD - 1)), MJD)
    rows = pd.DataFrame([{"candidate_id": "a", "factor": "f", "reason": "r", "row": {}}])
    store.save_cycle(
        MJD,
        scores=pd.DataFrame(),
        rejected=rows,
        ranks=pd.DataFrame(),
        report={"version": "1", "config": "c"},
    )
    new = make_photometry("a", MJD + 70, measurement_id="new")
    store.ingest(make_report(None, new), MJD + 70)
    assert store.rejections.reconsider(MJD + 71, 60.0) == ["a"]
    assert [len(store.candidates(MJD + day)) for day in (-0.5, 0, 70.9, 71)] == [1, 0, 0, 1]
    assert [store.rejections.counts(MJD + day) for day in (50, 71)] == [{"f": 1}, {}]
