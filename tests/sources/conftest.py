"""The stand-in services, one process for the whole session, mended before each test."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aas2rto.sources.transport.http import Policy
from aas2rto.tables.report import PollRequest
from tests.standin import sky
from tests.standin.kafka import send

ROOT = Path(__file__).resolve().parents[2]

NETWORK = Policy(connect=1.0, read=1.5, tries=2, backoff=0.02, rate=500.0, burst=500, max_wait=0.05)
"""Everything a hundred times faster than against a real service."""


class StandIn:
    """The running stand-ins, as a test sees them."""

    def __init__(self, urls: dict[str, str], now: float = sky.NOW) -> None:
        self.urls = urls
        self.now = now

    def call(self, route: str, /, **values: Any) -> Any:
        body = json.dumps(values).encode() if values or route in {"mend", "forget"} else None
        request = urllib.request.Request(
            f"{self.urls['control']}/{route}", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def call_service(self, service: str, path: str) -> Any:
        """Ask a stand-in itself."""
        with urllib.request.urlopen(f"{self.urls[service]}/{path}", timeout=10) as answer:
            return json.load(answer)

    def fault(self, service: str, kind: str, **values: Any) -> None:
        self.call("fault", service=service, kind=kind, **values)

    def mend(self) -> None:
        self.call("mend")

    def set_now(self, now: float) -> None:
        self.call("now", now=now)

    def log(self, service: str) -> list[dict[str, Any]]:
        return list(self.call(f"log/{service}"))

    def sky(self) -> list[dict[str, Any]]:
        return list(self.call("sky"))


@pytest.fixture(scope="session")
def standin_process() -> Iterator[StandIn]:
    command = [sys.executable, "-m", "tests.standin"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:  # type: ignore[call-overload]
        said = json.loads(process.stdout.readline())
        yield StandIn(said["urls"], said["now"])
        process.stdin.close()
        process.wait(10)


@pytest.fixture
def standin(standin_process: StandIn) -> StandIn:
    """All services up and well, at the default time."""
    standin_process.mend()
    return standin_process


def wanted(*rows: dict[str, Any]) -> pd.DataFrame:
    """Build the table of wanted candidates from what matters to a test."""
    blank = {
        "ra": 10.0,
        "dec": -5.0,
        "score": 1.0,
        "first_detection": 61350.0,
        "last_detection": 61365.0,
        "aliases": (),
    }
    return pd.DataFrame([blank | {"candidate_id": f"C{n}"} | row for n, row in enumerate(rows)])


def request(now: float, cursor: Any = None, **values: Any) -> PollRequest:
    return PollRequest(now=now, cursor=cursor or {}, **({"deadline": 20.0} | values))


class Cluster:
    """A Kafka cluster in a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.standin.kafka", "--empty"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, cwd=ROOT, **pipes)  # type: ignore[call-overload]
        self.servers: str = json.loads(self._process.stdout.readline())["servers"]

    def send(self, topic: str, *values: bytes, key: bytes | None = None) -> None:
        send(self.servers, [(topic, key, value) for value in values])

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End the cluster without a word, as a dead broker does."""
        self._process.kill()
        self.close()

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
        self._process.wait(10)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Share one cluster: tests use topics of their own."""
    made = Cluster()
    yield made
    made.close()
