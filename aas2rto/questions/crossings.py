"""Which stars cross the SETI Ellipsoid of which event in the days ahead, and how surely."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from aas2rto.config.case import Case
from aas2rto.factors.timed import event_in, of_stars
from aas2rto.sky.signals import EVENTS, PARSEC, YEAR, Event, delay, delay_err
from aas2rto.tables.candidates import unit_vectors

COLUMNS = ("star", "event", "crossing", "crossing_err", "days", "distance", "chance")
"""Of the list: names, MJD (UTC) and its error [d], days from now, distance [pc], the chance by the
errors of distances that it crosses within the days asked for."""


def events_of(case: Case) -> list[Event]:
    """Return the events of a config's ellipsoids; those that are known, where it has none."""
    found = []
    for part in case.factors:
        if part.part.name == "seti_ellipsoid":
            given = part.arguments()
            names = ("event", "date", "ra", "dec", "distance", "distance_err")
            found.append(event_in(*(given[name] for name in names)))
    return found or list(EVENTS.values())


def crossings(
    stars: pd.DataFrame, events: Sequence[Event], now: float, days: float, least: float = 0.0
) -> pd.DataFrame:
    """Return what crosses from `now` on, soonest first.

    Parameters
    ----------
    stars : DataFrame
        ``candidate_id, ra, dec`` and ``parallax, parallax_err`` [mas] or ``distance,
        distance_err`` [pc].
    events : sequence of Event
    now : float
        [d, MJD UTC]
    days : float
        So far ahead.
    least : float
        Smallest chance that is shown.

    Returns
    -------
    DataFrame
        With `COLUMNS`.
    """
    at = unit_vectors(stars["ra"].to_numpy(float), stars["dec"].to_numpy(float))
    far, far_err = of_stars(stars)
    parts = []
    for event in events:
        cosine, of_event = event.cosine(at), event.distance * PARSEC
        late = delay(cosine, far * PARSEC, of_event)
        error = delay_err(
            cosine,
            far * PARSEC,
            np.nan_to_num(far_err) * PARSEC,
            of_event,
            event.distance_err * PARSEC,
        )
        away, wide = late * YEAR - (now - event.mjd), np.maximum(error * YEAR, 1e-6)
        chance = ndtr((days - away) / wide) - ndtr(-away / wide)
        rows = np.flatnonzero((away >= 0) & (away <= days) & (chance >= least))
        parts.append(
            pd.DataFrame(
                {
                    "star": stars["candidate_id"].to_numpy(object)[rows],
                    "event": event.name,
                    "crossing": now + away[rows],
                    "crossing_err": wide[rows],
                    "days": away[rows],
                    "distance": far[rows],
                    "chance": chance[rows],
                }
            )
        )
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    return table.sort_values(["days", "star", "event"], ignore_index=True)
