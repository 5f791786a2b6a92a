"""python-telegram-bot against a server that answers as Telegram does."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from aas2rto.messaging import Result
from tests.messaging import as_telegram, servers
from tests.messaging.conftest import PICTURES, make_letter, make_message, make_telegram


@pytest.fixture
def telegram(telegram_server: as_telegram.Telegram) -> Iterator[Any]:
    """Return the messenger; close it at the end."""
    messenger = make_telegram(telegram_server)
    yield messenger
    messenger.close()


@pytest.mark.slow
def test_the_text_comes_first_and_its_figures_reply_to_it(
    telegram: Any, telegram_server: as_telegram.Telegram
) -> None:
    """A message, then an album that belongs to it."""
    text = telegram.send(make_letter())
    assert text.result is Result.SENT
    told = telegram_server.arrived[0]
    assert told["shown"].startswith("ZTF26a enters the top 5\n\nWhy now  score 3.7")
    assert json.loads(told["link_preview_options"]) == {"is_disabled": True}
    done = telegram.send(make_letter(pictures=PICTURES, follows=text.receipt, key="2"))
    assert done.result is Result.SENT
    album = telegram_server.albums[0]
    assert [one["caption"] for one in album["media"]] == [one.title for one in PICTURES]
    assert json.loads(album["reply_parameters"])["message_id"] == text.receipt["message"]


def test_a_single_figure_is_a_photo(telegram: Any, telegram_server: as_telegram.Telegram) -> None:
    """An album has at least two."""
    done = telegram.send(make_letter(pictures=PICTURES[:1], follows={"message": 1000}))
    assert done.result is Result.SENT
    assert telegram_server.calls[-1][0] == "sendPhoto"


def test_buttons_carry_the_message_they_belong_to(
    telegram_server: as_telegram.Telegram,
) -> None:
    """Each answer is a button whose data hold the message's number, within 64 bytes."""
    messenger = make_telegram(telegram_server, allowed=[7])
    assert messenger.listens
    messenger.send(make_letter(buttons=True, key="17"))
    messenger.close()
    rows = json.loads(telegram_server.arrived[0]["reply_markup"])["inline_keyboard"]
    data = [button["callback_data"] for row in rows for button in row]
    answers = ("observed", "failed", "clouded", "veto", "snooze 3d", "pin", "why")
    assert data == [f"{one}|17" for one in answers]


@pytest.mark.fault("messages", "damaged", "each fault of Telegram")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "result", "words"),
    [
        (servers.WAIT, Result.LATER, "telegram asks to wait"),
        (servers.ERROR, Result.LATER, "telegram failed: Internal Server Error"),
        (servers.DROP, Result.UNKNOWN, "telegram did not answer: RemoteProtocolError"),
        (servers.DEAF, Result.UNKNOWN, "telegram did not answer: ReadTimeout"),
        (servers.SILENT, Result.UNKNOWN, "telegram did not answer: ReadTimeout"),
    ],
)
def test_what_each_fault_means(
    telegram: Any, telegram_server: as_telegram.Telegram, fault: str, result: Result, words: str
) -> None:
    """Refused or failed: it did not arrive. No answer: nobody knows. Nothing is asked twice."""
    telegram_server.script(fault)
    told = telegram.send(make_letter())
    assert (told.result, told.why) == (result, words)
    assert told.wait == (1.0 if fault == servers.WAIT else None)
    assert len(telegram_server.calls) == 1
    assert telegram.send(make_letter()).result is Result.SENT  # and it goes on


def test_a_server_that_is_not_there_has_not_got_it() -> None:
    """A connection that is refused is no unknown."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    messenger = make_telegram(as_telegram.Telegram(url=f"http://127.0.0.1:{port}"))
    told = messenger.send(make_letter())
    messenger.close()
    assert (told.result, told.why) == (Result.LATER, "telegram cannot be reached: ConnectError")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("blocked", "telegram forbids it: forbidden: bot was blocked by the user"),
        ("", "telegram says: chat not found"),
    ],
)
def test_a_chat_that_is_gone_stops(
    telegram: Any, telegram_server: as_telegram.Telegram, state: str, words: str
) -> None:
    """No message will get through to a user who blocks the bot, or to no chat at all."""
    telegram_server.chats = {-100: state} if state else {}
    told = telegram.send(make_letter())
    assert (told.result, told.why.lower()) == (Result.STOPPED, words)


def test_a_chat_that_moved_says_where(telegram: Any, telegram_server: as_telegram.Telegram) -> None:
    """A group that became a supergroup has a new number; the message did not arrive."""
    telegram_server.moved = {-100: -1001234}
    telegram_server.chats[-1001234] = "member"
    told = telegram.send(make_letter())
    assert (told.result, told.moved_to, told.wait) == (Result.LATER, "-1001234", 0.0)
    again = telegram.send(make_letter(address="-1001234"))
    assert (again.result, again.receipt["chat"]) == (Result.SENT, -1001234)


def test_a_wrong_token_stops_and_is_not_shown(telegram_server: as_telegram.Telegram) -> None:
    """The library's own words hold the token; ours do not."""
    messenger = make_telegram(telegram_server, token=SecretStr("666:very-secret"))
    told = messenger.send(make_letter())
    messenger.close()
    assert (told.result, told.why) == (Result.STOPPED, "telegram does not know the bot's token")


def test_a_long_message_loses_its_last_lines(
    telegram: Any, telegram_server: as_telegram.Telegram
) -> None:
    """Telegram refuses more than 4096 letters."""
    lines = tuple((f"line {n}", "&<>" * 150) for n in range(20))
    assert telegram.send(make_letter(make_message(lines=lines))).result is Result.SENT
    assert telegram_server.arrived[0]["shown"].count("line") < 20
