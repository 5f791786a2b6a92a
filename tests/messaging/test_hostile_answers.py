"""One answer that is stale, forged or broken costs itself; those behind it are read."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from aas2rto.messaging import Result
from aas2rto.messaging.answering import entry_number
from aas2rto.messaging.telegram import Session
from aas2rto.messaging.telegram_answers import TelegramListener
from tests.messaging import as_slack, as_telegram
from tests.messaging.desk import World, wait_for

Asked = tuple[TelegramListener, Session]

FORGED = (
    "veto|\N{SUPERSCRIPT TWO}",
    "veto|\N{ARABIC-INDIC DIGIT ONE}",
    "veto|" + "9" * 30,
    "veto|" + "9" * 5000,
    "veto|-1",
    "veto|1.0",
    "veto|",
    "veto",
    "veto:1",
    "|",
    "||",
    "",
    "snooze 1e400d|1",
    "\x1b[2Jveto|\x00",
)

FORWARDED: tuple[dict[str, Any], ...] = (
    {"forward_origin": {"type": "hidden_user", "sender_user_name": "Eve", "date": 1700000000}},
    {"forward_from": {"id": 666, "is_bot": False, "first_name": "Eve"}, "forward_date": 1700000000},
    {"forward_sender_name": "Eve", "forward_date": 1700000000},
    {"is_automatic_forward": True},
    {"via_bot": {"id": 8, "is_bot": True, "first_name": "Bot"}},
)

SHARED = {"is_share": True, "from_url": "https://x.slack.com/archives/C1/p1", "text": "veto ZTF26a"}


@pytest.mark.fault("answers", "range", "numbers that are none")
@pytest.mark.parametrize("text", FORGED[:9])
def test_what_is_no_number_of_a_message_is_none(text: str) -> None:
    """Only ASCII digits, and no more than a database takes."""
    assert entry_number(text.removeprefix("veto|")) is None
    assert entry_number("12") == 12


@pytest.mark.fault("answers", "range", "a stale Telegram button")
def test_a_button_too_old_for_an_answer_still_counts(
    world: World, telegram_server: as_telegram.Telegram, telegram: Asked
) -> None:
    """Telegram refuses the toast; the word is kept, said in the chat, and what follows is read."""
    entry = world.send("telegram", message=1000)
    telegram_server.stale.add("q31")
    telegram_server.press(31, f"veto|{entry}", on=1000)
    telegram_server.write(32, "pin ZTF26a")
    listener, session = telegram
    assert listener.poll(session, wait=0).result is Result.SENT
    assert [kind for kind, *_ in world.feedback()] == ["veto", "pin"]
    assert [said["shown"][:14] for said in telegram_server.arrived] == [
        "ZTF26a: vetoed",
        "ZTF26a: pinned",
    ]
    assert world.store.outbox.channel("telegram").offset == 33


@pytest.mark.fault("answers", "gone", "a chat that is closed to the bot")
def test_a_chat_that_is_closed_to_the_bot_does_not_end_the_reading(
    world: World, telegram_server: as_telegram.Telegram, telegram: Asked
) -> None:
    """Forbidden to say something there, it hears what comes next."""
    telegram_server.write(31, "veto ZTF26a")
    telegram_server.write(32, "pin ZTF26a")
    telegram_server.chats[-100] = "blocked"
    listener, session = telegram
    assert listener.poll(session, wait=0).result is Result.SENT
    assert [kind for kind, *_ in world.feedback()] == ["veto", "pin"]


@pytest.mark.fault("answers", "slow", "a wait that is asked for")
def test_a_wait_that_is_asked_for_is_kept_after_the_answer_counted(
    world: World, telegram_server: as_telegram.Telegram, telegram: Asked
) -> None:
    """What was taken is not told again; the rest comes with the next question."""
    telegram_server.write(31, "veto ZTF26a")
    telegram_server.write(32, "pin ZTF26a")
    telegram_server.plan = iter(["wait", "ok"]).__next__
    listener, session = telegram
    assert listener.poll(session, wait=0).result is Result.LATER
    assert world.store.outbox.channel("telegram").offset == 32
    assert listener.poll(session, wait=0).result is Result.SENT
    assert [kind for kind, *_ in world.feedback()] == ["veto", "pin"]


@pytest.mark.fault("answers", "forged", "forged callback data (veto|²)")
@pytest.mark.slow
def test_forged_buttons_cost_themselves(
    world: World,
    telegram_server: as_telegram.Telegram,
    telegram: Asked,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each is left aside with a line in the log, which shows it harmless; later ones are read."""
    entry = world.send("telegram", message=1000)
    for number, data in enumerate(FORGED):
        telegram_server.press(number, data, on=1000)
    telegram_server.press(100, f"pin|{entry}", on=1000)
    listener, session = telegram
    with caplog.at_level(logging.WARNING, logger="aas2rto"):
        assert listener.poll(session, wait=0).result is Result.SENT
    assert [kind for kind, *_ in world.feedback()] == ["pin"]
    assert world.store.outbox.channel("telegram").offset == 101
    lines = [r.getMessage() for r in caplog.records if "not one of ours" in r.getMessage()]
    assert len(lines) == len(FORGED) - 1
    assert (
        lines[0] == "channel telegram: a button that is not one of ours: 'veto|\N{SUPERSCRIPT TWO}'"
    )
    assert all(line.isprintable() and len(line) < 200 for line in lines)


BROKEN: tuple[dict[str, Any], ...] = (
    {"message": {"message_id": 1, "date": 10**18, "chat": {"id": -100, "type": "supergroup"}}},
    {"message": {"text": "no chat, no date"}},
    {"callback_query": {"id": "q", "data": "veto|1"}},
    {"message": "words"},
    {"message": None},
    {},
)


@pytest.mark.fault("answers", "damaged", "an update that cannot be read")
def test_an_update_that_the_library_cannot_read_costs_itself(
    world: World, telegram_server: as_telegram.Telegram, telegram: Asked
) -> None:
    """Telegram tells it as long as nobody says that it was read."""
    telegram_server.updates += [{"update_id": n, **one} for n, one in enumerate(BROKEN)]
    telegram_server.write(50, "pin ZTF26a")
    listener, session = telegram
    assert listener.poll(session, wait=0).result is Result.SENT
    assert [kind for kind, *_ in world.feedback()] == ["pin"]
    assert world.store.outbox.channel("telegram").offset == 51


@pytest.mark.fault("answers", "forged", "forwarded messages")
@pytest.mark.slow
@pytest.mark.parametrize("how", FORWARDED, ids=lambda how: next(iter(how)))
def test_forwarded_words_are_not_those_of_who_forwards_them(
    world: World, telegram_server: as_telegram.Telegram, telegram: Asked, how: dict[str, Any]
) -> None:
    """Neither counted nor answered."""
    world.send("telegram", message=1000)
    telegram_server.write(31, "veto ZTF26a", **how)
    telegram_server.write(32, "veto", to=1000, **how)
    listener, session = telegram
    listener.poll(session, wait=0)
    assert world.feedback() == []
    assert telegram_server.arrived == []
    assert world.store.outbox.channel("telegram").offset == 33


@pytest.mark.fault("answers", "damaged", "what Slack's library cannot read")
@pytest.mark.slow
def test_slack_acknowledges_what_it_cannot_read(world: World, slack: as_slack.SocketMode) -> None:
    """Or Slack would send it again, and end the connection after many of them."""
    entry = world.send("slack", ts="1.1")
    forged = [data.partition("|")[2] for data in FORGED if not data.endswith("|1")]
    for key in forged:
        slack.press("veto", key, ts="1.1")
    payloads: list[Any] = [
        {"type": "block_actions", "actions": ["veto"]},
        {"type": "block_actions", "actions": {"a": 1}},
        {"type": "block_actions", "container": "C0123456789"},
        {"event": "message"},
        {"event": {"type": ["message"]}},
    ]
    for number, payload in enumerate(payloads):
        slack.send("events_api" if "event" in payload else "interactive", payload, f"e{number}")
    slack.press("pin", entry, ts="1.1")
    wait_for(lambda: len(slack.heard) == len(forged) + len(payloads) + 1)
    assert world.feedback() == [("pin", "anna", "")]


@pytest.mark.fault("answers", "forged", "messages shared on Slack")
@pytest.mark.slow
def test_messages_shared_on_slack_do_not_count(
    world: World, slack_server: as_slack.Slack, slack: as_slack.SocketMode
) -> None:
    """Somebody else wrote them."""
    world.send("slack", ts="1.1")
    slack.write("veto", ts="2.1", thread="1.1", attachments=[SHARED])
    slack.write("", ts="2.2", thread="1.1", attachments=[SHARED])
    slack.write("&gt; veto", ts="2.3")
    slack.write("pin ZTF26a", ts="2.4")
    wait_for(lambda: len(slack.heard) == 4)
    assert world.feedback() == [("pin", "UANNA", "")]
    wait_for(lambda: bool(slack_server.arrived))
    assert len(slack_server.arrived) == 1
