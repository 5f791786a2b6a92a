"""What real supernovae have taught the SALT fits: errors of the data, of the surfaces, of peaks.

The numbers stand in ``data/salt_calibration.yaml`` with their source, in sets by name: ``all``,
and one from either half of the objects, so that a benchmark can show each half what the other
taught (`tests.benchmarks.learn_peaks`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from aas2rto import data
from aas2rto.errors import ModelError

Floats = NDArray[np.float64]

FILE = data.FOLDER / "salt_calibration.yaml"
NONE = "none"
ALERT, FORCED, SURVEY = 0, 1, 2
KINDS = ("alert", "forced", "survey")
"""Kinds of measurement: ZTF's alerts, ZTF's forced photometry, and what other surveys give."""


@dataclass(frozen=True)
class PeakError:
    """Constants of the error of a peak, see `peak_error`; floors in rest-frame days."""

    scale: float
    free: float
    floor: float
    days: float
    least: float
    early: float


@dataclass(frozen=True)
class Calibration:
    """One set of constants.

    Parameters
    ----------
    name : str
    scale : tuple of float
        What the stated errors of each of `KINDS` are multiplied with.
    phase : ndarray
        Rest-frame days from the peak.
    mean, scatter : ndarray
        Of real SNe Ia about the surfaces at `phase`, in shares of the peak flux.
    peak : tuple of PeakError
        By kind of measurement.
    """

    name: str
    scale: tuple[float, ...]
    phase: Floats
    mean: Floats
    scatter: Floats
    peak: tuple[PeakError, ...]


@functools.cache
def _sets() -> dict[str, Any]:
    with FILE.open(encoding="utf-8") as file:
        sets: dict[str, Any] = yaml.safe_load(file)["sets"]
    return sets


@functools.cache
def calibration(name: str) -> Calibration:
    """Return a set of constants.

    Parameters
    ----------
    name : str
        ``all``, or another set of the file; ``none`` takes errors as stated and surfaces as exact
        in the mean.

    Raises
    ------
    ModelError
        If there is no such set.
    """
    if name == NONE:
        nothing = PeakError(1.0, 1.0, 0.0, 1.0, 0.0, 0.0)
        flat = np.zeros(2)
        return Calibration(NONE, (1.0,) * 3, np.array([-20.0, 50.0]), flat, flat, (nothing,) * 3)
    if name not in _sets():
        raise ModelError(
            f"calibration: there is no {name!r}; choose from {', '.join(_sets())}, none"
        )
    found = _sets()[name]
    early = {key: np.asarray(values, dtype=float) for key, values in found["early"].items()}
    return Calibration(
        name,
        tuple(float(found["errors"][kind]) for kind in KINDS),
        early["phase"],
        early["mean"],
        early["scatter"],
        tuple(PeakError(**found["peak"][kind]) for kind in KINDS),
    )


def peak_error(
    error: float, days_seen: float, constants: PeakError, *, is_free: bool = False
) -> float:
    """Return the error of a peak [d], with what the fit leaves out.

    Parameters
    ----------
    error : float
        That of the fit, with the surfaces' own error taken as independent from epoch to epoch.
    days_seen : float
        From the peak to the last detection [rest-frame d]; negative before the peak.
    constants : PeakError
    is_free : bool
        Whether the redshift is fitted, too.

    Notes
    -----
    Real light curves differ from the surfaces for many days in the same sense, so that as long as
    little of the decline is seen, more points on the rise do not help: there is a floor that falls
    with the days seen. NaN stays.

    Examples
    --------
    >>> peak_error(3.0, 0.0, PeakError(1.0, 0.8, 4.0, 10.0, 0.0, 8.0))
    5.0
    """
    floor = constants.floor * np.exp(-days_seen / constants.days)
    floor = max(min(floor, constants.early), constants.least)
    scale = constants.scale * (constants.free if is_free else 1.0)
    return float(np.hypot(scale * error, floor))
