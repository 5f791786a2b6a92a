"""Cumulative sums: small shifts that last, and how seldom noise alone sounds the alarm.

C+ = max(0, C+ + z - k) and C- = max(0, C- - z - k), Page (1954), Biometrika 41, 100; an alarm where
one of them exceeds h. The average run length without a shift is that of a Markov chain, Brook &
Evans (1972), Biometrika 59, 539.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.models.compiled.jit import entry

Floats = NDArray[np.float64]

ALLOWANCE = 0.5
"""k: half the shift that is looked for [sigma]."""

CLIP = 3.0
"""z is clipped to this on either side, so that one wild night is no trend [sigma]."""

STATES = 400
"""Of the Markov chain; run lengths are then within 0.1 % of those with twice as many."""


@entry
def _run(z: Floats, k: float, clip: float, plus: float, minus: float, out: Floats) -> None:
    for i in range(len(z)):
        one = min(max(z[i], -clip), clip)
        plus = max(0.0, plus + one - k)
        minus = max(0.0, minus - one - k)
        out[0, i], out[1, i] = plus, minus


def run(
    z: ArrayLike, k: float = ALLOWANCE, clip: float = CLIP, plus: float = 0.0, minus: float = 0.0
) -> tuple[Floats, Floats]:
    """Return both sums after each night.

    Parameters
    ----------
    z : array_like, shape (n,)
        Finite; deviations in units of their errors.
    k, clip : float
        See `ALLOWANCE` and `CLIP` [sigma].
    plus, minus : float
        Where the sums stand before the first night.
    """
    z = np.ascontiguousarray(z, dtype=float)
    out = np.empty((2, len(z)))
    _run(z, float(k), float(clip), float(plus), float(minus), out)
    return out[0], out[1]


def average_run_length(
    h: float, k: float = ALLOWANCE, *, shift: float = 0.0, two_sided: bool = True
) -> float:
    """Return after how many nights on average the alarm is raised, from C = 0 on.

    Parameters
    ----------
    h : float
        Threshold [sigma], above 0.
    k : float
        See `ALLOWANCE`.
    shift : float
        Of the mean of the Gaussian nights [sigma]; 0 for false alarms.
    two_sided : bool
        Of both sums together: 1 / (1 / L+ + 1 / L-), exact for them (Kemp 1971, J. R. Stat. Soc. B
        33, 361); otherwise of C+ alone.
    """
    one = _of_one_side(float(h), float(k), float(shift))
    if not two_sided:
        return one
    other = one if shift == 0 else _of_one_side(float(h), float(k), -float(shift))
    return 1.0 / (1.0 / one + 1.0 / other)


def _of_one_side(h: float, k: float, shift: float) -> float:
    from scipy.stats import norm  # noqa: PLC0415  slow to import

    # States are 0 and intervals of width w, of which the first is half as wide: Brook & Evans, 2.1.
    width = 2.0 * h / (2 * STATES - 1)
    steps = np.arange(STATES)
    to = (steps[None, :] - steps[:, None]) * width + k - shift
    above, below = norm.cdf(to + width / 2), norm.cdf(to - width / 2)
    chain = above - below
    chain[:, 0] = above[:, 0]
    return float(np.linalg.solve(np.eye(STATES) - chain, np.ones(STATES))[0])


@functools.lru_cache(maxsize=64)
def threshold(arl0: float, *, two_sided: bool = True, k: float = ALLOWANCE) -> float:
    """Return the h at which false alarms come once in so many nights.

    Parameters
    ----------
    arl0 : float
        Wanted average run length [nights], 2 to 1e7.
    two_sided : bool
        Of both sums together.
    k : float
        See `ALLOWANCE`.

    Raises
    ------
    ValueError
        If `arl0` is outside what a chain of `STATES` states can say.

    Examples
    --------
    >>> round(threshold(10_000), 2)
    8.05
    """
    from scipy.optimize import brentq  # noqa: PLC0415  slow to import

    if not 2 <= arl0 <= 1e7:
        raise ValueError(f"the average run length must be 2 to 1e7 nights, not {arl0:g}")
    goal = np.log(arl0)

    def excess(h: float) -> float:
        return float(np.log(average_run_length(h, k, two_sided=two_sided)) - goal)

    return float(brentq(excess, 1e-3, 20.0, xtol=1e-5))
