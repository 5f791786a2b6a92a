"""Light curves of known parameters for tests and benchmarks: those of sncosmo, with noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto import data
from aas2rto.simulate.cadence import moon_illumination
from aas2rto.tables import photometry as phot

Floats = NDArray[np.float64]
Random = np.random.Generator

LIMIT_MAG = 20.5
"""Median 5 sigma limit of a 30 s ZTF exposure [mag] (Bellm et al. 2019)."""
LIMIT_SCATTER = 0.3
"""Scatter of that limit from seeing and clouds [mag]."""
MOON_LOSS = 1.0
"""What a full Moon takes from the limit [mag] (Bellm et al. 2019, Fig. 7: about 19.5 to 20.8)."""
NIGHT = (0.12, 0.50)
"""Night at Palomar as a fraction of a UTC day."""
CLOUDED = 0.25
"""Share of nights without data."""
CALIBRATION_ERROR = 0.02
"""Relative error that no photon noise explains (Masci et al. 2019: below 0.025 mag)."""
ALERT_SIGMA = 5.0
"""ZTF sends alerts of detections above 5 sigma; what is fainter becomes a limit."""
ALERT_DELAY = 0.015
"""Days from an exposure to its alert: some 20 minutes (Masci et al. 2019)."""
SKY_FLUX_ERR_SHARE = 1.0 / phot.LIMIT_SIGMA

PEAK_MAG_IA = -19.36
"""M_B of a SN Ia with x1 = c = 0 for H0 = 70 km / s / Mpc (Betoule et al. 2014: -19.05 to -19.36
depending on H0)."""
ALPHA, BETA, SCATTER_IA = 0.148, 3.1, 0.10
"""Tripp's coefficients and intrinsic scatter [mag] (Taylor et al. 2023; Scolnic et al. 2018)."""


@dataclass(frozen=True)
class Visits:
    """Exposures of one object: times [d, MJD UTC], bands and sky noise (1 sigma) [uJy]."""

    mjd: Floats
    band: NDArray[np.str_]
    noise: Floats


def ztf_visits(rng: Random, first_mjd: float, now_mjd: float) -> Visits:
    """Draw the exposures of one field: g and r about an hour apart, every two or three nights.

    Parameters
    ----------
    rng : numpy.random.Generator
    first_mjd, now_mjd : float
        Begin and end [d, MJD UTC].
    """
    nights = np.cumsum(rng.choice([2, 3], size=max(int((now_mjd - first_mjd) / 2), 1)))
    nights = np.floor(first_mjd) + nights[rng.random(nights.size) > CLOUDED]
    early = nights + rng.uniform(NIGHT[0], NIGHT[1] - 0.08, nights.size)
    late = early + rng.uniform(0.02, 0.08, nights.size)
    g_first = rng.random(nights.size) < 0.5
    mjd = np.concatenate([early, late])
    band = np.where(np.concatenate([g_first, ~g_first]), "ztfg", "ztfr")
    limit = LIMIT_MAG + rng.normal(0.0, LIMIT_SCATTER, mjd.size)
    limit -= MOON_LOSS * moon_illumination(mjd) ** 2
    noise = phot.flux_from_mag(limit) * SKY_FLUX_ERR_SHARE
    keep = np.flatnonzero(mjd <= now_mjd)
    keep = keep[np.argsort(mjd[keep])]
    return Visits(mjd[keep], band[keep], noise[keep])


def salt_flux(truth: Any, band: NDArray[np.str_], mjd: Floats, *, source: Any = None) -> Floats:
    """Return fluxes [uJy] of a SN Ia as sncosmo computes them.

    Parameters
    ----------
    truth : mapping
        ``z, t0 [d], x0, x1, c`` and, if not zero, ``ebv`` [mag] of the Milky Way.
    band, mjd : ndarray
        Of the same length.
    source : sncosmo.Source, optional
        SALT3-F22 by default.
    """
    import sncosmo

    model = sncosmo.Model(
        source or data.salt3_source(),
        effects=[sncosmo.F99Dust(r_v=3.1)],
        effect_names=["mw"],
        effect_frames=["obs"],
    )
    model.set(**{name: float(truth[name]) for name in ("z", "t0", "x0", "x1", "c")})
    model.set(mwebv=float(truth.get("ebv", 0.0)))
    flux = np.empty(mjd.size)
    for name in np.unique(band):
        rows = np.flatnonzero(band == name)
        rows = rows[np.argsort(mjd[rows], kind="stable")]
        passband = data.bandpass(str(name))
        flux[rows] = model.bandflux(passband, mjd[rows], zp=phot.AB_ZERO_POINT, zpsys="ab")
    return flux


def simulate_salt(
    truth: pd.DataFrame,
    visits: Callable[[int], Visits],
    *,
    rng: Random | None = None,
    source: Any = None,
) -> pd.DataFrame:
    """Make light curves of SNe Ia from known parameters.

    Parameters
    ----------
    truth : DataFrame
        ``candidate_id, z, t0, x0, x1, c`` and optionally ``ebv``.
    visits : callable
        Exposures of the n-th row.
    rng : numpy.random.Generator, optional
        Draws the noise; without one the fluxes are exact, with the same errors.
    source : sncosmo.Source, optional
        SALT3-F22 by default.

    Returns
    -------
    DataFrame
        As in :mod:`aas2rto.tables.photometry`; every exposure carries its flux, as forced
        photometry does.
    """
    tables = []
    for n, row in enumerate(truth.to_dict("records")):
        seen = visits(n)
        flux = salt_flux(row, seen.band, seen.mjd, source=source)
        tables.append(measure(str(row["candidate_id"]), seen, flux, rng))
    return pd.concat(tables, ignore_index=True) if tables else phot.empty()


def measure(
    object_id: str,
    visits: Visits,
    flux: Floats,
    rng: Random | None,
    *,
    suspect: NDArray[np.bool_] | bool = False,
) -> pd.DataFrame:
    """Observe `flux` [uJy]: sky noise and calibration error."""
    error = np.hypot(visits.noise, CALIBRATION_ERROR * flux)
    observed = flux if rng is None else flux + rng.normal(0.0, 1.0, flux.size) * error
    return phot.conform(
        pd.DataFrame(
            {
                "candidate_id": object_id,
                "mjd": visits.mjd,
                "band": visits.band,
                "flux": observed,
                "flux_err": error,
                "limit": phot.LIMIT_SIGMA * visits.noise,
                "kind": phot.kind_of(observed, error, "ztf", suspect=suspect),
                "survey": "ztf",
                "source": "simulation",
                "measurement_id": [
                    f"{object_id}:{band}:{mjd:.5f}"
                    for band, mjd in zip(visits.band, visits.mjd, strict=True)
                ],
                "known_at": visits.mjd + ALERT_DELAY,
            }
        )
    )


def as_alerts(table: pd.DataFrame) -> pd.DataFrame:
    """Return photometry as alert packets carry it: below 5 sigma there is only a limit."""
    snr = table["flux"].abs() / table["flux_err"]
    quiet = (snr < ALERT_SIGMA).to_numpy()
    alerts = table.copy()
    alerts.loc[quiet, ["flux", "flux_err"]] = np.nan
    alerts.loc[quiet, "kind"] = phot.LIMIT
    alerts.loc[quiet, "measurement_id"] = [
        phot.limit_id(band, mjd)
        for band, mjd in zip(alerts.loc[quiet, "band"], alerts.loc[quiet, "mjd"], strict=True)
    ]
    return alerts


def core_collapse_flux(truth: Any, band: NDArray[np.str_], mjd: Floats) -> Floats:
    """Return fluxes [uJy] of a core-collapse supernova.

    Rise as a logistic of width tau_rise, then an exponential decline of time tau_fall (Bazin et
    al. 2009, Eq. 1), or a plateau that ends in a logistic drop, as SNe II-P have (Villar et al.
    2019 use the same pieces). In g the decline is 1.7 times as fast, and g - r grows from 0.1
    mag, as the photosphere cools.

    Parameters
    ----------
    truth : mapping
        ``t0`` [d] of half rise, ``peak_mag`` (r) [mag], ``tau_rise, tau_fall, plateau`` [d]
        (plateau 0: none) and ``z``.
    band, mjd : ndarray
        Of the same length.
    """
    phase = (mjd - truth["t0"]) / (1 + truth["z"])
    blue = band == "ztfg"
    tau_fall = np.where(blue, truth["tau_fall"] / 1.7, truth["tau_fall"])
    rise = 1 / (1 + np.exp(-np.clip(phase / truth["tau_rise"], -50, 50)))
    fall = np.exp(-np.clip(phase, 0, None) / tau_fall)
    if truth["plateau"] > 0:
        slope = np.where(blue, 0.010, 0.003)
        flat = 1 - slope * np.clip(phase, 0, truth["plateau"])
        fall = flat / (1 + np.exp(np.clip((phase - truth["plateau"]) / 4.0, -50, 50)))
    amplitude = phot.flux_from_mag(truth["peak_mag"] + np.where(blue, 0.1, 0.0))
    flux: Floats = amplitude * rise * fall
    return flux
