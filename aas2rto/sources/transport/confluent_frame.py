r"""Kafka messages -> alerts, whichever way the schema travels.

* in the message's key, as JSON (Fink's live streams);
* in the message itself, an Avro container (``Obj\x01``, as ZTF sends alerts);
* by number: a zero byte and four bytes that name the schema in a registry (Confluent's way, as
  Rubin sends alerts).
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from fastavro.schema import SchemaParseException

from aas2rto.errors import Aas2rtoError, InputError
from aas2rto.guard import attempt
from aas2rto.sources.files.history_columns import add_chunk, alert_entries
from aas2rto.sources.packets.avro import Chunk, Reader
from aas2rto.sources.packets.avro_container import Container
from aas2rto.sources.packets.avro_limits import UNPACKABLE, check_schema
from aas2rto.sources.packets.batch import Batch
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.sources.transport.kafka import Message

CONTAINER = b"Obj\x01"
CONFLUENT_HEADER = 5
"""A zero byte, then the schema's number in four bytes, big-endian."""

UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    StopIteration,
    AttributeError,
    ZeroDivisionError,
    OverflowError,
    MemoryError,
    RecursionError,
    SchemaParseException,
    *UNPACKABLE,
)
"""What fastavro raises for bytes that are not what they claim to be."""

Feed = Callable[[Sequence[bytes], Batch, Sequence[str]], int]
"""Reads records of one schema into a batch; returns how many could not be read."""


class Decoder:
    """Turns messages into rows of a batch, those of one schema together.

    Parameters
    ----------
    schema_of : callable, optional
        Returns the schema (JSON text) with a number, for messages with a Confluent header.
    """

    def __init__(self, schema_of: Callable[[int], str] | None = None) -> None:
        self._schema_of = schema_of
        self._readers: dict[bytes | int, Feed] = {}
        self._last: bytes = b""

    def feed(self, messages: Sequence[Message], batch: Batch, service: str) -> int:
        """Add the alerts of messages to a batch.

        Parameters
        ----------
        messages : sequence of Message
        batch : Batch
            Gets a problem line for each message that cannot be read.
        service : str
            Its name in those lines.

        Returns
        -------
        int
            How many messages could not be read, or held no alerts.
        """
        unreadable = 0
        groups: dict[bytes | int, list[Message]] = {}
        for message in messages:
            where = f"{service}: {message}"
            try:
                if message.value.startswith(CONTAINER):
                    unreadable += guarded(partial(_feed_container, message, batch, where))
                else:
                    groups.setdefault(self._schema_name(message), []).append(message)
            except InputError as error:
                batch.problems.append(f"{where}: {error}")
                unreadable += 1
        for name, group in groups.items():
            unreadable += self._feed_group(name, group, batch, service)
        return unreadable

    def _schema_name(self, message: Message) -> bytes | int:
        """Say how the schema is known: by its text, or by its number."""
        if message.key[:1] in {b"{", b"["}:
            # Keys are long and nearly always the same: equal bytes need no second look.
            if message.key != self._last:
                self._last = message.key
            return self._last
        if message.value[:1] == b"\x00" and len(message.value) > CONFLUENT_HEADER:
            return int.from_bytes(message.value[1:CONFLUENT_HEADER], "big")
        raise InputError(
            "it brings no schema: neither in its key, nor in a container, nor by number"
        )

    def _feed_group(
        self, name: bytes | int, group: Sequence[Message], batch: Batch, service: str
    ) -> int:
        wheres = [f"{service}: {message}" for message in group]
        skip = CONFLUENT_HEADER if isinstance(name, int) else 0
        values = [message.value[skip:] for message in group]
        try:
            feed = guarded(lambda: self._reader(name))
            return guarded(lambda: feed(values, batch, wheres))
        except InputError as error:
            if len(group) == 1:
                batch.problems.append(f"{wheres[0]}: {error}")
                return 1
        # One of them did what nobody thought of: the others are read without it. What was taken
        # already is the same row again.
        return sum(self._feed_group(name, [message], batch, service) for message in group)

    def _reader(self, name: bytes | int) -> Feed:
        if name not in self._readers:
            self._readers[name] = feeder_of(self._schema_text(name))
        return self._readers[name]

    def _schema_text(self, name: bytes | int) -> str:
        if isinstance(name, bytes):
            return name.decode("utf-8", errors="replace")
        if self._schema_of is None:
            raise InputError(
                f"its schema has the number {name}, and no schema_registry is set to ask"
            )
        return self._schema_of(name)


T = TypeVar("T")


def guarded(read: Callable[[], T]) -> T:
    """Read a message; what nobody thought of costs it, not the stream, which would stop for ever.

    Raises
    ------
    InputError
        Says what is wrong with it.
    SourceError
        As `read` raises it: the registry of schemas does not answer.
    """
    done = attempt("a message", read, passing=(Aas2rtoError,))
    if done.failure is not None:
        raise InputError(f"it cannot be read ({done.failure.error[:160]})")
    return done.value  # type: ignore[return-value]


def registry(url: str, service: str, network: Policy) -> Callable[[int], str]:
    """Return a function that asks a Confluent schema registry for the schema with a number.

    Parameters
    ----------
    url, service : str
    network : Policy
    """
    client = Client(service, url, policy=network)

    def schema_of(number: int) -> str:
        until = client.deadline(network.read)
        try:
            answer = client.get(f"schemas/ids/{number}", until=until)
        finally:
            client.close()
        schema = answer.mapping().get("schema")
        if not isinstance(schema, str):
            raise answer.unreadable("without a schema")
        return schema

    return schema_of


def feeder_of(schema: str) -> Feed:
    """Return a function that reads records of a schema.

    Raises
    ------
    InputError
        If `schema` is no Avro schema, or one that no reader should follow.
    """
    try:
        parsed = json.loads(schema)
    except (ValueError, RecursionError) as error:
        raise InputError(f"its schema is no JSON ({error!r:.200})") from error
    check_schema(parsed)
    reader = Reader(parsed, alert_entries)

    def feed(records: Sequence[bytes], batch: Batch, wheres: Sequence[str]) -> int:
        unreadable, start = 0, 0
        for chunk in reader.scan(records):
            stop = start + len(chunk.alerts)
            unreadable += add_chunk(chunk, batch, wheres[start:stop])
            start = stop
        return unreadable

    return feed


def _feed_container(message: Message, batch: Batch, where: str) -> int:
    n = bad = 0
    for chunk in read_container(message.value):
        n += len(chunk.alerts)
        bad += add_chunk(chunk, batch, [where] * len(chunk.alerts))
    return int(bad == n)


def read_container(content: bytes) -> list[Chunk]:
    """Read an Avro container.

    Raises
    ------
    InputError
        If it is broken.
    """
    try:
        return list(Container(io.BytesIO(content), alert_entries).chunks())
    except UNREADABLE as error:
        raise InputError(f"its Avro container is broken ({error!r:.200})") from error
