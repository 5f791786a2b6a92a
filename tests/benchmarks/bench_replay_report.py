"""How long judging a large replay takes, and how much memory: two years at the paper's size.

``python -m tests.benchmarks.bench_replay_report [--objects 120000] [--nights 730] [--runs 1]
[--keep FOLDER]``

The replay is drawn (`tests.replay.folders.drawn`): 30 nights for each candidate, lists for four
sites and science, all ranks. The report is made in a process of its own, so that its memory is its
own. Goal: below 60 s and 1.5 GB with 3.6 million rows of scores and 10 million of ranks.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

from tests.replay import folders

SITES = ("la_silla", "palomar", "la_palma", "siding_spring")


def report(folder: Path) -> None:
    """Make the report; print what it took."""
    from aas2rto.replay.folder import open_folder
    from aas2rto.replay.report import write_report
    from aas2rto.replay.truth import load_truth

    begin = time.perf_counter()
    truth = load_truth(folder / "truth.csv", open_folder(folder).objects)
    read = time.perf_counter()
    made = write_report(folder, truth)
    end = time.perf_counter()
    # Not ru_maxrss: that of a child begins with what its parent had.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1e6
    print(f"truth {read - begin:.1f} s, report {end - read:.1f} s, peak memory {peak:.2f} GB")
    print("\n".join(made.lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--objects", type=int, default=120_000)
    parser.add_argument("--nights", type=int, default=730)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="draw into this folder, or take what is there")
    parser.add_argument("--report", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.report is not None:
        report(options.report)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        if not (folder / "replay.json").exists():
            runs = ("ours", "against")[: options.runs]
            folders.drawn(
                folder, n_objects=options.objects, n_nights=options.nights, runs=runs, sites=SITES
            )
        for path in sorted(folder.glob("*/*.parquet")):
            rows = pq.ParquetFile(path).metadata.num_rows
            print(f"{path.relative_to(folder)}: {rows:,} rows, {path.stat().st_size / 1e6:.0f} MB")
        command = [sys.executable, "-m", "tests.benchmarks.bench_replay_report"]
        subprocess.run([*command, "--report", str(folder)], check=True)


if __name__ == "__main__":
    main()
