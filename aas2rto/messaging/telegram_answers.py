"""Answers from Telegram by long polling: no open port, one reader per bot."""

from __future__ import annotations

import html
import logging
import threading
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from aas2rto.guard import attempt
from aas2rto.messaging import Delivery, Result
from aas2rto.messaging.answering import Desk, Incoming, entry_number, entry_of, not_ours
from aas2rto.messaging.telegram import LONGEST_TEXT, Session, Telegram, asked, judge
from aas2rto.store.outbox import Outbox

if TYPE_CHECKING:
    from telegram import Bot, CallbackQuery, Message, Update, User

log = logging.getLogger(__name__)

POLL = 25
"""How long Telegram keeps a question open when there is nothing to tell [s]."""
PAUSE = 15.0
"""After a failure [s]."""
LONGEST_TOAST = 190
"""Of what a button answers, core.telegram.org/bots/api#answercallbackquery."""


@dataclass(frozen=True)
class Reply:
    """What is said back to an answer.

    Parameters
    ----------
    chat, to : int
        Where, and under which message.
    said : str or None
        None: nothing.
    query : str
        Of the button that was pressed, which is answered in any case; empty: there was none.
    """

    chat: int
    to: int
    said: str | None
    query: str = ""


class TelegramListener:
    """Reads what people answer to the messages of one bot.

    Parameters
    ----------
    channels : mapping
        From names in the config to messengers; all with the same bot.
    outbox : Outbox
    desk : Desk
    """

    def __init__(self, channels: Mapping[str, Telegram], outbox: Outbox, desk: Desk) -> None:
        self._channels = dict(channels)
        self._outbox = outbox
        self._desk = desk
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._first = next(iter(self._channels))

    def start(self) -> None:
        """Listen from now on."""
        self._thread = threading.Thread(target=self._serve, name="telegram answers", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; a question that is open may stay so for some seconds."""
        self._stop.set()

    def _serve(self) -> None:
        one = self._channels[self._first]
        with closing(Session(one.token, one.base_url, one.timeout)) as session:
            while not self._stop.is_set():
                done = attempt("telegram answers", lambda: self.poll(session))
                told = done.value or Delivery(Result.LATER, "see the log")
                if told.result is Result.SENT:
                    continue
                log.warning("telegram answers: %s", told.why)
                if told.result is Result.STOPPED:
                    return
                self._stop.wait(told.wait or PAUSE)

    def poll(self, session: Session, *, wait: int = POLL) -> Delivery:
        """Ask once for what is new, and take it."""
        return asked(lambda: session.run(self._poll(session.bot, wait)))

    async def _poll(self, bot: Bot, wait: int) -> Delivery:
        updates = await bot.get_updates(
            offset=self._outbox.channel(self._first).offset,
            timeout=wait,
            allowed_updates=["message", "callback_query"],
        )
        for update in updates:
            done = attempt("telegram answers", partial(self._take, update))
            if done.failure is not None:
                log.error("an answer was lost: %s", done.failure.error)
            # Only now: what is not taken is told again; and not later: what was taken counts,
            # whether or not its author can be told so.
            self._outbox.set_channel(self._first, offset=update.update_id + 1)
            told = await self._reply(bot, done.value)
            if told.result is Result.LATER:
                return told
        return Delivery(Result.SENT)

    def _take(self, update: Update) -> Reply | None:
        if update.callback_query is not None:
            return self._take_button(update.update_id, update.callback_query)
        if update.message is not None and update.message.text:
            return self._take_text(update.update_id, update.message)
        return None

    def _take_button(self, number: int, query: CallbackQuery) -> Reply | None:
        verb, _, key = str(query.data or "").partition("|")
        if query.message is None:
            return None
        chat = query.message.chat.id
        channel = self._channel_of(chat)
        if channel is None:
            return None
        entry = entry_number(key)
        if entry is None:
            not_ours(channel, str(query.data or ""))
            return None
        said = self._ask_desk(f"telegram/{number}", channel, query.from_user, verb, entry)
        return Reply(chat, query.message.message_id, said, query.id)

    def _take_text(self, number: int, message: Message) -> Reply | None:
        channel = self._channel_of(message.chat.id)
        if channel is None or message.from_user is None or _is_forwarded(message):
            return None
        answered = message.reply_to_message
        entry = (
            entry_of(self._outbox, channel, "message", answered.message_id) if answered else None
        )
        text = message.text or ""
        said = self._ask_desk(f"telegram/{number}", channel, message.from_user, text, entry)
        return Reply(message.chat.id, message.message_id, said)

    async def _reply(self, bot: Bot, reply: Reply | None) -> Delivery:
        """Tell who answered what became of it; only a wait keeps from reading on."""
        if reply is None:
            return Delivery(Result.SENT)
        told = [await _tried(self._toast(bot, reply))] if reply.query else []
        if reply.said:
            told.append(await _tried(self._say(bot, reply.chat, reply.to, reply.said)))
        for one in told:
            if one.result is not Result.SENT:
                log.warning("telegram answers: who answered could not be told: %s", one.why)
        return next((one for one in told if one.result is Result.LATER), Delivery(Result.SENT))

    async def _toast(self, bot: Bot, reply: Reply) -> None:
        said = reply.said
        text = said.splitlines()[0][:LONGEST_TOAST] if said else "this is not for you"
        await bot.answer_callback_query(reply.query, text=text)

    def _ask_desk(
        self, key: str, channel: str, user: User, text: str, entry: int | None
    ) -> str | None:
        incoming = Incoming(key, channel, str(user.id), _name(user), text, entry)
        allowed = user.id in self._channels[channel].allowed
        done = attempt("answers", lambda: self._desk.take(incoming, allowed=allowed))
        if done.failure is not None:
            log.error("an answer was lost: %s", done.failure.error)
            return "that did not work; see the log of the program"
        return done.value

    def _channel_of(self, chat: int) -> str | None:
        for name, one in self._channels.items():
            moved = self._outbox.channel(name).address
            if chat == (int(moved) if moved else one.chat):
                return name
        return None

    async def _say(self, bot: Bot, chat: int, to: int, text: str) -> None:
        from telegram import ReplyParameters  # noqa: PLC0415  an extra

        shown = html.escape(text[: LONGEST_TEXT - 100], quote=False)
        if "\n" in text:
            shown = f"<pre>{shown}</pre>"
        await bot.send_message(
            chat,
            shown,
            parse_mode="HTML",
            reply_parameters=ReplyParameters(to, allow_sending_without_reply=True),
        )


async def _tried(call: Awaitable[None]) -> Delivery:
    from telegram.error import TelegramError  # noqa: PLC0415  an extra

    try:
        await call
    except TelegramError as error:
        return judge(error)
    return Delivery(Result.SENT)


_FORWARDED = ("forward_from", "forward_from_chat", "forward_sender_name", "forward_date")
"""How servers of Telegram's older API mark what is forwarded; now by `forward_origin`."""


def _is_forwarded(message: Message) -> bool:
    """Tell whether somebody else, or another bot, wrote the words."""
    return bool(
        message.forward_origin
        or message.is_automatic_forward
        or message.via_bot
        or any(name in message.api_kwargs for name in _FORWARDED)
    )


def _name(user: User) -> str:
    return str(user.full_name or user.username or user.id)


def listeners(
    messengers: Mapping[str, Any], outbox: Outbox, desk: Desk
) -> Sequence[TelegramListener]:
    """Return one listener per bot: Telegram tells each answer to one reader only."""
    by_bot: dict[str, dict[str, Telegram]] = {}
    for name, one in messengers.items():
        if isinstance(one, Telegram) and one.listens:
            by_bot.setdefault(one.token.get_secret_value(), {})[name] = one
    return [TelegramListener(channels, outbox, desk) for channels in by_bot.values()]
