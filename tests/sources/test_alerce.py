"""ALeRCE against its stand-in."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from aas2rto.sources import SOURCES
from aas2rto.sources.alerce import Alerce
from aas2rto.sources.alerce_records import lsst_source, ztf_detection, ztf_forced
from aas2rto.sources.packets.batch import Batch
from aas2rto.sources.packets.from_rest import lsst_alert, ztf_alert
from aas2rto.sources.poll_result import Harvest
from aas2rto.sources.transport.answer import HttpError
from aas2rto.sources.transport.worklist import Worklist, wanted_ids
from aas2rto.tables.report import Outcome
from tests.shared import PAYLOADS
from tests.sources.conftest import (
    NETWORK,
    StandIn,
    request,
    wanted,
)
from tests.standin.faults import WRONG


def alerce(standin: StandIn, **settings: Any) -> Alerce:
    fixed = {"url": standin.urls["alerce"], "network": NETWORK}
    return Alerce(**(fixed | settings))


def lsst(standin: StandIn, **settings: Any) -> Alerce:
    fixed = {"survey": "lsst", "classifier": "stamp_classifier_rubin*"}
    return alerce(standin, **(fixed | settings))


def expected(standin: StandIn, survey: str) -> dict[str, dict[str, Any]]:
    """Return the supernovae that are young enough for the default settings."""
    found = {}
    for t in standin.sky():
        seen = [look for look in t[survey] if look["detected"]]
        if t["kind"] != "AGN" and seen and seen[-1]["mjd"] > standin.now - 7.0:
            found[str(t[f"{survey}_id"])] = {**t, "seen": seen}
    return found


@pytest.mark.slow
def test_every_object_of_the_class_comes_with_its_light_curve(standin):
    """Detections, limits and forced points of all of them, in uJy."""
    report = alerce(standin).poll(request(standin.now))
    sky = expected(standin, "ztf")
    assert report.outcome is Outcome.DATA
    assert set(report.objects["object_id"]) == set(sky)
    assert report.problems == ()
    rows = report.photometry.set_index("candidate_id")
    for name, t in sky.items():
        mine = rows.loc[[name]]
        found = mine[mine["measurement_id"].str.isdigit()].sort_values("mjd")
        assert found["flux"].to_numpy() == pytest.approx([x["flux"] for x in t["seen"]], rel=1e-6)
        assert found["mjd"].to_numpy() == pytest.approx([x["mjd"] for x in t["seen"]], abs=1e-6)
        assert mine["measurement_id"].str.startswith("limit:").sum() == len(t["ztf"]) - len(found)
        assert mine["measurement_id"].str.startswith("forced:").any()


def test_class_and_probability_are_annotations(standin):
    """What the broker says of an object can be read by factors."""
    report = alerce(standin).poll(request(standin.now))
    values = report.facts.pivot_table(
        index="object_id", columns="key", values="value", aggfunc="last"
    )
    assert set(values["alerce_class"]) == {"SN"}
    assert values["alerce_probability"].between(0.8, 0.9).all()


def test_a_second_poll_lists_again_but_fetches_nothing_old(standin):
    """The overlap finds what came late; what has not changed is not fetched twice."""
    first = alerce(standin).poll(request(standin.now))
    before = len(standin.log("alerce"))
    second = alerce(standin).poll(request(standin.now, first.cursor))
    assert second.outcome is Outcome.EMPTY
    assert len(standin.log("alerce")) == before + 1


def test_small_pages_list_the_same_objects(standin):
    """Keyset paging on lastmjd: no object is skipped or taken twice at page borders."""
    report = alerce(standin, page_size=2).poll(request(standin.now))
    assert sorted(report.objects["object_id"]) == sorted(expected(standin, "ztf"))
    pages = [q for q in standin.log("alerce") if q["path"] == "/ztf/v1/objects/"]
    assert len(pages) > 3
    assert {q["query"]["page"][0] for q in pages} == {"1"}
    lows = [float(q["query"]["lastmjd"][0]) for q in pages]
    assert lows == sorted(lows)


def test_has_next_is_not_trusted(standin):
    """The stand-in says has_next false on every page, as ALeRCE does with count=false."""
    report = alerce(standin, page_size=3).poll(request(standin.now))
    assert len(report.objects) == len(expected(standin, "ztf")) > 3


def test_a_full_page_of_one_time_is_paged_by_number(standin):
    """All LSST detections of one visit share their time: the lower bound cannot move."""
    source = alerce(standin, page_size=2)
    pages = {1: ["a", "b"], 2: ["c", "d"], 3: ["e"]}

    def page(window: Any, number: int, *rest: Any) -> list[Any]:
        return [{"oid": name, "lastmjd": 61366.0} for name in pages[number]]

    source._page = page  # type: ignore[method-assign]
    harvest = Harvest("alerce", request(standin.now))
    until = source._client.deadline(9.0)
    names = [item["oid"] for item in source._window(61366.0, 61366.1, "x", harvest, until)]
    assert names == ["a", "b", "c", "d", "e"]


@pytest.mark.slow
def test_what_is_not_fetched_in_one_poll_is_fetched_in_the_next(standin):
    """The list moves the cursor; objects without a light curve yet wait inside it."""
    names: list[str] = []
    cursor: Any = {}
    for _ in range(6):
        report = alerce(standin, light_curves=4, forced=False).poll(request(standin.now, cursor))
        assert len(report.objects) <= 4
        names += list(report.objects.get("object_id", ()))
        cursor = report.cursor
    assert sorted(names) == sorted(expected(standin, "ztf"))


def test_ranked_candidates_get_their_light_curves_first(standin):
    """Of the objects that wait, the best ranked one is asked for first."""
    best = sorted(expected(standin, "ztf"))[-1]
    report = alerce(standin, light_curves=1).poll(
        request(standin.now, wanted=wanted({"aliases": (best,)}))
    )
    assert list(report.objects["object_id"]) == [best]


def test_ranked_candidates_of_other_brokers_get_a_light_curve(standin):
    """What another broker found is asked for, too, once per `refresh`."""
    standin_name = next(t["ztf_id"] for t in standin.sky() if t["kind"] == "AGN")
    asked = request(standin.now, wanted=wanted({"aliases": ("2026abc", standin_name)}))
    report = alerce(standin, class_="none").poll(asked)
    assert list(report.objects["object_id"]) == [standin_name]
    again = request(standin.now + 0.5, report.cursor, wanted=asked.wanted)
    assert alerce(standin, class_="none").poll(again).outcome is Outcome.EMPTY
    later = request(standin.now + 1.1, report.cursor, wanted=asked.wanted)
    assert alerce(standin, class_="none").poll(later).outcome is Outcome.DATA


def test_an_unknown_ranked_candidate_is_no_problem(standin):
    """ALeRCE need not know what others have found."""
    asked = request(standin.now, wanted=wanted({"aliases": ("ZTF26zzzzzzz",)}))
    report = alerce(standin, class_="none").poll(asked)
    assert (report.outcome, report.problems) == (Outcome.EMPTY, ())


@pytest.mark.slow
@pytest.mark.parametrize("poison", [False, True])
def test_objects_that_cannot_be_answered_for_do_not_keep_the_next_from_coming(standin, poison):
    """Three unknown to ALeRCE, or three over which it stumbles, ranked first."""
    strangers = [f"ZTF20aaaaaa{letter}" for letter in "abc"]
    known = next(t["ztf_id"] for t in standin.sky() if t["kind"] == "AGN")
    if poison:
        standin.call("state/alerce", poison=strangers[:2])
    table = wanted(*({"aliases": (name,)} for name in [*strangers, known]))
    one = alerce(standin, class_="none")
    report = one.poll(request(standin.now, wanted=table))
    assert (report.outcome, report.error) == (Outcome.DATA, "")
    assert list(report.objects["object_id"]) == [known]
    assert len(report.problems) == (2 if poison else 0)
    standin.call("forget")
    again = one.poll(request(standin.now + 0.01, report.cursor, wanted=table))
    assert again.outcome is Outcome.EMPTY
    assert [q["path"] for q in standin.log("alerce")] == ["/ztf/v1/objects/"], "they wait"


def test_lsst_bands_times_and_ids_are_translated(standin):
    """Band 6 is u, times are TAI, ids have more digits than a float holds."""
    report = lsst(standin).poll(request(standin.now))
    sky = expected(standin, "lsst")
    assert set(report.objects["object_id"]) == set(sky)
    assert set(report.photometry["band"]) == {"lsstu", "lsstg", "lsstr", "lssti", "lsstz"}
    name, t = next((k, v) for k, v in sky.items() if v["lsst"][0]["band"] == "u")
    rows = report.photometry[report.photometry["candidate_id"] == name]
    forced = rows["measurement_id"].str.startswith("forced:")
    found = rows[~forced].sort_values("mjd")
    assert found["flux"].to_numpy() == pytest.approx([x["flux"] for x in t["seen"]], rel=1e-6)
    assert found["mjd"].to_numpy() == pytest.approx([x["mjd"] for x in t["seen"]], abs=1e-7)
    assert list(found["band"].str[-1]) == [x["band"] for x in t["seen"]]
    assert found["measurement_id"].str.len().min() >= 18


def test_the_date_in_an_lsst_classifiers_name_is_found(standin):
    """``stamp_classifier_rubin*`` becomes the one of today, once a day."""
    report = lsst(standin).poll(request(standin.now))
    name = "stamp_classifier_rubin_beta_20260421"
    assert report.cursor["classifier"]["answer"] == name
    first, second, *_ = standin.log("alerce")
    assert first["path"] == "/classifier_api/classifiers"
    assert second["query"]["classifier"] == [name]
    lsst(standin).poll(request(standin.now, report.cursor))
    assert standin.log("alerce")[-1]["query"]["classifier"] == [name]


def test_an_unknown_classifier_says_which_there_are(standin):
    """A misspelt classifier must not look like an empty sky."""
    report = lsst(standin, classifier="stomp*").poll(request(standin.now))
    assert report.outcome is Outcome.FAILED
    assert "knows no classifier 'stomp*' (it names lc_classifier_rubin, stamp" in report.error
    assert "check the settings of this source; next try in the next cycle" in report.error


def test_an_empty_lsst_week_is_asked_again_by_day(standin):
    """An overloaded LSST query comes back empty; days are small enough to answer."""
    standin.fault("alerce", "empty", path="list_objects", times=1)
    source = lsst(standin, classifier="stamp_classifier_rubin_beta_20260421")
    report = source.poll(request(standin.now))
    assert set(report.objects["object_id"]) == set(expected(standin, "lsst"))


def test_an_error_while_listing_leaves_the_cursor_where_it_was(standin):
    """What was listed before the error is used; the rest is listed again next time."""
    standin.fault("alerce", "500", path="/objects/", after=2)
    first = alerce(standin, page_size=2).poll(request(standin.now))
    assert first.outcome is Outcome.FAILED
    assert "answered 500 Internal Server Error" in first.error
    standin.fault("alerce", "none")
    second = alerce(standin).poll(request(standin.now, first.cursor))
    together = set(first.objects.get("object_id", ())) | set(second.objects["object_id"])
    assert together == set(expected(standin, "ztf"))


@pytest.mark.slow
def test_a_light_curve_that_fails_waits_behind_the_others(standin):
    """One object that the service chokes on does not keep the others from being fetched."""
    victim = sorted(expected(standin, "ztf"))[0]
    standin.fault("alerce", "500", path=f"{victim}/lightcurve")
    first = alerce(standin).poll(request(standin.now))
    assert first.outcome is Outcome.DATA, "the service works"
    assert first.problems[0].endswith(f"{victim} is asked for again later, alone")
    assert set(first.objects["object_id"]) == set(expected(standin, "ztf")) - {victim}
    standin.fault("alerce", "none")
    second = alerce(standin).poll(request(standin.now + 0.01, first.cursor))
    assert list(second.objects["object_id"]) == [victim]


@pytest.mark.slow
def test_a_poll_that_runs_out_of_time_goes_on_where_it_stopped(standin):
    """Time over is no failure if something came; the cursor knows the rest."""
    slow = alerce(standin, network=NETWORK.__class__(read=10.0, rate=2.0, burst=1))
    first = slow.poll(request(standin.now, deadline=4.0))
    assert first.outcome is Outcome.DATA
    assert 0 < len(first.objects) < len(expected(standin, "ztf"))
    assert first.error == ""
    second = alerce(standin).poll(request(standin.now, first.cursor))
    names = sorted([*first.objects["object_id"], *second.objects["object_id"]])
    assert names == sorted(expected(standin, "ztf"))


@pytest.mark.fault("alerce-ztf", "nan", "malformed listings")
def test_malformed_listings_cost_themselves_and_one_line_each(standin):
    """The others of the page are used."""
    standin.fault("alerce", "malformed record", path="/objects/", times=1)
    report = alerce(standin).poll(request(standin.now))
    assert set(report.objects["object_id"]) == set(expected(standin, "ztf"))
    assert len(report.problems) == len(WRONG)
    assert all("alerce ztf: a listed object" in line for line in report.problems)


@pytest.mark.fault("alerce-ztf", "range", "detections of the future")
def test_nothing_later_than_now_is_used(standin):
    """A replay asks a service that already knows more."""
    past = standin.now - 10.0
    names = [t["ztf_id"] for t in standin.sky()]
    report = alerce(standin).poll(request(past, wanted=wanted({"aliases": tuple(names)})))
    assert past - 3.0 < report.photometry["mjd"].max() <= past


def test_corrected_magnitudes_use_100_as_bad():
    """sigmapsf_corr 100.0 means that the correction failed, not an error of 100 mag."""
    record = {
        "magpsf": 18.0,
        "sigmapsf": 0.1,
        "magpsf_corr": 15.5,
        "sigmapsf_corr": 100.0,
        "sigmapsf_corr_ext": 0.01,
        "isdiffpos": -1,
        "mjd": 61000.0,
    }
    total = ztf_detection(record, corrected=True)
    assert (total["magpsf"], total["sigmapsf"], total["isdiffpos"]) == (15.5, 0.01, "t")
    lost = ztf_detection(record | {"sigmapsf_corr_ext": 100.0}, corrected=True)
    assert lost["magpsf"] is None
    assert ztf_detection(record)["isdiffpos"] == "f"


def test_forced_points_that_failed_are_no_points():
    """Magnitude 100.0 is no measurement."""
    good = {"mjd": 61000.31, "fid": 1, "mag": 20.1, "e_mag": 0.2, "isdiffpos": -1}
    point = ztf_forced(good | {"extra_fields": {"diffmaglim": 20.5}})
    assert (point["candid"], point["isdiffpos"]) == ("forced:ztfg:61000.3100", "f")
    assert point["diffmaglim"] == 20.5
    assert ztf_forced(good | {"e_mag": 100.0}) is None


@pytest.mark.parametrize(
    ("status", "is_good"), [("0", True), (0, True), (None, True), ("56,62", False), ("57", False)]
)
def test_forced_points_that_ztf_warns_of_are_left_out(status, is_good):
    """``procstatus`` is a list of codes; "0" alone means no warning."""
    point = {"mjd": 61000.31, "fid": 1, "mag": 20.1, "e_mag": 0.2, "isdiffpos": 1}
    for record in (
        point | {"procstatus": status},
        point | {"extra_fields": {"procstatus": status}},
    ):
        assert (ztf_forced(record) is not None) == is_good


def test_a_class_that_the_classifier_does_not_have_says_so(standin):
    """ALeRCE itself would answer with an empty list."""
    report = lsst(standin, class_="Supernova").poll(request(standin.now))
    assert "knows no class 'Supernova' of stamp_classifier_rubin_beta_20260421" in report.error
    assert "(it names AGN, SN, VS, asteroid, bogus)" in report.error
    with pytest.raises(HttpError, match="knows no class 'Supernova'"):
        lsst(standin, class_="Supernova").probe()


def test_a_classifier_is_found_though_the_list_of_objects_shows_another(standin):
    """Without a classifier the list is ordered by probability over all of them."""
    shown = standin.call_service("alerce", "object_api/list_objects?survey=lsst&page_size=20")
    assert {item["classifier_name"] for item in shown["items"]} == {"lc_classifier_rubin"}
    assert len(lsst(standin).poll(request(standin.now)).objects) > 3


def test_the_settings_are_those_of_the_config():
    """`class` is a Python word; physical settings carry units."""
    options = SOURCES.get("alerce").options
    made = options(**{"class": "SNIa", "since": "3 day", "network": {"read": "5 s"}})
    arguments = SOURCES.get("alerce").arguments(made)
    assert (arguments["class_"], arguments["since"]) == ("SNIa", 3.0)
    assert arguments["network"].read == 5.0
    assert str(arguments["network"]).startswith("{connect: 10 s, read: 5 s, tries: 3, rate: 1,")


def test_probe_says_that_the_service_answers(standin):
    """One cheap question for `check --online`."""
    assert alerce(standin).probe().endswith("answers")


def test_wanted_ids_are_found_among_aliases():
    """With and without the survey's name in front, best candidate first."""
    table = wanted(
        {"aliases": ("SN 2026abc", "ztf:ZTF26aaaaaaa")},
        {"aliases": ("313000000000000001", "ZTF26bbbbbbb")},
    )
    assert wanted_ids(table, "ztf") == ["ZTF26aaaaaaa", "ZTF26bbbbbbb"]
    assert wanted_ids(table, "lsst") == ["313000000000000001"]


def test_a_worklist_survives_as_json():
    """It lives in the cursor."""
    worklist = Worklist({})
    worklist.add("a", 10.0)
    worklist.add("b", 11.0)
    worklist.finish("a", 12.0)
    again = Worklist(json.loads(json.dumps(worklist.state(12.0))))
    again.add("a", 10.0)
    assert again.order(["b"], now=12.0, refresh=1.0) == ["b"]
    assert np.isclose(again.newest("a"), 10.0)


@pytest.mark.real_data
def test_recorded_answers_are_read():
    """Real detections of ZTF18abcgqmz and of an LSST object, and real forced photometry."""
    folder = PAYLOADS / "alerce"
    ztf = json.loads((folder / "skyportal_alerce_get_alert.1.body.json").read_text())
    rubin = json.loads((folder / "skyportal_alerce_lsst_get_alert.1.body.json").read_text())
    fp = json.loads((folder / "ws_forced_photometry_202311301515.json").read_text())
    batch = Batch("alerce")
    points = filter(None, map(ztf_forced, fp["forced_photometry"]))
    batch.add(ztf_alert("ZTF18abcgqmz", map(ztf_detection, ztf), (), points, now=61366.0))
    batch.add(lsst_alert("170587116732416143", map(lsst_source, rubin), now=61366.0))
    tables = batch.tables()
    assert tables.problems == ()
    kinds = tables.photometry.groupby("survey")["kind"].agg(["size", "nunique"])
    assert kinds.loc["lsst", "size"] == 3
    assert kinds.loc["ztf", "size"] == 2 + len(fp["forced_photometry"])


def test_what_all_classifiers_say_is_noted_with_its_version(standin):
    """Of the newest version; asked for only where a config wants it."""
    report = alerce(standin, probabilities=True, light_curves=2).poll(request(standin.now))
    assert report.problems == ()
    said = report.facts[report.facts["key"] == "alerce_probabilities"]
    assert len(said) == 2
    assert said["value"].iloc[0] == {
        "stamp_classifier": {"version": "1.0.4", "classes": {"SN": 0.7, "AGN": 0.3}},
        "lc_classifier": {"version": "1.1.10", "classes": {"SNIa": 0.6}},
    }
    plain = alerce(standin, light_curves=2).poll(request(standin.now))
    assert "alerce_probabilities" not in set(plain.facts["key"])
