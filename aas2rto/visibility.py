"""What can be seen from a site: altitudes, the visibility factor, rise and set, the Moon.

A candidate's apparent place is computed once for the night; the Earth's rotation then makes its
altitude a closed function of the hour angle H: sin a = sin(lat) sin(dec) + cos(lat) cos(dec) cos H.
So the times at which it passes a limit are exact, and A_vis is a Gauss-Legendre sum between them.
Altitudes are geometric, without refraction (0.03 deg at an altitude of 30 deg).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import ArrayLike, NDArray

from aas2rto.ephemeris import (
    SIDEREAL_RATE,
    TURN,
    Moon,
    Night,
    NightKind,
    Places,
    Site,
    Sky,
    horizontal,
    moon_at,
    night_at,
    places,
    site_of,
    sky_at,
)
from aas2rto.observatory import Observatory

__all__ = [
    "Night",
    "NightKind",
    "clock",
    "night",
    "point_report",
    "saturate",
    "site_table",
    "site_tables",
    "track",
    "visibility_factor",
]

Array = NDArray[np.float64]

MIN_ALTITUDE = 30.0
"""a_min [deg]: airmass 2, A&A 698, A153, Sect. 3.2.2."""

REFERENCE_ALTITUDE = 90.0
"""a_ref [deg], A&A 698, A153, Eq. 13."""

SATURATION_MAX = 10.0
SATURATION_POWER = 10.0
"""A and p of A&A 698, A153, Eq. B.2."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)


def visibility_factor(
    area: ArrayLike,
    time_left: ArrayLike,
    *,
    min_altitude: float = MIN_ALTITUDE,
    reference_altitude: float = REFERENCE_ALTITUDE,
) -> Array:
    """Compute x_vis = (a_ref - a_min) (t_SR - t_obs) / A_vis, A&A 698, A153, Eq. 13.

    Parameters
    ----------
    area : array_like
        A_vis [deg d].
    time_left : array_like
        t_SR - t_obs, until the end of the night [d].
    min_altitude, reference_altitude : float
        a_min and a_ref [deg].

    Returns
    -------
    ndarray
        1 for a candidate that stays at `reference_altitude`, more the less of it is left;
        NaN where `area` is 0.

    Examples
    --------
    >>> float(visibility_factor(15.0, 0.5))
    2.0
    """
    area = np.asarray(area, dtype=float)
    positive = np.where(area > 0, area, np.nan)
    return (reference_altitude - min_altitude) * np.asarray(time_left, dtype=float) / positive


def saturate(
    factor: ArrayLike, *, maximum: float = SATURATION_MAX, power: float = SATURATION_POWER
) -> Array:
    """Bound x_vis smoothly: x / (1 + (x / A)^p)^(1/p), A&A 698, A153, Eq. B.2.

    Parameters
    ----------
    factor : array_like
        x_vis.
    maximum : float
        A, approached from below.
    power : float
        p, the sharpness; infinity gives min(x, A), Eq. B.1.

    Examples
    --------
    >>> round(float(saturate(10.0)), 4)
    9.3303
    >>> float(saturate(454.0, power=float("inf")))
    10.0
    """
    ratio = np.asarray(factor, dtype=float) / maximum
    if np.isinf(power):
        return maximum * np.minimum(ratio, 1.0)
    # Divided by the larger term first, so that a huge factor does not overflow.
    larger = np.maximum(ratio, 1.0)
    root = ((1.0 / larger) ** power + (ratio / larger) ** power) ** (1.0 / power)
    return np.asarray(maximum * ratio / (larger * root))


def night(observatory: Observatory, now: Time) -> Night:
    """Find the current night at a site, or by day the coming one.

    Parameters
    ----------
    observatory : Observatory
        Its ``twilight_deg`` says what night is.
    now : Time
        The time after dawn belongs to the next night.
    """
    return night_at(observatory, sky_at(now))


def track(
    observatory: Observatory, ra: ArrayLike, dec: ArrayLike, times: Time
) -> tuple[Array, Array]:
    """Compute altitudes and azimuths of all candidates at all times.

    Parameters
    ----------
    observatory : Observatory
        The site.
    ra, dec : array_like, shape (n,)
        ICRS [deg].
    times : Time, shape (m,)
        Within a few days of each other.

    Returns
    -------
    altitude, azimuth : ndarray, shape (n, m)
        [deg], without refraction.
    """
    mjd = np.atleast_1d(times.utc.mjd)
    sky = sky_at(Time(0.5 * (mjd.min() + mjd.max()), format="mjd", scale="utc"))
    days = mjd - sky.mjd
    site = site_of(observatory, sky)
    axes = site.turned(sky.rotation(days))
    found = places(sky, np.atleast_1d(ra), np.atleast_1d(dec))
    # (n, 3) x (3, 3 m): three products for the place now and three for its slow change.
    flat = axes.transpose(2, 1, 0).reshape(3, -1)
    shape = (-1, 3, len(days))
    components = (found.at_now @ flat).reshape(shape)
    components += (found.per_day @ flat).reshape(shape) * days
    north, east, up = components[:, 0], components[:, 1] + site.aberration, components[:, 2]
    altitude = np.degrees(np.arctan2(up, np.hypot(north, east)))
    return altitude, np.degrees(np.arctan2(east, north)) % 360.0


@dataclass(frozen=True)
class _Window:
    """The hours of observing at one site, and each candidate's place in them.

    Hour angles grow from that of the start of the night, which lies in -pi to pi.
    """

    latitude: float
    declination: Array  # [rad], shape (n,)
    start: Array  # hour angles [rad] of the start of the night, t_obs and the end
    observe: Array
    end: Array
    start_mjd: float

    def mjd(self, hour_angle: Array) -> Array:
        return np.asarray(self.start_mjd + (hour_angle - self.start) / SIDEREAL_RATE)

    def altitude(self, hour_angle: Array) -> Array:
        """Altitude [deg] of each candidate at an hour angle."""
        return _altitude(self.latitude, self.declination, hour_angle)

    def limit(self, altitude: float) -> Array:
        """Hour angle [rad] at which each candidate passes an altitude [deg].

        0: it never is above; pi: it always is.
        """
        rest = np.sin(np.radians(altitude)) - np.sin(self.latitude) * np.sin(self.declination)
        swing = np.cos(self.latitude) * np.cos(self.declination)
        return np.asarray(np.arccos(np.clip(rest / swing, -1.0, 1.0)))


def _altitude(latitude: float, declination: Array, hour_angle: Array) -> Array:
    swing = np.cos(latitude) * np.cos(declination)
    sine = np.sin(latitude) * np.sin(declination) + swing * np.cos(hour_angle)
    return np.asarray(np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0))))


def _window(site: Site, sky: Sky, found: Places, tonight: Night) -> _Window:
    """Place each candidate, at its best moment of the hours that are left, in the night."""
    start, end = tonight.start - sky.mjd, tonight.end - sky.mjd
    observe = max(start, 0.0)

    def hour_angle(vectors: Array) -> Array:
        ra = np.arctan2(vectors[:, 1], vectors[:, 0])
        return (sky.rotation(start) + site.longitude - ra + np.pi) % TURN - np.pi

    rough = hour_angle(found.after(0.5 * (observe + end)))
    best = _highest(
        rough + SIDEREAL_RATE * (observe - start), rough + SIDEREAL_RATE * (end - start)
    )
    # The place drifts by up to 0.4 arcsec a day: take it where it matters most.
    vectors = found.after(start + (best - rough) / SIDEREAL_RATE)
    first = hour_angle(vectors)
    return _Window(
        latitude=site.latitude,
        declination=np.arctan2(vectors[:, 2], np.hypot(vectors[:, 0], vectors[:, 1])),
        start=first,
        observe=first + SIDEREAL_RATE * (observe - start),
        end=first + SIDEREAL_RATE * (end - start),
        start_mjd=tonight.start,
    )


def _highest(low: Array, high: Array) -> Array:
    """Return the hour angle between two at which a candidate is highest."""
    meridian = TURN * np.ceil(low / TURN)
    nearer_end = np.where(np.cos(low) >= np.cos(high), low, high)
    return np.where(meridian <= high, meridian, nearer_end)


@dataclass(frozen=True)
class _Pieces:
    """Stretches of hour angle in which candidates can be observed, none across a culmination."""

    row: NDArray[np.intp]
    low: Array
    high: Array

    def clipped(self, low: Array, high: Array) -> _Pieces:
        """Return what of the pieces lies between two hour angles of each candidate."""
        first = np.maximum(self.low, low[self.row])
        last = np.minimum(self.high, high[self.row])
        some = last > first
        return _Pieces(self.row[some], first[some], last[some])


def _pieces(window: _Window, inner: Array, outer: Array) -> _Pieces:
    """Split the hour angles between `inner` and `outer` of each culmination of the night."""
    turns = int(np.floor((np.nanmax(window.end, initial=0.0) + np.pi) / TURN)) + 1
    middle = TURN * np.arange(turns)[:, None]
    low = np.concatenate([middle - outer, middle + inner])
    high = np.concatenate([middle - inner, middle + outer])
    low, high = np.maximum(low, window.start), np.minimum(high, window.end)
    some = high > low
    _, row = np.nonzero(some)
    return _Pieces(row, low[some], high[some])


def _area(window: _Window, pieces: _Pieces, min_altitude: float) -> Array:
    """A_vis: the integral of max(a - a_min, 0) over the pieces [deg d], A&A 698, A153, Eq. 12."""
    half = 0.5 * (pieces.high - pieces.low)
    nodes = (0.5 * (pieces.high + pieces.low))[:, None] + half[:, None] * _NODES
    excess = _altitude(window.latitude, window.declination[pieces.row, None], nodes) - min_altitude
    integral = half * (np.maximum(excess, 0.0) @ _WEIGHTS) / SIDEREAL_RATE
    return _total(pieces, integral, len(window.start))


def _total(pieces: _Pieces, amount: Array, n: int) -> Array:
    return np.bincount(pieces.row, weights=amount, minlength=n).astype(float)


@dataclass(frozen=True)
class _Passage:
    """The passage over the site that is on at t_obs, or the next one, or else the last."""

    rises: Array  # hour angles [rad]; NaN: up at the start of the night
    sets: Array  # NaN: up at its end
    over: NDArray[np.bool_]  # it has set, and does not rise again tonight


def _passage(window: _Window, outer: Array) -> _Passage:
    turn = np.floor((window.observe - outer) / TURN) + 1.0
    after_end = TURN * turn - outer >= window.end
    turn = np.where(after_end, turn - 1.0, turn)
    always, never = outer >= np.pi, outer <= 0
    rises, sets = TURN * turn - outer, TURN * turn + outer
    over = after_end & (sets > window.start) & ~always & ~never
    rises = np.where(always | never | (rises <= window.start), np.nan, rises)
    sets = np.where(always | never | (sets >= window.end) | (sets <= window.start), np.nan, sets)
    return _Passage(rises, sets, over)


def site_table(
    observatory: Observatory,
    candidates: pd.DataFrame,
    now: Time,
    *,
    min_altitude: float = MIN_ALTITUDE,
) -> pd.DataFrame:
    """Compute what a site's factors and lists need to know of every candidate.

    Parameters
    ----------
    observatory : Observatory
        The site.
    candidates : DataFrame
        One row each: ``candidate_id``, ``ra`` and ``dec`` [deg, ICRS].
    now : Time
        By day, the coming night is meant; at night, what is left of the current one.
    min_altitude : float
        a_min [deg]; a telescope that cannot point that low has its own limit instead.

    Returns
    -------
    DataFrame
        One row per candidate, in their order and with their index. Times are MJD [d, UTC],
        angles degrees:

        - ``altitude, azimuth, airmass, hour_angle`` [deg, deg, 1, h] now; airmass is sec z, NaN
          below the horizon;
        - ``min_altitude``: the argument;
        - ``altitude_area`` [deg d]: A_vis, the integral of max(a - a_min, 0) from
          ``observing_start`` to ``night_end``; 0 if the candidate cannot be observed any more;
        - ``observing_start`` (t_obs), ``night_start, night_end``; NaN on a polar day;
        - ``night_left`` [d]: ``night_end - observing_start``;
        - ``culmination, culmination_altitude``: the highest point between those two;
        - ``rises, sets``: the passage above the limit that is on at ``observing_start``, else the
          next one of the night, else the one that is over. ``rises`` is NaN when the candidate was
          up at ``night_start``, ``sets`` when it still is at ``night_end``, both when it is never
          up;
        - ``hours_left`` [h] for which it can still be observed this night;
        - ``moon_sep, moon_altitude, moon_illumination`` [deg, deg, 0 to 1] now, seen from the site;
        - ``observable_now``: it is night and the candidate is within the limits;
        - ``status``: empty, or why the candidate cannot be observed any more this night.
    """
    return site_tables([observatory], candidates, now, min_altitude=min_altitude)[observatory.name]


def site_tables(
    observatories: Sequence[Observatory],
    candidates: pd.DataFrame,
    now: Time,
    *,
    min_altitude: float = MIN_ALTITUDE,
) -> dict[str, pd.DataFrame]:
    """Compute the table of `site_table` for several sites; places are computed once for all.

    Returns
    -------
    dict of str to DataFrame
        By the observatory's name.
    """
    sky = sky_at(now)
    ra, dec = candidates["ra"].to_numpy(float), candidates["dec"].to_numpy(float)
    found = places(sky, ra, dec)
    return {
        observatory.name: _site_table(observatory, candidates, sky, found, min_altitude)
        for observatory in observatories
    }


def _site_table(
    observatory: Observatory,
    candidates: pd.DataFrame,
    sky: Sky,
    found: Places,
    min_altitude: float,
) -> pd.DataFrame:
    site = site_of(observatory, sky)
    tonight = night_at(observatory, sky)
    columns: dict[str, Any] = {"candidate_id": candidates["candidate_id"].array}
    columns |= _columns_now(site, sky, found)
    columns |= {
        "min_altitude": min_altitude,
        "night_start": tonight.start,
        "night_end": tonight.end,
        "observing_start": tonight.observing_start(sky.mjd),
        "night_left": tonight.end - tonight.observing_start(sky.mjd),
    }
    if tonight.kind is NightKind.POLAR_DAY:
        why = f"no night: the Sun stays above {observatory.twilight_deg:g} deg (polar day)"
        columns |= _nothing(len(found.at_now), why)
    else:
        window = _window(site, sky, found, tonight)
        columns |= _columns_tonight(observatory, window, min_altitude)
    limit = _lowest(observatory, min_altitude)
    columns["observable_now"] = (
        (tonight.start <= sky.mjd) & (columns["altitude"] >= limit) & (columns["hours_left"] > 0)
    )
    return pd.DataFrame(columns, index=candidates.index)


def _lowest(observatory: Observatory, min_altitude: float) -> float:
    return max(min_altitude, observatory.min_altitude_deg or 0.0)


def _columns_now(site: Site, sky: Sky, found: Places) -> dict[str, Any]:
    altitude, azimuth = horizontal(found.at_now, site.turned(sky.rotation(0.0)), site.aberration)
    sine = np.sin(np.radians(altitude))
    ra = np.arctan2(found.at_now[:, 1], found.at_now[:, 0])
    hour_angle = (sky.rotation(0.0) + site.longitude - ra + np.pi) % TURN - np.pi
    moon = moon_at(site, sky, 0.0)
    return {
        "altitude": altitude,
        "azimuth": azimuth,
        "airmass": np.where(sine > 0, 1.0 / np.where(sine > 0, sine, 1.0), np.nan),
        "hour_angle": hour_angle * (24.0 / TURN),
        "moon_sep": _separation(found.at_now, moon),
        "moon_altitude": float(moon.altitude),
        "moon_illumination": float(moon.illumination),
    }


def _separation(vectors: Array, moon: Moon) -> Array:
    """Angle [deg] between candidates and the Moon."""
    return np.degrees(np.arccos(np.clip(vectors @ moon.direction, -1.0, 1.0)))


def _nothing(n: int, why: str) -> dict[str, Any]:
    nan = np.full(n, np.nan)
    unknown = ("culmination", "culmination_altitude", "rises", "sets")
    return {
        "altitude_area": np.zeros(n),
        "hours_left": np.zeros(n),
        **dict.fromkeys(unknown, nan),
        "status": np.full(n, why, dtype=object),
    }


def _columns_tonight(
    observatory: Observatory, window: _Window, min_altitude: float
) -> dict[str, Any]:
    lowest = _lowest(observatory, min_altitude)
    outer = window.limit(lowest)
    pieces = _pieces(window, np.zeros_like(outer), outer).clipped(window.observe, window.end)
    passage = _passage(window, outer)
    best = _highest(window.observe, window.end)
    area = _area(window, pieces, min_altitude)
    status = np.full(len(area), "", dtype=object)
    status[area <= 0] = f"never above {lowest:g} deg tonight"
    status[(area <= 0) & passage.over] = "has set for the night"
    status[np.isnan(window.declination)] = "its position is not known"
    return {
        "altitude_area": area,
        "hours_left": _total(pieces, pieces.high - pieces.low, len(area)) * (24 / SIDEREAL_RATE),
        "culmination": window.mjd(best),
        "culmination_altitude": window.altitude(best),
        "rises": window.mjd(passage.rises),
        "sets": window.mjd(passage.sets),
        "status": status,
    }


def clock(mjd: float) -> str:
    """Write a time [d, MJD UTC] as hours and minutes, such as ``04:12``.

    Examples
    --------
    >>> clock(60000.175)
    '04:12'
    """
    minutes = round(mjd % 1.0 * 1440) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


_TIMES = ("observing_start", "night_start", "night_end", "culmination", "rises", "sets")


def point_report(
    observatory: Observatory,
    ra: float,
    dec: float,
    at: Time,
    *,
    min_altitude: float = MIN_ALTITUDE,
    reference_altitude: float = REFERENCE_ALTITUDE,
    saturation_max: float = SATURATION_MAX,
    saturation_power: float = SATURATION_POWER,
) -> dict[str, Any]:
    """Say everything about one position at one site and time.

    Parameters
    ----------
    observatory : Observatory
        The site.
    ra, dec : float
        ICRS [deg].
    at : Time
        When.
    min_altitude, reference_altitude : float
        a_min and a_ref [deg].
    saturation_max, saturation_power : float
        See `saturate`.

    Returns
    -------
    dict
        The columns of `site_table`, with times both as MJD (``*_mjd``) and as UTC text, the factors
        ``x_vis`` (raw), ``x_vis_saturated`` and ``x_alt`` (sin a), and ``night`` (its kind). What
        does not exist is None, so that it can be written as JSON.
    """
    one = pd.DataFrame({"candidate_id": [""], "ra": [ra], "dec": [dec]})
    table = site_table(observatory, one, at, min_altitude=min_altitude)
    row = {str(name): table[name].iloc[0] for name in table.columns.drop("candidate_id")}
    raw = visibility_factor(
        row["altitude_area"],
        row["night_left"],
        min_altitude=min_altitude,
        reference_altitude=reference_altitude,
    )
    saturated = saturate(raw, maximum=saturation_max, power=saturation_power)
    up = row["altitude"] >= _lowest(observatory, min_altitude)
    report = {
        "observatory": observatory.name,
        "ra": ra,
        "dec": dec,
        "time": at.utc.isot[:19],
        "night": night(observatory, at).kind.value,
        "x_vis": float(raw),
        "x_vis_saturated": float(saturated),
        "x_alt": float(np.sin(np.radians(row["altitude"]))) if up else np.nan,
        **_with_times(row),
    }
    return {key: _plain(value) for key, value in report.items()}


def _with_times(row: Mapping[str, Any]) -> dict[str, Any]:
    texts = {
        name: Time(row[name], format="mjd", scale="utc").isot[:19]
        for name in _TIMES
        if np.isfinite(row[name])
    }
    dated = {f"{name}_mjd": row[name] for name in _TIMES}
    return {**row, **dict.fromkeys(_TIMES), **texts, **dated}


def _plain(value: Any) -> Any:
    """Turn NumPy scalars into Python's and NaN into None."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
