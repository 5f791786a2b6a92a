"""Telegram: the text first, its figures as an album that replies to it."""

from __future__ import annotations

import asyncio
import html
import logging
import os
import re
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from aas2rto.errors import MessageError
from aas2rto.guard import attempt
from aas2rto.messaging import Delivery, Figures, Letter, Result, messenger
from aas2rto.messaging.message import Message, written
from aas2rto.units import Second

if TYPE_CHECKING:
    from telegram import Bot

log = logging.getLogger(__name__)

LONGEST_TEXT = 4096
"""After entities are parsed, core.telegram.org/bots/api#sendmessage."""
MOST_UPDATES = 2**53
"""Numbers of updates are below, core.telegram.org/bots/api#update: JSON keeps them."""
MOST_PICTURES = 10
"""Of an album, core.telegram.org/bots/api#sendmediagroup."""

CHAT_GONE = re.compile(
    "chat not found|peer_id_invalid|user is deactivated|chat_write_forbidden|have no rights|"
    "not enough rights|need administrator rights|chat_restricted|topic_closed|bot is not a member|"
    "chat was deleted|group chat was deactivated",
    re.IGNORECASE,
)
"""What BadRequest says when no message will get through to a chat."""

BUTTONS = (("observed", "failed", "clouded"), ("veto", "snooze 3d", "pin", "why"))


@messenger("telegram")
class Telegram:
    """Telegram, through a bot of yours: text, then figures, buttons to answer.

    Parameters
    ----------
    chat : int
        Number of the chat: positive for a person, negative for a group.
    token : SecretStr
        Of the bot, from @BotFather.
    allowed : list of int
        Numbers of the users whose answers count; none: answers are not read.
    timeout : float
        Of one request [s].
    base_url : str
        Of Telegram's API, without the token.
    """

    seconds_apart = 3.0
    """Twenty a minute are what a group takes."""
    figures = Figures.APART

    def __init__(
        self,
        *,
        chat: int,
        token: SecretStr,
        allowed: list[int] | None = None,
        timeout: Second = 20.0,
        base_url: str = "https://api.telegram.org/bot",
    ) -> None:
        self.chat = chat
        self.allowed = frozenset(allowed or ())
        self.token = token
        self.base_url = base_url
        self.timeout = timeout
        self._session: Session | None = None

    @property
    def listens(self) -> bool:
        """Whether answers are read."""
        return bool(self.allowed)

    def prepare(self) -> None:
        """Make the bot, whose library is slow to import."""
        self._ready()

    def _ready(self) -> Session:
        if self._session is None:
            self._session = Session(self.token, self.base_url, self.timeout)
        return self._session

    def send(self, letter: Letter) -> Delivery:
        """Send a text, or its figures in reply to it."""
        session = self._ready()
        call = self._figures if letter.follows is not None else self._text
        return asked(lambda: session.run(call(session.bot, letter)))

    async def _text(self, bot: Bot, letter: Letter) -> Delivery:
        from telegram import LinkPreviewOptions  # noqa: PLC0415  an extra

        chat = self._address(letter)
        sent = await bot.send_message(
            chat,
            as_html(letter.message),
            parse_mode="HTML",
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            reply_markup=_keyboard(letter),
        )
        return Delivery(Result.SENT, receipt={"chat": chat, "message": sent.message_id})

    async def _figures(self, bot: Bot, letter: Letter) -> Delivery:
        from telegram import InputMediaPhoto, ReplyParameters  # noqa: PLC0415  an extra

        chat = self._address(letter)
        text = (letter.follows or {}).get("message")
        reply = (
            ReplyParameters(int(text), allow_sending_without_reply=True)
            if text is not None
            else None
        )
        some = letter.pictures[:MOST_PICTURES]
        if len(some) == 1:
            photo = some[0]
            one = await bot.send_photo(
                chat,
                photo.png,
                caption=photo.title,
                filename=f"{photo.name}.png",
                reply_parameters=reply,
            )
            return Delivery(Result.SENT, receipt={"chat": chat, "messages": [one.message_id]})
        media = [
            InputMediaPhoto(photo.png, caption=photo.title, filename=f"{photo.name}.png")
            for photo in some
        ]
        sent = await bot.send_media_group(chat, media, reply_parameters=reply)
        numbers = [one.message_id for one in sent]
        return Delivery(Result.SENT, receipt={"chat": chat, "messages": numbers})

    def _address(self, letter: Letter) -> int:
        return int(letter.address) if letter.address else self.chat

    def close(self) -> None:
        """End the session with Telegram."""
        if self._session is not None:
            self._session.close()
            self._session = None


class Session:
    """A bot with an event loop of its own: it may be used in one loop only.

    Parameters
    ----------
    token : SecretStr
    base_url : str
    timeout : float
        [s]
    """

    def __init__(self, token: SecretStr, base_url: str, timeout: float) -> None:
        # The library's own way of saying: give waits as timedelta, which it will always do.
        os.environ.setdefault("PTB_TIMEDELTA", "true")
        try:
            import httpx  # noqa: PLC0415  an extra
            from telegram import Bot  # noqa: PLC0415
            from telegram.request import HTTPXRequest  # noqa: PLC0415
        except ImportError as error:
            raise MessageError(
                "telegram: python-telegram-bot is not installed; pip install 'aas2rto[messages]'"
            ) from error

        class Updates(HTTPXRequest):
            """Reads answers update by update: one that cannot be read costs itself."""

            @staticmethod
            def parse_json_payload(payload: bytes) -> dict[str, Any]:
                return readable(HTTPXRequest.parse_json_payload(payload))

        def request(kind: type[HTTPXRequest]) -> HTTPXRequest:
            # A connection that was kept may be dead, and then nobody knows whether a request
            # that was written to it has arrived.
            limits = httpx.Limits(max_connections=4, max_keepalive_connections=0)
            return kind(
                read_timeout=timeout,
                write_timeout=timeout,
                connect_timeout=timeout,
                media_write_timeout=timeout,
                httpx_kwargs={"limits": limits},
            )

        self.bot = Bot(
            token.get_secret_value(),
            base_url=base_url,
            request=request(HTTPXRequest),
            get_updates_request=request(Updates),
        )
        self._loop = asyncio.new_event_loop()
        self._ready = False

    def run(self, call: Coroutine[Any, Any, Delivery]) -> Delivery:
        """Run a call of the bot to its end."""
        return self._loop.run_until_complete(self._prepared(call))

    async def _prepared(self, call: Coroutine[Any, Any, Delivery]) -> Delivery:
        if not self._ready:
            for one in self.bot._request:
                await one.initialize()
            self._ready = True
        return await call

    def close(self) -> None:
        """Close the connections and the loop."""

        async def end() -> None:
            for one in self.bot._request:
                await one.shutdown()

        if not self._loop.is_closed():
            self._loop.run_until_complete(end())
            self._loop.close()


def readable(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave of each update that Telegram's library cannot read its number alone.

    The library reads all or none; what is not read is told again, and with it all that follows.
    What has no number that can be told back is left out: it never was one of Telegram's.
    """
    updates = answer.get("result")
    if not isinstance(updates, list):
        return answer
    return {**answer, "result": [_update(one) for one in updates if _has_number(one)]}


def _has_number(told: Any) -> bool:
    number = told.get("update_id") if isinstance(told, dict) else None
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < MOST_UPDATES


def _update(told: Any) -> Any:
    from telegram import Update  # noqa: PLC0415  an extra

    done = attempt("telegram answers", lambda: Update.de_json(told, None))
    if done.failure is None:
        return told
    log.warning("telegram answers: an update cannot be read: %s", done.failure.error)
    return {"update_id": told["update_id"]}


def asked(call: Callable[[], Delivery]) -> Delivery:
    """Run a call, and say what its failure means.

    Notes
    -----
    None of the words are the library's: they may hold the token.
    """
    from telegram.error import TelegramError  # noqa: PLC0415  an extra

    try:
        return call()
    except TelegramError as error:
        return judge(error)


def judge(error: Exception) -> Delivery:
    """Say what an error of Telegram's library means for a message."""
    from telegram import error as errors  # noqa: PLC0415  an extra

    if isinstance(error, errors.RetryAfter):
        wait = error.retry_after
        wait_s = wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
        return Delivery(Result.LATER, "telegram asks to wait", wait=wait_s)
    if isinstance(error, errors.ChatMigrated):
        moved = str(error.new_chat_id)
        return Delivery(Result.LATER, f"the chat moved to {moved}", wait=0.0, moved_to=moved)
    if isinstance(error, errors.InvalidToken):
        return Delivery(Result.STOPPED, "telegram does not know the bot's token")
    if isinstance(error, errors.Forbidden):
        return Delivery(Result.STOPPED, f"telegram forbids it: {_words(error)}")
    if isinstance(error, errors.BadRequest):
        gone = CHAT_GONE.search(str(error)) is not None
        result = Result.STOPPED if gone else Result.REFUSED
        return Delivery(result, f"telegram says: {_words(error)}")
    return _judge_network(error)


def _judge_network(error: Exception) -> Delivery:
    import httpx  # noqa: PLC0415  an extra

    cause = error.__cause__
    not_sent = (
        httpx.ConnectTimeout,
        httpx.ConnectError,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.WriteTimeout,
        httpx.WriteError,
        httpx.UnsupportedProtocol,
    )
    if isinstance(cause, not_sent):
        return Delivery(Result.LATER, f"telegram cannot be reached: {type(cause).__name__}")
    if cause is None and "gateway time" not in str(error).lower():
        return Delivery(Result.LATER, f"telegram failed: {_words(error)}")
    name = type(cause).__name__ if cause is not None else "gateway time-out"
    return Delivery(Result.UNKNOWN, f"telegram did not answer: {name}")


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


# -- markup --------------------------------------------------------------------------------------

_STARTS = re.compile(r"(?<![\w])([/#])(?=\w)")


def escape(text: str) -> str:
    """Return a text in which Telegram finds no markup, mention, hashtag or command."""
    text = html.escape(text, quote=False).replace("@", "＠")
    return _STARTS.sub(lambda match: f"{match.group(1)}\u2060", text)


def as_html(message: Message) -> str:
    """Return the message in Telegram's HTML; what is too long loses its last lines."""
    parts = [f"<b>{escape(message.title)}</b>", ""]
    length = len(message.title) + 2
    for label, text in message.lines:
        length += len(label) + len(text) + 4
        if length > LONGEST_TEXT - 200:
            parts.append("…")
            break
        parts.append(written(escape(label), escape(text), bold="<b>{}</b>  ".format))
    named = [
        f'<a href="{html.escape(address)}">{escape(name)}</a>' for name, address in message.links
    ]
    return "\n".join([*parts, *([" · ".join(named)] if named else [])])


def _keyboard(letter: Letter) -> Any:
    if not letter.buttons or not letter.message.candidate_id:
        return None
    from telegram import InlineKeyboardButton, InlineKeyboardMarkup  # noqa: PLC0415  an extra

    return InlineKeyboardMarkup(
        [
            [InlineKeyboardButton(one, callback_data=f"{one}|{letter.key}") for one in row]
            for row in BUTTONS
        ]
    )
