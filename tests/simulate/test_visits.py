"""Visits from files: OpSim's tables in three formats, and what is wrong with others."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aas2rto.errors import InputError
from aas2rto.simulate.visits import Visits, latencies, read_visits
from aas2rto.tables.candidates import unit_vectors
from tests.shared import DATA

OPSIM = pd.DataFrame(
    {
        "observationStartMJD": [60300.2, 60300.1, 60310.3, 60290.0],
        "fieldRA": [10.0, 10.5, 200.0, 10.0],
        "fieldDec": [-30.0, -30.2, 5.0, -30.0],
        "filter": ["r", "g", "y", "u"],
        "fiveSigmaDepth": [24.3, 24.6, 22.2, 23.7],
    }
)


def read(path: Path, *, survey: str = "lsst", between=(60295.0, 60400.0)) -> Visits:
    rng = np.random.default_rng(0)
    return read_visits(path, survey=survey, between=between, radius=1.75, rng=rng, latency=5.0)


def written(folder: Path, kind: str, table: pd.DataFrame = OPSIM) -> Path:
    path = folder / f"visits.{kind}"
    if kind == "parquet":
        table.to_parquet(path)
    elif kind == "csv":
        table.to_csv(path, index=False)
    else:
        with sqlite3.connect(path) as file:
            table.to_sql("observations", file, index=False)
        file.close()
    return path


@pytest.mark.parametrize("kind", ["parquet", "db", "csv"])
def test_opsim_tables_are_read_in_any_format(tmp_path: Path, kind: str) -> None:
    """Sorted by time, cut to the dates, bands under our names."""
    visits = read(written(tmp_path, kind))
    assert visits.mjd.tolist() == [60300.1, 60300.2, 60310.3]
    assert [visits.bands[band] for band in visits.band] == ["lsstg", "lsstr", "lssty"]
    assert visits.depth.tolist() == [24.6, 24.3, 22.2]


def test_positions_are_found_in_the_field_of_view(tmp_path: Path) -> None:
    """Within the radius and the time; across 0 h, too."""
    table = OPSIM.assign(fieldRA=[359.9, 0.4, 200.0, 0.0])
    visits = read(written(tmp_path, "csv", table))
    ra, dec = np.array([0.2, 200.0, 90.0]), np.array([-30.1, 6.7, 0.0])
    owner, visit = visits.pairs(ra, dec, np.full(3, 60300.15), np.full(3, 60400.0))
    assert owner.tolist() == [0, 1]
    assert visits.mjd[visit].tolist() == [60300.2, 60310.3]


@pytest.mark.fault("CSV, JSON, FITS", "damaged", "visits without columns")
def test_a_file_without_columns_says_which(tmp_path: Path) -> None:
    """All that miss, how they may be called, and what is there."""
    path = written(tmp_path, "csv", OPSIM.drop(columns=["filter", "fiveSigmaDepth"]))
    with pytest.raises(InputError, match=r"misses band \(filter, band\), depth \(fiveSigmaDepth"):
        read(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PAR1 and nothing else", "cannot be read as Parquet"),
        (b"SQLite format 3\x00 broken", "cannot be read as Parquet, SQLite"),
        (b"", "cannot be read as Parquet"),
    ],
)
def test_a_damaged_file_costs_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    """Whatever a library raises."""
    path = tmp_path / "visits.db"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as found:
        read(path)
    assert "\n" not in str(found.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(InputError, match="cannot be opened"):
        read(tmp_path / "none.db")


def test_dates_outside_say_what_is_covered(tmp_path: Path) -> None:
    """So that the next try is right."""
    with pytest.raises(InputError, match="covers 2023-12-12 to 2024-01-01"):
        read(written(tmp_path, "csv"), between=(61000.0, 61100.0))


def test_rows_that_cannot_be_used_are_left_out(tmp_path: Path) -> None:
    """Bands of another survey, and depths that are none; a file of such alone is refused."""
    visits = read(written(tmp_path, "csv"), survey="ztf")
    assert [visits.bands[band] for band in visits.band] == ["ztfg", "ztfr"]
    with pytest.raises(InputError, match="none of its 4 visits can be used"):
        read(written(tmp_path, "csv", OPSIM.assign(fiveSigmaDepth="deep")))


def test_latencies_are_minutes_to_hours() -> None:
    """Median as asked for, never instant, never longer than eight hours."""
    drawn = latencies(np.random.default_rng(1), 100_000, 15.0) * 1440
    assert np.median(drawn) == pytest.approx(15.0, rel=0.02)
    assert drawn.min() >= 2.0
    assert drawn.max() <= 480.0
    assert (drawn > 30.0).mean() == pytest.approx(0.16, abs=0.01)


@pytest.mark.real_data
def test_a_position_is_seen_as_often_as_the_baseline_says() -> None:
    """Pairs of the first year of LSST are those of plain angles, counted one by one."""
    visits = read(DATA / "baseline_v2.0_1yr.parquet", between=(60218.0, 60600.0))
    assert len(visits) > 200_000
    ra, dec = np.array([30.0, 150.0]), np.array([-20.0, -45.0])
    owner, _ = visits.pairs(ra, dec, np.full(2, 60218.0), np.full(2, 60400.0))
    for k in range(2):
        cosine = (
            unit_vectors(visits.ra, visits.dec) @ unit_vectors(ra[k : k + 1], dec[k : k + 1])[0]
        )
        near = np.degrees(np.arccos(np.clip(cosine, -1, 1))) <= 1.75
        expected = np.flatnonzero(near & (visits.mjd <= 60400.0))
        assert abs(len(expected) - (owner == k).sum()) <= 1
        assert len(expected) > 20
