"""Positions in hours, minutes and seconds, rounded before they are split up.

So there is no 60th second and no right ascension of 24 h, and -0.5 deg keeps its sign.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Marks = tuple[str, str, str]
"""What stands after hours or degrees, after minutes, and after seconds."""

COLONS: Marks = (":", ":", "")
BLANKS: Marks = (" ", " ", "")
PACKED: Marks = ("", "", "")


def hours(ra: NDArray[np.float64], decimals: int, marks: Marks = COLONS) -> list[str]:
    """Write right ascensions in hours.

    Parameters
    ----------
    ra : ndarray
        [deg], finite.
    decimals : int
        Of the seconds, at least 1.
    marks : tuple of str

    Examples
    --------
    >>> hours(np.array([148.968458, 359.9999999]), 2)
    ['09:55:52.43', '00:00:00.00']
    """
    scale = 10**decimals
    whole = np.rint(ra * (240 * scale)).astype(np.int64) % (86400 * scale)
    return [_text(one, scale, decimals, marks) for one in whole.tolist()]


def degrees(dec: NDArray[np.float64], decimals: int, marks: Marks = COLONS) -> list[str]:
    """Write declinations in degrees, always with a sign; one that rounds to zero has a plus.

    Parameters
    ----------
    dec : ndarray
        [deg], finite.
    decimals : int
        Of the seconds of arc, at least 1.
    marks : tuple of str

    Examples
    --------
    >>> degrees(np.array([-0.206639, -1e-7]), 1, BLANKS)
    ['-00 12 23.9', '+00 00 00.0']
    """
    scale = 10**decimals
    whole = np.rint(np.abs(dec) * (3600 * scale)).astype(np.int64)
    signs = np.where(np.signbit(dec) & (whole > 0), "-", "+")
    texts = [_text(one, scale, decimals, marks) for one in whole.tolist()]
    return [f"{sign}{text}" for sign, text in zip(signs.tolist(), texts, strict=True)]


def _text(whole: int, scale: int, decimals: int, marks: Marks) -> str:
    minutes, rest = divmod(whole, 60 * scale)
    seconds, part = divmod(rest, scale)
    first, second, third = marks
    return (
        f"{minutes // 60:02d}{first}{minutes % 60:02d}{second}"
        f"{seconds:02d}.{part:0{decimals}d}{third}"
    )
