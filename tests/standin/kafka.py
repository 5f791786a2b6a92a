"""A Kafka cluster in a process of its own: librdkafka's mock, over the real protocol.

``python -m tests.standin.kafka [--now MJD]`` prints its address, fills the topics of Fink and
Lasair with the alerts of the stand-in sky, and lives until its standard input closes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from typing import Any

from confluent_kafka import Producer

from tests.standin import packets, recorded, sky
from tests.standin.lasair import lsst_message, ztf_message

TOPICS = {
    "fink-ztf": "fink_sn_candidates_ztf",
    "fink-lsst": "fink_most_likely_sn_lsst",
    "lasair-ztf": "lasair_1Supernovae",
    "lasair-lsst": "lasair_2Supernovae",
}


def messages(now: float) -> list[tuple[str, bytes | None, bytes]]:
    """Return topic, key and value of every message that a broker would have sent by `now`."""
    found: list[tuple[str, bytes | None, bytes]] = []
    ztf_key, lsst_key = packets.key_of(packets.ZTF_SCHEMA), packets.key_of(packets.LSST_SCHEMA)
    for t in sky.transients():
        if t.kind == "AGN":
            continue
        if ztf := packets.ztf_alert(t, now):
            value = packets.encode(ztf, packets.ZTF_SCHEMA)
            found.append((TOPICS["fink-ztf"], ztf_key, value))
            lite = json.dumps(ztf_message(t, now)).encode()
            found.append((TOPICS["lasair-ztf"], None, lite))
        if lsst := packets.lsst_alert(t, now):
            value = packets.encode(lsst, packets.LSST_SCHEMA)
            found.append((TOPICS["fink-lsst"], lsst_key, value))
            lite = json.dumps(lsst_message(t, now)).encode()
            found.append((TOPICS["lasair-lsst"], None, lite))
    return found


def cluster() -> tuple[Any, str]:
    """Start a mock cluster in this process; it lives as long as the first value does."""
    owner = Producer(
        {"bootstrap.servers": "localhost:1", "test.mock.num.brokers": 1, "log_level": 0}
    )
    broker = next(iter(owner.list_topics(timeout=10).brokers.values()))
    return owner, f"{broker.host}:{broker.port}"


def send(servers: str, found: list[tuple[str, bytes | None, bytes]]) -> None:
    """Send messages and wait until the cluster has them."""
    producer = Producer({"bootstrap.servers": servers, "log_level": 0})
    for topic, key, value in found:
        producer.produce(topic, key=key, value=value)
        producer.poll(0)
    producer.flush(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--now", type=float, default=sky.NOW, help="MJD (UTC) of the sky")
    parser.add_argument("--empty", action="store_true", help="leave the topics to the caller")
    options = parser.parse_args()
    owner, servers = cluster()
    if not options.empty:
        send(servers, [*messages(options.now), *recorded.messages()])
    print(json.dumps({"servers": servers, "topics": TOPICS}), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()
    del owner


if __name__ == "__main__":
    main()
