import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from aas2rto.sources import SOURCES
from aas2rto.sources.archive import Archive
from aas2rto.tables import photometry
from aas2rto.tables.report import Outcome
from tests.conftest import told
from tests.shared import SHARED
from tests.sources.alerts import (
    MJD,
    dia_forced,
    dia_source,
    lsst_alert,
)
from tests.sources.archive_files import (
    FINK_SCHEMA,
    LONG,
    NOW,
    NUMBER,
    TEXT,
    many,
    night,
    poll,
    record,
    write_avro,
    write_parquet,
)

FLAG = ["null", "boolean"]
DIA = {
    "diaSourceId": "long",
    "diaObjectId": LONG,
    "ssObjectId": LONG,
    "midpointMjdTai": "double",
    "timeProcessedMjdTai": NUMBER,
    "timeWithdrawnMjdTai": NUMBER,
    "ra": "double",
    "dec": "double",
    "psfFlux": NUMBER,
    "psfFluxErr": NUMBER,
    "band": TEXT,
    "snr": NUMBER,
    "reliability": NUMBER,
    "isDipole": FLAG,
    "psfFlux_flag": FLAG,
    "centroid_flag": FLAG,
    "pixelFlags_edge": FLAG,
    "pixelFlags_saturatedCenter": FLAG,
}
LSST_SCHEMA = record(
    "alert",
    diaSourceId="long",
    observation_reason=TEXT,
    target_name=TEXT,
    diaSource=record("diaSource", **DIA),
    prvDiaSources=many("prv", **DIA),
    prvDiaForcedSources=many(
        "forced",
        diaForcedSourceId="long",
        diaObjectId="long",
        ra="double",
        dec="double",
        psfFlux=NUMBER,
        psfFluxErr=NUMBER,
        midpointMjdTai="double",
        band=TEXT,
        timeProcessedMjdTai="double",
        timeWithdrawnMjdTai=NUMBER,
    ),
    diaObject=["null", record("diaObject", diaObjectId=LONG, ra=NUMBER, dec=NUMBER)],
    ssSource=["null", record("ssSource", ssObjectId=LONG, designation=TEXT)],
    cutoutScience=["null", "bytes"],
)


def fink_night():
    return [
        alert
        | {
            "cdsxmatch": "Unknown",
            "snn_sn_vs_all": 0.9,
            "tnsclass": "(TNS) SN Ia",
            "fink_broker_version": "4.1",
        }
        for alert in night(2)
    ]


def test_archive_is_a_source_with_paths():
    setting, quality = SOURCES.get("archive").settings
    assert (setting.name, setting.required) == ("paths", True)
    assert (quality.name, quality.required) == ("quality", False)


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_ztf_avro_is_read(tmp_path, codec):
    report = poll(write_avro(tmp_path / "night.avro", night(), codec=codec))
    assert report.outcome is Outcome.DATA
    assert report.problems == ()
    assert report.objects["object_id"].tolist() == [f"ZTF26obj{k}" for k in range(5)]
    assert len(report.photometry) == 15
    assert set(report.photometry["source"]) == {"archive"}
    assert list(report.photometry.columns) == [*photometry.COLUMNS, *photometry.OPTIONAL]
    assert "3367463101415010117" in set(report.photometry["measurement_id"])
    assert report.newest_alert == MJD + 4


def test_fink_avro_gives_annotations(tmp_path):
    report = poll(write_avro(tmp_path / "fink.avro", fink_night(), FINK_SCHEMA))
    first = report.facts[report.facts["object_id"] == "ZTF26obj0"]
    found = dict(zip(first["key"], first["value"], strict=True))
    assert found["fink_snn_sn_vs_all"] == 0.9
    assert found["fink_cdsxmatch"] == "none"
    assert set(told(report)["spectral_type"]) == {"SN Ia"}


def test_lsst_avro_keeps_the_digits_of_ids(tmp_path):
    alert = lsst_alert(
        prvDiaSources=[dia_source(diaSourceId=170028485706776685)],
        prvDiaForcedSources=[dia_forced()],
    )
    moving = lsst_alert(diaObject=None, diaSource=dia_source(diaObjectId=0))
    report = poll(write_avro(tmp_path / "lsst.avro", [alert, moving], LSST_SCHEMA))
    assert report.objects["object_id"].tolist() == ["170028485706776685"]
    assert set(report.photometry["measurement_id"]) == {
        "170094456272322680",
        "170028485706776685",
        "forced:170028486242598972",
    }
    assert report.problems == ("1 alert of a solar-system object (no diaObjectId) skipped",)


def test_parquet_alerts_of_both_surveys_are_read(tmp_path):
    write_parquet(tmp_path / "a.parquet", fink_night())
    write_parquet(
        tmp_path / "b.parquet",
        [
            lsst_alert(prvDiaSources=[dia_source(diaSourceId=170028485706776685)]),
            lsst_alert(diaObject=None, diaSource=dia_source(diaObjectId=None)),
        ],
    )
    report = poll(tmp_path)
    assert report.objects["object_id"].tolist() == [
        "ZTF26obj0",
        "ZTF26obj1",
        "170028485706776685",
    ]
    assert "170094456272322680" in set(report.photometry["measurement_id"])
    assert len(report.photometry) == 6 + 2
    assert set(told(report)["spectral_type"]) == {"SN Ia", ""}


def test_avro_and_parquet_of_the_same_alerts_agree(tmp_path):
    from_avro = poll(write_avro(tmp_path / "a.avro", night()))
    from_parquet = poll(write_parquet(tmp_path / "a.parquet", night()))
    pd.testing.assert_frame_equal(from_avro.photometry, from_parquet.photometry)
    pd.testing.assert_frame_equal(from_avro.objects, from_parquet.objects)


def test_format_is_found_in_the_content(tmp_path):
    write_avro(tmp_path / "night.data", night(1))
    write_parquet(tmp_path / "night2.avro", night(2)[1:])
    (tmp_path / "README.md").write_text("not an alert")
    (tmp_path / ".hidden.avro").write_bytes(b"Obj\x01")
    report = poll(tmp_path)
    assert report.objects["object_id"].tolist() == ["ZTF26obj0", "ZTF26obj1"]
    assert report.problems == ()


def test_folders_are_read_recursively_and_patterns_work(tmp_path):
    (tmp_path / "b" / "c").mkdir(parents=True)
    alerts = night(3)
    write_avro(tmp_path / "b" / "c" / "1.avro", alerts[:1])
    write_avro(tmp_path / "b" / "2.avro", alerts[1:2])
    write_avro(tmp_path / "3.avro", alerts[2:])
    names = [f"ZTF26obj{k}" for k in range(3)]
    assert sorted(poll(tmp_path).objects["object_id"]) == names
    assert poll(tmp_path / "**" / "*.avro").objects.shape[0] == 3
    assert poll(tmp_path / "b" / "*.avro").objects["object_id"].tolist() == names[1:2]
    once = poll(tmp_path, tmp_path / "3.avro")
    assert len(once.objects) == 3


@pytest.mark.fault("Avro file", "range", "alerts of the future")
def test_alerts_later_than_now_wait_and_are_read_then(tmp_path):
    write_avro(tmp_path / "night.avro", night(5))
    first = poll(tmp_path, now=MJD + 1.5)
    assert first.objects["object_id"].tolist() == ["ZTF26obj0", "ZTF26obj1"]
    assert first.notes == ("3 alerts are later than now (2026-03-02 18:00 UTC) and wait",)
    assert (first.photometry["known_at"] <= MJD + 1.5).all()
    assert first.newest_alert == MJD + 1
    idle = poll(tmp_path, now=MJD + 1.7, cursor=first.cursor)
    assert idle.outcome is Outcome.EMPTY
    assert idle.notes[0].startswith("3 alerts are later")
    second = poll(tmp_path, now=MJD + 2.1, cursor=idle.cursor)
    assert second.objects["object_id"].tolist() == ["ZTF26obj2"], "and only what is new"
    last = poll(tmp_path, now=NOW, cursor=second.cursor)
    assert len(last.objects) == 2
    assert last.problems == ()


def test_unchanged_files_are_not_read_again(tmp_path):
    file = write_avro(tmp_path / "night.avro", night())
    first = poll(tmp_path)
    cursor = json.loads(json.dumps(first.cursor))
    second = poll(tmp_path, cursor=cursor)
    assert second.outcome is Outcome.EMPTY
    assert second.photometry.empty
    assert second.problems == ()
    write_avro(file, night(6))
    third = poll(tmp_path, cursor=cursor)
    assert len(third.objects) == 6


def test_cursor_forgets_files_that_are_gone(tmp_path):
    file = write_avro(tmp_path / "night.avro", night())
    cursor = poll(tmp_path).cursor
    file.unlink()
    write_avro(tmp_path / "new.avro", night(1))
    assert list(poll(tmp_path, cursor=cursor).cursor["done"]) == [str(tmp_path / "new.avro")]


def test_truncated_file_gives_the_alerts_before_the_damage(tmp_path):
    file = write_avro(tmp_path / "night.avro", night(8), sync_interval=1)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * 0.8)])
    report = poll(file)
    assert 1 <= len(report.objects) < 8
    assert report.outcome is Outcome.DATA
    (line,) = report.problems
    assert line.startswith(f"{file}: is cut short or damaged after ")
    assert "what comes before is used: fetch the file again" in line
    again = poll(file, cursor=report.cursor)
    assert again.outcome is Outcome.EMPTY
    assert again.problems == (), "said once"


@pytest.mark.fault("Avro file", "damaged", "cut at every length")
@pytest.mark.slow
def test_file_truncated_at_every_length_never_raises(tmp_path):
    file = write_avro(tmp_path / "night.avro", night(2), sync_interval=1)
    whole = file.read_bytes()
    for size in range(0, len(whole), 97):
        file.write_bytes(whole[:size])
        report = poll(file)
        assert len(report.problems) <= 2
        assert len(report.objects) <= 2


@pytest.mark.fault("Avro file", "damaged", "damaged bytes")
@pytest.mark.slow
def test_damaged_bytes_never_raise(tmp_path):
    file = write_avro(tmp_path / "night.avro", night(2), sync_interval=1)
    whole = file.read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(60):
        broken = bytearray(whole)
        for place in rng.integers(0, len(whole), 5):
            broken[place] = rng.integers(0, 256)
        file.write_bytes(bytes(broken))
        assert poll(file).outcome in Outcome


BAD_FILES = {
    "empty.avro": (b"", "is empty (0 bytes)"),
    "random.avro": (bytes(range(256)) * 8, "is neither Avro nor Parquet nor text"),
    "header.avro": (b"Obj\x01", "cannot be read as Avro"),
    "cut.parquet": (b"PAR1" + b"\x00" * 50, "cannot be read as Parquet"),
    "zeros.avro": (bytes(5000), "is neither Avro nor Parquet nor text"),
    "night.tar.avro": (b"\x1f\x8b\x08\x00rest", "is compressed with gzip; unpack it first"),
    "x.csv": (b"PK\x03\x04rest", "is a zip archive; unpack it first"),
    "wire.avro": (b"\x00\x00\x00\x03\x84\x02\x04\x06", "without its schema"),
    "notes.csv": (b"Dear all,\nno table here\n", "misses an identifier (accepted: candidate_id"),
}


@pytest.mark.fault("Parquet", "damaged", "cut and alien files")
@pytest.mark.fault("Avro file", "empty", "an empty file")
@pytest.mark.parametrize("name", BAD_FILES)
def test_each_bad_file_gives_one_line_and_the_rest_is_read(tmp_path, name):
    content, words = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    write_avro(tmp_path / "good.avro", night(1))
    report = poll(tmp_path)
    assert len(report.objects) == 1
    (line,) = report.problems
    assert line.startswith(f"{tmp_path / name}: ")
    assert words in line


@pytest.mark.fault("Parquet", "empty", "no file that can be read")
@pytest.mark.parametrize("name", BAD_FILES)
def test_nothing_but_a_bad_file_is_a_failure(tmp_path, name):
    (tmp_path / name).write_bytes(BAD_FILES[name][0])
    report = poll(tmp_path / name)
    assert report.outcome is Outcome.FAILED
    assert BAD_FILES[name][1] in report.error
    again = poll(tmp_path / name, cursor=report.cursor)
    assert again.outcome is Outcome.FAILED
    assert again.problems == ()


@pytest.mark.fault("Avro file", "forged", "Avro of other records")
def test_alien_avro_says_what_it_holds(tmp_path):
    alien = record("thing", colour="string", size="int")
    file = write_avro(tmp_path / "alien.avro", [{"colour": "red", "size": 3}] * 3, alien)
    (line,) = poll(file).problems
    assert "is Avro, but of neither ZTF nor LSST alerts" in line
    assert "its fields are colour, size" in line


@pytest.mark.fault("CSV, JSON, FITS", "gone", "a missing path")
def test_missing_path_and_empty_folder_say_so(tmp_path):
    report = poll(tmp_path / "nowhere")
    assert report.outcome is Outcome.FAILED
    assert "there is no such file or folder" in report.error
    (tmp_path / "empty").mkdir()
    (line,) = poll(tmp_path / "empty").problems
    assert "there are no alert files or tables in this folder" in line


@pytest.mark.fault("CSV, JSON, FITS", "gone", "a file that may not be read")
def test_unreadable_file_says_so_and_is_tried_again(tmp_path, monkeypatch):
    bad = write_avro(tmp_path / "bad.avro", night(1))
    write_avro(tmp_path / "good.avro", night(2)[1:])
    opened = Path.open

    def refuse(self, *args, **kwargs):
        if self == bad:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        report = poll(tmp_path)
    assert report.problems == (
        f"{bad}: cannot be opened (Permission denied); check its permissions",
    )
    assert report.objects["object_id"].tolist() == ["ZTF26obj1"]
    assert poll(tmp_path, cursor=report.cursor).objects["object_id"].tolist() == ["ZTF26obj0"]


def test_one_malformed_alert_costs_only_itself(tmp_path):
    alerts = night(3)
    alerts[1]["candidate"]["ra"] = None
    file = write_avro(tmp_path / "night.avro", alerts)
    report = poll(file)
    assert report.objects["object_id"].tolist() == ["ZTF26obj0", "ZTF26obj2"]
    assert report.problems[0].startswith(f"{file}: alert 3367463101415010118 cannot be used")


def test_many_malformed_alerts_do_not_flood_the_report(tmp_path):
    alerts = night(20)
    for alert in alerts:
        alert["candidate"]["dec"] = 123.0
    report = poll(write_avro(tmp_path / "night.avro", alerts))
    assert len(report.problems) == 4
    assert report.problems[-1].endswith("and 17 more like these")


def test_no_time_left_postpones_files(tmp_path):
    alerts = night(3)
    for k, alert in enumerate(alerts):
        write_avro(tmp_path / f"{k}.avro", [alert])
    first = poll(tmp_path, deadline=0.0)
    assert len(first.objects) == 1
    assert "time was up before 2 files could be read" in first.notes[-1]
    second = poll(tmp_path, cursor=first.cursor)
    assert second.objects["object_id"].tolist() == ["ZTF26obj1", "ZTF26obj2"]


def test_same_answer_twice(tmp_path):
    write_avro(tmp_path / "night.avro", night())
    one, two = poll(tmp_path), poll(tmp_path)
    pd.testing.assert_frame_equal(one.photometry, two.photometry)
    pd.testing.assert_frame_equal(one.objects, two.objects)
    pd.testing.assert_frame_equal(one.facts, two.facts)


def test_probe_counts_files(tmp_path):
    write_avro(tmp_path / "night.avro", night(1))
    assert Archive(paths=(str(tmp_path),)).probe() == "1 file"


class TestRealFiles:
    pytestmark = pytest.mark.real_data

    def test_one_night_of_fink(self):
        report = poll(SHARED / "payloads/fink/ztf_part-3-305711.avro")
        assert report.outcome is Outcome.DATA
        assert len(report.objects) == 31
        assert report.problems == ()
        assert told(report)["spectral_type"].value_counts().to_dict() == {
            "": 26,
            "SN II": 3,
            "SN Ia": 2,
        }
        assert 61121.1 < report.newest_alert < 61121.6

    @pytest.mark.slow
    def test_all_alert_folders(self):
        report = poll(
            *(SHARED / "payloads" / name for name in ("fink", "ztf_alerts", "lsst_alerts"))
        )
        assert report.objects["survey"].value_counts().to_dict() == {"ztf": 39, "lsst": 10}
        schemas = [line for line in report.problems if "avro_schema" in line]
        assert all("misses a time" in line for line in schemas)
        others = [line for line in report.problems if line not in schemas]
        assert "without its schema" in others[0]
        assert "2 alerts of solar-system objects" in others[1]
        assert "3 measurements are later than now" in report.notes[-1]
        assert (len(schemas), len(others)) == (2, 2)

    @pytest.mark.slow
    def test_parquet_of_the_data_transfer_agrees_with_its_numbers(self):
        folder = SHARED / "payloads/fink/ftransfer_lsst_2026-03-27_750709"
        rows = poll(folder).photometry.set_index(["candidate_id", "measurement_id"])["flux"]
        n = 0
        for file in sorted(folder.glob("*.parquet")):
            for alert in pq.read_table(file).to_pylist():
                name = str(alert["diaObject"]["diaObjectId"])
                for one in [alert["diaSource"], *alert["prvDiaSources"]]:
                    assert rows[name, str(one["diaSourceId"])] * 1000 == pytest.approx(
                        one["psfFlux"]
                    )
                    n += 1
        assert n > 3000

    def test_science_parquet(self):
        report = poll(SHARED / "payloads/fink/science_ztf_2019-09-03.parquet")
        assert report.objects["object_id"].tolist() == ["ZTF18abfisdf", "ZTF18acbzznf"]
        assert "975188145315015000" in set(report.photometry["measurement_id"])

    @pytest.mark.slow
    def test_real_tables(self):
        report = poll(SHARED / "data" / "ztf_bts_*.parquet")
        assert len(report.objects) == 1713
        assert len(report.photometry) > 50_000
        assert [line.partition(".parquet: ")[2][:40] for line in report.problems] == [
            "164 rows have another value of the same ",
        ]
        assert ", 90 given twice" in report.notes[0]
