"""The demo's night: the same code and files as `aas2rto simulate`, and worth looking at."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.simulate import archive_files, demo
from aas2rto.sources.archive import Archive
from aas2rto.tables.report import PollRequest

NOW = Time(demo.NIGHT).mjd


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    assert demo.prepare(folder, NOW) > 100
    return folder


def archive_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "archive").iterdir()}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_night(night: Path, tmp_path: Path) -> None:
    demo.prepare(tmp_path / "again", NOW)
    assert archive_of(tmp_path / "again") == archive_of(night)
    demo.prepare(tmp_path / "other", NOW, seed=7)
    assert archive_of(tmp_path / "other") != archive_of(night)


def test_the_archive_source_reads_what_was_known_by_then(night: Path) -> None:
    """And what is in it is what the truth knows."""
    report = Archive(paths=(str(night / archive_files.ARCHIVE),)).poll(PollRequest(NOW))
    truth = pd.read_parquet(night / archive_files.TRUTH).set_index("id")
    assert set(report.objects["object_id"]) == set(truth.index)
    assert (report.photometry["known_at"] <= NOW).all()
    types = truth["type"].value_counts()
    assert types["SN Ia"] > 20
    assert len(types) >= 5


def test_some_are_near_their_peak_and_bright(night: Path) -> None:
    """There is something to decide."""
    truth = pd.read_parquet(night / archive_files.TRUTH)
    good = (truth["type"] == "SN Ia") & ((truth["peak_mjd"] - NOW).abs() < 5)
    assert (good & (truth["peak_mag"] < 18.5)).sum() >= 3


def test_what_lay_there_before_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "store.sqlite").touch()
    demo.prepare(folder, NOW)
    assert not (folder / "store.sqlite").exists()
    assert (folder / "too_targets" / "GRB260320A.txt").exists()
