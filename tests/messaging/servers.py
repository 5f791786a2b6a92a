"""Servers that answer as Slack, Telegram and a webhook's receiver do, well or badly.

The clients are the real ones, unchanged, pointed at these. A fault is taken from a plan for each
request that would deliver something, so that a test says what goes wrong, and when.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
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
