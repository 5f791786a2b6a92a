"""From an alert on Kafka to the changed list: how long a user waits.

``python -m tests.benchmarks.bench_alerts --folder DIR [--alerts 20]`` runs the loop of
`bench_cycle` over its season in DIR, which must have had its first cycle, with a Lasair stream
beside it (librdkafka's own mock cluster, the real protocol), and sends alerts one by one, at
irregular times. Of each, the time until ``ranked/science.csv`` names it is taken.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

TOPIC = "bench"
STREAM = """\
  lasair: {{survey: ztf, topics: [{topic}], group_id: bench, servers: "{servers}"}}
models:
"""
LONGEST = 120.0
"""Seconds after which an alert counts as lost."""
LOOK = 0.02


def message(number: int, now: float) -> bytes:
    """Return an alert of a new object: four detections that rise."""
    days = now - np.array([3.0, 2.0, 1.0, 0.1])
    candidates = [
        {
            "candid": f"{number:05d}{row}",
            "jd": day + 2400000.5,
            "fid": 1 + row % 2,
            "magpsf": 18.5 - 0.2 * row,
            "sigmapsf": 0.05,
            "magnr": 22.0,
            "sigmagnr": 0.1,
            "magzpsci": 26.0,
            "isdiffpos": "t",
            "ra": 150.0 + 0.01 * number,
            "dec": 2.0,
        }
        for row, day in enumerate(days)
    ]
    alert = {
        "objectId": f"ZTF26al{number:05d}",
        "ramean": 150.0 + 0.01 * number,
        "decmean": 2.0,
        "jdmax": float(days[-1]) + 2400000.5,
        "classification": "SN",
        "UTC": "2026-03-20 00:00:00",
        "alert": {"candidates": candidates},
    }
    return json.dumps(alert).encode()


def waits(folder: Path, now: float, alerts: int) -> dict[str, float]:
    """Run the loop, send alerts, and return median and 95 % of the times to the list [s]."""
    from tests.standin.kafka import send

    cluster = subprocess.Popen(
        [sys.executable, "-m", "tests.standin.kafka", "--empty"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert cluster.stdout is not None
    servers = json.loads(cluster.stdout.readline())["servers"]
    text = (folder / "bench.yaml").read_text()
    config = folder / "alerts.yaml"
    config.write_text(text.replace("models:\n", STREAM.format(topic=TOPIC, servers=servers), 1))
    send(servers, [(TOPIC, None, message(0, now))])
    command = [sys.executable, "-m", "aas2rto", "run", str(config), "--now", str(now)]
    loop = subprocess.Popen(
        [*command, "--output", str(folder)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    ranked = folder / "bench" / "ranked" / "science.csv"
    found: list[float] = []
    rng = np.random.default_rng(5)
    try:
        until_named(ranked, 0)
        for number in range(1, alerts + 1):
            time.sleep(rng.uniform(3.0, 8.0))
            send(servers, [(TOPIC, None, message(number, now))])
            found.append(until_named(ranked, number))
    finally:
        loop.send_signal(signal.SIGTERM)
        loop.wait(60)
        cluster.kill()
        cluster.wait(10)
    return {"median_s": float(np.median(found)), "95_s": float(np.percentile(found, 95))}


def until_named(path: Path, number: int) -> float:
    """Wait until a list names an alert's object; return how long that took [s]."""
    begun, name = time.monotonic(), f"ZTF26al{number:05d}".encode()
    while name not in path.read_bytes():
        if time.monotonic() - begun > LONGEST:
            raise SystemExit(f"{name.decode()} is in no list after {LONGEST:g} s")
        time.sleep(LOOK)
    return time.monotonic() - begun


def main(arguments: Any = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--now", type=float, required=True, help="MJD after the last cycle there")
    parser.add_argument("--alerts", type=int, default=20)
    options = parser.parse_args(arguments)
    print(json.dumps(waits(options.folder, options.now, options.alerts)))


if __name__ == "__main__":
    main()
