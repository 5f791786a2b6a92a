"""The fast Avro reader against fastavro, on random schemas, random data and random damage."""

from __future__ import annotations

import io
import itertools
import math
from typing import Any

import fastavro
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aas2rto.errors import InputError
from aas2rto.sources.avro import Reader, UnsupportedSchemaError
from aas2rto.sources.packets import Batch
from tests.sources.conftest import PAYLOADS, needs_payloads
from tests.standin import packets, sky

NUMBERS = itertools.count()
"""Types of one schema must not share a name."""

INT64 = st.integers(-(2**63), 2**63 - 1)
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": INT64,
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "string": st.text(max_size=8),
}


@st.composite
def leaf_types(draw: Any) -> tuple[Any, st.SearchStrategy[Any]]:
    """Draw a primitive type, perhaps nullable on either side, or an enum."""
    kind = draw(st.sampled_from([*PRIMITIVES, "enum"]))
    if kind == "enum":
        name = f"E{next(NUMBERS)}"
        return {"type": "enum", "name": name, "symbols": ["a", "b"]}, st.sampled_from(["a", "b"])
    values = PRIMITIVES[kind]
    shape = draw(st.sampled_from(["plain", "null first", "null last", "wide"]))
    if shape == "plain":
        return kind, values
    if shape == "wide":
        return ["null", kind, {"type": "fixed", "name": f"F{next(NUMBERS)}", "size": 3}], (
            st.none() | values
        )
    return (["null", kind] if shape == "null first" else [kind, "null"]), st.none() | values


@st.composite
def field_types(draw: Any, depth: int = 0) -> tuple[Any, st.SearchStrategy[Any]]:
    """Draw a leaf, a record, or (at the top) an array of records or a map."""
    shape = draw(st.sampled_from(["leaf", "leaf", "record", "array", "map"]))
    if shape == "leaf" or depth > 1:
        return draw(leaf_types())
    if shape == "map" and depth == 0:
        kind, values = draw(leaf_types())
        keys = st.text(max_size=4)
        return {"type": "map", "values": kind}, st.dictionaries(keys, values, max_size=3)
    record, values = draw(records(depth + 1))
    if shape == "array" and depth == 0:
        return {"type": "array", "items": record}, st.lists(values, max_size=4)
    return record, values


@st.composite
def records(draw: Any, depth: int = 0) -> tuple[dict[str, Any], st.SearchStrategy[Any]]:
    fields, values = [], {}
    for number in range(draw(st.integers(1, 5))):
        kind, strategy = draw(field_types(depth))
        fields.append({"name": f"f{number}", "type": kind})
        values[f"f{number}"] = strategy
    return {"type": "record", "name": f"R{next(NUMBERS)}", "fields": fields}, st.fixed_dictionaries(
        values
    )


@st.composite
def cases(draw: Any) -> tuple[dict[str, Any], list[Any]]:
    schema, values = draw(records())
    return schema, draw(st.lists(values, min_size=1, max_size=4))


def encode(schema: Any, values: list[Any]) -> list[bytes]:
    parsed = fastavro.parse_schema(schema)
    found = []
    for value in values:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, value)
        found.append(out.getvalue())
    return found


def without_empty(value: Any) -> Any:
    """Drop empty lists and maps, and records without any value: a missing key says the same."""
    if isinstance(value, dict):
        inner = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in inner.items() if item not in ([], {})}
    if isinstance(value, list):
        return [without_empty(item) for item in value]
    return value


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_it_reads_what_fastavro_reads(case):
    """For random schemas and data, the values are the same to the last bit."""
    schema, values = case
    found = Reader(schema, lambda path: True).read(encode(schema, values))
    parsed = fastavro.parse_schema(schema)
    expected = [
        fastavro.schemaless_reader(io.BytesIO(data), parsed, None)
        for data in encode(schema, values)
    ]
    assert [without_empty(x) for x in found] == [without_empty(x) for x in expected]


ALERT = packets.encode(
    packets.ztf_alert(sky.transients()[0], sky.NOW, image_bytes=200), packets.ZTF_SCHEMA
)
READER = Reader(packets.ZTF_SCHEMA)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(ALERT) - 1), st.binary(min_size=0, max_size=12), st.booleans())
def test_damage_never_does_worse_than_an_error(place, noise, cut):
    """Overwritten or cut anywhere, an alert is read or refused; the next one is read."""
    damaged = ALERT[:place] + noise + (b"" if cut else ALERT[place + len(noise) :])
    bad, good = READER.read([damaged, ALERT])
    assert isinstance(bad, dict | InputError)
    assert isinstance(good, dict)
    assert good["objectId"] == sky.transients()[0].ztf_id


def test_a_cut_alert_says_so():
    """The line in the report tells what is wrong."""
    found = READER.read([ALERT[:-20], ALERT + b"x", b""])
    assert [str(error) for error in found] == [
        "it ends early", "it is longer than its schema says", "it ends early"
    ]  # fmt: skip


def test_a_promise_of_endless_items_is_refused():
    """A count of 2**60 items in ten bytes must not keep us busy."""
    schema = {"type": "record", "name": "r", "fields": [
        {"name": "x", "type": {"type": "array", "items": "null"}}]}  # fmt: skip
    (error,) = Reader(schema, lambda path: True).read([b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"])
    assert str(error) == "a length in it is impossible"


def test_many_items_make_room_for_themselves():
    """Histories may be longer than any seen before."""
    alert = packets.ztf_alert(sky.transients()[0], sky.NOW, image_bytes=10)
    assert alert is not None
    alert["prv_candidates"] *= 150
    (found,) = Reader(packets.ZTF_SCHEMA).read([packets.encode(alert, packets.ZTF_SCHEMA)])
    assert isinstance(found, dict)
    assert len(found["prv_candidates"]) == len(alert["prv_candidates"])


def test_images_are_left_out():
    """Nobody reads them, and they are most of an alert."""
    (found,) = READER.read([ALERT])
    assert isinstance(found, dict)
    assert not [name for name in found if name.startswith("cutout")]
    assert "chipsf" not in found["candidate"]


@pytest.mark.parametrize("survey", ["ztf", "lsst"])
def test_tables_are_those_of_whole_packets(survey):
    """Leaving out what nobody reads changes nothing."""
    make, schema = {
        "ztf": (packets.ztf_alert, packets.ZTF_SCHEMA),
        "lsst": (packets.lsst_alert, packets.LSST_SCHEMA),
    }[survey]
    alerts = [alert for t in sky.transients() if (alert := make(t, sky.NOW))]
    whole = [packets.encode(alert, schema) for alert in alerts]
    assert_same_tables(whole, schema)


def assert_same_tables(records: list[bytes], schema: Any) -> None:
    parsed = fastavro.parse_schema(schema)
    slow, fast = Batch("x"), Batch("x")
    for record in records:
        slow.add(fastavro.schemaless_reader(io.BytesIO(record), parsed, None))
    for alert in Reader(schema).read(records):
        assert isinstance(alert, dict)
        fast.add(alert)
    expected, found = slow.tables(), fast.tables()
    assert found.problems == expected.problems
    pd.testing.assert_frame_equal(found.photometry, expected.photometry)
    pd.testing.assert_frame_equal(found.objects, expected.objects)
    pd.testing.assert_frame_equal(found.annotations, expected.annotations)
    assert math.isclose(found.newest_alert or 0, expected.newest_alert or 0)


@pytest.mark.real_data
@needs_payloads
@pytest.mark.parametrize(
    "name",
    [
        "fink/ztf_part-3-305711.avro",
        "fink/lsst_part-2-918301.avro",
        "ztf_alerts/boom_2695378462115010012_v402.avro",
        "ztf_alerts/472263571115115000.avro",
    ],
)
def test_real_alerts_give_the_same_tables(name):
    """Real alerts of ZTF, of LSST and of Fink."""
    with (PAYLOADS / name).open("rb") as file:
        reader = fastavro.reader(file)
        alerts, schema = list(reader), reader.writer_schema
    assert_same_tables(encode(schema, alerts), schema)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "record", "name": "r", "fields": [{"name": "x", "type": "nosuch"}]},
         "uses 'nosuch' but does not define it"),
        ({"type": "record", "name": "r", "fields": [{"name": "x", "type": ["null", "r"]}]},
         "the schema is recursive"),
        ({"name": "r"}, "this is no Avro schema"),
    ],
)  # fmt: skip
def test_schemas_it_cannot_follow_are_named(schema, words):
    """Another reader may still follow them."""
    with pytest.raises(UnsupportedSchemaError, match=words):
        Reader(schema, lambda path: True)
