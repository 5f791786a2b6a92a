"""ATLAS forced photometry against its stand-in, and its stacking against science."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import SecretStr

from aas2rto.sources.atlas import Atlas
from aas2rto.sources.transport.answer import HttpError
from aas2rto.sources.transport.http import Policy
from aas2rto.tables.report import Outcome
from tests.sources.conftest import (
    NETWORK,
    StandIn,
    request,
    wanted,
)
from tests.standin import sky

TOKEN = SecretStr("standin-atlas-token")
BRIGHT = [t for t in sky.transients() if t.kind == "SN Ia" and t.t_peak < sky.NOW - 5.0]


def atlas(standin: StandIn, **settings: Any) -> Atlas:
    fixed = {
        "url": f"{standin.urls['atlas']}/forcedphot",
        "network": NETWORK,
        "project": "demo",
        "token": TOKEN,
    }
    return Atlas(**(fixed | settings))


def table(*transients: sky.Transient, **changes: Any) -> pd.DataFrame:
    return wanted(
        *(
            {"candidate_id": t.ztf_id, "ra": t.ra, "dec": t.dec, "first_detection": t.t_peak - 15.0}
            | changes
            for t in transients
        )
    )


def poll(standin: StandIn, cursor: Any, asked: pd.DataFrame, **settings: Any) -> Any:
    """Poll with a fresh source and a cursor that went through the store."""
    now = settings.pop("now", standin.now)
    source = atlas(standin, **settings)
    return source.poll(request(now, json.loads(json.dumps(cursor)), wanted=asked))


def run(standin: StandIn, asked: pd.DataFrame, polls: int = 6, **settings: Any) -> list[Any]:
    reports: list[Any] = []
    for _ in range(polls):
        cursor = reports[-1].cursor if reports else {}
        reports.append(poll(standin, cursor, asked, **settings))
    return reports


def posts(standin: StandIn) -> list[dict[str, Any]]:
    return [q["form"] for q in standin.log("atlas") if q["method"] == "POST"]


def open_tasks(standin: StandIn) -> list[dict[str, Any]]:
    return [task for task in standin.call("state/atlas")["tasks"] if task["id"] != 7]


# -- requests and results -------------------------------------------------------------------------


@pytest.mark.slow
def test_a_request_is_made_and_its_result_comes_in_a_later_poll(standin):
    """The poll never waits for the queue, and a restart in between loses nothing."""
    reports = run(standin, table(BRIGHT[0]))
    assert [r.error for r in reports] == [""] * 6
    assert [r.outcome for r in reports].count(Outcome.DATA) == 1
    (data,) = [r for r in reports if r.outcome is Outcome.DATA]
    assert list(data.objects["object_id"]) == [BRIGHT[0].ztf_id]
    assert set(data.photometry["band"]) == {"atlaso"}
    assert len(posts(standin)) == 1, "asked for once"
    assert open_tasks(standin) == [], "deleted afterwards"


@pytest.mark.slow
def test_points_are_stacks_of_four_exposures(standin):
    """Inverse-variance mean of each visit, at the middle of its exposures."""
    t = BRIGHT[0]
    data = next(r for r in run(standin, table(t)) if r.outcome is Outcome.DATA)
    visits: dict[int, list[sky.Exposure]] = {}
    for look in t.atlas(standin.now):
        if look.mjd >= t.t_peak - 45.0:
            visits.setdefault(math.floor(look.mjd), []).append(look)
    rows = data.photometry.sort_values("mjd")
    assert len(rows) == len(visits)
    for (_, row), looks in zip(rows.iterrows(), visits.values(), strict=True):
        assert row["flux"] == pytest.approx(np.mean([x.flux for x in looks]), abs=0.6)
        assert row["flux_err"] == pytest.approx(looks[0].flux_err / 2.0, rel=0.02)
        middle = np.mean([x.mjd for x in looks]) + 15.0 / 86400.0
        assert row["mjd"] == pytest.approx(middle, abs=1e-5)


def test_the_request_begins_before_the_first_detection(standin):
    """Without mjd_min the server would begin 30 days before now."""
    t = BRIGHT[0]
    poll(standin, {}, table(t), before=20.0)
    (form,) = posts(standin)
    assert float(form["mjd_min"]) == pytest.approx(t.t_peak - 15.0 - 20.0, abs=1e-4)
    assert form["comment"] == f"demo: {t.ztf_id}"
    assert form["use_reduced"] == "false"


def test_the_queue_is_filled_with_the_best(standin):
    """At most queue_limit tasks, in the order of the ranking."""
    asked = table(*reversed(BRIGHT))
    first = poll(standin, {}, asked, queue_limit=3)
    assert list(first.cursor["tasks"]) == list(asked["candidate_id"])[:3]
    second = poll(standin, first.cursor, asked, queue_limit=3)
    assert len(posts(standin)) == 3
    assert len(second.cursor["tasks"]) == 3


def test_candidates_without_a_valid_score_are_not_requested(standin):
    """Rejected, excluded and unscored ones cost no request."""
    asked = pd.concat(
        [
            table(t, score=score)
            for t, score in zip(BRIGHT, (-1.0, -math.inf, math.nan, 2.0), strict=False)
        ],
        ignore_index=True,
    )
    report = poll(standin, {}, asked)
    assert list(report.cursor["tasks"]) == [BRIGHT[3].ztf_id]


def test_requests_may_be_cut_by_magnitude_and_age(standin):
    """What is fainter than ATLAS reaches, or gone for long, takes nobody's place in the queue."""
    now = standin.now
    table = wanted(
        {"last_mag": 21.5, "last_detection": now - 1.0},
        {"last_mag": 18.0, "last_detection": now - 90.0},
        {"last_mag": math.nan, "last_detection": math.nan},
        {"last_mag": 18.0, "last_detection": now - 1.0, "ra": math.nan},
        {"last_mag": 18.0, "last_detection": now - 1.0},
    )
    cut = atlas(standin, faintest=20.0, oldest=60.0).poll(request(now, wanted=table))
    assert list(cut.cursor["tasks"]) == ["C2", "C4"]
    assert (cut.error, cut.problems) == ("", ())
    standin.mend()
    plain = atlas(standin).poll(request(now, wanted=table))
    assert list(plain.cursor["tasks"]) == ["C0", "C1", "C2", "C4"]


def test_a_request_that_is_refused_does_not_stop_the_others(standin):
    """One bad position must not stand before all others for ever."""
    table = wanted({"dec": math.inf, "candidate_id": "x" * 400}, {}, {})
    table["dec"] = table["dec"].replace(math.inf, 12.0)
    one = atlas(standin)
    form = one._form

    def broken(row: Any, harvest: Any) -> Any:
        found = form(row, harvest)
        return found | {"ra": "nan"} if row["candidate_id"].startswith("x") else found

    one._form = broken  # type: ignore[method-assign]
    report = one.poll(request(standin.now, wanted=table))
    assert list(report.cursor["tasks"]) == ["C1", "C2"]
    assert report.error == ""
    assert "ra must be a finite floating-point number" in report.problems[0]
    again = one.poll(request(standin.now + 0.1, report.cursor, wanted=table))
    assert again.problems == ()


@pytest.mark.slow
def test_photometry_is_requested_again_as_it_ages(standin):
    """Later requests begin a day before the last visit, and old points keep their names."""
    asked = table(BRIGHT[0])
    reports = run(standin, asked)
    first = next(r for r in reports if r.outcome is Outcome.DATA)
    standin.set_now(standin.now + 4.0)
    cursor = reports[-1].cursor
    standin.call("forget")
    for _ in range(6):
        report = poll(standin, cursor, asked, now=standin.now + 4.0)
        cursor = report.cursor
        if report.outcome is Outcome.DATA:
            break
    (form,) = posts(standin)
    last = first.photometry["mjd"].max()
    assert float(form["mjd_min"]) == pytest.approx(last - 1.0, abs=1e-4)
    assert report.photometry["mjd"].max() > last
    again = report.photometry.merge(first.photometry, on="measurement_id")
    assert list(again["flux_x"]) == pytest.approx(list(again["flux_y"]))


def test_no_data_is_an_empty_result(standin):
    """The server calls it an error; it is none, and is not asked for again at once."""
    nowhere = table(BRIGHT[0], ra=300.0)
    reports = run(standin, nowhere)
    assert {r.outcome for r in reports} == {Outcome.EMPTY}
    assert {r.error for r in reports} == {""}
    assert [r.problems for r in reports] == [()] * 6
    assert len(posts(standin)) == 1
    assert open_tasks(standin) == []


@pytest.mark.slow
def test_tasks_of_others_are_left_alone(standin):
    """The account may be shared with people and other projects."""
    run(standin, table(BRIGHT[0]))
    assert [task["id"] for task in standin.call("state/atlas")["tasks"]] == [7]
    assert 7 not in standin.call("state/atlas")["deleted"]


@pytest.mark.slow
def test_a_result_is_fetched_once_and_deleted_after_it_was_stored(standin):
    """A crash between fetching and storing repeats the fetch, for the task is still there."""
    asked = table(BRIGHT[0])
    report = poll(standin, {}, asked)
    while report.outcome is not Outcome.DATA:
        before = report.cursor
        report = poll(standin, before, asked)
    assert len(open_tasks(standin)) == 1
    again = poll(standin, before, asked)
    pd.testing.assert_frame_equal(again.photometry, report.photometry)
    after = poll(standin, again.cursor, asked)
    assert open_tasks(standin) == []
    assert after.cursor["delete"] == []


@pytest.mark.slow
def test_a_request_whose_answer_was_lost_is_found_in_the_queue(standin):
    """The server took it, the connection broke: it is adopted, not doubled."""
    standin.fault("atlas", "reset", path="/queue/", after=1, times=1)
    asked = table(BRIGHT[0])
    first = poll(standin, {}, asked)
    assert first.outcome is Outcome.FAILED
    assert first.cursor["lost"] is True
    reports = [first]
    for _ in range(6):
        reports.append(poll(standin, reports[-1].cursor, asked))
    assert len(posts(standin)) == 1
    assert [r.outcome for r in reports].count(Outcome.DATA) == 1


def test_tasks_of_a_lost_store_are_adopted_or_deleted(standin):
    """Whoever starts over with an empty store finds the old tasks by their comment."""
    asked = table(*BRIGHT[:2])
    poll(standin, {}, asked)
    report = poll(standin, {}, table(BRIGHT[0]))
    assert list(report.cursor["tasks"]) == [BRIGHT[0].ztf_id]
    assert len(open_tasks(standin)) == 1
    assert len(posts(standin)) == 2


def test_a_task_that_is_gone_is_requested_again(standin):
    """Archived, or deleted by a person."""
    asked = table(BRIGHT[0])
    first = poll(standin, {}, asked)
    first.cursor["tasks"][BRIGHT[0].ztf_id]["url"] = (
        f"{standin.urls['atlas']}/forcedphot/queue/9999/"
    )
    second = poll(standin, first.cursor, asked)
    assert f"the request for {BRIGHT[0].ztf_id} is gone" in second.problems[0]
    assert len(posts(standin)) == 2


def test_a_task_that_the_server_chokes_on_does_not_stop_the_others(standin):
    """Its error is told; the others' results come."""
    standin.call("state/atlas", steps=0)
    asked = table(*BRIGHT[:3])
    first = poll(standin, {}, asked)
    standin.fault("atlas", "500", path="/queue/100/")
    second = poll(standin, first.cursor, asked)
    assert second.outcome is Outcome.FAILED
    assert len(second.objects) == 2
    assert list(second.cursor["tasks"]) == [BRIGHT[0].ztf_id]


def test_a_full_queue_is_no_failure(standin):
    """Somebody else may have filled it; requests go on later."""
    standin.call("state/atlas", queue_cap=1)
    try:
        report = poll(standin, {}, table(BRIGHT[0]))
    finally:
        standin.call("state/atlas", queue_cap=500)
    assert (report.outcome, report.error) == (Outcome.EMPTY, "")
    assert "too many queued tasks" in report.problems[0]
    assert "requests go on when tasks have finished" in report.problems[0]


def test_429_is_waited_for_as_the_server_says(standin):
    """In words, in seconds."""
    standin.fault("atlas", "429", wait=23)
    report = poll(standin, {}, table(BRIGHT[0]))
    assert "Expected available in 23 seconds" in report.error
    assert report.error.endswith("next try in 23 s")
    assert report.retry_at == pytest.approx(standin.now + 23 / 86400)


def test_a_failed_task_is_told_and_not_repeated_at_once(standin):
    """Any other message than 'No data returned'."""
    standin.call("state/atlas", steps=0)
    source = atlas(standin)
    first = source.poll(request(standin.now, {}, wanted=table(BRIGHT[0])))
    page = source._page

    def spoilt(path: str, until: Any) -> Any:
        answer = page(path, until)
        state = json.loads(answer.content)
        state |= {"result_url": None, "error_msg": "the disk is full"}
        return type(answer)(answer.asked, 200, answer.headers, json.dumps(state).encode())

    source._page = spoilt  # type: ignore[method-assign]
    second = source.poll(request(standin.now, first.cursor, wanted=table(BRIGHT[0])))
    assert second.problems == (
        f"atlas: the request for {BRIGHT[0].ztf_id} failed: the disk is full",
    )
    assert second.cursor["tasks"] == {}


# -- account --------------------------------------------------------------------------------------


def test_a_token_is_got_for_username_and_password(standin, caplog):
    """Once, and kept in memory only."""
    caplog.set_level("DEBUG")
    secret = SecretStr("standin-atlas-password")
    source = atlas(standin, token=None, username="observer", password=secret)
    for _ in range(2):
        report = source.poll(request(standin.now, {}, wanted=table(BRIGHT[0])))
        assert report.error == ""
    signs = [q for q in standin.log("atlas") if q["path"].endswith("api-token-auth/")]
    assert len(signs) == 1
    everything = str(report) + caplog.text + repr(vars(source)) + json.dumps(report.cursor)
    assert "standin-atlas-token" not in everything
    assert "standin-atlas-password" not in everything


def test_an_expired_token_is_renewed_once(standin):
    """401 in mid-season."""
    secret = SecretStr("standin-atlas-password")
    settings = {"token": SecretStr("expired"), "username": "observer", "password": secret}
    report = poll(standin, {}, table(BRIGHT[0]), **settings)
    assert report.error == ""
    assert len(report.cursor["tasks"]) == 1


def test_a_refused_account_says_so_without_secrets(standin):
    """And is left alone for half an hour."""
    report = poll(standin, {}, table(BRIGHT[0]), token=SecretStr("wr0ng"))
    assert "answered 401 Unauthorized" in report.error
    assert "check the account and its token; next try in 30 min" in report.error
    assert "wr0ng" not in str(report)
    wrong = {"token": None, "username": "observer", "password": SecretStr("n0t-it")}
    report = poll(standin, {}, table(BRIGHT[0]), **wrong)
    assert "Unable to log in with provided credentials" in report.error
    assert "n0t-it" not in str(report)


def test_an_account_must_be_given():
    """Before anything starts."""
    with pytest.raises(ValueError, match="give a token, or username and password"):
        Atlas(username="me")


def test_real_writes_are_slower_than_the_servers_limit():
    """60 a minute and user are allowed."""
    assert Atlas(token=TOKEN)._writes.policy.rate < 1.0
    assert Atlas(token=TOKEN, network=Policy(rate=0.1))._writes.policy.rate == 0.1


def test_probe_knows_whether_the_account_works(standin):
    """One cheap question for `check --online`."""
    assert atlas(standin).probe().endswith("answers, and knows the account")
    with pytest.raises(HttpError, match="401"):
        atlas(standin, token=SecretStr("no")).probe()
