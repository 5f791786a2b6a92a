"""The batched Bazin fit beside scipy's trust-region fit and the `light-curve` package: one run.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_bazin [--n N]``

One band at a time, 10-40 points with noise, A, t0, tau_rise, tau_fall free (and the baseline for
`light-curve`, which always fits one; it is compared with our fit with ``baseline: free``). The best
chi2 known is the lowest of all: ours, scipy's from its usual start and from the truth, and
light-curve's. *Off* is a chi2 above that by more than 1. Times are of one core, taken in turns.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from aas2rto.models.bazin import Bazin, _by_band, bazin_flux
from aas2rto.models.lightcurves import LightCurves, pack
from aas2rto.tables import photometry as phot

BLOCK = 100
LOW, HIGH = [0.0, -np.inf, 0.05, 0.5], [np.inf, np.inf, 60.0, 1000.0]


def simulate(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.column_stack(
        [
            10 ** rng.uniform(1.8, 3.2, n),
            rng.uniform(0, 3, n) + 59000,
            rng.uniform(1.5, 6, n),
            rng.uniform(12, 60, n),
            np.zeros(n),
        ]
    )
    tables = []
    for k, values in enumerate(truth):
        mjd = np.sort(values[1] + rng.uniform(-15, rng.uniform(8, 60), rng.integers(10, 41)))
        flux = bazin_flux(values, mjd)
        error = np.hypot(8.0, 0.03 * flux)
        flux = flux + rng.normal(0, 1, mjd.size) * error
        tables.append(
            pd.DataFrame(
                {
                    "candidate_id": f"B{k:05d}",
                    "mjd": mjd,
                    "flux": flux,
                    "flux_err": error,
                    "band": "ztfr",
                    "survey": "ztf",
                    "kind": phot.DETECTION,
                }
            )
        )
    return phot.conform(pd.concat(tables, ignore_index=True)), truth


def ours(curves: LightCurves, model: Bazin) -> np.ndarray:
    bands = _by_band(curves)
    every = np.ones(len(bands.owner), dtype=bool)
    return np.array([fit.chisq for _, fit in model._fit_bands(curves, bands, every)])


def by_scipy(t: np.ndarray, f: np.ndarray, e: np.ndarray, start: list[float]) -> float:
    def residuals(p: np.ndarray) -> np.ndarray:
        return (f - bazin_flux(np.array([p[0], p[1], p[2], p[2] + p[3], 0.0]), t)) / e

    x0 = np.clip(start, np.array(LOW) + 1e-6, np.array(HIGH) - 1e-6)
    found = least_squares(
        residuals, x0, bounds=(LOW, HIGH), method="trf", x_scale=np.abs(x0) + 1e-3
    )
    return float(2 * found.cost)


def timed(work: Callable[[], np.ndarray], rounds: int = 1) -> tuple[np.ndarray, float]:
    start = time.process_time()
    for _ in range(rounds):
        answer = work()
    return answer, (time.process_time() - start) / rounds


Work = dict[str, tuple[Callable[[int, int], np.ndarray], int]]


def in_turns(work: Work, n: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Run all on block after block; return chi2 of each light curve, and seconds for all."""
    answers: dict[str, list[np.ndarray]] = {name: [] for name in work}
    seconds = dict.fromkeys(work, 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for begin in range(0, n, BLOCK):
            for name, (job, rounds) in work.items():
                end = min(begin + BLOCK, n)
                found, took = timed(lambda job=job, a=begin, b=end: job(a, b), rounds)  # type: ignore[misc]
                answers[name].append(found)
                seconds[name] += took
    return {name: np.concatenate(found) for name, found in answers.items()}, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1000, help="Fewer light curves.")
    n = parser.parse_args().n
    table, truth = simulate(n, 3)
    ids = pd.DataFrame({"candidate_id": table["candidate_id"].unique()})
    curves = pack(table, ids, lambda _: True)
    rows = [slice(a, b) for a, b in itertools.pairwise(curves.start)]
    t, f, e = curves.mjd, curves.flux, curves.flux_err
    plain, free = Bazin(workers=1), Bazin(workers=1, baseline="free")
    has_light_curve = importlib.util.find_spec("light_curve") is not None
    blocks = {a: pack(table, ids[a : a + BLOCK], lambda _: True) for a in range(0, n, BLOCK)}
    ours(blocks[0], plain)

    def usual(i: int) -> float:
        r = rows[i]
        top = int(np.argmax(f[r]))
        return by_scipy(t[r], f[r], e[r], [f[r][top], t[r][top], 4.0, 25.0])

    def package(i: int) -> float:
        r = rows[i]
        try:
            reduced = float(extractor(t[r], f[r], e[r], sorted=True)[-1])
        except (ValueError, RuntimeError):
            return np.inf
        return reduced * (r.stop - r.start - 5)

    if has_light_curve:
        import light_curve

        extractor = light_curve.BazinFit("lmsder")
    work: Work = {
        "batched": (lambda a, _: ours(blocks[a], plain), 3),
        "scipy trf": (lambda a, b: np.array([usual(i) for i in range(a, b)]), 1),
        "batched, baseline free": (lambda a, _: ours(blocks[a], free), 3),
    }
    if has_light_curve:
        work["light-curve, lmsder"] = (lambda a, b: np.array([package(i) for i in range(a, b)]), 1)
    chisq, seconds = in_turns(work, n)
    known = np.array(
        [
            by_scipy(t[r], f[r], e[r], [v[0], v[1], v[2], v[3] - v[2]])
            for r, v in zip(rows, truth, strict=True)
        ]
    )
    best = np.min([chisq["batched"], chisq["scipy trf"], known], axis=0)
    print(f"{n} light curves in one band, {t.size / n:.0f} points each")
    print(f"{'':26s} {'each':>10s} {'ratio to trf':>13s} {'off by > 1':>11s}")
    for name in work:
        lowest = best
        if name in ("batched, baseline free", "light-curve, lmsder"):
            lowest = np.min([chisq[k] for k in work if "free" in k or "light" in k], axis=0)
        print(
            f"{name:26s} {seconds[name] / n * 1e6:7.1f} us "
            f"{seconds['scipy trf'] / seconds[name]:12.0f}x "
            f"{np.mean(chisq[name] - lowest > 1):11.1%}"
        )
    if not has_light_curve:
        print("light-curve is not installed (pip install light-curve): not compared")


if __name__ == "__main__":
    main()
