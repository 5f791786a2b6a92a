"""Lasair against its stand-ins."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from aas2rto.sources import lasair_records as records
from aas2rto.sources.lasair import Budget, Lasair, split_order
from aas2rto.sources.packets.batch import Batch
from aas2rto.sources.transport import json_text
from aas2rto.sources.transport.answer import HttpError
from aas2rto.sources.transport.kafka import Patience
from aas2rto.tables.report import Outcome
from tests.shared import PAYLOADS
from tests.sources.conftest import (
    NETWORK,
    Cluster,
    StandIn,
    request,
    wanted,
)
from tests.standin import sky
from tests.standin.kafka import messages

_numbers = itertools.count()
TOKEN = SecretStr("standin-lasair-token")
SURVEYS = ["ztf", "lsst"]


def rest(standin: StandIn, survey: str, **settings: Any) -> Lasair:
    fixed = {
        "survey": survey,
        "url": f"{standin.urls[f'lasair-{survey}']}/api",
        "network": NETWORK,
        "token": TOKEN,
    }
    return Lasair(**(fixed | settings))


@pytest.fixture
def stream(cluster: Cluster) -> Iterator[Callable[..., Lasair]]:
    made: list[Lasair] = []

    def make(topic: str, **settings: Any) -> Lasair:
        fixed = {
            "topics": (topic,),
            "servers": cluster.servers,
            "group_id": topic,
            "patience": Patience(connect=5.0, idle=5.0),
            "network": NETWORK,
        }
        made.append(Lasair(**(fixed | settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def name_of(t: sky.Transient, survey: str) -> str:
    return t.ztf_id if survey == "ztf" else str(t.lsst_id)


def of(survey: str) -> list[sky.Transient]:
    return [t for t in sky.transients() if t.detections(survey, sky.NOW)]


def sent(survey: str) -> list[bytes]:
    number = SURVEYS.index(survey) + 1
    return [v for topic, _, v in messages(sky.NOW) if topic == f"lasair_{number}Supernovae"]


@pytest.mark.slow
@pytest.mark.parametrize("survey", SURVEYS)
def test_a_filter_stream_brings_light_curves(cluster, stream, survey):
    """Lite rows without identifiers (LSST), candidates with (ZTF)."""
    topic = f"lasair_{next(_numbers)}"
    cluster.send(topic, *sent(survey))
    report = stream(topic, survey=survey).poll(request(sky.NOW))
    assert (report.error, report.problems) == ("", ())
    t = next(t for t in of(survey) if t.kind != "AGN")
    rows = report.photometry[report.photometry["candidate_id"] == name_of(t, survey)]
    seen = t.detections(survey, sky.NOW)
    own = rows[~rows["measurement_id"].str.match("forced|limit")].sort_values("mjd")
    assert own["flux"].to_numpy() == pytest.approx([x.flux for x in seen], rel=1e-6)
    assert own["mjd"].to_numpy() == pytest.approx([x.mjd for x in seen], abs=1e-6)
    keys = set(report.facts["key"])
    assert {"lasair_sherlock"} <= keys or survey == "ztf"


@pytest.mark.slow
def test_lite_rows_get_names_that_stay_the_same(cluster, stream):
    """So that the next message about the object adds only what is new."""
    topics = [f"lasair_{next(_numbers)}" for _ in range(2)]
    for topic in topics:
        cluster.send(topic, *sent("lsst"))
    ids = [set(stream(x).poll(request(sky.NOW)).photometry["measurement_id"]) for x in topics]
    assert ids[0] == ids[1]
    assert any(name.startswith("lsst") for name in ids[0])


def test_messages_without_light_curve_report_the_object(cluster, stream):
    """A filter may select columns only; the place must be among them."""
    topic = f"lasair_{next(_numbers)}"
    row = {
        "diaObjectId": 313637921267122191,
        "ra": 9.0,
        "decl": -44.0,
        "lastDiaSourceMjdTai": 61365.0,
        "UTC": "x",
        "alert": None,
    }
    no_place = {"diaObjectId": 313637921267122192}
    cluster.send(topic, json.dumps(row).encode(), json.dumps(no_place).encode())
    report = stream(topic).poll(request(sky.NOW))
    assert list(report.objects["object_id"]) == ["313637921267122191"]
    assert len(report.problems) == 1
    assert "neither light curve nor position: let the filter select them" in report.problems[0]


@pytest.mark.slow
@pytest.mark.parametrize("value", [b"", b"<html>", b'{"alert": {}', b"[]", b"3", b'{"x": 1}'])
def test_a_broken_message_costs_itself(cluster, stream, value):
    """The line names topic, partition and offset."""
    topic = f"lasair_{next(_numbers)}"
    good = sent("lsst")
    cluster.send(topic, good[0], value, good[1])
    report = stream(topic).poll(request(sky.NOW))
    assert len(report.objects) == 2
    assert len(report.problems) == 1
    assert f"lasair lsst: {topic}[" in report.problems[0]


@pytest.mark.slow
@pytest.mark.parametrize("survey", SURVEYS)
def test_a_query_lists_objects_whose_light_curves_are_fetched(standin, survey):
    """Form data with a token; both forms of answers."""
    report = rest(standin, survey, conditions="1 = 1", since=60.0).poll(request(standin.now))
    assert report.error == ""
    assert (report.error, report.problems) == ("", ())
    assert set(report.objects["object_id"]) == {name_of(t, survey) for t in of(survey)}
    log = standin.log(f"lasair-{survey}")
    assert {q["headers"]["authorization"] for q in log} == {"Token standin-lasair-token"}
    assert {q["headers"]["content-type"] for q in log} == {"application/x-www-form-urlencoded"}


@pytest.mark.slow
@pytest.mark.parametrize("survey", SURVEYS)
def test_a_second_query_asks_for_what_is_newer(standin, survey):
    """And fetches nothing that has not changed."""
    one = rest(standin, survey, conditions="1 = 1", since=60.0)
    first = one.poll(request(standin.now))
    standin.call("forget")
    second = one.poll(request(standin.now + 0.01, first.cursor))
    assert second.outcome is Outcome.EMPTY
    (asked,) = standin.log(f"lasair-{survey}")
    assert "(1 = 1) AND objects." in asked["form"]["conditions"]


@pytest.mark.slow
@pytest.mark.parametrize("survey", SURVEYS)
def test_conditions_may_end_in_an_order(standin, survey):
    """As in Lasair's own examples; in parentheses it would be a syntax error."""
    column = "objects.jdmax" if survey == "ztf" else "objects.lastDiaSourceMjdTai"
    one = rest(standin, survey, conditions=f"1 = 1 order by {column} DESC", since=60.0)
    report = one.poll(request(standin.now))
    assert (report.error, report.problems) == ("", ())
    assert set(report.objects["object_id"]) == {name_of(t, survey) for t in of(survey)}
    only = rest(standin, survey, conditions=f"ORDER BY {column}", since=60.0)
    assert len(only.poll(request(standin.now)).objects) == len(of(survey))


@pytest.mark.parametrize("survey", SURVEYS)
def test_pages_of_a_query_overlap_nowhere(standin, survey, monkeypatch):
    """A database gives rows in any order unless asked for one; the stand-in shuffles them."""
    monkeypatch.setattr("aas2rto.sources.lasair.ROWS", 3)
    report = rest(standin, survey, conditions="1 = 1", since=60.0).poll(request(standin.now))
    assert set(report.objects["object_id"]) == {name_of(t, survey) for t in of(survey)}


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ("objects.gmag < 18 LIMIT 5", "may not contain LIMIT"),
        ("objects.gmag < 18; drop", "may not contain ;"),
        ("objects.gmag < 18 group by objects.gmag", "may not contain group by"),
        ("1=1 ORDER BY a ORDER BY b", "ORDER BY once"),
    ],
)
def test_conditions_that_cannot_work_are_errors_of_the_config(conditions, words):
    """Told by `check`, before anything is asked."""
    with pytest.raises(ValueError, match=words):
        Lasair(token=TOKEN, conditions=conditions)


def test_words_in_quotes_are_no_order(standin):
    """A class may be called anything."""
    assert split_order("a = 'order by' and b = 1") == ("a = 'order by' and b = 1", "")


def test_the_probe_puts_the_query_of_the_config(standin):
    """So that `check --online` tells of a column that Lasair does not have."""
    with pytest.raises(HttpError, match=r"no such column: objects\.gMagnitude"):
        rest(standin, "ztf", conditions="objects.gMagnitude < 18").probe()
    assert rest(standin, "ztf", conditions="objects.gmag < 18").probe().endswith("the token")


def test_forced_photometry_of_ztf_is_read(standin):
    """Fluxes in DN with a zero point, at exposures without a detection."""
    t = next(t for t in of("ztf") if any(not look.detected for look in t.ztf(sky.NOW)))
    asked = request(standin.now, wanted=wanted({"aliases": (t.ztf_id,)}))
    report = rest(standin, "ztf").poll(asked)
    rows = report.photometry[report.photometry["measurement_id"].str.startswith("forced:")]
    rows = rows.sort_values("mjd")
    truth = [look for look in t.ztf(standin.now) if not look.detected]
    assert rows["flux"].to_numpy() == pytest.approx([look.flux for look in truth], rel=1e-6)
    assert rows["flux_err"].to_numpy() == pytest.approx([x.flux_err for x in truth], rel=1e-6)
    assert rows["mjd"].to_numpy() == pytest.approx([look.mjd for look in truth], abs=1e-6)


def test_long_lived_lsst_objects_are_asked_for_without_additions(standin):
    """With them Lasair answers 400; which they are is remembered, so that one question is lost."""
    standin.call("state/lasair-lsst", cutout_days=2.0)
    t = of("lsst")[0]
    table = wanted({"aliases": (str(t.lsst_id),)})
    one = rest(standin, "lsst")
    first = one.poll(request(standin.now, wanted=table))
    assert (first.outcome, first.error, first.problems) == (Outcome.DATA, "", ())
    own = ~first.photometry["measurement_id"].str.startswith("forced:")
    assert own.sum() == len(t.detections("lsst", standin.now))
    assert list(first.objects["ra"]) == [t.ra]
    asked = [q["form"]["lasair_added"] for q in standin.log("lasair-lsst")]
    assert asked == ["True", "False"]
    one.poll(request(standin.now + 1.1, first.cursor, wanted=table))
    asked = [q["form"]["lasair_added"] for q in standin.log("lasair-lsst")]
    assert asked == ["True", "False", "False"]


@pytest.mark.parametrize("survey", SURVEYS)
def test_unknown_objects_ranked_first_do_not_keep_the_next_from_coming(standin, survey):
    """Lasair's ZTF server answers 500 for them, for ever."""
    unknown = {"ztf": "ZTF20aaaaaa{}", "lsst": "99999999999999999{}"}[survey]
    strangers = [unknown.format("abc"[n] if survey == "ztf" else n) for n in range(3)]
    known = name_of(of(survey)[0], survey)
    table = wanted(*({"aliases": (name,)} for name in [*strangers, known]))
    report = rest(standin, survey).poll(request(standin.now, wanted=table))
    assert (report.outcome, report.error, report.problems) == (Outcome.DATA, "", ())
    assert list(report.objects["object_id"]) == [known]


@pytest.mark.slow
def test_of_a_hundred_questions_an_hour_five_are_wasted(standin, capsys):
    """Fifty objects unknown to Lasair before those that it lists itself, polled every 10 min."""
    strangers = [f"ZTF20aaaaa{a}{b}" for a in "abcdefghij" for b in "abcde"]
    table = wanted(*({"aliases": (name,)} for name in strangers))
    one = rest(standin, "ztf", conditions="1 = 1", since=60.0)
    cursor: Any = {}
    brought = set()
    for turn in range(6):
        report = one.poll(request(standin.now + turn / 144.0, cursor, wanted=table))
        assert report.error == ""
        cursor = json.loads(json.dumps(report.cursor))
        brought |= set(report.objects.get("object_id", ()))
    assert brought == {name_of(t, "ztf") for t in of("ztf")}
    log = standin.log("lasair-ztf")
    wasted = [q for q in log if q["form"].get("objectId") in strangers]
    with capsys.disabled():
        print(f"\nLasair, one hour: {len(log)} questions, {len(wasted)} about unknown objects")
    assert 0 < len(wasted) <= 5


def test_the_hour_is_spent_on_the_best(standin):
    """With four questions left, the four best ranked candidates are asked for."""
    names = [name_of(t, "lsst") for t in of("lsst")]
    table = wanted(*({"aliases": (name,)} for name in reversed(names)))
    one = rest(standin, "lsst", calls_per_hour=4)
    report = one.poll(request(standin.now, wanted=table))
    assert list(report.objects["object_id"]) == list(reversed(names))[:4]
    assert len(report.cursor["spent"]) == 4
    again = one.poll(request(standin.now + 0.01, report.cursor, wanted=table))
    assert len(standin.log("lasair-lsst")) == 4, "nothing more within the hour"
    assert again.outcome is Outcome.EMPTY
    later = one.poll(request(standin.now + 0.05, again.cursor, wanted=table))
    assert list(later.objects["object_id"]) == list(reversed(names))[4:8]


def test_the_budget_survives_a_restart(standin):
    """It lives in the cursor, which is JSON."""
    table = wanted(*({"aliases": (name_of(t, "lsst"),)} for t in of("lsst")))
    report = rest(standin, "lsst", calls_per_hour=3).poll(request(standin.now, wanted=table))
    cursor = json.loads(json.dumps(report.cursor))
    fresh = rest(standin, "lsst", calls_per_hour=3)
    assert fresh.poll(request(standin.now + 0.01, cursor, wanted=table)).outcome is Outcome.EMPTY


def test_questions_that_failed_are_counted_too(standin):
    """Also where the store did not keep the cursor of the failed poll."""
    standin.fault("lasair-lsst", "500")
    one = rest(standin, "lsst", conditions="1 = 1", calls_per_hour=2)
    for _ in range(4):
        assert one.poll(request(standin.now)).outcome in {Outcome.FAILED, Outcome.EMPTY}
    assert len(standin.log("lasair-lsst")) == 2


def test_an_exhausted_hour_says_when_the_next_question_is_free():
    """The oldest question of the hour decides."""
    budget = Budget([100.0, 100.01], 2, 100.02)
    assert budget.left() == 0
    with pytest.raises(HttpError, match="all 2 questions of this hour are spent") as caught:
        budget.spend()
    assert caught.value.wait == pytest.approx((1 / 24 - 0.02) * 86400, abs=1.0)
    assert Budget([100.0, 100.01], 2, 100.045).left() == 1


def test_429_waits_as_long_as_lasair_says(standin):
    """In words only, and an hour whatever happened."""
    standin.fault("lasair-lsst", "429")
    report = rest(standin, "lsst", conditions="1 = 1").poll(request(standin.now))
    assert report.outcome is Outcome.FAILED
    assert "Request limit exceeded" in report.error
    assert report.error.endswith("next try in 60 min")
    assert report.retry_at == pytest.approx(standin.now + 1 / 24)


@pytest.mark.fault("lasair-ztf", "secret", "a wrong token")
def test_a_wrong_token_is_told_without_it(standin, caplog):
    """401, and what to check."""
    caplog.set_level("DEBUG")
    one = rest(standin, "lsst", token=SecretStr("wr0ng-token"), conditions="1 = 1")
    report = one.poll(request(standin.now))
    assert "answered 401 Unauthorized" in report.error
    assert "check the account and its token; next try in 30 min" in report.error
    assert "wr0ng-token" not in str(report) + caplog.text + repr(vars(one))


def test_both_forms_of_the_object_are_read(standin):
    """The older one is a list of one."""
    assert records.is_object({"candidates": []})
    one = rest(standin, "ztf")
    t = of("ztf")[0]
    plain = one.poll(request(standin.now, wanted=wanted({"aliases": (t.ztf_id,)})))
    post = one._client.post

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        answer = post(*args, **kwargs)
        payload = json.dumps([answer.json()]).encode()
        return type(answer)(answer.asked, answer.status, answer.headers, payload)

    one._client.post = wrapped  # type: ignore[method-assign]
    listed = one.poll(request(standin.now + 1.1, wanted=wanted({"aliases": (t.ztf_id,)})))
    assert len(plain.photometry) == len(listed.photometry)
    own = ~plain.photometry["measurement_id"].str.startswith("forced:")
    assert own.sum() == len(t.ztf(standin.now))


@pytest.mark.fault("lasair-ztf", "empty", "an empty object")
def test_an_empty_object_is_an_error_not_an_empty_light_curve(standin):
    """`{}` with status 200 says nothing about the object."""
    standin.fault("lasair-lsst", "wrong shape", path="object")
    t = of("lsst")[0]
    one = rest(standin, "lsst")
    report = one.poll(request(standin.now, wanted=wanted({"aliases": (str(t.lsst_id),)})))
    assert report.outcome is Outcome.FAILED
    assert "answered without an object" in report.error


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "give topics to follow, or a token to ask with"),
        ({"topics": ("a",), "conditions": "x"}, "conditions need a token"),
    ],
)
def test_settings_that_cannot_work_say_so(settings, words):
    """Before anything starts."""
    with pytest.raises(ValueError, match=words):
        Lasair(**settings)


def test_probe_asks_one_question(standin):
    """And says that the token is known."""
    assert rest(standin, "lsst").probe().endswith("answers, and knows the token")
    with pytest.raises(HttpError, match="401"):
        rest(standin, "lsst", token=SecretStr("no")).probe()


@pytest.mark.real_data
def test_recorded_messages_and_objects_are_read(cluster, stream):
    """64 real messages of a filter, and one real object in both forms."""
    folder = PAYLOADS / "lasair"
    found = json.loads((folder / "lsst_kafka_filter_messages_20260205.json").read_text())
    topic = f"lasair_{next(_numbers)}"
    cluster.send(topic, *(json.dumps(one).encode() for one in found))
    report = stream(topic).poll(request(61366.0))
    assert report.error == ""
    assert (report.error, report.problems) == ("", ())
    assert len(report.objects) == len({one["diaObjectId"] for one in found})
    full = json_text.parse((folder / "lsst_313637921267122191.json").read_text())
    lite = json_text.parse((folder / "lsst_313637921267122191_lite.json").read_text())
    for form in (full, lite):
        batch = Batch("lasair")
        batch.add(records.packet("lsst", "313637921267122191", form, (9.05, -44.1), 61366.0))
        tables = batch.tables()
        assert tables.problems == ()
        assert len(tables.photometry) == 8
    text = (folder / "ztf_object_ZTF23aabplmy.md").read_text()
    (ztf,) = json.loads(text[text.index("```") + 3 : text.rindex("```")])
    batch = Batch("lasair")
    batch.add(records.packet("ztf", "ZTF23aabplmy", ztf, records.place_of(ztf), 61366.0))
    assert sorted(batch.tables().photometry["kind"]) == ["detection", "limit"]
    assert records.context(ztf)["lasair_tns"] == "2023bip"
