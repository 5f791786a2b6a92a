"""What the tests of messages share: services on this machine, and messages to send."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from aas2rto.messaging import Letter, Picture
from aas2rto.messaging.message import CANDIDATE, Message
from aas2rto.messaging.slack_answers import SlackListener
from aas2rto.messaging.telegram import Session
from aas2rto.messaging.telegram_answers import TelegramListener
from tests.messaging import as_slack, as_telegram, servers
from tests.messaging.desk import World

os.environ.setdefault("PTB_TIMEDELTA", "true")


def make_message(title: str = "ZTF26a enters the top 5", **values: Any) -> Message:
    """Return a message about a candidate."""
    given = {
        "kind": CANDIDATE,
        "candidate_id": "ZTF26a",
        "lines": (("Why now", "score 3.7"), ("Do", "observe")),
        "links": (("Fink", "https://ztf.fink-portal.org/ZTF26aajvsis"),),
        "facts": {"score": 3.7},
        **values,
    }
    return Message(title=title, **given)


def make_letter(message: Message | None = None, key: str = "1", **values: Any) -> Letter:
    """Return a letter."""
    return Letter(message or make_message(), key, **values)


PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 200

PICTURES = (
    Picture("ZTF26a_light_curve", "ZTF26a: light curve", PNG),
    Picture("ZTF26a_visibility", "ZTF26a: visibility", PNG + b"1"),
)


@pytest.fixture
def slack_server() -> Iterator[as_slack.Slack]:
    """Serve as Slack does."""
    with servers.serving(as_slack.Slack()) as service:
        yield service  # type: ignore[misc]


@pytest.fixture
def telegram_server() -> Iterator[as_telegram.Telegram]:
    """Serve as Telegram does."""
    with servers.serving(as_telegram.Telegram()) as service:
        yield service  # type: ignore[misc]


@pytest.fixture
def receiver() -> Iterator[servers.Receiver]:
    """Serve as a program that takes webhooks."""
    with servers.serving(servers.Receiver()) as service:
        yield service  # type: ignore[misc]


def make_slack(server: as_slack.Slack, **settings: Any) -> Any:
    """Return the messenger, pointed at a server of ours."""
    from aas2rto.messaging.slack import Slack

    given: dict[str, Any] = {
        "channel": "C0123456789",
        "token": SecretStr("xoxb-right"),
        "timeout": 1.0,
        "base_url": f"{server.url}/api/",
    }
    return Slack(**{**given, **settings})


def make_telegram(server: as_telegram.Telegram, **settings: Any) -> Any:
    """Return the messenger, pointed at a server of ours."""
    from aas2rto.messaging.telegram import Telegram

    given: dict[str, Any] = {
        "chat": -100,
        "token": SecretStr("123456:right-token"),
        "timeout": 0.5,
        "base_url": f"{server.url}/bot",
    }
    return Telegram(**{**given, **settings})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return a store with a candidate."""
    made = World(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def telegram(
    world: World, telegram_server: as_telegram.Telegram
) -> Iterator[tuple[TelegramListener, Session]]:
    """Return a listener that is asked by hand."""
    messenger = make_telegram(telegram_server, allowed=[7], timeout=2.0)
    session = Session(messenger.token, messenger.base_url, messenger.timeout)
    yield TelegramListener({"telegram": messenger}, world.store.outbox, world.desk), session
    session.close()


@pytest.fixture
def slack(world: World, slack_server: as_slack.Slack) -> Iterator[as_slack.SocketMode]:
    """Listen by Socket Mode, to a WebSocket server of our own."""
    slack_server.socket = as_slack.SocketMode()
    messenger = make_slack(
        slack_server, app_token=SecretStr("xapp-right"), allowed=["UANNA"], timeout=3.0
    )
    listener = SlackListener("slack", messenger, world.store.outbox, world.desk)
    listener.start()
    assert slack_server.socket.connected.wait(10)
    yield slack_server.socket
    listener.close()
    slack_server.socket.close()
