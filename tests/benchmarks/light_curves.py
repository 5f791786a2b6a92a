"""Light curves for the benchmarks of the fits: simulated ones, and real ones of ../shared/data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aas2rto.models.priors import Priors, smooth_modulus
from aas2rto.tables import photometry as phot
from tests.shared import DATA
from tests.simulated import (
    ALPHA,
    BETA,
    PEAK_MAG_IA,
    SCATTER_IA,
    Visits,
    simulate_salt,
)

R_V = 3.1


def draw_sn_ia(
    n: int, seed: int, *, z: tuple[float, float] = (0.01, 0.12), t0: float = 59000.0
) -> pd.DataFrame:
    """Draw SNe Ia from the populations that the priors describe."""
    rng = np.random.default_rng(seed)
    redshift = np.cbrt(rng.uniform(z[0] ** 3, z[1] ** 3, n))
    x1, c = np.clip(rng.normal(0, 1, n), -3, 3), np.clip(rng.normal(0, 0.1, n), -0.3, 0.3)
    mag = PEAK_MAG_IA - ALPHA * x1 + BETA * c + rng.normal(0, SCATTER_IA, n)
    mag += smooth_modulus(redshift, Priors()) + 5 * np.log10(redshift)
    return pd.DataFrame(
        {
            "candidate_id": [f"SIM{i:05d}" for i in range(n)],
            "z": redshift,
            "t0": t0 + rng.uniform(0, 10, n),
            "x0": 10 ** (-0.4 * (mag - 10.5)),
            "x1": x1,
            "c": c,
            "ebv": rng.uniform(0.01, 0.15, n),
        }
    )


def simulated(
    n: int,
    seed: int,
    *,
    points: tuple[int, int] = (10, 40),
    bands: tuple[str, ...] = ("ztfg", "ztfr"),
    last: tuple[float, float] = (-3.0, 45.0),
    z: tuple[float, float] = (0.01, 0.12),
    depth: tuple[float, float] = (0.0, 0.0),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate light curves with `points` detections that end at a phase drawn from `last`.

    Noise is that of a 20.5 mag limit of five sigma, and 2 % of the flux; times are drawn so that
    each point is a detection above five sigma where the supernova is bright enough.
    """
    truth = draw_sn_ia(n, seed, z=z)
    rng = np.random.default_rng(seed + 1)

    def visits(i: int) -> Visits:
        count = rng.integers(points[0], points[1] + 1)
        end = rng.uniform(*last)
        mjd = np.sort(truth["t0"][i] + rng.uniform(-15.0, max(end, -3.0), count))
        noise = phot.flux_from_mag(20.5 + rng.uniform(*depth)) / 5.0 * rng.uniform(0.7, 1.4, count)
        return Visits(mjd, rng.choice(bands, count), noise)

    return simulate_salt(truth, visits, rng=rng), truth


def known(truth: pd.DataFrame, *, free: bool) -> pd.DataFrame:
    """Return the candidate table of a truth, with or without redshifts."""
    table = truth[["candidate_id", "ebv"]].copy()
    return table.assign(redshift=np.nan if free else truth["z"])


def bts(
    types: tuple[str, ...] = ("SN Ia",), *, any_redshift: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the ZTF Bright Transient Survey: photometry table, and objects with a light curve."""
    objects = pd.read_parquet(DATA / "ztf_bts_objects.parquet")
    objects = objects[objects["type"].isin(types)] if types else objects
    if not any_redshift:
        objects = objects[np.isfinite(objects["redshift"]) & (objects["redshift"] > 0.001)]
    rows = pd.read_parquet(DATA / "ztf_bts_photometry.parquet")
    rows["objectId"] = rows["objectId"].astype(str)
    rows = rows[rows["objectId"].isin(objects["objectId"])]
    mag, magerr = rows["mag"].to_numpy(float), rows["magerr"].to_numpy(float)
    flux = phot.flux_from_mag(mag)
    error = flux * np.maximum(magerr, 1e-3) / phot.POGSON
    table = phot.conform(
        pd.DataFrame(
            {
                "candidate_id": rows["objectId"],
                "mjd": rows["mjd"],
                "band": "ztf" + rows["band"].astype(str),
                "flux": flux,
                "flux_err": error,
                "kind": phot.DETECTION,
                "survey": "ztf",
            }
        )
    )
    table = phot.one_per_exposure(table.sort_values(["candidate_id", "mjd"], kind="stable"))
    objects = objects[objects["objectId"].isin(table["candidate_id"])].reset_index(drop=True)
    objects = objects.assign(
        candidate_id=objects["objectId"], name=objects["objectId"], ebv=objects["A_V"] / R_V
    )
    return table.reset_index(drop=True), objects


def dr1cosmo() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the SNe Ia of ZTF DR1: forced photometry in g, r, i, and the published SALT2 fits."""
    published = pd.read_parquet(DATA / "ztf_dr1cosmo_saltparams.parquet")
    rows = pd.read_parquet(DATA / "ztf_dr1cosmo_photometry.parquet")
    rows["objectId"] = rows["objectId"].astype(str)
    rows = rows[rows["objectId"].isin(published["objectId"])]
    scale = 10 ** (-0.4 * (rows["zp"].to_numpy(float) - phot.AB_ZERO_POINT))
    flux, error = rows["flux"].to_numpy(float) * scale, rows["flux_err"].to_numpy(float) * scale
    table = phot.conform(
        pd.DataFrame(
            {
                "candidate_id": rows["objectId"],
                "mjd": rows["mjd"],
                "band": rows["band"].astype(str),
                "flux": flux,
                "flux_err": error,
                "kind": phot.kind_of(flux, error, "ztf"),
                "survey": "ztf",
            }
        )
    )
    table = table.sort_values(["candidate_id", "mjd"], kind="stable").reset_index(drop=True)
    published = published.assign(candidate_id=published["objectId"], ebv=published["mwebv"])
    return table, published
