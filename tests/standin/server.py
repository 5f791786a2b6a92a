"""HTTP stand-ins: routes in, faults in between, bytes out."""

from __future__ import annotations

import dataclasses
import json
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.standin import faults, sky


@dataclass(frozen=True)
class Question:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def get(self, name: str, default: str = "") -> str:
        """Return one parameter of the URL, the form, or the JSON body."""
        return self.all(name, [default])[0]

    def all(self, name: str, default: list[str] | None = None) -> list[str]:
        if name in self.query:
            return self.query[name]
        form = self.form()
        return [str(form[name])] if name in form else (default or [])

    def values(self) -> dict[str, Any]:
        """Return the parameters as they came: of the URL if it has any, else of the body.

        Values of JSON keep their types; of a URL the first of each name is taken, as text.
        """
        if self.query:
            return {name: values[0] for name, values in self.query.items()}
        return self.form()

    def form(self) -> dict[str, Any]:
        if not self.body:
            return {}
        if self.headers.get("content-type", "").startswith("application/json"):
            return dict(json.loads(self.body))
        pairs = parse_qs(self.body.decode(), keep_blank_values=True)
        return {key: values[0] for key, values in pairs.items()}


@dataclass(frozen=True)
class Reply:
    """What a route answers; a bare value is status 200."""

    payload: Any
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class StumbleError(Exception):
    """The real server's code raises here, and answers 500."""


Route = Callable[..., Any]


class Service:
    """One service: routes, its port, its faults and what it was asked.

    Parameters
    ----------
    name : str
    """

    name = ""

    def __init__(self, now: float = sky.NOW) -> None:
        self.now = now
        self.fault: faults.Fault | None = None
        self.log: list[dict[str, Any]] = []
        self.url = ""
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._stopping = threading.Event()
        self.lock = threading.Lock()
        self.reset()

    def routes(self) -> dict[str, Route]:
        """Map ``METHOD pattern`` to functions of a `Question` and the pattern's groups."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget what clients have changed."""
        self.poison = ()

    poison: Any = ()
    """Names of objects over which the server stumbles; set through the switchboard."""

    def check_poison(self, names: list[str]) -> None:
        """Stumble if a question is about any of `poison`."""
        if set(names) & set(self.poison):
            raise StumbleError

    def visible(self) -> list[sky.Transient]:
        """Transients that ZTF has detected by now."""
        return [t for t in sky.transients() if t.detections("ztf", self.now)]

    def start(self) -> None:
        """Listen, on the same port as before."""
        if self._server is not None:
            return
        self._stopping.clear()
        self._server = _Server(("127.0.0.1", self._port), _handler_of(self))
        self._port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self._port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Close the port: connections are refused."""
        if self._server is not None:
            self._stopping.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def set_fault(self, fault: faults.Fault | None) -> None:
        """Break the service, or mend it."""
        self._stopping.set()  # Ends hangs that are under way.
        self.fault = fault
        if fault is not None and fault.kind == "refused":
            self.stop()
        else:
            self.start()
            self._stopping.clear()

    def answer(self, question: Question) -> Reply:
        """Find the route and ask it; ``GET|POST /path`` takes both."""
        for spec, route in self.routes().items():
            methods, _, pattern = spec.partition(" ")
            match = re.fullmatch(pattern, question.path)
            if match and question.method in methods.split("|"):
                with self.lock:
                    try:
                        found = route(question, *match.groups())
                    except StumbleError:
                        found = self.stumbled()
                return found if isinstance(found, Reply) else Reply(found)
        return Reply({"detail": f"no route {question.method} {question.path}"}, 404)

    def stumbled(self) -> Reply:
        """Return what an exception in the real server's code looks like."""
        return Reply({"message": "Internal Server Error"}, 500)

    def spoil(self, payload: Any, kind: str) -> Any:
        """Apply a fault to an answer; services whose emptiness looks different override it."""
        return faults.spoil(payload, kind)

    def wait_words(self, wait: float) -> tuple[dict[str, str], Any]:
        """Say in this service's way how long to wait."""
        return {"Retry-After": f"{wait:g}"}, {"detail": "Too many requests"}

    def note(self, question: Question) -> None:
        """Remember what was asked."""
        self.log.append(
            {
                "method": question.method,
                "path": question.path,
                "query": question.query,
                "headers": question.headers,
                "form": question.form(),
            }
        )

    def serve(self, question: Question, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request, well or badly."""
        self.note(question)
        fault = self.fault
        if fault is None or not fault.strikes(question.path):
            _send_reply(handler, self.encode(self.answer(question)))
        elif fault.kind == "hang":
            self._stopping.wait(fault.wait)
            handler.close_connection = True
        elif fault.kind == "429":
            headers, payload = self.wait_words(fault.wait)
            _send(handler, 429, payload, "application/json", headers)
        elif fault.kind in faults.STATUSES:
            words = {"detail": faults.STATUSES[fault.kind]}
            _send(handler, int(fault.kind), words, "application/json", {})
        elif fault.kind == "html":
            _send(handler, 200, faults.HTML, "text/html", {})
        else:
            self._serve_spoilt(question, handler, fault.kind)

    def _serve_spoilt(self, question: Question, handler: BaseHTTPRequestHandler, kind: str) -> None:
        plain = self.answer(question)
        if kind in {"reset", "truncated"}:
            reply = self.encode(plain)
            half = faults.cut_in_half(reply.payload)
            if kind == "reset":
                _send_and_reset(handler, half)
            else:
                _send(handler, reply.status, half, reply.kind, reply.headers)
        elif plain.status < 300:
            spoilt = dataclasses.replace(plain, payload=self.spoil(plain.payload, kind))
            _send_reply(handler, self.encode(spoilt))
        else:
            _send_reply(handler, self.encode(plain))

    def encode(self, reply: Reply) -> Reply:
        """Give an answer its last form; services that zip override it."""
        return reply


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that hang up."""


def _handler_of(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # Head and body are two writes: 40 ms each otherwise.

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            url = urlsplit(self.path)
            question = Question(
                self.command,
                url.path,
                parse_qs(url.query, keep_blank_values=True),
                {key.lower(): value for key, value in self.headers.items()},
                self.rfile.read(length),
            )
            service.serve(question, self)

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _any  # noqa: N815  the names http.server wants

        def log_message(self, *args: Any) -> None:
            """Keep the terminal quiet."""

    return Handler


def _send_reply(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    _send(handler, reply.status, reply.payload, reply.kind, reply.headers)


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    payload: Any,
    kind: str,
    headers: dict[str, str],
) -> None:
    content = faults.to_bytes(payload)
    handler.send_response(status)
    for name, value in {"Content-Type": kind, "Content-Length": len(content), **headers}.items():
        handler.send_header(name, str(value))
    handler.end_headers()
    handler.wfile.write(content)


def _send_and_reset(handler: BaseHTTPRequestHandler, half: bytes) -> None:
    """Promise a whole answer, send half of it, and reset the connection."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(2 * len(half) + 10))
    handler.end_headers()
    handler.wfile.write(half)
    handler.wfile.flush()
    # A closed socket with no time to linger sends RST in place of FIN.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
