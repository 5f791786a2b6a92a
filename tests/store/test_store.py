"""The store: what comes in is there once, survives, and comes out as it was."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from aas2rto.errors import StoreError
from aas2rto.models import FIT_COLUMNS
from aas2rto.models.fit_table import Fit, fit_table
from aas2rto.store import Store
from aas2rto.store.cache import PhotometryCache
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
from tests.store.conftest import ingest, light_curve


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


@pytest.mark.fault("store", "empty", "an empty store")
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


@pytest.mark.slow
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
            fresh = PhotometryCache(store._access).read(connection, held)
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


@pytest.mark.slow
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


def test_annotations_that_are_none_lose_the_report_but_not_the_store(store):
    """A source of one's own may forget a column; the next report is taken."""
    with pytest.raises(KeyError):
        ingest(store, make_objects("a"), facts=pd.DataFrame({"object_id": ["a"]}))
    assert ingest(store, make_objects("a")).new_candidates == 1


def test_results_for_nobody_are_refused(store):
    """A score without a candidate is a mistake, and nothing of that cycle is stored."""
    ingest(store, make_objects("a"))
    with pytest.raises(StoreError, match=r"^results of the cycle: the store did not take it: "):
        save(store, scores=scores("a", "nobody"))
    assert store.results.last_scores().empty


def test_reports_of_the_newest_cycles_come_newest_first(store):
    """At most so many, and none of the future."""
    for day in (0.0, 2.0, 1.0):
        store.save_cycle(
            MJD + day,
            scores=pd.DataFrame(),
            rejected=pd.DataFrame(),
            ranks=pd.DataFrame(),
            report={**REPORT, "now_mjd": MJD + day},
        )
    days = [one["now_mjd"] - MJD for one in store.results.reports(MJD + 9.0, 2)]
    assert days == [2.0, 1.0]
    assert [one["now_mjd"] for one in store.results.reports(MJD + 0.5, 9)] == [MJD]
    assert store.results.reports(MJD - 1.0, 9) == []
    assert store.results.report(MJD + 1.5)["now_mjd"] == MJD + 1.0


def test_who_asks_for_the_newest_mark_sees_that_there_is_another(store):
    """Also one that another program has stored."""
    ingest(store, make_objects("a"))
    assert store.marks.newest() == 0
    mark = {"candidate_id": "a", "kind": "pin", "at": MJD, "author": "", "comment": ""}
    store.marks.save([mark | {"until_new_data": False, "observatory": ""}])
    first = store.marks.newest()
    assert first > 0
    with Store(str(store.engine.url)) as other:
        other.marks.save([mark | {"until_new_data": False, "observatory": ""}])
    assert store.marks.newest() > first
