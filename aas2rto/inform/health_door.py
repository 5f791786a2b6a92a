"""Where the health of the loop is told: a file, or an HTTP port."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aas2rto.errors import UsageError
from aas2rto.inform.health import is_well
from aas2rto.text.files import open_private

_PORT = re.compile(r"(?P<host>[\w.-]*|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")
_PATHS = ("/", "/health", "/healthz")
PATIENCE = 5.0
"""For a question [s]: who sends it slowly is left."""

State = Callable[[], Mapping[str, Any]]


def place_of(text: str) -> Path | tuple[str, int]:
    """Return the file, or host and port, that ``--health`` names.

    Parameters
    ----------
    text : str
        ``:8080`` for all addresses of the machine, ``127.0.0.1:8080`` for one, or a file.

    Raises
    ------
    UsageError
        If the port is none.
    """
    found = _PORT.fullmatch(text)
    if found is None:
        return Path(text).expanduser()
    port = int(found["port"])
    if not 0 <= port < 65536:
        raise UsageError(f"--health: {text} has no port between 0 and 65535")
    return found["host"].strip("[]"), port


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Write the state to a file, beside and renamed over."""
    beside = path.with_name(f".{path.name}.part")
    with open(beside, "w", encoding="utf-8", opener=open_private) as file:
        file.write(json.dumps(state, indent=2) + "\n")
    beside.replace(path)


@contextmanager
def serving(host: str, port: int, state: State) -> Iterator[int]:
    """Answer questions about the health, in threads of their own; yields the port.

    ``/``, ``/health`` and ``/healthz`` answer JSON, with status 200, or 503 once the loop stands
    still. ``/metrics`` answers in Prometheus's text format.

    Raises
    ------
    UsageError
        If the port cannot be taken.
    """

    class Handler(_Handler):
        health = staticmethod(state)

    try:
        server = _Server((host, port), Handler)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"--health: port {port} cannot be taken: {why}") from error
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True, name="health")
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: who breaks off a question has no answer, and that is all."""


class _Handler(BaseHTTPRequestHandler):
    health: State
    timeout = PATIENCE
    server_version, sys_version = "aas2rto", ""

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.partition("?")[0]
        if path in _PATHS:
            told = self.health()
            status = 200 if is_well(told) else 503
            self._answer(status, "application/json", json.dumps(told, indent=2) + "\n")
        elif path == "/metrics":
            self._answer(*metrics(self.health()))
        else:
            self._answer(404, "text/plain; charset=utf-8", "there are /health and /metrics\n")

    do_HEAD = do_GET  # noqa: N815  the library's names

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: it is asked every few seconds."""


def metrics(told: Mapping[str, Any]) -> tuple[int, str, str]:
    """Return status, type and text of what Prometheus asks for."""
    try:
        from prometheus_client import CollectorRegistry, Gauge, generate_latest  # noqa: PLC0415
        from prometheus_client.exposition import CONTENT_TYPE_LATEST  # noqa: PLC0415
    except ImportError:
        needs = "metrics need the package prometheus-client: pip install 'aas2rto[metrics]'\n"
        return 501, "text/plain; charset=utf-8", needs
    registry = CollectorRegistry()

    def gauge(name: str, words: str, *labels: str) -> Any:
        return Gauge(f"aas2rto_{name}", words, labels, registry=registry)

    gauge("well", "1 while cycles are done in time").set(is_well(told))
    gauge("cycle_age_seconds", "Since the last cycle that was done").set(told["age_seconds"])
    gauge("cycles_lost", "Cycles lost in a row").set(told["lost_in_a_row"])
    for name, words in (
        ("cycle_seconds", "Time that the last cycle took"),
        ("problems", "Problems of the last cycle"),
        ("ranked", "Candidates ranked in the last cycle"),
    ):
        gauge(name, words).set(told.get(name, 0))
    _of_sources(gauge, told.get("sources", {}))
    messages = gauge("messages", "Messages by channel and state", "channel", "state")
    for channel, states in told.get("messages", {}).items():
        for name, count in states.items():
            messages.labels(channel, name).set(count)
    return 200, CONTENT_TYPE_LATEST, generate_latest(registry).decode()


def _of_sources(gauge: Callable[..., Any], sources: Mapping[str, Any]) -> None:
    lag = gauge("stream_lag_messages", "Messages left in a stream when it was read", "source")
    failures = gauge("source_failures", "Polls that failed in a row", "source")
    dark = gauge("source_dark", "1 where a source answers and brings no alerts", "source")
    newest = gauge("source_newest_alert_mjd", "Time of the newest alert, MJD (UTC)", "source")
    for name, one in sources.items():
        lag.labels(name).set(one["lag"])
        failures.labels(name).set(one["failures"])
        dark.labels(name).set(one["dark"])
        if one["newest_alert_mjd"] is not None:
            newest.labels(name).set(one["newest_alert_mjd"])
