"""Intervals in which an observatory does not observe: clouds, maintenance, somebody else's time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from astropy.time import Time

from aas2rto.config.sections import CLOSED_PATTERN
from aas2rto.errors import UsageError

Interval = tuple[float, float]

ALWAYS: Interval = (-np.inf, np.inf)
"""Closed for good."""


def interval(text: str, begin: float, end: float) -> tuple[Interval, ...]:
    """Read an interval.

    Parameters
    ----------
    text : str
        ``02:00-04:00`` (UTC, wherever it falls), ``2026-03-21T02:00/2026-03-21T04:00``, or
        nothing for always.
    begin, end : float
        The night [d, MJD UTC].

    Returns
    -------
    tuple of (start, end)
        [d, MJD UTC]

    Raises
    ------
    UsageError
        If it is none, or ends before it begins.

    Examples
    --------
    >>> interval("22:00-02:00", 61119.9, 61120.3)
    ((61119.916666666664, 61120.083333333336),)
    """
    if not text:
        return (ALWAYS,)
    if not re.match(CLOSED_PATTERN, text):
        raise UsageError(
            f"--close: {text!r} is no interval{_guess(text)}; write 02:00-04:00 (UTC), or "
            "2026-03-21T02:00/2026-03-21T04:00"
        )
    if "/" in text:
        start, stop = (float(Time(one, scale="utc").mjd) for one in text.split("/"))
        if stop <= start:
            raise UsageError(f"--close: {text} ends before it begins")
        return ((start, stop),)
    return _by_clock(text, begin, end)


def _guess(text: str) -> str:
    """Offer full hours and minutes for ``2-4``, ``2h-4h``, ``2.30-4`` and ``2:00 - 4:00``."""
    clock = r"\s*(\d{1,2})(?:[:.](\d{2}))?\s*h?\s*"
    found = re.fullmatch(rf"{clock}-{clock}", text)
    if not found:
        return ""
    numbers = [int(one or 0) for one in found.groups()]
    if max(numbers[::2]) > 23 or max(numbers[1::2]) > 59:
        return ""
    return ", perhaps {:02d}:{:02d}-{:02d}:{:02d}".format(*numbers)


def _by_clock(text: str, begin: float, end: float) -> tuple[Interval, ...]:
    first, last = (_share_of_day(one, text) for one in text.split("-"))
    length = (last - first) % 1.0 or 1.0
    days = np.arange(np.floor(begin) - 1, np.ceil(end) + 1)
    return tuple(
        (float(day + first), float(day + first + length))
        for day in days
        if day + first < end and day + first + length > begin
    )


def _share_of_day(clock: str, text: str) -> float:
    hours, minutes = (int(part) for part in clock.split(":"))
    if hours > 24 or minutes > 59:
        raise UsageError(f"--close: {clock} in {text!r} is no time of the day")
    return (hours + minutes / 60) / 24


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return intervals in order, those that touch put together.

    Examples
    --------
    >>> merged([(3.0, 4.0), (1.0, 2.0), (1.5, 2.5)])
    ((1.0, 2.5), (3.0, 4.0))
    """
    found: list[Interval] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def closed(
    observatory: str,
    begin: float,
    end: float,
    *,
    always: Mapping[str, Sequence[str]],
    tonight: Iterable[tuple[str, str]],
) -> tuple[Interval, ...]:
    """Return when an observatory is closed.

    Parameters
    ----------
    observatory : str
        Its name.
    begin, end : float
        The night [d, MJD UTC].
    always : mapping
        By name, as in the config's ``plan.closed``.
    tonight : iterable of (name, interval)
        As with ``--close``; an empty interval is the whole night.
    """
    texts = [*always.get(observatory, ()), *(text for name, text in tonight if name == observatory)]
    return tuple(one for text in texts for one in interval(text, begin, end))
