"""The night at a site: when the Sun is below twilight."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from aas2rto.sky.ephemeris import SCAN, SCAN_STEP, Array, Site, Sky, site_of
from aas2rto.sky.observatory import Observatory

LONGEST = 1.0
"""A night that goes on for longer than this [d] is a polar night: t_SR is then t_obs + 24 h."""

COMING = 25.0 / 24.0
"""It is polar day when no night begins within this time [d]. An hour more than a day, because
dusk comes later every day in spring."""


EVENING = 0.5
"""Half a day before the middle of a night it is the date of its evening [d], at any longitude."""


class NightKind(StrEnum):
    """What the Sun does tonight."""

    NIGHT = "night"
    POLAR_DAY = "polar_day"
    POLAR_NIGHT = "polar_night"


@dataclass(frozen=True)
class Night:
    """The current night, or by day the coming one.

    Parameters
    ----------
    start, end : float
        Evening and morning twilight [d, MJD UTC]; NaN on a polar day. `start` is never earlier
        than 24 h before now; in a polar night `end` is 24 h after observing can start.
    kind : NightKind
        ``night``, ``polar_day`` or ``polar_night``.
    """

    start: float
    end: float
    kind: NightKind

    def observing_start(self, now_mjd: float) -> float:
        """Return t_obs: now while it is night, else the coming dusk [d, MJD UTC]."""
        return max(now_mjd, self.start) if self.kind != NightKind.POLAR_DAY else np.nan


def evening_of(start: Array | float, end: Array | float) -> Any:
    """Return a time on the date of a night's evening, from its twilights; all [d, MJD UTC]."""
    return (start + end) / 2 - EVENING


def night_at(observatory: Observatory, sky: Sky) -> Night:
    """Find the night at a site from the altitude of the Sun's centre.

    Parameters
    ----------
    observatory : Observatory
        Its ``twilight_deg`` says what night is.
    sky : Sky
        The instant: at night the current night is found, by day the coming one.

    Notes
    -----
    Nights shorter than 2 min may be missed.
    """
    site = site_of(observatory, sky)
    excess = _sun_sine(site, sky) - np.sin(np.radians(observatory.twilight_deg))
    dark = excess < 0
    here = int(np.searchsorted(SCAN, -1e-9))

    def crossing(step: int) -> float:
        return float(SCAN[step]) + SCAN_STEP * _cubic_root(excess[step - 1 : step + 3])

    begins = np.flatnonzero(~dark[:-1] & dark[1:])
    ends = np.flatnonzero(dark[:-1] & ~dark[1:])
    if dark[here]:
        before = begins[(begins > 0) & (begins < here)]
        start = crossing(before[-1]) if before.size else float(SCAN[1])
        observe = 0.0
    else:
        coming = begins[begins >= here]
        if not coming.size or SCAN[coming[0]] > COMING:
            return Night(np.nan, np.nan, NightKind.POLAR_DAY)
        start = observe = crossing(coming[0])
    after = ends[SCAN[ends] >= observe - 1e-9]
    end = crossing(after[0]) if after.size else np.inf
    if end - observe > LONGEST:
        return Night(sky.mjd + start, sky.mjd + observe + LONGEST, NightKind.POLAR_NIGHT)
    return Night(sky.mjd + start, sky.mjd + end, NightKind.NIGHT)


def _sun_sine(site: Site, sky: Sky) -> Array:
    """Sine of the altitude of the Sun's centre at the times of `SCAN`, with its parallax (9")."""
    sine = sky.scanned_sun @ site.axes[2]
    parallax = float(np.linalg.norm(site.position))  # [au], so [rad] as seen from the Sun
    return np.asarray(sine - parallax * (1.0 - sine**2))


def _cubic_root(values: Array) -> float:
    """Find where the cubic through four equidistant values is 0 between the second and third.

    The Sun's altitude is so smooth that at steps of 2 min this is good to a millisecond.

    Returns
    -------
    float
        0 at the second value, 1 at the third.
    """
    before, left, right, after = values.tolist()
    third = (after - before) / 6 + (left - right) / 2
    second = (before + right) / 2 - left
    first = right - left - second - third
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        below = ((third * middle + second) * middle + first) * middle + left < 0
        low, high = (middle, high) if below == (left < 0) else (low, middle)
    return 0.5 * (low + high)
