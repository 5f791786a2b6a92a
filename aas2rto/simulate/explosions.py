"""Explosions other than SNe Ia: analytic light curves, literature rates and luminosities.

A light curve is one curve in r (rest frame), and a black body whose temperature falls from T at
the peak of r towards a last one; other bands, and the redshift, follow from it:

F(band, t) = F_r(peak) s(t) B(lambda / (1 + z), T(t)) / B(6200 A, T(t)) 10^(-0.4 A).

s(t) is Bazin's rise and fall (Bazin et al. 2009, Eq. 1), or for SNe II a plateau that declines
linearly in magnitude and ends in a logistic drop onto a tail (the pieces of Villar et al. 2019).
Below 3500 A lines absorb what the black body has: F is multiplied with lambda / 3500 A.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto import data
from aas2rto.models.salt_tables import extinction
from aas2rto.simulate.cosmology import Rate, distance_modulus
from aas2rto.tables.photometry import flux_from_mag

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Random = np.random.Generator

Range = tuple[float, float]

REST_R = 6200.0
"""Wavelength of r [Angstrom], in which luminosities are given."""
BLANKETED = 3500.0
"""[Angstrom]"""
KELVIN_ANGSTROM = 1.438777e8
"""h c / k [K Angstrom] (CODATA 2018)."""
TAIL_SHARE, TAIL_SLOPE = 0.12, 0.0098
"""Flux where the tail of a SN II begins, as a share of the plateau's: a drop of 2.3 mag (Anderson
et al. 2014: 1.9 to 2.5); and its decline, that of 56Co [mag / d]."""
LEAST_SLOPE = 0.002
"""[mag / d] Of plateaus; without any, they would have no peak."""
DROP = 4.0
"""Width of the end of the plateau [d] (Anderson et al. 2014: ends within some 20 d)."""
HOST_AV = 0.3
"""Mean of the exponential distribution of A_V in hosts of core collapse [mag] (as Rodney et al.
2014 and Vincenzi et al. 2019 simulate them, rounded)."""
CC = 9.10e-5
"""All core collapse per year and Mpc3 at z = 0.028 (Frohmaier et al. 2021, MNRAS 500, 5142)."""
CC_SOURCE = "Frohmaier et al. 2021 (9.10e-5 in all), share by Shivvers et al. 2017; (1 + z)^2.7"
GROWTH = 2.7
"""Star formation grows as (1 + z)^2.7 (Madau & Dickinson 2014)."""
RICHARDSON = "Richardson et al. 2014"
BRIGHT_CUT = 1.7
"""Luminosity functions are Gaussians, cut so many widths above their mean: their bright wings,
which few supernovae define, would fill a survey of limited magnitude with what nobody sees."""


@dataclass(frozen=True)
class Kind:
    """One type of explosion.

    Parameters
    ----------
    type : str
        As in TNS.
    rate : Rate
    peak_abs : (float, float)
        Mean and width of the absolute magnitude at peak in r, before dust of the host [mag].
    luminosity : str
        Who measured it.
    rise, fall : (float, float)
        Range of Bazin's times [d, rest frame].
    temperature : (float, float, float)
        At the peak and at last [K], and in how many days it falls by e.
    plateau : (float, float) or None
        Length [d] of the plateau from the peak on.
    slope : (float, float)
        Mean and width of the decline on the plateau [mag / d].
    host_av : float
        Mean A_V in the host [mag].
    lasts : (float, float)
        Days before and after peak, rest frame, between which there is light.
    """

    type: str
    rate: Rate
    peak_abs: Range
    luminosity: str
    rise: Range
    fall: Range
    temperature: tuple[float, float, float]
    plateau: Range | None = None
    slope: Range = (0.0, 0.0)
    host_av: float = HOST_AV
    lasts: Range = (40.0, 150.0)

    @property
    def brightest(self) -> float:
        """Absolute magnitude that none is brighter than."""
        return self.peak_abs[0] - BRIGHT_CUT * self.peak_abs[1]


def _collapse(share: float) -> Rate:
    return Rate(CC * share, 0.028, GROWTH, CC_SOURCE)


KINDS = (
    Kind(
        "SN II",
        _collapse(0.649),
        (-17.06, 1.09),
        f"{RICHARDSON} (three quarters IIP, a quarter IIL)",
        rise=(1.5, 4.0),
        fall=(30.0, 60.0),
        temperature=(11000.0, 5500.0, 18.0),
        plateau=(65.0, 110.0),
        slope=(0.0127, 0.0093),
        lasts=(25.0, 180.0),
    ),
    Kind(
        "SN IIn",
        _collapse(0.047),
        (-17.8, 1.0),
        "Nyholm et al. 2020 (-19.18 in a sample of limited magnitude), less 1.38 sigma^2",
        rise=(4.0, 12.0),
        fall=(35.0, 90.0),
        temperature=(12000.0, 7000.0, 40.0),
        lasts=(60.0, 200.0),
    ),
    Kind(
        "SN IIb",
        _collapse(0.109),
        (-16.99, 0.92),
        RICHARDSON,
        rise=(3.0, 5.0),
        fall=(18.0, 32.0),
        temperature=(8000.0, 5000.0, 15.0),
    ),
    Kind(
        "SN Ib",
        _collapse(0.108),
        (-17.05, 1.12),
        f"{RICHARDSON}, 0.4 mag fainter",
        rise=(3.0, 5.5),
        fall=(18.0, 34.0),
        temperature=(7500.0, 5000.0, 15.0),
    ),
    Kind(
        "SN Ic",
        _collapse(0.086),
        (-17.26, 1.18),
        f"{RICHARDSON}, 0.4 mag fainter",
        rise=(2.5, 5.5),
        fall=(15.0, 34.0),
        temperature=(7500.0, 5000.0, 15.0),
    ),
    Kind(
        "SLSN-I",
        Rate(3.5e-8, 0.17, GROWTH, "Frohmaier et al. 2021: 35 per Gpc3 and year"),
        (-20.8, 0.7),
        "De Cia et al. 2018, 0.3 mag fainter",
        rise=(8.0, 20.0),
        fall=(25.0, 70.0),
        temperature=(13000.0, 6500.0, 35.0),
        host_av=0.1,
        lasts=(90.0, 220.0),
    ),
    Kind(
        "TDE",
        Rate(3.1e-7, 0.05, 0.0, "Yao et al. 2023: 3.1e-7 per Mpc3 and year"),
        (-18.2, 0.9),
        "Hammerstein et al. 2023, fainter",
        rise=(6.0, 14.0),
        fall=(40.0, 110.0),
        temperature=(22000.0, 22000.0, 100.0),
        host_av=0.1,
        lasts=(70.0, 250.0),
    ),
)
"""Shares of core collapse: Shivvers et al. 2017, PASP 129, 054201, Table 3 (69.6 % hydrogen-rich,
of which 6.7 % IIn; of 30.4 % stripped 36.0 % IIb, 35.6 % Ib, the rest Ic). Declines of plateaus:
Anderson et al. 2014 (s2 = 1.27 +- 0.93 mag / 100 d). Times of rise and fall, as ranges: Drout et
al. 2011 and Taddia et al. 2015 (IIb, Ib, Ic), Nyholm et al. 2020 (IIn), van Velzen et al. 2021
(TDE), De Cia et al. 2018 (SLSN). Temperatures are ours, in the range that these find. Where
a mean is called fainter, it was set so that the mean and the share in a sample brighter than 19
mag are those of ZTF's Bright Transient Survey (Perley et al. 2020)."""

OUTBURST = Kind(
    "CV",
    Rate(0.0, 0.0, 0.0, "not volumetric"),
    (0.0, 0.0),
    "",
    rise=(0.25, 0.8),
    fall=(2.0, 6.0),
    temperature=(13000.0, 11000.0, 6.0),
    host_av=0.0,
    lasts=(4.0, 25.0),
)
"""A dwarf nova: up within a day, down within some days (Osaki 1996)."""


def draw(kind: Kind, rng: Random, z: Floats, peak: Floats) -> pd.DataFrame:
    """Draw explosions of one kind at given redshifts and times of the peak in r [d, MJD UTC].

    Returns
    -------
    DataFrame
        ``type, z, t0, peak_abs, mag0`` (r at peak without any dust [mag]), ``rise, fall, plateau,
        slope, t_peak, t_last, t_tau, host_av``.
    """
    n = z.size
    absolute = _luminosities(kind, rng, n)
    mag = absolute + distance_modulus(z) - 2.5 * np.log10(1 + z)
    return shaped(kind, rng, mag, peak).assign(z=z, peak_abs=absolute)


def _luminosities(kind: Kind, rng: Random, n: int) -> Floats:
    from scipy.special import ndtr, ndtri  # noqa: PLC0415  slow to import

    low = ndtr(-BRIGHT_CUT)
    drawn = ndtri(rng.uniform(low, 1.0, n))
    return np.asarray(kind.peak_abs[0] + kind.peak_abs[1] * drawn)


def shaped(kind: Kind, rng: Random, mag: Floats, peak: Floats) -> pd.DataFrame:
    """Draw the shapes of explosions whose brightness [mag] and time of peak are given."""
    n = mag.size
    plateau = rng.uniform(*kind.plateau, n) if kind.plateau else np.zeros(n)
    spread = rng.normal(1.0, 0.1, n)
    return pd.DataFrame(
        {
            "type": kind.type,
            "z": np.nan,
            "t0": peak,
            "peak_abs": np.nan,
            "mag0": mag,
            "rise": rng.uniform(*kind.rise, n),
            "fall": rng.uniform(*kind.fall, n),
            "plateau": plateau,
            "slope": np.clip(rng.normal(*kind.slope, n), LEAST_SLOPE, None),
            "t_peak": kind.temperature[0] * spread,
            "t_last": kind.temperature[1] * spread,
            "t_tau": kind.temperature[2],
            "host_av": rng.exponential(kind.host_av, n) if kind.host_av else np.zeros(n),
        }
    )


@functools.cache
def wavelength(band: str) -> float:
    """Return the effective wavelength of a passband [Angstrom]."""
    return float(data.bandpass(band).wave_eff)


@functools.cache
def _dust_curve() -> tuple[Floats, Floats]:
    wave = np.geomspace(1000.0, 30000.0, 600)
    return wave, extinction(wave)


def dust(wave: Floats) -> Floats:
    """Return A(lambda) / E(B-V) of Fitzpatrick (1999) with R_V = 3.1."""
    return np.asarray(np.interp(wave, *_dust_curve()))


def shape(truth: Callable[[str], Floats], phase: Floats) -> Floats:
    """Return the light curve in r as a share of its peak.

    Parameters
    ----------
    truth : callable
        Gives ``rise, fall, plateau, slope`` for each time.
    phase : ndarray
        Rest-frame days since the peak.
    """
    rise, fall, plateau, slope = (truth(name) for name in ("rise", "fall", "plateau", "slope"))
    ratio = np.maximum(fall / rise, 1.5)
    since = np.clip(phase + rise * np.log(ratio - 1), -30 * rise, None)
    top = (ratio - 1) ** (-1 / ratio) * (1 - 1 / ratio)
    bazin = np.exp(-since / (ratio * rise)) / (1 + np.exp(-since / rise)) / top
    up = 1 / (1 + np.exp(-np.clip((phase + 3 * rise) / rise, -30, 30)))
    ending = 1 / (1 + np.exp(np.clip((phase - plateau) / DROP, -30, 30)))
    flat = 10 ** (-0.4 * slope * np.maximum(phase, 0))
    tail = TAIL_SHARE * 10 ** (-0.4 * (slope * plateau + TAIL_SLOPE * (phase - plateau)))
    level = up * (flat * ending + tail * (1 - ending))
    return np.where(plateau > 0, level, bazin)


def _black_body(wave: Floats, kelvin: Floats) -> Floats:
    """Return B_nu up to a factor."""
    return np.asarray(wave**-3 / np.expm1(np.minimum(KELVIN_ANGSTROM / (wave * kelvin), 600.0)))


def flux(truth: pd.DataFrame, owner: Ints, mjd: Floats, wave: Floats) -> Floats:
    """Return noise-free fluxes [uJy].

    Parameters
    ----------
    truth : DataFrame
        As from `draw`, and ``ebv``; NaN redshifts are of our Galaxy.
    owner : ndarray of int, shape (m,)
        Rows of `truth`.
    mjd, wave : ndarray, shape (m,)
        Times [d] and effective wavelengths [Angstrom].
    """

    def of(name: str) -> Floats:
        return np.asarray(truth[name].to_numpy(float)[owner])

    z = np.nan_to_num(of("z"))
    phase = (mjd - of("t0")) / (1 + z)
    rest = wave / (1 + z)
    cooled = np.exp(-np.maximum(phase, -15.0) / of("t_tau"))
    kelvin = of("t_last") + (of("t_peak") - of("t_last")) * cooled
    colour = _black_body(rest, kelvin) / _black_body(np.full_like(rest, REST_R), kelvin)
    lost = of("ebv") * dust(wave) + of("host_av") / 3.1 * dust(rest)
    bright = flux_from_mag(of("mag0") + lost)
    return np.asarray(bright * shape(of, phase) * colour * np.minimum(rest / BLANKETED, 1.0))
