"""What is kept in memory of light curves is what one would read from the store, at any time."""

from __future__ import annotations

import shutil
from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aas2rto.store import Store, cache
from aas2rto.tables import outburst
from aas2rto.tables.photometry import as_known_at, one_per_exposure
from tests.conftest import MJD, make_objects, make_photometry, make_report

NAMES = ["a", "b", "c", "d"]
KINDS = ("detection", "limit", "suspect")
BANDS = ("ztfg", "ztfr", "lsstr", "mine")

POINT = st.tuples(
    st.sampled_from(NAMES),
    st.integers(-100, 20),  # when it was measured, and how much later it was known [d]
    st.sampled_from([0.0, 0.5, 30.0]),
    st.sampled_from(BANDS),
    st.sampled_from(KINDS),
    st.sampled_from(["1", "2", "3"]),
)
INGEST = st.tuples(st.just("ingest"), st.lists(POINT, min_size=1, max_size=8))
LOOK = st.tuples(
    st.just("look"),
    st.integers(-120, 120),
    st.sampled_from([None, 20.0, 60.0]),
    st.sets(st.sampled_from(NAMES), min_size=1),
)


def report(points):
    parts = []
    for name, day, delay, band, kind, number in points:
        one = make_photometry(name, [MJD + day], bands=[band], measurement_id=[f"{number}{day}"])
        parts.append(one.assign(kind=kind, known_at=MJD + day + delay, source="s" + number))
    return make_report(
        make_objects(NAMES, ra=[10.0, 20.0, 30.0, 40.0], known_at=MJD - 1000),
        pd.concat(parts, ignore_index=True),
    )


def held(store, names):
    table = store.candidates(MJD + 1000)
    return table[table["candidate_id"].isin(names)].reset_index(drop=True)


RESTART = st.tuples(st.just("restart"), st.booleans())
"""The program ends, with a snapshot or killed before it, and begins again."""


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=15)
@given(st.lists(st.one_of(INGEST, LOOK, LOOK, RESTART), min_size=2, max_size=10))
@pytest.mark.proof
def test_what_evolves_is_what_is_made_from_scratch(tmp_path_factory, empty_store, steps):
    """Whatever comes, whoever is asked for, whether the time goes on or back, over restarts."""
    path = tmp_path_factory.mktemp("cache") / "store.sqlite"
    shutil.copyfile(empty_store, path)
    url = f"sqlite:///{path}"
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "WORTH_A_FILE", 1)
        store = stack.enter_context(Store(url))
        store.ingest(report([("a", 0, 0.0, "ztfg", "detection", "1")]), MJD)
        for step in steps:
            if step[0] == "ingest":
                store.ingest(report(step[1]), MJD)
                continue
            if step[0] == "restart":
                if step[1]:
                    store.photometry.keep_snapshot(last=True)
                store = stack.enter_context(Store(url))
                continue
            _, day, quiet, names = step
            table = held(store, names)
            found = store.photometry.as_known(table, MJD + day, quiet)
            with patch.context() as plain, Store(url) as other:
                plain.setattr(cache, "WORTH_A_FILE", 10**9)
                wanted = other.photometry.as_known(table, MJD + day, quiet)
                rows = other.photometry.of(table)
            pd.testing.assert_frame_equal(found.summary, wanted.summary)
            seen = one_per_exposure(as_known_at(rows, MJD + day)).reset_index(drop=True)
            _, direct = outburst.summarise(seen, table["candidate_id"], MJD + day, quiet)
            pd.testing.assert_frame_equal(found.summary[list(direct)], direct)
            np.testing.assert_array_equal(found.content, wanted.content)
            text = {"band": str, "kind": str, "survey": str, "source": str, "candidate_id": str}
            pd.testing.assert_frame_equal(
                found.photometry.astype(text), wanted.photometry.astype(text)
            )


@pytest.fixture
def filled(store):
    store.ingest(
        report([(n, -k, 0.0, "ztfg", "detection", "1") for n in NAMES for k in range(4)]), MJD
    )
    return store


@pytest.mark.slow
def test_nothing_new_gives_the_same_object(filled):
    table = held(filled, NAMES)
    first = filled.photometry.as_known(table, MJD + 1)
    assert filled.photometry.as_known(table, MJD + 2) is first
    filled.ingest(report([("a", 1, 0.0, "ztfr", "detection", "2")]), MJD + 1)
    assert filled.photometry.as_known(table, MJD + 2) is not first


@pytest.mark.slow
def test_only_those_that_changed_are_made_anew(filled, monkeypatch):
    asked = []
    summarise = outburst.summarise

    def counting(photometry, ids, *rest):
        asked.append(len(ids))
        return summarise(photometry, ids, *rest)

    monkeypatch.setattr(outburst, "summarise", counting)
    table = held(filled, NAMES)
    filled.photometry.as_known(table, MJD + 1)
    filled.ingest(report([("b", 1, 5.0, "ztfr", "detection", "2")]), MJD + 1)
    filled.photometry.as_known(table, MJD + 2)  # of b there is a point to come
    filled.photometry.as_known(table, MJD + 5)
    filled.photometry.as_known(table, MJD + 6)  # it became known
    filled.photometry.as_known(table, MJD + 7)
    filled.photometry.as_known(table, MJD + 2)  # and unknown
    assert asked == [4, 1, 1, 1]
