"""Avro that is right by the letter and would cost the program."""

from __future__ import annotations

import io
import json
import resource
import time
import zlib

import fastavro
import pytest

from aas2rto.errors import InputError
from aas2rto.sources.files.alert_files import avro
from aas2rto.sources.packets import avro_limits
from aas2rto.sources.packets.avro_limits import check_container, check_schema
from aas2rto.sources.packets.batch import Batch
from aas2rto.sources.transport.confluent_frame import Decoder
from aas2rto.sources.transport.kafka import Message
from tests.shared import PAYLOADS
from tests.sources.archive_files import ZTF_SCHEMA

TEXT = {"name": "objectId", "type": "string"}
HUGE = b"\x80" * 5 + b"\x40\x00"  # a length of 2^40, then nothing


def record(*fields, name="alert"):
    return {"type": "record", "name": name, "fields": list(fields)}


def nested(depth):
    inner = "int"
    for _ in range(depth):
        inner = {"type": "array", "items": inner}
    return record({"name": "x", "type": inner})


def of(kind):
    """Return a record of one field."""
    return record({"name": "x", "type": kind})


HOSTILE = {
    "negative size": of({"type": "fixed", "name": "f", "size": -5}),
    "size that is a text": of({"type": "fixed", "name": "f", "size": "9"}),
    "list of empty records": of({"type": "array", "items": record(name="e")}),
    "list of nothing": record(TEXT, {"name": "x", "type": {"type": "array", "items": "null"}}),
    "list of no bytes": of({"type": "array", "items": {"type": "fixed", "name": "f", "size": 0}}),
    "a record that is itself": of("alert"),
    "a list of itself": of({"type": "array", "items": "alert"}),
    "nested a hundred deep": nested(100),
    "no content": record(),
    "a field without type": record({"name": "x"}),
    "a number for a type": of(7),
}


@pytest.mark.fault("Kafka", "bomb", "hostile schemas in a Kafka key")
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("value", [b"", HUGE, b"\x02" * 1000, b"\x00"])
def test_a_hostile_schema_in_a_key_costs_its_message(name, value):
    """Quickly, in one line, and the message beside it is read."""
    batch, begun = Batch(61120.0), time.monotonic()
    key = json.dumps(HOSTILE[name]).encode()
    bad = Decoder().feed([Message("t", 0, 7, key, value)], batch, "svc")
    assert bad == 1
    (line,) = batch.problems
    assert line.startswith("svc: t[0] message 7: ")
    assert time.monotonic() - begun < 5.0


@pytest.mark.fault("Kafka", "bomb", "endless nesting")
def test_a_key_that_nests_for_ever_costs_its_message():
    deep = '{"type": "array", "items": ' * 100_000 + '"int"' + "}" * 100_000
    batch = Batch(61120.0)
    assert Decoder().feed([Message("t", 0, 0, deep.encode(), b"\x00")], batch, "svc") == 1
    assert "its schema is no JSON" in batch.problems[0]


def test_the_schema_of_ztf_passes():
    check_schema(ZTF_SCHEMA)


@pytest.mark.real_data
def test_recorded_alerts_pass():
    files = [path for path in PAYLOADS.rglob("*.avro") if path.read_bytes()[:4] == b"Obj\x01"]
    assert len(files) > 3
    for path in files:
        with path.open("rb") as file:
            check_container(file)
            check_schema(fastavro.reader(file).writer_schema)


def number(value):
    value <<= 1
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    return bytes([*out, value])


def bomb(mebibytes):
    """Return a container of one block of zeros."""
    packer, zeros = zlib.compressobj(9, zlib.DEFLATED, -15), bytes(2**20)
    body = b"".join(packer.compress(zeros) for _ in range(mebibytes)) + packer.flush()
    schema = json.dumps(record(TEXT, {"name": "candidate", "type": "long"})).encode()
    meta = [(b"avro.schema", schema), (b"avro.codec", b"deflate")]
    head = b"Obj\x01" + number(len(meta))
    head += b"".join(number(len(k)) + k + number(len(v)) + v for k, v in meta) + b"\x00"
    return head + b"S" * 16 + number(1) + number(len(body)) + body + b"S" * 16


@pytest.mark.fault("Avro file", "bomb", "deflate Avro (1.5 MB -> 3.1 GB)")
@pytest.mark.proof
def test_a_block_that_unpacks_to_a_gigabyte_is_refused(tmp_path):
    path = tmp_path / "bomb.avro"
    path.write_bytes(bomb(1024))
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(InputError, match="a block of it unpacks to more than 128 MiB"):
        list(avro(path))
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 512
    assert time.monotonic() - begun < 5.0


@pytest.mark.fault("Kafka", "bomb", "a bomb in a stream")
@pytest.mark.slow
def test_a_bomb_in_a_stream_costs_its_message():
    batch = Batch(61120.0)
    assert Decoder().feed([Message("t", 0, 0, b"", bomb(512))], batch, "svc") == 1
    assert "unpacks to more than 128 MiB" in batch.problems[0]


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_honest_containers_pass_and_are_rewound(codec, monkeypatch):
    """Their blocks are as large as their alerts, however they are packed."""
    schema, file = record(TEXT), io.BytesIO()
    rows = [{"objectId": f"ZTF{i}" * 50} for i in range(2000)]
    fastavro.writer(file, schema, rows, codec=codec)
    file.seek(0)
    check_container(file)
    assert list(fastavro.reader(file)) == rows
    # The same blocks are refused where less is allowed: they were looked at.
    monkeypatch.setattr(avro_limits, "MAX_BLOCK", 1000)
    file.seek(0)
    if codec == "null":
        check_container(file)
    else:
        with pytest.raises(InputError):
            check_container(file)


@pytest.mark.parametrize("cut", [0, 3, 10, 60, 200])
def test_what_is_cut_short_is_left_to_the_reader(cut):
    file = io.BytesIO(bomb(1)[:cut])
    check_container(file)
    assert file.tell() == 0
