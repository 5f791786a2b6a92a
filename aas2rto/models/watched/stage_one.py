"""Stage 1 of the first filter: which of many watched sources changed, looked at every night.

A source is flagged by |z| above the threshold on two nights in a row of a band, or in two bands on
one night, in the same direction; or by a cumulative sum above its threshold that a Bayesian block
confirms. Blocks are looked for only where a sum is above it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from aas2rto.models.watched.nightly import Nights
from aas2rto.models.watched.stage_kernel import Nightly, advance
from aas2rto.models.watched.stage_state import SEEN, STATE, Settings, fresh

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Watched:
    """Which series belong to which source.

    Parameters
    ----------
    source : ndarray of int, shape (s,)
        Of each series, ascending from 0.
    band : ndarray of int, shape (s,)
        Any number for each band; the same band at two sites has one.
    agn : ndarray of bool, shape (sources,)
        Known to be active nuclei: their sums are of the innovations of a damped random walk, or not
        looked at where that is not known well enough.
    """

    source: Ints
    band: Ints
    agn: Mask


@dataclass
class Progress:
    """What stage 1 knows of all series, and of each night that it looked at.

    Parameters
    ----------
    state : ndarray of float, shape (s, len(STATE))
        See `aas2rto.models.watched.stage_state.STATE`.
    out_of_baseline : ndarray of bool, shape (n,)
        Nights of flagged intervals.
    z : ndarray of float, shape (n,)
        Deviation of each night from the baseline before it; NaN where there was none yet.
    starts : ndarray of int, shape (s + 1,)
        Where the nights of each series begin.
    """

    state: Floats
    out_of_baseline: Mask = field(default_factory=lambda: np.zeros(0, dtype=bool))
    z: Floats = field(default_factory=lambda: np.zeros(0))
    starts: Ints = field(default_factory=lambda: np.zeros(1, dtype=np.int64))

    def table(self) -> pd.DataFrame:
        """Return the state as a table, one row per series."""
        return pd.DataFrame(self.state, columns=list(STATE))


def stage_one(
    nights: Nights,
    watched: Watched,
    settings: Settings | None = None,
    before: Progress | None = None,
    until: ArrayLike = np.inf,
) -> Progress:
    """Look at every night that was not looked at yet.

    Parameters
    ----------
    nights : Nights
        All nights of all series so far, also those that were looked at: the baseline is measured
        anew from them when it has grown.
    watched : Watched
    settings : Settings, optional
    before : Progress, optional
        What an earlier call returned. A series of which an earlier night was added or taken away
        since is looked at from its beginning, with all series of its source.
    until : array_like
        The baseline ends here [d], of each source or of all; later nights are judged by it alone.
        Infinite: it goes on, each night `guard` days after it was seen.

    Returns
    -------
    Progress
        The same, whether nights came singly or all at once.
    """
    starts = nights.starts(len(watched.source))
    known = _taken_over(before, starts, nights, watched)
    n = len(watched.agn)
    every = Nightly(
        nights.mjd,
        nights.night,
        nights.flux,
        nights.flux_err,
        starts,
        np.searchsorted(watched.source, np.arange(n + 1)).astype(np.int64),
        np.asarray(watched.band, dtype=np.int64),
        np.asarray(watched.agn, dtype=np.int64),
        np.broadcast_to(np.asarray(until, dtype=float), (n,)).copy(),
        (settings or Settings()).numbers(),
        known.state,
        known.out_of_baseline,
        known.z,
    )
    advance(every)
    return known


def _taken_over(
    before: Progress | None, starts: Ints, nights: Nights, watched: Watched
) -> Progress:
    """Return what is known of each night of now from what was known of those of then."""
    n_series, n = len(starts) - 1, len(nights.mjd)
    now = Progress(fresh(n_series), np.zeros(n, dtype=bool), np.full(n, np.nan), starts)
    if before is None or before.state.shape[0] != n_series:
        return now
    seen = before.state[:, SEEN].astype(np.int64)
    last = np.where(seen > 0, before.state[:, _LAST], -1).astype(np.int64)
    # A night that came late, before the last that was seen, shifts those after it.
    rows = np.minimum(starts[:-1] + np.maximum(seen - 1, 0), max(n - 1, 0))
    has = starts[1:] - starts[:-1] >= seen
    same = np.zeros(n_series, dtype=bool)
    if n:
        same = has & ((seen == 0) | (nights.night[rows] == last))
    bad = np.zeros(len(watched.agn), dtype=bool)
    np.logical_or.at(bad, watched.source, ~same)
    kept = np.flatnonzero(~bad[watched.source])
    now.state[kept] = before.state[kept]
    # Rows of each kept series: its first, and as many more as were seen.
    within = np.arange(seen[kept].sum()) - np.repeat(np.cumsum(seen[kept]) - seen[kept], seen[kept])
    new = np.repeat(starts[kept], seen[kept]) + within
    old = np.repeat(before.starts[kept], seen[kept]) + within
    now.out_of_baseline[new] = before.out_of_baseline[old]
    now.z[new] = before.z[old]
    return now


_LAST = list(STATE).index("last_night")


def statuses(table: pd.DataFrame, agn: ArrayLike = 0) -> NDArray[np.object_]:
    """Say how each series is looked at.

    Parameters
    ----------
    table : DataFrame
        As `Progress.table` returns it.
    agn : array_like of bool
        Of each series, whether it is of a known active nucleus.

    Returns
    -------
    ndarray of str
        ``no nights``; ``too few nights`` for a baseline; ``random walk``: sums are those of its
        innovations; ``baseline changes``: it does so itself, as one that holds a flare or is an
        active nucleus, and is too short for a random walk: only two nights or two bands count;
        ``ok``.
    """
    walks = table["sigma"].to_numpy(float) > 0
    moves = (table["red"].to_numpy(float) > 0) | np.asarray(agn, dtype=bool)
    return np.select(
        [table["seen"] == 0, table["n_base"] == 0, walks, moves],
        ["no nights", "too few nights", "random walk", "baseline changes"],
        "ok",
    ).astype(object)
