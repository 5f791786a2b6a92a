"""The chance that a spectrum of a candidate, taken at some time, is of a SN Ia near its peak.

V(t) = P(SN Ia) x P(abs(t - t0) <= d) x P(bright enough at t): from the same posterior for tonight
and for any night ahead. What an observer gets of a list is the sum of V over what he observes, if
each object is observed once; so the question is not only which, but on which night:
J_h = max(J_(h+1), q V_h + (1 - q) J_(h+1)) is what the nights from the h-th on are worth, with q
the share of nights that can be used. While J_1 > V_0, tonight is too early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.factors import numbers
from aas2rto.factors.normal import ndtr
from aas2rto.factors.sn_ia_logistic import SHARE, learnt, p_sn_ia
from aas2rto.models.salt_forecast import magnitudes_of
from aas2rto.tables import marks

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WITHIN = 2.0
"""Default of d [d]: A&A 698, A153, Sect. 4 counts SNe Ia within 0.5, 1 and 2 d of their peak."""
FAINT_LIMIT = 18.5
"""Default of what is bright enough [mag], A&A 698, A153, Eq. 5."""
NIGHTS = 11
"""Nights ahead that are looked at: as far as a SN Ia can be from its peak when it is first fitted
well enough for its day to be believed."""
USABLE = 0.5
"""Default of q, the share of nights that can be used. Flat between 0.3 and 0.6 where 75 % are
clear (`tests/benchmarks/bench_yield.py`): not every clear night has a free slot."""

FAR = 5.0
"""So many sigma from the peak, the chance is none."""


@dataclass(frozen=True)
class Posterior:
    """What the fits say of each candidate, shape (n,) each; NaN without a fit.

    Parameters
    ----------
    p : ndarray
        P(SN Ia).
    t_peak, t_peak_err : ndarray
        t0 ~ N(t_peak, t_peak_err) [d].
    mag_err : ndarray
        Error of a predicted magnitude [mag].
    candidates : DataFrame
        For its fits' light curves.
    salt : str
        Name of the model.
    """

    p: Floats
    t_peak: Floats
    t_peak_err: Floats
    mag_err: Floats
    candidates: pd.DataFrame
    salt: str

    @property
    def known(self) -> Flags:
        """Whether there is a fit with a peak and an error."""
        return np.asarray(np.isfinite(self.p * self.t_peak) & (self.t_peak_err > 0))

    def value(
        self, mjd: Floats, *, within: float, faint_limit: float | None, bands: Sequence[str]
    ) -> Floats:
        """Return V at some times.

        Parameters
        ----------
        mjd : ndarray, shape (nights,) or (n, nights)
            [d, UTC]; NaN where it cannot be observed: V is 0 there.
        within : float
            d [d].
        faint_limit : float or None
            Faintest magnitude that will do [mag]; None: any.
        bands : sequence of str
            It is bright enough if it is in any of these.

        Returns
        -------
        ndarray, shape (n, nights)
            In [0, 1]; 0 without a fit.
        """
        times = np.atleast_2d(np.asarray(mjd, dtype=float))
        times = np.broadcast_to(times, (len(self.p), times.shape[1]))
        found = np.zeros(times.shape)
        # Of most candidates most nights are out of sight, or far from the peak.
        with np.errstate(invalid="ignore"):
            near = np.abs(times - self.t_peak[:, None]) < within + FAR * self.t_peak_err[:, None]
        rows, night = np.nonzero(near & self.known[:, None])
        at, error = times[rows, night], self.t_peak_err[rows]
        days = at - self.t_peak[rows]
        chance = ndtr((within - days) / error) - ndtr((-within - days) / error)
        if faint_limit is not None:
            mag = magnitudes_of(self.candidates, rows, at, bands, model=self.salt)
            chance *= np.nan_to_num(ndtr((faint_limit - mag) / self.mag_err[rows]), nan=0.0)
        found[rows, night] = np.clip(self.p[rows] * chance, 0.0, 1.0)
        return found


def posterior(
    candidates: pd.DataFrame, *, salt: str = "salt", bazin: str = "bazin", share: float = SHARE
) -> Posterior:
    """Read the posterior of each candidate from the table."""
    points = numbers(candidates, f"{salt}_n_points")
    errors = learnt()["mag_error"]
    mag_err = np.full(len(candidates), float(errors["many"]))
    for count, error in errors.items():
        mag_err[points == count] = error
    return Posterior(
        p_sn_ia(candidates, salt, bazin, share),
        numbers(candidates, f"{salt}_t_peak"),
        numbers(candidates, f"{salt}_t_peak_err"),
        mag_err,
        candidates,
        salt,
    )


def worth_waiting(value: Floats, usable: float) -> Floats:
    """Return J_h for every night: what that night and those after it are worth.

    Parameters
    ----------
    value : ndarray, shape (n, nights)
        V of the nights ahead, the next one first.
    usable : float
        q, the share of nights that can be used.

    Returns
    -------
    ndarray, shape (n, nights)
        It never grows from one night to the next, and is 0 where all nights are worth nothing.

    Examples
    --------
    >>> worth_waiting(np.array([[0.2, 0.8, 0.4]]), 0.5)[0].round(2).tolist()
    [0.5, 0.5, 0.2]
    """
    found = np.zeros_like(value)
    later = np.zeros(len(value))
    for h in range(value.shape[1] - 1, -1, -1):
        later = np.maximum(later, usable * value[:, h] + (1 - usable) * later)
        found[:, h] = later
    return found


def asked_for(candidates: pd.DataFrame, observatory: str = "") -> Flags:
    """Tell which candidates a person wants, whatever they are worth: ToOs, and what is pinned."""
    too = np.zeros(len(candidates), dtype=bool)
    if "too" in candidates:
        too = candidates["too"].fillna(value=False).to_numpy(dtype=bool)
    return np.asarray(too | (marks.told(candidates, "pin", observatory) != ""))
