"""A whole simulated survey: what explodes and what does not, what is seen of it, and known when.

Each type of object has its own stream of random numbers, made of the seed and its name, so that
more of one type leaves the others as they are.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.models.progress import Progress
from aas2rto.simulate import brokers, contaminants, explosions, observe, supernovae_ia
from aas2rto.simulate.contaminants import SINGLE
from aas2rto.simulate.cosmology import YEAR, Rate, redshift_of_modulus
from aas2rto.simulate.observe import ALERT, HISTORY, Rows, Rules
from aas2rto.simulate.visits import Visits
from aas2rto.sky import dust
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
MOST_EBV = 3.0
"""[mag] Whatever lies behind more dust is not seen."""


@dataclass(frozen=True)
class Survey:
    """What is special about a survey.

    Parameters
    ----------
    name : str
    calibration : float
        Relative error beyond photon noise.
    forced_share : float
        Share of objects with late forced photometry.
    measures_gaps : bool
        See :class:`aas2rto.simulate.observe.Rules`.
    faintest : float
        Explosions that peak fainter [mag], before dust, are not drawn unless asked for.
    radius, latency : float
        Field of view [deg] and median time to an alert [min], for visits from a file.
    """

    name: str
    calibration: float
    forced_share: float
    measures_gaps: bool
    faintest: float
    radius: float
    latency: float


SURVEYS = {
    "ztf": Survey("ztf", 0.02, 0.2, measures_gaps=False, faintest=21.5, radius=3.3, latency=15.0),
    "lsst": Survey("lsst", 0.005, 0.2, measures_gaps=True, faintest=22.0, radius=1.75, latency=5.0),
}
"""Calibration: 0.02 (Masci et al. 2019: below 0.025 mag) and 0.005 (Ivezic et al. 2019). ZTF's own
depth hardly passes 21.5; LSST's does, and its faint ones are a matter of ``--faintest``. Rubin:
field of 9.6 deg2; alerts within 60 s (LSE-163), and minutes of a broker."""


@dataclass
class Population:
    """What was drawn of one type.

    Parameters
    ----------
    name : str
    expected, drawn, alerted : float, int, int
        Mean number that explodes (or enters the stream) in the drawn time and volume, how many
        were drawn, and how many have an alert.
    z_max : float
        NaN for what is not volumetric.
    source : str
        Of the rate.
    """

    name: str
    expected: float
    drawn: int
    alerted: int = 0
    z_max: float = float("nan")
    source: str = ""


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
class _World:
    """What all types share while a survey is simulated."""

    survey: Survey
    visits: Visits
    begin: float
    end: float
    seed: int
    rules: Rules
    faintest: float
    populations: list[Population] = field(default_factory=list)
    truths: list[pd.DataFrame] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    n: int = 0

    def rng(self, name: str) -> Random:
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    @property
    def sky(self) -> tuple[float, float]:
        """Declinations between which there are visits [deg]."""
        reach = 3.5 if self.visits.cell_of else self.survey.radius
        low, high = float(self.visits.dec.min()), float(self.visits.dec.max())
        return max(low - reach, -90.0), min(high + reach, 90.0)

    @property
    def share(self) -> float:
        low, high = np.sin(np.radians(self.sky))
        return float(high - low) / 2


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
    """
    rules = Rules(survey.calibration, survey.forced_share, survey.measures_gaps, end)
    limit = survey.faintest if faintest is None else faintest
    begin = float(visits.mjd.min()) if len(visits) else end
    world = _World(survey, visits, begin, end, seed, rules, limit)
    if len(visits):
        drawn = [
            *_explosions(world, rate_scale),
            *_contaminants(world, rate_scale * contaminant_scale),
        ]
        progress = Progress("simulated objects", sum(len(truth) for truth, *_ in drawn))
        for truth, window, light in drawn:
            _observe_all(world, truth, window, light, progress)
    return _assemble(world)


Light = Callable[[pd.DataFrame, Ints, Floats, Ints], Floats]
"""Noise-free flux [uJy] of rows of a truth table at times and bands."""
Drawn = tuple[pd.DataFrame, tuple[Floats, Floats], Light]


def _explosions(world: _World, scale: float) -> Iterator[Drawn]:
    kinds: list[tuple[str, Rate, float, tuple[float, float]]] = [
        (supernovae_ia.TYPE, supernovae_ia.RATE, supernovae_ia.BRIGHTEST, supernovae_ia.LASTS)
    ]
    kinds += [(kind.type, kind.rate, kind.brightest, kind.lasts) for kind in explosions.KINDS]
    for name, rate, brightest, lasts in kinds:
        rng = world.rng(name)
        z_max = redshift_of_modulus(world.faintest - brightest)
        before, after = (days * (1 + z_max) for days in lasts)
        first, last = world.begin - after, world.end + before
        expected = rate.expected(z_max, last - first, world.share) * scale
        n = int(rng.poisson(expected))
        z, peak = rate.draw(rng, n, z_max), rng.uniform(first, last, n)
        if name == supernovae_ia.TYPE:
            truth = supernovae_ia.draw(rng, z, peak)
            bright = truth["peak_abs"] + explosions.distance_modulus(z)
            light = _salt_light(world, z_max)
        else:
            kind = next(one for one in explosions.KINDS if one.type == name)
            truth = explosions.draw(kind, rng, z, peak)
            bright = truth["mag0"]
            light = _analytic_light(world)
        truth = _placed(world, rng, truth)
        kept = truth[(bright <= world.faintest).to_numpy() & (truth["ebv"] < MOST_EBV).to_numpy()]
        kept = kept.reset_index(drop=True)
        stretch = 1 + kept["z"].to_numpy(float)
        when = kept["t0"].to_numpy(float)
        world.populations.append(Population(name, expected, n, 0, z_max, rate.source))
        yield kept, (when - lasts[0] * stretch, when + lasts[1] * stretch), light


def _contaminants(world: _World, scale: float) -> Iterator[Drawn]:
    years = (world.end - world.begin) / YEAR
    for name, per_year in contaminants.PER_YEAR[world.survey.name].items():
        rng = world.rng(name)
        n = int(rng.poisson(per_year * years * scale))
        told = Population(name, per_year * years * scale, n, source="stated: simulate/contaminants")
        world.populations.append(told)
        if name in SINGLE:
            truth = contaminants.singles(name, rng, n, world.visits)
            when = truth["t0"].to_numpy(float)
            after = np.where(truth["again"] > 0, 40.0, 0.0)
            yield truth.assign(ebv=0.0), (when, when + after), _no_light
            continue
        truth, window = contaminants.draw(name, rng, n, world.begin, world.end)
        truth = _placed(world, rng, truth, galactic=name != contaminants.AGN)
        light = {
            contaminants.AGN: _nucleus_light(world, rng),
            contaminants.STAR: _star_light(world),
        }.get(name, _analytic_light(world))
        yield truth, (window.first, window.last), light


def _placed(
    world: _World, rng: Random, truth: pd.DataFrame, *, galactic: bool = False
) -> pd.DataFrame:
    """Give objects positions in the survey's sky [deg], and the dust before them [mag]."""
    n = len(truth)
    low, high = np.sin(np.radians(world.sky))
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(low, high, n)))
    if galactic and n:
        ra, dec = _near_the_plane(rng, n, world.sky)
    ebv = dust.ebv(ra, dec) if n else np.zeros(0)
    # A star lies before a part of the dust only; its magnitudes are as seen.
    return truth.assign(ra=ra, dec=dec, ebv=np.zeros(n) if galactic else ebv)


PLANE = 15.0
"""Scale of the distribution of stars in galactic latitude [deg]."""


def _near_the_plane(rng: Random, n: int, sky: tuple[float, float]) -> tuple[Floats, Floats]:
    import astropy.units as u  # noqa: PLC0415  slow to import
    from astropy.coordinates import SkyCoord  # noqa: PLC0415

    ra, dec = np.empty(0), np.empty(0)
    while ra.size < n:
        lat = np.clip(rng.laplace(0.0, PLANE, 2 * n + 20), -90, 90)
        place = SkyCoord(l=rng.uniform(0, 360, lat.size) * u.deg, b=lat * u.deg, frame="galactic")
        place = place.icrs
        inside = (place.dec.deg > sky[0]) & (place.dec.deg < sky[1])
        ra, dec = np.append(ra, place.ra.deg[inside]), np.append(dec, place.dec.deg[inside])
    return ra[:n], dec[:n]


def _waves(world: _World) -> Floats:
    return np.array([explosions.wavelength(band) for band in world.visits.bands])


def _salt_light(world: _World, z_max: float) -> Light:
    def light(truth: pd.DataFrame, owner: Ints, mjd: Floats, band: Ints) -> Floats:
        made = supernovae_ia.tables(world.visits.bands, z_max)
        return supernovae_ia.flux(truth, owner, mjd, band, made)

    return light


def _analytic_light(world: _World) -> Light:
    waves = _waves(world)
    return lambda truth, owner, mjd, band: explosions.flux(truth, owner, mjd, waves[band])


def _nucleus_light(world: _World, rng: Random) -> Light:
    waves = _waves(world)
    return lambda truth, owner, mjd, band: contaminants.nucleus_flux(
        truth, owner, mjd, waves[band], rng
    )


def _star_light(world: _World) -> Light:
    waves = _waves(world)
    return lambda truth, owner, mjd, band: contaminants.star_flux(truth, owner, mjd, waves[band])


def _no_light(truth: pd.DataFrame, owner: Ints, mjd: Floats, band: Ints) -> Floats:  # noqa: ARG001
    return np.zeros(mjd.size)


def _observe_all(
    world: _World,
    truth: pd.DataFrame,
    window: tuple[Floats, Floats],
    light: Light,
    progress: Progress,
) -> None:
    """Observe all objects of one type, some at a time, and keep those with an alert."""
    name = (
        world.populations[[one.name for one in world.populations].index(_type(truth))]
        if len(truth)
        else None
    )
    rng = world.rng(f"{_type(truth)} noise")
    for begin in range(0, len(truth), CHUNK):
        some = truth.iloc[begin : begin + CHUNK].reset_index(drop=True)
        span = slice(begin, begin + CHUNK)
        kept = _observe(world, some, (window[0][span], window[1][span]), light, rng)
        if name is not None:
            name.alerted += kept
        progress.add(len(some))


def _type(truth: pd.DataFrame) -> str:
    return str(truth["type"].iloc[0]) if len(truth) else ""


def _observe(
    world: _World, some: pd.DataFrame, window: tuple[Floats, Floats], light: Light, rng: Random
) -> int:
    """Observe some objects; return how many have an alert."""
    ra, dec = some["ra"].to_numpy(float), some["dec"].to_numpy(float)
    pairs = world.visits.pairs(ra, dec, window[0] - HISTORY, window[1])
    owner, visit = pairs
    mjd, band = world.visits.mjd[visit], world.visits.band[visit]
    true, bad = light(some, owner, mjd, band), None
    if "again" in some:
        true, bad = _spikes(some, owner, visit, mjd, rng)
    else:
        true = np.where(mjd >= window[0][owner], true, 0.0)
    rows = observe.observe(rng, world.visits, pairs, true, world.rules, bad)
    if not len(rows):
        return 0
    alerted = np.unique(rows.owner[rows.kind == ALERT])
    number = np.full(len(some), -1)
    number[alerted] = world.n + np.arange(alerted.size)
    told = _peaks(world, some.iloc[alerted].reset_index(drop=True), light)
    rows = rows.take(np.flatnonzero(number[rows.owner] >= 0))
    own = Rows(**{**vars(rows), "owner": number[rows.owner].astype(np.int32)})
    world.truths.append(told)
    world.rows.append(own)
    world.n += alerted.size
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


def _peaks(world: _World, truth: pd.DataFrame, light: Light) -> pd.DataFrame:
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
        band = [name[-1] for name in world.visits.bands].index(letter)
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


def _assemble(world: _World) -> Simulation:
    """Name objects in the order of their first alerts, and add what is said of them."""
    if not world.n:
        nothing = pd.DataFrame({name: pd.Series(dtype=float) for name in TRUTH})
        return Simulation(nothing, _no_rows(), _no_facts(), world.populations, world.visits.bands)
    truth = pd.concat(world.truths, ignore_index=True)
    rows = Rows.join(world.rows)
    alerts = np.flatnonzero(rows.kind == ALERT)
    owner, at = rows.owner[alerts], rows.known_at[alerts]
    first, last = np.full(world.n, np.inf), np.full(world.n, -np.inf)
    np.minimum.at(first, owner, at)
    np.maximum.at(last, owner, at)
    truth["n_alerts"] = np.bincount(owner, minlength=world.n)
    truth["first_alert"], truth["last_alert"] = first, last
    _fill_peaks(truth, rows, alerts)
    order = np.argsort(first, kind="stable")
    place = np.empty(world.n, dtype=np.int32)
    place[order] = np.arange(world.n)
    truth = truth.iloc[order].reset_index(drop=True)
    truth.insert(0, "id", _ids(world, world.n))
    truth = truth.rename(columns={"z": "redshift"}).reindex(columns=list(TRUTH))
    rows = Rows(**{**vars(rows), "owner": place[rows.owner]})
    rows = rows.take(np.lexsort((rows.known_at, rows.mjd, rows.owner)))
    facts = _facts(world, truth, rows)
    return Simulation(truth, rows, facts, world.populations, world.visits.bands)


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


def _ids(world: _World, n: int) -> list[str]:
    letter = world.survey.name[0].upper()
    return [f"SIM{world.seed}{letter}{number:06d}" for number in range(n)]


def _facts(world: _World, truth: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    here = rows.kind == ALERT
    alerts = pd.DataFrame({"owner": rows.owner[here], "known_at": rows.known_at[here]})
    alerts = alerts.sort_values(["owner", "known_at"], kind="stable", ignore_index=True)
    told = truth.rename(columns={"redshift": "z"})
    facts = brokers.facts(world.rng("brokers"), world.survey.name, told, alerts)
    return facts[facts["known_at"] <= world.end].reset_index(drop=True)


def _no_rows() -> Rows:
    one = np.empty(0)
    return Rows(
        one.astype(np.int32),
        one.astype(np.int8),
        one.astype(np.int8),
        one,
        one,
        one.astype(np.float32),
        one.astype(np.float32),
        one.astype(np.float32),
        one.astype(bool),
    )


def _no_facts() -> pd.DataFrame:
    return pd.DataFrame({"owner": pd.Series(dtype=int), "known_at": pd.Series(dtype=float)})
