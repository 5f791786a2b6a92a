"""The fast Avro reader against fastavro, on random schemas, random data and random damage."""

from __future__ import annotations

import io
import itertools
import json
from typing import Any

import fastavro
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aas2rto.errors import InputError
from aas2rto.sources.files.history_columns import alert_entries
from aas2rto.sources.packets.avro import Reader
from aas2rto.sources.packets.avro_schema import UnsupportedSchemaError
from aas2rto.sources.packets.batch import Batch
from aas2rto.sources.transport.confluent_frame import feeder_of
from tests.shared import PAYLOADS
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


@pytest.mark.slow
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
READER = Reader(packets.ZTF_SCHEMA, alert_entries)


@pytest.mark.slow
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
        "it ends early",
        "it is longer than its schema says",
        "it ends early",
    ]


@pytest.mark.fault("Avro file", "slow", "a promise of endless items")
def test_a_promise_of_endless_items_is_refused():
    """A count of 2**60 items in ten bytes must not keep us busy."""
    schema = {
        "type": "record",
        "name": "r",
        "fields": [{"name": "x", "type": {"type": "array", "items": "null"}}],
    }
    (error,) = Reader(schema, lambda path: True).read([b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"])
    assert str(error) == "a length in it is impossible"


@pytest.mark.slow
def test_many_items_make_room_for_themselves():
    """Histories may be longer than any seen before."""
    alert = packets.ztf_alert(sky.transients()[0], sky.NOW, image_bytes=10)
    assert alert is not None
    alert["prv_candidates"] *= 150
    (found,) = READER.read([packets.encode(alert, packets.ZTF_SCHEMA)])
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
    """Compare fastavro and `packets` with the fast reader, by mappings and by columns."""
    parsed = fastavro.parse_schema(schema)
    slow, fast, columns = Batch("x"), Batch("x"), Batch("x")
    for record in records:
        slow.add(fastavro.schemaless_reader(io.BytesIO(record), parsed, None))
    for alert in Reader(schema, alert_entries).read(records):
        assert isinstance(alert, dict)
        fast.add(alert)
    plain = {key: value for key, value in schema.items() if not key.startswith("__")}
    assert feeder_of(json.dumps(plain))(records, columns, ["here"] * len(records)) == 0
    expected = slow.tables()
    key = ["candidate_id", "survey", "measurement_id"]
    in_order = expected.photometry.sort_values(key, ignore_index=True)
    for found in (fast.tables(), columns.tables()):
        assert found.problems == expected.problems
        rows = found.photometry.sort_values(key, ignore_index=True)
        pd.testing.assert_frame_equal(rows, in_order)
        pd.testing.assert_frame_equal(found.objects, expected.objects)
        pd.testing.assert_frame_equal(found.facts, expected.facts)
        assert found.newest_alert == expected.newest_alert


def changed(**changes: Any) -> list[bytes]:
    """Return an alert whose history was changed in every entry."""
    alert = packets.ztf_alert(sky.transients()[0], sky.NOW, image_bytes=10)
    assert alert is not None
    alert["prv_candidates"] = [record | changes for record in alert["prv_candidates"]]
    return [packets.encode(alert, packets.ZTF_SCHEMA)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"rb": 0.3},
        {"nbad": 2},
        {"rb": -999.0},
        {"isdiffpos": "f"},
        {"isdiffpos": "0"},
        {"isdiffpos": "1"},
        {"diffmaglim": -999.0},
        {"magpsf": None, "sigmapsf": None},
        {"candid": None},
        {"isdiffpos": "x"},
        {"jd": 1.0},
    ],
)
def test_histories_by_columns_are_those_by_mappings(changes):
    """Flags, signs, sentinels and nulls mean the same both ways."""
    assert_same_tables(changed(**changes), packets.ZTF_SCHEMA)


@pytest.mark.parametrize("changes", [{"candid": 0}, {"candid": None, "fid": 9}])
def test_broken_measurements_in_columns_are_counted(changes):
    """One line per alert, where mappings have one per measurement."""
    batch = Batch("x")
    records = changed(**changes)
    assert feeder_of(json.dumps(packets.ZTF_SCHEMA))(records, batch, ["here"]) == 0
    n = len(packets.ztf_alert(sky.transients()[0], sky.NOW)["prv_candidates"])  # type: ignore[index]
    (line,) = batch.tables().problems
    assert line == (f"here: {n} of the measurements of {sky.transients()[0].ztf_id} cannot be used")
    assert len(batch.tables().photometry) == 1


def test_arrays_of_unexpected_types_are_read_as_mappings():
    """A broker that writes candid as text is still read."""
    schema = json.loads(json.dumps(packets.ZTF_SCHEMA))
    for place in ("candidate", "prv_candidates"):
        kind = next(f for f in schema["fields"] if f["name"] == place)["type"]
        record = kind if isinstance(kind, dict) else kind[1]["items"]
        next(f for f in record["fields"] if f["name"] == "candid")["type"] = ["string", "null"]
    alert = packets.ztf_alert(sky.transients()[0], sky.NOW, image_bytes=10)
    assert alert is not None
    for record in (alert["candidate"], *alert["prv_candidates"]):
        record["candid"] = str(record["candid"]) if record.get("candid") else None
    assert_same_tables([packets.encode(alert, schema)], schema)


def test_fp_hists_by_columns_are_those_by_mappings():
    """Forced photometry of ZTF packets, good and bad."""
    entry = {
        "jd": 2461360.5,
        "fid": 1,
        "pid": 7,
        "forcediffimflux": 100.0,
        "forcediffimfluxunc": 10.0,
        "magzpsci": 26.3,
        "procstatus": "0",
    }
    numbers = [
        {"name": n, "type": ["null", "double"]}
        for n in ("jd", "forcediffimflux", "forcediffimfluxunc", "magzpsci")
    ]
    whole = [{"name": n, "type": ["null", "long"]} for n in ("fid", "pid")]
    fields = [*numbers, *whole, {"name": "procstatus", "type": ["null", "string"]}]
    schema = json.loads(json.dumps(packets.ZTF_SCHEMA))
    schema["fields"].append(
        {
            "name": "fp_hists",
            "type": {"type": "array", "items": {"type": "record", "name": "fp", "fields": fields}},
        }
    )
    alert = packets.ztf_alert(sky.transients()[0], sky.NOW, image_bytes=10)
    assert alert is not None
    bad = [{"procstatus": "56"}, {"forcediffimflux": -99999.0}, {"forcediffimflux": None}]
    negative = {"pid": 8, "forcediffimflux": -50.0}
    unusable = [entry | {"pid": 9 + k} | change for k, change in enumerate(bad)]
    alert["fp_hists"] = [entry, entry | negative, *unusable]
    assert_same_tables([packets.encode(alert, schema)], schema)
    batch = Batch("x")
    feeder_of(json.dumps(schema))([packets.encode(alert, schema)], batch, ["here"])
    assert batch.tables().photometry["measurement_id"].str.startswith("fp:").sum() == 2


@pytest.mark.slow
@pytest.mark.real_data
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
        (
            {"type": "record", "name": "r", "fields": [{"name": "x", "type": "nosuch"}]},
            "uses 'nosuch' but does not define it",
        ),
        (
            {"type": "record", "name": "r", "fields": [{"name": "x", "type": ["null", "r"]}]},
            "the schema is recursive",
        ),
        ({"name": "r"}, "this is no Avro schema"),
    ],
)
def test_schemas_it_cannot_follow_are_named(schema, words):
    """Another reader may still follow them."""
    with pytest.raises(UnsupportedSchemaError, match=words):
        Reader(schema, lambda path: True)
