"""The culmination factor looks at the best moment that is still to come."""

import numpy as np
import pandas as pd
import pytest

from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.culmination import culmination


def rows(**columns):
    base = {
        "culmination_altitude": [90.0, 30.0, 20.0, 60.0, np.nan],
        "culmination": [60000.175] * 4 + [np.nan],
        "status": ["", "", "", "has set for the night", "no night: (polar day)"],
    }
    return pd.DataFrame(base | columns)


def test_it_is_the_sine_of_the_best_altitude_left():
    found = culmination(rows(), None)
    assert FACTORS.get("culmination").extras["needs"] is Needs.SITE
    assert found.value[:2] == pytest.approx([1.0, 0.5])
    assert found.decision.tolist() == [Decision.KEEP] * 2 + [Decision.EXCLUDE] * 3
    assert found.reason.tolist() == [
        "highest at 04:12 UTC, 90.0 deg",
        "highest at 04:12 UTC, 30.0 deg",
        "only 20.0 deg high tonight, below 30 deg",
        "has set for the night",
        "no night: (polar day)",
    ]
