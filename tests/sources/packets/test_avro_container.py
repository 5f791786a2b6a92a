"""Containers are read as fastavro reads them, however they are packed, and until damage."""

import io

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.errors import InputError
from aas2rto.sources.packets.avro_container import Container

SCHEMA = {
    "type": "record",
    "name": "alert",
    "fields": [
        {"name": "objectId", "type": "string"},
        {"name": "candid", "type": ["null", "long"]},
        {"name": "magpsf", "type": {"type": "array", "items": "double"}},
        {"name": "cutout", "type": "bytes"},
    ],
}
RECURSIVE = {
    "type": "record",
    "name": "node",
    "fields": [
        {"name": "objectId", "type": "string"},
        {"name": "next", "type": ["null", "node"]},
    ],
}


def everything(path):
    return True


def written(rows, schema=SCHEMA, **how):
    file = io.BytesIO()
    fastavro.writer(file, schema, rows, **how)
    return file.getvalue()


def read(content):
    """Return all records that can be read, and what was wrong then."""
    found = []
    try:
        for chunk in Container(io.BytesIO(content), everything).chunks():
            chunk.assemble()
            found += chunk.alerts
    except Exception as error:  # noqa: BLE001  whatever a damaged file raises
        return found, error
    return found, None


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "objectId": st.text(max_size=5),
            "candid": st.none() | st.integers(-(2**63), 2**63 - 1),
            "magpsf": st.lists(st.floats(allow_nan=False), min_size=1, max_size=4),
            "cutout": st.just(b""),
        }
    ),
    max_size=200,
)


@given(ROWS, st.sampled_from(["null", "deflate", "bzip2", "xz"]), st.integers(1, 4000))
def test_records_are_those_of_fastavro(rows, codec, interval):
    content = written(rows, codec=codec, sync_interval=interval)
    expected = list(fastavro.reader(io.BytesIO(content)))
    found, error = read(content)
    assert error is None
    keep = ("objectId", "candid", "magpsf")
    assert [[row[name] for name in keep] for row in found] == [
        [row[name] for name in keep] for row in expected
    ]


@given(st.data())
def test_of_a_cut_file_what_comes_before_is_read(data):
    rows = [
        {"objectId": f"ZTF{i}", "candid": i, "magpsf": [1.0], "cutout": b"x" * 20}
        for i in range(100)
    ]
    codec = data.draw(st.sampled_from(["null", "deflate"]))
    content = written(rows, codec=codec, sync_interval=500)
    header = content.index(b"ZTF0") if codec == "null" else 400
    cut = data.draw(st.integers(header, len(content) - 1))
    found, error = read(content[:cut])
    assert [row["candid"] for row in found] == list(range(len(found)))
    assert len(found) == 100 or error is not None or content[:cut].endswith(content[-16:])


@pytest.mark.parametrize("place", [-1, -40])
def test_a_flipped_byte_is_noticed(place):
    rows = [{"objectId": f"ZTF{i}", "candid": i, "magpsf": [1.0], "cutout": b""} for i in range(9)]
    content = bytearray(written(rows, codec="deflate"))
    content[place] ^= 0xFF
    found, error = read(bytes(content))
    assert error is not None
    assert len(found) <= 9


def test_a_record_too_few_is_said():
    rows = [{"objectId": "ZTF", "candid": i, "magpsf": [1.0], "cutout": b""} for i in range(3)]
    content = written(rows, codec="null")
    one = content.rindex(b"\x06ZTF")
    sync = content[-16:]
    begin = content.index(sync) + 16  # after it: the number of records, and their size
    body = content[begin + 2 : one]
    short = content[:begin] + bytes([6, len(body) << 1]) + body + sync
    found, error = read(short)
    assert [row["candid"] for row in found] == [0, 1]
    assert isinstance(error, InputError)
    assert str(error) == "a block of 3 records breaks off in record 3"


def test_a_recursive_schema_is_refused():
    with pytest.raises(InputError, match="contains itself"):
        Container(io.BytesIO(written([{"objectId": "a", "next": None}], RECURSIVE)), everything)
