"""TNS against its stand-in, and its local table."""

from __future__ import annotations

import io
import json
import math
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from aas2rto.errors import InputError
from aas2rto.sources.tns import Tns, facts_of, internal_names
from aas2rto.sources.tns_table import FILE, Table, date_of, mjd_of, read
from aas2rto.sources.transport.answer import HttpError
from aas2rto.tables.report import Outcome, Report
from tests.conftest import told
from tests.sources.conftest import NETWORK, StandIn, request, wanted
from tests.standin import sky

KEY = SecretStr("standin-tns-key")
NAMED = [t for t in sky.transients() if t.tns_name]


@pytest.fixture
def tns(standin: StandIn, tmp_path: Path) -> Any:
    def make(**changes: Any) -> Tns:
        fixed = {
            "bot_id": 12345,
            "bot_name": "standin_bot",
            "api_key": KEY,
            "url": standin.urls["tns"],
            "folder": tmp_path,
            "network": NETWORK,
        }
        return Tns(**(fixed | changes))

    return make


def everyone(offset: float = 0.0) -> pd.DataFrame:
    return wanted(
        *(
            {
                "candidate_id": f"C{t.number}",
                "ra": t.ra + offset,
                "dec": t.dec,
                "aliases": (t.ztf_id,),
            }
            for t in sky.transients()
        )
    )


def reported(now: float) -> dict[str, sky.Transient]:
    """Names that TNS knows before the running hour."""
    done = math.floor(now * 24.0) / 24.0
    return {t.tns_name: t for t in NAMED if t.t_peak - 3.0 < done}


def files(standin: StandIn) -> list[str]:
    return [q["path"].rpartition("objects")[2].removesuffix(".csv.zip") for q in standin.log("tns")]


# -- the source -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_whole_table_comes_once_and_then_the_changes(standin, tns, tmp_path):
    """First the whole, then the hours of today; a day later that day's file, and so on."""
    tns().poll(request(standin.now, wanted=everyone()))
    assert files(standin) == ["", "_00", "_01", "_02"]
    standin.call("forget")
    tns().poll(request(standin.now, wanted=everyone()))
    assert files(standin) == [], "nothing new before the next hour"
    later = standin.now + 1.0
    standin.set_now(later)
    tns().poll(request(later, wanted=everyone()))
    assert files(standin) == ["_20261122", "_00", "_01", "_02"]
    assert Table(tmp_path).complete_until == -math.inf, "nothing is read before it is needed"


def test_every_name_goes_to_its_candidate(standin, tns):
    """With prefix, type and redshift where it is classified; at the candidate's own place."""
    report = tns().poll(request(standin.now, wanted=everyone()))
    assert (report.error, report.problems) == ("", ())
    known = reported(standin.now)
    found = told(report).set_index("object_id")
    assert set(found.index) == set(known)
    classified = 0
    for name, t in known.items():
        row = found.loc[name]
        is_known = bool(t.tns_type) and t.t_peak + 2.0 < math.floor(standin.now * 24) / 24
        classified += is_known
        assert row["name"] == f"{'SN' if is_known else 'AT'} {name}"
        assert row["spectral_type"] == (t.tns_type if is_known else "")
        assert (row["ra"], row["dec"]) == (t.ra, t.dec)
        if is_known:
            assert (row["redshift"], row["redshift_source"]) == (t.redshift, "TNS")
        else:
            assert math.isnan(row["redshift"])
    assert 0 < classified < len(known)


@pytest.mark.slow
def test_a_store_knows_a_candidate_by_the_names_in_tns(standin, tns, store):
    """A supernova that LSST found is asked for by its ZTF name at brokers of ZTF."""
    t = next(iter(reported(standin.now).values()))
    rows = pd.DataFrame(
        [
            {
                "object_id": str(t.lsst_id),
                "survey": "lsst",
                "ra": t.ra,
                "dec": t.dec,
                "known_at": standin.now,
            }
        ]
    )
    store.ingest(Report("x", Outcome.DATA, objects=rows), standin.now)
    table = wanted({"candidate_id": str(t.lsst_id), "ra": t.ra, "dec": t.dec})
    store.ingest(tns().poll(request(standin.now, wanted=table)), standin.now)
    assert (
        store.identities.resolve(t.ztf_id) == store.identities.resolve(t.tns_name) == str(t.lsst_id)
    )
    assert len(store.candidates(standin.now)) == 1


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (", ZTF26aaaaaaa, ATLAS26abc", ("ZTF26aaaaaaa", "ATLAS26abc")),
        ("LSST-P-DO-313000000000000001", ("313000000000000001",)),
        ("PS26x, PS26x, 2026a,", ("PS26x",)),
        ("", ()),
    ],
)
def test_internal_names_are_read(words, names):
    """Commas at either end, doubles, and the object's own name."""
    assert internal_names({"tns_name": "2026a", "tns_internal_names": words}) == names


def test_annotations_say_who_and_what(standin, tns):
    """So that factors can use them."""
    report = tns().poll(request(standin.now, wanted=everyone()))
    table = report.facts.set_index(["object_id", "key"])["value"]
    t = next(t for t in NAMED if t.tns_type and t.t_peak + 3.0 < standin.now)
    assert table[t.tns_name, "tns_classified"] is True
    assert table[t.tns_name, "tns_type"] == t.tns_type
    assert table[t.tns_name, "tns_redshift"] == t.redshift
    assert table[t.tns_name, "tns_reporting_group"] == "ZTF"
    assert table[t.tns_name, "tns_internal_names"] == t.ztf_id
    assert table[t.tns_name, "tns_separation"] == pytest.approx(0.7, abs=0.1)
    young = next(t for t in NAMED if t.tns_name in reported(standin.now) and not t.tns_type)
    assert table[young.tns_name, "tns_classified"] is False
    assert table[young.tns_name, "tns_type"] is None, "what was said before is taken back"


def test_only_changes_are_reported(standin, tns):
    """A classification is; what was told before is not."""
    standin.set_now(standin.now - 5.0)
    first = tns().poll(request(standin.now - 5.0, wanted=everyone()))
    cursor = json.loads(json.dumps(first.cursor))
    again = tns().poll(request(standin.now - 5.0, cursor, wanted=everyone()))
    assert again.outcome is Outcome.EMPTY
    standin.set_now(standin.now)
    later = tns().poll(request(standin.now, cursor, wanted=everyone()))
    new = set(reported(standin.now)) - set(first.objects["object_id"])
    typed = {
        t.tns_name for t in NAMED if t.tns_type and standin.now - 6.0 < t.t_peak + 2.0 < standin.now
    }
    assert set(later.objects["object_id"]) >= new
    assert set(later.objects["object_id"]) <= new | typed


def test_candidates_outside_the_radius_stay_without_a_name(standin, tns):
    """5 arcsec by default."""
    report = tns().poll(request(standin.now, wanted=everyone(offset=20.0 / 3600.0)))
    assert report.outcome is Outcome.EMPTY
    wide = tns(radius=30.0).poll(request(standin.now, wanted=everyone(offset=20.0 / 3600.0)))
    assert len(wide.objects) == len(reported(standin.now))


def test_the_bot_says_who_it_is(standin, tns):
    """Otherwise TNS refuses it."""
    tns().poll(request(standin.now, wanted=everyone()))
    asked = standin.log("tns")[0]
    marker = 'tns_marker{"tns_id":12345,"type":"bot","name":"standin_bot"}'
    assert asked["headers"]["user-agent"] == marker
    assert asked["form"] == {"api_key": "standin-tns-key"}


@pytest.mark.fault("tns", "secret", "a refused key")
def test_a_refused_bot_is_told_without_its_key(standin, tns, caplog):
    """401, and what to check."""
    caplog.set_level("DEBUG")
    source = tns(api_key=SecretStr("wr0ng-key"))
    report = source.poll(request(standin.now, wanted=everyone()))
    assert report.outcome is Outcome.FAILED
    assert "answered 401 Unauthorized" in report.error
    assert "check the account and its token; next try in 30 min" in report.error
    assert "wr0ng-key" not in str(report) + caplog.text + repr(vars(source))


def test_a_failed_update_still_matches_against_the_old_table(standin, tns):
    """Yesterday's names are better than none."""
    tns().poll(request(standin.now, wanted=everyone()))
    standin.fault("tns", "503")
    report = tns().poll(request(standin.now + 1.0, wanted=everyone()))
    assert report.outcome is Outcome.FAILED
    assert "answered 503 Service Unavailable" in report.error
    assert len(report.objects) == len(reported(standin.now))


def test_a_spent_quota_ends_the_update_politely(standin, tns):
    """The headers say that no question is left: the rest of the files comes next time."""
    old = standin.now - 20.0
    standin.set_now(old)
    tns().poll(request(old, wanted=everyone()))
    standin.mend()
    standin.call("state/tns", quota=10)
    own = replace(NETWORK, rate=401.0)  # A rate of its own: the others need not wait with it.
    report = tns(network=own).poll(request(standin.now, wanted=everyone()))
    assert report.error == ""
    assert len(files(standin)) == 10, "the stand-in allows ten questions"
    assert files(standin)[0] == f"_{date_of(old)}"


def test_429_waits_for_the_reset_that_the_headers_name(standin, tns):
    """Sliding window: reset plus one second."""
    standin.fault("tns", "429", wait=40)
    own = replace(NETWORK, rate=402.0)
    report = tns(network=own).poll(request(standin.now, wanted=everyone()))
    assert report.error.endswith("next try in 41 s")
    assert report.retry_at == pytest.approx(standin.now + 41 / 86400)


def test_a_broken_file_is_asked_for_again(standin, tns, tmp_path):
    """What the table covers moves only with what was read."""
    tns().poll(request(standin.now, wanted=everyone()))
    before = loaded(tmp_path).complete_until
    standin.fault("tns", "truncated")
    later = standin.now + 1.0
    standin.set_now(later)
    report = tns().poll(request(later, wanted=everyone()))
    assert (
        "tns_public_objects_20261122.csv.zip cannot be read: it is no zip archive" in report.error
    )
    assert loaded(tmp_path).complete_until == before
    standin.fault("tns", "none")
    assert tns().poll(request(later, wanted=everyone())).error == ""
    assert loaded(tmp_path).complete_until > before + 0.9


def loaded(folder: Path) -> Table:
    table = Table(folder)
    table.load()
    return table


def test_a_table_that_is_too_old_is_fetched_whole(standin, tns):
    """Daily changes are kept for about a month."""
    standin.set_now(standin.now - 40.0)
    tns().poll(request(standin.now - 40.0, wanted=everyone()))
    standin.mend()
    tns().poll(request(standin.now, wanted=everyone()))
    assert files(standin)[0] == ""


def test_a_missing_day_is_made_good_by_the_whole_table(standin, tns, tmp_path):
    """At most once a day."""
    standin.set_now(standin.now - 4.0)
    tns().poll(request(standin.now - 4.0, wanted=everyone()))
    standin.mend()
    standin.fault("tns", "404", path="_2026")
    report = tns().poll(request(standin.now, wanted=everyone()))
    assert "" in files(standin)
    standin.call("forget")
    tns().poll(request(standin.now, report.cursor, wanted=everyone()))
    assert "" not in files(standin)


def test_probe_knows_whether_the_bot_is_known(standin, tns):
    """One cheap question for `check --online`."""
    assert tns().probe().endswith("answers, and knows the bot")
    with pytest.raises(HttpError, match="401"):
        tns(bot_name="nobody").probe()


# -- the table ------------------------------------------------------------------------------------

HEADER = (
    '"objid","name_prefix","name","ra","declination","redshift","typeid","type",'
    '"reporting_groupid","reporting_group","source_groupid","source_group","discoverydate",'
    '"discoverymag","discmagfilter","filter","reporters","time_received","internal_names",'
    '"Discovery_ADS_bibcode","Class_ADS_bibcodes","creationdate","lastmodified"'
)


def line(
    number: int, name: str, *, ra: float = 10.0, kind: str = "", when: str = "2026-11-20"
) -> str:
    values = [
        number,
        "SN" if kind else "AT",
        name,
        ra,
        -5.0,
        0.05 if kind else "",
        3,
        kind,
        48,
        "ZTF",
        48,
        "ZTF",
        "2026-11-18 01:02:03",
        18.5,
        110,
        "r-ZTF",
        "A, B",
        "",
        "ZTF26aaaaaaa, ATLAS26xyz",
        "",
        "",
        "",
        f"{when} 10:00:00",
    ]
    return ",".join(f'"{value}"' for value in values)


def packed(*lines: str, title: str = '"2026-11-20 00:00:00 - 23:59:59"') -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.csv", "\n".join([title, *lines]))
    return out.getvalue()


def silent(what: str) -> None:
    raise AssertionError(what)


def test_a_file_says_what_time_it_covers():
    """A day, an hour, or days."""
    day = read(packed(HEADER, line(1, "2026abc")), silent)
    assert (day.begin, day.end) == pytest.approx((61364.0, 61365.0))
    hour = read(packed(HEADER, title='"2026-11-20 13:00:00 - 13:59:59"'), silent)
    assert (hour.begin, hour.end) == pytest.approx((61364 + 13 / 24, 61364 + 14 / 24))
    both = read(packed(HEADER, title='"2026-11-18 00:00:00 - 2026-11-20 23:59:59"'), silent)
    assert both.begin == pytest.approx(61362.0)
    assert math.isnan(read(packed(HEADER, title="x"), silent).begin)


def test_an_empty_change_is_its_date_line_alone():
    """Pandas alone would raise."""
    assert read(packed(), silent).rows.empty
    assert read(packed(HEADER), silent).rows.empty


def test_rows_that_cannot_be_used_are_counted():
    """Cut short, or without a place."""
    lines: list[str] = []
    bad = line(2, "2026b").replace('"10.0"', '"x"')
    delta = read(packed(HEADER, line(1, "2026a"), '"x"', bad, line(3, "2026c")), lines.append)
    assert delta.rows["name"].tolist() == ["2026a", "2026c"]
    assert lines == ["2 of 4 rows cannot be used (cut short, or without a place)"]


def test_columns_are_found_by_name():
    """TNS may add some; those we need must be there."""
    more = read(packed(f'{HEADER},"new"', f'{line(1, "2026a")},"1"'), silent)
    assert more.rows["name"].tolist() == ["2026a"]
    with pytest.raises(InputError, match="the table lacks the columns internal_names"):
        read(packed(HEADER.replace("internal_names", "other"), line(1, "2026a")), silent)


@pytest.mark.parametrize("content", [b"", b"{}", b"PK\x03\x04 and then nothing"])
def test_what_is_no_archive_is_told(content):
    """An error in JSON, or half a file."""
    with pytest.raises(InputError, match="it is no zip archive"):
        read(content, silent)


def test_changes_replace_and_add(tmp_path):
    """AT becomes SN; the last state of an object counts."""
    table = Table(tmp_path)
    table.replace(read(packed(HEADER, line(1, "2026a"), line(2, "2026b")), silent).rows, 61360.0)
    change = read(
        packed(
            HEADER,
            line(1, "2026a", kind="SN Ia", when="2026-11-21"),
            line(1, "2026a"),
            line(3, "2026c"),
        ),
        silent,
    )
    table.apply(change.rows, 61361.0)
    table.save()
    again = loaded(tmp_path)
    rows = again.rows.set_index("name")
    assert sorted(rows.index) == ["2026a", "2026b", "2026c"]
    assert (rows.loc["2026a", "prefix"], rows.loc["2026a", "type"]) == ("SN", "SN Ia")
    assert again.complete_until == 61361.0
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.fault("tns", "damaged", "a broken local table")
def test_a_broken_table_says_what_to_do(tmp_path):
    """It can always be fetched again."""
    (tmp_path / FILE).write_bytes(b"PAR1 nonsense")
    with pytest.raises(InputError, match=r"is broken .*; delete it, and it is fetched again"):
        loaded(tmp_path)


def table_of(ra: Any, dec: Any, names: Any = None, internal: str = "") -> Table:
    n = len(ra)
    table = Table(Path("nowhere"))
    blank = read(packed(HEADER), silent).rows
    rows = pd.DataFrame(
        {
            "ra": ra,
            "dec": dec,
            "internal_names": internal,
            "name": names or [f"n{k}" for k in range(n)],
        }
    )
    table.replace(pd.concat([blank, rows], ignore_index=True), 0.0)
    return table


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_matches_are_those_of_all_pairs(seed):
    """Against separations of every pair by astropy, at random places, poles and 0 h included."""
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    rng = np.random.default_rng(seed)
    centre_ra, centre_dec = rng.choice([0.0, 359.9999, 120.0]), rng.choice([-89.9995, 0.0, 60.0])
    ra = (centre_ra + rng.normal(0, 0.002, 12) / np.cos(np.radians(centre_dec))) % 360
    dec = np.clip(centre_dec + rng.normal(0, 0.002, 12), -90, 90)
    pairs = table_of(ra[:6], dec[:6]).match(ra[6:], dec[6:], radius=5.0)
    sky_pairs = (
        SkyCoord(ra[6:], dec[6:], unit="deg")[:, None]
        .separation(SkyCoord(ra[:6], dec[:6], unit="deg")[None, :])
        .to_value(u.arcsec)
    )
    assert set(pairs["candidate"]) <= set(np.flatnonzero(sky_pairs.min(axis=1) <= 5.0 + 1e-6))
    for pair in pairs.itertuples():
        expected = sky_pairs[int(pair.candidate), int(pair.row)]
        assert pair.separation == pytest.approx(expected, abs=1e-5)
        assert expected <= 5.0 + 1e-6
    if (sky_pairs <= 5.0).any():
        assert pairs["separation"].min() == pytest.approx(sky_pairs.min(), abs=1e-5)


def test_two_candidates_never_share_a_name_and_none_vanishes():
    """The nearest gets it; the other may get the next one."""
    arcsec = 1.0 / 3600.0
    table = table_of([10.0, 10.0 + 3 * arcsec], [0.0, 0.0], ["2026a", "2026b"])
    ra = np.array([10.0 + 1.0 * arcsec, 10.0 + 0.5 * arcsec])
    pairs = table.match(ra, np.zeros(2), radius=5.0).set_index("candidate")
    assert pairs["row"].to_dict() == {1: 0, 0: 1}


def test_a_name_that_lists_the_candidate_is_preferred():
    """In a crowded field the survey's own name decides, not half an arcsecond."""
    arcsec = 1.0 / 3600.0
    table = table_of([10.0, 10.0 + 2 * arcsec], [0.0, 0.0])
    table.rows["internal_names"] = ["ATLAS26x", "LSST-P-DO-313000000000000001, ZTF26bbbbbbb"]
    ra, dec = np.array([10.0]), np.array([0.0])
    assert table.match(ra, dec, radius=5.0)["row"].tolist() == [0]
    for alias in ("ZTF26bbbbbbb", "313000000000000001"):
        assert table.match(ra, dec, radius=5.0, aliases=[(alias,)])["row"].tolist() == [1]
    assert table.match(ra, dec, radius=5.0, aliases=[("ZTF26",)])["row"].tolist() == [0]


def test_dates_and_facts():
    """File names, and rows without type, redshift or magnitude."""
    assert date_of(61364.99) == "20261120"
    assert mjd_of("2026-11-20 12:00:00") == 61364.5
    row = read(packed(HEADER, line(1, "2026a")), silent).rows.iloc[0].to_dict()
    facts = facts_of(row)
    assert (facts["tns_classified"], facts["tns_discovery_mag"]) == (False, 18.5)
    assert not {"tns_type", "tns_redshift", "tns_class_bibcodes"} & set(facts)
