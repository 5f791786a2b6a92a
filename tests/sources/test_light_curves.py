"""Tables of light curves: as archives, and as one object that is to be explained."""

import math

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aas2rto.sources.files import light_curve_table
from aas2rto.tables import photometry
from aas2rto.tables.report import Outcome
from tests.conftest import told
from tests.sources.archive_files import (
    NOW,
    night,
    poll,
    write_avro,
    write_parquet,
)

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
    assert "1 measurement is later than now" in first.notes[-1]
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
    assert report.notes[-1] == "1 measurement given more than once, taken once"


def test_missing_light_curve_is_explained(tmp_path):
    with pytest.raises(light_curve_table.InputError, match="cannot be opened"):
        light_curve_table.read_light_curve(tmp_path / "no.csv", candidate_id="mine")


def test_iso_times_are_utc(tmp_path):
    report = table(
        tmp_path, "id,ra,dec,time,band,mag,magerr\na,1,2,2023-02-25T12:00:00,ztfg,18,0.1\n"
    )
    assert report.photometry["mjd"].tolist() == [60000.5]
