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
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException

from aas2rto.errors import InputError
from aas2rto.sources.avro import Reader, UnsupportedSchemaError
from aas2rto.sources.kafka import Message

CONTAINER = b"Obj\x01"
CONFLUENT_HEADER = 5
"""A zero byte, then the schema's number in four bytes, big-endian."""

UNREADABLE = (
    ValueError, TypeError, KeyError, IndexError, EOFError, StopIteration, AttributeError,
    ZeroDivisionError, OverflowError, MemoryError, SchemaParseException,
)  # fmt: skip
"""What fastavro raises for bytes that are not what they claim to be."""

Decoded = list[dict[str, Any]] | InputError


class Decoder:
    """Turns messages into alerts, those of one schema together.

    Parameters
    ----------
    schema_of : callable, optional
        Returns the schema (JSON text) with a number, for messages with a Confluent header.
    """

    def __init__(self, schema_of: Callable[[int], str] | None = None) -> None:
        self._schema_of = schema_of
        self._readers: dict[bytes | int, Callable[[Sequence[bytes]], list[Any]]] = {}
        self._last: tuple[bytes, bytes] = (b"", b"")

    def decode(self, messages: Sequence[Message]) -> list[Decoded]:
        """Decode messages.

        Parameters
        ----------
        messages : sequence of Message

        Returns
        -------
        list
            For each message, in order, its alerts (a container may hold several), or why it
            cannot be read.
        """
        found: list[Decoded] = [[] for _ in messages]
        groups: dict[bytes | int, list[int]] = {}
        for number, message in enumerate(messages):
            try:
                if message.value.startswith(CONTAINER):
                    found[number] = read_container(message.value)
                else:
                    groups.setdefault(self._schema_name(message), []).append(number)
            except InputError as error:
                found[number] = error
        for name, numbers in groups.items():
            self._decode_group(name, [(n, messages[n].value) for n in numbers], found)
        return found

    def _schema_name(self, message: Message) -> bytes | int:
        """Say how the schema is known: by its text, or by its number."""
        if message.key[:1] in {b"{", b"["}:
            # Keys are long and nearly always the same: equal bytes need no second look.
            if message.key != self._last[0]:
                self._last = (message.key, message.key)
            return self._last[1]
        if message.value[:1] == b"\x00" and len(message.value) > CONFLUENT_HEADER:
            return int.from_bytes(message.value[1:CONFLUENT_HEADER], "big")
        raise InputError(
            "it brings no schema: neither in its key, nor in a container, nor by number"
        )

    def _decode_group(
        self, name: bytes | int, group: Sequence[tuple[int, bytes]], found: list[Decoded]
    ) -> None:
        skip = CONFLUENT_HEADER if isinstance(name, int) else 0
        try:
            read = self._reader(name)
        except InputError as error:
            for number, _ in group:
                found[number] = error
            return
        alerts = read([value[skip:] for _, value in group])
        for (number, _), alert in zip(group, alerts, strict=True):
            found[number] = alert if isinstance(alert, InputError) else [alert]

    def _reader(self, name: bytes | int) -> Callable[[Sequence[bytes]], list[Any]]:
        if name not in self._readers:
            self._readers[name] = reader_of(self._schema_text(name))
        return self._readers[name]

    def _schema_text(self, name: bytes | int) -> str:
        if isinstance(name, bytes):
            return name.decode("utf-8", errors="replace")
        if self._schema_of is None:
            raise InputError(
                f"its schema has the number {name}, and no schema_registry is set to ask"
            )
        return self._schema_of(name)


def reader_of(schema: str) -> Callable[[Sequence[bytes]], list[Any]]:
    """Return a function that reads records of a schema: the fast way if it can, else fastavro's.

    Raises
    ------
    InputError
        If `schema` is no Avro schema.
    """
    try:
        parsed = json.loads(schema)
    except ValueError as error:
        raise InputError(f"its schema is no JSON ({error})") from error
    try:
        return Reader(parsed).read
    except UnsupportedSchemaError:
        return _general_reader(parsed)


def _general_reader(schema: Any) -> Callable[[Sequence[bytes]], list[Any]]:
    try:
        known = fastavro.parse_schema(schema)
    except UNREADABLE as error:
        raise InputError(f"its schema is no Avro schema ({error!r:.200})") from error

    def read(records: Sequence[bytes]) -> list[Any]:
        return [_read_one(record, known) for record in records]

    return read


def _read_one(record: bytes, schema: Any) -> Any:
    try:
        return fastavro.schemaless_reader(io.BytesIO(record), schema, None)
    except UNREADABLE as error:
        return InputError(f"it is not what its schema says ({error!r:.200})")


def read_container(content: bytes) -> list[dict[str, Any]]:
    """Read an Avro container.

    Raises
    ------
    InputError
        If it is broken.
    """
    try:
        return [record for record in fastavro.reader(io.BytesIO(content)) if record]  # type: ignore[misc]
    except UNREADABLE as error:
        raise InputError(f"its Avro container is broken ({error!r:.200})") from error
