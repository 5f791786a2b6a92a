"""A condition of a site: observable tonight, or not."""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Decision
from aas2rto.factors.observable import observable
from tests.conftest import MJD

NOW = Time(MJD, format="mjd")


def test_all_that_can_be_observed_is_equal():
    """What sets soon is no better; what is gone says why, what is short says how short."""
    table = pd.DataFrame(
        {
            "hours_left": [5.0, 0.4, 0.0],
            "sets": [np.nan, MJD + 0.25, np.nan],
            "status": ["", "", "has set for the night"],
        }
    )
    told = observable(table, NOW, min_hours=1.0)
    assert told.value.tolist() == [1.0, 1.0, 1.0]
    assert told.decision.tolist() == [Decision.KEEP, Decision.EXCLUDE, Decision.EXCLUDE]
    assert list(told.reason) == [
        "5.0 h left above 30 deg",
        "0.4 h left above 30 deg, less than 1 h, sets 06:00 UTC",
        "has set for the night",
    ]
    assert observable(table, NOW).decision.tolist() == [Decision.KEEP] * 2 + [Decision.EXCLUDE]
