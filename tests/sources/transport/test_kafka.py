"""The stream reader over the real Kafka protocol, against a cluster in another process."""

from __future__ import annotations

import itertools
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from pydantic import SecretStr

from aas2rto.sources.packets.batch import Batch
from aas2rto.sources.transport import kafka
from aas2rto.sources.transport.confluent_frame import Decoder
from aas2rto.sources.transport.kafka import Message, Patience, Stream, StreamError
from aas2rto.sources.transport.pacing import Deadline
from tests.sources.conftest import Cluster
from tests.standin import packets, sky

PATIENCE = Patience(connect=5.0, idle=5.0)
IMPATIENCE = Patience(connect=1.0, idle=1.0)
"""For what fails on purpose."""
_numbers = itertools.count()


@pytest.fixture
def topic() -> str:
    return f"topic_{next(_numbers)}"


@pytest.fixture
def stream(cluster: Cluster) -> Iterator[Callable[..., Stream]]:
    """Make streams, closed when the test is over."""
    made: list[Stream] = []

    def make(*topics: str, servers: str = cluster.servers, **settings: Any) -> Stream:
        fixed = {"group_id": f"group_{next(_numbers)}", "patience": PATIENCE}
        made.append(Stream("demo", servers, topics, **(fixed | settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def read(stream: Stream, cursor: Any = None, limit: int = 1000, seconds: float = 10.0) -> list[str]:
    chunks = stream.read(cursor or {}, limit=limit, until=Deadline(seconds))
    return sorted(message.value.decode() for chunk in chunks for message in chunk)


def texts(n: int, start: int = 0) -> list[str]:
    return [f"m{k:04d}" for k in range(start, start + n)]


def fill(cluster: Cluster, topic: str, n: int, start: int = 0) -> None:
    cluster.send(topic, *(text.encode() for text in texts(n, start)))


def test_a_new_stream_is_read_from_its_beginning(cluster, stream, topic):
    """Everything that the brokers still hold."""
    fill(cluster, topic, 50)
    assert read(stream(topic)) == texts(50)


def test_a_stream_can_begin_with_what_comes_next(cluster, stream, topic):
    """For whoever does not want last week's alerts."""
    fill(cluster, topic, 5)
    latest = stream(topic, start="latest")
    assert read(latest) == []
    fill(cluster, topic, 3, start=5)
    assert read(latest, latest.offsets()) == texts(3, 5)


def test_a_second_poll_brings_only_what_is_new(cluster, stream, topic):
    """The cursor goes back in, and the consumer stays connected."""
    fill(cluster, topic, 10)
    one = stream(topic)
    read(one)
    fill(cluster, topic, 4, start=10)
    assert read(one, one.offsets()) == texts(4, 10)
    assert read(one, one.offsets()) == []


def test_what_was_not_stored_is_read_again(cluster, stream, topic):
    """The cursor of the store counts, not how far this process once came."""
    fill(cluster, topic, 10)
    one = stream(topic)
    read(one)
    assert read(one, {}) == texts(10)


def test_a_new_process_goes_on_at_the_cursor(cluster, stream, topic):
    """As after kill -9, with or without acknowledged offsets."""
    fill(cluster, topic, 20)
    first = stream(topic)
    read(first, limit=7)
    cursor = json.loads(json.dumps(first.offsets()))
    first.close()
    again = read(stream(topic), cursor)
    assert len(again) == 13


def test_every_message_comes_exactly_once_over_many_small_polls(cluster, stream, topic):
    """Bounded batches skip nothing and repeat nothing."""
    fill(cluster, topic, 100)
    one = stream(topic)
    found: list[str] = []
    for _ in range(5):
        found += read(one, one.offsets(), limit=23)
    assert sorted(found) == texts(100)


def test_offsets_are_committed_only_when_acknowledged(cluster, stream, topic):
    """Kafka hears of progress after the store does."""
    fill(cluster, topic, 10)
    one = stream(topic, group_id=f"ack_{topic}")
    read(one)
    assert committed(cluster, f"ack_{topic}", topic) == 0
    one.acknowledge(one.offsets())
    assert committed(cluster, f"ack_{topic}", topic) == 10


def committed(cluster: Cluster, group: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": cluster.servers, "group.id": group})
    parts = consumer.list_topics(topic, timeout=5).topics[topic].partitions
    found = consumer.committed([TopicPartition(topic, n) for n in parts], timeout=5)
    consumer.close()
    return sum(max(0, tp.offset) for tp in found)


def test_without_a_cursor_the_groups_own_offsets_count(cluster, stream, topic):
    """A new store of an old group does not start over."""
    fill(cluster, topic, 10)
    first = stream(topic, group_id=f"g_{topic}")
    read(first)
    first.acknowledge(first.offsets())
    first.close()
    fill(cluster, topic, 2, start=10)
    assert read(stream(topic, group_id=f"g_{topic}")) == texts(2, 10)


def test_the_lag_is_told(cluster, stream, topic):
    """How far behind the reader is."""
    fill(cluster, topic, 30)
    one = stream(topic)
    read(one, limit=12)
    assert one.lag() == 18
    read(one, one.offsets())
    assert one.lag() == 0


def test_several_topics_are_read_together(cluster, stream, topic):
    """One source may follow several filters."""
    fill(cluster, topic, 3)
    fill(cluster, f"{topic}_b", 2, start=3)
    one = stream(topic, f"{topic}_b")
    assert read(one) == texts(5)
    assert set(one.offsets()) == {topic, f"{topic}_b"}


@pytest.mark.fault("Kafka", "gone", "a missing topic")
def test_a_missing_topic_costs_one_line_and_comes_later(cluster, stream, topic):
    """A filter that has let nothing through yet has no topic."""
    fill(cluster, topic, 2)
    one = stream(topic, f"{topic}_late")
    assert read(one) == texts(2)
    assert len(one.problems) == 1
    assert f"there is no topic '{topic}_late' (yet)" in one.problems[0]
    fill(cluster, f"{topic}_late", 1, start=2)
    assert read(one, one.offsets()) == texts(1, 2)
    assert one.problems == []


@pytest.mark.fault("Kafka", "empty", "no topic at all")
def test_no_topic_at_all_is_an_error(stream):
    """It names them, for they are probably misspelt."""
    with pytest.raises(StreamError, match="none of the topics no_such, nor_this exists"):
        read(stream("no_such", "nor_this"))


@pytest.mark.fault("Kafka", "gone", "refused connections")
@pytest.mark.slow
def test_refused_connections_name_service_and_broker(stream, topic):
    """The brokers' own complaint is in the line."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(StreamError) as caught:
        read(stream(topic, servers=f"127.0.0.1:{port}", patience=IMPATIENCE))
    assert str(caught.value).startswith(f"demo (127.0.0.1:{port}): asking for the list of topics")
    assert "Connection refused" in str(caught.value)


@pytest.mark.fault("Kafka", "slow", "a broker that never answers")
def test_a_broker_that_never_answers_costs_the_timeout(stream, topic):
    """It accepts, and is silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        quick = Patience(connect=0.5, idle=0.5)
        with pytest.raises(StreamError, match="asking for the list of topics failed"):
            read(stream(topic, servers=f"127.0.0.1:{port}", patience=quick))


@pytest.mark.fault("Kafka", "dies", "a broker that dies in the middle")
@pytest.mark.slow
def test_a_broker_that_dies_in_the_middle_is_an_error_after_the_data(topic, monkeypatch):
    """What came before is good; the cursor stands behind it."""
    monkeypatch.setattr(kafka, "READ_AHEAD_KIB", 64)
    monkeypatch.setattr(kafka, "CHUNK", 3)
    mortal = Cluster()
    one = Stream("demo", mortal.servers, [topic], group_id="g", patience=IMPATIENCE)
    try:
        # More than is read ahead, so that the rest is still with the broker.
        mortal.send(topic, *(bytes(70_000) for _ in range(60)))
        chunks = one.read({}, limit=1000, until=Deadline(10.0))
        got = [len(next(chunks))]
        mortal.kill()
        with pytest.raises(StreamError, match="stopped sending with"):
            got.extend(len(chunk) for chunk in chunks)
        assert 0 < sum(got) == sum(one.offsets()[topic].values()) < 60
    finally:
        one.close()


@pytest.mark.fault("Kafka", "secret", "a refused password")
@pytest.mark.slow
def test_a_refused_password_is_told_without_the_password(cluster, stream, topic, caplog):
    """The mock cluster speaks plain text only, so that it refuses every handshake."""
    caplog.set_level("DEBUG")
    secret = SecretStr("s3cret-pass")
    one = stream(topic, username="me", password=secret, patience=IMPATIENCE)
    with pytest.raises(StreamError) as caught:
        read(one)
    assert "SASL" in str(caught.value)
    assert "s3cret-pass" not in str(caught.value) + caplog.text + repr(vars(one))


def test_a_username_alone_does_not_switch_sasl_on(cluster, stream, topic):
    """Fink's users have a name but normally no password."""
    fill(cluster, topic, 1)
    assert read(stream(topic, username="me")) == texts(1)


@pytest.mark.fault("Kafka", "range", "messages that expired")
def test_expired_messages_are_counted(cluster, stream, topic):
    """A cursor older than the brokers' retention loses alerts, which must not be silent."""
    # The mock cluster keeps 5 MiB of each of its four partitions.
    cluster.send(topic, *(bytes(800_000) for _ in range(50)))
    one = stream(topic)
    cursor = {topic: dict.fromkeys("0123", 0)}
    got = sum(len(chunk) for chunk in one.read(cursor, limit=99, until=Deadline(9.0)))
    lost = sum(int(line.split(": ")[1].split()[0]) for line in one.problems)
    assert got + lost == 50
    assert lost > 0
    assert "expired unread; poll more often" in one.problems[0]


@pytest.mark.fault("Kafka", "again", "a topic made anew")
def test_a_topic_that_was_made_anew_is_read_from_its_beginning(cluster, stream, topic):
    """A cursor beyond the end belongs to a topic that is gone."""
    fill(cluster, topic, 3)
    one = stream(topic)
    cursor = {topic: dict.fromkeys("0123", 1000)}
    assert read(one, cursor) == texts(3)
    assert "was made anew" in one.problems[0]


def test_two_polls_at_a_time_are_refused(cluster, stream, topic):
    """A poll that the loop gave up waiting for may still run."""
    fill(cluster, topic, 10)
    one = stream(topic)
    first = one.read({}, limit=10, until=Deadline(5.0))
    next(first)
    with pytest.raises(StreamError, match="the last poll still runs"):
        read(one)
    first.close()
    assert read(one, {}) == texts(10)


def test_the_missing_package_is_named_with_its_remedy(stream, topic, monkeypatch):
    """`confluent-kafka` is an extra."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(StreamError, match=r"pip install 'aas2rto\[kafka\]'"):
        read(stream(topic))


def test_probe_counts_the_topics(cluster, stream, topic):
    """One cheap question for `check --online`."""
    fill(cluster, topic, 1)
    said = stream(topic, "no_such").probe()
    assert said == f"{cluster.servers} has 1 topic (1 of them missing)"


# -- schemas --------------------------------------------------------------------------------------

ALERTS = [
    alert for t in sky.transients() if (alert := packets.ztf_alert(t, sky.NOW, image_bytes=50))
]
SCHEMA = packets.ZTF_SCHEMA


def message(value: bytes, key: bytes = b"") -> Message:
    return Message("t", 0, 1, key, value)


def names(alerts: Any) -> list[str]:
    return [alert["objectId"] for alert in alerts]


def feed(decoder: Decoder, *sent: Message) -> tuple[list[str], list[str], int]:
    """Return the objects that came, the problem lines, and how many could not be read."""
    batch = Batch("demo")
    unreadable = decoder.feed(sent, batch, "demo")
    tables = batch.tables()
    return list(tables.objects.get("object_id", ())), list(tables.problems), unreadable


def test_a_schema_may_come_in_the_key():
    """As Fink sends it."""
    key = packets.key_of(SCHEMA)
    sent = [message(packets.encode(alert, SCHEMA), key) for alert in ALERTS]
    assert feed(Decoder(), *sent) == (names(ALERTS), [], 0)


def test_a_schema_may_come_in_the_message():
    """A container, with one or several alerts."""
    found = feed(Decoder(), message(packets.contain(ALERTS[:3], SCHEMA)))
    assert found == (names(ALERTS[:3]), [], 0)


def test_a_schema_may_be_named_by_number():
    """Confluent's header; each number is asked for once."""
    asked = []

    def schema_of(number: int) -> str:
        asked.append(number)
        return json.dumps(SCHEMA)

    header = b"\x00" + (900).to_bytes(4, "big")
    decoder = Decoder(schema_of)
    sent = [message(header + packets.encode(alert, SCHEMA)) for alert in ALERTS[:2]]
    assert feed(decoder, *sent) == (names(ALERTS[:2]), [], 0)
    feed(decoder, *sent)
    assert asked == [900]


def test_schemas_may_change_within_a_batch():
    """Old and new alerts of one topic."""
    newer = json.loads(json.dumps(SCHEMA))
    newer["fields"].append({"name": "brandNew", "type": ["null", "double"], "default": None})
    sent = [
        message(packets.encode(ALERTS[0], SCHEMA), packets.key_of(SCHEMA)),
        message(packets.encode(ALERTS[1] | {"brandNew": 1.0}, newer), packets.key_of(newer)),
        message(packets.encode(ALERTS[2], SCHEMA), packets.key_of(SCHEMA)),
    ]
    found, lines, _ = feed(Decoder(), *sent)
    assert (sorted(found), lines) == (sorted(names(ALERTS[:3])), [])


@pytest.mark.fault("Kafka", "damaged", "a broken message")
@pytest.mark.parametrize(
    ("value", "key", "words"),
    [
        (b"", b"", "brings no schema"),
        (b"<html>", b"", "brings no schema"),
        (b"\x00\x00\x00\x03\x84abc", b"", "has the number 900, and no schema_registry is set"),
        (b"abc", b"{not json", "its schema is no JSON"),
        (b"abc", b'{"name": "x"}', "its schema holds None where a type was expected"),
        (b"Obj\x01 and then nothing", b"", "its Avro container is broken"),
        (packets.encode(ALERTS[0], SCHEMA)[:200], packets.key_of(SCHEMA), "it ends early"),
    ],
)
def test_a_broken_message_costs_itself(value, key, words):
    """The others of the batch are read."""
    good = [message(packets.encode(alert, SCHEMA), packets.key_of(SCHEMA)) for alert in ALERTS[:2]]
    found, lines, unreadable = feed(Decoder(), good[0], message(value, key), good[1])
    assert (found, unreadable) == (names(ALERTS[:2]), 1)
    assert len(lines) == 1
    assert lines[0].startswith("demo: t[0] message 1: ")
    assert words in lines[0]


@pytest.mark.fault("Kafka", "forged", "a recursive schema")
def test_a_recursive_schema_is_refused():
    """No survey sends one, and a reader that follows it by its stack ends the process."""
    recursive = json.loads(json.dumps(SCHEMA))
    recursive["fields"].append({"name": "next", "type": ["null", "alert"], "default": None})
    value = packets.encode(ALERTS[0] | {"next": None}, recursive)
    alerts, problems, bad = feed(Decoder(), message(value, packets.key_of(recursive)))
    assert (alerts, bad) == ([], 1)
    assert problems[0].endswith("its schema is nested more than 24 deep, or contains itself")


def test_reading_does_not_hold_up_other_threads(cluster, stream, topic):
    """A poll waits for a silent stream in its own thread."""
    fill(cluster, topic, 1)
    one = stream(topic)
    thread = threading.Thread(target=read, args=(one,))
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def later(seconds: float) -> Callable[[], bool]:
    end = Deadline(seconds)
    return lambda: end.left() <= 0


@pytest.mark.slow
def test_who_listens_hears_what_comes_and_takes_nothing(cluster, stream, topic):
    """The next poll reads it."""
    fill(cluster, topic, 5)
    one = stream(topic)
    read(one)
    assert not one.listen(later(0.5))
    timer = threading.Timer(0.5, fill, (cluster, topic, 2, 5))
    timer.start()
    end = Deadline(10.0)
    assert one.listen(later(10.0))
    assert 10.0 - end.left() < 3.0
    timer.join()
    assert read(one, one.offsets()) == texts(2, 5)
    assert not one.listen(later(0.5))


def test_what_a_limit_left_is_heard_at_once(cluster, stream, topic):
    fill(cluster, topic, 30)
    one = stream(topic)
    read(one, limit=10)
    assert one.listen(later(5.0))


@pytest.mark.slow
def test_who_has_read_nothing_or_reaches_nobody_hears_nothing(cluster, stream, topic):
    """What is wrong there, a poll will tell."""
    assert not stream(topic).listen(later(5.0))
    fill(cluster, topic, 1)
    lost = stream(topic)
    read(lost)
    lost.servers = "localhost:1"
    assert not lost.listen(later(1.0))
