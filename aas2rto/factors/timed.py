"""What the factors of signals timed by a supernova share: the event, and how far away a star is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel

from aas2rto.factors import numbers
from aas2rto.sky.signals import Event, distances, event_of

EVENT_SETTINGS = ("ra", "dec", "distance", "distance_err")


def event_in(
    name: str,
    date: str | None,
    ra: float | None,
    dec: float | None,
    distance: float | None,
    distance_err: float | None,
) -> Event:
    """Return the event that settings name.

    Raises
    ------
    ValueError
        Says what is wrong or missing.
    """
    given = dict(zip(EVENT_SETTINGS, (ra, dec, distance, distance_err), strict=True))
    return event_of(name, {**given, "mjd": None if date is None else mjd_of(date)})


def mjd_of(text: str) -> float:
    """Return the MJD (UTC) of a date such as ``1987-02-23``, Gregorian.

    Raises
    ------
    ValueError
        If it is none.
    """
    from astropy.time import Time  # noqa: PLC0415  half a second at import

    try:
        return float(Time(text.strip(), scale="utc").mjd)
    except ValueError as error:
        raise ValueError(f"date: {text!r} is no date; write for example 1987-02-23") from error


def check_event(options: BaseModel, **_: Any) -> list[str]:
    """Say when the config loads what is wrong with an event."""
    given: Any = options
    try:
        event_in(given.event, given.date, given.ra, given.dec, given.distance, given.distance_err)
    except ValueError as error:
        return [str(error)]
    return []


def of_stars(candidates: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distances of candidates and their errors [pc]; NaN where unknown.

    Reads ``distance, distance_err`` [pc] and ``parallax, parallax_err`` [mas].
    """
    read: Callable[[str], NDArray[np.float64]] = lambda name: numbers(candidates, name)  # noqa: E731
    return distances(read("parallax"), read("parallax_err"), read("distance"), read("distance_err"))
