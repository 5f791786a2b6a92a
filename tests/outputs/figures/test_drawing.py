"""Each figure can be drawn of anything, says what it shows, and stays when nothing changes."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from PIL import Image

from aas2rto.outputs.figures import drawing, light_curve, score, style, visibility
from aas2rto.outputs.figures.history import spread
from aas2rto.outputs.figures.subject import Share
from tests.messaging.test_wording import ANYTHING, HOSTILE
from tests.outputs.figures.conftest import (
    NOW,
    make_fit,
    make_night,
    make_points,
    make_ranks,
    make_subject,
)

KINDS = sorted(drawing.KINDS)


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def texts(kind: str, **values: Any) -> list[str]:
    """Return what is written in a figure."""
    subject = make_subject(**values)
    of = drawing.KINDS[kind]
    with style.applied():
        sheet = style.Sheet(of.size(subject), of.set_up)
        of.draw(sheet, subject)
        sheet.canvas.draw()
    found = [text.get_text() for text in sheet.figure.findobj(mpl.text.Text)]
    return [text for text in found if text]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_fits_a_phone(kind: str) -> None:
    """1080 pixels wide, and small enough for a slow connection on a mountain."""
    png = drawing.png(kind, make_subject())
    assert opened(png).width == 1080
    assert len(png) < 150_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_reused_figure_shows_the_same_as_a_fresh_one(kind: str) -> None:
    """Whatever was drawn before leaves no trace, not even after many drawings."""
    other = make_subject(
        ("siding_spring_23m", "palomar_p60"),
        fitted=None,
        name="other",
        points=make_points().iloc[:5],
        shares=(Share("x", 100.0),) * 3,
    )
    subject = make_subject()
    for _ in range(3):
        drawing.png(kind, other)
        again = drawing.png(kind, subject)
    np.testing.assert_array_equal(opened(again), opened(drawing.png(kind, subject, fresh=True)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "values",
    [
        {
            "points": make_points().iloc[:0],
            "fitted": None,
            "sites": (),
            "ranks": pd.DataFrame(),
            "shares": (),
            "name": "",
        },
        {"fitted": make_fit(NOW + 4000.0, np.nan)},
        {"fitted": make_fit(NOW - 300.0, 500.0)},
        {
            "decision": "reject",
            "score": -np.inf,
            "reason": "31 d old",
            "shares": (Share("time_span", 0.0, "31 d", out=True), Share("odd", np.nan)),
        },
        {"points": make_points().assign(flux=-5.0)},
        {"points": make_points().assign(flux=np.nan, limit=np.nan)},
        {"points": make_points().assign(flux=1e-300)},
        {
            "sites": (
                make_night(
                    rank=np.nan,
                    hours_left=0.0,
                    night_start=np.nan,
                    night_end=np.nan,
                    observing_start=np.nan,
                    status="no night (polar day)",
                ),
            )
        },
        {"shares": (Share("huge", 1e30), Share("tiny", 1e-30)), "score": 1e5},
        {"ranks": make_ranks("a").assign(rank=np.nan)},
    ],
)
def test_anything_can_be_drawn(kind: str, values: dict[str, Any]) -> None:
    """No light curve, no night, no fit, no end of a number: there is still a figure."""
    assert opened(drawing.png(kind, make_subject(**values))).width == 1080


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_drawn_harmlessly(text: str) -> None:
    """No mathematics, no missing letters, no lines of their own."""
    subject = make_subject(
        candidate_id=text, name=text, known=text, reason=text, shares=(Share(text, 2.0, text),)
    )
    for kind in KINDS:
        assert drawing.png(kind, subject)


@given(ANYTHING)
def test_what_is_drawn_exists_in_the_font(text: str) -> None:
    """And is one short line."""
    shown = style.plain(text, 44)
    assert len(shown) <= 44
    assert set(map(ord, shown)) <= style._letters()
    assert "\n" not in shown


@given(ANYTHING)
def test_a_name_never_leads_out_of_its_folder(text: str) -> None:
    """Files are named by a slug; two names never share one."""
    name = style.safe_name(text)
    assert Path(name).name == name
    assert not name.startswith(".")
    assert name.isascii()
    assert len(name) <= 80
    assert name != style.safe_name(text + "x")


def test_good_names_stay() -> None:
    """People find their candidates."""
    for name in ("ZTF26aajvsis", "170587117720698934", "GRB260320A", "AT_2026-tir"):
        assert style.safe_name(name) == name


@pytest.mark.slow
def test_a_light_curve_says_all_that_is_asked_of_it() -> None:
    """Bands by survey, limits, suspect points, now, the peak with its error, what is known."""
    told = texts("light_curve")
    for words in (
        "ZTF26aajvsis (SN 2026abc)",
        "SN Ia · z = 0.034 (TNS) · 18.2 mag ztfg",
        "ZTF g",
        "ZTF r",
        "ATLAS o",
        "limit (5σ)",
        "suspect (1 negative)",
        "now",
        "peak",
        "peak in 3.0 ± 0.8 d (25 Mar) · salt χ²/dof 1.5",
        "model 68%",
        "peak ±1σ",
        "days from now, 22 Mar 2026 19:12 UT, and date",
        "0\n22 Mar",
        "5\n27 Mar",
    ):
        assert words in told
    without = texts("light_curve", fitted=None)
    assert "no fit" in without
    assert "model 68%" not in without
    assert "peak ±1σ" not in without
    assert "5\n27 Mar" in without, "a week ahead, whatever there is"


@pytest.mark.slow
def test_what_a_too_is_said_to_be_is_on_its_light_curve() -> None:
    """Alone, or beside what was measured; the axis holds it."""
    alone = {"points": make_points().iloc[:0], "fitted": None}
    assert "reported 14.1" in texts("light_curve", **alone, reported=14.1)
    assert "reported 14.1" in texts("light_curve", reported=14.1)
    assert not [text for text in texts("light_curve") if text.startswith("reported")]
    assert light_curve.magnitudes(make_points(), pd.DataFrame({"flux": []}), 14.1)[0] < 14.1


@pytest.mark.slow
@pytest.mark.parametrize("reported", [np.nan, 17.0])
@pytest.mark.parametrize("kind", KINDS)
def test_no_word_is_cut_off(kind: str, reported: float) -> None:
    subject = make_subject(reported=reported)
    of = drawing.KINDS[kind]
    with style.applied():
        sheet = style.Sheet(of.size(subject), of.set_up)
        of.draw(sheet, subject)
        sheet.canvas.draw()
        frame = sheet.figure.bbox
        written = [*sheet.figure.texts]
        for axes in sheet.figure.axes:
            written += [*axes.texts, axes.xaxis.label, axes.yaxis.label]
        legends = [*sheet.figure.legends, *(axes.get_legend() for axes in sheet.figure.axes)]
        written += [text for legend in legends if legend for text in legend.get_texts()]
        for text in written:
            box = text.get_window_extent()
            assert box.x0 >= frame.x0 - 2, text
            assert box.x1 <= frame.x1 + 2, text


@pytest.mark.slow
def test_a_band_with_limits_alone_is_in_the_legend() -> None:
    """Else nobody knows what the colour of its limits means."""
    points = make_points()
    limits = points[points["kind"] == "limit"].assign(band="ztfi")
    assert "ZTF i" in texts("light_curve", points=pd.concat([points, limits], ignore_index=True))
    assert "ZTF i" not in texts("light_curve")


def test_a_visibility_figure_says_when_to_look() -> None:
    """Each observatory with its rank, window, best moment and the Moon; scales for both axes."""
    told = texts("visibility")
    for words in (
        "la_palma_not  #2",
        "la_silla_dk154  #2",
        "altitude [°]",
        "airmass",
        "astronomical twilight",
        "nautical",
        "1.5",
        "60",
        "20:24–06:00 · best 01:12, 60° · ☾ 80°",
    ):
        assert words in told


def test_the_history_says_that_its_ranks_are_logarithmic() -> None:
    assert "rank (logarithmic)" in texts("history")


def test_a_telescope_that_does_not_take_it_says_why() -> None:
    """In place of the hours in which it is up."""
    why = "19.20 mag is fainter than the telescope takes: faint_limit 18.5 mag"
    night = make_night("la_palma_not", factor="telescope", decision="exclude", reason=why)
    told = texts("visibility", sites=(night,))
    assert "19.20 mag is fainter than the telescope takes" in told


def test_a_score_figure_shows_every_factor() -> None:
    """Each with its number and reason; then the sites."""
    told = texts("score")
    for words in (
        "base score  ×1",
        "magnitude  ×2",
        "time_span  ×0.08",
        "peak  ×7",
        "1.3 ± 0.4 d before peak",
        "SCORE  1.12",
        "at la_palma_not  ×3.2",
        "site score 12.3, #2",
    ):
        assert words in told
    out = texts(
        "score",
        decision="exclude",
        reason="too faint",
        score=-1.0,
        shares=(Share("magnitude", 0.5, "20 mag", out=True),),
    )
    assert "magnitude  out" in out
    assert "exclude: too faint" in out


SITES = (
    "la_palma_not",
    "la_silla_dk154",
    "la_silla_ntt",
    "palomar_p60",
    "siding_spring_23m",
    "dome_c_concordia",
    "mauna_kea_88",
    "calar_alto_22",
    "paranal",
    "haleakala",
)


@pytest.mark.slow
@pytest.mark.parametrize("last", [1.0, 5.0, 400.0, np.nan], ids=str)
@pytest.mark.parametrize("count", [1, 2, 4, 5, 6, 8, 10])
def test_no_label_of_a_rank_hides_another_or_leaves_the_figure(count: int, last: float) -> None:
    """Sites agree more often than not, at the top as at the bottom."""
    ranks = make_ranks(*SITES[:count])
    ranks.loc[ranks["at"] > NOW - 0.1, "rank"] = last
    subject, of = make_subject(SITES[:count], ranks=ranks), drawing.KINDS["history"]
    with style.applied():
        sheet = style.Sheet(of.size(subject), of.set_up)
        of.draw(sheet, subject)
        sheet.canvas.draw()
    labels = [t for t in sheet.axes[0].texts if any(site in t.get_text() for site in SITES)]
    assert len(labels) == count
    boxes = sorted((t.get_window_extent() for t in labels), key=lambda box: float(box.y0))
    assert all(low.y1 <= high.y0 + 1 for low, high in itertools.pairwise(boxes))
    page, axes = sheet.figure.bbox, sheet.axes[0].get_window_extent()
    assert all(box.x1 <= page.x1 for box in boxes)
    assert all(axes.y0 - 2 <= box.y0 and box.y1 <= axes.y1 + 2 for box in boxes)


def test_a_label_stands_at_the_end_of_its_line_where_there_is_room() -> None:
    np.testing.assert_allclose(spread(np.array([0.9, 0.5, 0.48]), 0.1), [0.9, 0.5, 0.4])
    np.testing.assert_allclose(spread(np.array([0.0, 0.0, 1.0]), 0.2), [0.3, 0.1, 0.9])


def test_bars_stand_in_the_ratio_of_logarithms() -> None:
    """The share of a factor is its logarithm."""
    subject = make_subject(shares=(Share("ten", 10.0), Share("hundredth", 0.01)))
    with style.applied():
        sheet = style.Sheet(score.height(6), score.set_up)
        score.draw(sheet, subject)
    widths = sorted(patch.get_width() for patch in sheet.axes[0].patches)
    assert widths[0] == pytest.approx(-2.0)
    assert widths[-1] == pytest.approx(1.0)


def test_the_window_to_observe_is_marked() -> None:
    """The thick line covers night above the limit, and nothing else."""
    subject = make_subject(("la_palma_not",))
    with style.applied():
        sheet = style.Sheet(visibility.height(1), visibility.set_up)
        visibility.draw(sheet, subject)
    (thick,) = [line for line in sheet.axes[0].lines if line.get_linewidth() == 3.4]
    shown = np.isfinite(thick.get_ydata().astype(float))
    np.testing.assert_array_equal(shown, subject.sites[0].observable)


def test_limits_end_at_the_axis_and_bright_ones_do_not_stretch_it() -> None:
    """The candidate, not the weather, decides what is seen."""
    points = make_points()
    none = make_fit().evaluate([], np.array([])).iloc[:0]
    top, bottom = light_curve.magnitudes(points, none)
    worse = pd.concat([points, points.iloc[:1].assign(kind="limit", limit=1e6)])
    deep = pd.concat([points, points.iloc[:1].assign(kind="limit", limit=1e-4)])
    assert light_curve.magnitudes(worse, none) == (top, bottom)
    assert light_curve.magnitudes(deep, none)[1] < bottom + 2.5


def test_the_predicted_peak_is_on_the_axis() -> None:
    """Unless the model is far off."""
    points, curve = make_points(), make_fit().evaluate([], np.array([]))
    for flux, brightest in ((600.0, 16.954), (1e6, 16.2)):  # the brightest point has 18.2 mag
        told = curve.assign(flux=curve["flux"] * flux / curve["flux"].max())
        top, _ = light_curve.magnitudes(points, told)
        assert brightest - 0.8 < top < brightest


# -- what must be drawn again --------------------------------------------------------------------


def shows(kind: str, new: Any, old: Any) -> bool:
    """Tell whether a figure of `old` still shows `new`."""
    content = drawing.KINDS[kind].content
    return content(new).shown_by(content(old).text())


@pytest.mark.parametrize("kind", KINDS)
def test_ten_minutes_change_nothing(kind: str) -> None:
    """`now` moves by less than the eye can see."""
    old = make_subject()
    assert shows(kind, replace(old, now=NOW + 10 / 1440), old)
    assert not drawing.KINDS[kind].content(old).shown_by("")
    assert not drawing.KINDS[kind].content(old).shown_by("[1, 2]")


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"points": make_points().iloc[:-1]}, {"light_curve"}),
        ({"known": "SN II"}, {"light_curve"}),
        ({"fitted": make_fit(NOW + 5)}, {"light_curve"}),
        ({"name": "SN 2026xyz"}, set(KINDS)),
        ({"now": NOW + 0.3}, {"light_curve", "visibility", "history"}),
        (
            {"shares": (Share("magnitude", 2.2), Share("time_span", 0.08), Share("peak", 7.0))},
            {"score"},
        ),
        (
            {"shares": (Share("magnitude", 2.04), Share("time_span", 0.08), Share("peak", 7.0))},
            set(),
        ),
        ({"sites": (make_night(rank=1.0), make_night("la_silla_dk154"))}, {"visibility", "score"}),
        (
            {"sites": (make_night(night_start=NOW + 0.1), make_night("la_silla_dk154"))},
            {"visibility"},
        ),
        ({"ranks": make_ranks("la_palma_not", "la_silla_dk154").assign(rank=1.0)}, {"history"}),
        ({"decision": "exclude"}, {"score"}),
    ],
)
def test_only_what_changed_is_drawn_again(change: dict[str, Any], kinds: set[str]) -> None:
    """Each figure depends on what it shows."""
    old = make_subject()
    new = replace(old, **change)
    assert {kind for kind in KINDS if not shows(kind, new, old)} == kinds


def test_a_figure_says_what_it_shows() -> None:
    """In the file itself, so that no list of figures can be wrong."""
    subject = make_subject()
    info = opened(drawing.png("score", subject)).info
    assert drawing.KINDS["score"].content(subject).shown_by(info[drawing.CONTENT], tolerance=0.0)
    assert info["Title"] == "ZTF26aajvsis (SN 2026abc): score"


# -- colours, and what is left alone -------------------------------------------------------------

# Machado, Oliveira & Fernandes (2009), IEEE TVCG 15, 1291, Table: severity 1.0; linear RGB.
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour: str, matrix: Any) -> Any:
    """Return CIE L*a*b* (D65) of a colour as somebody sees it."""
    srgb = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(srgb > 0.04045, ((srgb + 0.055) / 1.055) ** 2.4, srgb / 12.92)
    linear = np.clip(np.array(matrix) @ linear, 0, 1)
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ linear
        / [0.9505, 1.0, 1.089]
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", sorted(BLINDNESS))
@pytest.mark.parametrize("pair", ["gr", "gi", "ri", "co", "rc", "go", "ug", "ur"])
def test_bands_that_are_plotted_together_can_be_told_apart(kind: str, pair: str) -> None:
    """Also by people who do not see red, green or blue: a difference of 10 is plain to see."""
    one, other = (lab(style.band_colour(band), BLINDNESS[kind]) for band in pair)
    assert np.linalg.norm(one - other) > 10


@pytest.mark.slow
def test_nobody_elses_settings_are_touched() -> None:
    """Neither a backend is chosen nor a style left behind; a user's own is not used."""
    code = (
        "import sys, matplotlib as mpl; mpl.rcParams['font.size'] = 33.0\n"
        "mpl.rcParams['text.usetex'] = True\n"
        "def all(): return {k: mpl.rcParams[k] for k in mpl.rcParams if k != 'backend'}\n"
        "before = all()\n"
        "from aas2rto.outputs.figures import drawing\n"
        "from tests.outputs.figures.conftest import make_subject\n"
        "a = drawing.png('score', make_subject())\n"
        "assert all() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "mpl.rcdefaults(); assert drawing.png('score', make_subject(), fresh=True) == a\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
