"""Light curves of data releases: IPAC, CSV and both Parquet layouts, joined by position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from aas2rto.errors import InputError
from aas2rto.sources.files import data_release
from aas2rto.sources.ztf_history import ZtfHistory
from aas2rto.store import Store
from aas2rto.tables.report import HISTORY_COLUMNS, Outcome, PollRequest
from aas2rto.tables.total import ALERT, HISTORY, magnitudes
from tests.shared import DATA

POINTS = pd.DataFrame(
    {
        "oid": [7, 7, 7, 8],
        "hjd": [2458300.504, 2458301.504, 2458302.504, 2458300.504],
        "mjd": [58300.0, 58301.0, 58302.0, 58300.0],
        "mag": [15.0, 15.1, 15.2, 14.5],
        "magerr": [0.02, 0.02, 0.02, 0.01],
        "catflags": [0, 32768, 0, 0],
        "filtercode": ["zg", "zg", "zg", "zr"],
        "ra": [150.1, 150.1, 150.1, 150.10005],
        "dec": [2.2, 2.2, 2.2, 2.2],
    }
)


def write(path: Path) -> Path:
    """Write the points in the layout that the file's name says."""
    if path.name.startswith("bulk"):
        bulk = POINTS.rename(
            columns={"oid": "objectid", "ra": "objra", "dec": "objdec", "mjd": "hmjd"}
        )
        bulk["filterid"] = bulk.pop("filtercode").map({"zg": 1, "zr": 2})
        lists = ["hmjd", "mag", "magerr", "catflags"]
        keys = ["objectid", "filterid", "objra", "objdec"]
        bulk.drop(columns="hjd").groupby(keys)[lists].agg(list).reset_index().to_parquet(path)
    elif path.suffix == ".parquet":
        POINTS.to_parquet(path)
    elif path.suffix == ".tbl":
        Table.from_pandas(POINTS).write(path, format="ascii.ipac")
    else:
        POINTS.to_csv(path, index=False)
    return path


def poll(source: ZtfHistory, cursor: dict[str, object] | None = None):  # type: ignore[no-untyped-def]
    return source.poll(PollRequest(61000.0, cursor or {}))


@pytest.mark.parametrize("name", ["irsa.tbl", "irsa.csv", "points.parquet", "bulk.parquet"])
def test_each_layout_says_the_same(tmp_path: Path, name: str) -> None:
    """Without the point that the release flags as bad."""
    source = ZtfHistory(paths=(str(write(tmp_path / name)),))
    report = poll(source)
    assert (report.outcome, report.problems) == (Outcome.DATA, ())
    table = report.histories
    assert list(table) == list(HISTORY_COLUMNS)
    assert table["curve_id"].tolist() == ["7:ztfg", "7:ztfg", "8:ztfr"]
    assert table["band"].tolist() == ["ztfg", "ztfg", "ztfr"]
    np.testing.assert_allclose(table["mjd"], [58300, 58302, 58300])
    np.testing.assert_allclose(table["mag"], [15.0, 15.2, 14.5])
    assert poll(source, dict(report.cursor)).outcome is Outcome.EMPTY


def test_a_table_of_positions_belongs_to_one_of_points(tmp_path: Path) -> None:
    """As the light curves of a field and its list of objects are."""
    POINTS.drop(columns=["ra", "dec", "filtercode"]).to_parquet(tmp_path / "points.parquet")
    places = POINTS[["oid", "filtercode", "ra", "dec"]].drop_duplicates("oid")
    places.rename(columns={"ra": "objra", "dec": "objdec"}).to_parquet(tmp_path / "objects.parquet")
    found = poll(ZtfHistory(paths=(str(tmp_path),))).histories
    assert found["band"].tolist() == ["ztfg", "ztfg", "ztfr"]
    np.testing.assert_allclose(found["ra"], [150.1, 150.1, 150.10005])


def test_an_archive_of_transients_refuses_it(tmp_path: Path) -> None:
    """A star's total brightness is no supernova; the line says where it belongs."""
    from tests.sources.archive_files import poll as poll_archive

    report = poll_archive(write(tmp_path / "irsa.csv"))
    assert report.outcome is Outcome.FAILED
    assert "as `ztf_history: {paths: [...]}`" in report.error
    assert report.photometry.empty


def test_what_is_no_light_curve_is_said(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="is no light curve of a ZTF data release"):
        data_release.read(path)
    report = poll(ZtfHistory(paths=(str(path), str(write(tmp_path / "irsa.csv")))))
    assert report.outcome is Outcome.DATA
    assert len(report.problems) == 1
    report = poll(ZtfHistory(paths=(str(tmp_path / "nothing"),)))
    assert (report.outcome, "no such file" in report.error) == (Outcome.FAILED, True)


def test_curves_are_joined_within_an_arcsecond(tmp_path: Path) -> None:
    """Whichever came first; they enter no photometry, and a longer release replaces a shorter."""
    from tests.conftest import make_objects, make_report

    report = poll(ZtfHistory(paths=(str(write(tmp_path / "irsa.csv")),)))
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        told = store.ingest(report, 61000.0)
        assert told.notes == ("ztf_history: 2 light curves of a data release",)
        near = make_objects("near").assign(ra=150.1, dec=2.2 + 0.9 / 3600)
        far = make_objects("far").assign(ra=150.1, dec=2.2 + 6.1 / 3600)
        store.ingest(make_report(pd.concat([near, far], ignore_index=True)), 61000.0)
        held = store.candidates(62000.0)
        totals = store.histories.of(held, 62000.0)
        table = totals.table(["near", "far"])
        assert table["candidate_id"].tolist() == ["near"] * 3
        assert set(table["kind"]) == {HISTORY}
        np.testing.assert_allclose(np.sort(magnitudes(table)[0]), [14.5, 15.0, 15.2])
        assert store.photometry.of(held).empty
        assert totals.content(held["candidate_id"])[held["candidate_id"] == "far"] == 0
        early = store.histories.of(held, 58301.0).table(["near"])
        assert len(early) == 2  # what was measured later is not known yet
        before = totals.content(held["candidate_id"]).tolist()
        longer = report.histories.assign(mjd=report.histories["mjd"] + 0.25)
        store.ingest(type(report)("ztf_history", Outcome.DATA, histories=longer), 61001.0)
        after = store.histories.of(store.candidates(62000.0), 62000.0)
        assert after.content(held["candidate_id"]).tolist() != before


def test_alerts_and_history_come_together(tmp_path: Path) -> None:
    """An alert whose template is known is total brightness; its negative flux is no bad one."""
    from aas2rto.sources.packets.batch import ztf
    from aas2rto.tables.report import Report
    from tests.sources.alerts import ztf_alert, ztf_candidate

    alerts = [
        ztf_alert(
            candidate=ztf_candidate(
                candid=1000 + k,
                jd=2460600.5 + k,
                isdiffpos="f",
                magpsf=17.0,
                sigmapsf=0.05,
                magnr=15.0,
                sigmagnr=0.01,
                distnr=0.2,
                rb=rb,
            ),
            prv_candidates=[],
        )
        for k, rb in enumerate([0.9, 0.9, 0.1])
    ]
    made = ztf(alerts)
    report = Report("archive", Outcome.DATA, made.objects, made.photometry, made.facts)
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        store.ingest(report, 61200.0)
        store.ingest(report, 61200.0)  # twice: no error, no double
        store.ingest(poll(ZtfHistory(paths=(str(write(tmp_path / "irsa.csv")),))), 61200.0)
        held = store.candidates(61300.0)
        table = store.histories.of(held, 61300.0).table(held["candidate_id"].tolist())
        alerts_of = table[table["kind"] == ALERT]
        # The third is called bad by ZTF itself.
        np.testing.assert_allclose(magnitudes(alerts_of)[0], [15.18735] * 2, atol=1e-5)
        assert (alerts_of["difference"] < 0).all()
        assert len(table) == 5


@pytest.mark.real_data
@pytest.mark.slow
def test_real_releases_are_read() -> None:
    """The quiet stars of a field, in two tables, and stars around supernovae."""
    field = [
        str(DATA / f"ztf_dr5_field250_zg_{what}.parquet") for what in ("lightcurves", "objects")
    ]
    found = poll(ZtfHistory(paths=tuple(field))).histories
    assert found["curve_id"].nunique() > 1500
    assert set(found["band"]) == {"ztfg"}
    assert found.groupby("curve_id")["ra"].nunique().max() == 1
    stars = poll(ZtfHistory(paths=(str(DATA / "ztf_dr_bts_positions.parquet"),))).histories
    assert set(stars["band"]) == {"ztfg", "ztfr", "ztfi"}
    assert len(stars) > 100_000
