"""The source of one's own, tested without a process: its transport is handed in."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from aas2rto.config.load import load
from aas2rto.sources.transport.http import Answer, Cause, HttpError
from aas2rto.tables.report import Outcome, PollRequest, Report

HERE = Path(__file__).resolve().parent

_spec = importlib.util.spec_from_file_location("my_survey", HERE / "my_survey.py")
assert _spec is not None
assert _spec.loader is not None
my_survey = importlib.util.module_from_spec(_spec)
sys.modules["my_survey"] = my_survey
_spec.loader.exec_module(my_survey)

NOW = 61122.0


class Canned:
    """Answers from a list, and remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def get(self, path: str, *, until: Any, params: Any) -> Answer:
        self.asked.append(dict(params))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Answer(f"my_survey: GET {path}", 200, {}, json.dumps(answer).encode())

    def close(self) -> None:
        """Close nothing."""


def an_object(name: str = "MS26a", **values: Any) -> dict[str, Any]:
    point = {"id": 7, "mjd": 61121.2, "filter": "g", "mag": 23.9, "magerr": 0.05}
    return {
        "id": name,
        "ra": 150.1,
        "dec": 2.2,
        "changed": 61121.3,
        "real": 0.97,
        "redshift": 0.03,
        "points": [point],
    } | values


def poll(*answers: Any, cursor: Any = None, **settings: Any) -> tuple[Report, Canned]:
    transport = Canned(*answers)
    made = my_survey.MySurvey(transport, url="https://survey.example", **settings)
    return made.poll(PollRequest(NOW, cursor=cursor or {})), transport


def test_an_object_becomes_rows_of_the_report() -> None:
    """Position, flux in uJy, facts, and when they were known."""
    report, _ = poll([an_object()])
    assert (report.outcome, report.problems, report.error) == (Outcome.DATA, (), "")
    assert report.objects.iloc[0][["object_id", "ra", "dec"]].tolist() == ["MS26a", 150.1, 2.2]
    (point,) = report.photometry.to_dict("records")
    assert point["flux"] == pytest.approx(1.0)
    assert (point["band"], point["kind"], point["known_at"]) == ("ztfg", "detection", 61121.3)
    facts = report.facts.set_index("key")
    assert facts["value"].to_dict() == {"redshift": 0.03, "my_survey_real": 0.97}
    assert set(facts["known_at"]) == {61121.3}
    assert report.newest_alert == 61121.3


def test_a_redshift_is_taken_back() -> None:
    """The service's null says that it no longer knows."""
    report, _ = poll([an_object(redshift=None)])
    assert report.facts.set_index("key").loc["redshift", "value"] is None


def test_the_next_poll_goes_on_where_this_one_ended() -> None:
    """The cursor is stored with the data, and handed to the next poll."""
    first, asked = poll([an_object()])
    assert asked.asked == [{"since": NOW - 7.0, "page": 1}]
    second, asked = poll([], cursor=first.cursor)
    assert asked.asked == [{"since": 61121.3, "page": 1}]
    assert second.outcome is Outcome.EMPTY
    assert second.cursor == first.cursor


def test_what_is_broken_costs_itself_only() -> None:
    """One line for each; the other objects are taken."""
    unknown = an_object("MS26b", points=[{**an_object()["points"][0], "filter": "U"}])
    report, _ = poll([{"id": "MS26c"}, unknown, an_object()])
    assert list(report.objects["object_id"]) == ["MS26a"]
    assert report.problems == (
        "my_survey: object MS26c cannot be used: KeyError('changed')",
        "my_survey: object MS26b cannot be used: KeyError('U')",
    )


def test_artefacts_and_what_is_yet_to_come_are_left_out() -> None:
    """The cursor passes an artefact, but not what will be known later."""
    report, _ = poll([an_object("MS26b", real=0.1), an_object("MS26c", changed=NOW + 0.1)])
    assert report.outcome is Outcome.EMPTY
    assert report.cursor == {"changed": 61121.3}


def test_a_service_that_breaks_off_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before is kept, and the report says failed, and why."""
    monkeypatch.setattr(my_survey, "PAGE_SIZE", 1)
    error = HttpError("my_survey: answered 503", cause=Cause.SERVER)
    report, _ = poll([an_object()], error)
    assert report.outcome is Outcome.FAILED
    assert report.error == "my_survey: answered 503; next try in the next cycle"
    assert len(report.photometry) == 1


def test_a_config_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its file and class; its settings are checked like those of any source."""
    monkeypatch.chdir(HERE)
    monkeypatch.setenv("MY_TOKEN", "a-secret")
    case = tmp_path / "case.yaml"
    case.write_text(
        'project: own\nsources: {my_survey: {type: "my_survey.py:MySurvey", since: 3 day,'
        ' url: "https://survey.example", token: "${MY_TOKEN}"}}\n'
        "score: {factors: [detections, expression: my_survey_real]}\n"
        "observatories: [la_palma_not]\n"
    )
    (found,) = load(case).sources
    made = found.build()
    assert (found.name, made.since, made.least_real) == ("my_survey", 3.0, 0.5)
    made.close()
