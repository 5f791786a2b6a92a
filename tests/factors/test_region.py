"""Regions of the sky prefer, exclude or name candidates; transits have their time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.config.load import load
from aas2rto.errors import ConfigError
from aas2rto.factors import Decision
from aas2rto.factors.region import region
from aas2rto.factors.transit_time import transit_time
from aas2rto.sky.regions import positions
from aas2rto.sky.regions.planets import PLANETS
from aas2rto.tables.candidates import unit_vectors

NOW = Time(61374.0, format="mjd")
RA, DEC = positions(np.stack([PLANETS["earth"].axes[0], PLANETS["earth"].pole]))
STARS = pd.DataFrame({"candidate_id": ["inside", "pole"], "ra": RA, "dec": DEC})


def test_what_lies_inside_is_preferred_excluded_or_named() -> None:
    """As `use` says; the reason names the zone."""
    found = region(STARS, NOW, zones=("earth",), use="prefer", value=3.0)
    assert found.value.tolist() == [3.0, 1.0]
    assert found.reason.tolist() == ["in the earth transit zone", "outside the earth transit zone"]
    keep, out = Decision.KEEP, Decision.EXCLUDE
    for use, decisions in (
        ("only", [keep, out]),
        ("exclude", [out, keep]),
        ("name", [keep, keep]),
    ):
        found = region(STARS, NOW, zones=("earth",), use=use)
        assert found.decision.tolist() == decisions
    assert found.value.tolist() == [1.0, 1.0]
    assert list(found.inputs["regions"]) == ["earth transit zone", ""]


def test_overlaps_are_asked_for_by_their_number() -> None:
    """In the Earth's and the disc."""
    found = region(STARS, NOW, zones=("earth",), discs=((RA[0], DEC[0], 1.0),), at_least=2)
    assert found.value.tolist() == [2.0, 1.0]
    assert found.reason.tolist() == [
        f"in the earth transit zone & disc of 1 deg around {RA[0]:.2f} {DEC[0]:+.2f}",
        "in none of 2 regions",
    ]
    mars = region(STARS, NOW, zones=("earth", "mars"), at_least=2)
    assert mars.reason.tolist()[0] == "in the earth transit zone only, of 2 asked for"


def test_an_unknown_position_lies_nowhere() -> None:
    lost = STARS.assign(ra=np.nan)
    found = region(lost, NOW, zones=("earth",), use="only")
    assert found.decision.tolist() == [Decision.EXCLUDE] * 2
    assert found.reason.tolist() == ["its position is not known"] * 2


def test_files_are_regions(tmp_path: Path) -> None:
    """A MOC that is written anew is read anew."""
    pytest.importorskip("mocpy", reason="mocpy is not installed")
    from aas2rto.sky.regions import coverage
    from aas2rto.sky.regions.shapes import Disc

    path = tmp_path / "here.fits"
    for star, inside in ((0, [2.0, 1.0]), (1, [1.0, 2.0])):
        coverage.of_region(Disc(RA[star], DEC[star], 2), 8).write(path)
        assert region(STARS, NOW, moc=(str(path),)).value.tolist() == inside


def written(tmp_path: Path, settings: str) -> Path:
    path = tmp_path / "case.yaml"
    path.write_text(
        f"project: zones\nobservatories: [la_palma_not]\nscore: {{factors: [{settings}]}}\n"
    )
    return path


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("region: {zones: [erth]}", "no planet is called 'erth'"),
        ("region: {}", "names no region"),
        ("region: {zones: [earth], at_least: 2}", "at_least: 2 of 1 regions can never be"),
        ("region: {discs: [[1 deg, 2 deg, -3 deg]]}", "greater than 0"),
        ("region: {discs: [[1, 2, 3]]}", "needs a unit"),
        ("region: {polygons: [[[1 deg, 2 deg], [3 deg, 4 deg]]]}", "number 1: a polygon has at"),
        ("transit_time: {planet: pluto}", "no planet is called 'pluto'"),
    ],
)
def test_wrong_regions_are_told_when_the_config_loads(
    tmp_path: Path, settings: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        load(written(tmp_path, settings))


def test_two_regions_have_two_columns(tmp_path: Path) -> None:
    settings = "region: {name: a, zones: [earth]}}, {region: {name: b, zones: [mars]}"
    path = tmp_path / "case.yaml"
    path.write_text(
        f"project: z\nobservatories: [la_palma_not]\nscore: {{factors: [{{{settings}}}]}}\n"
    )
    assert [part.name for part in load(path).factors] == ["a", "b"]


def test_a_transit_counts_in_its_window() -> None:
    """Five days before and after; outside of the zone never."""
    (when,) = PLANETS["earth"].next_transits(unit_vectors(RA[:1], DEC[:1]), NOW.mjd)
    for days, value, told in (
        (-4.0, 2.0, "sees earth transit the Sun in 4.0 d, on"),
        (4.0, 2.0, "sees earth transit the Sun 4.0 d ago, on"),
        (-6.0, 1.0, "sees earth transit the Sun in 6.0 d, on"),
    ):
        found = transit_time(STARS, Time(when + days, format="mjd"))
        assert found.value.tolist() == [value, 1.0]
        assert found.reason.tolist()[0].startswith(told)
    assert found.reason.tolist()[1] == "90.00 deg from the plane of earth's orbit: no transit"
    out = transit_time(STARS, Time(when - 6, format="mjd"), outside="exclude")
    assert out.decision.tolist() == [Decision.EXCLUDE] * 2
