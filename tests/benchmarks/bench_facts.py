"""How long it takes to read everything that is known of 10^4 candidates, when nothing is new.

``python -m tests.benchmarks.bench_facts`` prints CPU seconds of reading all as known at `now`:
the first time after a start, in a cycle with nothing new, and at another time in the past. The
goal is 0.5 s.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from aas2rto.store import Store
from aas2rto.tables import photometry
from aas2rto.tables.report import Outcome, Report, split

NOW = 61119.0
GOAL = 0.5


def main() -> None:
    """Fill a store and time its reading."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--annotations", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'store.sqlite'}"
        with Store(url) as store:
            fill(store, options.objects, options.annotations)
        print(f"{options.objects} objects with {options.annotations} annotations each")
        with Store(url) as store:
            show("first reading after a start", lambda: read(store, NOW))
            show("a cycle with nothing new", lambda: read(store, NOW + 0.01))
            show("as known a day before", lambda: read(store, NOW - 1.0))
            store.ingest(report(1, 1, NOW, seed=1), NOW)
            show("one alert later", lambda: read(store, NOW + 0.02))


def fill(store: Store, n: int, n_annotations: int) -> None:
    """Tell a store of objects in two nights, so that half of them have a history."""
    store.ingest(report(n, n_annotations, NOW - 1.5, seed=2), NOW - 1.0)
    store.ingest(report(n // 2, n_annotations, NOW - 0.5, seed=3), NOW)


def report(n: int, n_annotations: int, known_at: float, *, seed: int) -> Report:
    """Return alerts of objects, each with annotations."""
    rng = np.random.default_rng(seed)
    names = [f"ZTF26{number:07d}" for number in range(n)]
    # Places of an even spiral, far from each other.
    number = np.arange(n)
    table = pd.DataFrame(
        {
            "object_id": names,
            "survey": "ztf",
            "ra": (number * 137.50776) % 360.0,
            "dec": np.degrees(np.arcsin(2.0 * (number + 0.5) / 10_000_000 - 0.001)) * 40.0,
            "known_at": known_at,
        }
    ).assign(**{f"fink_score_{k}": rng.uniform(size=n) for k in range(n_annotations)})
    objects, facts = split(table.to_dict("records"))
    return Report("fink", Outcome.DATA, objects, photometry.empty(), facts)


def read(store: Store, now: float) -> None:
    """Read all that a cycle reads of facts, names and marks."""
    held = store.candidates(now)
    notes = store.facts.as_known(now)
    store.identities.aliases(now)
    store.marks.as_known(now)
    if not len(held) or len(notes) != len(held):
        raise SystemExit("the benchmark's store does not hold what it should")


def show(what: str, work: Callable[[], None]) -> None:
    """Print the CPU time of some work."""
    start = time.process_time()
    work()
    seconds = time.process_time() - start
    print(f"{what:30s} {seconds:6.3f} s CPU{'' if seconds <= GOAL else f'  (goal: {GOAL} s)'}")


if __name__ == "__main__":
    main()
