"""A whole simulated survey: what is seen of all that was drawn, and known when.

Each type of object has its own stream of random numbers, made of the seed and its name, so that
more of one type leaves the others as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.errors import UsageError
from aas2rto.models.progress import Progress
from aas2rto.simulate import brokers, contaminants, observe
from aas2rto.simulate.drawing import (
    Drawn,
    Light,
    Population,
    World,
    draw_contaminants,
    draw_explosions,
)
from aas2rto.simulate.observe import ALERT, HISTORY, Rows, Rules
from aas2rto.simulate.surveys import Survey
from aas2rto.simulate.visits import Visits
from aas2rto.tables.photometry import flux_from_mag, mag_from_flux

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Random = np.random.Generator

WARM_UP = 40.0
"""Days before the first night for which the survey runs already, so that this night is like others:
its candidates have a history."""
CHUNK = 2000
"""Objects in memory at a time."""
PEAK_STEP = 1.0
"""Grid on which peaks of analytic light curves are found [d, rest frame]."""
FAINTEST = (10.0, 25.0)
"""[mag] What ``--faintest`` may be."""


@dataclass
class Simulation:
    """A simulated survey.

    Parameters
    ----------
    objects : DataFrame
        Truth of objects with an alert: ``id, type, peak_mjd, peak_mag, peak_mag_g, peak_mag_r,
        redshift, ra, dec, ebv, n_alerts, first_alert, t0, x0, x1, c, peak_abs``.
    rows : Rows
        Their measurements, by object and time.
    facts : DataFrame
        See :func:`aas2rto.simulate.brokers.facts`.
    populations : list of Population
    bands : tuple of str
    """

    objects: pd.DataFrame
    rows: Rows
    facts: pd.DataFrame
    populations: list[Population]
    bands: tuple[str, ...]


@dataclass
class _Run:
    """A survey while it is simulated."""

    world: World
    rules: Rules
    populations: list[Population] = field(default_factory=list)
    truths: list[pd.DataFrame] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    n: int = 0


def simulate(
    survey: Survey,
    visits: Visits,
    end: float,
    *,
    seed: int = 0,
    rate_scale: float = 1.0,
    contaminant_scale: float = 1.0,
    faintest: float | None = None,
) -> Simulation:
    """Simulate what a survey reports until a time.

    Parameters
    ----------
    survey : Survey
    visits : Visits
        From some weeks before the first night of interest on.
    end : float
        What is known later is left out [d, MJD UTC].
    seed : int
        The same seed and visits give the same survey.
    rate_scale : float
        So many times the rates and numbers that are stated.
    contaminant_scale : float
        The same of what is no explosion, on top.
    faintest : float, optional
        Explosions that peak fainter [mag], before dust, are left out.

    Returns
    -------
    Simulation

    Raises
    ------
    UsageError
        If a factor is no number from 0 on, the limit no magnitude, or far too many objects would be
        drawn.
    """
    limit = survey.faintest if faintest is None else faintest
    check(rate_scale, contaminant_scale, limit)
    rules = Rules(survey.calibration, survey.forced_share, survey.measures_gaps, end)
    begin = float(visits.mjd.min()) if len(visits) else end
    world = World(survey, visits, begin, end, seed, limit)
    run = _Run(world, rules)
    drawn: list[Drawn] = []
    if len(visits):
        drawn += draw_explosions(world, rate_scale)
        drawn += draw_contaminants(world, rate_scale * contaminant_scale)
    progress = Progress("simulated objects", sum(len(one.truth) for one in drawn))
    for one in drawn:
        run.populations.append(one.population)
        _observe_all(run, one, progress)
    return _assemble(run)


def check(rate_scale: float, contaminant_scale: float, faintest: float) -> None:
    """Refuse numbers that no survey can have.

    Raises
    ------
    UsageError
    """
    for name, value in (("--rate-scale", rate_scale), ("--contaminants", contaminant_scale)):
        if not 0 <= value < np.inf:
            raise UsageError(f"{name}: {value:g} is no factor; give a number from 0 on")
    if not FAINTEST[0] <= faintest <= FAINTEST[1]:
        low, high = FAINTEST
        raise UsageError(f"--faintest: {faintest:g} mag is not between {low:g} and {high:g}")


def _observe_all(run: _Run, drawn: Drawn, progress: Progress) -> None:
    """Observe all objects of one type, some at a time, and keep those with an alert."""
    rng = run.world.rng(f"{drawn.population.name} noise")
    for begin in range(0, len(drawn.truth), CHUNK):
        span = slice(begin, begin + CHUNK)
        some = replace(
            drawn,
            truth=drawn.truth.iloc[span].reset_index(drop=True),
            first=drawn.first[span],
            last=drawn.last[span],
        )
        drawn.population.alerted += _observe(run, some, rng)
        progress.add(len(some.truth))


def _observe(run: _Run, drawn: Drawn, rng: Random) -> int:
    """Observe some objects; return how many have an alert."""
    some, visits = drawn.truth, run.world.visits
    ra, dec = some["ra"].to_numpy(float), some["dec"].to_numpy(float)
    pairs = visits.pairs(ra, dec, drawn.first - HISTORY, drawn.last)
    owner, visit = pairs
    mjd = visits.mjd[visit]
    bad = None
    if "again" in some:
        true, bad = _spikes(some, owner, visit, mjd, rng)
    else:
        true = drawn.light(some, owner, mjd, visits.band[visit])
        true = np.where(mjd >= drawn.first[owner], true, 0.0)
    rows = observe.observe(rng, visits, pairs, true, run.rules, bad)
    alerted = np.unique(rows.owner[rows.kind == ALERT])
    if not alerted.size:
        return 0
    number = np.full(len(some), -1, dtype=np.int32)
    number[alerted] = run.n + np.arange(alerted.size)
    run.truths.append(_peaks(visits, some.iloc[alerted].reset_index(drop=True), drawn.light))
    run.rows.append(replace(rows, owner=number[rows.owner]).take(number[rows.owner] >= 0))
    run.n += alerted.size
    return int(alerted.size)


def _spikes(
    some: pd.DataFrame, owner: Ints, visit: Ints, mjd: Floats, rng: Random
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the flux of what is seen at one visit, and perhaps again some visits later."""
    when = some["t0"].to_numpy(float)[owner]
    # Two alerts in one place: every third visit from the first on.
    start = np.searchsorted(owner, np.arange(len(some) + 1))
    is_after = mjd >= when
    since = np.cumsum(is_after)
    offset = np.concatenate([[0], since])[start[:-1]]
    rank = since - offset[owner] - 1
    hit = visit == some["visit"].to_numpy()[owner]
    again = some["again"].to_numpy()[owner]
    hit |= is_after & (rank > 0) & (rank % 3 == 0) & (rank <= 3 * again)
    bright = flux_from_mag(some["mag0"].to_numpy(float)) * some["sign"].to_numpy(float)
    flags = (rng.random(hit.size) < contaminants.BAD) & (some["type"] == contaminants.ARTEFACT)[0]
    return np.where(hit, bright[owner], 0.0), flags


def _peaks(visits: Visits, truth: pd.DataFrame, light: Light) -> pd.DataFrame:
    """Find the noise-free peaks of explosions in g and r; others have none yet."""
    nothing = np.full(len(truth), np.nan)
    if "peak_abs" not in truth or not len(truth):
        return truth.assign(peak_mjd=nothing, peak_mag_g=nothing, peak_mag_r=nothing)
    is_ia = "x0" in truth
    phases = np.arange(-5.0, 8.0) if is_ia else np.arange(-30.0, 60.0, PEAK_STEP)
    stretch = 1 + np.nan_to_num(truth["z"].to_numpy(float))
    times = truth["t0"].to_numpy(float)[:, None] + phases * stretch[:, None]
    owner = np.repeat(np.arange(len(truth)), phases.size)
    found = {}
    for letter in "gr":
        band = [name[-1] for name in visits.bands].index(letter)
        flux = light(truth, owner, times.ravel(), np.full(owner.size, band))
        found[letter] = flux.reshape(times.shape)
    rows = np.arange(len(truth))
    at = truth["t0"].to_numpy(float) if is_ia else times[rows, found["r"].argmax(axis=1)]
    mags = {f"peak_mag_{letter}": mag_from_flux(found[letter].max(axis=1)) for letter in "gr"}
    return truth.assign(peak_mjd=at, **mags)


TRUTH = (
    "id",
    "type",
    "peak_mjd",
    "peak_mag",
    "peak_mag_g",
    "peak_mag_r",
    "redshift",
    "ra",
    "dec",
    "ebv",
    "n_alerts",
    "first_alert",
    "last_alert",
    "t0",
    "x0",
    "x1",
    "c",
    "peak_abs",
)


def _assemble(run: _Run) -> Simulation:
    """Name objects in the order of their first alerts, and add what is said of them."""
    if not run.n:
        nothing = pd.DataFrame({name: pd.Series(dtype=float) for name in TRUTH})
        return Simulation(
            nothing, Rows.none(), _no_facts(), run.populations, run.world.visits.bands
        )
    truth = pd.concat(run.truths, ignore_index=True)
    rows = Rows.join(run.rows)
    alerts = np.flatnonzero(rows.kind == ALERT)
    owner, at = rows.owner[alerts], rows.known_at[alerts]
    first, last = np.full(run.n, np.inf), np.full(run.n, -np.inf)
    np.minimum.at(first, owner, at)
    np.maximum.at(last, owner, at)
    truth["n_alerts"] = np.bincount(owner, minlength=run.n)
    truth["first_alert"], truth["last_alert"] = first, last
    _fill_peaks(truth, rows, alerts)
    order = np.argsort(first, kind="stable")
    place = np.empty(run.n, dtype=np.int32)
    place[order] = np.arange(run.n)
    truth = truth.iloc[order].reset_index(drop=True)
    truth.insert(0, "id", _ids(run, run.n))
    truth = truth.rename(columns={"z": "redshift"}).reindex(columns=list(TRUTH))
    rows = replace(rows, owner=place[rows.owner])
    rows = rows.take(np.lexsort((rows.known_at, rows.mjd, rows.owner)))
    facts = _facts(run, truth, rows)
    return Simulation(truth, rows, facts, run.populations, run.world.visits.bands)


def _fill_peaks(truth: pd.DataFrame, rows: Rows, alerts: Ints) -> None:
    """Give objects without a peak of their own that of their brightest alert."""
    size = np.abs(rows.flux[alerts])
    best = alerts[np.lexsort((-size, rows.owner[alerts]))]
    owner, first = np.unique(rows.owner[best], return_index=True)
    top = best[first]
    mjd, mag = np.full(len(truth), np.nan), np.full(len(truth), np.nan)
    mjd[owner], mag[owner] = rows.mjd[top], mag_from_flux(np.abs(rows.flux[top]))
    own = truth[["peak_mag_g", "peak_mag_r"]].min(axis=1)
    truth["peak_mag"] = own.where(own.notna(), mag)
    truth["peak_mjd"] = truth["peak_mjd"].where(truth["peak_mjd"].notna(), mjd)


def _ids(run: _Run, n: int) -> list[str]:
    letter = run.world.survey.name[0].upper()
    return [f"SIM{run.world.seed}{letter}{number:06d}" for number in range(n)]


def _facts(run: _Run, truth: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    here = rows.kind == ALERT
    alerts = pd.DataFrame({"owner": rows.owner[here], "known_at": rows.known_at[here]})
    alerts = alerts.sort_values(["owner", "known_at"], kind="stable", ignore_index=True)
    told = truth.rename(columns={"redshift": "z"})
    facts = brokers.facts(run.world.rng("brokers"), run.world.survey.name, told, alerts)
    return facts[facts["known_at"] <= run.world.end].reset_index(drop=True)


def _no_facts() -> pd.DataFrame:
    return pd.DataFrame({"owner": pd.Series(dtype=int), "known_at": pd.Series(dtype=float)})
