"""Errors that need something to be missing or broken say so in tested words."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from aas2rto.errors import MessageError, SourceError
from aas2rto.messaging.slack import Slack
from aas2rto.report import PollRequest
from aas2rto.sources.harvest import Harvest
from aas2rto.sources.streaming import UNREADABLE_LIMIT, follow


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
        service="fink", servers="host:9092", problems=["offset 7: not Avro"],
        read=lambda offsets, limit, until: iter([messages]),
        offsets=lambda: {"topic": 99}, lag=lambda: 0,
    )  # fmt: skip
    harvest = Harvest("fink", PollRequest(61000.0, {"offsets": {"topic": 7}}))
    with pytest.raises(SourceError) as caught:
        follow(stream, harvest, None, limit=1000, take=len)
    assert str(caught.value) == (
        f"fink (host:9092): none of {UNREADABLE_LIMIT} messages can be read (offset 7: not Avro); "
        "they are kept there for some days: has the schema changed? Update this program"
    )
    assert harvest.cursor["offsets"] == {"topic": 7}
