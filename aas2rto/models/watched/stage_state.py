"""What stage 1 remembers of each series, and its settings: the numbers that its kernels share."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.watched import cusum
from aas2rto.models.watched.baseline import MIN_NIGHTS, MIN_SPAN
from aas2rto.models.watched.blocks import PENALTY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

STATE: dict[str, str] = {
    "seen": "nights that were looked at",
    "last_night": "number of the last of them",
    "mean": "of the baseline",
    "mean_err": "its error",
    "scatter": "own scatter",
    "scatter_low": "its lower limit of 95 %",
    "scatter_high": "its upper limit of 95 %",
    "n_base": "nights of the baseline, when it was last measured; 0: there is none",
    "base_from": "its first night [d]",
    "base_to": "its last night [d]",
    "red": "1 if the baseline itself changes its level",
    "sigma": "of the damped random walk; 0 where none is used",
    "tau": "its time scale [d]",
    "walk_mean": "its mean",
    "walk": "what it foretells beside its mean for the last night",
    "walk_var": "the variance of that",
    "walk_at": "time of the last night [d]",
    "z": "deviation of the last night from the baseline [sigma]",
    "plus": "cumulative sum of what is brighter",
    "minus": "of what is fainter",
    "zero_plus": "last night on which the first was 0 [d]",
    "zero_minus": "of the second [d]",
    "hot": "nights in a row above the threshold; negative: below it",
    "frozen": "1 while the source is flagged",
    "frozen_at": "since when [d]",
    "calm": "calm nights in a row while frozen",
    "kind": "what raised the flag that is up, see `Kind`",
    "flag_mjd": "when it was raised [d]",
    "sign": "1 brighter, -1 fainter",
    "t_on": "onset of that change [d]",
    "n_flags": "flags so far, also those that are resolved",
    "first_mjd": "when the first was raised [d]",
    "first_kind": "by what",
    "z_most": "greatest |z| so far",
    "n_hot": "nights above the threshold so far",
}
"""Columns of the state, a row for each series."""

(
    SEEN,
    LAST_NIGHT,
    MEAN,
    MEAN_ERR,
    SCATTER,
    LOW,
    HIGH,
    N_BASE,
    BASE_FROM,
    BASE_TO,
    RED,
    SIGMA,
    TAU,
    WALK_MEAN,
    WALK,
    WALK_VAR,
    WALK_AT,
    Z,
    PLUS,
    MINUS,
    ZERO_PLUS,
    ZERO_MINUS,
    HOT,
    FROZEN,
    FROZEN_AT,
    CALM,
    KIND,
    FLAG_MJD,
    SIGN,
    T_ON,
    N_FLAGS,
    FIRST_MJD,
    FIRST_KIND,
    Z_MOST,
    N_HOT,
) = range(len(STATE))

NOT_YET = (MEAN, MEAN_ERR, SCATTER, LOW, HIGH, BASE_FROM, BASE_TO, TAU, WALK_MEAN, WALK_AT)
NEVER = (Z, ZERO_PLUS, ZERO_MINUS, FROZEN_AT, FLAG_MJD, T_ON, FIRST_MJD)

TWO_NIGHTS, TWO_BANDS, TREND = 1, 2, 3
"""Kinds of flags: above the threshold on two nights in a row; in two bands on one night; a
cumulative sum above its threshold and a block that differs."""

KINDS = {
    0: "",
    TWO_NIGHTS: "two nights",
    TWO_BANDS: "two bands in one night",
    TREND: "a trend and a block",
}


@dataclass(frozen=True)
class Settings:
    """Settings of stage 1, in the order in which the kernels read them.

    Parameters
    ----------
    s_min : float
        Threshold of |z| on two nights or in two bands [sigma].
    h : float
        Threshold of the cumulative sums; see `aas2rto.models.watched.cusum.threshold`.
    k, clip : float
        Allowance of the sums, and where z is clipped for them [sigma].
    penalty : float
        Of the blocks.
    step : float
        A block differs by more than this [sigma].
    min_nights, min_span : float
        Of a baseline; the second in days.
    guard : float
        A night enters the baseline so many days later, so that a slow rise does not lift it [d].
    growth : float
        The baseline is measured anew when it has grown by this factor.
    walk_nights : float
        Least nights of a baseline whose damped random walk is used.
    walk_scale : float
        By which its innovations are divided: its parameters are themselves measured.
    floor : float
        Error of the mean that is common to many nights, in units of the mean: calibration differs
        from season to season. Masci et al. (2019), PASP 131, 018003, give 0.8 to 2.5 % for ZTF.
    block_nights : float
        Blocks are looked for in so many of the latest nights.
    """

    s_min: float = 5.0
    h: float = field(default_factory=lambda: cusum.threshold(10_000))
    k: float = cusum.ALLOWANCE
    clip: float = cusum.CLIP
    penalty: float = PENALTY
    step: float = 3.0
    min_nights: float = MIN_NIGHTS
    min_span: float = MIN_SPAN
    guard: float = 30.0
    growth: float = 1.2
    walk_nights: float = 100
    walk_scale: float = 1.2
    floor: float = 0.01
    block_nights: float = 500

    def numbers(self) -> Floats:
        """Return them as the kernels take them."""
        return np.array([getattr(self, one.name) for one in fields(self)], dtype=float)


(
    P_S_MIN,
    P_H,
    P_K,
    P_CLIP,
    P_PENALTY,
    P_STEP,
    P_MIN_NIGHTS,
    P_MIN_SPAN,
    P_GUARD,
    P_GROWTH,
    P_WALK_NIGHTS,
    P_WALK_SCALE,
    P_FLOOR,
    P_BLOCK_NIGHTS,
) = range(len(fields(Settings)))


def fresh(n_series: int) -> Floats:
    """Return the state of series of which nothing was seen."""
    state = np.zeros((n_series, len(STATE)))
    state[:, [*NOT_YET, *NEVER]] = np.nan
    return state
