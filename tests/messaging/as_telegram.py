"""Telegram as its client sees it: the Bot API, and what a reader sees of a text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from tests.messaging.servers import DEAF, DROP, ERROR, OK, SILENT, WAIT, Request, Service


class _Visible(HTMLParser):
    """Reads Telegram's HTML as strictly as Telegram does."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.open: list[str] = []
        self.links: list[str] = []
        self.wrong = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"b", "i", "u", "s", "a", "code", "pre"}:
            self.wrong = f'unsupported start tag "{tag}"'
        self.links += [str(value) for name, value in attrs if name == "href"]
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong = f'unexpected end tag "{tag}"'

    def handle_data(self, data: str) -> None:
        self.text += data


def visible(text: str) -> tuple[str, str]:
    """Return what a message in Telegram's HTML shows, and what is wrong with it."""
    parser = _Visible()
    parser.feed(text)
    parser.close()
    return parser.text, parser.wrong or (f"unclosed {parser.open}" if parser.open else "")


@dataclass
class Telegram(Service):
    """Telegram's Bot API, as far as it is used."""

    token: str = "123456:right-token"
    chats: dict[int, str] = field(default_factory=lambda: {-100: "member"})
    moved: dict[int, int] = field(default_factory=dict)
    albums: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    toasts: list[str] = field(default_factory=list)
    stale: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1000, 10**9)))

    def handle(self, request: Request) -> None:
        _, bot, method = urlsplit(request.path).path.split("/", 2)
        fields = request.fields()
        with self.lock:
            self.calls.append((method, fields))
        if bot != f"bot{self.token}":
            self._refuse(request, 401, "Unauthorized")
            return
        getattr(self, f"_{method}")(request, fields)

    def _refuse(self, request: Request, code: int, why: str, **parameters: Any) -> None:
        data: dict[str, Any] = {"ok": False, "error_code": code, "description": why}
        if parameters:
            data["parameters"] = parameters
        request.answer(code, data)

    def _is_refused(self, request: Request, chat: int) -> bool:
        if chat in self.moved:
            new = self.moved[chat]
            why = "Bad Request: group chat was upgraded to a supergroup chat"
            self._refuse(request, 400, why, migrate_to_chat_id=new)
            return True
        state = self.chats.get(chat)
        if state == "blocked":
            self._refuse(request, 403, "Forbidden: bot was blocked by the user")
        elif state != "member":
            self._refuse(request, 400, "Bad Request: chat not found")
        return state != "member"

    def _deliver(self, request: Request, chat: int, record: Callable[[], Any]) -> None:
        with self.lock:
            fault = self.plan()
            result = record() if fault in {OK, SILENT} else None
        if fault == WAIT:
            why = f"Too Many Requests: retry after {self.wait}"
            self._refuse(request, 429, why, retry_after=self.wait)
        elif fault == ERROR:
            self._refuse(request, 500, "Internal Server Error")
        elif fault == DROP:
            request.vanish()
        elif fault in {SILENT, DEAF}:
            request.hang()
        else:
            request.answer(200, {"ok": True, "result": result})

    def _message(self, chat: int, **more: Any) -> dict[str, Any]:
        kind = "private" if chat > 0 else "supergroup"
        return {
            "message_id": next(self.numbers),
            "date": 1700000000,
            "chat": {"id": chat, "type": kind},
            **more,
        }

    def _sendMessage(self, request: Request, fields: dict[str, Any]) -> None:  # noqa: N802
        chat = int(fields["chat_id"])
        if self._is_refused(request, chat):
            return
        shown, wrong = visible(fields["text"]) if fields.get("parse_mode") else (fields["text"], "")
        if wrong or not shown or len(shown) > 4096:
            why = f"can't parse entities: {wrong}" if wrong else "message is too long"
            self._refuse(request, 400, f"Bad Request: {why}")
            return

        def record() -> dict[str, Any]:
            message = self._message(chat, text=shown)
            self.arrived.append({**fields, "shown": shown, "number": message["message_id"]})
            return message

        self._deliver(request, chat, record)

    def _sendMediaGroup(self, request: Request, fields: dict[str, Any]) -> None:  # noqa: N802
        chat = int(fields["chat_id"])
        if self._is_refused(request, chat):
            return
        media = json.loads(fields["media"])
        if not 2 <= len(media) <= 10:
            self._refuse(request, 400, "Bad Request: wrong number of media")
            return

        def record() -> list[dict[str, Any]]:
            self.albums.append({**fields, "media": media})
            return [self._message(chat) for _ in media]

        self._deliver(request, chat, record)

    def _sendPhoto(self, request: Request, fields: dict[str, Any]) -> None:  # noqa: N802
        chat = int(fields["chat_id"])
        if self._is_refused(request, chat):
            return

        def record() -> dict[str, Any]:
            self.albums.append({**fields, "media": [{"caption": fields.get("caption")}]})
            return self._message(chat)

        self._deliver(request, chat, record)

    def _getUpdates(self, request: Request, fields: dict[str, Any]) -> None:  # noqa: N802
        offset = int(fields.get("offset") or 0)
        with self.lock:
            self.updates = [one for one in self.updates if one["update_id"] >= offset]
            told = list(self.updates)
        if not told:
            self.stopping.wait(min(float(fields.get("timeout") or 0), 0.2))
        request.answer(200, {"ok": True, "result": told})

    def _answerCallbackQuery(self, request: Request, fields: dict[str, Any]) -> None:  # noqa: N802
        if fields["callback_query_id"] in self.stale:
            why = "query is too old and response timeout expired or query ID is invalid"
            self._refuse(request, 400, f"Bad Request: {why}")
            return
        self.toasts.append(fields.get("text", ""))
        request.answer(200, {"ok": True, "result": True})

    def write(
        self, number: int, text: str, *, user: int = 7, chat: int = -100, to: int = 0, **more: Any
    ) -> None:
        """Let a user write a message, perhaps in reply to another."""
        message = self._message(chat, text=text, **{"from": _user(user)}, **more)
        if to:
            message["reply_to_message"] = {**self._message(chat), "message_id": to}
        with self.lock:
            self.updates.append({"update_id": number, "message": message})

    def press(
        self, number: int, data: str, *, user: int = 7, chat: int = -100, on: int = 1
    ) -> None:
        """Let a user press a button."""
        query = {
            "id": f"q{number}",
            "from": _user(user),
            "chat_instance": "1",
            "data": data,
            "message": {**self._message(chat), "message_id": on},
        }
        with self.lock:
            self.updates.append({"update_id": number, "callback_query": query})


def _user(number: int) -> dict[str, Any]:
    return {"id": number, "is_bot": False, "first_name": "Anna", "last_name": "A."}


# -- a webhook -----------------------------------------------------------------------------------
