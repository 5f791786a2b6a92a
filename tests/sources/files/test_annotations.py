"""Annotations of brokers in tables: kept under the names of their own sources, with their times."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from aas2rto.sources.archive import Archive
from aas2rto.sources.files import light_curve_table
from aas2rto.tables.report import PollRequest

TABLE = pd.DataFrame(
    {
        "object_id": ["a", "a", "a", "b"],
        "ra": 10.0,
        "dec": [1.0, 1.0, 1.0, 2.0],
        "known_at": [61000.0, 61001.0, 61002.0, 61000.5],
        "fink_snn_sn_vs_all": [0.2, 0.9, 0.9, None],
        "alerce_probability": [0.7, None, None, 0.4],
        "fink_clf_earlySNIa_score": ["0.5", "", "", "0.25"],
        "lasair_comment": ["bright", "", "", "7"],
    }
)


def told(table: pd.DataFrame, **times: float) -> dict[tuple[str, str, float], object]:
    found = light_curve_table.contents(table, **times)
    return {(name, key, at): value for name, key, value, at, _ in found.facts}


def test_numbers_are_numbers_and_words_are_words() -> None:
    """A fact for each time that it changes; capital letters of a name stay."""
    facts = told(TABLE)
    assert facts["a", "fink_snn_sn_vs_all", 61000.0] == 0.2
    assert facts["a", "fink_snn_sn_vs_all", 61001.0] == 0.9
    assert ("a", "fink_snn_sn_vs_all", 61002.0) not in facts
    assert ("b", "fink_snn_sn_vs_all", 61000.5) not in facts
    assert facts["b", "fink_clf_earlySNIa_score", 61000.5] == 0.25
    assert facts["a", "lasair_comment", 61000.0] == "bright"
    assert facts["b", "lasair_comment", 61000.5] == "7"


def test_what_is_said_later_is_not_known_yet() -> None:
    """Rows later than now wait."""
    facts = told(TABLE, now=61000.7)
    assert ("a", "fink_snn_sn_vs_all", 61001.0) not in facts
    assert facts["b", "alerce_probability", 61000.5] == 0.4


def test_they_are_read_from_parquet(tmp_path: Path) -> None:
    """Where only the columns that are understood are taken out of the file."""
    TABLE.to_parquet(tmp_path / "facts.parquet")
    report = Archive(paths=(str(tmp_path),)).poll(PollRequest(now=62000.0))
    assert report.problems == ()
    keys = set(report.facts["key"])
    assert {"fink_snn_sn_vs_all", "fink_clf_earlySNIa_score", "lasair_comment"} <= keys


def test_a_column_that_looks_like_a_flux_is_no_measurement() -> None:
    """An annotation named so is not said to be unused."""
    rows = pd.DataFrame(
        {
            "object_id": "a",
            "ra": 1.0,
            "dec": 2.0,
            "mjd": [61000.0],
            "band": "ztfg",
            "mag": [18.0],
            "magerr": [0.1],
            "lasair_maxmag": [17.5],
        }
    )
    found = light_curve_table.contents(rows)
    assert not any("not used" in line for line in found.problems)
    assert [fact[1:3] for fact in found.facts] == [("lasair_maxmag", 17.5)]
