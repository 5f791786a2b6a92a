"""Notices of GCN: each becomes the right target, moves it, ends it, or is none."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from aas2rto.errors import InputError
from aas2rto.factors import Decision
from aas2rto.factors.in_skymap import in_skymap
from aas2rto.sources.gcn import Gcn, _login
from aas2rto.sources.notices.notice import Kind, radius90
from aas2rto.sources.notices.read import read
from aas2rto.sources.transport.kafka import Patience
from aas2rto.steps.rules import expired
from aas2rto.store import Store
from aas2rto.tables.report import Outcome, Report
from tests.sources.conftest import Cluster, request
from tests.sources.maps import CENTRE, gaussian

_topics = itertools.count()
DAY = 61375.0  # 2026-12-01
NOW = DAY + 0.1
GW = 61374.5

EP = {
    "$schema": "https://gcn.nasa.gov/schema/main/gcn/notices/einstein_probe/wxt/alert.schema.json",
    "instrument": "WXT",
    "trigger_time": "2026-12-01T00:02:11.5Z",
    "id": ["01709999999"],
    "ra": 148.97,
    "dec": -0.21,
    "ra_dec_error": 0.03,
    "image_snr": 9.1,
}

PUBLISHED = {
    # nasa-gcn/gcn-schema, 2026-07: what each example says that matters here, and what it is to us.
    "burstcube/alert": (["240601000"], 232, -53.1, 10, 0.9, "initial", "current", 600.0),
    "burstcube/test": (["240601000"], 232, -53.1, 10, 0.9, "initial", "current", "test"),
    "chime/frb.detection": ("427325191", 346.78, 12.63, [0.5, 0.6, 0], None, "initial", None, 36.0),
    "chime/frb.subsequent": ("427325192", 346.78, 12.63, [0.5, 0.6], None, "subsequent", None, 36),
    "chime/frb.update": ("427325191", None, None, None, None, "update", None, None),
    "chime/frb.retraction": ("427325191", None, None, None, None, "retraction", None, "end"),
    "dsa110/frb.detection": ("2409", 346.8, 12.6, [0.016, 0.02], None, "initial", None, 1.2),
    "dsa110/frb.retraction": ("240918aaaa", None, None, None, None, "retraction", None, "end"),
    "einstein_probe/wxt/alert": (["01708973486"], 120, 40, 0.02, None, None, None, 1.2),
    "fermi/gbm/trigger.alert": (["74", "bn"], None, None, None, None, "initial", "current", None),
    "fermi/gbm/trigger.final": (["745", "bn24"], 29.2, -63.6, 1, 0.68, "update", "current", 85.3),
    "fermi/lat/flare": (None, 215.62657, 32.38623, None, None, None, None, None),
    "icecube/gold_bronze": (["137840_57"], 345.82, 9.01, 0.5, 0.9, "initial", "current", 30.0),
    "km3net/alert": ("1", 10.82, 20.01, 0.9, None, "initial", "current", 54.0),
    "maxi/gsc.unknown.circle": ("9995", 346.56, 18.61, 1.5, 0.9, "update", "current", 90.0),
    "maxi/gsc.unknown.ellipse": ("9995", 346.56, 18.6, [0.22, 0.2, 153], 0.9, "update", None, 13.2),
    "maxi/gsc.unknown.noerror": ("9995", 346.56, 18.61, None, None, "initial", "current", None),
    "maxi/gsc.known.retraction": ("0858", None, None, None, None, "retraction", "current", "end"),
    "superk/sn_alert.real": ("SN.1", 270.82, 31.46, 0.91, 0.68, "initial", "current", 77.6),
    "superk/sn_alert.test": ("SN.1", 270.82, 31.46, 0.91, 0.68, "initial", "test", "test"),
    "svom/eclairs/trigger": (["sb24022203"], 143.2, -68.0, 0.1, None, "initial", "test", "test"),
    "svom/grm/trigger": (["sb24022203"], 143.2, -68.0, 0.1, None, "initial", "test", "test"),
    "swift/bat/Guano": (["694"], None, None, None, None, "initial", "current", None),
    "swift/bat/guano.arcmin": (["694"], 336.26, 25.1, 0.5, 0.9, "update", "current", 30.0),
    "swift/bat/Guano.Retraction": (["694"], None, None, None, None, "retraction", "current", "end"),
}


def notice_of(place: str, *said: Any) -> dict[str, Any]:
    keys = ("id", "ra", "dec", "ra_dec_error", "containment_probability", "alert_type")
    told = dict(zip((*keys, "alert_tense"), said[:7], strict=True))
    schema = f"https://gcn.nasa.gov/schema/main/gcn/notices/{place}.schema.json"
    found = {key: value for key, value in told.items() if value is not None}
    extra = {"event_name": "OQ 334"} if "id" not in found else {}
    return {"$schema": schema, "trigger_time": "2026-12-01T00:02:11.5Z", **extra, **found}


def source(tmp_path: Path, **settings: Any) -> Gcn:
    return Gcn(folder=str(tmp_path / "in"), sky_maps=str(tmp_path / "maps"), **settings)


def drop(tmp_path: Path, *notices: Any, name: str = "n") -> None:
    (tmp_path / "in").mkdir(exist_ok=True)
    for number, one in enumerate(notices):
        content = one if isinstance(one, bytes) else json.dumps(one).encode()
        suffix = ".xml" if content[:1] == b"<" else ".json"
        suffix = ".fits.gz" if content.startswith(b"\x1f\x8b") else suffix
        (tmp_path / "in" / f"{name}{number}{suffix}").write_bytes(content)


def poll(
    tmp_path: Path, *notices: Any, cursor: Any = None, now: float = NOW, **settings: Any
) -> Report:
    drop(tmp_path, *notices)
    report = source(tmp_path, **settings).poll(request(now, cursor))
    json.dumps(report.cursor)
    report.acknowledge()
    return report


def said(report: Report) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in report.objects.to_dict("records"):
        found[one["object_id"]] = {"ra": one["ra"], "dec": one["dec"]}
    for one in report.facts.to_dict("records"):
        found[one["object_id"]][one["key"]] = one["value"]
    return found


def test_the_worked_notice_of_einstein_probe(tmp_path: Path) -> None:
    """No mission, no tense, no type: a target within 1.8 arcmin."""
    report = poll(tmp_path, EP)
    assert report.problems == ()
    (row,) = said(report).values()
    assert list(said(report)) == ["EP-01709999999"]
    assert (row["name"], row["too"]) == ("EP 01709999999", True)
    assert (row["ra"], row["dec"]) == (148.97, -0.21)
    assert row["comment"] == "EP 01709999999: WXT, image S/N 9.1, 90 % within 1.8 arcmin"
    assert row["valid_until"] == pytest.approx(DAY + 131.5 / 86400 + 7.0)
    assert row["base_score"] == 1000.0
    assert [path.name for path in (tmp_path / "in" / "accepted").iterdir()] == ["n0.json"]


@pytest.mark.parametrize("place", PUBLISHED)
def test_every_published_example_becomes_what_it_should(tmp_path: Path, place: str) -> None:
    """With its limits: 3 arcmin for EP, 2 for others, none for Fermi's GBM."""
    *told, meant = PUBLISHED[place]
    notice = notice_of(place, *told)
    found = read(json.dumps(notice).encode(), "notice.json")
    assert (found.tense == "test") == (meant == "test")
    assert (found.kind is Kind.RETRACTION) == (meant == "end")
    if isinstance(meant, float | int):
        assert found.r90 is not None
        assert found.r90 * 60 == pytest.approx(meant, rel=0.02)
    elif meant is None:
        assert found.r90 is None
    report = poll(tmp_path, notice)
    assert (report.problems, report.error) == ((), "")
    is_target = isinstance(meant, float | int) and meant <= 2
    assert len(report.objects) == int(is_target)


def test_an_update_moves_the_same_target_and_a_worse_one_does_not(tmp_path: Path) -> None:
    first = poll(tmp_path, EP)
    better = EP | {"ra": 148.98, "ra_dec_error": 0.01, "alert_type": "update"}
    second = poll(tmp_path, better, cursor=first.cursor, now=NOW + 0.1)
    assert said(second)["EP-01709999999"]["ra"] == 148.98
    worse = EP | {"ra": 140.0, "ra_dec_error": 0.02, "alert_type": "update"}
    third = poll(tmp_path, worse, cursor=second.cursor, now=NOW + 0.2)
    assert len(third.objects) == 0
    late = EP | {"ra": 100.0, "ra_dec_error": 0.001, "alert_datetime": "2026-11-30T23:00:00"}
    assert len(poll(tmp_path, late, cursor=third.cursor, now=NOW + 0.3).objects) == 0


def test_a_retraction_withdraws(tmp_path: Path) -> None:
    first = poll(tmp_path, EP)
    gone = {key: EP[key] for key in ("$schema", "id")} | {"alert_type": "retraction"}
    second = poll(tmp_path, gone, cursor=first.cursor, now=NOW + 0.1)
    row = said(second)["EP-01709999999"]
    assert (row["base_score"], row["comment"]) == (None, "retracted")
    assert NOW < row["valid_until"] < NOW + 0.1
    again = poll(tmp_path, gone, cursor=second.cursor, now=NOW + 0.2)
    assert len(again.objects) == 0


def test_the_store_moves_and_withdraws(tmp_path: Path, store: Store) -> None:
    """The same candidate, elsewhere; then it is over; what is told again later counts again."""

    def take(notice: Any, now: float) -> dict[str, Any]:
        cursor = store.sources.state("gcn").cursor
        report = poll(tmp_path, notice, cursor=cursor, now=now)
        store.ingest(report, now)
        (row,) = store.candidates(now).to_dict("records")
        return row

    row = take(EP, NOW)
    assert (row["candidate_id"], bool(row["too"])) == ("EP-01709999999", True)
    row = take(EP | {"ra": 149.1, "ra_dec_error": 0.01}, NOW + 0.1)
    assert (row["candidate_id"], row["ra"]) == ("EP-01709999999", 149.1)
    take(EP | {"alert_type": "retraction"}, NOW + 0.2)
    over = expired(store.candidates(NOW + 0.2), Time(NOW + 0.2, format="mjd")).factor
    assert over.decision.tolist() == [Decision.EXCLUDE]
    take(EP | {"alert_datetime": "2026-12-01T12:00:00"}, NOW + 1.0)
    again = expired(store.candidates(NOW + 1.0), Time(NOW + 1.0, format="mjd")).factor
    assert again.decision.tolist() == [Decision.KEEP]


@pytest.mark.parametrize(
    ("change", "is_target"),
    [
        ({"alert_tense": "test"}, False),
        ({"alert_tense": "injection"}, False),
        ({"alert_tense": "archival"}, False),
        ({"alert_tense": "CURRENT"}, True),
        ({"alert_tense": ["current"]}, True),
        ({"id": "01709999999"}, True),
        ({"id": 1709999999}, True),
        ({"id": [], "event_name": ["EP261201a"]}, True),
        ({"id": None}, True),
        ({"ra_dec_error": [0.03]}, True),
        ({"ra_dec_error": [0.03, 0.01, 12.0]}, True),
        ({"ra_dec_error": [0.03, 0.2, 12.0]}, False),
        ({"ra_dec_error": None}, False),
        ({"ra_dec_error": "0.03"}, True),
        ({"ra_dec_error": 0.0}, False),
        ({"ra_dec_error": -1}, False),
        ({"ra_dec_error": {}}, False),
        ({"containment_probability": 0.68}, True),  # 2.6 arcmin
        ({"containment_probability": 0.39}, False),  # 1 sigma: 3.9 arcmin
        ({"containment_probability": 68}, True),
        ({"containment_probability": "x"}, True),
        ({"ra": None}, False),
        ({"dec": 91}, False),
        ({"ra": True}, False),
        ({"mission": "Fermi", "instrument": "GBM", "ra_dec_error": 0.01}, False),
        ({"trigger_time": "2026-11-20T00:00:00"}, False),
        ({"trigger_time": "yesterday"}, True),
        ({"trigger_time": ["2026-12-01"]}, True),
        ({"mission": ["Einstein Probe"]}, True),
        ({"classification": {"GRB": "much"}}, True),
        ({"brand_new": {"x": [1]}}, True),
    ],
)
def test_whatever_shape_it_has(tmp_path: Path, change: dict[str, Any], is_target: bool) -> None:
    """No key is required, and each may be a text or a list."""
    report = poll(tmp_path, EP | change)
    assert (report.error, len(report.objects)) == ("", int(is_target))
    assert all(one.startswith("gcn: ") for one in report.problems)


def test_limits_are_settings(tmp_path: Path) -> None:
    assert len(poll(tmp_path, EP, radius_ep=60.0).objects) == 0
    ice = notice_of("icecube/gold", "1", 345.8, 9.0, 0.5, 0.9, "initial", "current")
    assert len(poll(tmp_path, ice, radius=1800.0).objects) == 1


def test_radii_of_a_gaussian() -> None:
    assert radius90(1.0, 0.68) == pytest.approx(1.4216, abs=1e-3)
    assert radius90(1.0, 0.5) == pytest.approx(1.8226, abs=1e-3)
    assert radius90(1.0, 0.9) == pytest.approx(1.0)


# -- gravitational waves --------------------------------------------------------------------


def wave(kind: str = "INITIAL", event: str = "S261130a", **change: Any) -> dict[str, Any]:
    """Return an alert in the form of igwn.gwalert (emfollow.docs.ligo.org)."""
    packed = base64.b64encode(gaussian(mjd=GW)).decode()
    about = {
        "time": "2026-11-30T12:00:00.000Z",
        "far": 9.1e-14,
        "significant": True,
        "instruments": ["H1", "L1"],
        "group": "CBC",
        "pipeline": "gstlal",
        "search": "AllSky",
        "classification": {"BNS": 0.95, "Terrestrial": 0.05},
        "skymap": packed,
    }
    told = {"alert_type": kind, "time_created": "2026-11-30T12:05:00Z", "superevent_id": event}
    return told | {"urls": {}, "event": about | change, "external_coinc": None}


def level(tmp_path: Path, now: float = NOW) -> float:
    table = pd.DataFrame({"ra": [CENTRE[0]], "dec": [CENTRE[1]], "first_detection": [GW + 0.2]})
    found = in_skymap(table, Time(now, format="mjd"), folder=str(tmp_path / "maps"))
    return float(found.value[0])


def test_a_map_of_a_gravitational_wave_is_kept_and_retracted(tmp_path: Path) -> None:
    """It is no target; the factor reads it; the retraction takes it away."""
    report = poll(tmp_path, wave())
    assert (report.problems, len(report.objects)) == ((), 0)
    assert level(tmp_path) > 9
    about = json.loads((tmp_path / "maps" / "S261130a.json").read_text())
    assert (about["event"], about["time"], about["far"]) == ("S261130a", GW, 9.1e-14)
    gone = wave("RETRACTION") | {"event": None, "time_created": "2026-11-30T13:00:00Z"}
    poll(tmp_path, gone, cursor=report.cursor, now=NOW + 0.1)
    assert level(tmp_path) == 1.0


@pytest.mark.parametrize("told", [wave(event="MS261130a"), wave(search="MDC")])
def test_mock_data_leave_no_map(tmp_path: Path, told: dict[str, Any]) -> None:
    poll(tmp_path, told)
    assert level(tmp_path) == 1.0


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({"skymap": None}, 0),
        ({"skymap": "no base64!"}, 1),
        ({"skymap": "aGk="}, 1),
        ({"time": None}, 0),
    ],
)
def test_a_wave_without_this_or_that(tmp_path: Path, change: dict[str, Any], problems: int) -> None:
    report = poll(tmp_path, wave(**change))
    assert (report.outcome, len(report.problems)) == (Outcome.EMPTY, problems)


def test_a_map_that_is_none_is_said(tmp_path: Path) -> None:
    broken = base64.b64encode(b"SIMPLE  =                    T" + b" " * 3000).decode()
    report = poll(tmp_path, wave(skymap=broken))
    assert "S261130a: its sky map cannot be kept" in report.problems[0]


def test_maps_as_files_and_packed(tmp_path: Path) -> None:
    poll(tmp_path, gzip.compress(gaussian(mjd=GW)))
    assert level(tmp_path) > 9


# -- VOEvent --------------------------------------------------------------------------------


def voevent(role: str = "observation", radius: float = 0.02, cite: str = "") -> bytes:
    """Return what SVOM sends (IVOA VOEvent 2.0)."""
    cited = f"<EventIVORN cite='{cite}'>ivo://org.svom/fsc#x</EventIVORN>" if cite else ""
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0" role="{role}" version="2.0"
 ivorn="ivo://org.svom/fsc#sb26120101_mxt">
<Who><Date>2026-12-01T01:00:00+00:00</Date></Who>
<What><Param name="Instrument" value="MXT"/>
<Group name="Svom_Identifiers"><Param name="Burst_Id" value="sb26120101"/></Group></What>
<WhereWhen><ObsDataLocation><ObservationLocation><AstroCoords>
<Time unit="s"><TimeInstant><ISOTime>2026-12-01T00:50:21.314000</ISOTime></TimeInstant></Time>
<Position2D unit="deg"><Value2><C1>337.5347</C1><C2>-0.3918</C2></Value2>
<Error2Radius>{radius}</Error2Radius></Position2D></AstroCoords></ObservationLocation>
</ObsDataLocation></WhereWhen><Citations>{cited}</Citations></voe:VOEvent>""".encode()


def test_svom_speaks_voevent(tmp_path: Path) -> None:
    report = poll(tmp_path, voevent())
    row = said(report)["SVOM-sb26120101"]
    assert (row["ra"], row["dec"], row["gcn_r90"]) == (337.5347, -0.3918, 0.02)
    gone = poll(tmp_path, voevent(cite="retraction"), cursor=report.cursor, now=NOW + 0.1)
    assert said(gone)["SVOM-sb26120101"]["comment"] == "retracted"


@pytest.mark.parametrize("told", [voevent("test"), voevent("utility"), voevent(radius=0.2)])
def test_tests_and_wide_positions_are_none(tmp_path: Path, told: bytes) -> None:
    report = poll(tmp_path, told)
    assert (report.problems, len(report.objects)) == ((), 0)


# -- damage ---------------------------------------------------------------------------------

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]>'
    b"<VOEvent>&b;</VOEvent>"
)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "its JSON is broken"),
        (b"[1]", "it is neither JSON nor VOEvent nor FITS"),
        (b"{}", "neither id nor event_name nor trigger_time"),
        (b"", "it is empty"),
        (b'{"superevent_id": []}', "its superevent_id is no text"),
        (b"<html></html>", "it is html, not VOEvent"),
        (b"<VOEvent", "its XML is broken"),
        (b"<VOEvent/>", "it has no ivorn"),
        (BOMB, "it declares entities"),
        (b'{"id": ' + b"[" * 100_000, "its JSON is broken"),
        (b"\xff\xfe\x00", "neither JSON nor"),
    ],
)
def test_a_damaged_file_is_set_aside_and_the_others_count(
    tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.json").write_bytes(content)
    report = poll(tmp_path, EP)
    assert len(report.objects) == 1
    (problem,) = report.problems
    assert why in problem
    assert (tmp_path / "in" / "refused" / "bad.json").exists()


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists))
def test_any_value_under_any_key_is_read_or_refused(value: Any) -> None:
    for key in (*EP, "mission", "alert_tense", "alert_type", "healpix_file", "superevent_id"):
        try:
            found = read(json.dumps(EP | {key: value}).encode(), "n.json")
        except InputError:
            continue
        assert found.r90 is None or found.r90 > 0
        assert "/" not in found.key


def test_who_is_killed_before_the_commit_reads_again(tmp_path: Path) -> None:
    drop(tmp_path, EP)
    source(tmp_path).poll(request(NOW))
    assert len(source(tmp_path).poll(request(NOW)).objects) == 1


def test_a_hostile_name_leaves_no_file_elsewhere(tmp_path: Path) -> None:
    poll(tmp_path, wave(event="../../x"))
    assert [path.name for path in sorted((tmp_path / "maps").iterdir())] == [
        "_.._x.fits",
        "_.._x.json",
    ]


# -- Kafka ----------------------------------------------------------------------------------


def test_streams_bring_the_same(tmp_path: Path, cluster: Cluster) -> None:
    """Over the real protocol; the topic tells the mission, a broken message costs itself."""
    number = next(_topics)
    topics = (f"gcn.notices.einstein_probe.wxt.alert.t{number}", f"igwn.gwalert.t{number}")
    bare = {key: value for key, value in EP.items() if key != "$schema"}
    cluster.send(topics[0], json.dumps(bare).encode(), b"\x00broken")
    cluster.send(topics[1], json.dumps(wave()).encode())
    settings = {
        "topics": topics,
        "servers": cluster.servers,
        "group_id": f"g{number}",
        "patience": Patience(5.0, 3.0),
    }
    gcn = source(tmp_path, **settings)
    report = gcn.poll(request(NOW))
    assert list(said(report)) == ["EP-01709999999"]
    assert level(tmp_path) > 9
    assert len(report.problems) == 1
    report.acknowledge()
    gone = bare | {"alert_type": "retraction"}
    cluster.send(topics[0], json.dumps(gone).encode())
    later = gcn.poll(request(NOW + 0.1, report.cursor))
    assert said(later)["EP-01709999999"]["comment"] == "retracted"
    assert "has 2 topics" in gcn.probe()
    gcn.close()


def test_streams_need_an_account() -> None:
    with pytest.raises(ValueError, match="need client_id and client_secret"):
        Gcn(topics=("igwn.gwalert",))


def test_the_library_takes_gcns_login(tmp_path: Path) -> None:
    """OpenID Connect is compiled in; nobody is asked before the first poll."""
    confluent_kafka = pytest.importorskip("confluent_kafka")
    login = _login("me", SecretStr("hush"), "http://127.0.0.1:1/token")
    consumer = confluent_kafka.Consumer(
        login | {"bootstrap.servers": "127.0.0.1:1", "group.id": "x", "log_level": 0}
    )
    consumer.close()
    assert "hush" not in str(vars(source(tmp_path, client_id="me", client_secret="hush")))


def test_probe_counts_files(tmp_path: Path) -> None:
    drop(tmp_path, EP)
    assert source(tmp_path).probe() == f"1 file waiting in {tmp_path / 'in'}"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ra": 400}, "ra 400, dec -0.21 is no place on the sky"),
        ({"ra": [148.97]}, "ra [148.97], dec -0.21 is no place on the sky"),
        ({"dec": -95}, "ra 148.97, dec -95 is no place on the sky"),
        ({"ra_dec_error": -1}, "ra_dec_error -1 is no radius"),
        ({"containment_probability": 50}, "50 is no probability; 0.9 is taken"),
        ({"trigger_time": "yesterday"}, "trigger_time 'yesterday' is no time"),
        ({"trigger_time": "9999-12-01T00:00:00"}, "trigger_time '9999-12-01T00:00:00' is no time"),
        ({"trigger_time": "2026-12-09T00:00:00"}, "it tells of 2026-12-09T00:00 UTC, which is to"),
        ({"healpix_file": "!!!"}, "its healpix_file is no FITS file in base64"),
        ({"id": [None], "event_name": "x"}, "id [None] is no name"),
    ],
)
def test_what_a_notice_says_and_cannot_be_is_told(
    tmp_path: Path, wrong: dict[str, Any], words: str
) -> None:
    """And costs that alone; no notice vanishes without a word."""
    report = poll(tmp_path, EP | wrong)
    assert any(words in one for one in report.problems), report.problems
    for row in said(report).values():
        assert row["valid_until"] <= NOW + 7.0


def test_a_map_that_cannot_be_unpacked_is_told(tmp_path: Path) -> None:
    alert = {"superevent_id": "S261201a", "alert_type": "PRELIMINARY"}
    event = {"time": "soon", "skymap": "!!!notbase64"}
    report = poll(tmp_path, alert | {"event": event})
    assert report.problems == (
        "gcn: S261201a: its skymap is no FITS file in base64",
        "gcn: S261201a: the time of the event, 'soon', is none",
    )


def test_a_retraction_leaves_what_another_event_wants_at_the_same_place(tmp_path: Path) -> None:
    other = EP | {"id": ["017"], "ra": EP["ra"] + 1e-4}
    first = poll(tmp_path, EP, other)
    gone = {key: EP[key] for key in ("$schema", "id")} | {"alert_type": "retraction"}
    second = poll(tmp_path, gone, cursor=first.cursor, now=NOW + 0.1)
    assert len(second.objects) == 0
    last = gone | {"id": ["017"]}
    third = poll(tmp_path, last, cursor=second.cursor, now=NOW + 0.2)
    assert list(said(third)) == ["EP-017"]
