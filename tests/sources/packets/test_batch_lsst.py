"""Batches of LSST packets: fluxes, times, flags, identifiers."""

import math

import pytest

from aas2rto.sources.packets import batch as packets
from tests.conftest import told
from tests.sources.alerts import (
    TAI,
    dia_forced,
    dia_source,
    lsst_alert,
)
from tests.sources.packets.rows import row, values


def test_lsst_flux_time_and_band_are_converted():
    tables = packets.lsst([lsst_alert()])
    point = row(tables, "170094456272322680")
    assert (point["flux"], point["flux_err"]) == (5.0, 0.25)
    assert point["limit"] == 1.25
    assert point["mjd"] == pytest.approx(61105.0, abs=1e-9)
    assert point["known_at"] == pytest.approx(61105.01, abs=1e-9)
    assert (point["band"], point["kind"]) == ("lssti", "detection")
    thing = tables.objects.iloc[0]
    assert (thing["object_id"], thing["survey"]) == ("170028485706776685", "lsst")
    assert (thing["ra"], thing["dec"]) == (62.10001, -48.20001)
    assert tables.newest_alert == pytest.approx(61105.01, abs=1e-9)


def test_lsst_history_and_forced_photometry_are_read():
    tables = packets.lsst(
        [
            lsst_alert(
                prvDiaSources=[dia_source(diaSourceId=42, midpointMjdTai=TAI - 2, psfFlux=-5000.0)],
                prvDiaForcedSources=[dia_forced()],
            )
        ]
    )
    assert row(tables, "42")["kind"] == "suspect"
    forced = row(tables, "forced:170028486242598972")
    assert forced["flux"] == pytest.approx(-0.7)
    assert (forced["kind"], forced["band"]) == ("limit", "lsstz")


@pytest.mark.parametrize("band", "ugrizy")
def test_lsst_bands_have_sncosmo_names(band):
    tables = packets.lsst([lsst_alert(diaSource=dia_source(band=band))])
    assert tables.photometry["band"].item() == f"lsst{band}"


@pytest.mark.parametrize("flag", ["psfFlux_flag", "pixelFlags_saturatedCenter", "pixelFlags_edge"])
def test_lsst_flags_of_the_flux_make_it_suspect(flag):
    tables = packets.lsst([lsst_alert(diaSource=dia_source(**{flag: True}))])
    assert tables.photometry["kind"].item() == "suspect"
    assert tables.photometry["why"].item() == flag


@pytest.mark.parametrize("flag", ["pixelFlags_saturated", "shape_flag", "isDipole"])
def test_lsst_flags_of_the_surroundings_do_not(flag):
    tables = packets.lsst([lsst_alert(diaSource=dia_source(**{flag: True}))])
    assert tables.photometry["kind"].item() == "detection"


def test_lsst_reliability_is_an_annotation_only():
    tables = packets.lsst([lsst_alert(diaSource=dia_source(reliability=0.01))])
    assert values(tables)["lsst_reliability"] == 0.01
    assert tables.photometry["kind"].item() == "detection"


@pytest.mark.parametrize("null", [None, 0])
def test_solar_system_alerts_are_skipped_and_counted(null):
    moving = lsst_alert(diaObject=None, diaSource=dia_source(diaObjectId=null, ssObjectId=21163))
    tables = packets.lsst([moving, moving, lsst_alert()])
    assert len(tables.objects) == 1
    assert tables.problems == ("2 alerts of solar-system objects (no diaObjectId) skipped",)


def test_lsst_struct_of_nulls_is_no_object():
    moving = lsst_alert(
        diaObject={"diaObjectId": None, "ra": None}, diaSource=dia_source(diaObjectId=0)
    )
    assert packets.lsst([moving]).objects.empty


def test_lsst_object_is_found_in_the_source_too():
    tables = packets.lsst([lsst_alert(diaObject=None)])
    assert tables.objects["object_id"].item() == "170028485706776685"
    assert tables.objects["ra"].item() == 62.1


def test_lsst_nan_stands_for_null_in_older_schemas():
    source = dia_source(timeWithdrawnMjdTai=math.nan)
    tables = packets.lsst(
        [lsst_alert(diaSource=source, prvDiaSources=[dia_source(diaSourceId=1, psfFlux=math.nan)])]
    )
    assert tables.photometry["measurement_id"].tolist() == ["170094456272322680"]
    assert tables.problems == ()


@pytest.mark.parametrize("gone", [{"psfFlux": None}, {"timeWithdrawnMjdTai": TAI}])
def test_lsst_null_or_withdrawn_measurements_are_none(gone):
    tables = packets.lsst(
        [
            lsst_alert(
                prvDiaSources=[dia_source(diaSourceId=1, **gone)],
                prvDiaForcedSources=[dia_forced(**gone)],
            )
        ]
    )
    assert len(tables.photometry) == 1
    assert tables.problems == ()


def test_lsst_float_ids_are_refused_because_they_lost_digits():
    parent = {"diaObjectId": 1.7002848570677668e17, "ra": 62.1, "dec": -48.2}
    whole = packets.lsst([lsst_alert(diaObject=parent)])
    assert whole.objects["object_id"].tolist() == ["170028485706776685"], "the source's own"
    broken = lsst_alert(diaObject=parent, diaSource=dia_source(diaObjectId=1.7002848570677668e17))
    tables = packets.lsst([broken])
    assert tables.objects.empty
    assert "is not an integer, so digits may be lost" in tables.problems[0]


def test_fink_on_lsst_gives_scores_type_redshift_and_name():
    tables = packets.lsst(
        [
            lsst_alert(
                fink_broker_version="4.1",
                clf={"cats_class": 11, "earlySNIa_score": -1.0},
                xm={
                    "tns_type": "SN Ia",
                    "tns_redshift": 0.05,
                    "tns_fullname": "SN 2026tir",
                    "simbad_otype": "Fail",
                    "vsx_Type": "Unknown",
                },
                pred={"is_sso": False},
                misc={"firstDiaSourceMjdTaiFink": 61090.04},
            )
        ]
    )
    found = values(tables)
    assert found["fink_clf_cats_class"] == 11.0
    assert "fink_clf_earlysnia_score" not in found
    assert found["fink_is_sso"] is False
    assert found["fink_xm_vsx_type"] == "none"
    assert "fink_xm_simbad_otype" not in found
    thing = told(tables).iloc[0]
    assert (thing["spectral_type"], thing["redshift"], thing["name"]) == (
        "SN Ia",
        0.05,
        "SN 2026tir",
    )
    assert thing["redshift_source"] == "TNS via Fink"
