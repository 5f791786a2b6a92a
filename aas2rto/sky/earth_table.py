"""The table of the Earth's rotation that comes with astropy, read in a hundredth of a second.

It is finals2000A of the IERS, whose columns stand at fixed places. astropy's own reader of such
tables takes a second, which each command would pay; the values are the same.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

Array = NDArray[np.float64]

BYTES = {
    "mjd": (7, 15),
    "pole_flag": (16, 17),
    "x_a": (18, 27),
    "y_a": (37, 46),
    "dut1_a": (58, 68),
    "x_b": (134, 144),
    "y_b": (144, 154),
    "dut1_b": (154, 165),
}
"""Where the columns stand in a line, from its description (ReadMe.finals2000A): poles [arcsec],
UT1-UTC [s]; a: Bulletin A, with predictions; b: Bulletin B, the better one."""

ARCSEC = u.arcsec.to(u.rad)


def read(path: str | Path) -> tuple[Array, Array, Array, Array]:
    """Return MJD [d, UTC], UT1-UTC [s] and the pole's x and y [rad], one row per day.

    Parameters
    ----------
    path : str or Path

    Notes
    -----
    As astropy has it: days with a value of UT1-UTC and a flag of the pole; Bulletin B where it has
    a value, both coordinates of the pole from the same.
    """
    text = Path(path).read_bytes()
    width = text.index(b"\n") + 1
    lines = np.frombuffer(text.ljust(-(-len(text) // width) * width), dtype=f"S{width}")
    columns = {name: _column(lines, start, stop) for name, (start, stop) in BYTES.items()}
    numbers = {name: _numbers(column) for name, column in columns.items() if name != "pole_flag"}
    used = np.isfinite(numbers["dut1_a"]) & (np.char.strip(columns["pole_flag"]) != b"")
    day = {name: values[used] for name, values in numbers.items()}
    dut1 = np.where(np.isnan(day["dut1_b"]), day["dut1_a"], day["dut1_b"])
    without = np.isnan(day["x_b"]) | np.isnan(day["y_b"])
    x, y = (np.where(without, day[f"{axis}_a"], day[f"{axis}_b"]) for axis in "xy")
    return day["mjd"], dut1, x * ARCSEC, y * ARCSEC


def _column(lines: NDArray[np.bytes_], start: int, stop: int) -> NDArray[np.bytes_]:
    """Cut the same bytes out of all lines."""
    letters = lines.view("S1").reshape(len(lines), -1)[:, start:stop]
    cut: NDArray[np.bytes_] = np.ascontiguousarray(letters).view(f"S{stop - start}").ravel()
    return cut


def _numbers(column: NDArray[np.bytes_]) -> Array:
    """Read numbers; NaN where there is nothing."""
    blank = np.char.strip(column) == b""
    return np.where(blank, b"nan", column).astype(float)
