"""Slack's own client against a server that answers as Slack does."""

from __future__ import annotations

import json
import socket

import pytest
from pydantic import SecretStr

from aas2rto.messaging import Result
from tests.messaging import as_slack, servers
from tests.messaging.conftest import PICTURES, PNG, make_letter, make_message, make_slack


def test_the_text_comes_first_and_its_figures_in_its_thread(
    slack_server: as_slack.Slack,
) -> None:
    """A message is posted; the pictures are uploaded into the thread that it opened."""
    slack = make_slack(slack_server)
    text = slack.send(make_letter())
    assert text.result is Result.SENT
    told = slack_server.arrived[0]
    assert told["channel"] == "C0123456789"
    assert told["text"] == "ZTF26a enters the top 5"
    assert told["metadata"]["event_payload"] == {"key": "1"}
    done = slack.send(make_letter(pictures=PICTURES, follows=text.receipt, key="2"))
    assert done.result is Result.SENT
    shared = slack_server.shared[0]
    assert shared["thread_ts"] == told["ts"]
    assert sorted(slack_server.uploads.values()) == [PNG, PNG + b"1"]
    methods = [method for method, _ in slack_server.calls]
    assert methods.index("chat.postMessage") < methods.index("files.getUploadURLExternal")
    assert methods[-1] == "files.completeUploadExternal"


@pytest.mark.fault("messages", "text", "links and mentions in names")
def test_nothing_is_unfurled_or_linked(slack_server: as_slack.Slack) -> None:
    """Links in other people's words show no preview, names become no mention."""
    make_slack(slack_server).send(make_letter())
    told = slack_server.arrived[0]
    assert (told["unfurl_links"], told["unfurl_media"], told["link_names"]) == (False,) * 3
    sections = [block["text"] for block in told["blocks"] if block["type"] == "section"]
    assert all(text["verbatim"] for text in sections)


def test_buttons_carry_the_message_they_belong_to(slack_server: as_slack.Slack) -> None:
    """Each answer is a button whose value is the message's number."""
    slack = make_slack(slack_server, app_token=SecretStr("xapp-right"), allowed=["UANNA"])
    assert slack.listens
    slack.send(make_letter(buttons=True, key="17"))
    buttons = slack_server.arrived[0]["blocks"][-1]["elements"]
    assert [one["text"]["text"] for one in buttons] == [
        "observed",
        "failed",
        "clouded",
        "veto",
        "snooze 3d",
        "pin",
        "why",
    ]
    assert {one["value"] for one in buttons} == {"17"}


@pytest.mark.fault("messages", "damaged", "each fault of Slack")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "result", "words"),
    [
        (servers.WAIT, Result.LATER, "slack says ratelimited"),
        (servers.ERROR, Result.LATER, "slack answered HTTP 500 with a page, not an answer"),
        (servers.DROP, Result.UNKNOWN, "slack did not answer: RemoteDisconnected"),
        (servers.DEAF, Result.UNKNOWN, "slack did not answer: TimeoutError"),
        (servers.SILENT, Result.UNKNOWN, "slack did not answer: TimeoutError"),
    ],
)
def test_what_each_fault_means(
    slack_server: as_slack.Slack, fault: str, result: Result, words: str
) -> None:
    """Refused or failed: it did not arrive. No answer: nobody knows. Nothing is asked twice."""
    slack_server.script(fault)
    told = make_slack(slack_server).send(make_letter())
    assert (told.result, told.why) == (result, words)
    assert told.wait == (1.0 if fault == servers.WAIT else None)
    assert len(slack_server.calls) == 1


@pytest.mark.fault("messages", "gone", "a server that is not there")
def test_a_server_that_is_not_there_has_not_got_it() -> None:
    """A connection that is refused is no unknown."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    slack = make_slack(as_slack.Slack(url=f"http://127.0.0.1:{port}"))
    told = slack.send(make_letter())
    assert told.result is Result.LATER
    assert told.why.startswith("slack cannot be reached")


@pytest.mark.fault("messages", "gone", "a channel that is gone")
@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("archived", "slack says is_archived"),
        ("stranger", "slack says not_in_channel"),
        ("", "slack says channel_not_found"),
    ],
)
def test_a_channel_that_is_gone_stops(slack_server: as_slack.Slack, state: str, words: str) -> None:
    """No message will get through to a wrong channel, an archived one, or without the bot."""
    slack_server.channels = {"C0123456789": state} if state else {}
    told = make_slack(slack_server).send(make_letter())
    assert (told.result, told.why) == (Result.STOPPED, words)


def test_a_wrong_token_stops_and_is_not_shown(slack_server: as_slack.Slack) -> None:
    """The answer names the fault, not the secret."""
    told = make_slack(slack_server, token=SecretStr("xoxb-wrong-secret")).send(make_letter())
    assert (told.result, told.why) == (Result.STOPPED, "slack says invalid_auth")


def test_a_missing_scope_is_named(slack_server: as_slack.Slack) -> None:
    """The operator reads which permission is missing."""
    slack_server.scopes = {"files:write"}
    told = make_slack(slack_server).send(make_letter())
    assert told.why == "slack says missing_scope (needed: chat:write)"


@pytest.mark.slow
def test_a_message_that_arrived_without_an_answer_is_found(
    slack_server: as_slack.Slack,
) -> None:
    """History shows by the message's key whether it is there."""
    slack_server.script(servers.SILENT, servers.DEAF)
    slack = make_slack(slack_server)
    assert slack.send(make_letter(key="1")).result is Result.UNKNOWN
    assert slack.send(make_letter(key="2")).result is Result.UNKNOWN
    found, lost = slack.confirm(make_letter(key="1")), slack.confirm(make_letter(key="2"))
    assert (found.result, found.receipt["ts"]) == (Result.SENT, slack_server.arrived[0]["ts"])
    assert (lost.result, lost.wait) == (Result.LATER, 0.0)


def test_without_the_scope_nothing_can_be_confirmed(slack_server: as_slack.Slack) -> None:
    """Who may not read the history does not pretend to know."""
    slack_server.scopes.discard("channels:history")
    assert make_slack(slack_server).confirm(make_letter()) is None


@pytest.mark.slow
@pytest.mark.parametrize("step", ["url", "bytes"])
@pytest.mark.parametrize("fault", [servers.ERROR, servers.DEAF, servers.DROP])
def test_an_upload_that_fails_early_has_shown_nothing(
    slack_server: as_slack.Slack, step: str, fault: str
) -> None:
    """Until the last call nobody has seen a figure, so it may be tried again."""
    slack_server.upload_plan = lambda method: fault if method == step else servers.OK
    told = make_slack(slack_server).send(make_letter(pictures=PICTURES, follows={"ts": "1.1"}))
    assert told.result is Result.LATER
    assert slack_server.shared == []


@pytest.mark.slow
def test_an_upload_that_fails_at_its_end_is_unknown(slack_server: as_slack.Slack) -> None:
    """The last call is the one that shows the figures."""
    slack_server.upload_plan = lambda method: servers.SILENT if method == "complete" else servers.OK
    told = make_slack(slack_server).send(make_letter(pictures=PICTURES, follows={"ts": "1.1"}))
    assert told.result is Result.UNKNOWN
    assert len(slack_server.shared) == 1


@pytest.mark.slow
def test_a_limit_during_an_upload_is_waited_for(slack_server: as_slack.Slack) -> None:
    """Slack's own handler waits as long as it is told to, where nothing can come twice."""
    faults = [servers.WAIT]
    slack_server.upload_plan = lambda method: faults.pop() if faults else servers.OK
    told = make_slack(slack_server).send(make_letter(pictures=PICTURES, follows={"ts": "1.1"}))
    assert told.result is Result.SENT
    assert len(slack_server.shared) == 1


@pytest.mark.fault("messages", "bomb", "long messages")
def test_long_messages_are_cut_into_blocks(slack_server: as_slack.Slack) -> None:
    """Slack refuses blocks of more than 3000 letters."""
    lines = tuple((f"line {n}", "x" * 900) for n in range(12))
    assert make_slack(slack_server).send(make_letter(make_message(lines=lines))).result is (
        Result.SENT
    )
    texts = [b["text"]["text"] for b in slack_server.arrived[0]["blocks"] if b["type"] == "section"]
    assert sum(text.count("x" * 900) for text in texts) == 12


def test_a_channel_is_named_by_its_id() -> None:
    """A name would not be found, and Slack says so only when it is too late."""
    from aas2rto.config.resolve import registry, with_policy

    options = with_policy(registry("messages").get("slack").options)
    with pytest.raises(ValueError, match="should match pattern"):
        options.model_validate({"channel": "#alerts", "token": "x"})
    assert (
        json.loads(
            options.model_validate({"channel": "C0123456789", "token": "x"}).model_dump_json()
        )["token"]
        == "**********"
    )
