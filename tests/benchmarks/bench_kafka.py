"""How fast a stream of real-size ZTF alerts becomes rows, beside decoding alone: one run.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_kafka [--messages N] [--alerts FILE]
[--images BYTES]``

`FILE` is an Avro container of ZTF alerts (Fink's, say); by default the project's own are used,
of the same size: 50 kB with images, a 30-day history. Through the broker go `N` messages, while
the memory of the reader is watched; with small images a million of them take 20 minutes.
"""

import argparse
import io
import itertools
import json
import os
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import fastavro

from aas2rto.sources.files.history_columns import alert_entries
from aas2rto.sources.fink import Fink
from aas2rto.sources.packets.avro import Reader
from aas2rto.sources.packets.batch import Batch
from aas2rto.sources.transport.confluent_frame import feeder_of
from aas2rto.store import Store
from aas2rto.tables.report import PollRequest
from tests.sources.conftest import Cluster
from tests.standin import packets, sky

DISTINCT = 1240
ROUNDS = 3
ROOM = 4e6
"""[bytes] What the mock cluster surely holds: it keeps 5 MiB of each of four partitions."""


def originals(path: Path | None, image_bytes: int = 15_000) -> tuple[list[dict], dict]:
    if path is None:
        found = [packets.ztf_alert(t, sky.NOW, image_bytes=image_bytes) for t in sky.transients()]
        return [alert for alert in found if alert], packets.ZTF_SCHEMA
    with path.open("rb") as file:
        reader = fastavro.reader(file)
        alerts = list(reader)
        schema = {k: v for k, v in reader.writer_schema.items() if not k.startswith("__")}
    return alerts, schema


def distinct(alerts: list[dict], schema: dict, n: int) -> list[bytes]:
    """Encode n alerts of n different objects at different places."""
    parsed = fastavro.parse_schema(schema)
    found = []
    for number, alert in zip(range(n), itertools.cycle(alerts), strict=False):
        out = io.BytesIO()
        place = {"ra": number * 137.5 % 360.0, "dec": -30.0 + number % 97}
        new = {"objectId": f"ZTF26{number:07d}", "candidate": alert["candidate"] | place}
        fastavro.schemaless_writer(out, parsed, alert | new)
        found.append(out.getvalue())
    return found


def rate(n: int, work) -> float:
    """Alerts per second of this core, the best of some rounds: others use the machine, too."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return n / best


def decoding(records: list[bytes], schema: dict) -> None:
    parsed = fastavro.parse_schema(schema)
    reader = Reader(schema, alert_entries)
    feed = feeder_of(json.dumps(schema))
    wheres = [""] * len(records)
    sample = records[:62]

    def alone() -> None:
        for record in sample:
            fastavro.schemaless_reader(io.BytesIO(record), parsed, None)

    def scanned() -> None:
        for _ in reader.scan(records):
            pass

    def tabled() -> int:
        batch = Batch("fink")
        feed(records, batch, wheres)
        return len(batch.tables().photometry)

    rows = tabled()
    size = sum(map(len, records)) / len(records) / 1000
    print(f"{len(records)} alerts of {size:.0f} kB, {rows / len(records):.0f} measurements each")
    general, ours, whole = (
        rate(len(sample), alone),
        rate(len(records), scanned),
        rate(len(records), tabled),
    )
    print(f"decoding alone, fastavro     {general:7.0f} alerts/s/core")
    print(f"decoding alone, ours         {ours:7.0f} alerts/s/core  {ours / general:5.1f} x")
    print(f"decoding and tables          {whole:7.0f} alerts/s/core  {whole / general:5.1f} x")


def storing(records: list[bytes], schema: dict) -> None:
    """Decode, tabulate and store, in batches as the loop does; each round into a new store."""
    feed = feeder_of(json.dumps(schema))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stores = [
            stack.enter_context(Store(f"sqlite:///{folder}/{number}.sqlite"))
            for number in range(ROUNDS)
        ]

        def stored() -> None:
            store = stores.pop()
            for first in range(0, len(records), 620):
                part = records[first : first + 620]
                batch = Batch("fink")
                feed(part, batch, [""] * len(part))
                store.ingest(report_of(batch), sky.NOW)

        done = rate(len(records), stored)
    print(f"decoded, tables, stored      {done:7.0f} alerts/s/core (SQLite)")


def report_of(batch: Batch):
    from aas2rto.tables.report import Outcome, Report

    tables = batch.tables()
    return Report(
        "fink",
        Outcome.DATA,
        objects=tables.objects,
        photometry=tables.photometry,
        facts=tables.facts,
    )


def memory() -> float:
    """Resident memory of this process [MB]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def streaming(records: list[bytes], schema: dict, n: int) -> None:
    """Send and read n messages, block by block, and watch the memory of this process."""
    cluster = Cluster()
    source = Fink(topics=("bench",), group_id="bench", servers=cluster.servers, light_curves=0)
    key = packets.key_of(schema)
    block = int(ROOM / (len(key) + max(map(len, records))))
    cursor, read, spent, start = {}, 0, 0.0, 0.0
    values = itertools.cycle(records)
    try:
        while read < n:
            cluster.send("bench", *itertools.islice(values, block), key=key)
            begun = time.process_time()
            report = source.poll(PollRequest(now=sky.NOW, cursor=cursor))
            spent += time.process_time() - begun
            assert report.error == "", report.error
            cursor = report.cursor
            read += len(report.objects)
            if read >= n // 10 and not start:
                start = memory()
    finally:
        source.close()
        cluster.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(
        f"through the broker           {read / spent:7.0f} alerts/s/core ({read} messages, "
        f"polls of {block})\nmemory: {start:.0f} MB after a tenth, {memory():.0f} MB at the end, "
        f"peak {peak:.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--alerts", type=Path)
    parser.add_argument("--images", type=int, default=15_000)
    options = parser.parse_args()
    alerts, schema = originals(options.alerts, options.images)
    records = distinct(alerts, schema, DISTINCT)
    decoding(records, schema)
    storing(records, schema)
    streaming(records, schema, options.messages)


if __name__ == "__main__":
    sys.exit(main())
