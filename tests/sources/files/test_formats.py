"""Exports of services and formats of tables, written small from the published layouts.

Values are invented; each text cites where its layout is published.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from aas2rto.errors import InputError
from aas2rto.sources.files import light_curve_table
from tests.sources.files.reading import bands_and_mags, contents, points


def read(tmp_path, text, name="lc.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return contents(path)


def said(found):
    """Return the first object of a table, with what is said of it."""
    return found.objects[0] | {key: value for _, key, value, *_ in found.facts}


EXPORTS = {
    # github.com/TOMToolkit/tom_base, docs "Integrating photometry": time, filter, magnitude, error
    "tom.csv": (
        "time,magnitude,filter,error,limit\n"
        "2023-09-13T05:02:24,18.50,r(ZTF),0.05,\n2023-09-14T05:02:24,,g(ZTF),,20.40\n",
        [("ztfr", 18.5), ("ztfg", -20.4)],
    ),
    # SkyPortal, api/photometry and the CSV export of a source page
    "skyportal.csv": (
        '"id","mjd","mag","magerr","limiting_mag","filter","instrument_name","magsys","ra","dec"\n'
        '"900000001","60200.21","18.51","0.05","20.60","ztfr","ZTF","ab","155.1","-5.2"\n'
        '"900000002","60201.21","","","20.70","sdssg","SEDM","ab","155.1","-5.2"\n',
        [("ztfr", 18.51), ("sdssg", -20.7)],
    ),
    # ASAS-SN Sky Patrol v1, asas-sn.osu.edu: CSV of a light curve
    "skypatrol1.csv": (
        "HJD,UT Date,Camera,FWHM,Limit,mag,mag_err,flux(mJy),flux_err,Filter\n"
        "2458000.47009,2017-09-03.9710173,be,1.77,16.518,14.839,0.117,4.213,0.454,V\n"
        "2458002.51020,2017-09-06.0112978,be,2.03,14.814,>14.814,99.990,0.020,0.911,V\n",
        [("bessellv", 14.84), ("bessellv", -14.81)],
    ),
    # ASAS-SN Sky Patrol v2, pypi.org/project/skypatrol: saved light curve, flux in mJy
    "skypatrol2.csv": (
        "JD,Flux,Flux Error,Mag,Mag Error,Limit,FWHM,Filter,Quality,Camera\n"
        "2460200.71,1.905,0.070,15.70,0.04,17.4,1.7,g,G,bA\n"
        "2460203.72,-0.120,0.060,99.99,99.99,17.2,1.8,g,B,bB\n",
        [("sdssg", 15.7), ("sdssg", -17.2)],
    ),
    # www.aavso.org, "Download data": VSX's light curves; '<' is fainter than, Vega magnitudes
    "aavso.csv": (
        "JD,Magnitude,Uncertainty,HQuncertainty,Band,Observer Code,Comment Code(s),Comp Star 1,"
        "Charts,Comments,Airmass,Cmag,Kmag,HJD,Star Name\n"
        "2460200.71,14.844,0.088,,V,XXX,,000-A,,,1.791,17.689,17.636,,SN 2023X\n"
        "2460201.71,<15.2,,,R,XXX,,000-A,,,1.791,17.689,17.636,,SN 2023X\n"
        "2460202.71,14.9,0.1,,Vis.,XXX,,,,,,,,,SN 2023X\n",
        [("bessellv", 14.86), ("bessellr", -15.41)],
    ),
    # www.aavso.org/aavso-extended-file-format
    "aavso_extended.txt": (
        "#TYPE=EXTENDED\n#OBSCODE=XXX\n#SOFTWARE=none\n#DELIM=,\n#DATE=JD\n#OBSTYPE=CCD\n"
        "#NAME,DATE,MAG,MERR,FILT,TRANS,MTYPE,CNAME,CMAG,KNAME,KMAG,AMASS,GROUP,CHART,NOTES\n"
        "SN 2023X,2460200.71,14.844,0.088,V,NO,STD,A,1.0,B,1.0,1.5,na,X1,na\n",
        [("bessellv", 14.86)],
    ),
    # gsaweb.ast.cam.ac.uk/alerts, lightcurve.csv of an alert; G is in Vega magnitudes
    "gaia.csv": (
        "Gaia23xyz\n#Date,JD(TCB),averagemag.\n2023-09-13 05:02:24,2460200.71,18.00\n"
        "2023-09-14 05:02:24,2460201.71,untrusted\n2023-09-15 05:02:24,2460202.71,null\n",
        [("gaia::g", 18.11)],
    ),
    # SNANA manual (github.com/RickKessler/SNANA), "TEXT" light curves: FLUXCAL of zero point 27.5
    "snana.dat": (
        "SURVEY: LSST\nSNID: 123456\nRA: 155.127 deg\nDECL: -5.25\nREDSHIFT_HELIO: 0.05 +- 0.001\n"
        "NOBS: 3\nNVAR: 5\nVARLIST: MJD FLT FIELD FLUXCAL FLUXCALERR MAG MAGERR\n"
        "OBS: 60200.21 r NULL 3981.07 183.0 -18.5 0.05\nOBS: 60201.21 g NULL -5.0 9.0 nan -1.0\n"
        "END:\n",
        [("lsstr", 18.5), ("lsstg", -23.37)],
    ),
    # sncosmo.readthedocs.io, write_lc(format="ascii"): metadata behind @
    "sncosmo.txt": (
        "@z 0.05\n@ra 155.127\n@dec -5.25\ntime band flux fluxerr zp zpsys\n"
        "60200.21 ztfr 100.0 5.0 25.0 ab\n60201.21 atlaso 1000.0 5.0 25.0 ab\n",
        [("ztfr", 20.0), ("atlaso", 17.5)],
    ),
    # sncosmo, read_lc(format="salt2"): names of columns in comments, which #end closes
    "salt2.list": (
        "#Date :\n#Mag :\n#Magerr :\n#Filter :\n#end :\n60200.21 18.5 0.05 ztfr\n",
        [("ztfr", 18.5)],
    ),
    # lasair.readthedocs.io, "Objects": the table of a light curve on a page of Lasair ZTF
    "lasair.csv": (
        "MJD,filter,unforced_mag,unforced_mag_error,unforced_mag_status,forced_ujy,forced_ujy_error"
        "\n60200.21,g,18.5,0.05,positive,,\n60201.21,r,20.4,,limit,,\n60202.21,r,,,,208.0,9.0\n",
        [("ztfg", 18.5), ("ztfr", -20.4), ("ztfr", 18.1)],
    ),
    # lsst.fink-portal.org, api/v1/sources: prefixes r:, nJy, TAI
    "fink_lsst.csv": (
        "r:diaObjectId,r:midpointMjdTai,r:band,r:psfFlux,r:psfFluxErr,r:ra,r:dec,r:scienceFlux\n"
        "170587117720698934,61201.21,r,144544.0,700.0,155.127,-5.25,200000.0\n",
        [("lsstr", 18.5)],
    ),
    # alerce.online, "Download": detections.csv; sigmapsf_corr 100 is none
    "ZTF23abcdefg_detections.csv": (
        "tid,mjd,candid,fid,pid,diffmaglim,isdiffpos,magpsf,magpsf_corr,sigmapsf,sigmapsf_corr,rb\n"
        '"ztf",60200.21,"2440000000015015001",2,1,20.5,1,18.50,17.1,0.05,100,0.9\n'
        '"ztf",60201.21,"2440000000015015002",2,1,20.5,-1,18.50,17.1,0.05,100,0.9\n',
        [("ztfr", 18.5), ("ztfr", -20.5)],
    ),
    # fallingstar-data.com/forcedphot, resultdesc: as CSV, by other programs
    "atlas.csv": (
        "MJD,m,dm,uJy,duJy,F,err,chi/N\n60200.21,18.497,0.05,145,7,o,0,1.0\n"
        "60201.21,-19.9,0.5,-40,18,o,0,1.0\n",
        [("atlaso", 18.5), ("atlaso", -19.01)],
    ),
    # irsa.ipac.caltech.edu/data/ZTF/docs/ztf_zfps_userguide.pdf: names by commas, cells by blanks
    "ztf_fps.txt": (
        "# Requested input R.A. = 155.127 degrees\n# Requested input Dec. = -5.25 degrees\n"
        " index, field, filter, infobitssci, zpdiff, jd, forcediffimflux, forcediffimfluxunc, "
        "forcediffimsnr, procstatus\n#\n"
        " 0 600 ZTF_g 0 26.2 2460200.71 1202.26 60.1 20.0 0\n"
        " 1 600 ZTF_r 33554432 26.2 2460202.71 1737.80 60.1 28.9 56\n",
        [("ztfg", 18.5), ("ztfr", -20.01)],
    ),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_exports_are_read_as_delivered(tmp_path, name):
    """Band and magnitude of each row, minus its limit where nothing was detected."""
    text, right = EXPORTS[name]
    found = read(tmp_path, text, name)
    assert bands_and_mags(found.photometry) == right
    assert found.photometry["candidate_id"].nunique() == 1


def test_exports_say_who_and_where_it_is(tmp_path):
    """Positions, names and redshifts of headers."""
    snana = said(read(tmp_path, EXPORTS["snana.dat"][0], "a.dat"))
    assert (snana["object_id"], snana["ra"], snana["dec"]) == ("123456", 155.127, -5.25)
    assert snana["redshift"] == 0.05
    sncosmo = said(read(tmp_path, EXPORTS["sncosmo.txt"][0], "b.txt"))
    assert (sncosmo["ra"], sncosmo["redshift"]) == (155.127, 0.05)
    gaia = read(tmp_path, EXPORTS["gaia.csv"][0], "c.csv")
    assert set(gaia.photometry["candidate_id"]) == {"Gaia23xyz"}
    assert gaia.problems == (
        "2 of 3 rows left out: without a magnitude, flux or limit (first: row 2)",
    )
    ztf = read(tmp_path, EXPORTS["ztf_fps.txt"][0], "d.txt")
    assert (ztf.objects[0]["ra"], ztf.objects[0]["dec"]) == (155.127, -5.25)
    assert ztf.photometry["kind"].tolist() == ["detection", "suspect"]


def test_aavso_says_what_is_no_passband(tmp_path):
    found = read(tmp_path, EXPORTS["aavso.csv"][0])
    assert found.problems[0] == (
        "1 of 3 rows left out: in a band whose survey is not known (first: row 3)"
    )
    assert "the survey of the band 'vis.' is not known" in found.problems[1]


def test_gaia_times_are_barycentric_coordinate_time(tmp_path):
    """TCB is ahead of UTC by 69 s of TT and leap seconds, and by 24 s of relativity in 2023."""
    found = read(tmp_path, EXPORTS["gaia.csv"][0])
    seconds = (60200.21 - found.photometry["mjd"].iloc[0]) * 86400
    assert 85 < seconds < 100


@pytest.mark.parametrize(
    ("content", "right"),
    [
        ([{"mjd": 60200.21, "fid": 1, "magpsf": 18.5, "sigmapsf": 0.05}], [18.5]),
        ({"mjd": [60200.21], "band": ["ztfg"], "mag": [18.5], "magerr": [0.05]}, [18.5]),
        (
            {
                "detections": [{"mjd": 60200.21, "fid": 1, "magpsf": 18.5, "sigmapsf": 0.05}],
                "non_detections": [{"mjd": 60201.21, "fid": 1, "diffmaglim": 20.5}],
            },
            [18.5, -20.5],
        ),
        (
            {
                "status": "success",
                "data": [
                    {
                        "obj_id": "SN1",
                        "id": 7,
                        "mjd": 60200.21,
                        "filter": "ztfg",
                        "mag": 18.5,
                        "magerr": 0.05,
                        "magsys": "ab",
                    }
                ],
            },
            [18.5],
        ),
    ],
)
def test_json_of_services(tmp_path, content, right):
    found = read(tmp_path, json.dumps(content), "lc.json")
    assert bands_and_mags(found.photometry) == [("ztfg", mag) for mag in right]


LASAIR = (
    {"candid": 2240410792515015000, "magpsf": 18.5, "sigmapsf": 0.05},
    {"magpsf": 20.47, "diffmaglim": 20.47},
    {"magpsf": 20.3},
    {"candid": 2240410792515015001, "magpsf": 18.6},
)
"""Rows of ``candidates`` in lasair4, webserver/lasair/utils.py (``objjson``): a row without an
error and with its limit for a magnitude, or without a ``candid``, is no detection."""


def test_non_detections_that_repeat_their_limit_as_a_magnitude(tmp_path):
    """As Lasair's JSON has them; a detection without an error is none, and no limit either."""
    rows = [{"jd": 2460200.71 + k, "fid": 1, **row} for k, row in enumerate(LASAIR)]
    content = [{"objectId": "ZTF23abcdefg", "candidates": rows}]
    found = read(tmp_path, json.dumps(content), "lc.json")
    assert bands_and_mags(found.photometry) == [("ztfg", 18.5), ("ztfg", -20.47), ("ztfg", -20.3)]
    assert found.photometry["kind"].tolist() == ["detection", "limit", "limit"]
    assert found.problems[0] == "1 of 4 rows left out: without an error (first: row 4)"


@pytest.mark.parametrize(("mag", "kept"), [(20.5, True), (20.8, True), (19.0, False)])
def test_a_magnitude_without_an_error_is_a_limit_only_where_it_is_as_faint(tmp_path, mag, kept):
    """The same in a table: one that is brighter than its limit was measured."""
    text = f"mjd,band,mag,magerr,limit\n60200.21,ztfr,18.5,0.05,20.5\n60201.21,ztfr,{mag},,20.5\n"
    found = bands_and_mags(read(tmp_path, text).photometry)
    assert found == [("ztfr", 18.5), ("ztfr", -20.5)][: 2 if kept else 1]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("mjd;band;mag;magerr\n60200,21;ztfr;18,50;0,05\n", 18.5),
        ("mjd,band,mag,magerr\n60200.21,ztfr,18.50,0.05,\n60201.21,ztfr,18.50,0.05,,\n", 18.5),
        ("JD-2450000,Filter,Mag,Mag_err\n10200.71,ztfr,18.5,0.05\n", 18.5),
        ("# made by hand\n# mjd, band, mag, magerr\n60200.21,ztfr,18.5,0.05\n", 18.5),
        ("mjd,band,flux,flux_err\nd,,mJy,uJy\n60200.21,ztfr,0.14454,7\n", 18.5),
        ("mjd,band,flux_Jy,flux_Jy_err\n60200.21,ztfr,1.4454e-4,7e-6\n", 18.5),
        ("mjd,band,flux(nJy),flux_err(nJy)\n60200.21,ztfr,144540,7000\n", 18.5),
        ("mjd,band,flux [erg/s/cm2/Hz],flux_err\n60200.21,ztfr,1.4454e-27,7e-29\n", 18.5),
        ("mjd,band,mag,magerr,magsys\n60200.21,ztfr,18.5,0.05,Vega\n", 18.68),
        ("mjd,band,mag [vega],magerr\n60200.21,ztfg,18.5,0.05\n", 18.4),
        ("date,band,mag,magerr\n2023-09-13.21,ztfr,18.5,0.05\n", 18.5),
        ("date,band,mag,magerr\n20230913.21,ztfr,18.5,0.05\n", 18.5),
        ("time,band,mag,magerr\n2023-09-13T07:02:24+02:00,ztfr,18.5,0.05\n", 18.5),
        ("mjd,band,flux,fluxerr,limit\n60200.21,ztfr,144.54,7,20.5\n", 18.5),
    ],
)
def test_ways_to_write_one_measurement(tmp_path, text, right):
    """At MJD 60200.21; commas, units, systems, dates."""
    (first, *_) = points(read(tmp_path, text).photometry)
    assert (first.mjd, first.mag) == (60200.21, right)


def test_limit_in_a_table_of_fluxes_that_is_a_magnitude(tmp_path):
    """20.5 uJy are 3 sigma here; where they would be 0.02 sigma, 20.5 is a magnitude."""
    flux = read(tmp_path, "mjd,band,flux,fluxerr,limit\n60200.21,ztfr,144.54,7,20.5\n")
    assert flux.photometry["limit"].iloc[0] == 20.5
    found = read(tmp_path, "mjd,band,flux,fluxerr,limit\n60200.21,ztfr,144540,1000,20.5\n")
    assert points(found.photometry)[0].limit == 20.5
    assert found.problems == (
        "limit is read as magnitudes: as fluxes, its values would be 0.021 sigma",
    )


@pytest.mark.fault("CSV, JSON, FITS", "nan", "sentinels for nothing")
@pytest.mark.parametrize(
    ("value", "error", "why"),
    [
        ("99.0", "9.99", "whose mag is 99, which stands for no value"),
        ("999", "999", "whose mag is 999, which stands for no value"),
        ("-999", "-999", "whose mag is -999, which stands for no value"),
        ("18.5", "99.99", "whose error is 99.99, which stands for none"),
        ("18.5", "-999", "whose error is -999, which stands for none"),
        ("18.5", "0", "whose error is 0, which stands for none"),
        ("18.5", "", "without an error"),
        ("", "", "without a magnitude, flux or limit"),
        ("faint", "", "whose mag is no number"),
    ],
)
def test_sentinels_of_magnitudes(tmp_path, value, error, why):
    text = f"mjd,band,mag,magerr\n60200.21,ztfr,18.5,0.05\n60201.21,ztfr,{value},{error}\n"
    found = read(tmp_path, text)
    assert len(found.photometry) == 1
    assert found.problems == (f"1 of 2 rows left out: {why} (first: row 2)",)


@pytest.mark.parametrize(
    ("flux", "error", "why"),
    [
        ("-999", "7", "whose flux is -999, which stands for no value"),
        ("99.99", "99.99", "whose flux is 99.99, which stands for no value"),
        ("145", "-999", "whose error is -999, which stands for none"),
        ("145", "0", "whose error is 0, which stands for none"),
    ],
)
def test_sentinels_of_fluxes(tmp_path, flux, error, why):
    text = f"mjd,band,flux,flux_err\n60200.21,ztfr,145,7\n60201.21,ztfr,{flux},{error}\n"
    found = read(tmp_path, text)
    assert len(found.photometry) == 1
    assert found.problems == (f"1 of 2 rows left out: {why} (first: row 2)",)


def test_sentinels_of_limits(tmp_path):
    text = "mjd,band,mag,magerr,limmag\n60200.21,ztfr,18.5,0.05,99\n60201.21,ztfr,,,99\n"
    found = read(tmp_path, text)
    assert np.isnan(found.photometry["limit"].iloc[0])
    assert found.problems == (
        "1 of 2 rows left out: whose limmag stands for no value (first: row 2)",
    )


def test_a_flux_of_99_is_a_flux(tmp_path):
    found = read(tmp_path, "mjd,band,flux,flux_err\n60200.21,ztfr,99,7\n")
    assert found.photometry["flux"].tolist() == [99.0]


def test_rows_that_contradict_themselves_are_named(tmp_path):
    """The unit is declared, so that one of flux and magnitude is wrong."""
    text = "mjd,band,flux_uJy,flux_err_uJy,mag,magerr\n60200.21,ztfr,144.54,7,18.5,0.05\n"
    found = read(tmp_path, text + "60201.21,ztfr,144.54,7,11.0,0.05\n")
    assert len(found.photometry) == 1
    assert found.problems == (
        "1 of 2 rows left out: whose flux_uJy and magnitude contradict each other (by 7.5 mag): "
        "correct the unit of one (first: row 2)",
    )


def test_a_flux_of_an_unknown_unit_gives_way_to_magnitudes(tmp_path):
    text = "mjd,band,flux,flux_err,mag,magerr\n60200.21,ztfr,14454,70,18.5,0.05\n"
    found = read(tmp_path, text)
    assert [p.mag for p in points(found.photometry)] == [18.5]
    assert found.problems == (
        "flux disagrees with the magnitudes by 5.0 mag and is not used; say its unit in its name, "
        "such as flux_mJy, or its zero point in zp",
    )


def test_counts_without_a_zero_point_are_refused(tmp_path):
    found = read(tmp_path, "mjd,band,flux [adu],flux_err\n60200.21,ztfr,14454,70\n")
    assert found.photometry.empty
    assert found.problems[1] == (
        "the unit 'adu' of flux [adu] is no flux density and there is no zero point: add a column "
        "zp [mag, AB], or give uJy"
    )


def test_vega_where_it_is_not_known_is_said(tmp_path):
    text = "mjd,band,mag,magerr,magsys\n60200.21,lsstr,18.5,0.05,vega\n60200.21,ztfr,18.5,0.05,ab\n"
    found = read(tmp_path, text)
    assert found.problems == (
        "1 of 2 rows left out: in the magnitude system 'vega', whose zero point in this band is "
        "not known here: convert them to AB (first: row 1)",
    )


@pytest.mark.parametrize(
    ("ra", "dec", "right"),
    [
        ("-0.00001", "1", (359.99999, 1)),
        ("360.00001", "1", (0.00001, 1)),
        ("10h20m30.5s", "-5d15m20s", (155.127083, -5.255556)),
        ("10 20 30.5", "−05 15 20", (155.127083, -5.255556)),
    ],
)
def test_positions_in_any_form(tmp_path, ra, dec, right):
    text = f"name,ra,dec,mjd,band,mag,magerr\na,{ra},{dec},60200.21,ztfr,18.5,0.05\n"
    thing = read(tmp_path, text).objects[0]
    assert (thing["ra"], thing["dec"]) == pytest.approx(right, abs=1e-6)


def test_positions_in_one_column(tmp_path):
    text = "name,coordinates\na,10:20:30.5 -05:15:20\n"
    assert read(tmp_path, text).objects[0]["dec"] == pytest.approx(-5.255556, abs=1e-6)


def test_columns_that_look_measured_are_not_passed_over(tmp_path):
    text = "mjd,band,mag,magerr,mag_total,flux_host\n60200.21,ztfr,18.5,0.05,17,3\n"
    assert read(tmp_path, text).problems == (
        "not used, though they look measured: mag_total, flux_host ('aas2rto list columns' says "
        "what is read)",
    )


def test_reasons_are_counted_in_one_line(tmp_path):
    """Every row is used or counted, with the first row of each reason."""
    text = (
        "mjd,band,mag,magerr\n60200.21,ztfr,18.5,0.05\n,ztfr,18.5,0.05\n60201,,18.5,0.05\n"
        "60202,ztfr,99,9\n60203,ztfr,99,9\n3.5,ztfr,18.5,0.05\n"
    )
    assert read(tmp_path, text).problems == (
        "5 of 6 rows left out: 2 rows whose mag is 99, which stands for no value (first: row 4); "
        "1 row without a time (first: row 2); 1 row without a band (first: row 3); 1 row whose mjd "
        "'3.5' is no time between 1900 and 2100 (MJD, JD or ISO) (first: row 6)",
    )


def test_rows_with_more_cells_than_the_header(tmp_path):
    text = "mjd,band,mag,magerr,note\n60200.21,ztfr,18.5,0.05,a\n60201.21,ztfr,18.5,0.05,b,c\n"
    found = read(tmp_path, text)
    assert len(found.photometry) == 1
    assert found.problems == (
        "1 row with more cells than the header left out (first: row 2); put texts with commas in "
        "quotes",
    )


@pytest.mark.fault("CSV, JSON, FITS", "again", "rows given twice")
def test_rows_given_twice_and_rows_with_another_value(tmp_path):
    """Equal rows are one, with a line; different values of one time are all kept, with a line."""
    row = "60200.21,ztfr,18.5,0.05\n"
    found = read(tmp_path, f"mjd,band,mag,magerr\n{row}{row}60200.21,ztfr,18.2,0.05\n")
    assert [p.mag for p in points(found.photometry)] == [18.5, 18.2]
    assert found.photometry["measurement_id"].is_unique
    assert found.problems == (
        "1 row has another value of the same object, band and time: all are kept, and lists and "
        "fits use the first; a column 'telescope' tells them apart",
    )
    assert found.notes == ("3 rows: 2 detections, 1 given twice",)


def test_a_column_z_of_magnitudes_is_no_redshift(tmp_path):
    text = "mjd,band,mag,magerr,ra,dec,z\n60200.21,ztfr,18.5,0.05,1,2,18.3\n"
    found = read(tmp_path, text)
    assert "redshift" not in said(found)
    assert "the column 'z' holds magnitudes rather than redshifts" in found.problems[0]


def test_ids_of_rows_are_not_objects_but_names_of_objects_are(tmp_path):
    rows = "1,60200.21,ztfr,18.5,0.05\n2,60201.21,ztfr,18.5,0.05\n"
    found = read(tmp_path, f"id,mjd,band,mag,magerr\n{rows}", "mine.csv")
    assert set(found.photometry["candidate_id"]) == {"mine"}
    apart = "id,mjd,band,mag,magerr,ra,dec\n1,60200,ztfr,18,0.1,10,1\n2,60200,ztfr,18,0.1,20,2\n"
    assert set(read(tmp_path, apart).photometry["candidate_id"]) == {"1", "2"}


def test_rows_at_several_places_need_an_identifier(tmp_path):
    text = "mjd,band,mag,magerr,ra,dec\n60200,ztfr,18,0.1,10,1\n60200,ztfr,18,0.1,20,2\n"
    with pytest.raises(InputError, match="no identifier, but rows at several places: add a column"):
        read(tmp_path, text)


@pytest.mark.fault("CSV, JSON, FITS", "damaged", "what cannot be read")
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.html", b"<!DOCTYPE html><html>login</html>", "is a web page, perhaps one that asks"),
        ("a.xml", b"<?xml version='1.0'?><root/>", "is XML, but no VOTable; save it as VOTable"),
        ("a.json", b'{"mjd": [1, 2', "cannot be read as JSON"),
        ("a.json", b'{"a": 1}', "is JSON, but no list of records: give the light curve as a list"),
        ("a.xlsx", b"PK\x03\x04\x14\x00[Content_Types].xml", "is an Excel workbook; save the"),
        ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(9), "is HDF5; save the table as CSV, Parquet"),
        ("a.fits", b"SIMPLE  = " + b" " * 80, "cannot be read as FITS ("),
        ("a.txt", b"# only\n# comments\n", "holds no table, only comments"),
    ],
)
def test_what_cannot_be_read_says_so(tmp_path, name, content, words):
    """Where, what, why, what next."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        light_curve_table.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


@pytest.mark.proof
@pytest.mark.slow
def test_a_million_rows_are_read_quickly(tmp_path):
    """None is lost; the time beside that of pandas, which reads texts only, is printed."""
    import time

    n = 1_000_000
    rng = np.random.default_rng(1)
    pd.DataFrame(
        {
            "object_id": np.repeat([f"SN{k}" for k in range(n // 100)], 100),
            "ra": np.repeat(np.linspace(0, 359, n // 100), 100),
            "dec": np.repeat(1.5, n),
            "mjd": 60000 + rng.random(n) * 100,
            "band": np.tile(["ztfg", "ztfr"], n // 2),
            "mag": 18 + rng.random(n),
            "magerr": 0.05,
        }
    ).to_csv(tmp_path / "big.csv", index=False)
    begun = time.process_time()
    found = contents(tmp_path / "big.csv")
    took = time.process_time() - begun
    begun = time.process_time()
    pd.read_csv(tmp_path / "big.csv", dtype=str)
    peer = time.process_time() - begun
    print(f"{n} rows in {took:.1f} s, {took / peer:.1f} times pandas reading texts")
    assert len(found.photometry) == n
