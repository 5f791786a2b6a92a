"""When a site can observe each candidate tonight, in closed form.

With an apparent place that stands still, the altitude a depends on the hour angle H alone:
sin a = sin(lat) sin(dec) + cos(lat) cos(dec) cos H. So the hour angles at which a candidate passes
a limit are exact, and integrals over the altitude are Gauss-Legendre sums between them. All
arrays have one element per candidate; hour angles are in radians and grow through the night.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aas2rto.sky.ephemeris import SIDEREAL_RATE, TURN, Array, Places, Site, Sky
from aas2rto.sky.night import Night

GAUSS_NODES, GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(8)
"""Eight nodes for each side of the meridian: A_vis is then good to 4e-5, measured on 10,000
positions against 200 nodes; the worst pass within a degree of the zenith."""

HORIZON_SAMPLES = 73
"""Points at which a stretch is compared with a horizon line: every 5 min in a stretch of 6 h."""

BISECTIONS = 14
"""Halvings of a sample step: to 0.02 s."""


@dataclass(frozen=True)
class Window:
    """The hours of observing at one site, and each candidate's place in them.

    Parameters
    ----------
    sin_lat, cos_lat : float
        Of the site.
    sin_dec, cos_dec : ndarray
        Of the candidates, at their best moment of the hours that are left.
    start, observe, end : ndarray
        Hour angles at the start of the night, at t_obs and at the end of the night; `start` lies in
        -pi to pi.
    start_mjd : float
        Start of the night [d, UTC].
    """

    sin_lat: float
    cos_lat: float
    sin_dec: Array
    cos_dec: Array
    start: Array
    observe: Array
    end: Array
    start_mjd: float

    @property
    def turns(self) -> int:
        """How many culminations matter: those at hour angles 0, 2 pi, ... of the night."""
        last = np.nanmax(self.end, initial=0.0)
        return int(np.floor((last + np.pi) / TURN)) + 1

    def mjd(self, hour_angle: Array) -> Array:
        """Return the time [d, UTC] of an hour angle."""
        return np.asarray(self.start_mjd + (hour_angle - self.start) / SIDEREAL_RATE)

    def sine(self, hour_angle: Array) -> Array:
        """Return the sine of the altitude at an hour angle."""
        swing = self.cos_lat * self.cos_dec
        return np.asarray(self.sin_lat * self.sin_dec + swing * np.cos(hour_angle))

    def limit(self, altitude: float) -> Array:
        """Return the hour angle at which each candidate passes an altitude [deg].

        0: it never is above; pi: it always is.
        """
        rest = np.sin(np.radians(altitude)) - self.sin_lat * self.sin_dec
        return np.asarray(np.arccos(np.clip(rest / (self.cos_lat * self.cos_dec), -1.0, 1.0)))

    def best(self) -> Array:
        """Return the hour angle at which each candidate is highest in the hours that are left."""
        return _highest(self.observe, self.end)


def window_of(site: Site, sky: Sky, found: Places, tonight: Night) -> Window:
    """Place each candidate in the night.

    Its apparent place drifts by up to 0.4 arcsec a day, and moves by up to 0.3 arcsec with the
    aberration of the Earth's rotation; it is taken where it matters most: at its best moment.
    """
    start, end = tonight.start - sky.mjd, tonight.end - sky.mjd
    observe = max(start, 0.0)
    rough = (sky.rotation(start) + site.longitude + np.pi - found.ra) % TURN - np.pi
    best = _highest(
        rough + SIDEREAL_RATE * (observe - start), rough + SIDEREAL_RATE * (end - start)
    )
    days = start + (best - rough) / SIDEREAL_RATE
    # Aberration adds a vector to the east: d(dec) = d sin(dec) sin(H), d(H) = -d cos(H) / cos(dec).
    sin, cos = np.zeros_like(best), np.ones_like(best)
    away = np.flatnonzero(best % TURN != 0)  # most are best on the meridian: save their sines
    sin[away], cos[away] = np.sin(best[away]), np.cos(best[away])
    first = rough - found.ra_rate * days - site.aberration * cos / found.cos_dec
    change = found.dec_rate * days + site.aberration * sin * found.sin_dec
    latitude = site.latitude
    return Window(
        sin_lat=np.sin(latitude),
        cos_lat=np.cos(latitude),
        sin_dec=found.sin_dec + found.cos_dec * change,
        cos_dec=found.cos_dec - found.sin_dec * change,
        start=first,
        observe=first + SIDEREAL_RATE * (observe - start),
        end=first + SIDEREAL_RATE * (end - start),
        start_mjd=tonight.start,
    )


def _highest(low: Array, high: Array) -> Array:
    """Return the hour angle between two at which a candidate is highest."""
    meridian = TURN * np.ceil(low / TURN)
    from_next = high - TURN * np.round(high / TURN)
    from_last = low - TURN * np.round(low / TURN)
    nearer_end = np.where(np.abs(from_last) <= np.abs(from_next), low, high)
    return np.where(meridian <= high, meridian, nearer_end)


@dataclass(frozen=True)
class Stretches:
    """Stretches of hour angle in which candidates can be observed, none across the meridian.

    Parameters
    ----------
    row : ndarray of int, shape (m,)
        The candidate.
    turn : ndarray of int, shape (m,)
        The culmination, at the hour angle 2 pi `turn`.
    side : ndarray of int, shape (m,)
        -1 before it, +1 after it.
    near, far : ndarray, shape (m,)
        Distance from the meridian, 0 to pi: hour angles 2 pi `turn` + `side` times these.
    """

    row: NDArray[np.intp]
    turn: NDArray[np.intp]
    side: NDArray[np.intp]
    near: Array
    far: Array

    def part(self, chosen: Any) -> Stretches:
        """Return some of the stretches, by a slice, a mask or their numbers."""
        fields = (self.row, self.turn, self.side, self.near, self.far)
        return Stretches(*(values[chosen] for values in fields))

    def after(self, hour_angle: Array) -> Stretches:
        """Return what of the stretches lies after an hour angle of each candidate."""
        passed = self.side * (hour_angle[self.row] - TURN * self.turn)
        near = np.where(self.side > 0, np.maximum(self.near, passed), self.near)
        far = np.where(self.side > 0, self.far, np.minimum(self.far, passed))
        return replace(self, near=near, far=far).part(far > near)

    @property
    def hour_angles(self) -> tuple[Array, Array]:
        """First and last hour angle of each stretch."""
        one, other = (TURN * self.turn + self.side * edge for edge in (self.near, self.far))
        return np.minimum(one, other), np.maximum(one, other)

    def total(self, amount: Array, n: int) -> Array:
        """Add up an amount per stretch by candidate."""
        return np.bincount(self.row, weights=amount, minlength=n).astype(float)

    def length(self, n: int) -> Array:
        """Return the hour angle in all stretches of each candidate."""
        return self.total(self.far - self.near, n)


def stretches(window: Window, inner: Array, outer: Array, begin: Array) -> Stretches:
    """Find the stretches between two distances from the meridian.

    Parameters
    ----------
    window : Window
        The night.
    inner, outer : ndarray
        Hour angles: closer to the meridian a candidate is too high, farther from it too low.
    begin : ndarray
        Hour angles from which to look: ``window.start`` or ``window.observe``.
    """
    parts = []
    for turn in range(window.turns):
        low, high = begin - TURN * turn, window.end - TURN * turn
        for side, nearest, farthest in ((-1, -high, -low), (1, low, high)):
            near, far = np.maximum(inner, nearest), np.minimum(outer, farthest)
            row = np.flatnonzero(far > near)
            turns, sides = np.full(row.size, turn), np.full(row.size, side)
            parts.append((row, turns, sides, near[row], far[row]))
    return Stretches(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def area(window: Window, found: Stretches, min_altitude: float) -> Array:
    """Integrate max(a - a_min, 0) over the stretches [deg d], A&A 698, A153, Eq. 12.

    Notes
    -----
    With t = sin(H / 4), cos H = 1 - 8 t^2 (1 - t^2) and dH = 4 dt / sqrt(1 - t^2): no cosine is
    needed at the nodes, and nothing is singular up to H = pi.
    """
    swing = window.cos_lat * window.cos_dec[found.row]
    top = window.sin_lat * window.sin_dec[found.row] + swing
    swing *= 8.0
    low, high = np.sin(0.25 * found.near), np.sin(0.25 * found.far)
    middle, half = 0.5 * (high + low), 0.5 * (high - low)
    floor = np.radians(min_altitude)
    integral = np.zeros_like(half)
    # Node by node: such arrays stay in the processor's cache.
    for node, weight in zip(GAUSS_NODES.tolist(), GAUSS_WEIGHTS.tolist(), strict=True):
        square = (middle + half * node) ** 2
        rest = 1.0 - square
        sine = np.minimum(top - swing * square * rest, 1.0)
        excess = np.maximum(np.arcsin(sine) - floor, 0.0)
        integral += weight * excess / np.sqrt(rest)
    integral *= half * (4.0 * 360.0 / TURN / SIDEREAL_RATE)
    return found.total(integral, len(window.start))


@dataclass(frozen=True)
class Passage:
    """The passage over the site that is on at t_obs, or the next one, or else the last.

    Parameters
    ----------
    rises, sets : ndarray
        Hour angles; `rises` is NaN when it is up at the start of the night, `sets` when it is at
        the end, both when there is no passage.
    over : ndarray of bool
        It has set, and does not rise again tonight.
    """

    rises: Array
    sets: Array
    over: NDArray[np.bool_]


def passage(window: Window, first: Array, last: Array) -> Passage:
    """Choose one passage of each candidate.

    Parameters
    ----------
    window : Window
        The night.
    first, last : ndarray, shape (turns, n)
        Hour angles of the passages of the night in their order, NaN where there is none.
    """
    rises, sets = np.full((2, len(window.start)), np.nan)
    for one_rise, one_set in zip(first, last, strict=True):
        # Take the next one as long as the one in hand is over.
        newer = ~np.isnan(one_set) & ~(sets > window.observe)
        rises, sets = np.where(newer, one_rise, rises), np.where(newer, one_set, sets)
    return Passage(
        rises=np.where(rises > window.start, rises, np.nan),
        sets=np.where(sets < window.end, sets, np.nan),
        over=np.asarray(sets <= window.observe),
    )


def passages(window: Window, inner: Array, outer: Array) -> tuple[Array, Array]:
    """Return the first and last hour angle of each passage of the night, shape (turns, n)."""
    middle = TURN * np.arange(window.turns)[:, None]
    reach = np.where(outer >= np.pi, np.inf, outer)  # it never sets
    first, last = middle - reach, middle + reach
    tonight = (outer > inner) & (first < window.end) & (last > window.start)
    return np.where(tonight, first, np.nan), np.where(tonight, last, np.nan)


def passages_of(window: Window, found: Stretches) -> tuple[Array, Array]:
    """Do the same from stretches of the whole night, where a horizon line cuts into them."""
    shape = (window.turns, len(window.start))
    first, last = np.full(shape, np.inf), np.full(shape, -np.inf)
    low, high = found.hour_angles
    np.minimum.at(first, (found.turn, found.row), low)
    np.maximum.at(last, (found.turn, found.row), high)
    some = last > first
    middle = TURN * np.arange(window.turns)[:, None]
    # What reaches the lower culmination goes on beyond it.
    first = np.where(first <= middle - np.pi, -np.inf, first)
    last = np.where(last >= middle + np.pi, np.inf, last)
    return np.where(some, first, np.nan), np.where(some, last, np.nan)


def above_horizon(
    altitude: Array, azimuth: Array, horizon: Sequence[tuple[float, float]]
) -> NDArray[np.bool_]:
    """Tell which directions [deg] are free of what stands in the way.

    Parameters
    ----------
    altitude, azimuth : ndarray
        [deg].
    horizon : sequence of (azimuth, altitude)
        See `aas2rto.sky.observatory.Observatory`; straight lines between the points.
    """
    if not horizon:
        return np.ones(np.shape(altitude), dtype=bool)
    return np.asarray(altitude >= _line(azimuth, horizon))


def _line(azimuth: Array, horizon: Sequence[tuple[float, float]]) -> Array:
    """Altitude [deg] of a horizon line at azimuths between -360 and 720 deg."""
    points = np.asarray(horizon, dtype=float)
    around = np.concatenate([points + np.array([turn, 0.0]) for turn in (-720, -360, 0, 360, 720)])
    return np.asarray(np.interp(azimuth, around[:, 0], around[:, 1]))


def free_of_horizon(
    window: Window, found: Stretches, horizon: Sequence[tuple[float, float]]
) -> Stretches:
    """Cut away what lies behind a horizon line.

    Each stretch is sampled and its crossings are bisected; an obstacle that hides a candidate for
    less than about 5 min may be missed.
    """
    if not horizon:
        return found
    offset, clear = _samples(window, found, horizon)
    stretch, step = np.nonzero(clear[:, 1:] != clear[:, :-1])
    crossing = _bisect(
        window, found, stretch, offset[stretch, step], offset[stretch, step + 1], horizon
    )
    begin = np.flatnonzero(clear[:, 0])
    finish = np.flatnonzero(clear[:, -1])
    rising = clear[stretch, step + 1]
    # Edges sorted by stretch and then outwards: they open and close free parts in turn.
    opens = np.concatenate([begin, stretch[rising]])
    near = np.concatenate([found.near[begin], crossing[rising]])
    closes = np.concatenate([finish, stretch[~rising]])
    far = np.concatenate([found.far[finish], crossing[~rising]])
    first, second = np.lexsort((near, opens)), np.lexsort((far, closes))
    part, near, far = opens[first], near[first], far[second]
    return Stretches(found.row[part], found.turn[part], found.side[part], near, far)


def _samples(
    window: Window, found: Stretches, horizon: Sequence[tuple[float, float]]
) -> tuple[Array, NDArray[np.bool_]]:
    """Sample each stretch from the meridian outwards, and tell where it is clear of the line."""
    share = np.linspace(0.0, 1.0, HORIZON_SAMPLES)
    offset = found.near[:, None] + (found.far - found.near)[:, None] * share
    clear = np.empty(offset.shape, dtype=bool)
    # In pieces that stay in the processor's cache.
    for first in range(0, len(offset), 128):
        some = slice(first, first + 128)
        row, side = found.row[some, None], found.side[some, None]
        clear[some] = _clearance(window, row, side, offset[some], horizon) >= 0
    return offset, clear


def _clearance(
    window: Window,
    row: NDArray[np.intp],
    side: NDArray[np.intp],
    offset: Array,
    horizon: Sequence[tuple[float, float]],
) -> Array:
    """Altitude above the horizon line [deg]."""
    sin_dec, cos_dec = window.sin_dec[row], window.cos_dec[row]
    cos, sin = np.cos(offset), side * np.sin(offset)
    up = window.sin_lat * sin_dec + window.cos_lat * cos_dec * cos
    north = window.cos_lat * sin_dec - window.sin_lat * cos_dec * cos
    azimuth = np.degrees(np.arctan2(-cos_dec * sin, north))
    return np.asarray(np.degrees(np.arcsin(np.clip(up, -1.0, 1.0))) - _line(azimuth, horizon))


def _bisect(
    window: Window,
    found: Stretches,
    stretch: NDArray[np.intp],
    low: Array,
    high: Array,
    horizon: Sequence[tuple[float, float]],
) -> Array:
    """Find where the clearance changes sign between two distances from the meridian."""
    row, side = found.row[stretch], found.side[stretch]
    clear_at_low = _clearance(window, row, side, low, horizon) >= 0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        same = (_clearance(window, row, side, middle, horizon) >= 0) == clear_at_low
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return 0.5 * (low + high)
