"""The store: what comes in is there once, survives, and comes out as it was."""

from __future__ import annotations

import itertools
import json
import sqlite3
import threading
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.errors import StoreError
from aas2rto.models import FIT_COLUMNS
from aas2rto.models.fit_table import Fit, fit_table
from aas2rto.store import Store
from aas2rto.store.cache import PhotometryCache
from aas2rto.store.sources import Sources
from aas2rto.tables import photometry as phot
from aas2rto.tables.report import Outcome, failed
from tests.conftest import (
    LATE,
    MJD,
    make_facts,
    make_objects,
    make_photometry,
    make_report,
)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


def light_curve(object_id="ZTF26a", n=3, **columns):
    mjd = MJD - np.arange(n, 0, -1)
    return make_photometry(object_id, mjd, **columns)


def ingest(store, objects=None, photometry=None, **columns):
    return store.ingest(make_report(objects, photometry, **columns), MJD)


def photometry_of(store):
    return store.photometry.of(store.candidates(LATE, state=None))


def scores(*names, decision="keep", score=1.0):
    return pd.DataFrame(
        {"candidate_id": list(names), "score": score, "decision": decision, "factor": ""}
    )


def rejected(*names, reason="too old", factor="time_span"):
    rows = [
        {"candidate_id": name, "factor": factor, "reason": reason, "row": {"ra": 1.5}}
        for name in names
    ]
    return pd.DataFrame(rows, columns=["candidate_id", "factor", "reason", "row"])


def ranks(*names, observatory="ntt"):
    return pd.DataFrame(
        {
            "candidate_id": list(names),
            "observatory": observatory,
            "rank": range(1, len(names) + 1),
            "site_score": 2.0,
        }
    )


REPORT = {"version": "1", "config": "abc", "funnel": {}}


def save(store, now=MJD, *, scores=None, rejected=None, ranks=None):
    store.save_cycle(
        now,
        scores=pd.DataFrame() if scores is None else scores,
        rejected=pd.DataFrame() if rejected is None else rejected,
        ranks=pd.DataFrame() if ranks is None else ranks,
        report=REPORT,
    )


def count(store, table):
    with store.engine.connect() as connection:
        return connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar_one()


# -- an empty store -------------------------------------------------------------------------------


def test_an_empty_store_answers_every_question(store):
    """The first cycle of the first night asks all of them."""
    table = store.candidates(LATE)
    assert table.empty
    assert list(store.photometry.of(table)) == list(phot.COLUMNS)
    assert store.photometry.as_known(table, MJD).summary.empty
    for answer in (
        store.facts.as_known(LATE),
        store.identities.aliases(),
        store.rejections.as_known(LATE),
        store.fits.of("salt"),
    ):
        assert len(answer) == 0
    assert store.results.last_scores().empty
    assert store.identities.resolve("anything") is None
    assert store.photometry.count() == 0
    assert store.sources.names() == []
    assert store.sources.state("fink").cursor == {}
    assert store.rejections.reconsider(MJD, 60.0) == []
    assert store.rejections.counts(LATE) == {}
    assert store.rejections.state(LATE) == "0 rejected"


# -- objects and their photometry -----------------------------------------------------------------


def test_what_came_in_comes_out(store):
    """Each value of each measurement, sorted by candidate and time."""
    table = light_curve(
        n=4,
        flux=[-5.0, 1e-3, np.nan, 12345.678],
        limit=[np.nan, 20.0, 30.0, 1.0],
        band=["ztfg", "ztfr", "atlaso", "lssty"],
        kind=["suspect", "limit", "limit", "detection"],
        flux_err=[1.0, 2.0, np.nan, 4.0],
    )
    added = ingest(store, make_objects(), table.iloc[::-1])
    assert (added.new_candidates, added.new_measurements, added.refused) == (1, 4, ())
    found = photometry_of(store).astype(table.dtypes)
    pd.testing.assert_frame_equal(found, table)


def test_the_same_alert_twice_is_one_row(store):
    """A stream delivers at least once."""
    for _ in range(2):
        added = ingest(store, make_objects(), light_curve())
    assert (added.new_candidates, added.new_measurements) == (0, 0)
    assert store.photometry.count() == 3
    assert len(store.candidates(LATE)) == 1


def test_the_same_alert_from_two_brokers_is_one_row(store):
    """The survey's id of a measurement names it; the first broker is its source."""
    table = light_curve(source="", n=4)
    ingest(store, make_objects(), table.iloc[:3], source="fink")
    added = ingest(store, make_objects(), table, source="lasair")
    assert added.new_measurements == 1
    assert store.photometry.count() == 4
    assert set(photometry_of(store)["source"]) == {"fink", "lasair"}
    assert (photometry_of(store)["source"] == "fink").sum() == 3


def test_the_same_alert_twice_in_one_report_is_one_row(store):
    """A broker may repeat a light curve in each of its alerts."""
    table = light_curve()
    twice = pd.concat([table, table.assign(known_at=MJD)], ignore_index=True)
    assert ingest(store, make_objects(), twice).new_measurements == 3
    assert photometry_of(store)["known_at"].tolist() == table["known_at"].tolist()


@pytest.mark.parametrize("order", [(5.0, 2.0, 9.0), (2.0, 5.0, 9.0), (9.0, 5.0, 2.0)])
def test_what_two_brokers_told_was_known_when_the_first_told_it(store, order):
    """`known_at` keeps the earliest, whichever report comes first."""
    for known_at in order:
        ingest(store, make_objects(), light_curve(n=1, known_at=known_at))
    assert photometry_of(store)["known_at"].tolist() == [2.0]


def test_other_surveys_may_use_the_same_id(store):
    """An id is unique within its survey only."""
    ingest(store, make_objects(), light_curve(n=1, survey="ztf"))
    ingest(store, make_objects(), light_curve(n=1, survey="lsst"))
    assert store.photometry.count() == 2


def test_wide_ids_keep_their_digits(store):
    """64-bit ids of LSST differ in their last digit only."""
    ids = [170094456272322680, 170094456272322681]
    objects = make_objects([str(number) for number in ids], ra=[10.0, 20.0], survey="lsst")
    table = make_photometry(objects["object_id"].tolist(), MJD, survey="lsst", measurement_id=ids)
    ingest(store, objects, table)
    assert store.candidates(LATE)["candidate_id"].tolist() == [str(number) for number in ids]
    assert photometry_of(store)["measurement_id"].tolist() == [str(number) for number in ids]


def test_two_surveys_of_one_place_are_one_candidate(store):
    """The second survey's object joins, and both ids lead to it."""
    ingest(store, make_objects("ZTF26a", ra=150.0), light_curve("ZTF26a"))
    near = make_objects("1700", ra=150.0 + 1 / 3600, survey="lsst")
    added = ingest(store, near, light_curve("1700", survey="lsst"))
    assert (added.new_candidates, added.new_measurements) == (0, 3)
    assert store.identities.resolve("1700") == store.identities.resolve("ZTF26a") == "ZTF26a"
    assert set(photometry_of(store)["candidate_id"]) == {"ZTF26a"}
    assert store.identities.aliases()["alias"].tolist() == ["1700", "ZTF26a"]


def test_the_merge_radius_decides(store):
    """Beyond it, the same sky holds two candidates."""
    store.ingest(make_report(make_objects("a", dec=0.0)), MJD, merge_radius=5.0)
    store.ingest(make_report(make_objects("b", dec=6 / 3600)), MJD, merge_radius=5.0)
    store.ingest(make_report(make_objects("c", dec=-6 / 3600)), MJD, merge_radius=7.0)
    assert store.candidates(LATE)["candidate_id"].tolist() == ["a", "b"]
    assert store.identities.resolve("c") == "a"


def test_identities_survive_a_restart(url):
    """Aliases, names and candidates are those of the database."""
    with Store(url) as store:
        ingest(store, make_objects("ZTF26a", name="2026abc"), light_curve())
    with Store(url) as store:
        assert store.identities.resolve("2026abc") == "ZTF26a"
        far = make_objects("ZTF26a", ra=10.0)
        assert ingest(store, far, light_curve(n=4)).new_candidates == 0
        assert store.photometry.count() == 4


def test_an_alias_stays_with_its_candidate(store):
    """A name that another broker gives to somebody else does not move."""
    ingest(store, make_objects("a", ra=10.0, name="2026x"))
    ingest(store, make_objects("b", ra=50.0, name="2026x"))
    assert store.identities.resolve("2026x") == "a"
    assert store.identities.resolve("b") == "b"


def test_photometry_may_come_for_an_object_of_an_earlier_report(store):
    """Forced photometry knows an object by any of its names."""
    ingest(store, make_objects("ZTF26a", name="2026abc"))
    added = ingest(store, None, light_curve("2026abc", survey="atlas"), source="atlas")
    assert added.new_measurements == 3
    assert photometry_of(store)["candidate_id"].unique().tolist() == ["ZTF26a"]


def test_right_ascensions_are_brought_into_their_range(store):
    """A broker may count beyond 360 degrees, or below 0."""
    ingest(store, make_objects(["a", "b"], ra=[370.0, -10.0]))
    assert store.candidates(LATE)["ra"].tolist() == [10.0, 350.0]


@pytest.mark.parametrize(
    ("ra", "dec"), [(np.nan, 0.0), (0.0, np.nan), (np.inf, 0.0), (0.0, 91.0), (0.0, -90.1)]
)
def test_an_object_without_a_place_costs_itself_only(store, ra, dec):
    """It is named in the report; the others are stored."""
    objects = make_objects(["bad", "good"], ra=[ra, 10.0], dec=[dec, 10.0])
    added = ingest(store, objects, light_curve("good"))
    assert added.new_candidates == 1
    assert added.new_measurements == 3
    assert added.refused == ("test: bad has no usable position; it was left out",)


def test_an_object_without_an_id_costs_itself_only(store):
    """An empty id would become the candidate of all others without id."""
    objects = make_objects(["", "good"], ra=[5.0, 10.0])
    added = ingest(store, objects)
    assert store.candidates(LATE)["candidate_id"].tolist() == ["good"]
    assert added.refused == ("test: left out 1 object without object_id",)


@pytest.mark.parametrize(
    "broken",
    [
        {"band": ["", "ztfg", "ztfg"]},
        {"band": [None, "ztfg", "ztfg"]},
        {"measurement_id": ["", "b", "c"]},
        {"kind": ["seen", "detection", "detection"]},
        {"survey": ["", "ztf", "ztf"]},
        {"mjd": [np.nan, MJD, MJD + 1]},
        {"known_at": [np.inf, MJD, MJD]},
    ],
)
def test_a_measurement_that_is_not_whole_costs_itself_only(store, broken):
    """One bad row must not hold up the source for ever."""
    table = light_curve().assign(**broken)
    added = ingest(store, make_objects(), table)
    assert added.new_measurements == 2
    assert added.refused == (
        "test: left out 1 measurement without mjd, known_at, band, kind, survey or measurement_id",
    )


def test_measurements_of_strangers_are_left_out_and_counted(store):
    """Nothing is dropped in silence."""
    table = pd.concat([light_curve("nobody"), light_curve()], ignore_index=True)
    added = ingest(store, make_objects(), table)
    assert added.new_measurements == 3
    assert added.refused == ("test: left out 3 measurements of objects that are not known",)


@settings(max_examples=10)
@given(
    alerts=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["ztf", "lsst"]),
            st.integers(0, 4),
            st.integers(0, 9),
        ),
        min_size=1,
        max_size=20,
    ),
    cuts=st.lists(st.integers(0, 20), max_size=4),
)
def test_any_order_and_cut_of_alerts_gives_the_same_rows(alerts, cuts):
    """One row per (candidate, survey, measurement), known as early as any report said."""
    place = {"a": 10.0, "b": 20.0, "c": 30.0}
    expected: dict[tuple[str, str, str], float] = {}
    for name, survey, number, known in alerts:
        key = (name, survey, str(number))
        expected[key] = min(expected.get(key, np.inf), MJD + known)
    with Store("sqlite://") as store:
        bounds = sorted({0, len(alerts), *(min(c, len(alerts)) for c in cuts)})
        for start, stop in itertools.pairwise(bounds):
            names, surveys, numbers, known = zip(*alerts[start:stop], strict=True)
            ingest(
                store,
                make_objects(list(names), ra=[place[n] for n in names]),
                make_photometry(
                    list(names),
                    MJD + np.array(numbers),
                    survey=list(surveys),
                    measurement_id=[str(n) for n in numbers],
                    known_at=MJD + np.array(known),
                ),
            )
        found = photometry_of(store)
    keys = zip(found["candidate_id"], found["survey"], found["measurement_id"], strict=True)
    assert dict(zip(keys, found["known_at"], strict=True)) == expected
    assert len(found) == len(expected)


# -- what is known of a candidate -----------------------------------------------------------------


def test_what_is_newly_known_fills_what_was_unknown(store):
    """A classification arrives weeks after the object."""
    ingest(store, make_objects())
    ingest(store, make_objects(redshift=0.05, spectral_type="SN Ia", host="NGC 1"), source="fink")
    row = store.candidates(LATE).iloc[0]
    assert (row["redshift"], row["spectral_type"], row["host"]) == (0.05, "SN Ia", "NGC 1")
    assert row["redshift_source"] == "ztf"
    ingest(store, make_objects())
    assert store.candidates(LATE).iloc[0]["redshift"] == 0.05


def test_the_words_of_a_too_are_not_overwritten(store):
    """What a person said stays; what the person left open is filled."""
    said = {"too": True, "base_score": 1000.0, "redshift": 0.1, "comment": "mine"}
    ingest(store, make_objects("GRB1", survey="too", **said), source="too")
    later = {"redshift": 0.3, "name": "2026abc", "comment": "theirs", "spectral_type": "GRB"}
    ingest(store, make_objects("ZTF26a", **later))
    row = store.candidates(LATE).iloc[0]
    assert (row["name"], row["redshift"], row["comment"]) == ("GRB1", 0.1, "mine")
    assert (row["redshift_source"], row["spectral_type"]) == ("too", "GRB")
    assert bool(row["too"])
    assert row["base_score"] == 1000.0
    assert store.identities.resolve("2026abc") == "GRB1"
    ingest(store, make_objects("GRB1", survey="too", too=True, redshift=0.2), source="too")
    assert store.candidates(LATE).iloc[0]["redshift"] == 0.2


def test_the_name_of_tns_wins(store):
    """Other names stay once they are given."""
    for day, name, survey, expected in (
        (1, "first", "ztf", "first"),
        (2, "second", "lsst", "first"),
        (3, "2026abc", "tns", "2026abc"),
        (4, "third", "ztf", "2026abc"),
    ):
        known_at = MJD + day
        ingest(store, make_objects(f"id-{name}", survey=survey, name=name, known_at=known_at))
        assert store.candidates(LATE)["name"].tolist() == [expected]


def test_several_rows_of_one_object_are_put_together(store):
    """The first place, the last known facts."""
    objects = make_objects(
        ["a", "a", "a"],
        ra=[10.0, 10.001, 10.002],
        known_at=[MJD - 3, MJD - 1, MJD - 2],
        redshift=[0.1, np.nan, 0.2],
        spectral_type=["", "SN Ia", "SN"],
    )
    ingest(store, objects)
    row = store.candidates(LATE).iloc[0]
    assert (row["ra"], row["redshift"], row["spectral_type"]) == (10.0, 0.2, "SN Ia")
    assert row["first_known"] == MJD - 3


def test_a_too_brings_a_rejected_candidate_back(store):
    """Who asks for a candidate knows more than the factor that rejected it."""
    ingest(store, make_objects("ZTF26a"))
    save(store, rejected=rejected("ZTF26a"))
    assert store.candidates(LATE).empty
    ingest(store, make_objects("GRB1", survey="too", too=True), source="too")
    assert store.candidates(LATE)["candidate_id"].tolist() == ["ZTF26a"]
    assert store.rejections.as_known(LATE).empty


def test_annotations_are_one_row_per_candidate_and_keep_their_types(store):
    """Numbers stay numbers, texts texts; the newest word counts."""
    notes = make_facts("ZTF26a", fink_p=0.9, fink_class="SN", fink_good=True)
    ingest(store, make_objects(), facts=notes)
    newer = make_facts("ZTF26a", known_at=MJD, fink_p=np.float64(0.5))
    older = make_facts("ZTF26a", known_at=MJD - 9, fink_class="AGN")
    ingest(store, None, facts=newer)
    ingest(store, None, facts=older)
    row = store.facts.as_known(LATE).iloc[0].to_dict()
    assert row == {"candidate_id": "ZTF26a", "fink_p": 0.5, "fink_class": "SN", "fink_good": True}


def test_annotations_without_owner_or_time_are_left_out_and_counted(store):
    """The others are stored."""
    notes = pd.concat(
        [
            make_facts("ZTF26a", p=1.0),
            make_facts("nobody", p=2.0),
            make_facts("ZTF26a", known_at=np.nan, q=3.0),
        ]
    )
    added = ingest(store, make_objects(), facts=notes)
    assert added.refused == (
        "test: left out 2 facts without known_at, or of objects that are not known",
    )
    assert store.facts.as_known(LATE).to_dict("records") == [{"candidate_id": "ZTF26a", "p": 1.0}]


def test_an_annotation_cannot_take_the_place_of_the_id(store):
    """A table of one's own may have a column of that name; the others are there."""
    notes = make_facts("ZTF26a", candidate_id="x", p=1.0)
    ingest(store, make_objects(), facts=notes)
    assert store.facts.as_known(LATE).to_dict("records") == [{"candidate_id": "ZTF26a", "p": 1.0}]


def test_annotations_may_be_lists(store):
    """Whatever JSON can say."""
    notes = make_facts("ZTF26a", probabilities=[0.1, 0.9], best={"class": "SN"}, none=None)
    ingest(store, make_objects(), facts=notes)
    row = store.facts.as_known(LATE).iloc[0].to_dict()
    assert row == {"candidate_id": "ZTF26a", "probabilities": [0.1, 0.9], "best": {"class": "SN"}}


def test_fits_come_back_as_they_were(store):
    """Parameters, errors and covariance as they were, the newest fit only."""
    ingest(store, make_objects(["a", "b"], ra=[10.0, 20.0]))
    good = Fit(
        "ok",
        "fine",
        t_peak=MJD,
        t_peak_err=0.5,
        chisq=10.0,
        ndof=8.0,
        n_points=12.0,
        bands="ztfg ztfr",
        parameters={"x1": np.float64(0.5)},
        errors={"x1": 0.1},
        covariance=[[0.01]],
    )
    for digest, fit in (("old", Fit("failed", "no")), ("new", good)):
        table = fit_table(np.array(["a"], dtype=object), [fit])
        store.fits.save("salt", table.assign(digest=digest))
    store.fits.save("salt", pd.DataFrame(columns=[*FIT_COLUMNS, "digest"]))
    found = store.fits.of("salt")
    assert found[["candidate_id", "digest"]].to_numpy().tolist() == [["a", "new"]]
    row = found.iloc[0]
    assert (row["status"], row["t_peak"], row["bands"]) == ("ok", MJD, "ztfg ztfr")
    assert (row["parameters"], row["errors"], row["covariance"]) == (
        {"x1": 0.5},
        {"x1": 0.1},
        [[0.01]],
    )
    assert len(store.fits.of("bazin")) == 0


# -- light curves as known at a time --------------------------------------------------------------


def test_light_curves_are_those_known_at_the_time(store):
    """A replay sees what was known then, in any order of times."""
    table = light_curve(n=4, known_at=[MJD - 3, MJD - 1, MJD - 2, MJD + 5])
    ingest(store, make_objects(), table)
    held = store.candidates(LATE)
    for now, n in ((MJD, 3), (MJD - 2.5, 1), (MJD + 9, 4), (MJD - 9, 0), (MJD, 3), (MJD + 9, 4)):
        known = store.photometry.as_known(held, now)
        assert len(known.photometry) == n
        assert known.summary["n_detections"].tolist() == [n]
        assert known.summary["candidate_id"].tolist() == ["ZTF26a"]


def test_new_photometry_is_seen_at_once(store):
    """What is kept in memory is never older than the store."""
    ingest(store, make_objects(["a", "b"], ra=[10.0, 20.0]), light_curve("a"))
    assert store.photometry.as_known(store.candidates(LATE), MJD).summary[
        "n_detections"
    ].tolist() == [3, 0]
    ingest(store, None, light_curve("b", n=2))
    assert store.photometry.as_known(store.candidates(LATE), MJD).summary[
        "n_detections"
    ].tolist() == [3, 2]


def test_nobody_elses_photometry_comes_along(store):
    """Also when a rejected candidate's next alert arrives."""
    ingest(store, make_objects(["a", "b", "c"], ra=[10.0, 20.0, 30.0]))
    for name in "abc":
        ingest(store, None, light_curve(name))
    store.photometry.of(store.candidates(LATE))
    save(store, rejected=rejected("b"))
    ingest(store, None, light_curve("b", n=4))
    held = store.candidates(LATE)
    assert set(store.photometry.of(held)["candidate_id"]) == {"a", "c"}
    assert set(store.photometry.of(held.iloc[1:])["candidate_id"]) == {"c"}
    assert len(store.photometry.of(store.candidates(LATE, state=None))) == 10
    assert len(store.photometry.of(store.candidates(LATE, state="rejected"))) == 4


@pytest.mark.parametrize("seed", [1, 2])
def test_memory_and_database_agree(store, seed):
    """Whatever is asked and added in whatever order, the answer is that of a fresh start."""
    rng = np.random.default_rng(seed)
    ingest(store, make_objects(list("abcd"), ra=[10.0, 20.0, 30.0, 40.0]))
    for number in range(25):
        name, what = rng.choice(list("abcd")), rng.choice(["new", "read", "one"])
        held = store.candidates(LATE)
        if what == "new":
            mjd = MJD - 20 + (number * 7) % 13  # not in the order of time
            ingest(store, None, make_photometry(str(name), mjd, measurement_id=str(number)))
        elif what == "one":
            held = held[held["candidate_id"] == name]
        seen = store.photometry.of(held)
        with store.engine.connect() as connection:
            fresh = PhotometryCache().read(connection, held)
        assert seen.astype(phot.COLUMNS).equals(fresh.astype(phot.COLUMNS))


# -- results of a cycle ---------------------------------------------------------------------------


def test_rejected_candidates_are_remembered(url):
    """Their next alert does not start them afresh, nor does a restart."""
    with Store(url) as store:
        ingest(store, make_objects(["a", "b"], ra=[10.0, 20.0]), light_curve("a"))
        save(store, scores=scores("b"), rejected=rejected("a"))
    with Store(url) as store:
        assert store.candidates(LATE)["candidate_id"].tolist() == ["b"]
        assert store.candidates(LATE, state="rejected")["candidate_id"].tolist() == ["a"]
        added = ingest(store, make_objects("a", ra=10.0), light_curve("a", n=5))
        assert (added.new_candidates, added.new_measurements) == (0, 2)
        near = make_objects("other", ra=10.0 + 1 / 3600)
        assert ingest(store, near).new_candidates == 0
        assert store.candidates(LATE)["candidate_id"].tolist() == ["b"]
        row = store.rejections.as_known(LATE).iloc[0].to_dict()
        assert row == {
            "candidate_id": "a",
            "factor": "time_span",
            "reason": "too old",
            "at": MJD,
            "row": {"ra": 1.5},
        }
        assert store.rejections.counts(LATE) == {"time_span": 1}
        assert store.rejections.state(LATE) == f"1 rejected, the last at MJD {MJD:.5f}"


def test_a_rejection_keeps_its_first_reason(store):
    """It happened once."""
    ingest(store, make_objects("a"))
    save(store, rejected=rejected("a", reason="first"))
    save(store, MJD + 1, rejected=rejected("a", reason="second"))
    assert store.rejections.as_known(LATE)["reason"].tolist() == ["first"]


@pytest.mark.parametrize(
    ("later", "kind", "known", "returns"),
    [
        (60.0, "detection", 60.1, True),
        (59.9, "detection", 60.1, False),
        (60.5, "limit", 60.6, False),
        (60.5, "suspect", 60.6, False),
        (60.5, "detection", 61.5, False),
    ],
)
def test_new_evidence_long_after_brings_a_candidate_back(store, later, kind, known, returns):
    """A detection, at least so many days after the rejection, that is known now."""
    ingest(store, make_objects("a"), light_curve("a"))
    save(store, rejected=rejected("a"))
    new = make_photometry("a", MJD + later, kind=kind, known_at=MJD + known, measurement_id="new")
    ingest(store, None, new)
    assert store.rejections.reconsider(MJD + 61.0, 60.0) == (["a"] if returns else [])
    assert len(store.candidates(LATE)) == int(returns)
    assert len(store.rejections.as_known(LATE)) == int(not returns)
    assert store.rejections.reconsider(MJD + 61.0, 60.0) == []


def test_two_cycles_at_one_time_leave_one_result(store):
    """A night that is run again replaces itself."""
    ingest(store, make_objects(["a", "b"], ra=[10.0, 20.0]))
    save(store, scores=scores("a", "b", score=1.0), ranks=ranks("a", "b"))
    save(store, scores=scores("a", score=2.0), ranks=ranks("a"))
    save(store, MJD - 1, scores=scores("a", "b", score=0.5))
    assert count(store, "cycles") == 2
    assert store.results.last_scores().to_dict() == {"a": 2.0}
    assert store.results.last_scores(MJD - 1).to_dict() == {"a": 0.5, "b": 0.5}


def test_scores_may_be_those_of_the_paper(store):
    """-1 excluded; very large and very small scores are numbers as well."""
    ingest(store, make_objects(["a", "b", "c"], ra=[10.0, 20.0, 30.0]))
    table = scores("a", "b", "c").assign(score=[-1.0, 1e300, 1e-300])
    save(store, scores=table)
    assert store.results.last_scores().to_dict() == {"a": -1.0, "b": 1e300, "c": 1e-300}


def test_the_report_of_a_cycle_is_kept(store):
    """Version and config of each cycle stand beside its results."""
    save(store)
    with store.engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT version, config, report FROM cycles").one()
    assert (row.version, row.config, json.loads(row.report)) == ("1", "abc", REPORT)


# -- sources --------------------------------------------------------------------------------------


def test_the_cursor_moves_with_its_data(store):
    """A failed poll keeps the old one, and is counted until one succeeds."""
    ingest(
        store,
        make_objects(),
        source="fink",
        cursor={"offset": 170094456272322680},
        newest_alert=MJD - 1,
    )
    store.ingest(failed("fink", "timed out", retry_at=MJD + 2), MJD + 1)
    state = store.sources.state("fink")
    assert state.cursor == {"offset": 170094456272322680}
    assert (state.failures, state.last_error, state.retry_at) == (1, "timed out", MJD + 2)
    assert (state.last_poll, state.last_success, state.newest_alert) == (MJD + 1, MJD, MJD - 1)
    empty = make_report(source="fink", outcome=Outcome.EMPTY, newest_alert=MJD - 5)
    store.ingest(empty, MJD + 2)
    state = store.sources.state("fink")
    assert (state.failures, state.last_error, state.retry_at) == (0, "", None)
    assert (state.last_success, state.newest_alert) == (MJD + 2, MJD - 1)
    assert store.sources.names() == ["fink"]


def test_data_of_a_failed_poll_is_kept(store):
    """What came before the failure came."""
    ingest(store, make_objects(), light_curve(), outcome=Outcome.FAILED, error="cut off")
    assert store.photometry.count() == 3
    assert store.sources.state("test").failures == 1


def test_the_generation_rises_with_what_comes_in(url):
    """In the transaction of the report; an empty poll, a cycle and a failure raise nothing."""
    with Store(url) as store, Store(url) as other:
        start = store.generation
        ingest(store, make_objects("a"), light_curve("a"))
        assert store.generation == other.generation == start + 1
        ingest(store)
        save(store, scores=scores("a"), rejected=rejected("a"))
        with pytest.raises(KeyError):
            ingest(store, make_objects("b"), facts=pd.DataFrame({"object_id": ["b"]}))
        assert store.generation == start + 1
        ingest(other, None, light_curve("a", n=5))
        assert store.generation == start + 2


# -- when something goes wrong --------------------------------------------------------------------


class UnusualError(Exception):
    """Something that no database raises."""


@pytest.mark.parametrize("error", [UnusualError, KeyError, KeyboardInterrupt])
def test_a_report_that_fails_half_way_leaves_nothing_behind(store, monkeypatch, error):
    """Neither in the database nor in memory: the report comes again as if for the first time."""
    report = make_report(make_objects(name="2026abc"), light_curve(), cursor={"page": 2})

    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Sources, "save", fail)
        with pytest.raises(error):
            store.ingest(report, MJD)
    assert store.candidates(LATE).empty
    assert store.identities.resolve("2026abc") is None
    assert store.sources.state("test").cursor == {}
    added = store.ingest(report, MJD)
    assert (added.new_candidates, added.new_measurements) == (1, 3)
    assert len(store.candidates(LATE)) == 1


def test_annotations_that_are_none_lose_the_report_but_not_the_store(store):
    """A source of one's own may forget a column; the next report is taken."""
    with pytest.raises(KeyError):
        ingest(store, make_objects("a"), facts=pd.DataFrame({"object_id": ["a"]}))
    assert ingest(store, make_objects("a")).new_candidates == 1


def fill_up(url):
    """Let the database grow by no more than a few pages."""
    store = Store(url)
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    return store


def test_a_full_disk_is_said_in_words_and_loses_nothing(url):
    """What was committed stays; the report is not half stored."""
    with Store(url) as store:
        ingest(store, make_objects("a"), light_curve("a"))
    with fill_up(url) as store:
        many = make_objects([f"x{i}" for i in range(2000)], ra=np.linspace(0, 350, 2000))
        with pytest.raises(StoreError) as caught:
            ingest(store, many)
        assert str(caught.value) == (
            "report of test: the store did not take it: database or disk is full"
        )
        assert store.identities.resolve("x5") is None
        assert store.candidates(LATE)["candidate_id"].tolist() == ["a"]
    with Store(url) as store:
        assert store.photometry.count() == 3


def test_results_for_nobody_are_refused(store):
    """A score without a candidate is a mistake, and nothing of that cycle is stored."""
    ingest(store, make_objects("a"))
    with pytest.raises(StoreError, match=r"^results of the cycle: the store did not take it: "):
        save(store, scores=scores("a", "nobody"))
    assert store.results.last_scores().empty


def test_a_reader_does_not_wait_for_the_writer(url):
    """`explain` works while a night runs."""
    with Store(url) as store:
        ingest(store, make_objects("a"))
        with store.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE objects SET survey = 'half'")
            with Store(url) as reader:
                assert len(reader.candidates(LATE)) == 1


def test_a_store_may_be_used_from_another_thread(url):
    """Polls run in threads of their own."""
    with Store(url) as store:
        said = []
        thread = threading.Thread(target=lambda: said.append(ingest(store, make_objects("a"))))
        thread.start()
        thread.join()
        assert said[0].new_candidates == 1
        assert len(store.candidates(LATE)) == 1


# -- opening --------------------------------------------------------------------------------------


def refusal(url) -> str:
    with pytest.raises(StoreError) as caught:
        Store(url)
    return str(caught.value)


def test_folders_are_made(tmp_path):
    """A project's first night has no folder yet."""
    with Store(f"sqlite:///{tmp_path}/a/b/store.sqlite"):
        assert (tmp_path / "a" / "b" / "store.sqlite").exists()


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    said = refusal(f"sqlite:///{tmp_path}/file/deep/store.sqlite")
    assert said == (
        f"cannot make the folder {tmp_path}/file/deep: Not a directory; "
        "choose another --output, or another `store`"
    )


def test_a_place_that_cannot_be_written_is_said_in_words(tmp_path):
    """A folder stands where the database should be."""
    said = refusal(f"sqlite:///{tmp_path}")
    assert said == f"cannot open the store sqlite:///{tmp_path}: unable to open database file"


def test_a_file_that_is_no_database_is_said_in_words(tmp_path):
    """It is not overwritten."""
    path = tmp_path / "notes.txt"
    path.write_text("This is not a database. " * 100)
    assert refusal(f"sqlite:///{path}") == (
        f"cannot open the store sqlite:///{path}: file is not a database"
    )
    assert path.read_text().startswith("This is not")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlit", "cannot open the store sqlit: Could not parse SQLAlchemy URL"),
        ("nosql://u:hush@host/x", "cannot open the store nosql://...@host/x: Can't load plugin"),
        ("mysql://u:hush@host/x", "cannot open the store mysql://...@host/x: No module named"),
    ],
)
def test_a_url_that_is_none_says_what_could_be(url, words):
    """The password is not repeated."""
    said = refusal(url)
    assert said.startswith(words)
    assert "expected 'sqlite', or a URL such as postgresql+psycopg://user@host/name" in said
    assert "hush" not in said


def test_a_database_that_was_cut_off_is_said_in_words(url, tmp_path):
    """A disk that lost its end is not taken for an empty store."""
    with Store(url) as store:
        ingest(store, make_objects(), light_curve(n=200))
        with closing(sqlite3.connect(tmp_path / "store.sqlite")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = tmp_path / "store.sqlite"
    path.write_bytes(path.read_bytes()[:5000])
    assert "malformed" in refusal(url)


def test_three_objects_in_a_row_are_one_candidate(store):
    """Each is near the next: whether they come in one report or in three."""
    for when, offset in enumerate((0.0, 3.0, 6.0)):
        rows = make_objects(f"x{offset:g}", dec=offset / 3600.0)
        store.ingest(make_report(rows), MJD + when, merge_radius=5.0)
    assert store.candidates(MJD + 9.0)["candidate_id"].tolist() == ["x0"]
    assert {store.identities.resolve(f"x{offset}") for offset in (0, 3, 6)} == {"x0"}
