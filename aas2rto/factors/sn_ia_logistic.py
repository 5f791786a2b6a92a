"""P(SN Ia) of a light curve, from its fits: the logistic that the factors share.

Learnt on real labelled light curves, see `tests/benchmarks/bench_fit_likeness.py`; what it says of
fits with few points is corrected by `tests/benchmarks/learn_value.py`.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from aas2rto import data
from aas2rto.factors import numbers

FILE = data.FOLDER / "value_calibration.yaml"
FEATURES = (
    "chisq",
    "penalty",
    "against_bazin",
    "stretch",
    "colour",
    "stretch_err",
    "peak_err",
    "vague_stretch",
    "red_penalty",
)
"""What the logistic reads, see `features`."""
OF_SALT = (
    *("chisq", "objective", "evidence", "n_points"),
    *("z", "z_err", "x1", "x1_err", "c", "t_peak_err"),
)
"""Columns of the SALT fit that `features` and `is_free` read."""
IF_FREE = FEATURES[-2:]
"""Those that count where the redshift is fitted only."""
WEIGHTS_FREE = (6.050, -3.320, -1.714, -0.816, -2.166, -0.408, -2.389, -0.622, 2.281, 0.427)
WEIGHTS_KNOWN = (7.329, -2.735, -2.112, -0.747, -0.400, 0.649, -2.291, -0.901, 0.0, 0.0)
SHARE = 0.769
"""Constant and weights of the features where the redshift is fitted and where it is known, and the
share of SNe Ia where they were learnt: 1,408 spectroscopically typed objects of the ZTF Bright
Transient Survey (Fremling et al. 2020), each cut four times at a random phase from 5 d before to
12 d after peak, with five detections by then (`tests/benchmarks/bench_fit_likeness.py`)."""


@functools.cache
def learnt(name: str = "all") -> dict[str, Any]:
    """Return what was learnt of fits with few points: ``odds`` and ``mag_error`` by their number.

    Parameters
    ----------
    name : str
        ``all``, or ``half_0``, ``half_1``: what either half of the objects taught.
    """
    with FILE.open(encoding="utf-8") as file:
        found: dict[str, Any] = yaml.safe_load(file)["sets"][name]
    return found


def p_sn_ia(
    candidates: pd.DataFrame, salt: str, bazin: str, share: float = SHARE
) -> NDArray[np.float64]:
    """Return P(SN Ia) of each candidate; NaN without a SALT fit.

    Parameters
    ----------
    candidates : DataFrame
        See `features`.
    salt, bazin : str
        Names of the models; the second may be absent.
    share : float
        Of SNe Ia among what has a fit.
    """
    read = (*(f"{salt}_{name}" for name in OF_SALT), f"{bazin}_evidence", "redshift")
    numbers_read = np.stack([numbers(candidates, name) for name in read])
    return _probability(numbers_read.tobytes(), read, salt, bazin, share)


@functools.lru_cache(maxsize=2)
def _probability(
    read: bytes, names: tuple[str, ...], salt: str, bazin: str, share: float
) -> NDArray[np.float64]:
    """Do the same once for all factors and sites of a cycle: they ask of the same candidates."""
    table = pd.DataFrame(np.frombuffer(read).reshape(len(names), -1).T, columns=list(names))
    found = learnt_probability(features(table, salt, bazin), share, is_free(table, salt))
    points = numbers(table, f"{salt}_n_points")
    for count, (shift, slope) in learnt()["odds"].items():
        few = points == count
        p = np.clip(found[few], 1e-9, 1 - 1e-9)
        found[few] = 1 / (1 + np.exp(-(shift + slope * np.log(p / (1 - p)))))
    found.setflags(write=False)
    return found


def is_free(candidates: pd.DataFrame, salt: str) -> NDArray[np.bool_]:
    """Tell whether SALT fitted the redshift: it has an error, or there was none to be fixed."""
    has_error = np.isfinite(numbers(candidates, f"{salt}_z_err"))
    free: NDArray[np.bool_] = has_error | ~(numbers(candidates, "redshift") > 0)
    return free


def features(candidates: pd.DataFrame, salt: str, bazin: str) -> NDArray[np.float64]:
    """Return what tells SNe Ia from others, shape (n, 9); NaN without a SALT fit.

    Each is bounded or grows slowly, so that no single number decides everything: some SNe Ia have
    a wrong point, or are as red and fast as others are.

    ``chisq``
        r / (r + 1), r the chi2 per point: 0 to 1.
    ``penalty``
        ln(1 + p), p up to 40 what the priors of x1, c and the luminosity add to chi2; the prior
        that only counts volume is left out.
    ``against_bazin``
        tanh of how much better Bazin's function explains a point, 0 without a Bazin fit.
    ``stretch``
        tanh(x1): SNe II last longer.
    ``colour``
        c / 0.15, up to 4: for the same penalty, red ones are SNe Ia more often than blue ones.
    ``stretch_err``
        Error of x1, up to 1, the prior's width: what light curves of SNe Ia tell of x1, others
        tell less. 1 where it is unknown.
    ``peak_err``
        ln of the peak's error [d] where that is above 1, up to 20.
    ``vague_stretch``, ``red_penalty``
        stretch x stretch_err: x1 counts as far as it is known; and colour x penalty. Both count
        where the redshift is fitted only.
    """

    def of(name: str) -> NDArray[np.float64]:
        return numbers(candidates, f"{salt}_{name}")

    chisq = of("chisq")
    volume = np.where(is_free(candidates, salt), 4 * np.log(np.clip(of("z"), 1e-3, None)), 0.0)
    penalty = np.clip(of("objective") - chisq + volume, 0, 40)
    gain = np.nan_to_num(of("evidence") - numbers(candidates, f"{bazin}_evidence"), nan=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        reduced = np.minimum(chisq / of("n_points"), 1e9)
    stretch, colour = np.tanh(of("x1")), np.clip(of("c") / 0.15, -4, 4)
    stretch_err = np.clip(np.nan_to_num(of("x1_err"), nan=1.0), 0, 1)
    columns = (
        reduced / (reduced + 1),
        np.log1p(penalty),
        np.tanh(gain),
        stretch,
        colour,
        stretch_err,
        np.log(np.clip(np.nan_to_num(of("t_peak_err"), nan=20.0), 1, 20)),
        stretch * stretch_err,
        colour * np.log1p(penalty),
    )
    return np.column_stack(columns)


def learnt_probability(
    features: NDArray[np.float64], share: float, is_free: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the probability of a SN Ia by the calibrated logistic, for this share of SNe Ia."""
    weights = np.where(is_free[:, None], WEIGHTS_FREE, WEIGHTS_KNOWN)
    log_odds = weights[:, 0] + np.sum(weights[:, 1:] * features, axis=1)
    log_odds += np.log(share / (1 - share)) - np.log(SHARE / (1 - SHARE))
    found: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(log_odds, -50, 50)))
    return found
