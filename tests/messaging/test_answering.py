"""Answers from Telegram and Slack: feedback in the store, from allowed people only."""

from __future__ import annotations

import threading

import pytest
from pydantic import SecretStr

from aas2rto.errors import UsageError
from aas2rto.messaging.answering import HELP, Command, Incoming, factor_table, parse
from aas2rto.messaging.telegram import Session
from aas2rto.messaging.telegram_answers import TelegramListener, listeners
from aas2rto.tables.marks import Ending
from tests.messaging import as_slack, as_telegram
from tests.messaging.conftest import make_telegram
from tests.messaging.desk import NOW, SITES, TOLD, World, wait_for


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("observed", Command("observed")),
        ("Observed.", Command("observed")),
        (
            "observed la_palma_not nice spectrum",
            Command("observed", observatory="la_palma_not", comment="nice spectrum"),
        ),
        (
            "failed la_palma_not lost guiding",
            Command("failed", observatory="la_palma_not", comment="lost guiding"),
        ),
        ("Clouded!", Command("clouded")),
        (
            "veto ZTF26a near a bright star",
            Command("veto", candidate="ZTF26a", comment="near a bright star"),
        ),
        (
            "veto bad subtraction ZTF26a",
            Command("veto", candidate="ZTF26a", comment="bad subtraction"),
        ),
        ("snooze 3d", Command("snooze", ends=Ending(until=61123.0))),
        ("snooze 12 h clouds", Command("snooze", ends=Ending(until=61120.5), comment="clouds")),
        ("snooze 0.5 mag", Command("snooze", ends=Ending(mag=0.5))),
        ("snooze new-data", Command("snooze", ends=Ending(new_data=True))),
        ("/pin@our_bot", Command("pin")),
        ("why ZTF26a", Command("why", candidate="ZTF26a")),
        ("pinned it yesterday", None),
        ("", None),
    ],
)
def test_answers_are_read(text: str, command: Command | None) -> None:
    """A verb first; then perhaps a candidate, a place or an end; the rest is a comment."""
    assert parse(text, NOW, is_candidate="ZTF26a".__eq__, observatories=SITES) == command


@pytest.mark.parametrize("text", ["snooze", "snooze later"])
def test_a_snooze_needs_an_end(text: str) -> None:
    """The answer says how to write one."""
    with pytest.raises(UsageError, match="a snooze needs an end: snooze 3d, snooze 12h"):
        parse(text, NOW, is_candidate=lambda _: False)


def test_why_is_a_table() -> None:
    """Factors and sites, one per line, aligned."""
    assert factor_table(TOLD).splitlines() == [
        "ZTF26a: keep, score 3.74",
        "magnitude               ×0.77  18.73 mag in ztfr",
        "peak                    ×7.03  1.3 d after <peak>",
        "la_silla_dk154           ×7.3  score 27.4",
        "la_palma_not              out  has set for the night",
    ]


def incoming(text: str, key: str = "k1", entry: int | None = None) -> Incoming:
    return Incoming(key, "telegram", "7", "Anna", text, entry)


@pytest.mark.fault("answers", "again", "an answer twice")
def test_an_answer_becomes_feedback_once(world: World) -> None:
    """Delivered twice, it counts once, and is answered once."""
    entry = world.send("telegram", message=1000)
    said = world.desk.take(incoming("veto near a star", entry=entry), allowed=True)
    assert said == "ZTF26a: vetoed by Anna on 2026-03-21 00:00 UTC: near a star"
    assert world.desk.take(incoming("veto near a star", entry=entry), allowed=True) is None
    assert world.feedback() == [("veto", "Anna", "near a star")]


@pytest.mark.fault("answers", "forged", "a stranger")
def test_a_stranger_changes_nothing_and_hears_nothing(world: World) -> None:
    """Who is not on the list is not told so either."""
    entry = world.send("telegram", message=1000)
    assert world.desk.take(incoming("veto", entry=entry), allowed=False) is None
    assert world.feedback() == []


@pytest.mark.fault("answers", "text", "words that are no answer")
@pytest.mark.slow
def test_what_cannot_be_read_is_answered_with_how_to_write_it(world: World) -> None:
    """Small talk in the channel is left alone."""
    entry = world.send("telegram", message=1000)
    assert world.desk.take(incoming("thanks!", entry=entry), allowed=True) == HELP
    assert world.desk.take(incoming("thanks!"), allowed=True) is None
    assert "which candidate?" in str(world.desk.take(incoming("pin"), allowed=True))
    assert "a snooze needs an end" in str(
        world.desk.take(incoming("snooze soon", entry=entry), allowed=True)
    )
    assert world.feedback() == []


def test_why_changes_nothing(world: World) -> None:
    """It answers with the factor table of the candidate that is meant."""
    entry = world.send("telegram", message=1000)
    assert world.desk.take(incoming("why", entry=entry), allowed=True) == factor_table(TOLD)
    assert world.asked == ["ZTF26a"]
    assert world.feedback() == []


# -- Telegram ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_button_on_telegram(
    world: World,
    telegram_server: as_telegram.Telegram,
    telegram: tuple[TelegramListener, Session],
) -> None:
    """It shows a toast to who pressed it, and the words below the message to all."""
    entry = world.send("telegram", message=1000)
    telegram_server.press(31, f"snooze 3d|{entry}", on=1000)
    listener, session = telegram
    listener.poll(session, wait=0)
    assert world.feedback() == [("snooze", "Anna A.", "")]
    (said,) = telegram_server.arrived
    assert (
        said["shown"]
        == "ZTF26a: snoozed by Anna A. on 2026-03-21 00:00 UTC until 2026-03-24 00:00 UTC"
    )
    assert telegram_server.toasts == [said["shown"][:190]]
    assert world.store.outbox.channel("telegram").offset == 32


def test_a_reply_on_telegram(
    world: World,
    telegram_server: as_telegram.Telegram,
    telegram: tuple[TelegramListener, Session],
) -> None:
    """A reply to a message means its candidate; `why` comes in fixed-width letters."""
    world.send("telegram", message=1000)
    telegram_server.write(5, "observed la_silla_dk154", to=1000)
    telegram_server.write(6, "why", to=1000)
    telegram_server.write(7, "pin ZTF26a")
    telegram_server.write(8, "what a night")
    listener, session = telegram
    listener.poll(session, wait=0)
    assert [kind for kind, *_ in world.feedback()] == ["observed", "pin"]
    assert len(telegram_server.arrived) == 3
    assert telegram_server.arrived[1]["text"].startswith("<pre>ZTF26a: keep, score 3.74\n")
    assert "&lt;peak&gt;" in telegram_server.arrived[1]["text"]


def test_strangers_and_other_chats_on_telegram(
    world: World,
    telegram_server: as_telegram.Telegram,
    telegram: tuple[TelegramListener, Session],
) -> None:
    """Only allowed users, only in our chat."""
    entry = world.send("telegram", message=1000)
    telegram_server.chats[-5] = "member"
    telegram_server.press(1, f"veto|{entry}", user=666)
    telegram_server.write(2, "veto ZTF26a", user=666)
    telegram_server.write(3, "veto ZTF26a", chat=-5)
    telegram_server.press(4, "veto|not-a-number")
    listener, session = telegram
    listener.poll(session, wait=0)
    assert world.feedback() == []
    assert telegram_server.toasts == ["this is not for you"]
    assert telegram_server.arrived == []


def test_what_was_told_again_on_telegram_counts_once(
    world: World,
    telegram_server: as_telegram.Telegram,
    telegram: tuple[TelegramListener, Session],
) -> None:
    """A program that is killed before it has read on hears everything again."""
    entry = world.send("telegram", message=1000)
    telegram_server.press(31, f"veto|{entry}")
    listener, session = telegram
    listener.poll(session, wait=0)
    world.store.outbox.set_channel("telegram", offset=31)
    telegram_server.press(31, f"veto|{entry}")
    listener.poll(session, wait=0)
    assert len(world.feedback()) == 1


def test_one_listener_per_bot(world: World, telegram_server: as_telegram.Telegram) -> None:
    """Two channels of one bot are read by one; who allows nobody is not read at all."""
    both = {
        "one": make_telegram(telegram_server, allowed=[7]),
        "two": make_telegram(telegram_server, allowed=[8], chat=-200),
        "deaf": make_telegram(telegram_server, chat=-300),
        "other": make_telegram(telegram_server, allowed=[7], token=SecretStr("9:other")),
    }
    assert len(listeners(both, world.store.outbox, world.desk)) == 2


@pytest.mark.slow
def test_a_listener_lives_and_ends(world: World, telegram_server: as_telegram.Telegram) -> None:
    """In a thread of its own, it hears what comes; a wrong token ends it."""
    entry = world.send("telegram", message=1000)
    messenger = make_telegram(telegram_server, allowed=[7], timeout=2.0)
    listener = TelegramListener({"telegram": messenger}, world.store.outbox, world.desk)
    listener.start()
    telegram_server.press(31, f"pin|{entry}")
    wait_for(lambda: world.feedback() == [("pin", "Anna A.", "")])
    telegram_server.token = "1:revoked"
    wait_for(lambda: not any(t.name == "telegram answers" for t in threading.enumerate()))
    listener.close()


# -- Slack ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_button_on_slack(
    world: World, slack_server: as_slack.Slack, slack: as_slack.SocketMode
) -> None:
    """It is stored before it is acknowledged, and answered in the thread of the message."""
    entry = world.send("slack", ts="1.1")
    envelope = slack.press("snooze 3d", entry, ts="1.1")
    wait_for(lambda: bool(slack.heard))
    assert slack.heard[0]["envelope_id"] == envelope
    assert world.feedback() == [("snooze", "anna", "")]
    wait_for(lambda: bool(slack_server.arrived))
    said = slack_server.arrived[0]
    assert (said["thread_ts"], said["channel"]) == ("1.1", "C0123456789")
    assert said["text"].startswith("ZTF26a: snoozed by anna")


@pytest.mark.slow
def test_a_reply_on_slack(
    world: World, slack_server: as_slack.Slack, slack: as_slack.SocketMode
) -> None:
    """A word in the thread means its candidate; an event that comes twice counts once."""
    world.send("slack", ts="1.1")
    slack.write("veto near a star", ts="2.1", thread="1.1")
    slack.write("veto near a star", ts="2.1", thread="1.1")
    slack.write("<@UBOT> why ZTF26a", ts="2.2")
    slack.write("what a night", ts="2.3")
    wait_for(lambda: len(slack.heard) == 4)
    wait_for(lambda: len(slack_server.arrived) == 2)
    assert world.feedback() == [("veto", "UANNA", "near a star")]
    why = slack_server.arrived[1]
    assert why["text"].startswith("```ZTF26a: keep, score 3.74\n")
    assert "&lt;peak&gt;" in why["text"]
    assert why["thread_ts"] == "2.2"


@pytest.mark.slow
def test_strangers_on_slack(
    world: World, slack_server: as_slack.Slack, slack: as_slack.SocketMode
) -> None:
    """They are acknowledged, so that Slack does not ask again, and nothing else."""
    entry = world.send("slack", ts="1.1")
    slack.press("veto", entry, user="UEVE")
    slack.write("veto", ts="2.1", thread="1.1", user="UEVE")
    wait_for(lambda: len(slack.heard) == 2)
    assert world.feedback() == []
    assert slack_server.arrived == []
