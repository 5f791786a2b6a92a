"""What a survey reports of a true flux: alerts, limits, forced photometry, and when."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from aas2rto.simulate.visits import Visits
from aas2rto.tables.photometry import LIMIT_SIGMA, flux_from_mag

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]
Random = np.random.Generator

ALERT, LIMIT, FORCED = 0, 1, 2
"""Kinds of rows."""
HISTORY = 30.0
"""Days of non-detections that an alert of ZTF carries (Masci et al. 2019), and that Rubin measures
again before a new object's first detection (LSE-163, precovery)."""
AFTER = 10.0
"""Forced photometry goes on so long [d] after the last alert."""
FORCED_DELAY = (1.0, 1.5)
"""Days from an exposure, or from the object's first alert, to its forced photometry."""


@dataclass(frozen=True)
class Rules:
    """How a survey reports.

    Parameters
    ----------
    calibration : float
        Relative error that no photon noise explains.
    forced_share : float
        Share of objects with late forced photometry of all exposures.
    measures_gaps : bool
        True: exposures between alerts come as fluxes (Rubin's ``prvDiaForcedSources``); False: as
        limits (ZTF's ``prv_candidates``).
    end : float
        What is known later is left out [d, MJD UTC].
    """

    calibration: float
    forced_share: float
    measures_gaps: bool
    end: float


@dataclass(frozen=True)
class Rows:
    """Measurements, one per row: of whom, when, in which band, how bright [uJy], known when.

    Parameters
    ----------
    owner, band, kind : ndarray of int
    mjd, known_at : ndarray
        [d, MJD UTC]
    flux, flux_err : ndarray
        [uJy], NaN for limits.
    limit : ndarray
        Five sigma [uJy].
    bad : ndarray of bool
        True where the survey flags its quality.
    """

    owner: NDArray[np.int32]
    band: NDArray[np.int8]
    kind: NDArray[np.int8]
    mjd: Floats
    known_at: Floats
    flux: NDArray[np.float32]
    flux_err: NDArray[np.float32]
    limit: NDArray[np.float32]
    bad: Flags

    def __len__(self) -> int:
        return self.mjd.size

    def take(self, rows: NDArray[np.generic]) -> Rows:
        """Return some rows."""
        return Rows(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    @staticmethod
    def none() -> Rows:
        """Return no rows."""
        nothing, small = np.empty(0), np.empty(0, np.float32)
        return Rows(
            owner=np.empty(0, np.int32),
            band=np.empty(0, np.int8),
            kind=np.empty(0, np.int8),
            mjd=nothing,
            known_at=nothing,
            flux=small,
            flux_err=small,
            limit=small,
            bad=np.empty(0, np.bool_),
        )

    @staticmethod
    def join(parts: list[Rows]) -> Rows:
        """Return the rows of all parts."""
        return Rows(
            **{
                one.name: np.concatenate([getattr(part, one.name) for part in parts])
                for one in fields(Rows)
            }
        )


def observe(
    rng: Random,
    visits: Visits,
    pairs: tuple[Ints, Ints],
    true: Floats,
    rules: Rules,
    bad: Flags | None = None,
) -> Rows:
    """Report what is seen of objects.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the noise, and for whom there is forced photometry.
    visits : Visits
    pairs : (ndarray, ndarray)
        Object and visit, sorted by object and time.
    true : ndarray
        Difference flux of each pair [uJy].
    rules : Rules
    bad : ndarray of bool, optional
        Which would carry a bad-quality flag.

    Returns
    -------
    Rows
        Of objects with an alert: an alert where flux exceeds five times its error, of either sign;
        what was not detected before an alert, known with that alert; late forced photometry.
    """
    owner, visit = pairs
    n = owner.size
    mjd, noise = visits.mjd[visit], flux_from_mag(visits.depth[visit]) / LIMIT_SIGMA
    error = np.hypot(noise, rules.calibration * true)
    flux = true + error * rng.normal(size=n)
    known = mjd + visits.latency[visit]
    is_alert = (np.abs(flux) >= LIMIT_SIGMA * error) & (known <= rules.end)
    place = np.where(is_alert, np.arange(n), n)
    following = np.minimum.accumulate(place[::-1])[::-1]
    told = np.minimum(following, max(n - 1, 0))
    carried = ~is_alert & (following < n) & (owner[told] == owner)
    carried &= mjd[told] - mjd <= HISTORY
    first = _first_alerts(owner, is_alert)
    then = np.where(is_alert, known, known[told])
    if rules.measures_gaps:
        is_first = first[owner] == told
        later = known[told] + rng.uniform(*FORCED_DELAY, n)
        then = np.where(carried & is_first, later, then)
    kind = np.where(is_alert, ALERT, FORCED if rules.measures_gaps else LIMIT)
    reported = np.flatnonzero(is_alert | carried)
    late, late_known = _forced(rng, owner, mjd, known, first, is_alert, rules)
    rows = np.concatenate([reported, late])
    kinds = np.concatenate([kind[reported], np.full(late.size, FORCED)])
    measured = kinds != LIMIT
    quality = np.zeros(n, dtype=bool) if bad is None else bad
    made = Rows(
        owner=owner[rows].astype(np.int32),
        band=visits.band[visit[rows]].astype(np.int8),
        kind=kinds.astype(np.int8),
        mjd=mjd[rows],
        known_at=np.concatenate([then[reported], late_known]),
        flux=np.where(measured, flux[rows], np.nan).astype(np.float32),
        flux_err=np.where(measured, error[rows], np.nan).astype(np.float32),
        limit=(LIMIT_SIGMA * noise[rows]).astype(np.float32),
        bad=quality[rows] & (kinds == ALERT),
    )
    return made.take(np.flatnonzero(made.known_at <= rules.end))


def _first_alerts(owner: Ints, is_alert: Flags) -> Ints:
    """Return the place of each object's first alert; -1 without one."""
    first = np.full(int(owner[-1]) + 1 if owner.size else 0, -1, dtype=np.intp)
    places = np.flatnonzero(is_alert)[::-1]
    first[owner[places]] = places
    return first


def _forced(
    rng: Random,
    owner: Ints,
    mjd: Floats,
    known: Floats,
    first: Ints,
    is_alert: Flags,
    rules: Rules,
) -> tuple[Ints, Floats]:
    """Return the exposures whose forced photometry comes late, and when it is known."""
    chosen = (rng.random(first.size) < rules.forced_share) & (first >= 0)
    last = np.zeros(first.size)
    places = np.flatnonzero(is_alert)
    last[owner[places]] = mjd[places]
    begun = np.where(first >= 0, mjd[first], np.inf)
    since = np.where(first >= 0, known[first], np.inf)
    wanted = chosen[owner] & (mjd >= begun[owner] - HISTORY) & (mjd <= last[owner] + AFTER)
    if rules.measures_gaps:
        wanted &= is_alert | (mjd > last[owner])
    rows = np.flatnonzero(wanted)
    at = np.maximum(mjd[rows], since[owner[rows]]) + rng.uniform(*FORCED_DELAY, rows.size)
    return rows, at
