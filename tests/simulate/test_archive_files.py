"""A simulated survey on disk, and how the archive source reads it back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aas2rto.errors import Aas2rtoError, UsageError
from aas2rto.simulate import archive_files
from aas2rto.simulate.observe import FORCED, LIMIT
from aas2rto.simulate.survey import Simulation
from aas2rto.sources.archive import Archive
from aas2rto.tables.report import Outcome, PollRequest, Report
from tests.simulate.conftest import END


@pytest.fixture(scope="module")
def folder(tmp_path_factory, small_survey: Simulation) -> Path:
    place = tmp_path_factory.mktemp("simulated") / "survey"
    archive_files.prepare(place)
    archive_files.write(place, small_survey, {"seed": 3})
    return place


def poll(place: Path, now: float, cursor: dict | None = None) -> Report:
    source = Archive(paths=(str(place),))
    return source.poll(PollRequest(now=now, cursor=cursor or {}, deadline=600))


def test_every_measurement_comes_back(folder: Path, small_survey: Simulation) -> None:
    """Row by row: object, time, band, flux, error, limit, and when it was known."""
    report = poll(folder / "archive", END + 1)
    assert report.outcome is Outcome.DATA
    assert report.problems == ()
    rows, ids = small_survey.rows, small_survey.objects["id"].to_numpy()
    ours = pd.DataFrame(
        {
            "candidate_id": ids[rows.owner],
            "mjd": rows.mjd.round(6),
            "band": np.array(small_survey.bands)[rows.band],
            "known_at": rows.known_at.round(6),
            "flux": rows.flux,
            "flux_err": rows.flux_err,
            "limit": rows.limit,
            "forced": rows.kind == FORCED,
        }
    )
    read = report.photometry.assign(
        forced=report.photometry["measurement_id"].str.startswith("forced:")
    )
    by = ["candidate_id", "mjd", "band", "known_at", "forced"]
    ours = ours.sort_values(by, ignore_index=True)
    read = read.sort_values(by, ignore_index=True)
    assert len(read) == len(ours)
    for name in by:
        assert (read[name].to_numpy() == ours[name].to_numpy()).all(), name
    for name in ("flux", "flux_err", "limit"):
        np.testing.assert_allclose(read[name], ours[name], rtol=1e-6)
    assert set(read["survey"]) == {"ztf"}
    keys = read[["candidate_id", "survey", "measurement_id"]]
    assert not keys.duplicated().any()


def test_kinds_are_those_of_the_survey(folder: Path, small_survey: Simulation) -> None:
    """Limits are limits; alerts count as detections unless negative or flagged."""
    read = poll(folder / "archive", END + 1).photometry
    rows = small_survey.rows
    assert (read["flux"].isna()).sum() == (rows.kind == LIMIT).sum()
    assert (read.loc[read["flux"].isna(), "kind"] == "limit").all()
    alerts = read[read["measurement_id"].str.startswith("table:")]
    assert (alerts.loc[alerts["flux"] < 0, "kind"] == "suspect").all()
    flagged = (alerts["why"] == "badquality").sum()
    assert flagged == rows.bad.sum() > 0
    assert (alerts["kind"] == "detection").mean() > 0.8


def test_objects_and_facts_come_back(folder: Path, small_survey: Simulation) -> None:
    """Positions, and every fact with its time."""
    report = poll(folder / "archive", END + 1)
    objects = report.objects.set_index("object_id")
    truth = small_survey.objects.set_index("id")
    assert set(objects.index) == set(truth.index)
    np.testing.assert_allclose(objects["ra"], truth.loc[objects.index, "ra"], atol=1e-6)
    np.testing.assert_allclose(objects["dec"], truth.loc[objects.index, "dec"], atol=1e-6)
    np.testing.assert_allclose(
        objects["known_at"], truth.loc[objects.index, "first_alert"], atol=2e-6
    )
    ids = small_survey.objects["id"].to_numpy()
    names = {"tns_name": "name"}
    for column in small_survey.facts.columns.difference(["owner", "known_at"]):
        told = small_survey.facts[small_survey.facts[column].notna()]
        expected = {
            (ids[owner], round(at, 6)): value
            for owner, at, value in told[["owner", "known_at", column]].itertuples(index=False)
        }
        found = report.facts[report.facts["key"] == names.get(column, column)]
        got = {(row.object_id, round(row.known_at, 6)): row.value for row in found.itertuples()}
        if column == "tns_name":  # told again with the type; a fact only when it changes
            assert set(got) <= set(expected)
            assert {key[0] for key in got} == {key[0] for key in expected}
        else:
            assert got == expected, column


def test_a_poll_knows_nothing_of_the_future(folder: Path, small_survey: Simulation) -> None:
    """Cut anywhere; and what polls bring night after night is all there is, each row once."""
    cursor: dict = {}
    seen = []
    rows = small_survey.rows
    for now in (61100.3, 61117.25, 61118.25, END + 1):
        report = poll(folder / "archive", now, cursor)
        assert (report.photometry["known_at"] <= now).all()
        assert (report.facts["known_at"] <= now).all()
        seen.append(report.photometry)
        cursor = dict(report.cursor)
        total = sum(map(len, seen))
        assert total == (rows.known_at.round(6) <= now).sum()
    together = pd.concat(seen)
    assert not together.duplicated(["candidate_id", "survey", "measurement_id"]).any()


@pytest.mark.fault("Parquet", "forged", "truth of a simulation in an archive")
def test_the_truth_is_out_of_reach(folder: Path) -> None:
    """Given the whole folder, the archive in it is read; given the truth, it is refused."""
    report = poll(folder, END + 1)
    assert report.problems == ()
    assert len(report.photometry) == len(poll(folder / "archive", END + 1).photometry)
    classified = report.facts[report.facts["key"] == "spectral_type"]["object_id"].nunique()
    assert classified < 0.2 * len(report.objects)
    refused = poll(folder / "truth.parquet", END + 1)
    assert refused.outcome is Outcome.FAILED
    assert "truth of a simulation, which no night can know" in refused.error
    assert refused.facts.empty


def test_truth_and_provenance_are_beside_it(folder: Path, small_survey: Simulation) -> None:
    """The columns that a replay reads; counts that add up."""
    truth = pd.read_parquet(folder / "truth.parquet")
    assert {"id", "type", "peak_mjd", "peak_mag", "redshift", "ra", "dec"} <= set(truth)
    assert truth[["peak_mjd", "peak_mag"]].notna().all().all()
    told = json.loads((folder / "simulate.json").read_text())
    assert told["seed"] == 3
    assert told["counts"]["objects"] == len(truth)
    assert told["counts"]["measurements"] == len(small_survey.rows)


def test_a_second_simulation_replaces_the_first(tmp_path: Path, small_survey: Simulation) -> None:
    """No month of the old one stays."""
    archive_files.prepare(tmp_path / "again")
    archive_files.write(tmp_path / "again", small_survey, {})
    stale = tmp_path / "again" / "archive" / "light_curves_1999-01.parquet"
    stale.write_bytes(b"old")
    archive_files.prepare(tmp_path / "again")
    assert list((tmp_path / "again" / "archive").iterdir()) == []


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    """It may be somebody's data."""
    (tmp_path / "mine.csv").write_text("a,b\n")
    with pytest.raises(UsageError, match="is not empty and holds no simulation"):
        archive_files.prepare(tmp_path)
    assert (tmp_path / "mine.csv").exists()


@pytest.mark.fault("results", "gone", "folder of a simulation")
def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """Such as below a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        archive_files.prepare(tmp_path / "file" / "survey")


@pytest.mark.fault("results", "gone", "archive of a simulation while it is written")
def test_a_folder_that_goes_while_it_is_written_is_said(
    tmp_path: Path, small_survey: Simulation
) -> None:
    """In one line, and nothing there calls itself a simulation."""
    archive_files.prepare(tmp_path / "sim")
    (tmp_path / "sim" / "archive").rmdir()
    (tmp_path / "sim" / "archive").write_text("in the way")
    with pytest.raises(Aas2rtoError, match="cannot be written"):
        archive_files.write(tmp_path / "sim", small_survey, {})
    assert json.loads((tmp_path / "sim" / "simulate.json").read_text())["state"] == "being written"
