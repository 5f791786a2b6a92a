"""A server that answers by a script, a clock that only sleeping moves, and clients of both."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aas2rto.sources.transport.answer import HttpError
from aas2rto.sources.transport.http import Client, Policy

Script = Callable[[BaseHTTPRequestHandler], None]


class Scripted:
    """A server that answers the n-th question with the n-th script, then with the last."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {k.lower(): v for k, v in self.headers.items()}
                outer.seen.append((self.command, self.path, headers, body))
                outer.scripts[min(len(outer.seen), len(outer.scripts)) - 1](self)

            do_GET = do_POST = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


def answer(
    status: int = 200, body: bytes = b"[]", kind: str = "application/json", **headers: str
) -> Script:
    def script(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return script


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.naps: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def client(server: Scripted, time: FakeTime) -> Iterator[Callable[..., Client]]:
    """Make clients of the scripted server, closed when the test is over."""
    made: list[Client] = []

    def make(url: str = server.url, settings: dict | None = None, **policy: float) -> Client:
        fixed = {"clock": time.clock, "sleep": time.sleep, "jitter": lambda: 1.0}
        asked = Policy(**({"read": 2.0, "connect": 2.0, "rate": 1000.0} | policy))
        made.append(Client("demo", url, policy=asked, **(fixed | (settings or {}))))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ask(client: Client, path: str = "things", seconds: float = 100.0) -> object:
    return client.get(path, until=client.deadline(seconds)).json()


def error_of(client: Client, **kwargs: float) -> HttpError:
    with pytest.raises(HttpError) as caught:
        ask(client, **kwargs)  # type: ignore[arg-type]
    return caught.value


@pytest.fixture
def other() -> Iterator[Scripted]:
    scripted = Scripted()
    scripted.scripts = [answer(body=b"[7]")]
    yield scripted
    scripted.close()
