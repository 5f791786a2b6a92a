"""The batched SALT fit beside sncosmo: fluxes, minima and time, from one run and on one core.

Times are of the processor, so that other programs on the machine matter less.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_fit [flux simulated lsst limits real
growth] [--n N]``

*Worse* is a chi2 above that of `sncosmo.fit_lc` (its own start, bounds on z only) by more than
0.1; *sncosmo misses* is the reverse. Real light curves are the SNe Ia of ../shared/data/ztf_bts_*
with at least ten detections from 15 d before to 40 d after their catalogued peak, in the order of
the file; only these points are fitted.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import time
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import sncosmo

from aas2rto import data
from aas2rto.models.lightcurves import LightCurves, pack
from aas2rto.models.salt import Salt
from aas2rto.models.salt_batched import BatchedEngine
from aas2rto.models.salt_tables import Z_STEP, build_tables
from aas2rto.models.sncosmo_engine import model_flux, model_with_dust
from aas2rto.tables import photometry as phot
from tests.benchmarks.light_curves import DATA, bts, known, simulated

Z_RANGE = (0.001, 0.2)
BELOW = 0.1
BLOCK, ROUNDS = 200, 5
LIMITS = 20


@dataclass
class Timed:
    """chi2 of each light curve, and seconds for all."""

    chisq: np.ndarray
    seconds: float


def batched(curves: LightCurves, begin: int, end: int) -> Timed:
    """Fit the candidates from `begin` to `end`, on one core."""
    engine = engine_of(None)
    chosen = np.zeros(len(curves), dtype=bool)
    chosen[begin:end] = True
    stops = np.zeros(len(curves), dtype=bool)
    start = time.process_time()
    for _ in range(ROUNDS):
        batch = engine.fit(curves, chosen, stops)
    return Timed(batch.chisq[begin:end], (time.process_time() - start) / ROUNDS)


@functools.cache
def engine_of(priors: None) -> BatchedEngine:
    """Return the engine without priors, kept with its tables and ready."""
    return BatchedEngine(data.salt_source(), priors, Z_RANGE, workers=1)


def by_sncosmo(curves: LightCurves, begin: int, end: int) -> Timed:
    """Fit one by one, as a user of sncosmo does."""
    model = model_with_dust(data.salt_source())
    bands = [data.bandpass(name) for name in curves.bands]
    chisq = np.full(end - begin, np.inf)
    seconds = 0.0
    for i in range(begin, end):
        rows = slice(curves.start[i], curves.start[i + 1])
        count = rows.stop - rows.start
        table = {
            "time": curves.mjd[rows],
            "flux": curves.flux[rows],
            "fluxerr": curves.flux_err[rows],
            "band": np.array([bands[b] for b in curves.band[rows]], dtype=object),
            "zp": np.full(count, phot.AB_ZERO_POINT),
            "zpsys": np.full(count, "ab"),
        }
        free = np.isnan(curves.redshift[i])
        model.set(z=0.05 if free else curves.redshift[i], mwebv=curves.ebv[i])
        names = ["z"] if free else []
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                result, _ = sncosmo.fit_lc(
                    table,
                    model,
                    [*names, "t0", "x0", "x1", "c"],
                    bounds={"z": Z_RANGE} if free else {},
                    warn=False,
                )
                chisq[i - begin] = result.chisq if np.isfinite(result.chisq) else np.inf
            except (RuntimeError, ValueError, sncosmo.fitting.DataQualityError):
                pass
        seconds += time.process_time() - start
    return Timed(chisq, seconds)


HEAD = (
    f"{'':34s} {'sncosmo':>10s} {'batched':>10s} {'ratio':>7s} {'worse':>6s} "
    f"{'largest':>8s} {'sncosmo misses':>15s}"
)


def compare(title: str, curves: LightCurves) -> None:
    """Fit with both in turns, so that whatever else the machine does slows both alike."""
    batched(curves, 0, 1)
    edges = [*range(0, len(curves), BLOCK), len(curves)]
    turns = [
        (by_sncosmo(curves, *block), batched(curves, *block)) for block in itertools.pairwise(edges)
    ]
    theirs, ours = (
        Timed(np.concatenate([t[k].chisq for t in turns]), sum(t[k].seconds for t in turns))
        for k in range(2)
    )
    n = len(curves)
    worse = ours.chisq - theirs.chisq
    print(
        f"{title:34s} {theirs.seconds / n * 1e3:7.1f} ms {ours.seconds / n * 1e6:7.1f} us "
        f"{theirs.seconds / ours.seconds:6.0f}x {(worse > BELOW).sum():3d}/{n} "
        f"{max(worse.max(), 0.0):8.2f} {(worse < -BELOW).sum():15d}",
        flush=True,
    )


def fit_simulated(n: int) -> None:
    print(f"\nSimulated, {n} light curves of 10-40 detections in g and r, no priors, one thread")
    print(HEAD)
    table, truth = simulated(n, seed=1)
    for free in (False, True):
        curves = pack(table, known(truth, free=free), data.has_bandpass)
        compare(f"z {'free in 0.001-0.2' if free else 'fixed'}", curves)


def fit_lsst(n: int) -> None:
    print(f"\nSimulated, {n} light curves each, other bands, one thread")
    print(HEAD)
    lsst = ("lsstu", "lsstg", "lsstr", "lssti", "lsstz", "lssty")
    for title, bands in (("ATLAS c, o", ("atlasc", "atlaso")), ("LSST ugrizy", lsst)):
        table, truth = simulated(n, seed=3, bands=bands)
        for free in (False, True):
            curves = pack(table, known(truth, free=free), data.has_bandpass)
            compare(f"{title}, z {'free' if free else 'fixed'}", curves)


def fit_limits(n: int) -> None:
    """Time the default fit with and without limits before the rise, in turns."""
    print(f"\nSimulated, {n} light curves of 20 detections, priors as by default, one thread")
    table, truth = simulated(n, seed=9, points=(20, 20))
    rng = np.random.default_rng(2)
    parts = [table]
    for row in truth.to_dict("records"):
        mjd = row["t0"] + np.sort(rng.uniform(-40, -14, LIMITS)) * (1 + row["z"])
        parts.append(
            pd.DataFrame(
                {
                    "candidate_id": row["candidate_id"],
                    "mjd": mjd,
                    "band": "ztfr",
                    "limit": phot.flux_from_mag(20.5),
                    "kind": phot.LIMIT,
                    "survey": "ztf",
                }
            )
        )
    both = pd.concat(parts, ignore_index=True)
    engine = Salt(redshift=Z_RANGE, workers=1)._engine()
    for free in (False, True):
        packed = [
            pack(rows, known(truth, free=free), data.has_bandpass, limits=True)
            for rows in (table, both)
        ]
        chosen, stops = np.ones(n, dtype=bool), np.zeros(n, dtype=bool)
        seconds = np.zeros((ROUNDS, 2))
        for turn, (k, curves) in itertools.product(range(ROUNDS), enumerate(packed)):
            if turn == 0:
                engine.fit(curves, chosen, stops)
            start = time.process_time()
            engine.fit(curves, chosen, stops)
            seconds[turn, k] = time.process_time() - start
        without, beside = np.median(seconds, axis=0) / n * 1e6
        words = f"{without:.0f} us without, {beside:.0f} us with {LIMITS} limits each"
        print(f"z {'free' if free else 'fixed'}: {words}, {beside / without:.2f} times as long")


def fit_real(n: int) -> None:
    table, objects = bts()
    peak = objects.set_index("candidate_id")["peak_mjd"]
    days = table["mjd"] - table["candidate_id"].map(peak)
    table = table[days.between(-15, 40)]
    count = table["candidate_id"].value_counts()
    objects = objects[objects["candidate_id"].map(count) >= 10].head(n).reset_index(drop=True)
    print(f"\nReal, {len(objects)} SNe Ia of the Bright Transient Survey, no priors, one thread")
    print(HEAD)
    for free in (False, True):
        chosen = objects[["candidate_id", "ebv"]].assign(
            redshift=np.nan if free else objects["redshift"]
        )
        compare(f"z {'free' if free else 'fixed'}", pack(table, chosen, data.has_bandpass))


def check_flux(n: int) -> None:
    """Compare model fluxes at random parameters within the bounds of the priors."""
    print(
        f"\nModel flux against sncosmo, {n} random (|x1| < 4, -0.4 < c < 0.6, E(B-V) < 0.5), "
        "phases -22 to +53 d"
    )
    print("relative: where above a tenth of the peak; on the last day, sncosmo is not smooth in z")
    print(
        f"{'':8s} {'nodes':>5s} {'largest, of the peak':>22s} {'relative: largest':>18s} "
        f"{'99 %':>9s} {'median':>9s} {'last day':>9s}"
    )
    for low, high in (Z_RANGE, (Z_RANGE[1], 0.8)):
        print(f"z {low} - {high}")
        check_flux_between(n, low, high)


def check_flux_between(n: int, low: float, high: float) -> None:
    from aas2rto.models.compiled import problem, salt

    bands = tuple(band for band in phot.BANDS if data.has_bandpass(band))
    made = build_tables(data.salt_source(), bands, high)
    tables = problem.Tables(
        made.values,
        made.law,
        made.dust,
        made.error,
        np.zeros(made.days),
        made.first,
        made.last,
        Z_STEP,
        made.first_phase,
        made.days,
    )
    model = model_with_dust(data.salt_source())
    rng = np.random.default_rng(7)
    phase = np.linspace(-22, 53, 150)
    of_peak: dict[str, list[float]] = {band: [] for band in bands}
    relative: dict[str, list[np.ndarray]] = {band: [] for band in bands}
    last_day: dict[str, list[np.ndarray]] = {band: [np.zeros(1)] for band in bands}
    for _ in range(n):
        z, x1, c, ebv = rng.uniform([low, -4, -0.4, 0], [high, 4, 0.6, 0.5])
        model.set(z=z, t0=59000.3, x0=1e-3, x1=x1, c=c, mwebv=ebv)
        mjd = 59000.3 + phase * (1 + z)
        p = np.array([59000.3, np.log(1e-3), x1, c, z])
        for k, band in enumerate(bands):
            if not made.first[k] * Z_STEP <= z <= made.last[k] * Z_STEP:
                continue
            exact, ours = model_flux(model, [band] * mjd.size, mjd), np.empty(mjd.size)
            salt.flux_many(tables, made.dust * ebv, mjd, np.full(mjd.size, k), p, ours)
            error, peak = np.abs(ours - exact), np.abs(exact).max()
            of_peak[band].append(error.max() / peak)
            bright = np.abs(exact) > 0.1 * peak
            share = error[bright] / np.abs(exact[bright])
            relative[band].append(share[phase[bright] < 49])
            last_day[band].append(share[phase[bright] >= 49])
    for band in bands:
        if not relative[band]:
            print(f"{band:8s} beyond the surfaces")
            continue
        every = np.concatenate(relative[band])
        print(
            f"{band:8s} {made.law.shape[2]:5d} {max(of_peak[band]):22.1e} {every.max():18.1e} "
            f"{np.quantile(every, 0.99):9.1e} {np.median(every):9.1e} "
            f"{np.concatenate(last_day[band]).max():9.1e}"
        )


def grow(n: int) -> None:
    """Time all candidates on all cores, and how it grows with candidates and points."""
    print("\nGrowth, z free, priors as by default (three rounds for the model's error), all cores")
    print(
        f"{'candidates':>10s} {'points each':>12s} {'whole Salt.fit':>15s} {'per candidate':>14s}"
    )
    base, truth = simulated(200, seed=5, points=(25, 25))
    salt = Salt(redshift=Z_RANGE)
    salt.fit(base, known(truth, free=True))
    sizes = [(count, 25) for count in (100, 1000, n)] + [(1000, p) for p in (10, 50, 100, 200)]
    for count, points in sizes:
        if points != 25:
            base, truth = simulated(200, seed=5, points=(points, points))
        copies = -(-count // 200)
        table = pd.concat(
            [base.assign(candidate_id=base["candidate_id"] + f"-{k}") for k in range(copies)],
            ignore_index=True,
        )
        one = known(truth, free=True)
        rows = pd.concat(
            [one.assign(candidate_id=one["candidate_id"] + f"-{k}") for k in range(copies)],
            ignore_index=True,
        ).head(count)
        start = time.perf_counter()
        salt.fit(table, rows)
        seconds = time.perf_counter() - start
        print(
            f"{count:10d} {points:12d} {seconds:13.2f} s {seconds / count * 1e3:11.3f} ms",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", default=[])
    parser.add_argument("--n", type=int, default=0, help="Fewer light curves.")
    asked = parser.parse_args()
    sections = {
        "flux": (check_flux, 150),
        "simulated": (fit_simulated, 1000),
        "lsst": (fit_lsst, 200),
        "limits": (fit_limits, 200),
        "real": (fit_real, 400),
        "growth": (grow, 10_000),
    }
    for name in asked.sections or sections:
        work, n = sections[name]
        if name == "real" and not DATA.is_dir():
            print("\nReal light curves: ../shared/data is absent")
            continue
        work(asked.n or n)


if __name__ == "__main__":
    main()
