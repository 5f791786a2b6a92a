"""Times in words."""

from __future__ import annotations

import numpy as np
import pytest

from aas2rto.steps.rules import told_by_people
from aas2rto.text.words import is_date


@pytest.mark.parametrize("mjd", [np.nan, np.inf, -1.0, 1e8])
def test_ends_beyond_the_calendar_are_not_told(mjd: float) -> None:
    """Such an end must not stop a cycle: the ToO is simply wanted."""
    assert not is_date(mjd)
    assert told_by_people(True, "spectrum", mjd) == "ToO: spectrum"


def test_an_end_is_told() -> None:
    assert told_by_people(True, "", 61119.5) == "ToO until 20 Mar 12:00 UT"
