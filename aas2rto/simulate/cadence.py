"""A cadence like that of ZTF's public survey: g and r every second night over the northern sky.

What is from where: field of 47 deg2 of which 86.7 % are detectors, 30 s exposures that reach 20.8
(g) and 20.6 (r) in the median and 21.1 and 20.9 at new Moon (5 sigma; Bellm et al. 2019, PASP 131,
018002, Table 1); every second night since 2020-10 (public survey of ZTF-II; every third before,
Bellm et al. 2019, PASP 131, 068003), declinations above -31 deg. Palomar: 33.356 deg N, 116.865 deg
W. Weather: `LOST_WINTER` and `LOST_SUMMER` are ours; their mean, 28 %, is what observers expect.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aas2rto.simulate.visits import Visits, latencies

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Random = np.random.Generator

LATITUDE, LONGITUDE = 33.356, -116.865
"""Of Palomar [deg]."""
SOUTH = -31.0
FIELD_AREA, FILLED = 47.0, 0.867
ROW = FIELD_AREA**0.5
"""Height of a row of fields [deg]."""
RADIUS = 3.3
"""[deg] A disc that lies in a field."""
BANDS = ("ztfg", "ztfr")
NEW_MOON_DEPTH = (21.1, 20.9)
FULL_MOON_LOSS = 0.9
"""[mag] The loss goes as the square of the illuminated share; then the median over a lunation lies
0.3 below new Moon, as Bellm et al. find in each band."""
DEPTH_SCATTER = 0.3
"""From seeing, airmass and thin clouds, by night and field [mag]."""
EVERY = 2
"""Nights between two visits of a field."""
LOST_WINTER, LOST_SUMMER = 0.43, 0.13
"""Share of nights lost in early February and early August."""
WEATHER_MEMORY = 0.6
"""Correlation of a night's weather with the night before."""
TWILIGHT = -12.0
"""Altitude of the Sun [deg] at which observing begins."""
LOWEST = 30.0
"""Lowest altitude of a field's centre [deg]: airmass 2."""
LEAST_WINDOW = 2.0
"""Hours that a field must be up in the dark. Then some 400 of 663 fields are visited in two nights,
19,000 deg2."""
NEW_MOON_MJD, SYNODIC_MONTH = 51549.76, 29.530589
"""New moon of 2000-01-06 18:14 UTC and the mean length of a lunation [d] (Meeus 1998, ch. 49)."""
LATENCY = 15.0
"""Median minutes from exposure to alert: most are out within 20 (Masci et al. 2019, Patterson et
al. 2019), and a broker takes a minute or two."""


def moon_illumination(mjd: Floats) -> Floats:
    """Return the illuminated share of the Moon (0 new, 1 full) from its mean motion alone."""
    phase = 2 * np.pi * (np.asarray(mjd) - NEW_MOON_MJD) / SYNODIC_MONTH
    return (1 - np.cos(phase)) / 2


def rows() -> tuple[Floats, Ints, Ints]:
    """Return the declinations between rows of fields, the fields in each, and its first number."""
    edges = np.append(np.arange(SOUTH, 90.0, ROW), 90.0)
    band = np.degrees(np.diff(np.sin(np.radians(edges)))) * 360.0
    count = np.maximum(np.rint(band / FIELD_AREA).astype(np.intp), 1)
    return edges, count, np.cumsum(count) - count


def cell_of(ra: Floats, dec: Floats) -> Ints:
    """Return the field that a position [deg] lies in; -1 outside, or between detectors.

    Fields have one pointing, so that the gaps hide the same positions for ever: which, a hash of
    the position says.
    """
    edges, count, first = rows()
    row = np.clip(np.searchsorted(edges, dec, side="right") - 1, 0, count.size - 1)
    cell = first[row] + np.minimum((ra % 360.0) / 360.0 * count[row], count[row] - 1).astype(int)
    lot = np.modf(np.abs(np.sin(ra * 12.9898 + dec * 78.233)) * 43758.5453)[0]
    return np.where((dec >= SOUTH) & (lot < FILLED), cell, -1)


def centres() -> tuple[Floats, Floats]:
    """Return the centres of all fields [deg]."""
    edges, count, _ = rows()
    dec = np.repeat((edges[:-1] + edges[1:]) / 2, count)
    ra = np.concatenate([(np.arange(n) + 0.5) / n * 360.0 for n in count])
    return ra, dec


def sun(mjd: Floats) -> tuple[Floats, Floats]:
    """Return the Sun's right ascension and declination [deg], good to 0.01 deg.

    Astronomical Almanac, "Low precision formulas for the Sun's coordinates".
    """
    n = np.asarray(mjd) - 51544.5
    mean, anomaly = 280.460 + 0.9856474 * n, np.radians(357.528 + 0.9856003 * n)
    longitude = np.radians(mean + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    tilt = np.radians(23.439)
    ra = np.degrees(np.arctan2(np.cos(tilt) * np.sin(longitude), np.cos(longitude)))
    return ra % 360.0, np.degrees(np.arcsin(np.sin(tilt) * np.sin(longitude)))


def sidereal(mjd: float) -> float:
    """Return the local sidereal time at Palomar [deg] (Astronomical Almanac, to a second)."""
    return (280.46062 + 360.98564737 * (mjd - 51544.5) + LONGITUDE) % 360.0


def half_arc(dec: Floats, altitude: float) -> Floats:
    """Return the hour angle [deg] where a declination passes an altitude; 0 never, 180 always."""
    lat, dec = np.radians(LATITUDE), np.radians(dec)
    cosine = (np.sin(np.radians(altitude)) - np.sin(lat) * np.sin(dec)) / (
        np.cos(lat) * np.cos(dec)
    )
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def lost_share(mjd: Floats) -> Floats:
    """Return the share of nights that weather takes, by season."""
    mean, swing = (LOST_WINTER + LOST_SUMMER) / 2, (LOST_WINTER - LOST_SUMMER) / 2
    return np.asarray(mean + swing * np.cos(2 * np.pi * (np.asarray(mjd) - 51575.0) / 365.2422))


def clear_nights(rng: Random, nights: Floats) -> NDArray[np.bool_]:
    """Draw which nights [MJD] are clear: seasons, and spells of bad weather (an AR(1) process)."""
    from scipy.stats import norm  # noqa: PLC0415  slow to import

    state = np.empty(nights.size)
    kick = rng.normal(size=nights.size)
    state[:1] = kick[:1]
    for k in range(1, nights.size):
        state[k] = WEATHER_MEMORY * state[k - 1] + (1 - WEATHER_MEMORY**2) ** 0.5 * kick[k]
    return np.asarray(norm.cdf(state) >= lost_share(nights))


def ztf_like(rng: Random, begin: float, end: float) -> Visits:
    """Draw all exposures of the survey between two times [d, MJD UTC]."""
    ra, dec = centres()
    nights = np.arange(np.floor(begin), np.floor(end) + 1)
    clear = clear_nights(rng, nights)
    parity = rng.integers(0, EVERY, ra.size)
    parts = [
        _one_night(rng, night, np.flatnonzero((parity + int(night)) % EVERY == 0), ra, dec)
        for night in nights[clear]
    ]
    mjd, field, band, depth = (
        np.concatenate([np.empty(0), *(part[k] for part in parts)]) for k in range(4)
    )
    seen = np.flatnonzero((mjd >= begin) & (mjd <= end))
    seen = seen[np.lexsort((mjd[seen], field[seen]))]
    cell = field[seen].astype(np.intp)
    return Visits(
        mjd=mjd[seen],
        band=band[seen].astype(np.intp),
        depth=depth[seen],
        latency=latencies(rng, seen.size, LATENCY),
        ra=ra[cell],
        dec=dec[cell],
        bands=BANDS,
        radius=RADIUS,
        cell=cell,
        cell_of=cell_of,
    )


def _one_night(
    rng: Random, night: float, fields: Ints, ra: Floats, dec: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Draw the two exposures of each field that is up in a night: time, field, band, depth."""
    midnight = night - LONGITUDE / 360.0
    sun_ra, sun_dec = (float(value[0]) for value in sun(np.array([midnight])))
    # Of the true Sun, which clocks miss by up to 16 minutes (the equation of time).
    midnight -= ((sidereal(midnight) - sun_ra) % 360.0 - 180.0) / 360.98
    dark = 180.0 - half_arc(np.array([sun_dec]), TWILIGHT)[0]
    # Hour angle of each field at midnight, when the Sun's is 180 deg.
    hour = (sun_ra + 180.0 - ra[fields] + 180.0) % 360.0 - 180.0
    up = half_arc(dec[fields], LOWEST)
    first, last = np.maximum(-dark, -up - hour), np.minimum(dark, up - hour)
    open_ = (last - first) / 15.04 >= LEAST_WINDOW
    fields, first, last = fields[open_], first[open_], last[open_]
    n = fields.size
    gap = rng.uniform(0.4, 0.9, n) * 15.04
    early = first + rng.random(n) * (last - first - gap)
    mjd = midnight + np.concatenate([early, early + gap]) / 360.98
    g_first = rng.random(n) < 0.5
    band = np.concatenate([np.where(g_first, 0, 1), np.where(g_first, 1, 0)])
    depth = np.array(NEW_MOON_DEPTH)[band] - FULL_MOON_LOSS * moon_illumination(mjd) ** 2
    depth += np.tile(rng.normal(0.0, DEPTH_SCATTER, n), 2)
    return mjd, np.tile(fields, 2).astype(float), band.astype(float), depth
