"""In the sky map of a burst or a gravitational wave: where, how far, and not seen before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
from pydantic import Field

from aas2rto.factors import Factor, Needs, Positive, Share, answer, factor, numbers
from aas2rto.parts.path_setting import OwnFolder
from aas2rto.sky.regions.distance import consistency
from aas2rto.sky.regions.events import Event, active
from aas2rto.tables.candidates import unit_vectors
from aas2rto.text.late import sentences
from aas2rto.units import Day

Floats = NDArray[np.float64]

REDSHIFT_ERROR = 0.001
"""300 km/s, as galaxies move beside the expansion (Davis et al. 2011, ApJ 741, 67)."""

WINDOW = 31.0
"""[d] skyportal, doc/gcn_crossmatch.md: candidates are compared with events of the last 31 d."""


@factor("in_skymap", needs=Needs.LIGHT_CURVE)
def in_skymap(
    candidates: pd.DataFrame,
    now: Time,
    *,
    folder: OwnFolder = "sky_maps",
    credible: Share = 0.95,
    value: Positive = 10.0,
    only: bool = False,
    window: Annotated[Day, Field(gt=0, le=3650)] = WINDOW,
    before: Annotated[Day, Field(ge=0)] = 0.0,
    redshift_error: Annotated[float, Field(gt=0, le=1)] = REDSHIFT_ERROR,
) -> Factor:
    """Prefer what may be the counterpart of an event with a sky map.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``ra, dec, first_detection, redshift``.
    now : Time
        Events later than that, or older than `window`, do not count.
    folder : str
        Where maps lie; the source `gcn` keeps them there, or people put them there.
    credible : float
        Outside of this credible region it is no counterpart.
    value : float
        Of the densest place of a map, at the distance that agrees best.
    only : bool
        Whether what lies in no map is excluded, as long as there is an event.
    window : float
        Age of an event up to which it counts [day].
    before : float
        Who was seen earlier than this before the event is no counterpart [day].
    redshift_error : float
        Of the redshifts; photometric ones need a larger one.

    Returns
    -------
    Factor
        1 + (value - 1) * (1 - credible level) * agreement of the distance, of the event where that
        is largest; 1 without one. An unknown redshift, or a map without distances, is neutral.

    Notes
    -----
    Agreement: `aas2rto.sky.regions.distance.consistency`; luminosity distances in the cosmology of
    Planck 2018.
    """
    moment, n = float(now.utc.mjd), len(candidates)
    events, problems = active(Path(folder).expanduser(), moment, window)
    at = unit_vectors(numbers(candidates, "ra"), numbers(candidates, "dec"))
    first = numbers(candidates, "first_detection")
    distance, error = _distances(numbers(candidates, "redshift"), redshift_error)
    best, which, level, agrees = np.zeros(n), np.full(n, -1), np.ones(n), np.ones(n)
    for place, event in enumerate(events):
        cell = event.map.cell(at)
        levels = event.map.level_of(cell)
        agreement = consistency(*event.map.distance_of(cell), distance, error)
        late = ~(first < event.time - before)
        share = np.where(late & (levels < credible), (1.0 - levels) * agreement, 0.0)
        better = share > best
        best = np.where(better, share, best)
        which[better], level[better], agrees[better] = place, levels[better], agreement[better]
    inside = which >= 0
    told = sentences(n, _told(events, which, level, agrees, distance, first))
    found = answer(
        1.0 + (value - 1.0) * best,
        exclude=~inside & (only and bool(events)),
        reason=told,
        credible_level=level,
        distance_agreement=agrees,
    )
    return Factor(found.value, found.decision, found.reason, found.inputs, tuple(problems))


def _distances(redshift: Floats, error: float) -> tuple[Floats, Floats]:
    """Return luminosity distances and their errors [Mpc]; NaN where the redshift is unknown."""
    distance, spread = np.full(len(redshift), np.nan), np.full(len(redshift), np.nan)
    known = np.isfinite(redshift) & (redshift > 0)
    if known.any():
        from astropy.cosmology import Planck18  # noqa: PLC0415  slow to import

        grid = np.geomspace(1e-5, max(10.0, float(redshift[known].max()) + error), 2000)
        table = Planck18.luminosity_distance(grid).value
        distance[known] = np.interp(redshift[known], grid, table)
        slope = np.interp(redshift[known] + error, grid, table) - distance[known]
        spread[known] = np.maximum(slope, 1e-3)
    return distance, spread


def _told(
    events: list[Event],
    which: NDArray[np.int_],
    level: Floats,
    agrees: Floats,
    distance: Floats,
    first: Floats,
) -> Callable[[int], str]:
    """Return who says of a row in which map it lies."""
    names = ", ".join(one.name for one in events[:3]) + (", ..." if len(events) > 3 else "")

    def line(row: int) -> str:
        if not events:
            return "there is no event with a sky map"
        if which[row] < 0:
            early = events and first[row] < events[0].time
            return f"in no sky map of {names}" + (", or seen before" if early else "")
        event = events[which[row]]
        said = f"in the {level[row]:.0%} region of {event.name}"
        if event.map.layers is not None and np.isfinite(distance[row]):
            said += f", {distance[row]:.0f} Mpc away (agrees to {agrees[row]:.0%})"
        return said

    return line
