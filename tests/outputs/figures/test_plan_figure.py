"""The figure of a plan: nothing is cut off, every slot is told from the others."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.config.sections import Plan
from aas2rto.outputs import plan_figure
from aas2rto.outputs.figures import style
from aas2rto.planning import NightPlan, make_plan
from aas2rto.sky import observatory_file
from tests.planning.nights import candidates, site_night

NOW = Time("2026-03-28T20:00:00", scale="utc")


def plan(n: int, **more: Any) -> NightPlan:
    """Return a plan of two sites, one with every limit there is; a ToO, a closed hour."""
    scored = candidates(np.random.default_rng(5), n)
    scored["candidate_id"] = [f"ZTF26{name}longest" for name in scored["candidate_id"]]
    scored["too"] = scored.index == 1
    one = site_night(observatory_file.load("la_palma_not"), scored, NOW)
    limited = replace(
        observatory_file.load("la_silla_dk154"),
        title="A telescope whose name is longer than any that there is",
        horizon=((0.0, 20.0), (90.0, 42.0), (200.0, 10.0), (300.0, 38.0)),
        max_altitude_deg=82.0,
        hour_angle_limit_h=4.5,
    )
    two = site_night(limited, scored, NOW, closed=((NOW.mjd + 0.3, NOW.mjd + 0.35),))
    settings = Plan(time_limit="2 s", **more)  # type: ignore[arg-type]
    return make_plan([one, two], settings, NOW, solve=False)


@pytest.mark.proof
@pytest.mark.parametrize("n", [3, 25, 120])
def test_no_word_is_cut_off_or_runs_into_another(n: int) -> None:
    found = plan(n)
    with style.applied():
        sheet = plan_figure.sheet_of(found, "a-project-with-a-long-name")
        sheet.canvas.draw()
        frame = sheet.figure.bbox
        texts = [*sheet.figure.texts, *(t for a in sheet.figure.axes for t in a.texts)]
        boxes = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text()]
    for text, box in boxes:
        assert box.x0 >= frame.x0 - 1, text
        assert box.x1 <= frame.x1 + 1, text
        assert box.y0 >= frame.y0 - 1, text
    rows = [t for t in sheet.figure.texts if t.get_text()]
    for a, b in itertools.combinations(rows, 2):
        first, second = a.get_window_extent(), b.get_window_extent()
        width = min(first.x1, second.x1) - max(first.x0, second.x0)
        height = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert width <= 1 or height <= 3, (a.get_text(), b.get_text())


@pytest.mark.slow
def test_it_says_date_units_and_what_the_columns_are() -> None:
    with style.applied():
        sheet = plan_figure.sheet_of(plan(25), "p")
    words = {t.get_text() for t in sheet.figure.texts}
    words |= {t.get_text() for a in sheet.figure.axes for t in a.texts}
    assert "Plan of 28 Mar 2026: p" in words
    assert "hour of 28 Mar – 29 Mar 2026 [UT]" in words
    assert {"#", "UT", "candidate", "mag", "expose", "alt", "airmass", "alt [°]"} <= words
    assert any("astronomical twilight" in text for text in words)


def lab(colour: str) -> tuple[NDArray[np.float64], float]:
    """Return CIE L*a*b* and the relative luminance of a colour (IEC 61966-2-1, CIE 15)."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    rgb = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ rgb
    x, y, z = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 1e-6))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)]), float(xyz[1])


def test_ten_slots_have_ten_colours_that_differ_and_can_be_read() -> None:
    assert len(set(plan_figure.COLOURS)) == 10
    seen = [lab(colour) for colour in plan_figure.COLOURS]
    for (one, _), (other, _) in itertools.combinations(seen, 2):
        assert np.linalg.norm(one - other) > 20
    for _, luminance in seen:
        assert 1.05 / (luminance + 0.05) >= 2.9


def test_with_more_slots_the_numbers_say_which_is_which() -> None:
    row = {"state": "planned", "slot": 7}
    assert plan_figure._colour(row, crowded=False) == plan_figure.COLOURS[6]
    assert plan_figure._colour(row, crowded=True) == plan_figure.COLOURS[0]
    assert plan_figure._colour({**row, "state": "closed"}, crowded=False) == style.GREY


def test_a_track_ends_where_the_telescope_cannot_point() -> None:
    night = plan(25).nights[1]
    row = night.table.iloc[0].to_dict()
    mjd = np.linspace(night.night.start - 0.05, night.night.end + 0.05, 200)
    altitude, may = plan_figure._track(night, row, mjd)
    assert may.any()
    assert not may[altitude > 82.0].any()
    assert not may[altitude < 30.0].any()
    assert not may[(mjd < night.night.start) | (mjd > night.night.end)].any()
