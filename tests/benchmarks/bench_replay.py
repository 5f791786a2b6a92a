"""A replay at the size of the paper: two years, 120,000 candidates, 314,000 alerts, night by night.

``python -m tests.benchmarks.bench_replay [--days 730] [--rate-scale 0.1] [--contaminants 15.2]``

A simulated ZTF (`aas2rto simulate`, kept in a folder for temporary files) is replayed by the verb
itself, in a process of its own: redshifts free, with priors, one site. Printed are what the verb
takes from its start to its report, the largest memory of the process, how that grows from a quarter
of the nights on, and beside it what `sncosmo.fit_lc` takes for the same fits, measured on a sample
of them, one after the other.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from aas2rto.models.salt import Salt
from tests.shared import ROOT

FOLDER = Path(tempfile.gettempdir()) / "aas2rto-bench-replay"
FIRST = 61041.9
"""[d, MJD UTC] 2026-01-01T21:36."""
SAMPLE = 40


def simulated(days: int, rate: float, contaminants: float) -> Path:
    """Return the folder of a simulated survey, made once."""
    folder = FOLDER / f"ztf-{days}-{rate:g}-{contaminants:g}"
    if not (folder / "simulate.json").exists():
        words = ["simulate", "--survey", "ztf", "--from", f"{FIRST - 0.9:.1f}"]
        words += ["--to", f"{FIRST + days:.1f}", "--rate-scale", f"{rate:g}"]
        words += ["--contaminants", f"{contaminants:g}", "--output", str(folder)]
        run(words)
    return folder


def run(words: list[str]) -> float:
    """Run the program, and return how long it took [s]."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "aas2rto", *words], check=True, cwd=ROOT)
    return time.perf_counter() - begun


def config(folder: Path) -> Path:
    """Write the default science case with one site."""
    told = yaml.safe_load((ROOT / "configs/sn_ia_peak.yaml").read_text(encoding="utf-8"))
    told |= {"sources": {}, "observatories": ["palomar_p60"], "project": "size"}
    path = folder / "size.yaml"
    path.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    return path


def sncosmo_seconds(folder: Path, fits: pd.DataFrame) -> float:
    """Return what sncosmo takes for one of these fits, the median of a sample [s]."""
    from aas2rto.sources.archive import Archive
    from aas2rto.tables.report import PollRequest

    chosen = fits[fits["model"] == "salt"].sample(min(SAMPLE, len(fits)), random_state=1)
    report = Archive(paths=(str(folder / "archive"),)).poll(PollRequest(FIRST + 1e4))
    points, salt, taken = report.photometry, Salt(engine="sncosmo", priors="none"), []
    for one in chosen.itertuples():
        rows = points[(points["candidate_id"] == one.candidate_id) & (points["known_at"] <= one.at)]
        who = pd.DataFrame({"candidate_id": [one.candidate_id], "redshift": np.nan, "ebv": 0.03})
        begun = time.perf_counter()
        salt.fit(rows.sort_values("mjd").reset_index(drop=True), who)
        taken.append(time.perf_counter() - begun)
    return float(np.median(taken))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--rate-scale", type=float, default=0.1)
    parser.add_argument("--contaminants", type=float, default=15.2)
    options = parser.parse_args()
    folder = simulated(options.days, options.rate_scale, options.contaminants)
    words = ["replay", str(config(folder)), "--archive", str(folder / "archive"), "--anew"]
    words += ["--truth", str(folder / "truth.parquet"), "--output", str(folder / "out")]
    words += ["--from", f"{FIRST}", "--to", f"{FIRST + options.days - 1}"]
    seconds = run(words)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    ran = folder / "out/size/replay/ours"
    nights = pd.read_parquet(ran / "nights.parquet")
    fits = pd.read_parquet(ran / "fits.parquet")
    told = json.loads((folder / "simulate.json").read_text(encoding="utf-8"))
    print(f"survey: {told.get('objects')} objects, {told.get('alerts')} alerts")
    print(
        f"replayed {len(nights)} nights, {nights['candidates'].iloc[-1]} candidates, "
        f"{nights['new_measurements'].sum()} measurements, {len(fits)} fits: "
        f"{seconds / 60:.1f} min, {peak:.2f} GB at most"
    )
    for share in (0.25, 0.5, 0.75, 1.0):
        own = nights.iloc[int((share - 0.25) * len(nights)) : int(share * len(nights))]
        print(
            f"  up to {share:.0%} of the nights: {own['seconds'].mean():.2f} s each, "
            f"{own['candidates'].iloc[-1]} candidates in all, "
            f"{(own['ranked'] + own['excluded']).mean():.0f} active"
        )
    one = sncosmo_seconds(folder, fits)
    n = int((fits["model"] == "salt").sum())
    print(
        f"sncosmo.fit_lc: {1e3 * one:.0f} ms a fit (median of {SAMPLE}): {n} fits would take "
        f"{n * one / 60:.0f} min, {n * one / seconds:.1f} times the whole replay"
    )


if __name__ == "__main__":
    main()
