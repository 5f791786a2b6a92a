"""The value nearest to the present one at which an answer changes: by steps and halving."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

GROWTH, STEPS = 4.0, 7
"""Steps away from the present value, the first of 1 %: up to 40 times the present value."""

HALVINGS = 17
"""Until a value is found, to 1e-5 of the last step."""

CLOSE = 0.02
"""A value with fewer digits is said if the change is greater by this share at most."""

Flips = Callable[[float], bool | None]
"""Tells whether a value changes the answer; None: there may be no such value."""


def threshold(flips: Flips, start: float, *, whole: bool) -> float | None:
    """Find the value nearest to the present one at which an answer changes.

    Parameters
    ----------
    flips : callable
        See `Flips`; False at `start`.
    start : float
        The present value.
    whole : bool
        Only whole numbers.

    Returns
    -------
    float or None
        On the far side of the change, with few digits; None if no value changes the answer.

    Examples
    --------
    >>> threshold(lambda value: value >= 19.63618, 18.5, whole=False)
    19.64
    >>> threshold(lambda value: value < 3.5, 5, whole=True)
    3
    """
    found = [
        one
        for sign in (1.0, -1.0)
        if (one := _towards(flips, start, sign, whole=whole)) is not None
    ]
    return min(found, key=lambda value: abs(value - start), default=None)


def _towards(flips: Flips, start: float, sign: float, *, whole: bool) -> float | None:
    """Look for a change upwards or downwards."""
    last = start
    for value in _ever_farther(start, sign, whole=whole):
        answer, end = flips(value), value
        if answer is None:  # out of range: as far as one may go
            end = _halved(lambda v: flips(v) is None, last, value, whole=whole)[0]
            if end == last or not flips(end):
                return None
        if answer is not False:
            far = _halved(lambda v: bool(flips(v)), last, end, whole=whole)[1]
            return _short(flips, start, far, whole=whole)
        last = value
    return None


def _ever_farther(start: float, sign: float, *, whole: bool) -> Iterator[float]:
    step = 1.0 if whole else max(abs(start) * 0.01, 1e-3)
    last = start
    for number in range(STEPS):
        value = start + sign * step * GROWTH**number
        if last * value < 0:
            yield 0.0
        last = value
        yield int(value) if whole else value


def _halved(
    changed: Callable[[float], bool], near: float, far: float, *, whole: bool
) -> tuple[float, float]:
    """Return the last value before a change, and the first one after it."""
    for _ in range(HALVINGS):
        if whole and abs(far - near) <= 1:
            break
        middle = near + (far - near) / 2
        middle = int(np.floor(middle)) if whole else middle
        if middle in {near, far}:
            break
        if changed(middle):
            far = middle
        else:
            near = middle
    return near, far


def _short(flips: Flips, start: float, value: float, *, whole: bool) -> float:
    """Return a value with few digits that is hardly farther."""
    if whole:
        return int(value)
    away = np.ceil if value > start else np.floor
    for digits in range(8):
        short = float(away(value * 10**digits) / 10**digits)
        if abs(short - value) <= CLOSE * abs(value - start) and flips(short):
            return round(short, digits)
    return value
