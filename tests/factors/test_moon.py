"""The Moon factor keeps away from the Moon and prefers dark sky."""

import numpy as np
import pandas as pd
import pytest

from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.moon import moon


def rows(sep, height=40.0, illumination=1.0, limit=np.nan, altitude=60.0, status=""):
    return pd.DataFrame(
        {
            "culmination_moon_sep": np.atleast_1d(np.asarray(sep, dtype=float)),
            "culmination_moon_altitude": height,
            "culmination_altitude": altitude,
            "moon_illumination": illumination,
            "moon_limit": limit,
            "status": status,
        }
    )


def test_it_runs_per_site_and_has_numbers_in_its_reasons():
    assert FACTORS.get("moon").extras["needs"] is Needs.SITE
    found = moon(rows([80.0, 20.0]), None)
    assert found.reason.tolist() == [
        "80 deg from the Moon (100 % lit)",
        "20 deg from the Moon, closer than 30 deg",
    ]
    assert found.decision.tolist() == [Decision.KEEP, Decision.EXCLUDE]


def test_a_moon_below_the_horizon_does_not_matter():
    found = moon(rows(5.0, height=-1.0), None)
    assert found.value.tolist() == [1.0]
    assert found.decision.tolist() == [Decision.KEEP]
    assert found.reason.tolist() == ["the Moon is down"]


def test_farther_and_darker_is_never_worse():
    by_distance = moon(rows(np.linspace(31, 120, 60)), None).value
    assert (np.diff(by_distance[:30]) > 0).all()
    for full, half in zip(
        moon(rows([40.0, 90.0]), None).value,
        moon(rows([40.0, 90.0], illumination=0.5), None).value,
        strict=True,
    ):
        assert 0.1 < full < half < 1


def test_the_value_is_the_signal_to_noise_that_is_left():
    from aas2rto.sky.exposure import dark_sky, moonlight

    dark, lit = dark_sky(60.0), moonlight(60.0, 40.0, 60.0, 1.0)
    assert moon(rows(60.0), None).value[0] == pytest.approx(np.sqrt(dark / (dark + lit)))
    assert moon(rows(60.0), None, strength=2.0).value[0] == pytest.approx(dark / (dark + lit))
    assert moon(rows(60.0), None, strength=0.0).value[0] == 1.0


def test_the_larger_of_both_limits_counts():
    assert moon(rows(40.0, limit=50.0), None).decision.tolist() == [Decision.EXCLUDE]
    assert moon(rows(40.0, limit=10.0), None).decision.tolist() == [Decision.KEEP]
    assert moon(rows(20.0, limit=10.0), None).decision.tolist() == [Decision.EXCLUDE]
    part = FACTORS.get("moon")
    settings = part.arguments(part.options.model_validate({"min_separation": "15 deg"}))
    assert moon(rows(20.0), None, **settings).decision.tolist() == [Decision.KEEP]


def test_without_a_night_it_says_why():
    found = moon(rows(np.nan, height=np.nan, altitude=np.nan, status="no night: why"), None)
    assert found.decision.tolist() == [Decision.EXCLUDE]
    assert found.reason.tolist() == ["no night: why"]
