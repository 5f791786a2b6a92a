"""Servers that answer as Slack, Telegram and a webhook's receiver do, well or badly.

The clients are the real ones, unchanged, pointed at these. A fault is taken from a plan for each
request that would deliver something, so that a test says what goes wrong, and when.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

OK, WAIT, ERROR, SILENT, DEAF, DROP = "ok", "wait", "error", "silent", "deaf", "drop"
"""ok: delivered. wait: 429. error: 500. silent: delivered, and then no answer comes. deaf: not
delivered, and no answer comes. drop: the connection is closed without an answer, not delivered."""


@dataclass
class Service:
    """What all of them have: what arrived, and what is to go wrong."""

    plan: Callable[[], str] = lambda: OK
    wait: int = 1
    hang: float = 3.0
    arrived: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    stopping: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def script(self, *faults: str) -> None:
        """Let these go wrong, one per delivery, and nothing after."""
        rest = list(faults)
        self.plan = lambda: rest.pop(0) if rest else OK

    def handle(self, request: Request) -> None:
        raise NotImplementedError


class Request(BaseHTTPRequestHandler):
    """One request, with its body read."""

    service: Service
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        announced = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(announced)
        if len(self.body) < announced:
            # The client died in mid-sentence: half a request is none, as in any real server.
            self.close_connection = True
            return
        self.service.handle(self)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def fields(self) -> dict[str, Any]:
        """Return the parameters of the request, however they are written; files as bytes."""
        kind = self.headers.get("Content-Type", "")
        if "json" in kind:
            return dict(json.loads(self.body or b"{}"))
        if "multipart" in kind:
            head = f"Content-Type: {kind}\r\n\r\n".encode()
            parts = BytesParser(policy=HTTP).parsebytes(head + self.body).iter_parts()
            found: dict[str, Any] = {}
            for part in parts:
                data = part.get_payload(decode=True)
                name = str(part.get_param("name", header="content-disposition"))
                found[name] = data if part.get_filename() else data.decode()
            return found
        query = urlsplit(self.path).query
        text = self.body.decode() if self.body else query
        return {key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()}

    def answer(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        content = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)

    def vanish(self) -> None:
        """Close the connection without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def hang(self) -> None:
        """Keep the client waiting for longer than it will."""
        self.service.stopping.wait(self.service.hang)
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        """Let clients go."""


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    """Serve on a free port of this machine."""
    handler = type("Handler", (Request,), {"service": service})
    server = _Server(("127.0.0.1", 0), handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


# -- Slack ---------------------------------------------------------------------------------------


@dataclass
class Slack(Service):
    """Slack's Web API, as far as it is used."""

    token: str = "xoxb-right"
    channels: dict[str, str] = field(default_factory=lambda: {"C0123456789": "member"})
    scopes: set[str] = field(
        default_factory=lambda: {"chat:write", "files:write", "channels:history"}
    )
    uploads: dict[str, bytes] = field(default_factory=dict)
    shared: list[dict[str, Any]] = field(default_factory=list)
    upload_plan: Callable[[str], str] = lambda method: OK
    socket: SocketMode | None = None

    def handle(self, request: Request) -> None:
        path = urlsplit(request.path).path
        if path.startswith("/upload/"):
            self._take_bytes(request, path.removeprefix("/upload/"))
            return
        method, fields = path.removeprefix("/api/"), request.fields()
        with self.lock:
            self.calls.append((method, fields))
        if request.headers.get("Authorization") not in {
            f"Bearer {self.token}",
            "Bearer xapp-right",
        }:
            request.answer(200, {"ok": False, "error": "invalid_auth"})
            return
        getattr(self, "_" + re.sub(r"(?<!^)(?=[A-Z])|\.", "_", method).lower())(request, fields)

    def _refuses(self, request: Request, channel: str, scope: str) -> bool:
        if scope not in self.scopes:
            error = {"ok": False, "error": "missing_scope", "needed": scope, "provided": "none"}
            request.answer(200, error)
            return True
        state = self.channels.get(channel)
        if state != "member":
            known = {"archived": "is_archived", "stranger": "not_in_channel"}
            request.answer(200, {"ok": False, "error": known.get(str(state), "channel_not_found")})
            return True
        return False

    def _fails(self, request: Request, fault: str) -> bool:
        if fault == WAIT:
            request.answer(
                429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(self.wait)}
            )
        elif fault == ERROR:
            request.answer(500, b"<html>upstream connect error</html>")
        elif fault == DROP:
            request.vanish()
        elif fault == DEAF:
            request.hang()
        else:
            return False
        return True

    def _chat_post_message(self, request: Request, fields: dict[str, Any]) -> None:
        if self._refuses(request, fields["channel"], "chat:write"):
            return
        if len(fields["text"]) > 40000:
            request.answer(200, {"ok": False, "error": "msg_too_long"})
            return
        texts = [b["text"]["text"] for b in fields.get("blocks") or [] if b["type"] == "section"]
        if any(len(text) > 3000 for text in texts) or len(texts) > 50:
            request.answer(200, {"ok": False, "error": "invalid_blocks"})
            return
        with self.lock:
            fault = self.plan()
            if fault in {OK, SILENT}:
                ts = f"1700000000.{len(self.arrived):06d}"
                self.arrived.append({**fields, "ts": ts})
        if self._fails(request, fault):
            return
        if fault == SILENT:
            request.hang()
            return
        request.answer(200, {"ok": True, "channel": fields["channel"], "ts": ts, "message": {}})

    def _conversations_history(self, request: Request, fields: dict[str, Any]) -> None:
        if self._refuses(request, fields["channel"], "channels:history"):
            return
        with self.lock:
            some = [m for m in self.arrived if m["channel"] == fields["channel"]]
        shown = [{"ts": m["ts"], "text": m["text"], "metadata": m.get("metadata")} for m in some]
        newest = shown[::-1][: int(fields.get("limit", 100))]
        request.answer(200, {"ok": True, "messages": newest, "has_more": False})

    def _files_get_upload_u_r_l_external(self, request: Request, fields: dict[str, Any]) -> None:
        if "files:write" not in self.scopes:
            request.answer(200, {"ok": False, "error": "missing_scope", "needed": "files:write"})
            return
        if self._fails(request, self.upload_plan("url")):
            return
        with self.lock:
            name = f"F{len(self.uploads):05d}"
            self.uploads[name] = b""
        url = f"{self.url}/upload/{name}"
        request.answer(200, {"ok": True, "upload_url": url, "file_id": name})

    def _take_bytes(self, request: Request, name: str) -> None:
        if self._fails(request, self.upload_plan("bytes")):
            return
        self.uploads[name] = request.body
        request.answer(200, b"OK")

    def _files_complete_upload_external(self, request: Request, fields: dict[str, Any]) -> None:
        if self._refuses(request, fields.get("channel_id") or "", "files:write"):
            return
        fault = self.upload_plan("complete")
        if fault in {OK, SILENT}:
            self.shared.append(fields)
        if self._fails(request, fault):
            return
        if fault == SILENT:
            request.hang()
            return
        files = json.loads(fields["files"]) if isinstance(fields["files"], str) else fields["files"]
        request.answer(200, {"ok": True, "files": [{"id": one["id"]} for one in files]})

    def _apps_connections_open(self, request: Request, fields: dict[str, Any]) -> None:
        url = "" if self.socket is None else self.socket.url
        request.answer(200, {"ok": True, "url": url})

    def _auth_test(self, request: Request, fields: dict[str, Any]) -> None:
        request.answer(200, {"ok": True, "user_id": "UBOT", "bot_id": "BBOT"})


class SocketMode:
    """The other end of Slack's Socket Mode: a WebSocket server for one client."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._server.getsockname()[1]}/link/?ticket=1"
        self.heard: list[dict[str, Any]] = []
        self._client: socket.socket | None = None
        self.connected = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            request = b""
            while b"\r\n\r\n" not in request:
                request += client.recv(4096)
            key = re.search(rb"Sec-WebSocket-Key: (\S+)", request, re.IGNORECASE)
            assert key is not None
            magic = key.group(1) + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, Sect. 1.3
            accept = base64.b64encode(hashlib.sha1(magic).digest()).decode()
            client.sendall(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            )
            self._client = client
            self.say({"type": "hello", "num_connections": 1})
            self.connected.set()
            threading.Thread(target=self._read, args=(client,), daemon=True).start()

    def _read(self, client: socket.socket) -> None:
        stream = client.makefile("rb")
        while True:
            head = stream.read(2)
            if len(head) < 2:
                return
            opcode, size = head[0] & 15, head[1] & 127
            if size == 126:
                (size,) = struct.unpack("!H", stream.read(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", stream.read(8))
            mask = stream.read(4) if head[1] & 128 else bytes(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(stream.read(size)))
            if opcode == 9:
                self._frame(10, data)
            elif opcode == 1:
                self.heard.append(json.loads(data))
            elif opcode == 8:
                return

    def _frame(self, opcode: int, data: bytes) -> None:
        size = len(data)
        head = bytes([128 | opcode]) + (
            bytes([size]) if size < 126 else bytes([126]) + struct.pack("!H", size)
        )
        assert self._client is not None
        self._client.sendall(head + data)

    def say(self, message: dict[str, Any]) -> None:
        """Send something to the client."""
        self._frame(1, json.dumps(message).encode())

    def press(self, verb: str, entry: int, *, user: str = "UANNA", ts: str = "1.1") -> str:
        """Press a button of a message; return the envelope."""
        envelope = f"env-{len(self.heard)}-{time.monotonic_ns()}"
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": "anna", "name": "anna"},
            "container": {"type": "message", "message_ts": ts, "channel_id": "C0123456789"},
            "actions": [{"action_id": f"aas2rto {verb}", "value": str(entry), "action_ts": "9.9"}],
        }
        self.say(
            {
                "type": "interactive",
                "envelope_id": envelope,
                "payload": payload,
                "accepts_response_payload": False,
            }
        )
        return envelope

    def write(self, text: str, *, ts: str, thread: str = "", user: str = "UANNA") -> str:
        """Write into the channel, or a thread of it."""
        envelope = f"env-{len(self.heard)}-{time.monotonic_ns()}"
        event = {"type": "message", "channel": "C0123456789", "user": user, "text": text, "ts": ts}
        if thread:
            event["thread_ts"] = thread
        payload = {"type": "event_callback", "event_id": f"Ev{ts}", "event": event}
        self.say(
            {
                "type": "events_api",
                "envelope_id": envelope,
                "payload": payload,
                "accepts_response_payload": False,
            }
        )
        return envelope

    def close(self) -> None:
        self._server.close()
        if self._client is not None:
            self._client.close()


# -- Telegram ------------------------------------------------------------------------------------


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
        self.toasts.append(fields.get("text", ""))
        request.answer(200, {"ok": True, "result": True})

    def write(
        self, number: int, text: str, *, user: int = 7, chat: int = -100, to: int = 0
    ) -> None:
        """Let a user write a message, perhaps in reply to another."""
        message = self._message(chat, text=text, **{"from": _user(user)})
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


@dataclass
class Receiver(Service):
    """A program that takes webhooks, and knows a key again."""

    seen: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    status: int = 200

    def handle(self, request: Request) -> None:
        key, data = request.headers["Idempotency-Key"], json.loads(request.body)
        with self.lock:
            fault = self.plan()
            if fault in {OK, SILENT} and self.status < 300:
                self.seen[key] += 1
                if self.seen[key] == 1:
                    self.arrived.append(
                        {"headers": dict(request.headers), "body": data, "raw": request.body}
                    )
        if fault == WAIT:
            request.answer(429, {}, {"Retry-After": str(self.wait)})
        elif fault == ERROR:
            request.answer(500, {})
        elif fault == DROP:
            request.vanish()
        elif fault in {SILENT, DEAF}:
            request.hang()
        else:
            request.answer(self.status, {})
