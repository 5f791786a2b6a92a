"""Who else looks tonight: what is announced lowers a factor, and what is not known says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.errors import InputError
from aas2rto.factors import Decision, Factor
from aas2rto.factors.covered_tonight import covered_tonight
from aas2rto.sky.schedules.folder import RUBIN_FILE, ztf_file
from aas2rto.sky.schedules.looks import RUBIN, ZTF, looks
from aas2rto.sky.schedules.pointings import bands_of, read, wrapped
from tests.standin.schedules import G, exposure

NOW = 61375.0
EXAMPLE = {
    "s_ra": 150.0,
    "s_dec": -2.0,
    "s_fov": 3.5,
    "t_min": 61375.09,
    "t_max": 61375.10,
    "em_min": 5.52e-07,
    "em_max": 6.91e-07,
    "execution_status": "Scheduled",
}
OUTSIDE, INSIDE = (148.97, -0.21), (149.0, -1.0)


def judge(folder: Path, *places: tuple[float, float], now: float = NOW, **settings: Any) -> Factor:
    ra, dec = zip(*(places or (OUTSIDE, INSIDE)), strict=True)
    table = pd.DataFrame({"ra": ra, "dec": dec})
    return covered_tonight(table, Time(now, format="mjd"), folder=str(folder), **settings)


def put(folder: Path, *rows: dict[str, Any], name: str = RUBIN_FILE) -> None:
    (folder / name).write_text(json.dumps(rows))


def test_the_published_example_of_rubin(tmp_path: Path) -> None:
    """2.06 deg from the centre of a field of 1.75 deg is outside, 1.41 deg inside."""
    put(tmp_path, EXAMPLE)
    found = judge(tmp_path, services=("rubin",), weight=0.5, executed=1.0)
    assert found.value[0] == 1.0
    assert found.value[1] == pytest.approx(1 - 0.5 * RUBIN.fill)
    assert found.reason.tolist() == [
        "rubin: no look in g, r",
        "rubin looks in r from 02:10 UTC (91% in its fields)",
    ]
    assert found.decision.tolist() == [Decision.KEEP] * 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no plan of rubin is in"),
        ("[]", "rubin announces nothing"),
        (wrapped([], NOW - 0.01), "rubin announces nothing (asked 2026-11-30T23:46)"),
        (json.dumps([EXAMPLE | {"t_min": 61374.0, "t_max": 61374.1}]), "was over at 2026-11-30"),
        (json.dumps([EXAMPLE | {"t_min": 61378.0, "t_max": 61378.1}]), "begins at 2026-12-04"),
        (json.dumps([EXAMPLE | {"execution_status": "Aborted"}]), "nothing planned of 1 exp"),
        (wrapped([EXAMPLE], NOW + 1), "was not known yet (asked 2026-12-02T00:00)"),
        ("{oh no", "cannot be read: is no JSON"),
        ('{"a": 1}', "cannot be read: has no column s_ra"),
        ('"x"', "cannot be read: holds str, not rows"),
        (json.dumps([EXAMPLE | {"s_ra": None}]), "nothing planned of 1 exp"),
    ],
)
def test_what_is_not_known_is_neutral_and_says_why(
    tmp_path: Path, content: str | None, told: str
) -> None:
    """Rubin dark, file missing, old plan, broken file: "no plan" is not "nobody looks"."""
    if content is not None:
        (tmp_path / RUBIN_FILE).write_text(content)
    found = judge(tmp_path, services=("rubin",))
    assert found.value.tolist() == [1.0, 1.0]
    assert all(told in reason for reason in found.reason.tolist())
    assert "no look" not in found.reason.tolist()[0]
    is_broken = "cannot be read" in told
    assert bool(found.warnings) is is_broken


def test_of_two_surveys_each_says_its_own(tmp_path: Path) -> None:
    put(tmp_path, EXAMPLE | {"em_min": 416.7e-9, "em_max": 542.756e-9}, name=ztf_file(NOW))
    found = judge(tmp_path, INSIDE, executed=1.0, weight=0.8)
    assert found.value[0] == pytest.approx(1 - 0.8 * ZTF.fill)
    (told,) = found.reason.tolist()
    assert told.startswith("ztf looks in g from 02:10 UTC (86% in its fields); no plan of rubin")
    put(tmp_path, EXAMPLE)
    both = judge(tmp_path, INSIDE, executed=0.5, weight=0.8)
    chance = 1 - (1 - 0.5 * ZTF.fill) * (1 - 0.5 * RUBIN.fill)
    assert both.value[0] == pytest.approx(1 - 0.8 * chance)


def test_only_bands_of_use_and_what_is_to_come_count(tmp_path: Path) -> None:
    put(tmp_path, EXAMPLE, exposure(150.0, -2.0, 61375.3, G))
    assert "in g, r" in judge(tmp_path, INSIDE, services=("rubin",)).reason.tolist()[0]
    late = judge(tmp_path, INSIDE, services=("rubin",), now=61375.2)
    assert "looks in g from 07:12" in late.reason.tolist()[0]
    blue = judge(tmp_path, INSIDE, services=("rubin",), bands=("u",))
    assert blue.value.tolist() == [1.0]
    assert blue.reason.tolist() == ["rubin: no look in u"]
    assert judge(tmp_path, INSIDE, services=("rubin",), within=1.0).value.tolist() == [1.0]


def test_the_same_field_twice_leaves_the_same_gaps() -> None:
    """Another centre covers them."""
    rows = [EXAMPLE, EXAMPLE, exposure(150.0, -2.2, 61375.2)]
    for n, chance in ((2, RUBIN.fill), (3, 1 - (1 - RUBIN.fill) ** 2)):
        plan = read(json.dumps(rows[:n]).encode())
        at = np.array([149.5]), np.array([-1.5])
        found = looks(*at, plan, RUBIN, bands=("r",), after=NOW, before=NOW + 1)
        assert found.chance[0] == pytest.approx(chance)


@settings(max_examples=60, deadline=None)
@given(
    ra=st.floats(0, 360, exclude_max=True),
    dec=st.floats(-89, 89),
    apart=st.floats(0.01, 4.0),
    angle=st.floats(0, 360),
)
def test_discs_agree_with_astropy(ra: float, dec: float, apart: float, angle: float) -> None:
    """At poles and at RA 0, too."""
    if abs(apart - 1.75) < 1e-6:
        return
    centre = SkyCoord(ra * u.deg, dec * u.deg)
    there = centre.directional_offset_by(angle * u.deg, apart * u.deg)
    plan = read(json.dumps([exposure(ra, dec, NOW + 0.1)]).encode())
    at = np.array([there.ra.deg]), np.array([there.dec.deg])
    found = looks(*at, plan, RUBIN, bands=("r",), after=NOW, before=NOW + 1)
    assert (found.chance[0] > 0) == (apart < 1.75)


@settings(max_examples=60, deadline=None)
@given(
    ra=st.floats(0, 360, exclude_max=True),
    dec=st.floats(-85, 85),
    x=st.floats(-5, 5),
    y=st.floats(-5, 5),
)
def test_ztfs_rectangle_agrees_with_a_tangent_plane(
    ra: float, dec: float, x: float, y: float
) -> None:
    if min(abs(abs(x) - 3.66), abs(abs(y) - 3.75)) < 0.02:
        return
    frame = SkyCoord(ra * u.deg, dec * u.deg).skyoffset_frame()
    # Offsets along great circles are arctan of those on the tangent plane, at the axes.
    lat = np.arctan(np.radians(y) / np.hypot(1, np.radians(x)))
    there = SkyCoord(np.arctan(np.radians(x)) * u.rad, lat * u.rad, frame=frame).icrs
    plan = read(json.dumps([exposure(ra, dec, NOW + 0.1)]).encode())
    at = np.array([there.ra.deg]), np.array([there.dec.deg])
    found = looks(*at, plan, ZTF, bands=("r",), after=NOW, before=NOW + 1)
    assert (found.chance[0] > 0) == (abs(x) < 3.66 and abs(y) < 3.75)


def test_an_unknown_position_is_looked_at_by_nobody(tmp_path: Path) -> None:
    put(tmp_path, EXAMPLE)
    found = judge(tmp_path, (np.nan, np.nan), INSIDE, services=("rubin",))
    assert found.value[0] == 1.0
    assert found.value[1] < 1.0


@pytest.mark.parametrize(
    "told",
    [
        {key: [value] for key, value in EXAMPLE.items()},
        {key: {"0": value} for key, value in EXAMPLE.items()},
        {"columns": list(EXAMPLE), "data": [list(EXAMPLE.values())]},
        {"metadata": [{"name": key} for key in EXAMPLE], "data": [list(EXAMPLE.values())]},
        {"data": [EXAMPLE]},
        [EXAMPLE, 7, None, "no row"],
        [{key: str(value) for key, value in EXAMPLE.items()}],
    ],
)
def test_all_layouts_of_a_table_are_read(told: Any) -> None:
    """The page of ZTF's service says JSON, and no more."""
    plan = read(json.dumps(told).encode())
    assert (plan.ra.tolist(), plan.fov.tolist(), plan.band.tolist()) == ([150.0], [3.5], ["r"])


def test_a_circle_in_words_is_a_field() -> None:
    row = {key: value for key, value in EXAMPLE.items() if key != "s_fov"}
    plan = read(json.dumps([row | {"s_region": "CIRCLE ICRS 150.0 -2.0 0.5"}]).encode())
    assert plan.fov.tolist() == [1.0]


def test_bands_of_both_surveys() -> None:
    """ZTF: docs/index.md of its service; Rubin: models.py; a pinhole is no band."""
    ztf = [(416.700, 542.756), (568.941, 717.164), (722.536, 869.910)]
    low, high = np.array([*ztf, (380.0, 700.0), (np.nan, np.nan), (500.0, 500.0)]).T * 1e-9
    assert bands_of(low, high).tolist() == ["g", "r", "i", "", "", ""]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"12"])
def test_damaged_files_are_refused(content: bytes) -> None:
    with pytest.raises(InputError):
        read(content)
