"""The altitude factor is the inverse airmass."""

import numpy as np
import pandas as pd
import pytest

from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.altitude import altitude


def test_it_is_the_sine_of_the_altitude_and_excludes_below_the_limit():
    rows = pd.DataFrame({"altitude": [90.0, 30.0, 29.94, -10.0, np.nan]})
    found = altitude(rows, None)
    assert FACTORS.get("altitude").extras["needs"] is Needs.SITE
    assert found.value[:2] == pytest.approx([1.0, 0.5])
    assert found.decision.tolist() == [Decision.KEEP] * 2 + [Decision.EXCLUDE] * 3
    assert found.reason.tolist() == [
        "at 90.0 deg",
        "at 30.0 deg",
        "at 29.9 deg, below 30 deg",
        "at -10.0 deg, below 30 deg",
        "at nan deg, below 30 deg",
    ]


def test_higher_never_scores_lower():
    heights = np.linspace(30, 90, 200)
    found = altitude(pd.DataFrame({"altitude": heights}), None)
    assert (np.diff(found.value) >= 0).all()


def test_another_limit_can_be_set():
    part = FACTORS.get("altitude")
    settings = part.arguments(part.options.model_validate({"min_altitude": "20 deg"}))
    found = altitude(pd.DataFrame({"altitude": [25.0]}), None, **settings)
    assert found.decision.tolist() == [Decision.KEEP]
