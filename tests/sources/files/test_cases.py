"""The files that people really have, of ../shared/cases, with the right values of its README."""

from __future__ import annotations

import numpy as np
import pytest

from aas2rto.errors import InputError
from aas2rto.sources.archive import Archive
from aas2rto.sources.files import light_curve_table
from aas2rto.tables.report import Outcome, PollRequest
from tests.sources.files.reading import SHARED, bands_and_mags, contents, needs_shared, points

pytestmark = needs_shared
CASES = SHARED / "cases"


def poll(folder, now=60300.0):
    return Archive(paths=(str(CASES / folder),)).poll(PollRequest(now=now))


def curve(name):
    return light_curve_table.read_light_curve(CASES / name, candidate_id="x")


def test_01_sentinels_are_left_out_with_a_line():
    """What is left is the light curve without the row of 99.99."""
    bad, good = curve("01-sentinel-99/mag9999.csv"), curve("01-sentinel-99/good.csv")
    assert bad.photometry.equals(good.photometry)
    assert bad.problems == (
        "2 of 32 rows left out: whose mag is 99.99, which stands for no value (first: row 31)",
    )


def test_02_flux_in_millijansky_beside_magnitudes():
    """The magnitudes say the unit; 17.62 mag in ztfr, as the README says."""
    found = curve("02-mjy-flux-beside-mag/lc.csv")
    assert [p.mag for p in points(found.photometry) if p.mjd == 60211.54] == [17.62]
    assert found.problems == ("flux is in mJy, as the magnitudes beside it say",)


def test_03_units_of_ecsv():
    rows = curve("03-ecsv-unit-ignored/lc.ecsv").photometry
    assert rows["flux"].tolist() == pytest.approx([144.5, 208.9])
    assert [p.mag for p in points(rows)] == [18.5, 18.1]


def test_04_vega_zero_points():
    """100 counts of zero point 25 are 20 mag; in ztfr Vega is +0.184 mag from AB."""
    rows = curve("04-vega-ignored/05_sncosmo_vega.csv").photometry
    assert [(p.band, p.mag) for p in points(rows)] == [("ztfr", 20.18), ("ztfg", 20.0)]


def test_05_sexagesimal_object_list():
    report = poll("05-sexagesimal-archive/objects")
    assert report.problems == ()
    places = report.objects[["ra", "dec"]].to_numpy()
    assert places == pytest.approx(
        np.array([[155.127083, -5.255556], [157.627083, 5.255556]]), abs=1e-6
    )


def test_06_a_column_type_that_is_none():
    report = poll("06-type-column/tom")
    assert "spectral_type" not in set(report.facts["key"])
    assert "the column 'type' holds 'SIDEREAL': no spectral type, not used" in report.problems[0]


@pytest.mark.parametrize("name", ["07-fid-float/arch", "07-fid-float/lc.csv"])
def test_07_filter_codes_that_went_through_floats(name):
    rows = poll(name).photometry
    assert bands_and_mags(rows) == [("ztfg", 18.5), ("ztfr", 18.1)]


@pytest.mark.parametrize("name", ["08-fritz-export/arch", "08-fritz-export/fritz.csv"])
def test_08_ids_of_rows_in_an_export_of_skyportal(name):
    """One light curve, whose object is called like the file."""
    report = poll(name)
    assert report.objects["object_id"].tolist() == ["fritz"]
    assert bands_and_mags(report.photometry) == [("ztfr", 18.51), ("ztfg", 18.12), ("ztfg", -20.7)]


def test_09_atlas_as_the_server_delivers():
    rows = curve("09-atlas-fp-server-file/job.txt").photometry
    assert [(p.band, p.kind, p.mag) for p in points(rows)[::2]] == [
        ("atlaso", "detection", 18.5),
        ("atlasc", "detection", 18.1),
    ]
    middle = rows.iloc[1]
    assert (middle["flux"], middle["flux_err"], middle["kind"]) == (-40.0, 18.0, "limit")


def test_10_ztf_forced_photometry_as_delivered():
    found = curve("10-ztf-fps-file/req_lc.txt")
    assert bands_and_mags(found.photometry) == [("ztfg", 18.5), ("ztfr", 18.1)]
    assert (found.ra, found.dec, found.problems) == (155.127, -5.25, ())


def test_11_limits_with_a_sign():
    rows = curve("11-limits-as-gt/lc.csv").photometry
    assert [m for _, m in bands_and_mags(rows)] == [-20.5, 18.5, -20.3, 18.1]


@pytest.mark.parametrize("name", ["12-same-epoch-dropped/arch", "12-same-epoch-dropped/lc.csv"])
def test_12_two_telescopes_at_one_time(name):
    report = poll(name)
    assert len(report.photometry) == 3
    assert report.photometry["survey"].tolist() == ["not", "p60", "not"]


def test_13_identifiers_that_lost_digits():
    """Refused, as in Parquet; nothing could be read, and that is a failure."""
    report = poll("13-float-ids-csv/arch")
    assert report.outcome is Outcome.FAILED
    assert "holds identifiers as floating-point numbers (1.7058711772069893e+17)" in report.error


@pytest.mark.parametrize("name", ["14-trailing-comma/arch", "14-trailing-comma/lc.csv"])
def test_14_commas_at_the_ends(name):
    assert bands_and_mags(poll(name).photometry) == [("ztfr", 18.5), ("ztfr", 18.1)]


def test_18_what_the_file_says_of_its_object():
    assert curve("18-explain-ignores-columns/lc.csv").redshift == 0.05
    found = curve("18-explain-ignores-columns/lc_pos.csv")
    assert (found.ra, found.dec) == (pytest.approx(155.127083, abs=1e-6), -5.25)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("01_skypatrol2.csv", [("sdssg", 15.7), ("sdssg", 15.4), ("sdssg", -17.2)]),
        ("19_fink.csv", [("ztfg", 18.5), ("ztfr", 18.1), ("ztfr", -20.4)]),
        ("24_ipac.tbl", [("ztfr", 18.5), ("ztfr", 18.1)]),
        ("39_header_hash.txt", [("ztfr", 18.5), ("ztfr", 18.1), ("ztfr", 18.0)]),
        ("lasair_web.csv", [("ztfg", 18.5), ("ztfr", -20.4), ("ztfr", 18.1)]),
    ],
)
def test_19_other_layouts(name, right):
    path = CASES / "19-unknown-formats-misread" / name
    assert bands_and_mags(contents(path).photometry) == right


def test_19_a_votable_without_a_light_curve():
    with pytest.raises(InputError, match=r"a band .*its columns are mjd"):
        curve("19-unknown-formats-misread/vot.xml")


def test_20_the_minus_of_typographers():
    rows = curve("20-unicode-minus/lc.csv").photometry
    assert (rows["flux"].iloc[1], rows["flux_err"].iloc[1]) == (-83.0, 7.0)


class TestRecorded:
    """Files of the services, as delivered."""

    def test_forced_photometry_of_ztf(self):
        """All 282 of 1600 rows with the service's S/N above 5 are there, 6 of them suspect.

        Their `forcediffimsnr` is 1.112 times `forcediffimflux` / `forcediffimfluxunc`, which is
        what fits use; by that, 271 are above 5.
        """
        name = "ztf_fps/forcedphotometry_req00229009_lc.txt"
        path = SHARED / "payloads" / name
        rows = contents(path).photometry
        assert len(rows) == 1600
        lines = [x.split() for x in path.read_text().splitlines() if x[:1] != "#" and x.strip()]
        cells = [row for row in lines if row[0].isdigit()]
        snr = np.array([float(row[26]) if row[26] != "null" else np.nan for row in cells])
        bright = rows[snr > 5]
        print(
            f"{len(bright)} points with S/N above 5 of {len(rows)}: "
            f"{bright['kind'].value_counts().to_dict()}; by flux / error "
            f"{int((rows['flux'] / rows['flux_err'] > 5).sum())}"
        )
        assert len(bright) == 282
        assert np.isfinite(bright["flux"]).all()
        assert set(bright["kind"]) == {"detection", "suspect"}
        assert int((rows["flux"] / rows["flux_err"] > 5).sum()) == 271
        zero_point, flux = float(cells[0][20]), float(cells[0][24])
        assert rows["flux"].iloc[0] == pytest.approx(flux * 10 ** (0.4 * (23.9 - zero_point)))

    def test_forced_photometry_of_atlas(self):
        """Exposures are cut and joined to visits, as the live source does."""
        found = contents(SHARED / "payloads/atlas/job01088.txt")
        assert len(found.photometry) == 32
        assert found.problems == (
            "12 of 147 exposures left out: fail ATLAS's quality cuts (error, edge, PSF, fit or "
            "sky)",
        )
        assert found.objects[0]["ra"] == 29.86137
        other = contents(SHARED / "payloads/atlas/tom_base_test_atlas_fp.csv")
        assert len(other.photometry) == 7

    def test_light_curves_of_alerce(self):
        path = SHARED / "payloads/alerce"
        detections = contents(path / "ZTF18abbuive_detections.csv").photometry
        limits = contents(path / "ZTF18abbuive_non_detections.csv").photometry
        assert (len(detections), len(limits)) == (608, 242)
        assert {*detections["candidate_id"], *limits["candidate_id"]} == {"ZTF18abbuive"}
        lsst = contents(path / "skyportal_alerce_lsst_get_alert.1.body.json").photometry
        assert lsst["band"].tolist() == ["lssti", "lsstg", "lsstg"]

    def test_lasair_json(self):
        found = contents(SHARED / "payloads/lasair/lsst_313637921267122191_lite.json")
        assert len(found.photometry) == 8
        assert set(found.photometry["survey"]) == {"lsst"}
