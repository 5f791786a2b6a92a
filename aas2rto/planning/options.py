"""From ranked lists to options: what each telescope can observe, when, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.config.sections import Plan
from aas2rto.planning.problem import Floats, Ints, Mask, Problem, join
from aas2rto.sky import exposure
from aas2rto.sky.altitude_curve import altitudes, moon_cosines, track
from aas2rto.sky.ephemeris import separation_of
from aas2rto.sky.night import Night
from aas2rto.sky.observatory import Observatory
from aas2rto.sky.visibility import lowest_altitude
from aas2rto.sky.window import above_horizon

SECONDS = 86400.0

LONGEST_SAMPLE = 120.0
"""Limits are looked at so often at least [s], and at both ends of each step."""

MARGIN = 0.02
"""Kept from every limit [deg], for what happens between two looks: 0.01 deg next to the zenith."""


@dataclass(frozen=True)
class SiteNight:
    """A night at an observatory, and what may be observed in it.

    Parameters
    ----------
    observatory : Observatory
    night : Night
    begin : float
        When planning starts: dusk, or now [d, MJD UTC].
    table : DataFrame
        Its ranked list, see `aas2rto.steps.rank`: a candidate's columns, ``score, site_score``,
        and ``worth``: what its best slot is worth.
    min_altitude : float
        [deg]
    closed : tuple of (start, end)
        When it does not observe [d, MJD UTC].
    out : DataFrame
        Who is wanted, but not in its list, with ``reason``.
    waiting : DataFrame
        Who is out for a better night: ``candidate_id, name, ra, dec`` [deg, ICRS], ``tonight`` and
        ``best`` (what it is worth), ``best_night`` [d, MJD UTC].
    by_altitude : bool
        A slot is worth ``worth`` times a power of the sine of the altitude, A&A 698, A153, Eq. 11,
        in place of the share of the least airmass.
    """

    observatory: Observatory
    night: Night
    begin: float
    table: pd.DataFrame
    min_altitude: float
    closed: tuple[tuple[float, float], ...] = ()
    by_altitude: bool = False
    out: pd.DataFrame = field(default_factory=pd.DataFrame)
    waiting: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def moon_limit(self) -> float:
        """The observatory's own limit [deg], or 0."""
        return self.observatory.moon_separation_deg or 0.0


@dataclass(frozen=True)
class Grid:
    """Steps of time: step j begins at (origin + j) x length, in MJD.

    Parameters
    ----------
    origin : int
    step : float
        Length of a step [d].
    """

    origin: int
    step: float

    def mjd(self, step: NDArray[np.generic] | float) -> Floats:
        """Return when steps begin [d, MJD UTC]."""
        return np.asarray((self.origin + np.asarray(step, dtype=float)) * self.step)

    def first_after(self, mjd: float) -> int:
        """Return the first step that begins at or after a time."""
        return int(np.ceil(mjd / self.step - 1e-6)) - self.origin

    def last_before(self, mjd: float) -> int:
        """Return the step that begins at or just before a time."""
        return int(np.floor(mjd / self.step + 1e-6)) - self.origin


def grid_of(nights: Sequence[SiteNight], settings: Plan) -> Grid:
    """Return the steps that the nights share; they begin at round times."""
    step = settings.step / SECONDS
    begins = [one.begin for one in nights if np.isfinite(one.begin)]
    return Grid(int(np.floor(min(begins, default=0.0) / step)), step)


def candidates_of(nights: Sequence[SiteNight]) -> list[str]:
    """Return the candidates of all lists, sorted."""
    return sorted({name for one in nights for name in one.table["candidate_id"].tolist()})


def problem_of(nights: Sequence[SiteNight], grid: Grid, settings: Plan) -> Problem:
    """Find all options of all sites.

    Parameters
    ----------
    nights : sequence of SiteNight
        At least one; options name them, and the candidates of `candidates_of`, by their index.
    grid : Grid
    settings : Plan
    """
    index = pd.Index(candidates_of(nights))
    return join([_of_site(site, one, index, grid, settings) for site, one in enumerate(nights)])


def _of_site(
    site: int, night: SiteNight, index: pd.Index[str], grid: Grid, settings: Plan
) -> Problem:
    gap = int(np.ceil(settings.gap * 3600 / settings.step)) if settings.visits > 1 else 0
    allowed = np.full(len(index), settings.visits, dtype=np.intp)
    nothing = np.empty(0, dtype=np.intp)
    none = Problem(nothing, nothing, nothing, nothing, np.empty(0), allowed, gap)
    if not np.isfinite(night.begin) or night.table.empty:
        return none
    first, last = grid.first_after(night.begin), grid.last_before(night.night.end)
    if last <= first:
        return none
    seen = look(night, grid.mjd(np.arange(first, last + 1)), settings)
    length = seen.lengths(settings)
    ends = grid.mjd(first + np.arange(last - first) + length)
    over = ends > night.table["valid_until"].fillna(np.inf).to_numpy(float)[:, None]
    row, column = np.nonzero((length > 0) & (length <= seen.run) & ~over)
    worth = night.table["worth"].to_numpy(float)
    return Problem(
        candidate=index.get_indexer(pd.Index(night.table["candidate_id"]))[row],
        site=np.full(len(row), site),
        start=first + column,
        length=length[row, column],
        value=worth[row] * seen.quality(row, column, length[row, column], settings),
        airmass=1.0 / seen.sine(row, column, length[row, column]),
        allowed=allowed,
        gap=gap,
    )


@dataclass(frozen=True)
class Seen:
    """The candidates of a site along its steps.

    Parameters
    ----------
    night : SiteNight
    altitude : ndarray, shape (n, m + 1)
        At the edges of the m steps [deg].
    sky : ndarray, shape (n, m + 1)
        Brightness of the sky there, relative to the dark zenith.
    run : ndarray of int, shape (n, m)
        How many steps, from each on, a candidate stays within all limits.
    """

    night: SiteNight
    altitude: Floats
    sky: Floats
    run: Ints

    def lengths(self, settings: Plan) -> Ints:
        """Return how many steps a visit takes that starts with each step; 0: impossible."""
        observatory, table = self.night.observatory, self.night.table
        seconds = exposure_seconds(
            observatory, table, self.altitude[:, :-1], self.sky[:, :-1], settings
        )
        steps = np.ceil((seconds + reserved_seconds(self.night)) / settings.step - 1e-9)
        return np.asarray(np.nan_to_num(steps), dtype=np.intp)

    def sine(self, row: Ints, column: Ints, length: Ints) -> Floats:
        """Return the sine of the altitude at the middle of slots: one over the airmass."""
        before, after = column + length // 2, column + (length + 1) // 2
        middle = 0.5 * (self.altitude[row, before] + self.altitude[row, after])
        return np.asarray(np.sin(np.radians(middle)))

    def quality(self, row: Ints, column: Ints, length: Ints, settings: Plan) -> Floats:
        """Return what share of the site score slots are worth, by the airmass at their middle."""
        sine = self.sine(row, column, length)
        if self.night.by_altitude:
            return np.asarray(sine**settings.airmass_power)
        up = np.where(self.run > 0, self.altitude[:, :-1], -90.0).max(axis=1)
        best = np.maximum(np.sin(np.radians(up))[row], sine)
        return np.asarray((sine / best) ** settings.airmass_power)


def reserved_seconds(night: SiteNight) -> float:
    """Return what a visit takes beside its exposure [s]: overhead, and the longest slew.

    The order of the visits is not known yet; what a shorter slew saves goes into the exposure.
    """
    lowest = lowest_altitude(night.observatory, night.min_altitude)
    across = 180.0 - 2.0 * max(lowest, 0.0)
    longest = float(exposure.slew_time(night.observatory, across))
    return exposure.overhead(night.observatory) + longest


def exposure_seconds(
    observatory: Observatory, table: pd.DataFrame, altitude: Floats, sky: Floats, settings: Plan
) -> Floats:
    """Return exposure times [s] by magnitude, airmass and sky; NaN where there is none.

    Parameters
    ----------
    observatory : Observatory
    table : DataFrame
        n candidates: ``last_mag``, or else ``magnitude``, what a ToO's file says.
    altitude, sky : ndarray, shape (n, ...)
        See `Seen`.
    settings : Plan
    """
    mag = table["last_mag"].fillna(table["magnitude"]).to_numpy(float)
    mag = mag.reshape(-1, *(1,) * (altitude.ndim - 1))
    airmass = 1.0 / np.sin(np.radians(np.maximum(altitude, 1.0)))
    seconds = exposure.exposure_time(observatory, mag, airmass=airmass, sky=sky)
    seconds = np.where(np.isnan(mag), settings.exposure, seconds)
    return np.where(seconds <= settings.max_exposure, seconds, np.nan)


def look(night: SiteNight, edges: Floats, settings: Plan) -> Seen:
    """Look at all candidates of a site along its steps.

    Parameters
    ----------
    night : SiteNight
    edges : ndarray, shape (m + 1,)
        Where the steps begin, and the last one ends [d, MJD UTC].
    settings : Plan
    """
    per_step = int(np.ceil(settings.step / LONGEST_SAMPLE))
    share = np.arange(per_step * (len(edges) - 1) + 1) / per_step
    times = Time(np.interp(share, np.arange(len(edges)), edges), format="mjd", scale="utc")
    ra, dec = night.table["ra"].to_numpy(float), night.table["dec"].to_numpy(float)
    if night.observatory.horizon or night.observatory.hour_angle_limit_h is not None:
        altitude, azimuth = track(night.observatory, ra, dec, times)
    else:
        altitude = azimuth = altitudes(night.observatory, ra, dec, times)  # nobody asks for those
    cosine, moon_altitude, lit = moon_cosines(night.observatory, ra, dec, times)
    inside = within_limits(night.observatory, altitude, azimuth, night.min_altitude)
    limit = max(settings.moon_separation, night.moon_limit) + MARGIN
    inside &= (cosine <= np.cos(np.radians(limit))) | (moon_altitude <= -MARGIN)
    n = len(ra)
    whole = inside[:, :-1].reshape(n, -1, per_step).all(axis=2) & inside[:, per_step::per_step]
    whole &= ~_closed(night.closed, edges)
    at_edges = slice(None, None, per_step)
    altitude, separation = altitude[:, at_edges], separation_of(cosine[:, at_edges])
    sky = exposure.dark_sky(altitude) + exposure.moonlight(
        altitude, np.maximum(moon_altitude[at_edges], 0.0), separation, lit[at_edges]
    )
    return Seen(night, altitude, sky, _run(whole))


def within_limits(
    observatory: Observatory,
    altitude: Floats,
    azimuth: Floats,
    min_altitude: float,
    *,
    margin: float = MARGIN,
) -> Mask:
    """Tell which directions [deg] a telescope can point at.

    Parameters
    ----------
    observatory : Observatory
    altitude, azimuth : ndarray
    min_altitude : float
        [deg]
    margin : float
        Kept from every limit [deg].
    """
    inside = altitude >= lowest_altitude(observatory, min_altitude) + margin
    if observatory.max_altitude_deg is not None:
        inside &= altitude <= observatory.max_altitude_deg - margin
    if observatory.hour_angle_limit_h is not None:
        limit = observatory.hour_angle_limit_h - margin / 15.0
        inside &= np.abs(_hour_angle(observatory, altitude, azimuth)) <= limit
    return np.asarray(inside & above_horizon(altitude - margin, azimuth, observatory.horizon))


def _hour_angle(observatory: Observatory, altitude: Floats, azimuth: Floats) -> Floats:
    """Return hour angles [h]; Meeus (1998), Chap. 13, with azimuths from north."""
    latitude = np.radians(observatory.latitude_deg)
    alt, az = np.radians(altitude), np.radians(azimuth)
    west = -np.sin(az) * np.cos(alt)
    south = np.sin(alt) * np.cos(latitude) - np.cos(alt) * np.sin(latitude) * np.cos(az)
    return np.asarray(np.degrees(np.arctan2(west, south)) / 15.0)


def _closed(intervals: Sequence[tuple[float, float]], edges: Floats) -> Mask:
    """Tell which steps touch a closed interval."""
    closed = np.zeros(len(edges) - 1, dtype=bool)
    for start, end in intervals:
        closed |= (edges[1:] > start) & (edges[:-1] < end)
    return closed


def _run(whole: Mask) -> Ints:
    run = np.zeros((whole.shape[0], whole.shape[1] + 1), dtype=np.intp)
    for step in range(whole.shape[1] - 1, -1, -1):
        run[:, step] = np.where(whole[:, step], run[:, step + 1] + 1, 0)
    return run[:, :-1]
