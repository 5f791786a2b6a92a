"""Folding: a sine that was put in is found, noise is called noise, and words are met with words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aas2rto.page.folded import Period, draw, find, given
from tests.page.conftest import Served
from tests.page.test_hostile import check


def sine(period: float, seed: int, *, size: float = 30.0, n: int = 60) -> pd.DataFrame:
    """Return two bands of another mean, size and phase, at odd times, with errors of 5 uJy."""
    rng = np.random.default_rng(seed)
    parts = []
    for band, mean, times, phase in (("ztfg", 100.0, 1.0, 0.3), ("ztfr", -20.0, 0.6, 1.1)):
        mjd = 61000.0 + np.floor(rng.uniform(0, 200, n)) + rng.uniform(0.1, 0.5, n)
        wave = size * times * np.sin(2 * np.pi * mjd / period + phase)
        flux = mean + wave + rng.normal(0, 5.0, n)
        parts.append(pd.DataFrame({"mjd": mjd, "band": band, "flux": flux, "flux_err": 5.0}))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("period", [0.17, 0.5321, 3.3, 9.1])
def test_the_period_of_a_sine_is_found(period: float) -> None:
    """To a thousandth; over 200 d, of longer periods the noise leaves less than that."""
    found = find(sine(period, 1))
    assert isinstance(found, Period)
    assert found.days == pytest.approx(period, rel=1e-3)
    assert found.power > 0.8
    assert found.chance < 1e-6


def test_noise_is_called_noise() -> None:
    """Of twenty, half have a peak that noise would beat more often than one time in five."""
    found = [find(sine(1.0, seed, size=0.0, n=20)) for seed in range(20)]
    chances = [one.chance for one in found if isinstance(one, Period)]
    assert len(chances) == 20
    assert np.median(chances) > 0.2
    assert min(chances) > 1e-4


def test_too_little_is_said() -> None:
    assert "at least 10 measurements" in str(find(sine(1.0, 1, n=4)))
    same = sine(1.0, 1).assign(mjd=61000.0)
    assert "seen twice" in str(find(same))


@pytest.mark.parametrize("text", ["x", "nan", "inf", "-1", "0", "1e9", "<b>"])
def test_what_is_no_period_is_said(text: str) -> None:
    assert "is no period: write days" in str(given(text))


def test_each_point_is_drawn_twice() -> None:
    points = sine(0.5, 1)
    assert draw(points, 0.5).count("<circle") == 2 * len(points)


@pytest.mark.parametrize(
    ("period", "words"),
    [("0.53", "folded by 0.53 d"), ("find", "at least 10"), ("<script>x", "is no period")],
)
def test_the_page_of_a_candidate_folds_on_request(reading: Served, period: str, words: str) -> None:
    page = reading.get("/candidate", params={"id": "bright", "period": period}).text
    check(page)
    assert words in page
    assert "folded by" not in reading.get("/candidate?id=bright").text
