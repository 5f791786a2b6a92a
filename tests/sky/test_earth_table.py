"""The table of the Earth's rotation is read as astropy reads it, bit by bit."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from astropy.utils import iers

from aas2rto.sky import earth_table


@pytest.mark.slow
def test_values_are_those_of_astropy():
    table = iers.IERS_A.read(iers.IERS_A_FILE)
    mjd, dut1, x, y = earth_table.read(iers.IERS_A_FILE)
    np.testing.assert_array_equal(mjd, table["MJD"].to_value("d"))
    np.testing.assert_array_equal(dut1, table["UT1_UTC"].to_value("s"))
    np.testing.assert_array_equal(x, table["PM_x"].to_value("rad"))
    np.testing.assert_array_equal(y, table["PM_y"].to_value("rad"))


@pytest.mark.slow
def test_sky_needs_no_reader_of_tables():
    """Which takes a second at the start of each command."""
    code = (
        "import sys; from astropy.time import Time; from aas2rto.sky.ephemeris import sky_at; "
        "sky_at(Time(61119.0, format='mjd')); print('astropy.table' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
