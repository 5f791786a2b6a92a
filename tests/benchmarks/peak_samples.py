"""Samples of SNe Ia with known peaks, as the night gives them: alerts, limits, forced, simulated.

Each is photometry with what is known of every object: ``candidate_id, redshift, ebv, t_true``.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aas2rto import data
from aas2rto.models.calibration import calibration
from aas2rto.models.salt import Salt
from aas2rto.models.salt_tables import Z_STEP, build_tables
from aas2rto.tables import photometry as phot
from tests.benchmarks.light_curves import DATA, bts, dr1cosmo, draw_sn_ia
from tests.simulated import (
    CALIBRATION_ERROR,
    Visits,
    as_alerts,
    salt_flux,
    simulate_salt,
    ztf_visits,
)

MOST_REDUCED = 5.0
"""Largest reduced chi2 of a final fit (A&A 698, A153, Sect. 3.3 cut there, too)."""
LSST_BANDS = {name: f"lsst{name}" for name in "ugrizy"}
FIELD_RADIUS = 1.75
"""Of an LSST visit [deg] (Ivezic et al. 2019)."""
CANDID_EPOCH = 57754.0
"""ZTF's candid is the time since 2017-01-01 in 1e-15 d (its last digits are another number)."""
MOST_SIMULATED = 400
"""Simulated supernovae are no more than this, lest they outnumber real ones in what is pooled."""
MOST_SCATTER = 0.25
COHERENCE = 8.0
"""Days over which simulated supernovae differ from the surfaces in the same sense."""


@dataclass(frozen=True)
class Sample:
    """Photometry of objects whose peak is known.

    Parameters
    ----------
    name : str
    table : DataFrame
        As in :mod:`aas2rto.tables.photometry`.
    objects : DataFrame
        ``candidate_id, redshift, ebv, t_true [d, MJD UTC]``.
    """

    name: str
    table: pd.DataFrame
    objects: pd.DataFrame


def share(text: str, salt: str = "") -> float:
    """Return a number between 0 and 1 that depends on a name alone."""
    digest = hashlib.sha256(f"{salt}{text}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def fold(objects: pd.DataFrame) -> np.ndarray:
    """Return 0 or 1 for each object, by a hash of its name."""
    return np.array([share(name) < 0.5 for name in objects["candidate_id"]], dtype=int)


def passes(own: pd.DataFrame) -> bool:
    """Apply the quality cuts of A&A 698, A153, Sect. 3.3, to one light curve."""
    phase = own["phase"].to_numpy()
    return bool(
        phase.size >= 8
        and (phase < 0).sum() >= 3
        and (phase > 0).sum() >= 4
        and phase.max() >= 5
        and np.ptp(phase) < 120
        and np.diff(phase).max() <= 20
    )


def first_by_hash(objects: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return `n` objects, chosen by the hash of their names, in the order of the table."""
    order = np.argsort([share(name, "subset") for name in objects["candidate_id"]])
    return objects.iloc[np.sort(order[:n])].reset_index(drop=True)


@functools.cache
def bts_alerts(n: int) -> Sample:
    """Return SNe Ia of the ZTF Bright Transient Survey: alerts, without limits.

    Their light curves pass the paper's cuts; the peak is that of the fit to all detections with
    the spectroscopic redshift and no priors, whose reduced chi2 is below 5.
    """
    table, objects = bts()
    days = table["mjd"] - table["candidate_id"].map(objects.set_index("candidate_id")["peak_mjd"])
    table = table[days.between(-40, 80)].reset_index(drop=True)
    table["measurement_id"] = [
        f"table:{b}:{t:.6f}" for b, t in zip(table["band"], table["mjd"], strict=True)
    ]
    fits = Salt(priors="none").fit(table, objects[["candidate_id", "redshift", "ebv"]])
    objects = objects.assign(t_true=fits["t_peak"], rchisq=fits["chisq"] / fits["ndof"])
    t_true = objects.set_index("candidate_id")["t_true"]
    phase = table["mjd"] - table["candidate_id"].map(t_true)
    good = table.assign(phase=phase).groupby("candidate_id").apply(passes, include_groups=False)
    good = objects["candidate_id"].map(good).eq(True) & (objects["rchisq"] < MOST_REDUCED)
    names = ["x0", "x1", "c", "z"]
    parts = pd.DataFrame(list(fits["parameters"])).reindex(columns=names)
    objects = pd.concat([objects.drop(columns=names, errors="ignore"), parts], axis=1)
    return Sample("BTS alerts", table, first_by_hash(objects[good], n))


@functools.cache
def bts_limits(n: int) -> Sample:
    """Return the same with limits where ZTF would have looked and, by the final fit, seen nothing.

    Visits are those of `tests.simulated.ztf_visits`, from 30 d before the first detection
    to 10 d after the peak. Where the final fit, with its noise, is brighter than the limit, there
    was none.
    """
    sample = bts_alerts(n)
    parts = [sample.table]
    first = sample.table.groupby("candidate_id")["mjd"].min()
    for row in sample.objects.to_dict("records"):
        rng = np.random.default_rng(int(share(row["candidate_id"], "limits") * 2**32))
        seen = ztf_visits(rng, first[row["candidate_id"]] - 30, row["t_true"] + 10)
        flux = salt_flux({**row, "t0": row["t_true"]}, seen.band, seen.mjd)
        flux = flux + rng.normal(0, 1, flux.size) * np.hypot(seen.noise, CALIBRATION_ERROR * flux)
        empty = flux < phot.LIMIT_SIGMA * seen.noise
        parts.append(limits(row["candidate_id"], seen, empty))
    return Sample("BTS with limits", in_order(pd.concat(parts)), sample.objects)


def limits(name: str, visits: Visits, where: np.ndarray) -> pd.DataFrame:
    """Return non-detections as alerts carry them."""
    return phot.conform(
        pd.DataFrame(
            {
                "candidate_id": name,
                "mjd": visits.mjd[where],
                "band": visits.band[where],
                "limit": phot.LIMIT_SIGMA * visits.noise[where],
                "kind": phot.LIMIT,
                "survey": "ztf",
            }
        )
    )


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Sort by candidate and time."""
    return table.sort_values(["candidate_id", "mjd"], kind="stable").reset_index(drop=True)


@functools.cache
def dr1_forced(n: int) -> Sample:
    """Return SNe Ia of ZTF DR1: forced photometry from 30 d before the peak on.

    The truth is our own fit to all points with the redshift known, reduced chi2 below 5; the
    published peak (SALT2) stands beside it as ``t_published``.
    """
    table, objects = dr1cosmo()
    objects = objects.assign(redshift=objects["z"], t_published=objects["t0_mjd"])
    phase = table["mjd"] - table["candidate_id"].map(objects.set_index("candidate_id")["t0_mjd"])
    table = table[phase.between(-30, 60)].reset_index(drop=True)
    fits = Salt().fit(table, objects[["candidate_id", "redshift", "ebv"]])
    objects = objects.assign(t_true=[p.get("t0", np.nan) for p in fits["parameters"]])
    good = (fits["status"] == "ok") & (fits["chisq"] / fits["ndof"] < MOST_REDUCED)
    return Sample("DR1 forced", table, first_by_hash(objects[good], n))


@functools.cache
def dr1_alerts(n: int) -> Sample:
    """Return DR1 as alerts would give it: what is below five sigma becomes a limit."""
    sample = dr1_forced(n)
    table = sample.table.assign(limit=phot.LIMIT_SIGMA * sample.table["flux_err"])
    return Sample("DR1 as alerts", stated_as_alerts(as_alerts(table)), sample.objects)


def stated_as_alerts(table: pd.DataFrame) -> pd.DataFrame:
    """State errors as ZTF's alerts do, of the same exposures of 45 SNe in DR1 and in BTS.

    By signal to noise from 8 to 100, alerts say 14, 10, 7.7, 5.8, 4.9 % where forced photometry
    says 9.7, 6.5, 4.1, 2.7, 1.4 %.
    """
    flux, error = table["flux"], table["flux_err"]
    return table.assign(flux_err=np.hypot(1.38 * error, 0.045 * flux))


@functools.cache
def alerce() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the SNe of ALeRCE with their real limits, and their candidate table."""
    seen = pd.read_parquet(DATA / "alerce_30sne_detections.parquet")
    empty = pd.read_parquet(DATA / "alerce_30sne_nondetections.parquet")
    seen = seen[seen["isdiffpos"].astype(float) == 1]
    flux = phot.flux_from_mag(seen["magpsf"].to_numpy(float))
    error = phot.flux_err_from_magerr(flux, seen["sigmapsf"].to_numpy(float))
    mjd = CANDID_EPOCH + seen["candid"].astype("int64") / 1e15
    bands = {1: "ztfg", 2: "ztfr", 3: "ztfi"}
    detections = pd.DataFrame(
        {
            "candidate_id": seen["objectId"],
            "mjd": mjd,
            "band": seen["fid"].map(bands),
            "flux": flux,
            "flux_err": error,
            "kind": phot.DETECTION,
            "limit": phot.flux_from_mag(seen["diffmaglim"].to_numpy(float)),
        }
    )
    nothing = pd.DataFrame(
        {
            "candidate_id": empty["objectId"],
            "mjd": empty["jd"] - phot.MJD_OF_JD,
            "band": empty["fid"].map(bands),
            "kind": phot.LIMIT,
            "limit": phot.flux_from_mag(empty["diffmaglim"].to_numpy(float)),
        }
    )
    table = pd.concat([detections, nothing]).assign(survey="ztf", source="alerce")
    table["candidate_id"] = table["candidate_id"].astype(str)
    table = phot.one_per_exposure(in_order(phot.conform(table)))
    ids = pd.DataFrame({"candidate_id": table["candidate_id"].unique()})
    return table.reset_index(drop=True), ids.assign(redshift=np.nan, ebv=0.05)


@functools.cache
def simulated_ztf(n: int) -> Sample:
    """Return simulated SNe Ia as ZTF's alerts and limits give them."""
    n = min(n, MOST_SIMULATED)
    truth = draw_sn_ia(n, seed=201, z=(0.01, 0.1))

    def visits(i: int) -> Visits:
        rng = np.random.default_rng(5000 + i)
        return ztf_visits(rng, truth["t0"][i] - 40, truth["t0"][i] + 15)

    table = stated_as_alerts(as_alerts(observed(truth, visits, seed=301)))
    return Sample("simulated ZTF", table, truth.assign(redshift=truth["z"], t_true=truth["t0"]))


@functools.cache
def simulated_lsst(n: int) -> Sample:
    """Return simulated SNe Ia as LSST's alerts give them, with forced photometry of the rest.

    Visits of one simulated year (OpSim baseline v2.0) at random places.
    """
    n = min(n, MOST_SIMULATED)
    visits = lsst_visits(n)
    truth = draw_sn_ia(n, seed=202, z=(0.02, 0.15))
    rng = np.random.default_rng(17)
    truth["t0"] = [rng.uniform(seen.mjd.min() + 40, seen.mjd.max() - 15) for seen in visits]

    def around(i: int) -> Visits:
        near = (visits[i].mjd > truth["t0"][i] - 40) & (visits[i].mjd < truth["t0"][i] + 15)
        return Visits(*(part[near] for part in (visits[i].mjd, visits[i].band, visits[i].noise)))

    table = observed(truth, around, seed=302).assign(survey="lsst")
    table["kind"] = phot.kind_of(table["flux"], table["flux_err"], "lsst")
    weak = table["kind"] != phot.DETECTION
    table["measurement_id"] = np.where(weak, "forced:", "") + table["measurement_id"].astype(object)
    return Sample("simulated LSST", table, truth.assign(redshift=truth["z"], t_true=truth["t0"]))


def lsst_visits(n: int) -> list[Visits]:
    """Return the visits of `n` random places, each seen at least 80 times in the year."""
    table = pd.read_parquet(DATA / "baseline_v2.0_1yr.parquet")
    ra, dec = np.deg2rad(table["fieldRA"].to_numpy()), np.deg2rad(table["fieldDec"].to_numpy())
    where = np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    rng, found = np.random.default_rng(11), []
    while len(found) < n:
        place = where[rng.integers(len(where))]
        own = table[where @ place > np.cos(np.deg2rad(FIELD_RADIUS))].sort_values(
            "observationStartMJD"
        )
        if 80 <= len(own) < 2000:
            noise = phot.flux_from_mag(own["fiveSigmaDepth"].to_numpy()) / phot.LIMIT_SIGMA
            band = own["filter"].map(LSST_BANDS).to_numpy(str)
            found.append(Visits(own["observationStartMJD"].to_numpy(), band, noise))
    return found


def observed(truth: pd.DataFrame, visits: Callable[[int], Visits], seed: int) -> pd.DataFrame:
    """Simulate light curves that differ from the surfaces as real supernovae do.

    On the rise by the mean and the scatter that `data/salt_calibration.yaml` holds, and by the
    scatter of the surfaces' training (`SaltTables.error`); both smooth over `COHERENCE` days, half
    of their variance the same in all bands.
    """
    rng, learnt = np.random.default_rng(seed), calibration("all")
    table = simulate_salt(truth, visits)
    names = tuple(sorted(table["band"].unique()))
    made = build_tables(data.salt_source(), names, 0.2)
    rows = table.groupby("candidate_id").indices
    for row in truth.to_dict("records"):
        own = (
            table.loc[rows[row["candidate_id"]]] if row["candidate_id"] in rows else table.iloc[:0]
        )
        phase = (own["mjd"].to_numpy() - row["t0"]) / (1 + row["z"])
        shift = smooth(rng, phase)
        node = round(row["z"] / Z_STEP)
        for band in own["band"].unique():
            mine = (own["band"] == band).to_numpy()
            trained = np.minimum(made.error[names.index(band), node], MOST_SCATTER)
            size = np.interp(phase[mine], made.first_phase + np.arange(made.days), trained)
            both = (shift + smooth(rng, phase))[mine] / np.sqrt(2)
            peak = salt_flux(row, np.array([band]), np.array([row["t0"]]))
            mean, scatter = (
                peak * np.interp(phase[mine], learnt.phase, values, left=0.0)
                for values in (learnt.mean, learnt.scatter)
            )
            flux = table.loc[own.index[mine], "flux"].to_numpy()
            flux = flux + mean + both * np.hypot(size * flux, np.minimum(scatter, flux))
            table.loc[own.index[mine], "flux"] = np.maximum(flux, 0.0)
    noise = rng.normal(0, 1, len(table)) * table["flux_err"]
    table["flux"] += noise
    table["kind"] = phot.kind_of(table["flux"], table["flux_err"], "ztf")
    return table


def smooth(rng: np.random.Generator, phase: np.ndarray) -> np.ndarray:
    """Draw unit Gaussian noise that is smooth over `COHERENCE` days."""
    knots = np.arange(-60.0, 61.0, COHERENCE / 4)
    kernel = np.exp(-0.5 * ((knots[:, None] - knots) / COHERENCE) ** 2)
    values = kernel @ rng.normal(0, 1, knots.size) / np.sqrt((kernel**2).sum(axis=1))
    return np.interp(phase, knots, values)


SAMPLES: dict[str, Callable[[int], Sample]] = {
    "BTS alerts": bts_alerts,
    "BTS with limits": bts_limits,
    "DR1 forced": dr1_forced,
    "DR1 as alerts": dr1_alerts,
    "simulated ZTF": simulated_ztf,
    "simulated LSST": simulated_lsst,
}
