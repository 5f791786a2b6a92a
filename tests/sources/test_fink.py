"""Fink against its stand-ins: REST services, and streams over the real Kafka protocol."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import fastavro
import pandas as pd
import pytest
from astropy.time import Time
from pydantic import SecretStr

from aas2rto.errors import UsageError
from aas2rto.sources.fink import Fink
from aas2rto.sources.fink_rest import by_object, lsst_packet_of, ztf_packet_of
from aas2rto.sources.packets.batch import Batch
from aas2rto.sources.transport.answer import HttpError
from aas2rto.sources.transport.kafka import Patience
from aas2rto.tables.report import Outcome
from tests.shared import PAYLOADS
from tests.sources.conftest import NETWORK, Cluster, StandIn, request, wanted
from tests.standin import packets, sky
from tests.standin.kafka import messages, send

_numbers = itertools.count()
SUPERNOVAE = [t for t in sky.transients() if t.kind != "AGN"]


def rest(standin: StandIn, survey: str = "ztf", **settings: Any) -> Fink:
    fixed = {"survey": survey, "url": standin.urls[f"fink-{survey}"], "network": NETWORK}
    return Fink(**(fixed | settings))


@pytest.fixture
def stream(cluster: Cluster) -> Iterator[Callable[..., Fink]]:
    """Make Fink sources that follow a topic, closed when the test is over."""
    made: list[Fink] = []

    def make(topic: str, **settings: Any) -> Fink:
        fixed = {
            "topics": (topic,),
            "group_id": f"fink_{next(_numbers)}",
            "servers": cluster.servers,
            "patience": Patience(connect=5.0, idle=5.0),
            "network": NETWORK,
            "light_curves": 0,
        }
        made.append(Fink(**(fixed | settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ztf_values() -> list[bytes]:
    found = (packets.ztf_alert(t, sky.NOW, image_bytes=100) for t in SUPERNOVAE)
    return [packets.encode(alert, packets.ZTF_SCHEMA) for alert in found if alert]


KEY = packets.key_of(packets.ZTF_SCHEMA)


def values_of(report: Any, name: str) -> dict[str, Any]:
    table = report.facts[report.facts["object_id"] == name]
    return dict(zip(table["key"], table["value"], strict=True))


# -- streams --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_stream_brings_alerts_with_history_and_scores(cluster, stream):
    """Objects, light curves and classifier scores, from Avro with its schema in the key."""
    topic = f"fink_{next(_numbers)}"
    cluster.send(topic, *ztf_values(), key=KEY)
    report = stream(topic).poll(request(sky.NOW))
    assert report.outcome is Outcome.DATA
    assert set(report.objects["object_id"]) == {
        t.ztf_id for t in SUPERNOVAE if t.detections("ztf", sky.NOW)
    }
    assert set(report.photometry["kind"]) == {"detection", "limit"}
    values = values_of(report, SUPERNOVAE[0].ztf_id)
    assert values["fink_snn_sn_vs_all"] == 0.5
    assert values["fink_cdsxmatch"] == "none"
    assert "fink_vsx" not in values, "'Fail' is not 'no counterpart'"
    assert "fink_slsn_score" not in values, "-1 is no score"
    assert report.cursor["lag"] == 0


def test_a_stream_is_read_on_from_the_stored_cursor(cluster, stream):
    """Small polls bring every alert once; the lag says what is left."""
    topic = f"fink_{next(_numbers)}"
    values = ztf_values()
    cluster.send(topic, *values, key=KEY)
    one = stream(topic, max_alerts=5)
    cursor: Any = {}
    names: list[str] = []
    lags = []
    for _ in range(5):
        report = one.poll(request(sky.NOW, json.loads(json.dumps(cursor))))
        cursor = report.cursor
        names += list(report.objects.get("object_id", ()))
        lags.append(cursor["lag"])
    assert len(names) == len(set(names)) == len(values)
    assert lags[:3] == [len(values) - 5, len(values) - 10, max(0, len(values) - 15)]


def test_what_the_store_did_not_commit_comes_again(cluster, stream):
    """The report of a poll that was never stored is repeated."""
    topic = f"fink_{next(_numbers)}"
    cluster.send(topic, *ztf_values(), key=KEY)
    one = stream(topic)
    first, second = one.poll(request(sky.NOW)), one.poll(request(sky.NOW))
    pd.testing.assert_frame_equal(
        first.objects.sort_values("object_id", ignore_index=True),
        second.objects.sort_values("object_id", ignore_index=True),
    )


def test_an_unreadable_alert_costs_itself_and_one_line(cluster, stream):
    """The cursor goes on behind it, and the line names topic, partition and offset."""
    topic = f"fink_{next(_numbers)}"
    values = ztf_values()
    cluster.send(topic, values[0], values[1][:100], b"", b"<html>", *values[2:], key=KEY)
    report = stream(topic).poll(request(sky.NOW))
    assert report.outcome is Outcome.DATA
    assert len(report.objects) == len(values) - 1
    assert len(report.problems) == 3
    assert all(f"fink ztf: {topic}[" in line for line in report.problems)


@pytest.mark.fault("fink stream", "damaged", "a stream of which nothing can be read")
def test_a_stream_of_which_nothing_can_be_read_is_not_skipped(cluster, stream):
    """A new schema that breaks everything must not run through the retention unread."""
    topic = f"fink_{next(_numbers)}"
    cluster.send(topic, *(b"\x05nonsense" for _ in range(25)), key=KEY)
    report = stream(topic).poll(request(sky.NOW, {"offsets": {}}))
    assert report.outcome is Outcome.FAILED
    assert "none of 25 messages can be read" in report.error
    assert "next try in the next cycle" in report.error
    assert report.cursor["offsets"] == {}


def test_alerts_of_another_shape_are_told(cluster, stream):
    """Good Avro that is no alert of ZTF or LSST."""
    topic = f"fink_{next(_numbers)}"
    schema = {"type": "record", "name": "x", "fields": [{"name": "a", "type": "long"}]}
    cluster.send(topic, packets.encode({"a": 1}, schema), key=packets.key_of(schema))
    report = stream(topic).poll(request(sky.NOW))
    assert report.outcome is Outcome.EMPTY
    assert "is neither a ZTF nor an LSST alert" in report.problems[0]


def test_alerts_twice_and_out_of_order_are_the_same_data(cluster, stream):
    """A stream delivers at least once, in no order across partitions."""
    topics = [f"fink_{next(_numbers)}" for _ in range(2)]
    values = ztf_values()
    cluster.send(topics[0], *values, key=KEY)
    cluster.send(topics[1], *reversed(values), *values, key=KEY)
    plain, doubled = (
        stream(topic)
        .poll(request(sky.NOW))
        .photometry.sort_values(["candidate_id", "measurement_id"], ignore_index=True)
        for topic in topics
    )
    pd.testing.assert_frame_equal(plain, doubled)


def test_lsst_alerts_are_read(cluster, stream):
    """With forced photometry, in nJy and TAI."""
    topic = f"fink_{next(_numbers)}"
    found = [m for m in messages(sky.NOW) if m[0] == "fink_most_likely_sn_lsst"]
    send(cluster.servers, [(topic, key, value) for _, key, value in found])
    report = stream(topic, survey="lsst").poll(request(sky.NOW))
    t = next(t for t in SUPERNOVAE if t.detections("lsst", sky.NOW))
    rows = report.photometry[report.photometry["candidate_id"] == str(t.lsst_id)]
    seen = t.detections("lsst", sky.NOW)
    own = rows[~rows["measurement_id"].str.startswith("forced")].sort_values("mjd")
    assert own["flux"].to_numpy() == pytest.approx([x.flux for x in seen], rel=1e-6)
    assert own["mjd"].to_numpy() == pytest.approx([x.mjd for x in seen], abs=1e-7)
    assert values_of(report, str(t.lsst_id))["fink_clf_cats_class"] == 11


def test_schemas_may_be_named_by_number(cluster, stream, standin):
    """As in Rubin's own streams: the registry is asked once."""
    topic = f"fink_{next(_numbers)}"
    found = [packets.lsst_alert(t, sky.NOW) for t in SUPERNOVAE]
    header = b"\x00" + (1000).to_bytes(4, "big")
    cluster.send(topic, *(header + packets.encode(a, packets.LSST_SCHEMA) for a in found if a))
    one = stream(topic, survey="lsst", schema_registry=standin.urls["fink-lsst"])
    report = one.poll(request(sky.NOW))
    assert (report.error, report.problems) == ("", ())
    assert len(report.objects) == sum(1 for alert in found if alert)
    assert [q["path"] for q in standin.log("fink-lsst")] == ["/schemas/ids/1000"]


def test_a_registry_that_fails_leaves_the_alerts_with_the_broker(cluster, stream, standin):
    """What cannot be decoded now is not skipped."""
    topic = f"fink_{next(_numbers)}"
    alert = packets.lsst_alert(SUPERNOVAE[0], sky.NOW)
    header = b"\x00" + (1000).to_bytes(4, "big")
    cluster.send(topic, header + packets.encode(alert, packets.LSST_SCHEMA))
    standin.fault("fink-lsst", "503", path="schemas")
    one = stream(topic, survey="lsst", schema_registry=standin.urls["fink-lsst"])
    first = one.poll(request(sky.NOW))
    assert "fink lsst schemas" in first.error
    standin.fault("fink-lsst", "none")
    second = one.poll(request(sky.NOW, first.cursor))
    assert (second.error, len(second.objects)) == ("", 1)


def test_a_dead_stream_does_not_keep_light_curves_from_coming(standin, stream):
    """The parts of a source fail one by one."""
    name = SUPERNOVAE[0].ztf_id
    one = stream(
        "fink_x",
        servers="127.0.0.1:1",
        light_curves=5,
        url=standin.urls["fink-ztf"],
        patience=Patience(connect=0.3, idle=0.3),
    )
    report = one.poll(request(standin.now, wanted=wanted({"aliases": (name,)})))
    assert report.outcome is Outcome.FAILED
    assert "fink ztf stream (127.0.0.1:1)" in report.error
    assert list(report.objects["object_id"]) == [name]


def test_acknowledging_commits_the_offsets_of_this_report(cluster, stream):
    """And only that: the loop calls it after its own commit."""
    topic = f"fink_{next(_numbers)}"
    cluster.send(topic, *ztf_values(), key=KEY)
    first = stream(topic, group_id=topic)
    report = first.poll(request(sky.NOW))
    report.acknowledge()
    first.close()
    assert stream(topic, group_id=topic).poll(request(sky.NOW)).outcome is Outcome.EMPTY


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"topics": ("a",)}, "topics need the group_id that Fink gave you"),
        ({"tags": ("in_tns",)}, "tags are a service for LSST"),
        (
            {"survey": "lsst", "tags": ("in_tns", "in_simbad")},
            r"no support for the tag in_simbad: follow it as a stream instead, topics: "
            r"\[fink_in_simbad_lsst\]",
        ),
    ],
)
def test_settings_that_cannot_work_say_so(settings, words):
    """Before anything starts."""
    with pytest.raises(ValueError, match=words):
        Fink(**settings)


@pytest.mark.fault("fink stream", "secret", "a password")
@pytest.mark.slow
def test_the_password_is_shown_nowhere(cluster, stream, caplog):
    """Not in the report, not in the log."""
    caplog.set_level("DEBUG")
    secret = {"username": "me", "password": SecretStr("pa55word")}
    one = stream("fink_x", patience=Patience(connect=1.0, idle=1.0), **secret)
    report = one.poll(request(sky.NOW))
    assert report.outcome is Outcome.FAILED
    assert "pa55word" not in str(report) + caplog.text


# -- REST -----------------------------------------------------------------------------------------


def test_ranked_candidates_get_ztf_light_curves_with_upper_limits(standin):
    """Rows of ``objects``: detections as numbers, upper limits as texts."""
    t = SUPERNOVAE[0]
    report = rest(standin).poll(request(standin.now, wanted=wanted({"aliases": (t.ztf_id,)})))
    assert (report.error, report.problems) == ("", ())
    looks = t.ztf(standin.now)
    rows = report.photometry.sort_values("mjd")
    assert len(rows) == len(looks)
    found = rows[rows["kind"] == "detection"]
    assert found["flux"].to_numpy() == pytest.approx(
        [x.flux for x in looks if x.detected], rel=1e-6
    )
    limits = rows[rows["kind"] == "limit"]
    assert limits["limit"].to_numpy() == pytest.approx(
        [10 ** (0.4 * (23.9 - x.limit)) for x in looks if not x.detected], rel=1e-3
    )


def test_the_rest_service_names_measurements_as_the_stream_does(standin):
    """So that one alert from both is one row."""
    t = SUPERNOVAE[0]
    batch = Batch("fink")
    batch.add(packets.ztf_alert(t, standin.now))
    from_stream = set(batch.tables().photometry["measurement_id"])
    report = rest(standin).poll(request(standin.now, wanted=wanted({"aliases": (t.ztf_id,)})))
    assert from_stream <= set(report.photometry["measurement_id"])


def test_fails_of_cross_matches_are_told_from_no_counterpart(standin):
    """The word Unknown was searched for, Fail 503 was not."""
    names = {n: SUPERNOVAE[n].ztf_id for n in range(3)}
    report = rest(standin).poll(
        request(standin.now, wanted=wanted(*({"aliases": (name,)} for name in names.values())))
    )
    for n, name in names.items():
        failed = SUPERNOVAE[n].number % 3 != 0
        values = values_of(report, name)
        assert values.get("fink_cdsxmatch") == (None if failed else "none")
        assert "fink_mulens" not in values, "0 means: not processed"


def test_many_light_curves_are_asked_for_together(standin):
    """Ten objects per question, and each only once a day."""
    table = wanted(*({"aliases": (t.ztf_id,)} for t in SUPERNOVAE))
    one = rest(standin)
    first = one.poll(request(standin.now, wanted=table))
    asked = [len(q["form"]["objectId"].split(",")) for q in standin.log("fink-ztf")]
    assert asked == [10, len(SUPERNOVAE) - 10]
    assert one.poll(request(standin.now + 0.1, first.cursor, wanted=table)).outcome is Outcome.EMPTY
    assert one.poll(request(standin.now + 1.1, first.cursor, wanted=table)).outcome is Outcome.DATA


def test_lsst_light_curves_have_forced_photometry(standin):
    """``sources`` and ``fp``; ids go out as text."""
    t = SUPERNOVAE[1]
    table = wanted({"aliases": (str(t.lsst_id),)})
    report = rest(standin, "lsst").poll(request(standin.now, wanted=table))
    assert (report.error, report.problems) == ("", ())
    names = report.photometry["measurement_id"]
    assert names.str.startswith("forced:").sum() == len(t.lsst(standin.now))
    assert (~names.str.startswith("forced:")).sum() == len(t.detections("lsst", standin.now))
    assert {q["form"]["diaObjectId"] for q in standin.log("fink-lsst")} == {str(t.lsst_id)}


def test_tags_are_listed_backwards_and_their_objects_fetched(standin, monkeypatch):
    """Newest first, page by page, each object once, however many rows it has."""
    monkeypatch.setattr("aas2rto.sources.fink.TAG_PAGE", 7)
    one = rest(standin, "lsst", tags=("extragalactic_new_candidate",), since=20.0)
    report = one.poll(request(standin.now))
    young = {
        str(t.lsst_id)
        for t in SUPERNOVAE
        if any(x.mjd > standin.now - 20.0 for x in t.detections("lsst", standin.now))
    }
    assert (report.error, report.problems) == ("", ())
    assert set(report.objects["object_id"]) == young
    pages = [q["form"] for q in standin.log("fink-lsst") if q["path"].endswith("tags")]
    assert len(pages) > 3
    stops = [page["stopdate"] for page in pages]
    assert stops == sorted(stops, reverse=True)
    assert all(re.fullmatch(r"2026-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", stop) for stop in stops)


def test_a_page_of_one_single_time_grows(standin, monkeypatch):
    """One visit can hold more rows than a page."""
    monkeypatch.setattr("aas2rto.sources.fink.TAG_PAGE", 2)
    one = rest(standin, "lsst", tags=("in_tns",))
    rows = [
        {"r:diaObjectId": n, "r:diaSourceId": n, "r:midpointMjdTai": 61366.0} for n in range(1, 9)
    ]
    asked = []

    class Answer:
        def __init__(self, question: dict[str, Any]) -> None:
            self.question = question

        def records(self) -> list[Any]:
            stop = Time(self.question["stopdate"]).mjd
            asked.append(self.question["n"])
            return [row for row in rows if row["r:midpointMjdTai"] <= stop][: self.question["n"]]

    monkeypatch.setattr(one._client, "post", lambda path, json, until: Answer(json))
    from aas2rto.sources.poll_result import Harvest

    harvest = Harvest("fink", request(standin.now))
    until = one._client.deadline(5.0)
    found = one._tag_rows("in_tns", standin.now - 1.0, harvest, until)
    assert sorted(row["r:diaObjectId"] for row in found) == list(range(1, 9))
    assert max(asked) == 16


def test_an_error_half_way_through_a_tag_leaves_no_gap(standin, monkeypatch):
    """The walk goes backwards: half of it must not move the cursor beyond what is missing."""
    monkeypatch.setattr("aas2rto.sources.fink.TAG_PAGE", 7)
    standin.fault("fink-lsst", "500", path="tags", after=2)
    one = rest(standin, "lsst", tags=("extragalactic_new_candidate",), since=20.0)
    first = one.poll(request(standin.now))
    assert first.outcome is Outcome.FAILED
    assert first.cursor["tags"] == {}
    standin.fault("fink-lsst", "none")
    second = one.poll(request(standin.now, first.cursor))
    assert second.outcome is Outcome.DATA
    assert len(second.objects) > 5


def test_an_unknown_tag_says_so(standin):
    """Fink answers 400 with plain text."""
    report = rest(standin, "lsst", tags=("no_such_tag",)).poll(request(standin.now))
    assert report.outcome is Outcome.FAILED
    assert (
        "answered 400 Bad Request: no_such_tag is not a valid tag.; check the settings of this "
        "source" in report.error
    )


@pytest.mark.parametrize("survey", ["ztf", "lsst"])
def test_one_bad_name_does_not_spoil_its_group(standin, survey):
    """The others of its ten come in the same poll; it is asked for alone, later."""
    names = [t.ztf_id if survey == "ztf" else str(t.lsst_id) for t in SUPERNOVAE[:10]]
    standin.call(f"state/fink-{survey}", poison=[names[2]])
    table = wanted(*({"aliases": (name,)} for name in names))
    one = rest(standin, survey)
    report = one.poll(request(standin.now, wanted=table))
    assert report.outcome is Outcome.DATA
    assert set(report.objects["object_id"]) == set(names) - {names[2]}
    (line,) = report.problems
    assert line.endswith(f"{names[2]} is asked for again later, alone")
    standin.mend()
    again = one.poll(request(standin.now + 0.05, report.cursor, wanted=table))
    assert list(again.objects["object_id"]) == [names[2]]
    (asked, *_) = standin.log(f"fink-{survey}")
    assert names[2] in asked["form"].values()


def test_a_row_of_another_object_is_told():
    """An answer to another question must not pass for ours."""
    lines: list[str] = []
    found = by_object([{"k": 1}, {"k": 2}, {"x": 1}, 7], "k", ["1"], lines.append)
    assert found == {"1": [{"k": 1}]}
    assert lines == [
        "a row of 2 is of no object that was asked for",
        "a row of None is of no object that was asked for",
        "a row of 7 is of no object that was asked for",
    ]


def test_probe_tells_of_tags_that_cannot_be_listed(standin):
    """Tags come and go; those without REST support would answer 400 for ever."""
    with pytest.raises(UsageError, match="has no tag gone; it has extragalactic_new_candidate, "):
        rest(standin, "lsst", tags=("in_tns", "gone")).probe()
    words = r"no support for the tag brand_new_stream: .* topics: \[fink_brand_new_stream_lsst\]"
    with pytest.raises(UsageError, match=words):
        rest(standin, "lsst", tags=("brand_new_stream",)).probe()
    assert rest(standin).probe().endswith("answers")


def test_probe_puts_a_question_with_dates(standin, monkeypatch):
    """What went wrong once while `check --online` said ok."""
    assert rest(standin, "lsst", tags=("in_tns",)).probe().endswith("answers")
    (*_, asked) = standin.log("fink-lsst")
    assert {"tag", "startdate", "stopdate"} <= set(asked["form"])
    monkeypatch.setattr("aas2rto.sources.fink.iso_date", lambda mjd: f"{mjd:.6f}")
    with pytest.raises(HttpError, match="answered 500"):
        rest(standin, "lsst", tags=("in_tns",)).probe()


@pytest.mark.real_data
def test_recorded_answers_are_read():
    """A real ``objects`` answer with three alerts, and real LSST rows."""
    folder = PAYLOADS / "fink"
    rows = json.loads((folder / "skyportal_fink_get_alert.0.body.json").read_text())
    lsst_rows = json.loads((folder / "lsst_conesearch_live_20260925_excerpt.json").read_text())
    batch = Batch("fink")
    batch.add(ztf_packet_of("ZTF19aaosfcb", rows, 61366.0))
    for row in lsst_rows:
        batch.add(lsst_packet_of(str(row["r:diaObjectId"]), [row], [], 61366.0))
    tables = batch.tables()
    assert tables.problems == ()
    assert tables.photometry.groupby("survey").size().to_dict() == {"ztf": 3, "lsst": 3}
    known = tables.facts.set_index(["object_id", "key"])["value"]
    assert known["170587117720698934", "name"] == "AT 2026tir"
    keys = set(tables.facts["key"])
    assert "fink_clf_cats_score" in keys
    assert "fink_main_label_crossmatch" not in keys, "'Fail' says nothing"


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "survey", "n_objects"),
    [("ztf_part-3-305711.avro", "ztf", 31), ("lsst_part-2-918301.avro", "lsst", 5)],
)
def test_real_alerts_come_through_a_real_stream(cluster, stream, name, survey, n_objects):
    """Encoded as Fink sends them: schema in the key, no container."""
    with (PAYLOADS / "fink" / name).open("rb") as file:
        reader = fastavro.reader(file)
        alerts, schema = list(reader), reader.writer_schema
    topic = f"fink_{next(_numbers)}"
    plain = {key: value for key, value in schema.items() if not key.startswith("__")}
    cluster.send(topic, *(packets.encode(a, schema) for a in alerts), key=packets.key_of(plain))
    report = stream(topic, survey=survey).poll(request(61366.0))
    assert report.error == ""
    assert len(report.objects) == n_objects
