"""Ingests reports in a child process, kills it at random instants, and looks at what is left.

Run by test_killed.py in a process of its own, which has one thread and may fork.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import numpy as np

from aas2rto.store import Store
from tests.conftest import LATE, MJD, make_objects, make_photometry, make_report

ROWS = 40
OBJECTS = 5


def report(n: int):
    """Return the n-th report: one new object, and measurements of the last few."""
    names = [f"o{k}" for k in range(max(0, n - OBJECTS + 1), n + 1)]
    owners = [names[row % len(names)] for row in range(ROWS)]
    table = make_photometry(
        owners, MJD + n + np.arange(ROWS) / 1000, measurement_id=[f"{n}:{r}" for r in range(ROWS)]
    )
    objects = make_objects(names, ra=[float(name[1:]) % 360 for name in names])
    return make_report(objects, table, cursor={"n": n + 1}, source="stream")


def ingest_for_ever(url: str, pipe: int) -> None:
    """Take report after report from where the cursor stands, and tell each commit."""
    store = Store(url)
    n = int(store.sources.state("stream").cursor.get("n", 0))
    while True:
        store.ingest(report(n), MJD)
        n += 1
        os.write(pipe, b"%d\n" % n)


def killed_after(url: str, commits: int, seconds: float) -> int:
    """Kill the child so long after so many commits; return how many it told in all."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            ingest_for_ever(url, writer)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as said:
        lines = [said.readline() for _ in range(commits)]
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lines += said.readlines()
    return int(lines[-1]) if lines else 0


def look(url: str, told: int) -> int:
    """Check what is left, and return how many reports are in the store."""
    with Store(url) as store:
        with store.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        n = int(store.sources.state("stream").cursor.get("n", 0))
        assert n >= told, f"{told} reports were committed, {n} are there"
        assert store.photometry.count() == n * ROWS
        table = store.candidates(LATE)
        assert sorted(table["candidate_id"]) == sorted(f"o{k}" for k in range(n))
        ids = store.photometry.of(table)["measurement_id"]
        assert ids.is_unique
    return n


def main(url: str, rounds: int, seed: int) -> None:
    """Kill so many times; print how many reports were in the store after each."""
    chance = random.Random(seed)
    reports = 0
    for _ in range(rounds):
        told = killed_after(url, chance.randrange(3), chance.uniform(0.0, 0.06))
        now = look(url, told)
        assert now >= reports
        reports = now
        print(reports, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
