"""Distances, volumes, and how many transients explode in them.

Flat Lambda CDM with H0 = 70 km / s / Mpc and Omega_m = 0.3, the cosmology of the rates that are
cited and of the priors of the `salt` model.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

HUBBLE, OMEGA_M = 70.0, 0.3
LEAST_Z = 0.001
"""Nothing is drawn nearer: 300 km / s, about the peculiar velocity of a galaxy."""
MOST_Z = 2.0
YEAR = 365.25


@dataclass(frozen=True)
class Grid:
    """Distance modulus [mag] and comoving volume of the whole sky per redshift [Mpc3]."""

    z: Floats
    modulus: Floats
    volume: Floats


@functools.cache
def grid() -> Grid:
    """Compute the cosmology once, on 3000 redshifts."""
    from astropy.cosmology import FlatLambdaCDM  # noqa: PLC0415  half a second at import

    cosmology = FlatLambdaCDM(HUBBLE, OMEGA_M)
    z = np.geomspace(LEAST_Z, MOST_Z, 3000)
    shell = cosmology.differential_comoving_volume(z).value * 4 * np.pi
    return Grid(z, np.asarray(cosmology.distmod(z).value), np.asarray(shell))


def distance_modulus(z: ArrayLike) -> Floats:
    """Return the distance modulus [mag] of redshifts between `LEAST_Z` and `MOST_Z`.

    Examples
    --------
    >>> float(distance_modulus(0.1).round(2))
    38.32
    """
    known = grid()
    return np.asarray(np.interp(np.log(z), np.log(known.z), known.modulus))


def redshift_of_modulus(modulus: float) -> float:
    """Return the redshift at which the distance modulus is reached, within the limits."""
    known = grid()
    return float(np.interp(modulus, known.modulus, known.z))


@dataclass(frozen=True)
class Rate:
    """A volumetric rate in the rest frame, R (1 + z)^power.

    Parameters
    ----------
    value : float
        Events per Mpc3 and year at `at_z`.
    at_z : float
        Where it was measured.
    power : float
        How it grows with redshift.
    source : str
        Who measured it.
    """

    value: float
    at_z: float
    power: float
    source: str

    def per_redshift(self, z: Floats) -> Floats:
        """Return events of the whole sky per observer's year and redshift."""
        known = grid()
        shell = np.interp(z, known.z, known.volume)
        growth = ((1 + z) / (1 + self.at_z)) ** self.power
        return np.asarray(self.value * growth * shell / (1 + z))

    def expected(self, z_max: float, days: float, sky: float = 1.0) -> float:
        """Return the expected number of events up to a redshift.

        Parameters
        ----------
        z_max : float
        days : float
            Observer's time [d].
        sky : float
            Share of the whole sky.
        """
        z = np.linspace(LEAST_Z, max(z_max, LEAST_Z), 2000)
        return float(np.trapezoid(self.per_redshift(z), z)) * days / YEAR * sky

    def draw(self, rng: np.random.Generator, n: int, z_max: float) -> Floats:
        """Draw redshifts of events."""
        z = np.linspace(LEAST_Z, max(z_max, LEAST_Z * 1.001), 4000)
        rate = self.per_redshift(z)
        total = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2)])
        return np.asarray(np.interp(rng.random(n), total / total[-1], z))
