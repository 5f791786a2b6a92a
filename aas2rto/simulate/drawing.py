"""What explodes in the sky of a survey, and what else is in its stream: drawn, placed, lit."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.errors import UsageError
from aas2rto.simulate import contaminants, explosions, supernovae_ia
from aas2rto.simulate.contaminants import SINGLE
from aas2rto.simulate.cosmology import YEAR, Rate, distance_modulus, redshift_of_modulus
from aas2rto.simulate.surveys import Survey
from aas2rto.simulate.visits import Visits
from aas2rto.sky import dust

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Random = np.random.Generator

MOST_DRAWN = 5e6
"""More objects of one type than this are a mistake, and more than memory holds."""
MOST_EBV = 3.0
"""[mag] Whatever lies behind more dust is not seen."""
FIELD_REACH = 3.5
"""Half of a field of the made-up grid [deg]."""

Light = Callable[[pd.DataFrame, Ints, Floats, Ints], Floats]
"""Noise-free flux [uJy] of rows of a truth table at times [d] and bands."""


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


@dataclass(frozen=True)
class Drawn:
    """Objects of one type.

    Parameters
    ----------
    population : Population
    truth : DataFrame
        ``type, z, t0, ra, dec, ebv`` and the parameters of the type.
    first, last : ndarray
        Between which times they may shine [d, MJD UTC].
    light : callable
    """

    population: Population
    truth: pd.DataFrame
    first: Floats
    last: Floats
    light: Light


@dataclass(frozen=True)
class World:
    """What all types share while a survey is simulated.

    Parameters
    ----------
    survey : Survey
    visits : Visits
    begin, end : float
        Of the survey [d, MJD UTC].
    seed : int
    faintest : float
        Explosions that peak fainter [mag], before dust, are left out.
    """

    survey: Survey
    visits: Visits
    begin: float
    end: float
    seed: int
    faintest: float

    def rng(self, name: str) -> Random:
        """Return the random numbers of one purpose, whatever others draw."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    @property
    def sky(self) -> tuple[float, float]:
        """Declinations between which there are visits [deg]."""
        reach = FIELD_REACH if self.visits.cell_of else self.survey.radius
        low, high = float(self.visits.dec.min()), float(self.visits.dec.max())
        return max(low - reach, -90.0), min(high + reach, 90.0)

    @property
    def share(self) -> float:
        """Share of the whole sky between them."""
        low, high = np.sin(np.radians(self.sky))
        return float(high - low) / 2


def draw_explosions(world: World, scale: float) -> Iterator[Drawn]:
    """Draw SNe Ia and all other explosions; `scale` times their rates."""
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
        n = _number(rng, expected, name)
        z, peak = rate.draw(rng, n, z_max), rng.uniform(first, last, n)
        if name == supernovae_ia.TYPE:
            truth = supernovae_ia.draw(rng, z, peak)
            bright = truth["peak_abs"] + distance_modulus(z)
            light = _salt_light(world, z_max)
        else:
            kind = next(one for one in explosions.KINDS if one.type == name)
            truth = explosions.draw(kind, rng, z, peak)
            bright = truth["mag0"]
            light = _analytic_light(world)
        truth = _placed(world, rng, truth)
        bright_enough = (bright <= world.faintest).to_numpy()
        kept = truth[bright_enough & (truth["ebv"] < MOST_EBV).to_numpy()].reset_index(drop=True)
        stretch, when = 1 + kept["z"].to_numpy(float), kept["t0"].to_numpy(float)
        told = Population(name, expected, n, 0, z_max, rate.source)
        yield Drawn(told, kept, when - lasts[0] * stretch, when + lasts[1] * stretch, light)


def draw_contaminants(world: World, scale: float) -> Iterator[Drawn]:
    """Draw what is no explosion; `scale` times the numbers that are stated."""
    years = (world.end - world.begin) / YEAR
    for name, per_year in contaminants.PER_YEAR[world.survey.name].items():
        rng = world.rng(name)
        n = _number(rng, per_year * years * scale, name)
        told = Population(name, per_year * years * scale, n, source="stated: simulate/contaminants")
        if name in SINGLE:
            truth = contaminants.singles(name, rng, n, world.visits)
            when = truth["t0"].to_numpy(float)
            after = np.where(truth["again"] > 0, 40.0, 0.0)
            yield Drawn(told, truth.assign(ebv=0.0), when, when + after, _no_light)
            continue
        truth, window = contaminants.draw(name, rng, n, world.begin, world.end)
        truth = _placed(world, rng, truth, galactic=name != contaminants.AGN)
        light = {
            contaminants.AGN: _nucleus_light(world, rng),
            contaminants.STAR: _star_light(world),
        }.get(name, _analytic_light(world))
        yield Drawn(told, truth, window.first, window.last, light)


def _number(rng: Random, expected: float, name: str) -> int:
    if expected > MOST_DRAWN:
        raise UsageError(
            f"--rate-scale: {expected:.3g} objects of the type {name} would be drawn, more than "
            f"{MOST_DRAWN:.0g}; lower --rate-scale, --contaminants or --faintest, or shorten the "
            "span"
        )
    return int(rng.poisson(expected))


def _placed(
    world: World, rng: Random, truth: pd.DataFrame, *, galactic: bool = False
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


def _waves(world: World) -> Floats:
    return np.array([explosions.wavelength(band) for band in world.visits.bands])


def _salt_light(world: World, z_max: float) -> Light:
    def light(truth: pd.DataFrame, owner: Ints, mjd: Floats, band: Ints) -> Floats:
        made = supernovae_ia.tables(world.visits.bands, z_max)
        return supernovae_ia.flux(truth, owner, mjd, band, made)

    return light


def _analytic_light(world: World) -> Light:
    waves = _waves(world)
    return lambda truth, owner, mjd, band: explosions.flux(truth, owner, mjd, waves[band])


def _nucleus_light(world: World, rng: Random) -> Light:
    waves = _waves(world)
    return lambda truth, owner, mjd, band: contaminants.nucleus_flux(
        truth, owner, mjd, waves[band], rng
    )


def _star_light(world: World) -> Light:
    waves = _waves(world)
    return lambda truth, owner, mjd, band: contaminants.star_flux(truth, owner, mjd, waves[band])


def _no_light(truth: pd.DataFrame, owner: Ints, mjd: Floats, band: Ints) -> Floats:  # noqa: ARG001
    return np.zeros(mjd.size)
