"""How long a visit takes: exposure, moonlight, slew and overhead.

A model of a few numbers, to compare candidates and to fill a night, not to promise a signal.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.sky.observatory import Instrument, Observatory

Array = NDArray[np.float64]

EXTINCTION = 0.172
"""V-band extinction [mag per airmass] on Mauna Kea, Krisciunas & Schaefer (1991), Sect. 3."""

DARK_ZENITH = 79.0
"""V-band brightness of the dark zenith [nanolambert], 21.587 mag / arcsec^2, the same paper."""

SKY_MAG = 20.8
"""That sky in a slit of 1 by 2 arcsec: 21.587 - 2.5 log10(2) [mag]."""

ASSUMED_MAG = 18.5
ASSUMED_TIME_S = 900.0
ASSUMED_APERTURE_M = 3.58
"""Assumed where an observatory's file has no ``instrument``: a classification spectrum of 18.5 mag
in 15 min at the NTT's aperture. No measured value: only the order of magnitude is meant. Smaller
telescopes take longer by the ratio of the areas."""

ASSUMED_SLEW_DEG_S = 1.0
ASSUMED_SETTLE_S = 10.0
ASSUMED_OVERHEAD_S = 120.0
"""Assumed where an observatory's file does not give them; no telescope's measured values."""


def optical_path(altitude: ArrayLike) -> Array:
    """Path through scattering air, 1 at the zenith: (1 - 0.96 sin^2 z)^-0.5.

    Krisciunas & Schaefer (1991), PASP 103, 1033, Eq. 3; 5 at the horizon.
    """
    cosine = np.cos(np.radians(np.asarray(altitude, dtype=float)))  # sin z
    return np.asarray((1.0 - 0.96 * cosine**2) ** -0.5)


def dark_sky(altitude: ArrayLike) -> Array:
    """Brightness of the moonless sky relative to the dark zenith, the same paper, Eq. 2."""
    path = optical_path(altitude)
    return np.asarray(path * 10.0 ** (-0.4 * EXTINCTION * (path - 1.0)))


def moonlight(
    altitude: ArrayLike, moon_altitude: ArrayLike, moon_sep: ArrayLike, illumination: ArrayLike
) -> Array:
    """Brightness that the Moon adds to the sky, relative to the dark zenith.

    Krisciunas & Schaefer (1991), PASP 103, 1033, Eq. 15-20, good to about 25 % in V.

    Parameters
    ----------
    altitude, moon_altitude : array_like
        Of the candidate and of the Moon [deg]; 0 where the Moon is down.
    moon_sep : array_like
        Angle between them [deg].
    illumination : array_like
        Illuminated fraction of the Moon, 0 to 1.

    Examples
    --------
    Full Moon at 60 deg, seen from 60 deg away:

    >>> round(float(moonlight(60.0, 60.0, 60.0, 1.0)), 1)
    17.6
    """
    lit = np.clip(np.asarray(illumination, dtype=float), 0.0, 1.0)
    phase = np.degrees(np.arccos(2.0 * lit - 1.0))  # 0 at full Moon
    intensity: Array = 10.0 ** (-0.4 * (3.84 + 0.026 * phase + 4e-9 * phase**4))
    sep = np.maximum(np.asarray(moon_sep, dtype=float), 0.25)  # the Moon's own radius
    rayleigh = 10.0**5.36 * (1.06 + np.cos(np.radians(sep)) ** 2)
    mie = np.where(sep >= 10.0, 10.0 ** (6.15 - sep / 40.0), 6.2e7 / sep**2)
    reaching = 10.0 ** (-0.4 * EXTINCTION * optical_path(moon_altitude))
    scattered = 1.0 - 10.0 ** (-0.4 * EXTINCTION * optical_path(altitude))
    light = (rayleigh + mie) * intensity * reaching * scattered / DARK_ZENITH
    return np.where(np.asarray(moon_altitude, dtype=float) > 0, light, 0.0)


def instrument_of(observatory: Observatory) -> Instrument:
    """Return an observatory's instrument, or an assumed one that scales with its aperture."""
    if observatory.instrument is not None:
        return observatory.instrument
    ratio = ASSUMED_APERTURE_M / (observatory.aperture_m or ASSUMED_APERTURE_M)
    return Instrument(
        name="assumed", reference_mag=ASSUMED_MAG, reference_time_s=ASSUMED_TIME_S * ratio**2
    )


def exposure_time(
    observatory: Observatory, mag: ArrayLike, *, airmass: ArrayLike = 1.0, sky: ArrayLike = 1.0
) -> Array:
    """Compute how long a candidate must be exposed for the signal-to-noise of the reference.

    With photon noise of candidate and sky, (S/N)^2 = F^2 t / (F + S), so that
    t = t_ref (F_ref / F)^2 (F + s S) / (F_ref + S), with F the flux behind the extinction, S that
    of the dark sky in the aperture, and s how much brighter the sky is.

    Parameters
    ----------
    observatory : Observatory
        Its ``instrument`` sets the scale, see `instrument_of`.
    mag : array_like
        [mag, AB].
    airmass : array_like
        At least 1.
    sky : array_like
        Sky brightness relative to the dark zenith: `dark_sky` + `moonlight`.

    Returns
    -------
    ndarray
        [s]; NaN where the candidate is beyond the limits of the instrument, or anything is NaN.
    """
    instrument = instrument_of(observatory)
    mag = np.asarray(mag, dtype=float)
    lost = _or_else(instrument.extinction_mag, EXTINCTION) * (np.asarray(airmass, dtype=float) - 1)
    flux, reference = 10.0 ** (-0.4 * (mag + lost)), 10.0 ** (-0.4 * instrument.reference_mag)
    dark = 10.0 ** (-0.4 * _or_else(instrument.sky_mag, SKY_MAG))
    noise = (flux + np.asarray(sky, dtype=float) * dark) / (reference + dark)
    seconds = instrument.reference_time_s * (reference / flux) ** 2 * noise
    possible = (
        (mag >= _or_else(instrument.bright_limit_mag, -np.inf))
        & (mag <= _or_else(instrument.faint_limit_mag, np.inf))
        & (seconds <= _or_else(instrument.max_exposure_s, np.inf))
    )
    longer = np.maximum(seconds, _or_else(instrument.min_exposure_s, 0.0))
    return np.where(possible, longer, np.nan)


def beyond_limits(observatory: Observatory, mag: float) -> str:
    """Say which limit of the instrument a magnitude [AB] is beyond; empty: none, or NaN.

    Examples
    --------
    >>> beyond_limits(Observatory("a", 0.0, 0.0, 0.0, instrument=Instrument(18.0, 900.0,
    ...     faint_limit_mag=18.5)), 19.2)
    '19.20 mag is fainter than the telescope takes: faint_limit 18.5 mag'
    """
    instrument = observatory.instrument
    if instrument is None:
        return ""
    faint, bright = instrument.faint_limit_mag, instrument.bright_limit_mag
    if faint is not None and mag > faint:
        return f"{mag:.2f} mag is fainter than the telescope takes: faint_limit {faint:g} mag"
    if bright is not None and mag < bright:
        return f"{mag:.2f} mag is brighter than the telescope takes: bright_limit {bright:g} mag"
    return ""


def unlimited(observatory: Observatory) -> Observatory:
    """Return the observatory with an instrument that takes every magnitude, however long."""
    instrument = replace(
        instrument_of(observatory),
        bright_limit_mag=None,
        faint_limit_mag=None,
        max_exposure_s=None,
    )
    return replace(observatory, instrument=instrument)


def longest(observatory: Observatory) -> float:
    """Return the longest exposure of the instrument [s]; infinite: any."""
    return _or_else(instrument_of(observatory).max_exposure_s, np.inf)


def slew_time(observatory: Observatory, separation: ArrayLike) -> Array:
    """Compute the time [s] from one pointing to another.

    Parameters
    ----------
    observatory : Observatory
        Its slewing speed and time to settle, or assumed ones.
    separation : array_like
        Angle between the pointings [deg]; a telescope that does not move need not settle.
    """
    separation = np.asarray(separation, dtype=float)
    rate = _or_else(observatory.slew_rate_deg_s, ASSUMED_SLEW_DEG_S)
    settle = _or_else(observatory.settle_s, ASSUMED_SETTLE_S)
    return np.where(separation > 0, separation / rate + settle, 0.0)


def overhead(observatory: Observatory) -> float:
    """Return the time [s] that a visit takes beside slew and exposure, or an assumed one."""
    return _or_else(observatory.overhead_s, ASSUMED_OVERHEAD_S)


def _or_else(value: float | None, default: float) -> float:
    return default if value is None else value
