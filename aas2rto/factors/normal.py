"""The functions of scipy that the factors need, loaded when the first is called.

Half a second of each command that only reads a config would go into loading them otherwise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def ndtr(x: ArrayLike) -> NDArray[np.float64]:
    """Return the share of the standard normal distribution below x, from 0 to 1.

    Parameters
    ----------
    x : array_like
        In standard deviations; see `scipy.special.ndtr`.
    """
    from scipy import special  # noqa: PLC0415

    return np.asarray(special.ndtr(x), dtype=float)


def expit(x: ArrayLike) -> NDArray[np.float64]:
    """Return the logistic function 1 / (1 + exp(-x)), from 0 to 1.

    Parameters
    ----------
    x : array_like
        See `scipy.special.expit`.
    """
    from scipy import special  # noqa: PLC0415

    return np.asarray(special.expit(x), dtype=float)
