import io
import math

import fastavro
import numpy as np
import pytest

from aas2rto.sources.packets import batch as packets
from aas2rto.sources.packets import fink_values, nulls
from aas2rto.tables import photometry
from aas2rto.tables.report import OBJECT_COLUMNS
from tests.conftest import told
from tests.shared import PAYLOADS
from tests.sources.alerts import (
    JD,
    MJD,
    lsst_alert,
    ztf_alert,
    ztf_candidate,
    ztf_forced,
    ztf_limit,
)
from tests.sources.packets.rows import row, values


def test_ztf_detection_becomes_a_positive_flux_on_the_ab_scale():
    tables = packets.ztf([ztf_alert()], source="fink")
    point = row(tables, "3367463101415010117")
    assert point["flux"] == pytest.approx(10 ** ((23.9 - 18.5) / 2.5))
    assert point["flux_err"] == pytest.approx(point["flux"] * 0.1 * math.log(10) / 2.5)
    assert point["limit"] == pytest.approx(10 ** ((23.9 - 20.5) / 2.5))
    assert (point["kind"], point["band"], point["survey"]) == ("detection", "ztfr", "ztf")
    assert (point["candidate_id"], point["source"]) == ("ZTF26aamcbly", "fink")
    assert point["mjd"] == point["known_at"] == MJD
    assert list(tables.photometry.columns) == [*photometry.COLUMNS, *photometry.OPTIONAL]
    assert tables.problems == ()


@pytest.mark.parametrize("isdiffpos", ["f", "0", 0, False, "F"])
def test_ztf_fainter_than_the_template_is_negative_and_suspect(isdiffpos):
    tables = packets.ztf([ztf_alert(candidate=ztf_candidate(isdiffpos=isdiffpos))])
    point = tables.photometry.iloc[0]
    assert point["flux"] < 0
    assert point["flux_err"] > 0
    assert point["kind"] == "suspect"


@pytest.mark.parametrize("isdiffpos", ["t", "1", 1, True])
def test_ztf_all_spellings_of_brighter_are_positive(isdiffpos):
    tables = packets.ztf([ztf_alert(candidate=ztf_candidate(isdiffpos=isdiffpos))])
    assert tables.photometry["flux"].item() > 0


@pytest.mark.parametrize(("fid", "band"), [(1, "ztfg"), (2, "ztfr"), (3, "ztfi")])
def test_ztf_filters_have_sncosmo_names(fid, band):
    tables = packets.ztf([ztf_alert(candidate=ztf_candidate(fid=fid))])
    assert tables.photometry["band"].item() == band


@pytest.mark.parametrize(
    ("bad", "why"), [({"rb": 0.54}, "rb below 0.55"), ({"nbad": 1}, "bad pixels (nbad above 0)")]
)
def test_ztf_bad_quality_is_suspect_in_alert_and_history(bad, why):
    earlier = ztf_candidate(candid=3367463101415010000, jd=JD - 1.0, **bad)
    tables = packets.ztf([ztf_alert(candidate=ztf_candidate(**bad), prv_candidates=[earlier])])
    assert tables.photometry["kind"].tolist() == ["suspect", "suspect"]
    assert tables.photometry["why"].tolist() == [why, why]


def test_ztf_missing_quality_numbers_are_not_bad_quality():
    tables = packets.ztf([ztf_alert(candidate=ztf_candidate(rb=None, nbad=None))])
    assert tables.photometry["kind"].item() == "detection"


def test_ztf_history_without_candid_is_a_limit():
    tables = packets.ztf([ztf_alert(prv_candidates=[ztf_limit()])])
    limit = row(tables, f"limit:ztfg:{MJD - 3.0:.4f}")
    assert limit["kind"] == "limit"
    assert math.isnan(limit["flux"])
    assert math.isnan(limit["flux_err"])
    assert limit["limit"] == pytest.approx(10 ** ((23.9 - 20.0) / 2.5))
    assert limit["known_at"] == MJD, "the history is known with its packet, not before"


def test_ztf_forced_photometry_uses_the_zero_point_of_its_image():
    tables = packets.ztf([ztf_alert(fp_hists=[ztf_forced()])])
    point = row(tables, "fp:3362463101415:2")
    assert point["flux"] == pytest.approx(100.0 * 10 ** (0.4 * (23.9 - 26.4)))
    assert point["flux_err"] == pytest.approx(point["flux"] / 10.0)
    assert point["limit"] == pytest.approx(5 * point["flux_err"])
    assert point["kind"] == "detection"


@pytest.mark.parametrize(
    "bad",
    [
        {"forcediffimflux": -99999.0},
        {"forcediffimflux": None},
        {"procstatus": "56,62"},
        {"procstatus": None},
        {"forcediffimfluxunc": -99999.0},
        {"magzpsci": None},
    ],
)
def test_ztf_forced_photometry_with_sentinels_or_warnings_is_left_out(bad):
    tables = packets.ztf([ztf_alert(fp_hists=[ztf_forced(**bad)])])
    assert tables.photometry["measurement_id"].tolist() == ["3367463101415010117"]


def test_ztf_negative_forced_flux_is_kept_signed():
    tables = packets.ztf([ztf_alert(fp_hists=[ztf_forced(forcediffimflux=-20.0)])])
    assert row(tables, "fp:3362463101415:2")["flux"] < 0


@pytest.mark.fault("Avro file", "again", "the same measurement twice")
def test_same_measurement_in_two_alerts_is_one_row_known_at_the_first():
    first = ztf_alert()
    second = ztf_alert(
        candidate=ztf_candidate(candid=3367463101415010999, jd=JD + 2.0),
        prv_candidates=[ztf_candidate()],
    )
    tables = packets.ztf([second, first, first])
    assert len(tables.photometry) == 2
    assert row(tables, "3367463101415010117")["known_at"] == MJD
    assert tables.objects["known_at"].item() == MJD
    assert tables.newest_alert == MJD + 2.0


def test_object_has_the_first_position_whatever_the_order():
    old = ztf_alert()
    new = ztf_alert(candidate=ztf_candidate(candid=7, jd=JD + 1, ra=150.2))
    for alerts in ([old, new], [new, old]):
        assert packets.ztf(alerts).objects["ra"].item() == 150.1


def test_later_alerts_are_left_out():
    tables = packets.ztf([ztf_alert()], now=MJD - 0.1)
    assert tables.objects.empty
    assert tables.photometry.empty
    assert tables.newest_alert is None


@pytest.mark.fault("Avro file", "damaged", "a malformed alert")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"objectId": ""}, "alert 3367463101415010117 cannot be used: its objectId is empty"),
        ({"candidate": None}, "alert ZTF26aamcbly cannot be used"),
        ({"candidate": ztf_candidate(jd=None)}, "cannot be used"),
        ({"candidate": ztf_candidate(jd=61000.0)}, "lies outside the years 1900 to 2100"),
        ({"candidate": ztf_candidate(ra=None)}, "cannot be used"),
        ({"candidate": ztf_candidate(dec=-95.0)}, "ra, dec = 150.1, -95.0 is no position"),
        ({"candidate": ztf_candidate(candid=None)}, "its candid is None"),
        ({"candidate": ztf_candidate(candid=3.36e18)}, "digits may be lost"),
        ({"candidate": {"candid": 8}}, "alert 8 cannot be used: it has no 'jd'"),
    ],
)
def test_malformed_ztf_alert_costs_only_itself(change, words):
    good = ztf_alert(objectId="ZTF26good", candidate=ztf_candidate(candid=5))
    tables = packets.ztf([ztf_alert(**change), good])
    assert tables.objects["object_id"].tolist() == ["ZTF26good"]
    assert len(tables.problems) == 1
    assert words in tables.problems[0]


@pytest.mark.parametrize("alert", [{}, {"foo": 1}, None, "text", 3])
def test_what_is_no_alert_says_so(alert):
    tables = packets.ztf([alert, ztf_alert()])
    assert len(tables.objects) == 1
    assert "neither a ZTF nor an LSST alert" in tables.problems[0]


@pytest.mark.parametrize("record", [None, "text", {}, {"candid": None}, {"candid": 1.5e18}])
def test_malformed_history_record_costs_only_itself(record):
    tables = packets.ztf([ztf_alert(prv_candidates=[record, ztf_limit()])])
    assert len(tables.photometry) == 2
    assert "a measurement of ZTF26aamcbly cannot be used" in tables.problems[0]


@pytest.mark.fault("Avro file", "nan", "numbers that cannot be")
@pytest.mark.parametrize(
    "bad", [{"magpsf": None}, {"magpsf": "x"}, {"sigmapsf": 0.0}, {"fid": 9}, {"isdiffpos": None}]
)
def test_unusable_numbers_are_counted_in_one_line(bad):
    history = [ztf_candidate(candid=n, jd=JD - n, **bad) for n in (1, 2)]
    tables = packets.ztf([ztf_alert(prv_candidates=history)])
    assert tables.photometry["measurement_id"].tolist() == ["3367463101415010117"]
    assert tables.problems == (
        "2 measurements without a usable time, band, flux or error left out "
        "(first: 1 of ZTF26aamcbly)",
    )


def test_ztf_own_numbers_become_annotations_without_sentinels():
    found = values(packets.ztf([ztf_alert()]))
    assert found["ztf_programid"] == 1.0
    assert found["ztf_rb"] == 0.9
    assert "ztf_ssdistnr" not in found
    assert not [key for key in found if key.startswith("fink_")]


def fink_alert(**changes):
    return ztf_alert(fink_broker_version="4.1", fink_science_version="8.41.0", **changes)


def test_fink_scores_become_annotations():
    tables = packets.ztf(
        [
            fink_alert(
                cdsxmatch="RRLyr",
                snn_sn_vs_all=0.93,
                is_transient=True,
                nalerthist=4,
                DR3Name="Gaia DR3 1",
                mangrove={"HyperLEDA_name": "NGC5674", "lum_dist": "90"},
                lc_features_g={"mean": 17.0},
                year=2026,
            ),
        ]
    )
    found = values(tables)
    assert found["fink_cdsxmatch"] == "RRLyr"
    assert found["fink_snn_sn_vs_all"] == 0.93
    assert found["fink_is_transient"] is True
    assert found["fink_nalerthist"] == 4.0
    assert found["fink_mangrove_hyperleda_name"] == "NGC5674"
    assert not [k for k in found if "lc_features" in k or "version" in k or "year" in k]
    assert tables.facts["known_at"].unique().tolist() == [MJD]
    assert told(tables)["host"].item() == "NGC5674"


def test_no_counterpart_and_failed_search_are_told_apart():
    found = values(packets.ztf([fink_alert(cdsxmatch="Unknown", vsx="Fail 503", gcvs="Fail")]))
    assert found["fink_cdsxmatch"] == "none"
    assert "fink_vsx" not in found
    assert "fink_gcvs" not in found


@pytest.mark.parametrize(
    "null", [None, "nan", "None", "", "null", -1, -1.0, -999.0, "�", math.nan, "Fail 503"]
)
def test_nulls_of_every_kind_become_no_annotation(null):
    found = values(packets.ztf([fink_alert(slsn_score=null, vsx=null)]))
    assert not [key for key in found if key.startswith("fink_")]


def test_score_that_fink_did_not_compute_is_no_score():
    found = values(packets.ztf([fink_alert(snn_sn_vs_all=0.0, rf_snia_vs_nonia=0.0, roid=0)]))
    assert "fink_snn_sn_vs_all" not in found
    assert "fink_rf_snia_vs_nonia" not in found
    assert found["fink_roid"] == 0.0


def test_finkclass_unknown_is_no_cross_match():
    assert "fink_finkclass" not in values(packets.ztf([fink_alert(finkclass="Unknown")]))


@pytest.mark.parametrize("column", [{"tnsclass": "(TNS) SN Ia"}, {"tns": "SN Ia"}])
def test_tns_class_is_the_spectral_type(column):
    tables = packets.ztf([fink_alert(**column)])
    assert told(tables)["spectral_type"].item() == "SN Ia"
    assert set(tables.objects.columns) <= set(OBJECT_COLUMNS)


def test_each_alert_says_what_was_known_when_it_came():
    """Not the newest word with the earliest time."""
    tables = packets.ztf(
        [
            fink_alert(tns="SN Ia", candidate=ztf_candidate(candid=7, jd=JD + 3)),
            fink_alert(tns="SN"),
        ]
    )
    types = tables.facts[tables.facts["key"] == "spectral_type"]
    assert dict(zip(types["known_at"], types["value"], strict=True)) == {
        MJD: "SN",
        MJD + 3: "SN Ia",
    }


def test_plain_alert_after_finks_does_not_erase_the_type():
    tables = packets.ztf([fink_alert(tns="SN Ia"), ztf_alert()])
    assert told(tables)["spectral_type"].item() == "SN Ia"
    assert len(tables.photometry) == 1


def test_parquet_map_is_read_like_a_record():
    found = fink_values.flatten({"t2": [("TDE", 0.5), ("EB", -1.0)], "list": [1, 2]})
    assert fink_values.annotate(found) == {"fink_t2_tde": 0.5}


def test_surveys_mix_in_one_batch_and_times_of_both_are_utc():
    batch = packets.Batch("archive")
    batch.add(lsst_alert())
    batch.add(ztf_alert())
    tables = batch.tables()
    assert sorted(tables.objects["survey"]) == ["lsst", "ztf"]
    assert batch.used == 2


def test_nothing_gives_empty_tables_with_all_columns():
    tables = packets.ztf([])
    assert list(tables.photometry.columns) == list(photometry.COLUMNS)
    assert tables.objects.empty
    assert tables.facts.empty


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("RRLyr", "VALUE"),
        (0.0, "VALUE"),
        (False, "VALUE"),
        ("Unknown", "NO_COUNTERPART"),
        ("unknown", "NO_COUNTERPART"),
        ("Fail", "FAILED"),
        ("Fail 503", "FAILED"),
        ("Failure Ridge", "VALUE"),
        ("nan", "NULL"),
        (math.inf, "NULL"),
        (-999, "NULL"),
    ],
)
def test_four_kinds_of_entries(value, kind):
    assert nulls.meaning(value) is nulls.Meaning[kind]


@pytest.mark.parametrize("value", [None, 0, -1, "", "nan", math.nan, "0"])
def test_null_identifiers_are_empty(value):
    assert nulls.digits(value) == ""


def test_identifiers_keep_their_digits():
    assert nulls.digits(170028485706776685) == "170028485706776685"
    assert nulls.digits(" 170028485706776685 ") == "170028485706776685"


ZTF_FILES = sorted(
    [
        *PAYLOADS.glob("ztf_alerts/*.avro"),
        *PAYLOADS.glob("fink/*ztf*.avro"),
        *PAYLOADS.glob("fink/fink-broker*.avro"),
    ]
)


def read(path):
    with path.open("rb") as file:
        return list(fastavro.reader(file))


class TestRealAlerts:
    pytestmark = pytest.mark.real_data

    @pytest.mark.slow
    @pytest.mark.parametrize("path", ZTF_FILES, ids=lambda p: p.name)
    def test_ztf_magnitudes_and_ids_come_back(self, path):
        alerts = read(path)
        tables = packets.ztf(alerts)
        assert tables.problems == ()
        for alert in alerts:
            records = [alert["candidate"], *(alert["prv_candidates"] or ())]
            mine = tables.photometry[tables.photometry["candidate_id"] == alert["objectId"]]
            mine = mine.set_index("measurement_id")
            for record in records:
                if record["candid"] is None:
                    name = photometry.limit_id(
                        {1: "ztfg", 2: "ztfr", 3: "ztfi"}[record["fid"]], record["jd"] - 2400000.5
                    )
                    limit = photometry.mag_from_flux(mine.loc[name, "limit"])
                    assert limit == pytest.approx(record["diffmaglim"], abs=2.0)
                    continue
                point = mine.loc[str(record["candid"])]
                sign = 1 if record["isdiffpos"] in ("t", "1") else -1
                assert photometry.mag_from_flux(sign * point["flux"]) == pytest.approx(
                    record["magpsf"], abs=1e-6
                )
                assert photometry.magerr_from_flux(
                    sign * point["flux"], point["flux_err"]
                ) == pytest.approx(record["sigmapsf"], rel=1e-6)
                assert point["mjd"] == pytest.approx(record["jd"] - 2400000.5, abs=1e-9)

    def test_forced_photometry_agrees_with_the_alert_of_the_same_exposure(self):
        (alert,) = read(PAYLOADS / "ztf_alerts/boom_2695378462115010012_v402.avro")
        table = packets.ztf([alert]).photometry
        forced = table[table["measurement_id"].str.startswith("fp:")]
        assert len(forced) == 10
        both = table.merge(forced, on=["mjd", "band"])
        both = both[~both["measurement_id_x"].str.startswith(("fp:", "limit:"))]
        assert len(both) >= 3
        assert np.allclose(both["flux_x"], both["flux_y"], rtol=0.3)

    @pytest.mark.slow
    def test_lsst_fluxes_and_ids_come_back(self):
        alerts = read(PAYLOADS / "fink/lsst_part-2-918301.avro")
        tables = packets.lsst(alerts)
        assert len(tables.objects) == 5
        assert tables.problems == ("2 alerts of solar-system objects (no diaObjectId) skipped",)
        table = tables.photometry.set_index(["candidate_id", "measurement_id"])["flux"]
        for alert in alerts:
            if not alert["diaSource"]["diaObjectId"]:
                continue
            name = str(alert["diaSource"]["diaObjectId"])
            for source in [alert["diaSource"], *alert["prvDiaSources"]]:
                assert table[name, str(source["diaSourceId"])] * 1000 == pytest.approx(
                    source["psfFlux"]
                )
            for source in alert["prvDiaForcedSources"]:
                assert table[name, f"forced:{source['diaForcedSourceId']}"] * 1000 == pytest.approx(
                    source["psfFlux"]
                )

    @pytest.mark.parametrize("version", ["10_0", "11_0", "11_1"])
    def test_every_lsst_schema_is_read(self, version):
        tables = packets.lsst(read(PAYLOADS / f"lsst_alerts/schema_{version}/fakeAlert.avro"))
        assert tables.objects["object_id"].tolist() == ["281323062375219201"]
        assert tables.photometry["flux"].tolist() == [1.241, 1.241, 1.241]
        assert tables.problems == ()

    def test_alert_from_the_wire_is_read(self):
        """Schema 9.0 decodes with that of 10.0; see the payloads' notes."""
        with (PAYLOADS / "lsst_alerts/schema_10_0/fakeAlert.avro").open("rb") as file:
            schema = fastavro.reader(file).writer_schema
        wire = (PAYLOADS / "lsst_alerts/boom_7912941781254298.confluent.avro").read_bytes()
        alert = fastavro.schemaless_reader(io.BytesIO(wire[5:]), schema, None)
        tables = packets.lsst([alert])
        assert tables.objects["object_id"].tolist() == [str(alert["diaObject"]["diaObjectId"])]
        point = row(tables, str(alert["diaSource"]["diaSourceId"]))
        assert point["flux"] * 1000 == pytest.approx(alert["diaSource"]["psfFlux"])
