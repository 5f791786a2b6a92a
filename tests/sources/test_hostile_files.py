"""One hostile or damaged file costs itself and one line; the good file beside it is read."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from aas2rto.errors import InputError
from aas2rto.sources import too
from aas2rto.sources.archive import Archive
from aas2rto.sources.atlas import Atlas
from aas2rto.sources.files.light_curve_table import contents, read_light_curve
from aas2rto.sources.files.tables import read as read_sheet
from aas2rto.sources.tns import Tns
from aas2rto.sources.tns_table import COLUMNS
from aas2rto.sources.tns_table import read as read_tns
from aas2rto.sources.too import TooFolder
from aas2rto.tables.report import Outcome, Report
from tests.sources.conftest import NETWORK, request, wanted
from tests.standin import sky
from tests.standin.atlas import Atlas as AtlasService
from tests.standin.in_process import connect

NOW = 61120.0
TABLE = (
    "object_id,ra,dec,mjd,band,mag,magerr,survey\n"
    "SNgood,150.0,2.0,61100.1,ztfg,18.2,0.05,ztf\n"
    "SNgood,150.0,2.0,61101.1,ztfr,18.1,0.05,ztf\n"
)
RECORD = (
    '[{"object_id":"SNx","ra":1,"dec":2,"mjd":61100.5,"band":"ztfg","mag":18.25,"magerr":0.125}]'
)
ATLAS_HEADER = "###MJD,m,dm,uJy,duJy,F,err,chi/N,RA,Dec,x,y,maj,min,phi,apfit,mag5sig,Sky,Obs\n"


def poll(folder: Path, cursor: dict[str, Any] | None = None) -> Report:
    return Archive(paths=(str(folder),)).poll(request(NOW, cursor))


def names_of(report: Report) -> set[str]:
    return set(report.photometry["candidate_id"]) if len(report.photometry) else set()


BAD: dict[str, tuple[bytes, str]] = {
    "header.csv": (TABLE.splitlines()[0].encode(), "holds a header, but no rows"),
    "list.csv": (b"object_id,ra,dec\n", "holds a header, but no rows"),
    "atlas.csv": (ATLAS_HEADER.encode(), "holds a header, but no rows"),
    "nothing.json": (b"[]", "is JSON, but no list of records"),
    "nested.json": (b"[" * 100_000, "cannot be read as JSON (RecursionError"),
    "wide.csv": (
        (",".join(f"c{i}" for i in range(20_000)) + "\n1\n").encode(),
        "has more than 4000 columns",
    ),
    "digits.csv": (TABLE.replace("SNgood", "9" * 400).encode(), "2 of 2 rows left out: without"),
    "digits.json": (RECORD.replace('"SNx"', "9" * 400).encode(), "1 of 1 row left out: without"),
    "cut.parquet": (b"PAR1" + bytes(40), "cannot be read as Parquet"),
}


@pytest.mark.fault("CSV, JSON, FITS", "empty", "a header-only CSV")
@pytest.mark.fault("CSV, JSON, FITS", "damaged", "nested, cut and wide tables")
@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_costs_itself_and_one_line(tmp_path: Path, name: str) -> None:
    """It is said once, quickly, and not read again until it changes; the good one is done."""
    content, words = BAD[name]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "zgood.csv").write_text(TABLE)
    begun = time.process_time()
    report = poll(tmp_path)
    assert time.process_time() - begun < 2.0
    assert names_of(report) == {"SNgood"}
    (line,) = report.problems
    assert line.startswith(f"{tmp_path / name}: {words}")
    assert list(report.cursor["bad"]) == [str(tmp_path / name)]
    assert list(report.cursor["done"]) == [str(tmp_path / "zgood.csv")]
    again = poll(tmp_path, dict(report.cursor))
    assert (again.problems, again.outcome) == ((), Outcome.EMPTY)
    (tmp_path / name).write_text(TABLE.replace("SNgood", "SNmended"))
    assert names_of(poll(tmp_path, dict(again.cursor))) == {"SNmended"}


METADATA = (
    b"{",
    b"[]",
    b"{}",
    b'{"columns": 5}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"index_columns": ["gone"], "columns": [], "column_indexes": []}',
    b'{"index_columns": ["object_id"], "columns": [], "column_indexes": []}',
    b'{"index_columns": [{"kind": "range", "name": null, "start": 0, "stop": 1e400, "step": 1}],'
    b' "columns": [], "column_indexes": []}',
)


@pytest.mark.fault("Parquet", "damaged", "damaged pandas metadata")
@pytest.mark.parametrize("metadata", METADATA, ids=range(len(METADATA)))
def test_damaged_notes_of_pandas_cost_nothing(tmp_path: Path, metadata: bytes) -> None:
    """What pandas noted beside the columns of a Parquet file is not needed to read them."""
    frame = pd.read_csv(io.StringIO(TABLE))
    table = pa.Table.from_pandas(frame).replace_schema_metadata({b"pandas": metadata})
    pq.write_table(table, tmp_path / "a.parquet")
    report = poll(tmp_path)
    assert names_of(report) == {"SNgood"}
    assert report.problems == ()
    assert len(read_light_curve(tmp_path / "a.parquet", candidate_id="x").photometry) == 2


@pytest.mark.fault("CSV, JSON, FITS", "damaged", "what nobody thought of")
def test_whatever_a_library_raises_costs_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what nobody thought of."""
    (tmp_path / "a.csv").write_text(TABLE)
    (tmp_path / "b.csv").write_text(TABLE.replace("SNgood", "SNb"))

    def broken(sheet: Any, **options: Any) -> Any:
        if options["name"] == "a":
            raise ZeroDivisionError("nobody thought of it")
        return contents(sheet, **options)

    monkeypatch.setattr("aas2rto.sources.files.light_curve_table.contents", broken)
    report = poll(tmp_path)
    assert names_of(report) == {"SNb"}
    (line,) = report.problems
    assert "a.csv: cannot be read (ZeroDivisionError: nobody thought of it)" in line


@pytest.mark.fault("CSV, JSON, FITS", "range", "400-digit JSON integers")
def test_numbers_without_end_are_no_numbers(tmp_path: Path) -> None:
    """A magnitude, or position, of 400 digits costs its row, or the position."""
    (tmp_path / "mag.json").write_text(RECORD.replace("18.25", "9" * 400))
    (tmp_path / "ra.csv").write_text(TABLE.replace("150.0", "9" * 400 + "x"))
    report = poll(tmp_path)
    assert len(report.problems) >= 2
    assert "mag.json: 1 of 1 row left out" in report.problems[0]
    assert "the position of 2 rows cannot be read" in report.problems[1]


@pytest.mark.fault("CSV, JSON, FITS", "slow", "cells without end")
def test_cells_without_end_are_read_quickly(tmp_path: Path) -> None:
    """The time of some patterns grows with the square of what they look at."""
    (tmp_path / "a.csv").write_text(TABLE.replace("150.0", "9" * 200_000 + "x"))
    (tmp_path / "b.csv").write_text("#" + "R.A " * 50_000 + "\n" + TABLE)
    (tmp_path / "c.csv").write_text(TABLE.replace("band", "band" + "[" * 50_000, 1))
    begun = time.process_time()
    assert "SNgood" in names_of(poll(tmp_path))
    assert time.process_time() - begun < 2.0


@pytest.mark.fault("CSV, JSON, FITS", "text", "lone surrogates")
def test_half_characters_become_none(tmp_path: Path) -> None:
    """No store, terminal or message takes a lone surrogate."""
    (tmp_path / "a.json").write_text(RECORD.replace("SNx", "SN\\ud800x"))
    (tmp_path / "b.csv").write_bytes(
        TABLE.replace("SNgood", "SN\ud800y").encode("utf-8", "surrogatepass")
    )
    (tmp_path / "c.csv").write_bytes(
        b"\xff\xfe" + TABLE.replace("SNgood", "SN\ud800z").encode("utf-16-le", "surrogatepass")
    )
    found = names_of(poll(tmp_path))
    assert len(found) == 3
    for name in found:
        name.encode("utf-8")


@pytest.mark.fault("CSV, JSON, FITS", "text", "a 250-byte name")
def test_a_name_as_long_as_file_systems_take(tmp_path: Path) -> None:
    """Its object is called so, and read."""
    name = "n" * 251
    (tmp_path / f"{name}.csv").write_text(TABLE.replace("object_id,", "").replace("SNgood,", ""))
    assert names_of(poll(tmp_path)) == {name}


def test_a_sheet_says_which_file_it_is(tmp_path: Path) -> None:
    """Also through the door of explain and of lists of targets."""
    (tmp_path / "a.json").write_bytes(b"[" * 1000 + b"]" * 999)
    with pytest.raises(InputError, match=r"a\.json: cannot be read as JSON"):
        read_sheet(tmp_path / "a.json")


# -- targets of opportunity -----------------------------------------------------------------------

TARGET = "name: {name}\nra: 10:20:30.5\ndec: -05:15:20\n"


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(too, "LOOKS_APART", 0.0)
    monkeypatch.setattr(too, "YOUNG", 0.0)


@pytest.mark.fault("ToO file", "range", "valid_until: 9999-12-31")
@pytest.mark.usefixtures("_quick")
def test_a_target_until_the_end_of_calendars_costs_itself(tmp_path: Path) -> None:
    """The one beside it is taken; the note says what to write."""
    for name, until in (("far", "9999-12-31"), ("farther", "99991231T00"), ("good", "2026-12-24")):
        text = TARGET.format(name=name) + f"valid_until: {until}\n"
        (tmp_path / f"{name}.txt").write_text(text)
    report = TooFolder(folder=str(tmp_path)).poll(request(NOW))
    assert report.objects["object_id"].tolist() == ["good"]
    assert len(report.problems) == 2
    assert "leave the line out for a target without end" in report.problems[0]


@pytest.mark.fault("ToO file", "text", "a file name of 250 bytes")
@pytest.mark.usefixtures("_quick")
def test_targets_in_files_with_names_that_are_full(tmp_path: Path) -> None:
    """Right, wrong, mended, and accepted twice: notes and copies get names that fit."""
    right, wrong = tmp_path / f"{'r' * 251}.txt", tmp_path / f"{'w' * 251}.txt"
    right.write_text(TARGET.format(name="right"))
    wrong.write_text(TARGET.format(name="wrong") + "colour: blue\n")
    for _ in range(2):
        report = TooFolder(folder=str(tmp_path)).poll(request(NOW))
        assert report.objects["object_id"].tolist() == ["right"]
        report.acknowledge()
        right.write_text(TARGET.format(name="right"))
    assert len(list((tmp_path / "accepted").iterdir())) == 2
    (note,) = tmp_path.glob("*.error.txt")
    assert "there is no key 'colour'" in note.read_text()
    wrong.write_text(TARGET.format(name="wrong"))
    report = TooFolder(folder=str(tmp_path)).poll(request(NOW))
    assert sorted(report.objects["object_id"]) == ["right", "wrong"]
    report.acknowledge()
    TooFolder(folder=str(tmp_path)).poll(request(NOW))
    assert list(tmp_path.glob("*.error.txt")) == []


@pytest.mark.fault("ToO file", "text", "a target's name of 320 bytes")
def test_a_target_with_a_name_of_many_bytes_is_written(tmp_path: Path) -> None:
    """80 characters of four bytes are more than a file system takes."""
    values = {"name": "\N{MATHEMATICAL BOLD CAPITAL A}" * 80, "ra": "10.0", "dec": "2.0"}
    values["name"] = "\N{CJK UNIFIED IDEOGRAPH-20000}" * 80
    assert too.write(tmp_path, values).is_file()


# -- TNS ------------------------------------------------------------------------------------------

HEAD = '"2026-11-20 00:00:00 - 23:59:59"\n' + ",".join(f'"{name}"' for name in COLUMNS) + "\n"
ROW = ",".join(['"1"', '"AT"', '"2026abc"', '"150.0"', '"2.0"', *['""'] * 9]) + "\n"


def packed(text: str, name: str = "a.csv") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def changed(content: bytes, places: dict[int, int]) -> bytes:
    """Return an archive with other bytes in the header of its file, and in its index."""
    made = bytearray(content)
    index = content.find(b"PK\x01\x02")
    for place, value in places.items():
        made[place] = value
        made[index + place + 2] = value
    return bytes(made)


WHOLE = packed(HEAD + ROW)
DAMAGED: dict[str, tuple[bytes, str]] = {
    "cut": (WHOLE[:-30], "it is no zip archive"),
    "empty": (b"", "it is no zip archive"),
    "no file": (packed("", name="folder/"), "the archive holds no file"),
    "empty file": (packed(""), "the file in the archive is empty"),
    "damaged": (WHOLE[:50] + bytes([WHOLE[50] ^ 255]) + WHOLE[51:], "it is no zip archive"),
    "encrypted": (changed(WHOLE, {6: 1}), "the archive is encrypted"),
    "packing": (changed(WHOLE, {8: 14}), "the archive holds no file that can be unpacked"),
    "date": (packed(HEAD.replace("2026-11-20", "2026-13-45") + ROW), "its first line holds no"),
    "field": (packed(HEAD + ROW.replace("2026abc", "x" * 200_000)), "field larger than"),
}


@pytest.mark.fault("tns", "damaged", "damaged TNS zips")
@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_archive_of_tns_is_told(kind: str) -> None:
    """Nothing of it is taken, so that it is asked for again."""
    content, words = DAMAGED[kind]
    assert read_tns(WHOLE, print).rows["name"].tolist() == ["2026abc"]
    with pytest.raises(InputError, match=words):
        read_tns(content, print)


class TnsService:
    """Answers the whole table, and every daily file broken."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, stamp: str, until: Any) -> bytes:
        self.asked.append(stamp)
        if stamp:
            return packed("")
        return packed(HEAD.replace("2026-11-20", "2026-03-19") + ROW)


@pytest.mark.fault("tns", "again", "a daily file that stays broken")
def test_a_daily_file_that_stays_broken_is_gone_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two days on, the whole table is fetched again, once a day."""
    service = TnsService()
    tns = Tns(bot_id=1, bot_name="b", api_key=SecretStr("k"), folder=tmp_path)
    monkeypatch.setattr(tns, "_ask", service)
    asked = wanted({"candidate_id": "C1", "ra": 150.0, "dec": 2.0})
    first = tns.poll(request(NOW, wanted=asked))
    assert "the file in the archive is empty" in first.error
    assert first.objects["object_id"].tolist() == ["2026abc"]
    service.asked.clear()
    second = tns.poll(request(NOW + 3.0, dict(first.cursor), wanted=asked))
    assert service.asked == ["_20260320", ""]
    assert second.error == ""


# -- ATLAS ----------------------------------------------------------------------------------------

BRIGHT = next(t for t in sky.transients() if t.kind == "SN Ia" and t.t_peak < sky.NOW - 5.0)
PLACES: tuple[dict[str, Any], ...] = (
    {"ra": None, "dec": None},
    {"ra": "north", "dec": 2.0},
    {"ra": float("nan"), "dec": 2.0},
    {"ra": 1e300, "dec": 2.0},
    {"dec": 2.0},
    {"ra": 1.0, "dec": 2.0, "mjd_min": "yesterday"},
)


@pytest.mark.fault("atlas", "range", "ATLAS tasks without position")
@pytest.mark.parametrize("place", PLACES, ids=range(len(PLACES)))
def test_a_task_of_atlas_without_a_position_is_made_anew(place: dict[str, Any]) -> None:
    """It does not stop the others; its result could be given to no candidate."""
    service = AtlasService()
    service.reset()
    lost = service._task(8, {"comment": f"demo: {BRIGHT.ztf_id}", "ra": 1.0, "dec": 1.0})
    service.tasks[8] = {k: v for k, v in lost.items() if k not in {"ra", "dec"}} | place
    service.asked[8] = -(10**9)
    url = "http://atlas.test/forcedphot"
    token = SecretStr(service.token)
    source = connect(Atlas(url=url, network=NETWORK, project="demo", token=token), service)
    asked = wanted(
        {
            "candidate_id": BRIGHT.ztf_id,
            "ra": BRIGHT.ra,
            "dec": BRIGHT.dec,
            "first_detection": BRIGHT.t_peak - 15.0,
        }
    )
    report = source.poll(request(sky.NOW, wanted=asked))
    assert report.error == ""
    assert report.problems == (
        f"atlas: the queue's request for {BRIGHT.ztf_id} has no position; it is deleted, and made "
        "anew",
    )
    assert service.deleted == [8]
    task = json.loads(json.dumps(report.cursor["tasks"]))[BRIGHT.ztf_id]
    assert (task["ra"], task["dec"]) == (BRIGHT.ra, BRIGHT.dec)
