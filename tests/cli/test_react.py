"""A stream is listened to between cycles: an alert is in the lists within seconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aas2rto.store import Store
from tests.conftest import LATE
from tests.sources.conftest import ROOT, Cluster
from tests.standin import sky
from tests.standin.lasair import ztf_message

CONFIG = """\
project: react
loop: {{interval: 10 min{react}}}
sources:
  lasair: {{survey: ztf, topics: [react_{name}], group_id: {name}, servers: "{servers}"}}
score:
  factors:
    - detections: {{min: 1}}
observatories: [la_palma_not]
visibility: {{factor: altitude_integral, min_altitude: 30 deg}}
figures: {{top: 0}}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.close()


def alerts(n: int) -> list[bytes]:
    seen = [t for t in sky.transients() if t.kind != "AGN" and t.ztf(sky.NOW)]
    usable = [t for t in seen if any(look.detected for look in t.ztf(sky.NOW))]
    return [json.dumps(ztf_message(t, sky.NOW)).encode() for t in usable[:n]]


class Loop:
    """`aas2rto run` in a process of its own, and what it has written."""

    def __init__(self, folder: Path, cluster: Cluster, react: str = "") -> None:
        self.folder, self.name, self._cluster = folder, folder.name, cluster
        servers = cluster.servers
        text = CONFIG.format(react=react, name=self.name, servers=servers)
        (folder / "react.yaml").write_text(text)
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "aas2rto", "run", "react.yaml", "--now", str(sky.NOW)]
        self.process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def send(self, *values: bytes) -> None:
        self._cluster.send(f"react_{self.name}", *values)

    def ranked(self) -> int:
        path = self.folder / "outputs" / "react" / "ranked" / "science.csv"
        return len(pd.read_csv(path, comment="#")) if path.exists() else -1

    def wait_for(self, n: int, seconds: float) -> float:
        return wait(lambda: self.ranked() == n, seconds)

    def cycles(self) -> list[dict[str, Any]]:
        log = self.folder / "outputs" / "react" / "log.jsonl"
        lines = map(json.loads, log.read_text().splitlines())
        return [line for line in lines if line.get("event") == "cycle"]


def wait(until: Callable[[], bool], seconds: float) -> float:
    begun = time.monotonic()
    while not until():
        assert time.monotonic() - begun < seconds
        time.sleep(0.05)
    return time.monotonic() - begun


@pytest.mark.proof
def test_an_alert_is_in_the_lists_within_seconds(cluster: Cluster, tmp_path: Path) -> None:
    """Long before the interval; SIGTERM ends the listening; a kill loses and doubles nothing."""
    first, *others = alerts(4)
    loop = Loop(tmp_path, cluster)
    loop.send(first)
    loop.wait_for(1, 60)
    time.sleep(1.0)
    for number, alert in enumerate(others[:2]):
        loop.send(alert)
        assert loop.wait_for(2 + number, 20) < 15
    wait(lambda: len(loop.cycles()) >= 3, 20)
    loop.process.kill()
    loop.process.communicate()
    loop.send(others[2])
    loop.start()
    loop.wait_for(4, 60)
    time.sleep(1.0)
    begun = time.monotonic()
    loop.process.send_signal(signal.SIGTERM)
    out, err = loop.process.communicate(timeout=30)
    assert time.monotonic() - begun < 10
    assert loop.process.returncode == 0, err
    assert "stopped" in out
    with Store(f"sqlite:///{tmp_path / 'outputs' / 'react' / 'store.sqlite'}") as store:
        held = store.candidates(LATE, state=None)
        rows = store.photometry.of(held)
        assert len(held) == 4
        assert not rows.duplicated(["candidate_id", "measurement_id"]).any()


@pytest.mark.proof
def test_without_reaction_an_alert_waits_for_the_interval(cluster: Cluster, tmp_path: Path) -> None:
    first, second = alerts(2)
    loop = Loop(tmp_path, cluster, react=", react: null")
    loop.send(first)
    loop.wait_for(1, 60)
    loop.send(second)
    time.sleep(5.0)
    assert loop.ranked() == 1
    loop.process.send_signal(signal.SIGTERM)
    loop.process.communicate(timeout=30)
