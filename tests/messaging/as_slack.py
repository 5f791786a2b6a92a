"""Slack as its client sees it: web API and Socket Mode, well or badly."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.messaging.servers import DEAF, DROP, ERROR, OK, SILENT, WAIT, Request, Service


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

    def press(self, verb: str, entry: object, *, user: str = "UANNA", ts: str = "1.1") -> str:
        """Press a button of a message; return the envelope."""
        envelope = f"env-{len(self.heard)}-{time.monotonic_ns()}"
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": "anna", "name": "anna"},
            "container": {"type": "message", "message_ts": ts, "channel_id": "C0123456789"},
            "actions": [{"action_id": f"aas2rto {verb}", "value": str(entry), "action_ts": "9.9"}],
        }
        return self.send("interactive", payload, envelope)

    def write(
        self, text: str, *, ts: str, thread: str = "", user: str = "UANNA", **more: Any
    ) -> str:
        """Write into the channel, or a thread of it."""
        envelope = f"env-{len(self.heard)}-{time.monotonic_ns()}"
        event = {"type": "message", "channel": "C0123456789", "user": user, "text": text, "ts": ts}
        event |= more
        if thread:
            event["thread_ts"] = thread
        payload = {"type": "event_callback", "event_id": f"Ev{ts}", "event": event}
        return self.send("events_api", payload, envelope)

    def send(self, kind: str, payload: Any, envelope: str) -> str:
        """Send an envelope that wants to be acknowledged."""
        self.say(
            {
                "type": kind,
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
