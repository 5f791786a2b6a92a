"""Small files that mean gigabytes are refused: bounded in memory and time, and in one line."""

from __future__ import annotations

import io
import resource
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import astropy.io.votable
import astropy.table
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aas2rto.errors import InputError
from aas2rto.sources.archive import Archive
from aas2rto.sources.files import parquet_limits, tables
from aas2rto.sources.tns_table import COLUMNS, read
from tests.sources.conftest import request

MOST_MEGABYTES = 512
MOST_SECONDS = 5.0
GOOD = "object_id,ra,dec,mjd,band,mag,magerr,survey\nSNgood,150,2,61100.1,ztfg,18.2,0.05,ztf\n"

assert astropy.table  # imported before memory is measured
assert astropy.io.votable


def peak() -> float:
    """Return the most memory that this process has had [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peak_since_reset() -> float:
    """Return the most since the last reset [MB]; the kernel counts it, see proc(5)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


@contextmanager
def bounded() -> Iterator[None]:
    """Measure what is done inside."""
    measure: Callable[[], float] = peak
    if sys.platform.startswith("linux"):
        Path("/proc/self/clear_refs").write_text("5")
        measure = peak_since_reset
    before, begun = measure(), time.process_time()
    yield
    assert time.process_time() - begun < MOST_SECONDS
    assert measure() - before < MOST_MEGABYTES


VOTABLE = (
    '<?xml version="1.0"?>{head}<VOTABLE version="1.3"><RESOURCE><TABLE{rows}>'
    '<FIELD name="mjd" datatype="double"{size}/><DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>'
)
CELL = "<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>"


def votable(head: str = "", rows: str = "", size: str = "", data: str = CELL) -> bytes:
    return VOTABLE.format(head=head, rows=rows, size=size, data=data).encode()


STREAM = '<BINARY><STREAM href="file:///dev/zero"/></BINARY>'
TOO_MUCH = "is a VOTable that declares far more data than it holds"
TEXTS: dict[str, tuple[bytes, str]] = {
    "size.xml": (votable(size=' arraysize="100000000"'), TOO_MUCH),
    "cube.xml": (votable(size=' arraysize="1000x1000x1000"'), TOO_MUCH),
    "rows.xml": (votable(rows=' nrows="900000000"'), TOO_MUCH),
    "padded.xml": (
        votable(size=' arraysize="9000"', data=f"<TABLEDATA>{'<TR/>' * 100_000}</TABLEDATA>"),
        TOO_MUCH,
    ),
    "elsewhere.xml": (votable(data=STREAM), "is a VOTable whose data lie elsewhere"),
    "entities.xml": (
        votable(head='<!DOCTYPE VOTABLE [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]>'),
        "is a VOTable with entities of its own",
    ),
    "ragged.csv": (
        (
            "object_id,mjd,mag,magerr,band,"
            + ",".join(f"x{k}" for k in range(3900))
            + "\n1" * 100_000
        ).encode(),
        "most of its rows have far fewer cells than its header (3905)",
    ),
    "keys.json": (
        (
            "["
            + ",".join(
                "{" + ",".join(f'"k{r}_{k}":1' for k in range(10)) + "}" for r in range(2000)
            )
            + "]"
        ).encode(),
        "has 20000 columns of which most rows have hardly any",
    ),
}


def refused(folder: Path, words: str) -> None:
    """Read a folder: what is refused is said in one line, what lies beside it is read."""
    (folder / "zgood.csv").write_text(GOOD)
    with bounded():
        report = Archive(paths=(str(folder),)).poll(request(61120.0))
    assert report.photometry["candidate_id"].tolist() == ["SNgood"]
    (line,) = report.problems
    assert words in line


@pytest.mark.fault("CSV, JSON, FITS", "bomb", "tables that declare more than they hold")
@pytest.mark.parametrize("name", TEXTS)
def test_tables_that_declare_more_than_they_hold(tmp_path: Path, name: str) -> None:
    """Room is made for nothing that is not there, and nothing is fetched from elsewhere."""
    content, words = TEXTS[name]
    assert len(content) < 10**6
    (tmp_path / name).write_bytes(content)
    refused(tmp_path, words)


def equal_rows(n: int) -> pa.Table:
    """Return rows that are all the same: Parquet writes how many there are."""
    places = pa.array(np.zeros(n, dtype=np.int32))
    times = np.full(n, 61100.0)
    words = {"object_id": "SN" + "x" * 100, "band": "ztfg"}
    coded = {k: pa.DictionaryArray.from_arrays(places, pa.array([v])) for k, v in words.items()}
    return pa.table({"mjd": times, "mag": times / 3500.0, "magerr": times / 10**6, **coded})


def equal_alerts(n: int) -> pa.Table:
    alerts = equal_rows(n)
    parts = {"objectId": alerts["object_id"], "candid": pa.array(np.zeros(n, dtype=np.int64))}
    candidate = pa.StructArray.from_arrays([alerts["mjd"].combine_chunks()], ["jd"])
    return pa.table({**parts, "candidate": candidate})


PARQUET: dict[str, tuple[Callable[[], pa.Table], str]] = {
    "rows": (lambda: equal_rows(5_000_000), "kB that stand for 5000000 rows or values"),
    "alerts": (lambda: equal_alerts(5_000_000), "kB that stand for 5000000 rows or values"),
    "list": (
        lambda: pa.table({"mjd": [[61100.0] * 5_000_000], "object_id": ["a"], "mag": [1.0]}),
        "kB that stand for 5000000 rows or values",
    ),
    "text": (lambda: pa.table({"object_id": ["a" * 200_000_000]}), "unpack to 200 MB, are no data"),
}


@pytest.mark.fault("Parquet", "bomb", "rows that repeat themselves")
@pytest.mark.slow
@pytest.mark.parametrize("kind", PARQUET)
def test_parquet_that_repeats_itself(tmp_path: Path, kind: str) -> None:
    """What it would unpack to stands in its index, and is read first."""
    make, words = PARQUET[kind]
    pq.write_table(make(), tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 10**6
    refused(tmp_path, words)


def rows_of_one_text(n: int, length: int) -> pa.Table:
    """Return rows that differ in time, and have the same long text."""
    one = pa.array(["SN" + "x" * length])
    names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, dtype=np.int32)), one)
    mjd = 61000.0 + np.arange(n) / 1000.0
    same = {"mag": np.full(n, 18.0), "magerr": np.full(n, 0.1), "band": ["ztfg"] * n}
    return pa.table({"mjd": mjd, "object_id": names, **same})


REPEATED: dict[str, tuple[Callable[[], pa.Table], dict[str, Any], str]] = {
    "dictionary": (lambda: rows_of_one_text(50_000, 10**6), {}, "kB that unpack to more than"),
    "beginnings": (
        lambda: rows_of_one_text(2_000, 10**5).set_column(1, "object_id", [["x" * 10**5] * 2_000]),
        {"use_dictionary": False, "column_encoding": {"object_id": "DELTA_BYTE_ARRAY"}},
        "kB that unpack to more than",
    ),
    "width": (
        lambda: rows_of_one_text(2_000, 1).set_column(
            1, "object_id", pa.array([b"x" * 10**5] * 2_000, pa.binary(10**5))
        ),
        {},
        "kB that unpack to 200 MB in the column 'object_id' are no data",
    ),
    "history": (
        lambda: pa.table(
            {
                "objectId": ["ZTF26a"],
                "candidate": [{"jd": 2461000.0}],
                "prv_candidates": [[{"jd": 2461000.0, "isdiffpos": "t" * 10**5}] * 5_000],
            }
        ),
        {},
        "kB that unpack to 500 MB in the column 'prv_candidates.list.element.isdiffpos' are no",
    ),
}


@pytest.mark.fault("Parquet", "bomb", "rows that point to one text")
@pytest.mark.slow
@pytest.mark.parametrize("kind", REPEATED)
def test_parquet_whose_rows_point_to_one_text(tmp_path: Path, kind: str) -> None:
    """Neither index nor pages say what it unpacks to; it is read in pieces, and left in time."""
    make, options, words = REPEATED[kind]
    where = tmp_path / "a.parquet"
    pq.write_table(make(), where, compression="zstd", store_schema=False, **options)
    assert where.stat().st_size < 10**6
    refused(tmp_path, words)


@pytest.mark.fault("Parquet", "forged", "a page that contradicts its index")
@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY"])
def test_parquet_whose_index_tells_less_than_its_pages(tmp_path: Path, encoding: str) -> None:
    """The index is patched: a page of 6 kB that it says are 500 bytes unpacks to 200 MB."""
    where, row = tmp_path / "a.parquet", {"mjd": [61100.0], "mag": [18.0], "band": ["ztfg"]}
    text = {"use_dictionary": False, "column_encoding": {"object_id": encoding}}
    pq.write_table(
        pa.table({"object_id": ["a" * 200_000_000], **row}), where, compression="zstd", **text
    )
    told = pq.read_metadata(where).row_group(0).column(0).total_uncompressed_size
    content = where.read_bytes()
    index = content[-8 - int.from_bytes(content[-8:-4], "little") :]
    assert index.count(varint(told)) == 1
    lie = index.replace(varint(told), varint(500, len(varint(told))))
    where.write_bytes(content[: -len(index)] + lie)
    assert pq.read_metadata(where).row_group(0).column(0).total_uncompressed_size == 500
    refused(tmp_path, "kB that stand for 1 rows or values, and unpack to 200 MB, are no data")


def varint(value: int, length: int = 0) -> bytes:
    """Write a number as Thrift's compact protocol does, in so many bytes at least."""
    left, written = value << 1, bytearray()
    while left > 127 or len(written) + 1 < length:
        written.append(left & 127 | 128)
        left >>= 7
    return bytes([*written, left])


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
def test_pages_of_honest_files_are_what_their_index_says(
    tmp_path: Path, version: Any, compression: str
) -> None:
    """To the value; so that whoever lies in one of them is found out."""
    where = tmp_path / "a.parquet"
    rng = np.random.default_rng(1)
    n = 30_000
    text = rng.integers(0, 5_000, n).astype(str)
    lists = [[1.0] * int(k) for k in rng.integers(0, 4, n)]
    table = pa.table({"t": rng.random(n), "text": text, "lists": lists, "same": ["x"] * n})
    pq.write_table(
        table,
        where,
        compression=compression,
        data_page_version=version,
        data_page_size=4096,
        row_group_size=7_000,
        write_statistics=True,
    )
    with where.open("rb") as file:
        index = parquet_limits._index(where, file)
        rows, chunks = parquet_limits._rows_and_chunks(where, index, lambda _: True)
        told = parquet_limits._of_index(chunks)
        found = parquet_limits._of_pages(where, file, chunks)
    metadata = pq.read_metadata(where)
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    columns = [group.column(j) for group in groups for j in range(group.num_columns)]
    assert rows == metadata.num_rows == n
    assert [(c.name, c.values, c.unpacked, c.packed) for c in chunks] == [
        (c.path_in_schema, c.num_values, c.total_uncompressed_size, c.total_compressed_size)
        for c in columns
    ]
    assert {k: v.values for k, v in found.items()} == {k: v.values for k, v in told.items()}
    for name, pages in found.items():  # the index counts headers, too
        assert 0 < told[name].unpacked - pages.unpacked < 1000 + 0.1 * told[name].unpacked
    assert parquet_limits.check_parquet(where, lambda _: True) > 64


def test_parquet_of_real_rows_is_read(tmp_path: Path) -> None:
    """Also of many, and those that repeat a little."""
    n = 20_000
    rows = equal_rows(n).set_column(0, "mjd", pa.array(61000.0 + np.arange(n) / 1000.0))
    pq.write_table(rows, tmp_path / "a.parquet", compression="zstd")
    report = Archive(paths=(str(tmp_path),)).poll(request(61120.0))
    assert len(report.photometry) == n


# -- large, and plain -----------------------------------------------------------------------------


@pytest.mark.fault("CSV, JSON, FITS", "bomb", "a table of 3 GB")
def test_a_table_that_is_too_large_to_be_read_at_once(tmp_path: Path) -> None:
    """It says how to cut it, and is not opened: what it holds does not matter."""
    with (tmp_path / "a.csv").open("wb") as file:
        file.write(GOOD.encode() * 100)
        file.truncate(3 * 10**9)
    refused(tmp_path, "is a table of 3000 MB, more than the 100 MB that are read at once; cut it")


@pytest.mark.fault("CSV, JSON, FITS", "bomb", "a plain large CSV")
@pytest.mark.slow
def test_a_plain_large_table_is_read_within_a_few_times_its_size(tmp_path: Path) -> None:
    """Real rows are real work: 12 times its size in memory, and no more."""
    n = 150_000
    lines = [
        f"SN{k // 50},{150 + k // 50 * 1e-3:.5f},2.0,{60000 + k / 1000:.5f},ztfg,18.{k},0.05\n"
        for k in range(n)
    ]
    (tmp_path / "a.csv").write_text("object_id,ra,dec,mjd,band,mag,magerr\n" + "".join(lines))
    del lines
    size = (tmp_path / "a.csv").stat().st_size / 1e6
    assert size > 6
    assert tables.LARGEST == 100_000_000
    with bounded():
        report = Archive(paths=(str(tmp_path),)).poll(request(61120.0))
    assert len(report.photometry) == n


# -- TNS ------------------------------------------------------------------------------------------

HEAD = '"2026-11-20 00:00:00 - 23:59:59"\n' + ",".join(f'"{name}"' for name in COLUMNS) + "\n"
ROW = ",".join(['"1"', '"AT"', '"2026abc"', '"150.0"', '"2.0"', *['""'] * 9]) + "\n"


def bomb(block: bytes, megabytes: int, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive with so much of the same."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", packing) as archive,
        archive.open("a.csv", "w", force_zip64=True) as file,
    ):
        file.write(HEAD.encode())
        for _ in range(megabytes * 10**6 // len(block)):
            file.write(block)
    return buffer.getvalue()


TOO_LONG = "unpacks to more than any table of TNS|has more than 1000000 rows"


@pytest.mark.fault("tns", "bomb", "TNS zip of rows, cells, fields")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("block", "megabytes", "packing", "words"),
    [
        (b"\n" * 10**6, 30, zipfile.ZIP_DEFLATED, TOO_LONG),
        (ROW.encode() * 1000, 30, zipfile.ZIP_DEFLATED, TOO_LONG),
        (b"," * 10**6, 30, zipfile.ZIP_DEFLATED, TOO_LONG),
        (b"x" * 10**6, 30, zipfile.ZIP_DEFLATED, TOO_LONG),
        (b"\n" * 10**6, 10, zipfile.ZIP_LZMA, "no file that can be unpacked"),
        (b"\n" * 10**6, 10, zipfile.ZIP_BZIP2, "no file that can be unpacked"),
    ],
    ids=["lines", "rows", "cells", "field", "lzma", "bzip2"],
)
def test_an_archive_of_tns_that_unpacks_to_far_more(
    block: bytes, megabytes: int, packing: int, words: str
) -> None:
    """It is read in pieces, and ends where no table of its size goes on."""
    content = bomb(block, megabytes, packing)
    with bounded(), pytest.raises(InputError, match=words):
        read(content, print)


@pytest.mark.fault("tns", "forged", "TNS zip whose index lies")
@pytest.mark.proof
def test_gigabytes_in_an_archive_of_tns() -> None:
    """428 kB by deflate are 440 MB at most (a ratio of 1032); its index may say anything."""
    whole = bomb(b"\n" * 10**6, 430)
    assert 400_000 < len(whole) < 500_000
    told, lies = (430 * 10**6 + len(HEAD)).to_bytes(8, "little"), (99).to_bytes(8, "little")
    lying = whole.replace(told, lies)
    for content in (whole, lying):
        with bounded(), pytest.raises(InputError):
            read(content, print)


def zeros(gigabytes: float) -> bytes:
    """Return an archive of so many zeros: a piece of deflate that stands alone, again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(10**6)) + packer.flush(zlib.Z_FULL_FLUSH)
    n = round(gigabytes * 1000)
    data = piece * n + packer.flush()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.csv", data)
    whole = bytearray(buffer.getvalue())
    central = whole.rindex(b"PK\x01\x02")
    # What stands at these places: APPNOTE.TXT 4.3.7 and 4.3.12 of PKWARE. Sizes of more than 4 GB
    # do not fit: the index lies, as in the other test.
    for place in (8, central + 10):
        whole[place : place + 2] = zipfile.ZIP_DEFLATED.to_bytes(2, "little")
    for place in (22, central + 24):
        whole[place : place + 4] = (n * 10**6 % 2**32).to_bytes(4, "little")
    return bytes(whole)


@pytest.mark.fault("tns", "bomb", "TNS zip (428 kB -> 6.2 GB)")
@pytest.mark.slow
def test_an_archive_of_tns_of_six_gigabytes_of_zeros() -> None:
    """6.2 GB in 6 MB: left after as much as a table of its size may unpack to."""
    content = zeros(6.2)
    assert len(content) < 10**7
    with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open("a.csv") as file:
        for _ in range(300):  # it is one
            assert file.read(10**6) == bytes(10**6)
    with bounded(), pytest.raises(InputError, match=TOO_LONG):
        read(content, print)
    with bounded(), pytest.raises(InputError, match="no file that can be unpacked"):
        read(bomb(bytes(10**6), 100, zipfile.ZIP_BZIP2), print)


def test_a_table_of_tns_as_large_as_it_is() -> None:
    """Rows that differ pass, also tens of thousands of them, and those that are cut are counted."""
    said: list[str] = []
    rows = "".join(ROW.replace("2026abc", f"2026{i * 7919 % 10**9}") for i in range(30_000))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", HEAD + rows + "1,AT\n" + ROW.replace("150.0", "north"))
    found = read(content.getvalue(), said.append)
    assert len(found.rows) == 30_000
    assert found.rows["ra"].dtype == float
    assert said == ["2 of 30002 rows cannot be used (cut short, or without a place)"]
