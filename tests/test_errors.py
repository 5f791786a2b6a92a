"""Errors that need something to be missing or broken say so in tested words."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from aas2rto.errors import Aas2rtoError, MessageError, SourceError
from aas2rto.guard import Failure
from aas2rto.messaging.slack import Slack
from aas2rto.questions import figure as illustrating
from aas2rto.sources.poll_result import Harvest
from aas2rto.sources.transport.follow_stream import UNREADABLE_LIMIT, follow
from aas2rto.tables.report import PollRequest


def test_a_messenger_without_its_library_says_what_to_install(monkeypatch):
    """The library is an extra, which not everybody needs."""
    monkeypatch.setitem(sys.modules, "slack_sdk", None)
    slack = Slack(channel="C0123456789", token=SecretStr("xoxb-1"))
    with pytest.raises(MessageError) as caught:
        _ = slack.client
    assert str(caught.value) == (
        "slack: slack-sdk is not installed; pip install 'aas2rto[messages]'"
    )


def test_a_stream_of_which_nothing_can_be_read_stays_where_it_is():
    """A new schema is no reason to skip a night of alerts."""
    messages = ["?"] * UNREADABLE_LIMIT
    stream = SimpleNamespace(
        service="fink",
        servers="host:9092",
        problems=["offset 7: not Avro"],
        read=lambda offsets, limit, until: iter([messages]),
        offsets=lambda: {"topic": 99},
        lag=lambda: 0,
    )
    harvest = Harvest("fink", PollRequest(61000.0, {"offsets": {"topic": 7}}))
    with pytest.raises(SourceError) as caught:
        follow(stream, harvest, None, limit=1000, take=len)
    assert str(caught.value) == (
        f"fink (host:9092): none of {UNREADABLE_LIMIT} messages can be read (offset 7: not Avro); "
        "they are kept there for some days: has the schema changed? Update this program"
    )
    assert harvest.cursor["offsets"] == {"topic": 7}


def test_a_figure_that_cannot_be_drawn_says_which_and_why(monkeypatch, tmp_path):
    """All that failed, in one line."""
    done = SimpleNamespace(
        failures=[Failure("figure", "ValueError: no data", "a"), Failure("figure", "OSError", "b")]
    )
    gallery = SimpleNamespace(draw=lambda *_, **__: done)
    monkeypatch.setattr(illustrating, "findings", lambda *_: None)
    monkeypatch.setattr(illustrating, "Gallery", lambda *_, **__: gallery)
    with pytest.raises(Aas2rtoError) as caught:
        illustrating.illustrate(None, None, "a", None, tmp_path)
    assert str(caught.value) == "figure (a): ValueError: no data; figure (b): OSError"
