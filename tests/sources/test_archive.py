import copy
import json
import math
from pathlib import Path

import fastavro
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aas2rto.sources import SOURCES
from aas2rto.sources.archive import Archive
from aas2rto.sources.files import light_curve_table
from aas2rto.tables import photometry
from aas2rto.tables.report import Outcome, PollRequest
from tests.conftest import told
from tests.shared import SHARED
from tests.sources.alerts import (
    JD,
    MJD,
    dia_forced,
    dia_source,
    lsst_alert,
    ztf_alert,
    ztf_candidate,
    ztf_forced,
    ztf_limit,
)

NOW = 61200.0

NUMBER = ["null", "double"]
LONG = ["null", "long"]
TEXT = ["null", "string"]
FLAG = ["null", "boolean"]


def record(name, **fields):
    return {
        "type": "record",
        "name": name,
        "fields": [{"name": key, "type": kind} for key, kind in fields.items()],
    }


def many(name, **fields):
    return ["null", {"type": "array", "items": record(name, **fields)}]


ZTF_POINT = {
    "jd": NUMBER,
    "fid": "int",
    "pid": "long",
    "diffmaglim": NUMBER,
    "programid": "int",
    "candid": LONG,
    "isdiffpos": TEXT,
    "ra": NUMBER,
    "dec": NUMBER,
    "magpsf": NUMBER,
    "sigmapsf": NUMBER,
    "rb": NUMBER,
    "nbad": LONG,
}
ZTF_SCHEMA = record(
    "alert",
    schemavsn="string",
    publisher="string",
    objectId="string",
    candid="long",
    candidate=record(
        "candidate",
        **ZTF_POINT,
        drb=NUMBER,
        ndethist=LONG,
        distnr=NUMBER,
        sgscore1=NUMBER,
        distpsnr1=NUMBER,
        ssdistnr=NUMBER,
    ),
    prv_candidates=many("prv", **ZTF_POINT),
    fp_hists=many(
        "fp",
        jd="double",
        fid="int",
        pid="long",
        programid="int",
        diffmaglim=NUMBER,
        forcediffimflux=NUMBER,
        forcediffimfluxunc=NUMBER,
        magzpsci=NUMBER,
        procstatus=TEXT,
    ),
    cutoutScience=record("cutout", fileName="string", stampData="bytes"),
)
FINK_SCHEMA = copy.deepcopy(ZTF_SCHEMA)
FINK_SCHEMA["fields"] += [
    {"name": "cdsxmatch", "type": TEXT},
    {"name": "snn_sn_vs_all", "type": NUMBER},
    {"name": "tnsclass", "type": TEXT},
    {"name": "fink_broker_version", "type": "string"},
]
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


def write_avro(path, alerts, schema=ZTF_SCHEMA, **options):
    with path.open("wb") as file:
        fastavro.writer(file, schema, alerts, **options)
    return path


def poll(*paths, now=NOW, cursor=None, deadline=60.0):
    request = PollRequest(now=now, cursor=cursor or {}, deadline=deadline)
    return Archive(paths=tuple(map(str, paths))).poll(request)


def night(n=5):
    """Return alerts of `n` objects, one a day."""
    return [
        ztf_alert(
            objectId=f"ZTF26obj{k}",
            candidate=ztf_candidate(candid=3367463101415010117 + k, jd=JD + k),
            prv_candidates=[ztf_limit(jd=JD + k - 3)],
            fp_hists=[ztf_forced(jd=JD + k - 5, pid=3362463101415 + k)],
        )
        for k in range(n)
    ]


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
    assert list(report.photometry.columns) == list(photometry.COLUMNS)
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


def write_parquet(path, alerts):
    pq.write_table(pa.Table.from_pylist(alerts), path)
    return path


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


def test_alerts_later_than_now_wait_and_are_read_then(tmp_path):
    write_avro(tmp_path / "night.avro", night(5))
    first = poll(tmp_path, now=MJD + 1.5)
    assert first.objects["object_id"].tolist() == ["ZTF26obj0", "ZTF26obj1"]
    assert first.problems == ("3 alerts are later than now (2026-03-02 18:00 UTC) and wait",)
    assert (first.photometry["known_at"] <= MJD + 1.5).all()
    assert first.newest_alert == MJD + 1
    idle = poll(tmp_path, now=MJD + 1.7, cursor=first.cursor)
    assert idle.outcome is Outcome.EMPTY
    assert idle.problems[0].startswith("3 alerts are later")
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


def test_file_truncated_at_every_length_never_raises(tmp_path):
    file = write_avro(tmp_path / "night.avro", night(2), sync_interval=1)
    whole = file.read_bytes()
    for size in range(0, len(whole), 97):
        file.write_bytes(whole[:size])
        report = poll(file)
        assert len(report.problems) <= 2
        assert len(report.objects) <= 2


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


@pytest.mark.parametrize("name", BAD_FILES)
def test_nothing_but_a_bad_file_is_a_failure(tmp_path, name):
    (tmp_path / name).write_bytes(BAD_FILES[name][0])
    report = poll(tmp_path / name)
    assert report.outcome is Outcome.FAILED
    assert BAD_FILES[name][1] in report.error
    again = poll(tmp_path / name, cursor=report.cursor)
    assert again.outcome is Outcome.FAILED
    assert again.problems == ()


def test_alien_avro_says_what_it_holds(tmp_path):
    alien = record("thing", colour="string", size="int")
    file = write_avro(tmp_path / "alien.avro", [{"colour": "red", "size": 3}] * 3, alien)
    (line,) = poll(file).problems
    assert "is Avro, but of neither ZTF nor LSST alerts" in line
    assert "its fields are colour, size" in line


def test_missing_path_and_empty_folder_say_so(tmp_path):
    report = poll(tmp_path / "nowhere")
    assert report.outcome is Outcome.FAILED
    assert "there is no such file or folder" in report.error
    (tmp_path / "empty").mkdir()
    (line,) = poll(tmp_path / "empty").problems
    assert "there are no alert files or tables in this folder" in line


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
    assert "time was up before 2 files could be read" in first.problems[-1]
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


# Plain tables of light curves


def table(tmp_path, text, name="lc.csv"):
    file = tmp_path / name
    file.write_text(text)
    return poll(file)


def test_csv_of_magnitudes(tmp_path):
    report = table(
        tmp_path,
        "object_id,ra,dec,mjd,band,mag,magerr,redshift,spectral_type\n"
        "SN1,10.5,-20.25,60000.5,ztfg,18.9,0.05,0.03,SN Ia\n"
        "SN1,10.5,-20.25,60001.5,ztfr,18.7,0.06,0.03,SN Ia\n",
    )
    assert report.problems == ()
    assert photometry.mag_from_flux(report.photometry["flux"]) == pytest.approx([18.9, 18.7])
    assert photometry.magerr_from_flux(
        report.photometry["flux"], report.photometry["flux_err"]
    ) == pytest.approx([0.05, 0.06])
    assert report.photometry["kind"].tolist() == ["detection", "detection"]
    thing = told(report).iloc[0]
    assert (thing["object_id"], thing["ra"], thing["dec"]) == ("SN1", 10.5, -20.25)
    assert (thing["redshift"], thing["spectral_type"]) == (0.03, "SN Ia")
    assert (thing["survey"], thing["known_at"]) == ("ztf", 60000.5)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|", " "])
def test_separators_and_byte_order_mark(tmp_path, mark):
    rows = ["id ra dec jd filter magpsf sigmapsf", "ZTF26abc 1 2 2460000.5 1 18 0.1"]
    text = "\ufeff" + "\r\n".join(rows).replace(" ", mark) + "\r\n"
    report = table(tmp_path, text)
    assert report.photometry["band"].tolist() == ["ztfg"]
    assert report.photometry["mjd"].tolist() == [60000.0]


def test_fluxes_with_zero_point(tmp_path):
    report = table(
        tmp_path,
        "name,ra,dec,time,band,flux,flux_err,zp\n"
        "a,1,2,60000,lsstr,100,5,25\na,1,2,2460001.5,lsstr,-100,5,25\na,1,2,60003,lsstr,1,5,25\n",
    )
    scale = 10 ** (0.4 * (23.9 - 25))
    assert report.photometry["flux"].tolist() == pytest.approx([100 * scale, -100 * scale, scale])
    assert report.photometry["limit"].iloc[0] == pytest.approx(25 * scale)
    assert report.photometry["kind"].tolist() == ["detection", "suspect", "limit"]
    assert report.photometry["mjd"].tolist() == [60000.0, 60001.0, 60003.0]


def test_flux_without_zero_point_is_in_microjansky(tmp_path):
    report = table(tmp_path, "id,ra,dec,mjd,band,flux,flux_err\na,1,2,60000,ztfg,36.3,2\n")
    assert report.photometry["flux"].tolist() == [36.3]


def test_only_upper_limits_and_nulls_pass(tmp_path):
    report = table(
        tmp_path,
        "oid,ra,dec,mjd,fid,magpsf,sigmapsf,diffmaglim\n"
        "ZTF26abc,1,2,60000,1,,,20.5\nZTF26abc,1,2,60001,2,nan,nan,20.1\n",
    )
    assert report.photometry["kind"].tolist() == ["limit", "limit"]
    assert report.photometry["measurement_id"].tolist() == [
        "limit:ztfg:60000.0000",
        "limit:ztfr:60001.0000",
    ]
    assert report.photometry["flux"].isna().all()
    assert report.problems == ()


def test_light_curve_of_a_single_null_is_no_crash(tmp_path):
    report = table(tmp_path, "id,ra,dec,mjd,band,mag,magerr\na,1,2,60000,ztfg,,\n")
    assert report.objects["object_id"].tolist() == ["a"]
    assert report.photometry.empty
    assert "1 of 1 row left out: without a magnitude, flux or limit" in report.problems[0]


def test_kind_and_sign_and_quality_columns(tmp_path):
    report = table(
        tmp_path,
        "id,ra,dec,mjd,fid,mag,magerr,isdiffpos,rb,kind\n"
        "ZTF26a,1,2,60000,1,18,0.1,t,0.9,\nZTF26a,1,2,60001,1,18,0.1,f,0.9,\n"
        "ZTF26a,1,2,60002,1,18,0.1,t,0.2,\nZTF26a,1,2,60003,1,18,0.1,1,0.9,badquality\n"
        "ZTF26a,1,2,60004,1,18,0.1,1,-999,\n",
    )
    assert report.photometry["kind"].tolist() == [
        "detection",
        "suspect",
        "suspect",
        "suspect",
        "detection",
    ]


def test_is_limit_column_makes_the_magnitude_a_limit(tmp_path):
    report = table(tmp_path, "name,ra,dec,mjd,band,mag,magerr,ul\na,1,2,60000,o,19.5,0,True\n")
    row = report.photometry.iloc[0]
    assert (row["kind"], row["band"], row["survey"]) == ("limit", "atlaso", "atlas")
    assert photometry.mag_from_flux(row["limit"]) == pytest.approx(19.5)
    assert math.isnan(row["flux"])


@pytest.mark.parametrize(
    ("name", "survey", "band"),
    [
        ("g", "ztf", "ztfg"),
        ("zg", "", "ztfg"),
        ("ZTF_r", "", "ztfr"),
        ("i.ztf", "", "ztfi"),
        ("g", "lsst", "lsstg"),
        ("lsst-y", "", "lssty"),
        ("cyan", "", "atlasc"),
        ("ztfg", "", "ztfg"),
        ("bessellb", "", "bessellb"),
    ],
)
def test_band_names(tmp_path, name, survey, band):
    report = table(
        tmp_path, f"id,ra,dec,mjd,band,survey,mag,magerr\na,1,2,60000,{name},{survey},18,0.1\n"
    )
    assert report.photometry["band"].tolist() == [band]


def test_bare_band_without_survey_is_explained(tmp_path):
    report = table(tmp_path, "id,ra,dec,mjd,band,mag,magerr\na,1,2,60000,g,18,0.1\n")
    assert report.photometry.empty
    assert any(
        "the survey of the band 'g' is not known; write for example 'ztfg' or 'lsstg'" in line
        for line in report.problems
    )


def test_ztf_names_tell_the_survey(tmp_path):
    report = table(tmp_path, "id,ra,dec,mjd,band,mag,magerr\nZTF26abc,1,2,60000,g,18,0.1\n")
    assert report.photometry["band"].tolist() == ["ztfg"]


def test_missing_columns_are_named_together(tmp_path):
    report = table(tmp_path, "id,ra,dec,mjd,mag\na,1,2,60000,18\n")
    assert report.outcome is Outcome.FAILED
    (line,) = report.problems
    assert line.startswith(f"{tmp_path / 'lc.csv'}: misses a band (accepted: band, filter, ")
    assert "; magnitude errors (accepted: magerr, mag_err, sigmapsf" in line
    assert "'aas2rto list columns' shows all" in line
    assert line.endswith("its columns are id, ra, dec, mjd, mag")


def test_measurements_known_later_wait(tmp_path):
    text = "id,ra,dec,mjd,band,mag,magerr,known_at\na,1,2,60000,ztfg,18,0.1,60000\n"
    text += "a,1,2,60001,ztfg,18,0.1,60090\n"
    (tmp_path / "a.csv").write_text(text)
    first = poll(tmp_path, now=60050.0)
    assert first.photometry["mjd"].tolist() == [60000.0]
    assert "1 measurement is later than now" in first.problems[0]
    second = poll(tmp_path, now=60090.0, cursor=first.cursor)
    assert second.photometry["mjd"].tolist() == [60001.0]


def test_parquet_table_keeps_the_digits_of_ids(tmp_path):
    ids = [170028485706776685, None, 170028485706776687]
    pq.write_table(
        pa.table(
            {
                "diaObjectId": pa.array(ids, pa.int64()),
                "ra": [1.0] * 3,
                "dec": [2.0] * 3,
                "midpointMjdTai": [60000.0, 60001.0, 60002.0],
                "band": ["r"] * 3,
                "psfFlux": [5000.0] * 3,
                "psfFluxErr": [100.0] * 3,
            }
        ),
        tmp_path / "lc.parquet",
    )
    report = poll(tmp_path)
    assert set(report.photometry["candidate_id"]) == {str(ids[0]), str(ids[2])}
    assert report.photometry["flux"].tolist() == [5.0, 5.0]
    assert report.photometry["band"].tolist() == ["lsstr", "lsstr"]
    assert report.photometry["mjd"].iloc[0] == pytest.approx(60000.0 - 37 / 86400, abs=1e-9)
    assert report.problems == (
        f"{tmp_path / 'lc.parquet'}: 1 of 3 rows left out: without an identifier (first: row 2)",
    )


def test_float_ids_that_lost_digits_are_refused():
    frame = pd.DataFrame({"id": [1.7002848570677668e17], "ra": [1.0], "dec": [1.0]})
    with pytest.raises(
        light_curve_table.InputError, match="which loses digits, so that different objects"
    ):
        light_curve_table.contents(frame)


def test_positions_may_stand_in_a_table_of_their_own(tmp_path):
    (tmp_path / "lc.csv").write_text("id,mjd,band,mag,magerr\na,60000,ztfg,18,0.1\n")
    (tmp_path / "objects.csv").write_text("id,ra,dec,z\na,10,20,0.05\nb,11,21,\n")
    report = poll(tmp_path)
    rows = told(report).set_index("object_id")
    assert rows.loc["a", "known_at"] == 60000.0
    assert rows.loc["a", "survey"] == "ztf"
    assert rows.loc["a", "redshift"] == 0.05
    assert rows.loc["b", "known_at"] == NOW
    assert report.problems == ()


def test_measurements_without_a_position_are_pointed_out(tmp_path):
    report = table(tmp_path, "id,mjd,band,mag,magerr\na,60000,ztfg,18,0.1\n")
    assert len(report.photometry) == 1
    assert "1 object (a) has measurements but no position" in report.problems[0]


def test_light_curve_of_one_object_needs_no_identifier(tmp_path):
    file = tmp_path / "lc.csv"
    file.write_text("mjd,band,mag,magerr\n60001,ztfg,18,0.1\n60000,ztfr,18,0.1\n")
    found = light_curve_table.read_light_curve(file, candidate_id="mine")
    assert found.problems == ()
    rows = found.photometry
    assert rows["mjd"].tolist() == [60000.0, 60001.0]
    assert set(rows["candidate_id"]) == {"mine"}
    assert list(rows.columns) == list(photometry.COLUMNS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "id,mjd,band,mag,magerr\na,60000,ztfg,18,0.1\nb,60000,ztfg,18,0.1\n",
            "holds 2 objects (a, b, ...); give the light curve of one object",
        ),
        ("mjd,band,mag,magerr\n60000,ztfg,nan,nan\n", "holds no usable measurement"),
        ("mjd,mag,magerr\n60000,18,0.1\n", "misses a band (accepted: band, filter"),
    ],
)
def test_unusable_light_curve_is_explained(tmp_path, text, words):
    file = tmp_path / "lc.csv"
    file.write_text(text)
    with pytest.raises(light_curve_table.InputError) as caught:
        light_curve_table.read_light_curve(file, candidate_id="mine")
    assert str(caught.value).startswith(f"{file}: ")
    assert words in str(caught.value)


def test_light_curve_of_alerts_is_read_as_the_archive_reads_it(tmp_path):
    file = write_avro(tmp_path / "night.avro", night(1))
    found = light_curve_table.read_light_curve(file, candidate_id="mine")
    rows = poll(file).photometry.sort_values("mjd")
    assert sorted(found.photometry["measurement_id"]) == sorted(rows["measurement_id"])
    assert len(found.photometry) == len(rows) > 0
    thing = poll(file).objects.iloc[0]
    assert (found.ra, found.dec) == (thing["ra"], thing["dec"])
    write_parquet(tmp_path / "night.parquet", night(1))
    again = light_curve_table.read_light_curve(tmp_path / "night.parquet", candidate_id="mine")
    assert len(again.photometry) == len(rows)


def test_measurements_of_several_files_are_counted(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("id,ra,dec,mjd,band,mag,magerr\na,1,2,60000,ztfg,18,0.1\n")
    report = poll(tmp_path)
    assert len(report.photometry) == 1
    assert report.problems == ("1 measurement of several files taken once",)


def test_missing_light_curve_is_explained(tmp_path):
    with pytest.raises(light_curve_table.InputError, match="cannot be opened"):
        light_curve_table.read_light_curve(tmp_path / "no.csv", candidate_id="mine")


def test_iso_times_are_utc(tmp_path):
    report = table(
        tmp_path, "id,ra,dec,time,band,mag,magerr\na,1,2,2023-02-25T12:00:00,ztfg,18,0.1\n"
    )
    assert report.photometry["mjd"].tolist() == [60000.5]


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
        assert "3 measurements are later than now" in others[2]
        assert (len(schemas), len(others)) == (2, 3)

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

    def test_real_tables(self):
        report = poll(SHARED / "data" / "ztf_bts_*.parquet")
        assert len(report.objects) == 1713
        assert len(report.photometry) > 50_000
        assert [line.partition(".parquet: ")[2][:40] for line in report.problems] == [
            "90 rows given twice (same object, band a",
            "164 rows have another value of the same ",
        ]
