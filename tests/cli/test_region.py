"""`aas2rto region` lists, shows, measures, writes and draws regions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def test_zones_are_listed(aas2rto: Cli) -> None:
    said = aas2rto("region", "list", "--json")
    assert said.code == 0
    rows = {row["zone"]: row for row in json.loads(said.out)}
    assert rows["earth"] == {
        "zone": "earth",
        "width_deg": 0.52802,
        "pole_ra": 270.0,
        "pole_dec": 66.5607,
        "area_deg2": 190.09,
    }
    assert "mercury  1.37187" in aas2rto("region", "list").out


@pytest.mark.slow
def test_pairs_and_triples_are_listed(aas2rto: Cli) -> None:
    for options, count in ((["--size", "2"], 28), (["--size", "3", "--eccentric"], 8)):
        said = aas2rto("region", "list", *options, "--json")
        assert len(json.loads(said.out)) == count


def test_a_position_is_shown(aas2rto: Cli) -> None:
    """As people write it, with the next transit of each planet."""
    place = ("--ra", "08:51:18", "--dec", "17.5", "--at", "2026-11-30", "--disc", "133,17,2")
    said = aas2rto("region", "show", *place, "--json")
    rows = {row["region"]: row for row in json.loads(said.out)}
    assert len(rows) == 9
    assert rows["earth transit zone"]["inside"]
    assert rows["earth transit zone"]["next_transit"].startswith("2027-01-30")
    assert rows["disc of 2 deg around 133.00 +17.00"] == {
        "region": "disc of 2 deg around 133.00 +17.00",
        "inside": True,
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["area"], "no region: name one, such as --zone earth"),
        (["area", "--zone", "venis"], "no planet is called 'venis'; did you mean 'venus'?"),
        (["area", "--disc", "1,2"], "'1,2' is no disc"),
        (["area", "--zone", "earth", "--credible", "90"], "--credible: 90 is no share"),
        (["moc", "x.fits", "--zone", "earth", "--overlap"], "--overlap needs two or more --zone"),
    ],
)
def test_mistakes_are_said_in_one_line(aas2rto: Cli, words: list[str], told: str) -> None:
    said = aas2rto("region", *words)
    assert said.code == 2
    assert told in said.err


def test_a_moc_is_written_and_measured(aas2rto: Cli, tmp_path: Path) -> None:
    pytest.importorskip("mocpy", reason="mocpy is not installed")
    path = tmp_path / "both.fits"
    zones = ("--zone", "earth", "--zone", "mars", "--overlap", "--order", "11")
    said = aas2rto("region", "moc", path, *zones)
    assert said.code == 0, said.err
    (row,) = json.loads(aas2rto("region", "area", "--moc", path, "--json").out)
    assert row["order"] == 11
    assert row["area_deg2"] == pytest.approx(11.44, abs=0.1)


@pytest.mark.slow
def test_the_zones_are_drawn(aas2rto: Cli, tmp_path: Path) -> None:
    path = tmp_path / "zones.png"
    assert aas2rto("region", "figure", path).code == 0
    assert path.read_bytes().startswith(b"\x89PNG")
