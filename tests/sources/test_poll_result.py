"""What a poll brings together."""

from __future__ import annotations

import math

import pytest

from aas2rto.errors import SourceError
from aas2rto.sources.packets.from_rest import lsst_alert, ztf_alert
from aas2rto.sources.poll_result import MAX_PROBLEMS, Harvest, span
from aas2rto.sources.transport.answer import Cause, HttpError
from aas2rto.tables.report import Outcome
from tests.sources.conftest import request

NOW = 61366.0


def harvest(**cursor: object) -> Harvest:
    return Harvest("demo", request(NOW, cursor))


def error(cause: Cause, wait: float | None = None) -> HttpError:
    return HttpError("demo (host): GET / went wrong", cause=cause, wait=wait)


def test_nothing_and_no_error_is_verified_empty():
    """Which is not the same as failed."""
    report = harvest().report()
    assert (report.outcome, report.error, report.retry_at) == (Outcome.EMPTY, "", None)
    assert list(report.photometry.columns)


def test_the_cursor_of_the_request_is_not_touched():
    """Only the report carries the new one."""
    old = {"a": {"b": [1]}}
    one = Harvest("demo", request(NOW, old))
    one.cursor["a"]["b"].append(2)
    assert old == {"a": {"b": [1]}}
    assert one.report().cursor == {"a": {"b": [1, 2]}}


def test_a_failure_keeps_what_came_before_it():
    """Data and error in one report."""
    one = harvest()
    one.note("x", demo_score=0.5, demo_none=None)
    one.fail(error(Cause.SERVER))
    report = one.report()
    assert report.outcome is Outcome.FAILED
    assert report.facts["key"].tolist() == ["demo_score"]
    assert report.error == "demo (host): GET / went wrong; next try in the next cycle"


@pytest.mark.parametrize(
    ("cause", "wait", "words", "minutes"),
    [
        (Cause.THROTTLED, 23.0, "; next try in 23 s", 23 / 60),
        (Cause.THROTTLED, None, "; next try in 1 min", 1),
        (Cause.REFUSED, None, "; check the account and its token; next try in 30 min", 30),
        (Cause.NOT_FOUND, None, "; check the url of this source; next try in the next cycle", None),
    ],
)
def test_the_line_says_what_to_do_and_when(cause, wait, words, minutes):
    """Waiting times are those of the service, or of the kind of refusal."""
    one = harvest()
    one.fail(error(cause, wait))
    report = one.report()
    assert report.error.endswith(words)
    expected = None if minutes is None else pytest.approx(NOW + minutes / 1440.0)
    assert report.retry_at == expected


def test_a_part_that_may_be_asked_at_once_keeps_the_others_from_waiting():
    """Two parts failed; only one of them wants to be left alone."""
    one = harvest()
    assert one.part(lambda: 7) == 7

    def fail(problem: SourceError) -> None:
        raise problem

    one.part(lambda: fail(error(Cause.THROTTLED, 600.0)))
    one.part(lambda: fail(SourceError("the stream is gone")))
    report = one.report()
    assert report.retry_at is None
    assert report.error.count("next try in") == 2
    assert " | " in report.error


def test_time_that_is_over_is_a_failure_only_if_nothing_came():
    """The cursor knows where to go on."""
    cut, full = harvest(), harvest()
    for one in (cut, full):
        one.fail(error(Cause.OUT_OF_TIME))
    full.note("x", demo_score=1.0)
    assert cut.report().outcome is Outcome.FAILED
    assert full.report().outcome is Outcome.DATA
    assert full.report().error == ""


def test_thousands_of_problems_are_shortened():
    """They are all alike, and a report is for reading."""
    one = harvest()
    one.problems.extend(f"line {n}" for n in range(5000))
    lines = one.report().problems
    assert len(lines) == MAX_PROBLEMS + 1
    assert lines[-1] == f"... and {5000 - MAX_PROBLEMS} more problems"


def test_what_is_said_may_be_taken_back():
    """None is a word of its own; NaN and an empty text say nothing."""
    one = harvest()
    one.say("x", redshift=0.1, redshift_source="TNS", spectral_type=None, host="", demo_p=math.nan)
    rows = one.report().facts.to_dict("records")
    assert [(row["key"], row["value"], row["origin"]) for row in rows] == [
        ("redshift", 0.1, "TNS"),
        ("spectral_type", None, ""),
    ]
    assert {row["known_at"] for row in rows} == {NOW}


def test_one_object_has_one_row():
    """The alert's own row comes before that of a list."""
    one = harvest()
    one.objects.append({"object_id": "x", "survey": "ztf", "ra": 1.0, "dec": 2.0})
    one.objects.append({"object_id": "x", "survey": "lsst", "ra": 1.0, "dec": 2.0})
    one.objects.append({"object_id": "x", "survey": "ztf", "ra": 9.0, "dec": 9.0})
    assert one.report().objects["ra"].tolist() == [1.0, 1.0]


def test_spans_are_written_for_people():
    """Seconds below a minute, minutes above."""
    assert [span(s) for s in (1, 59, 60, 1800)] == ["1 s", "59 s", "1 min", "30 min"]


# -- light curves as packets ----------------------------------------------------------------------


def test_a_light_curve_becomes_the_newest_detection_and_its_history():
    """Whatever the order of the answer."""
    jd = NOW + 2400000.5
    points = [{"jd": jd - n, "candid": n} for n in (3, 1, 2)]
    limits = [{"jd": jd - 4, "fid": 1, "diffmaglim": 20.0, "magpsf": 20.0}]
    alert = ztf_alert("x", points, limits, now=NOW)
    assert alert is not None
    assert alert["candidate"]["candid"] == 1
    assert [p["candid"] for p in alert["prv_candidates"]] == [3, 2, None]
    assert alert["prv_candidates"][-1] == {
        "candid": None,
        "jd": jd - 4,
        "fid": 1,
        "diffmaglim": 20.0,
    }


def test_what_is_later_than_now_is_left_out():
    """In every part of the light curve."""
    late = {"jd": NOW + 1.0 + 2400000.5, "candid": 9, "fid": 1, "diffmaglim": 20.0}
    assert ztf_alert("x", [late], [late], [late], now=NOW) is None
    early = late | {"jd": NOW - 1.0 + 2400000.5}
    alert = ztf_alert("x", [late, early], [late], [late], now=NOW)
    assert alert is not None
    assert alert["prv_candidates"] == []
    tai = [{"midpointMjdTai": NOW + dt, "band": "g", "diaSourceId": 1} for dt in (-1.0, 1.0)]
    rubin = lsst_alert("1", tai, tai, now=NOW)
    assert rubin is not None
    assert len(rubin["prvDiaForcedSources"]) == 1


def test_measurements_without_identifier_are_named_by_their_exposure():
    """The same whenever the same exposure comes again."""
    rows = [{"midpointMjdTai": NOW - n, "band": "g"} for n in (1, 2)]
    alert = lsst_alert("1", rows, rows, now=NOW, place=(1.0, 2.0))
    assert alert is not None
    assert alert["diaSource"]["diaSourceId"] == f"lsstg:{NOW - 1:.4f}"
    assert alert["prvDiaForcedSources"][1]["diaForcedSourceId"] == f"lsstg:{NOW - 2:.4f}"
    assert alert["diaObject"] == {"diaObjectId": "1", "ra": 1.0, "dec": 2.0}


def test_records_that_are_none_stay_to_be_named():
    """`packets` says what is wrong with them."""
    alert = ztf_alert("x", ["?", {"jd": NOW + 2400000.5, "candid": 1}], [7], now=NOW)
    assert alert is not None
    assert alert["prv_candidates"] == ["?", 7]
