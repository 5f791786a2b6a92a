"""How good the peaks of SNe Ia are: their bias, their scatter, and whether their errors are honest.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_fit_peaks [bias coverage windows limits
published one_start] [--n N]``

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
import functools
import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import beta

from aas2rto import photometry as phot
from aas2rto.models.salt import Salt
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


def models() -> tuple[Salt, Salt]:
    """Return the model for the objects of either half, taught by the other."""
    return Salt(redshift=Z_RANGE), Salt(redshift=Z_RANGE)


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
    print(f"cells with {LEAST_OBJECTS} objects or more outside: {outside} of {len(cells)} "
          f"({outside / max(len(cells), 1):.1%}; goal 5 %)")  # fmt: skip


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
        print(f"{name:18s} {low:+.0f}..{high:+.0f} d ({len(error):3d}): {middle(error)} d, central "
              f"68 % {a:+.2f}..{b:+.2f} d, beyond 3 d {(error.abs() > 3).mean():.1%}", flush=True)  # fmt: skip


SECTIONS = {"bias": bias, "coverage": coverage, "windows": windows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", default=[])
    parser.add_argument("--n", type=int, default=2000, help="Fewer light curves of each sample.")
    parser.add_argument("--samples", default="", help="Only these, by parts of their names.")
    asked = parser.parse_args()
    wanted = [w for w in asked.samples.split(",") if w]
    names = [k for k in SAMPLES if not wanted or any(w in k for w in wanted)]
    for name in asked.sections or SECTIONS:
        SECTIONS[name](min(asked.n, 2000), names)


if __name__ == "__main__":
    main()
