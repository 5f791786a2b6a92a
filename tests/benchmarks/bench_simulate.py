"""How long `aas2rto simulate` takes for 10,000 SNe, and for two years of the paper's size: one run.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_simulate [--skip-paper]``

From the first random number to the last byte on disk, in a process of its own, with the most memory
that it held; then how long the archive source takes to read it all. Goals: 10,000 SNe in under
120 s; 120,000 candidates with 314,000 alerts in 2 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aas2rto.sources.archive import Archive
from aas2rto.tables.report import PollRequest

MORE = """
import resource, sys
from aas2rto.cli import main
try:
    main(sys.argv[1:])
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""
SUPERNOVAE = ("--survey", "ztf", "--rate-scale", "0.33", "--contaminants", "0")
PAPER = ("--survey", "ztf", "--rate-scale", "0.1", "--contaminants", "15.2")
"""Two years at the size of the paper: most of it seen once to three times."""


def run(folder: Path, *words: str) -> tuple[dict, float, float]:
    """Return what was made, in how many seconds, with how much memory [GB]."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", MORE, "simulate", *words, "--output", str(folder), "--json"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    memory = int(done.stderr.strip().splitlines()[-1]) / 1e6
    return json.loads(done.stdout), time.monotonic() - begun, memory


def show(name: str, folder: Path, *words: str) -> None:
    told, seconds, memory = run(folder, *words)
    counts, size = told["counts"], sum(f.stat().st_size for f in folder.rglob("*.parquet"))
    exploded = sum(
        one["with_alerts"] for name, one in told["types"].items() if name.startswith(("SN", "SL"))
    )
    begun = time.monotonic()
    report = Archive(paths=(str(folder / "archive"),)).poll(PollRequest(now=79999.0, deadline=6e3))
    read = time.monotonic() - begun
    assert len(report.photometry) == counts["measurements"], report.problems
    print(
        f"{name}: {exploded} SNe, {counts['objects']} objects, {counts['alerts']} alerts, "
        f"{counts['measurements']} measurements, {counts['facts']} facts in {seconds:.1f} s, "
        f"{memory:.2f} GB, {size / 1e6:.0f} MB on disk; read by the archive in {read:.1f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--skip-paper", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        half = ("--from", "2026-03-01", "--to", "2026-09-01")
        show("10,000 SNe", place / "sne", *half, *SUPERNOVAE)
        if not options.skip_paper:
            two = ("--from", "2026-01-01", "--to", "2028-01-01")
            show("the paper's two years", place / "paper", *two, *PAPER)


if __name__ == "__main__":
    main()
