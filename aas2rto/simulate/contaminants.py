"""What is no explosion: active nuclei, variable stars, dwarf novae, asteroids, artefacts.

How many of each enter a stream that a broker has filtered for transients is stated here, per year
of survey, and not derived: filters differ more than skies. All of it scales with ``--rate-scale``
and ``--contaminants``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.simulate import explosions
from aas2rto.simulate.visits import Visits
from aas2rto.tables.photometry import flux_from_mag

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Random = np.random.Generator

AGN, STAR, CV, ASTEROID, ARTEFACT = "AGN", "variable star", "CV", "asteroid", "artefact"
LASTING = (AGN, STAR)
SINGLE = (ASTEROID, ARTEFACT)

PER_YEAR: dict[str, dict[str, float]] = {
    "ztf": {AGN: 1500.0, STAR: 2000.0, CV: 1000.0, ASTEROID: 20000.0, ARTEFACT: 18000.0},
    "lsst": {AGN: 10000.0, STAR: 10000.0, CV: 2000.0, ASTEROID: 40000.0, ARTEFACT: 40000.0},
}
"""Objects that enter the filtered stream in a year, by survey and type (ours, see above)."""

FAINTER = 0.3
"""Slope of log10 N(m) per magnitude of asteroids and artefacts: a detection lies an exponential
of mean 1.45 mag above the limit (Jedicke et al. 2002 find 0.3 to 0.35 for faint asteroids)."""
SHINES = 30.0
"""Mean time for which a filter lets a variable through [d]."""
STRUCTURE, MEMORY = 0.2, 200.0
"""AGN: SF of 0.2 mag at long times and the time scale [d, observer] of a damped random walk
(MacLeod et al. 2010)."""
BAD = 0.5
"""Share of artefacts' detections that carry a bad-quality flag."""
AGAIN = 0.3
"""Share of artefacts that come back once or twice, such as those beside a bright star."""


@dataclass(frozen=True)
class Window:
    """When objects may be seen [d, MJD UTC]."""

    first: Floats
    last: Floats


def draw(kind: str, rng: Random, n: int, begin: float, end: float) -> tuple[pd.DataFrame, Window]:
    """Draw active nuclei, variable stars or dwarf novae.

    Parameters
    ----------
    kind : str
    rng : numpy.random.Generator
    n : int
    begin, end : float
        When they enter the stream [d, MJD UTC].
    """
    start = rng.uniform(begin, end, n)
    if kind == CV:
        mag = _counts(rng, n, 14.5, 20.5)
        truth = explosions.shaped(explosions.OUTBURST, rng, mag, start)
        before, after = explosions.OUTBURST.lasts
        return truth, Window(start - before, start + after)
    lasting = 1.0 + rng.exponential(SHINES, n)
    truth = pd.DataFrame({"type": kind, "z": np.nan, "t0": start, "begins": start}, index=range(n))
    if kind == AGN:
        truth["z"] = rng.uniform(0.02, 0.6, n)
        truth["mag0"] = _counts(rng, n, 15.5, 20.0)
    else:
        truth["mag0"] = _counts(rng, n, 15.0, 20.0)
        truth["period"] = 10 ** rng.uniform(-0.5, 2.6, n)
    return truth, Window(start, start + lasting)


def _counts(rng: Random, n: int, bright: float, faint: float) -> Floats:
    """Draw magnitudes with log10 N growing by `FAINTER` per magnitude."""
    low, high = 10 ** (FAINTER * bright), 10 ** (FAINTER * faint)
    return np.asarray(np.log10(rng.uniform(low, high, n)) / FAINTER)


def singles(kind: str, rng: Random, n: int, visits: Visits) -> pd.DataFrame:
    """Draw asteroids or artefacts: each at a visit that saw it, at a place in its field.

    Returns
    -------
    DataFrame
        ``type, z, t0, visit, ra, dec, mag0 [mag], sign, again``.
    """
    visit = rng.integers(0, len(visits), n)
    offset = visits.radius * np.sqrt(rng.random(n))
    angle = rng.uniform(0, 2 * np.pi, n)
    dec = np.clip(visits.dec[visit] + offset * np.sin(angle), -89.9, 89.9)
    east = offset * np.cos(angle) / np.maximum(np.cos(np.radians(dec)), 0.02)
    ra = (visits.ra[visit] + east) % 360.0
    above = np.minimum(rng.exponential(1 / (FAINTER * np.log(10)), n), 6.0)
    again = np.zeros(n, dtype=np.int64)
    if kind == ARTEFACT:
        again = np.where(rng.random(n) < AGAIN, rng.integers(1, 3, n), 0)
    return pd.DataFrame(
        {
            "type": kind,
            "z": np.nan,
            "t0": visits.mjd[visit],
            "visit": visit,
            "ra": ra,
            "dec": dec,
            "mag0": visits.depth[visit] - above,
            "sign": rng.choice([-1.0, 1.0], n) if kind == ARTEFACT else 1.0,
            "again": again,
        }
    )


def star_flux(truth: pd.DataFrame, owner: Ints, mjd: Floats, wave: Floats) -> Floats:
    """Return difference fluxes [uJy] of periodic stars: a sine of both signs, stronger in blue."""
    amplitude = flux_from_mag(truth["mag0"].to_numpy(float))[owner]
    turns = (mjd - truth["t0"].to_numpy(float)[owner]) / truth["period"].to_numpy(float)[owner]
    return np.asarray(amplitude * np.sin(2 * np.pi * turns) * (wave / explosions.REST_R) ** -1.0)


def nucleus_flux(
    truth: pd.DataFrame, owner: Ints, mjd: Floats, wave: Floats, rng: Random
) -> Floats:
    """Return difference fluxes [uJy] of active nuclei: a damped random walk about the reference.

    Parameters
    ----------
    truth : DataFrame
    owner, mjd : ndarray
        Sorted by owner and time.
    wave : ndarray
        [Angstrom]; blue varies more.
    rng : numpy.random.Generator
    """
    walk = np.zeros(mjd.size)
    start = np.searchsorted(owner, np.arange(len(truth) + 1))
    kick = rng.normal(size=mjd.size)
    count = np.diff(start)
    sigma = STRUCTURE / np.sqrt(2)
    for step in range(int(count.max()) if count.size else 0):
        here = start[:-1][count > step] + step
        if step == 0:
            walk[here] = sigma * kick[here]
            continue
        keep = np.exp(-(mjd[here] - mjd[here - 1]) / MEMORY)
        walk[here] = walk[here - 1] * keep + sigma * np.sqrt(1 - keep**2) * kick[here]
    reference = flux_from_mag(truth["mag0"].to_numpy(float))[owner]
    blue = (wave / explosions.REST_R) ** -0.5
    return np.asarray(reference * (10 ** (0.4 * walk * blue) - 1))
