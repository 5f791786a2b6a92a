"""`aas2rto crossings`: a watch list with parallaxes becomes a list of dates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

CONFIG = """\
project: ellipsoid
sources: {too: {folder: too}}
score: {factors: [seti_ellipsoid: {event: sn1987a}]}
observatories: [la_palma_not]
"""
STARS = """\
name,ra,dec,parallax,parallax_error
TRAPPIST-1,346.6224,-5.0414,80.45,0.06
Vega,279.2347,38.7837,130.2,0.36
no parallax,10,10,,
"""
START = "2026-01-01"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "too").mkdir()
    (tmp_path / "case.yaml").write_text(CONFIG)
    (tmp_path / "stars.csv").write_text(STARS)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_a_watch_list_is_taken_with_its_distances(aas2rto: Cli) -> None:
    """What was imported is asked for by the project, and by the factor."""
    said = aas2rto("targets", "import", "case.yaml", "stars.csv", "--as", "watch", "--now", START)
    assert said.code == 0, said.err
    said = aas2rto("crossings", "case.yaml", "--days", "100", "--now", START, "--json")
    assert said.code == 0, said.err
    (row,) = json.loads(said.out)
    assert (row["star"], row["event"]) == ("TRAPPIST-1", "sn1987a")
    assert row["days"] == pytest.approx(58, abs=2)  # 2026.16
    assert row["chance"] > 0.9
    said = aas2rto("explain", "case.yaml", "TRAPPIST-1", "--now", "2026-02-20")
    assert "crosses the ellipsoid of SN1987A in 2026.16 +- 0.03" in said.out + said.err


@pytest.mark.usefixtures("folder")
def test_a_list_needs_no_store(aas2rto: Cli) -> None:
    said = aas2rto(
        "crossings", "case.yaml", "--stars", "stars.csv", "--days", "3650", "--now", START
    )
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0].startswith("2026-02-")
    assert "Vega  sn1987a  7.68 pc" in lines[1]
    assert lines[-1] == "2 crossings in 3650 d, of 3 stars and 1 event"


@pytest.mark.usefixtures("folder")
def test_without_a_store_it_is_said(aas2rto: Cli) -> None:
    said = aas2rto("crossings", "case.yaml")
    assert said.code == 2
    assert "there is no store" in said.err
