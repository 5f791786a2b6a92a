"""Dips put into histories: found from some depth on, and seldom where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from aas2rto.models.dip_statistics import Sample
from aas2rto.simulate.dips import (
    Trial,
    by_depth,
    can_show,
    curves_of,
    depth_at,
    p_against_depth,
    tried,
    windows,
)
from aas2rto.sources.files import data_release
from tests.shared import DATA


def quiet(n: int = 400, std: float = 0.02, seed: int = 0) -> Sample:
    rng = np.random.default_rng(seed)
    return Sample(np.linspace(58000, 60000, n), rng.normal(15, std, n), np.full(n, std))


STARS = {f"star {k}": quiet(seed=k) for k in range(30)}


def test_windows_leave_the_gap_free() -> None:
    """And come from the end of the curve on, as many as are wanted."""
    found = list(windows(quiet(), Trial(n_alert=10, gap=130, step=10, most=3)))
    assert len(found) == 3
    for history, window in found:
        assert len(window.mjd) == 10
        assert window.mjd[0] - history.mjd[-1] >= 130
    assert found[0][1].mjd[-1] == 60000
    assert list(windows(quiet(40), Trial(n_alert=10))) == []


@pytest.mark.slow
def test_deep_dips_are_found_and_none_is_seen_where_there_is_none() -> None:
    """By the factor's own tests; a setting that is off finds more."""
    found = by_depth(tried(STARS, Trial(settings={"min_history": 30}), (0.0, 1.0, 2.0, 3.0)))
    assert found["n"].tolist() == [150] * 4
    assert found["found"].is_monotonic_increasing
    none, _, two, three = found["found"]
    assert none <= 0.01
    assert two > 0.8
    assert three == 1
    assert found["median_p"].is_monotonic_decreasing
    off = {"min_history": 30, "below_limit": False, "max_p": None}
    assert by_depth(tried(STARS, Trial(settings=off), (0.0,)))["found"].iloc[0] == 1


def test_drawn_points_come_from_the_whole_history() -> None:
    drawn = list(windows(quiet(), Trial(n_alert=10, most=2, drawn=True)))
    assert [len(history.mjd) for history, _ in drawn] == [390, 390]
    assert not set(drawn[0][0].mjd) & set(drawn[0][1].mjd)


@pytest.mark.slow
def test_p_falls_exponentially_with_depth() -> None:
    """As in the paper's Fig. 6: nearly a straight line in log p, 0.05 within 0.3 and 1.1 sd."""
    depths = np.linspace(0, 0.06, 31)
    p = p_against_depth(quiet(), 10, depths.tolist())
    falling = (p < 0.3) & (p > 1e-12)
    slope = np.polyfit(depths[falling], np.log10(p[falling]), 1)
    scatter = np.log10(p[falling]) - np.polyval(slope, depths[falling])
    assert slope[0] < -50
    assert np.corrcoef(depths[falling], np.log10(p[falling]))[0, 1] < -0.97
    assert np.abs(scatter).max() < 1.5
    shown = can_show(STARS, 10)
    assert shown["sigmas"].between(0.3, 1.1).mean() > 0.9
    assert shown["sigmas"].median() == pytest.approx(0.6, abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(("n_alert", "sigmas"), [(5, 1.1), (20, 0.5), (50, 0.35)])
def test_more_alerts_show_less_deep_dips(n_alert: int, sigmas: float) -> None:
    assert can_show(STARS, n_alert)["sigmas"].median() == pytest.approx(sigmas, abs=0.15)


def test_the_depth_of_a_level_lies_between_two() -> None:
    assert depth_at([0.0, 1.0, 2.0], np.array([1.0, 0.1, 0.001]), 0.01) == pytest.approx(1.5)
    assert np.isnan(depth_at([0.0, 1.0], np.array([1.0, 0.1])))
    assert depth_at([0.0, 1.0], np.array([0.01, 0.001])) == 0.0


@pytest.mark.real_data
@pytest.mark.proof
def test_real_quiet_stars() -> None:
    """Recall with 10 to 20 alerts: 0.9 at 2 sd, all at 3; false dips at most 0.5 and 0.2 %."""
    from tests.benchmarks.bench_dips import classes, false_positives, recall

    every = classes()
    some = dict(list(every["quiet"].items())[:250])
    found = recall(some, (2.0, 3.0), drawn=True).set_index("depth")["found"]
    assert found[2.0] >= 0.9
    assert found[3.0] == 1.0
    for n_alert, most in ((10, 0.005), (20, 0.002)):
        assert false_positives(every["quiet"], n_alert, sharp=True)["found"] <= most
        for kind in ("variable", "galaxy", "white dwarf"):
            assert false_positives(every[kind], n_alert, sharp=True)["found"] <= 0.01


@pytest.mark.real_data
@pytest.mark.slow
def test_short_curves_are_left_out() -> None:
    field = [
        data_release.read(DATA / f"ztf_dr5_field250_zg_{name}.parquet")
        for name in ("lightcurves", "objects")
    ]
    found = curves_of(data_release.curves(field)[0], 60)
    assert min(len(curve.mjd) for curve in found.values()) >= 60
    assert all((np.diff(curve.mjd) >= 0).all() for curve in found.values())
