"""How good the peaks of SNe Ia are: their bias, their scatter, and whether their errors are honest.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_fit_peaks [bias coverage windows limits
doubts published one_start] [--n N] [--samples BTS,LSST]``

Samples are those of `tests.benchmarks.peak_samples`: alerts of the Bright Transient Survey, the
same with limits, forced photometry of ZTF DR1, that as alerts and limits, simulated ZTF and LSST.
A cut keeps what was measured up to so many days after the true peak (or at a moment within a bin,
drawn by the hash of the name); five detections must be left. Nothing is subtracted anywhere.

What the program has learnt for its errors stands in ``aas2rto/data/salt_calibration.yaml``, once
from all objects and once from either half of them by a hash of their names; each half is fitted
here with what the other one taught.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import sncosmo
from scipy.stats import beta

from aas2rto import data
from aas2rto.models.lightcurves import LightCurves, pack
from aas2rto.models.salt import Salt
from aas2rto.models.sncosmo_engine import model_with_dust
from aas2rto.tables import photometry as phot
from tests.benchmarks import peak_samples
from tests.benchmarks.light_curves import DATA
from tests.benchmarks.peak_samples import SAMPLES, Sample, fold, share

Z_RANGE = (0.001, 0.2)
CUTS = (-8.0, -6.0, -4.0, -2.0, 0.0, 3.0)
BINS = ((-10.0, -6.0), (-6.0, -2.0), (-2.0, 2.0), (2.0, 6.0), (6.0, 10.0))
REDSHIFTS = ((0.0, 0.03), (0.03, 0.05), (0.05, 0.1))
GOAL_68, GOAL_95 = (0.63, 0.73), (0.92, 0.98)
LEAST_OBJECTS = 60
DETECTIONS = 5


def cut_at(sample: Sample, phase: Sequence[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what was measured up to `phase` [d from the true peak] of each object."""
    objects = sample.objects.assign(now=sample.objects["t_true"] + phase)
    now = sample.table["candidate_id"].map(objects.set_index("candidate_id")["now"])
    early = sample.table[sample.table["mjd"] <= now].reset_index(drop=True)
    seen = early.loc[early["kind"] == phot.DETECTION, "candidate_id"].value_counts()
    enough = objects["candidate_id"].map(seen) >= DETECTIONS
    return early, objects[enough].reset_index(drop=True)


@functools.cache
def models() -> tuple[Salt, Salt]:
    """Return the model for the objects of either half, taught by the other."""
    taught = ("half_1", "half_0")
    first, second = (Salt(redshift=Z_RANGE, calibration=name) for name in taught)
    return first, second


def peaks_of(sample: Sample, phase: Sequence[float], *, free: bool) -> pd.DataFrame:
    """Fit what there is by `phase`; return errors and sigma of the peaks."""
    early, chosen = cut_at(sample, phase)
    z = np.nan if free else chosen["redshift"]
    asked = chosen[["candidate_id", "ebv"]].assign(redshift=z)
    half = fold(chosen)
    parts = []
    for k, salt in enumerate(models()):
        own = chosen[half == k].reset_index(drop=True)
        fits = salt.fit(early, asked[half == k].reset_index(drop=True))
        own = own.assign(error=fits["t_peak"] - own["t_true"], sigma=fits["t_peak_err"])
        own["t_peak"], own["parameters"] = fits["t_peak"], fits["parameters"]
        own["reason"] = fits["reason"]
        parts.append(own[(fits["status"] == "ok").to_numpy()])
    found = pd.concat(parts, ignore_index=True)
    return found.assign(sample=sample.name, free=free)


@functools.cache
def by_bins(name: str, n: int, *, free: bool) -> pd.DataFrame:
    """Return the peaks of a sample in all bins of phase, each object at one moment of each bin."""
    sample = SAMPLES[name](n)
    parts = []
    for low, high in BINS:
        moments = [low + (high - low) * share(k, f"{low}") for k in sample.objects["candidate_id"]]
        parts.append(peaks_of(sample, np.array(moments), free=free).assign(low=low))
    return pd.concat(parts, ignore_index=True)


def middle(error: pd.Series) -> str:
    """Return the medians of the error and of its absolute value [d]."""
    return f"{error.median():+6.2f} {error.abs().median():5.2f}"


def bias(n: int, names: Sequence[str]) -> None:
    print("\nBias: median of the error, and of its absolute value [d], by cut; n in brackets")
    print("goal: the former within 0.3 d, 0.5 d at -8 d")
    print(f"{'':28s} " + " ".join(f"{cut:+16.0f} d" for cut in CUTS))
    for name, free in itertools.product(names, (True, False)):
        sample = SAMPLES[name](n)
        cells = []
        for cut in CUTS:
            found = peaks_of(sample, np.full(len(sample.objects), cut), free=free)
            goal = 0.5 if cut < -6 else 0.3
            miss = " " if abs(found["error"].median()) <= goal else "*"
            cells.append(f"{middle(found['error'])}{miss}({len(found):3d})")
        print(f"{name:18s} z {'free' if free else 'known':7s} " + " ".join(cells), flush=True)


def interval(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Clopper & Pearson 1934)."""
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return float(low), float(high)


def cell(found: pd.DataFrame) -> tuple[str, bool]:
    """Return medians and coverage of one cell in words, and whether it meets the goals."""
    pull, n = found["error"].abs() / found["sigma"], len(found)
    if not n:
        return f"{'':36s}", True
    counts = int((pull < 1).sum()), int((pull < 2).sum())
    good = True
    for hits, goal in zip(counts, (GOAL_68, GOAL_95), strict=True):
        low, high = interval(hits, n)
        good &= low <= goal[1] and high >= goal[0]
    words = f"{middle(found['error'])} {counts[0] / n:5.0%} {counts[1] / n:4.0%} ({n:3d})"
    return words + (" " if good or n < LEAST_OBJECTS else "*"), good


def coverage(n: int, names: Sequence[str]) -> None:
    print("\nMedian error, median |error| [d], share below 1 and 2 sigma, objects; in bins of days")
    print("goal: 63-73 % and 92-98 %; * its 95 % interval does not meet them, 60 objects or more")
    print(f"{'':30s} " + " ".join(f"{low:+13.0f}..{high:+.0f} d{'':10s}" for low, high in BINS))
    every, cells = [], []
    for free, name in itertools.product((True, False), names):
        found = by_bins(name, n, free=free)
        every.append(found)
        title = f"{name}, z {'free' if free else 'known'}"
        cells += print_row(title, found)
        for low, high in REDSHIFTS:
            inside = found[found["redshift"].between(low, high)]
            if len(inside):
                cells += print_row(f"   z {low}-{high}", inside)
    pooled = pd.concat(every)
    for free in (True, False):
        print_row(f"all, z {'free' if free else 'known'}", pooled[pooled["free"] == free])
    print_row("all", pooled)
    outside = len(cells) - sum(cells)
    print(
        f"cells with {LEAST_OBJECTS} objects or more outside: {outside} of {len(cells)} "
        f"({outside / max(len(cells), 1):.1%}; goal 5 %)"
    )


def print_row(title: str, found: pd.DataFrame) -> list[bool]:
    """Print one row of bins; return whether each large cell meets the goals."""
    rows = [found[found["low"] == low] for low, _ in BINS]
    words, good = zip(*map(cell, rows), strict=True)
    print(f"{title:30s} " + " ".join(words), flush=True)
    return [g for g, row in zip(good, rows, strict=True) if len(row) >= LEAST_OBJECTS]


def windows(n: int, names: Sequence[str]) -> None:
    print("\nz free; goals: at -1..+1 d central 68 % in -0.9..+1.1 d, |median| <= 0.3 d;")
    print("at -8..-5 d median |error| <= 0.9 d, at most 7 % beyond 3 d")
    for name, (low, high) in itertools.product(names, ((-1.0, 1.0), (-8.0, -5.0))):
        sample = SAMPLES[name](n)
        moments = [low + (high - low) * share(k, "w") for k in sample.objects["candidate_id"]]
        error = peaks_of(sample, np.array(moments), free=True)["error"]
        a, b = error.quantile([0.16, 0.84])
        title = f"{name:18s} {low:+.0f}..{high:+.0f} d ({len(error):3d})"
        far = f"beyond 3 d {(error.abs() > 3).mean():.1%}"
        print(f"{title}: {middle(error)} d, central 68 % {a:+.2f}..{b:+.2f} d, {far}", flush=True)


def limits(n: int, names: Sequence[str]) -> None:
    print("\nWith limits against without, paired over objects, z free: mean and median of |error|")
    print("with - |error| without [d], 95 % interval of the mean by bootstrap over objects")
    table, ids = peak_samples.alerce()
    fits = Salt(redshift=Z_RANGE, non_detections="ignore").fit(table, ids)
    good = (fits["status"] == "ok") & (fits["chisq"] / fits["ndof"] < peak_samples.MOST_REDUCED)
    real = Sample("ALeRCE", table, ids.assign(t_true=fits["t_peak"])[good].reset_index(drop=True))
    samples = [real, *(SAMPLES[name](n) for name in names if name.endswith(("limits", "alerts")))]
    for sample in (one for one in samples if (one.table["kind"] == phot.LIMIT).any()):
        every = [paired(sample, cut) for cut in CUTS]
        for cut, found in zip(CUTS, every, strict=True):
            print_paired(f"{sample.name}, {cut:+.0f} d", found)
        print_paired(f"{sample.name}, -8..-4 d", pd.concat(every[:3]))


def paired(sample: Sample, cut: float) -> pd.DataFrame:
    """Return the absolute errors with and without limits of the same objects."""
    early, chosen = cut_at(sample, np.full(len(sample.objects), cut))
    chosen = chosen[chosen["candidate_id"].isin(early["candidate_id"][early["kind"] == phot.LIMIT])]
    chosen = chosen.reset_index(drop=True)
    asked = chosen[["candidate_id", "ebv"]].assign(redshift=np.nan)
    error = [
        (Salt(redshift=Z_RANGE, non_detections=how).fit(early, asked)["t_peak"] - chosen["t_true"])
        for how in ("one_sided", "ignore")
    ]
    found = {"id": chosen["candidate_id"], "with": error[0].abs(), "without": error[1].abs()}
    return pd.DataFrame({**found, "signed": error[0]}).dropna()


def print_paired(title: str, found: pd.DataFrame) -> None:
    if found.empty:
        return
    gain = (found["with"] - found["without"]).groupby(found["id"]).mean().to_numpy()
    rng = np.random.default_rng(1)
    means = [rng.choice(gain, gain.size).mean() for _ in range(2000)]
    low, high = np.quantile(means, [0.025, 0.975])
    medians = f"with {found['with'].median():.2f} d (median error {found['signed'].median():+.2f})"
    medians += f", without {found['without'].median():.2f} d"
    difference = f"mean {gain.mean():+.2f} [{low:+.2f}, {high:+.2f}], median {np.median(gain):+.2f}"
    print(f"{title:26s} ({gain.size:3d}): {medians}; {difference}", flush=True)


DOUBTS = ("at its bound", "another valley", "no degrees of freedom", r"peaks \d+ d", "")


def doubts(n: int, names: Sequence[str]) -> None:
    print("\nFits that say why they may be wrong, all bins, z free and known: reason, fits, median")
    print("error, median |error|, share below 1 and 2 sigma; the last row: without any such words")
    every = [by_bins(name, n, free=free) for name in names for free in (True, False)]
    found = pd.concat(every, ignore_index=True)
    said = [found["reason"].str.contains(w) for w in DOUBTS[:-1]]
    for words, mask in zip(DOUBTS, [*said, ~np.logical_or.reduce(said)], strict=True):
        own = found[mask]
        pull = own["error"].abs() / own["sigma"]
        if len(own):
            shares = f"{(pull < 1).mean():6.1%} {(pull < 2).mean():6.1%}"
            print(
                f"{words or 'none':24s} {len(own):6d} {middle(own['error'])} {shares}", flush=True
            )


def published(n: int, names: Sequence[str]) -> None:
    print("\nTrue peaks: of DR1, ours (SALT3, all points, z known) less the published (SALT2) [d];")
    print(
        "of BTS, the default's less that without priors, all alerts, z known; nothing is taken off"
    )
    objects = SAMPLES["DR1 forced"](n).objects
    print(f"DR1: {middle(objects['t_true'] - objects['t_published'])} ({len(objects)})")
    sample = SAMPLES["BTS alerts"](n)
    fits = Salt().fit(sample.table, sample.objects[["candidate_id", "redshift", "ebv"]])
    print(f"BTS: {middle(fits['t_peak'] - sample.objects['t_true'])} ({len(fits)})")


def one_start(n: int, names: Sequence[str]) -> None:
    print("\nThe paper's fit, sncosmo.fit_lc from its one start, beside ours; BTS alerts, z free: ")
    print("median error, median |error|, central 68 %, beyond 3 d")
    sample = SAMPLES["BTS alerts"](n)
    for low, high in ((-8.0, -5.0), (-1.0, 1.0)):
        moments = [low + (high - low) * share(k, "w") for k in sample.objects["candidate_id"]]
        early, chosen = cut_at(sample, np.array(moments))
        chosen = peak_samples.first_by_hash(chosen, min(n, 200))
        asked = chosen[["candidate_id", "ebv"]].assign(redshift=np.nan)
        curves = pack(early, asked, data.has_bandpass)
        error = {"sncosmo, one start": by_sncosmo(curves) - chosen["t_true"]}
        for title, settings in (("priors: none", {"priors": "none"}), ("default", {})):
            fits = Salt(redshift=Z_RANGE, **settings).fit(early, asked)
            error[title] = fits["t_peak"] - chosen["t_true"]
        for title, one in error.items():
            a, b = one.quantile([0.16, 0.84])
            print(
                f"{low:+.0f}..{high:+.0f} d {title:20s} ({one.notna().sum():3d}) {middle(one)} "
                f"{a:+.2f}..{b:+.2f} {(one.abs() > 3).mean():6.1%}",
                flush=True,
            )


def by_sncosmo(curves: LightCurves) -> np.ndarray:
    """Return t0 by one call of `sncosmo.fit_lc` each, NaN where it fails."""
    model, t0 = model_with_dust(data.salt_source()), np.full(len(curves), np.nan)
    bands = np.array([data.bandpass(name) for name in curves.bands], dtype=object)
    for i in range(len(curves)):
        rows = slice(curves.start[i], curves.start[i + 1])
        points = {"time": curves.mjd[rows], "flux": curves.flux[rows]}
        points |= {"fluxerr": curves.flux_err[rows], "band": bands[curves.band[rows]]}
        points |= {"zp": np.full(len(points["time"]), phot.AB_ZERO_POINT)}
        points |= {"zpsys": np.full(len(points["time"]), "ab")}
        model.set(z=0.05, mwebv=curves.ebv[i])
        with warnings.catch_warnings(), contextlib.suppress(*FAILURES):
            warnings.simplefilter("ignore")
            free = ["z", "t0", "x0", "x1", "c"]
            result, _ = sncosmo.fit_lc(points, model, free, bounds={"z": Z_RANGE}, warn=False)
            t0[i] = result.parameters[result.param_names.index("t0")]
    return t0


FAILURES = (RuntimeError, ValueError, sncosmo.fitting.DataQualityError)
SECTIONS: dict[str, Callable[[int, Sequence[str]], None]] = {
    "bias": bias,
    "coverage": coverage,
    "windows": windows,
    "limits": limits,
    "doubts": doubts,
    "published": published,
    "one_start": one_start,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", default=[])
    parser.add_argument("--n", type=int, default=2000, help="Fewer light curves of each sample.")
    parser.add_argument("--samples", default="", help="Only these, by parts of their names.")
    asked = parser.parse_args()
    if not DATA.is_dir():
        print("../shared/data is absent")
        return
    wanted = [w for w in asked.samples.split(",") if w]
    names = [k for k in SAMPLES if not wanted or any(w in k for w in wanted)]
    for name in asked.sections or SECTIONS:
        SECTIONS[name](asked.n, names)


if __name__ == "__main__":
    main()
