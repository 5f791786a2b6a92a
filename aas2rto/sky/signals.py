"""When a signal that is timed by a supernova would arrive: the SETI Ellipsoid, and Seto's rings.

Somebody who saw a supernova and sent a signal at once is seen to do so later than the supernova, by
the detour of the light. Distances are in light years and times in Julian years, so that c is 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.sky.regions import Vectors
from aas2rto.tables.candidates import unit_vectors

Floats = NDArray[np.float64]

PARSEC = 3.261563777
"""Light years in a parsec, by the IAU's definitions of both."""

YEAR = 365.25
"""A Julian year [d]."""

LAST_RING = float(np.sqrt(2.0) - 1.0)
"""Seto's rings exist until c (t - t0) / D is this: cos theta + sin theta is at most sqrt 2."""


@dataclass(frozen=True)
class Event:
    """What was seen from everywhere: a supernova.

    Parameters
    ----------
    name : str
    ra, dec : float
        [deg, ICRS]
    distance, distance_err : float
        [pc], one sigma.
    mjd : float
        When it was first seen here [d, UTC].
    """

    name: str
    ra: float
    dec: float
    distance: float
    distance_err: float
    mjd: float

    def years(self, now: float) -> float:
        """Return how long ago it was seen here [yr] at `now` [d, MJD UTC]."""
        return (now - self.mjd) / YEAR

    def cosine(self, at: Vectors) -> Floats:
        """Return the cosine of the distance on the sky of positions, shape (n, 3), to it."""
        return np.asarray(at @ unit_vectors(self.ra, self.dec)[0])


def _mjd(year: int, month: int, day: int) -> float:
    """Return the MJD of a date of the Gregorian calendar, also before 1582."""
    return float(date(year, month, day).toordinal() - 678576)


EVENTS: dict[str, Event] = {
    event.name: event
    for event in (
        # Panagia (1999), IAU Symp. 190, 549: 51.4 +- 1.2 kpc.
        Event("sn1987a", 83.86675, -69.26974, 51400.0, 1200.0, _mjd(1987, 2, 23)),
        # The Crab; Kaplan et al. (2008), ApJ 677, 1201: 2.0 +- 0.5 kpc. 4 July 1054 (Julian).
        Event("sn1054", 83.63308, 22.01450, 2000.0, 500.0, _mjd(1054, 7, 10)),
        # Winkler et al. (2003), ApJ 585, 324: 2.18 +- 0.08 kpc. 30 April 1006 (Julian).
        Event("sn1006", 225.59208, -42.09694, 2180.0, 80.0, _mjd(1006, 5, 6)),
        # Tycho; Tian & Leahy (2011), ApJ 729, L15: 2.5 to 3.0 kpc. 6 November 1572 (Julian).
        Event("sn1572", 6.33958, 64.14083, 2500.0, 500.0, _mjd(1572, 11, 16)),
        # Kepler; Sankrit et al. (2016), ApJ 817, 36: 5.1 +0.8 -0.7 kpc. 9 October 1604.
        Event("sn1604", 262.67208, -21.49222, 5100.0, 750.0, _mjd(1604, 10, 9)),
    )
}
"""Supernovae of the last thousand years. Their distances are inputs: give your own in a config."""


def delay(cosine: ArrayLike, distance: ArrayLike, of_event: float) -> Floats:
    """Return how long after the event a signal is received [yr].

    x = d + s - D, s^2 = d^2 + D^2 - 2 d D cos theta, written as d + (d^2 - 2 d D cos theta) /
    (D + s) since s and D are large and nearly alike; Lemarchand (1994), Ap&SS 214, 209;
    Davenport et al. (2022), AJ 164, 117.

    Parameters
    ----------
    cosine : array_like
        Of the angle between sender and event.
    distance : array_like
        Of the sender [ly].
    of_event : float
        [ly]
    """
    d, cos = np.asarray(distance, dtype=float), np.asarray(cosine, dtype=float)
    side = _side(cos, d, of_event)
    return np.asarray(d + (d**2 - 2 * d * of_event * cos) / (of_event + side))


def _side(cosine: Floats, distance: Floats, of_event: float) -> Floats:
    """Return the distance between sender and event [ly]."""
    across = (distance - of_event) ** 2 + 2 * distance * of_event * (1 - cosine)
    return np.asarray(np.sqrt(across))


def delay_err(
    cosine: ArrayLike,
    distance: ArrayLike,
    distance_err: ArrayLike,
    of_event: float,
    of_event_err: float = 0.0,
) -> Floats:
    """Return the error of `delay` [yr] that follows from those of both distances [ly].

    For a distant event that is sigma_d (1 - cos theta), not sigma_d.
    """
    d, cos = np.asarray(distance, dtype=float), np.asarray(cosine, dtype=float)
    side = np.maximum(_side(cos, d, of_event), 1e-12)
    by_sender = 1 + (d - of_event * cos) / side
    by_event = (of_event - d * cos) / side - 1
    sigma = np.asarray(distance_err, dtype=float)
    return np.asarray(np.hypot(by_sender * sigma, by_event * of_event_err))


def ellipsoid_distance(theta: ArrayLike, years: float, of_event: float) -> Floats:
    """Return how far away the ellipsoid is in a direction [ly].

    d = T (2 D + T) / (2 (D + T - D cos theta)).

    Parameters
    ----------
    theta : array_like
        Angle to the event [deg].
    years : float
        Since the event was seen [yr].
    of_event : float
        [ly]
    """
    cos = np.cos(np.radians(np.asarray(theta, dtype=float)))
    height = years * (2 * of_event + years)
    return np.asarray(height / (2 * (of_event + years - of_event * cos)))


@dataclass(frozen=True)
class Ring:
    """Where on the sky Seto's signals are to be looked for at a time.

    Parameters
    ----------
    theta : float
        Angle from the event [deg].
    half_width : float
        Its error by that of the event's distance [deg].
    depth : float
        Senders are nearer than this [pc].
    """

    theta: float
    half_width: float
    depth: float


def rings(event: Event, now: float) -> tuple[Ring, ...]:
    """Return the two rings at a time; none once they have met at 45 deg.

    cos theta + sin theta = 1 + tau, tau = c (t - t0) / D (q = 1), so that theta = 45 deg -+
    arccos((1 + tau) / sqrt 2); Seto (2021), ApJ 917, 96. The sender's distance does not matter.

    Parameters
    ----------
    event : Event
    now : float
        [d, MJD UTC]
    """
    tau = event.years(now) / (event.distance * PARSEC)
    if not 0 <= tau <= LAST_RING:
        return ()
    half = float(np.degrees(np.arccos(min((1 + tau) / np.sqrt(2.0), 1.0))))
    found = []
    for theta in (45.0 + half, 45.0 - half):
        cos, sin = np.cos(np.radians(theta)), np.sin(np.radians(theta))
        slope = max(abs(float(cos - sin)), 1e-9)
        width = tau * event.distance_err / event.distance / slope
        found.append(Ring(theta, float(np.degrees(width)), float(event.distance * cos)))
    return tuple(found)


def drift(event: Event, now: float) -> float:
    """Return how fast the rings move [deg / yr]: 1 / (D abs(cos theta - sin theta)); 0 if none."""
    found = rings(event, now)
    if not found:
        return 0.0
    theta = np.radians(found[0].theta)
    slope = max(abs(float(np.cos(theta) - np.sin(theta))), 1e-9)
    return float(np.degrees(1 / (event.distance * PARSEC) / slope))


def distances(
    parallax: ArrayLike, parallax_err: ArrayLike, given: ArrayLike, given_err: ArrayLike
) -> tuple[Floats, Floats]:
    """Return distances and their errors [pc]: as given, else 1 / parallax.

    Parameters
    ----------
    parallax, parallax_err : array_like
        [mas]; those that are not positive give no distance.
    given, given_err : array_like
        [pc]; NaN where unknown.
    """
    plx, plx_err = np.asarray(parallax, dtype=float), np.asarray(parallax_err, dtype=float)
    known, known_err = np.asarray(given, dtype=float), np.asarray(given_err, dtype=float)
    by_plx = 1000.0 / np.where(plx > 0, plx, np.nan)
    is_given = known > 0
    return (
        np.where(is_given, known, by_plx),
        np.where(is_given, known_err, by_plx * plx_err / np.where(plx > 0, plx, np.nan)),
    )


def event_of(name: str, given: Mapping[str, Any]) -> Event:
    """Return an event by its name, with what is given in place of what is known of it.

    Parameters
    ----------
    name : str
        One of `EVENTS`, or any other if everything is given.
    given : mapping
        ``ra, dec, distance, distance_err, mjd``; None where nothing is said.

    Raises
    ------
    ValueError
        Says what is missing.
    """
    said = {key: value for key, value in given.items() if value is not None}
    known = EVENTS.get(name.strip().lower())
    if known is not None:
        return Event(**{**vars(known), **said})
    missing = [key for key in ("ra", "dec", "distance", "distance_err", "date") if key not in said]
    missing = [key for key in missing if not (key == "date" and "mjd" in said)]
    if missing:
        raise ValueError(
            f"event {name!r} is none of {', '.join(EVENTS)}; give its {', '.join(missing)}"
        )
    return Event(name, **said)
