"""How fast ZTF alerts in Avro files get into the store, beside fastavro's decoding: one run.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_archive [--alerts N] [--codec deflate]``

Alerts of real size (50 kB with images, a 30-day history), all in one file and each in a file of
its own as in ZTF's public archive; per second of one core, from the folder to the store.
Goal 2,500.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import fastavro

from aas2rto.sources.archive import Archive
from aas2rto.store import Store
from aas2rto.tables.report import PollRequest
from tests.benchmarks.bench_kafka import distinct, originals
from tests.standin import sky

ROUNDS = 3


def write(folder: Path, records: list[bytes], schema: dict, codec: str) -> dict[str, Path]:
    import io

    parsed = fastavro.parse_schema(schema)
    alerts = [fastavro.schemaless_reader(io.BytesIO(record), parsed, None) for record in records]
    together, apart = folder / "together", folder / "apart"
    together.mkdir()
    apart.mkdir()
    with (together / "night.avro").open("wb") as file:
        fastavro.writer(file, parsed, alerts, codec=codec)
    for number, alert in enumerate(alerts):
        with (apart / f"{number}.avro").open("wb") as file:
            fastavro.writer(file, parsed, [alert], codec=codec)
    return {"in one file": together, "one in each file": apart}


def stored(folder: Path, store: Store) -> int:
    report = Archive(paths=(str(folder),)).poll(PollRequest(now=sky.NOW + 1, cursor={}))
    assert report.error == "", report.error
    store.ingest(report, sky.NOW)
    return len(report.objects)


def decoded(folder: Path) -> int:
    n = 0
    for path in sorted(folder.glob("*.avro")):
        with path.open("rb") as file:
            n += sum(1 for _ in fastavro.reader(file))
    return n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--alerts", type=int, default=1000)
    parser.add_argument("--codec", default="null", choices=["null", "deflate"])
    options = parser.parse_args()
    alerts, schema = originals(None)
    records = distinct(alerts, schema, options.alerts)
    with tempfile.TemporaryDirectory() as name:
        folders = write(Path(name), records, schema, options.codec)
        for where, folder in folders.items():
            ours, theirs = [], []
            for k in range(ROUNDS + 1):
                store = Store(f"sqlite:///{name}/{folder.name}{k}.sqlite")
                start = time.process_time()
                n = stored(folder, store)
                middle = time.process_time()
                assert decoded(folder) == n == len(records)
                ours.append(n / (middle - start))
                theirs.append(n / (time.process_time() - middle))
            ours, theirs = sorted(ours[1:]), sorted(theirs[1:])  # the first compiles
            print(
                f"{where:17s} {options.codec}: stored {ours[ROUNDS // 2]:6.0f} alerts/s/core "
                f"(median of {ROUNDS}), decoding alone by fastavro {theirs[ROUNDS // 2]:6.0f}: "
                f"{ours[ROUNDS // 2] / theirs[ROUNDS // 2]:.1f} x"
            )


if __name__ == "__main__":
    main()
