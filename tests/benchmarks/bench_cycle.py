"""Whole cycles as a user waits for them: processor and wall time, memory, what is written.

``python -m tests.benchmarks.bench_cycle [--n 10000] [--rejected 75000] [--folder DIR]`` builds a
season of `n` SNe Ia (35 points each, all fitted and ranked at five sites; figures and messages
off) as Parquet files and runs the program over it, each stage in a process of its own:

first      ``aas2rto run --once`` on an empty store, process start and reading of files included
restart    the same again, nothing new: process start to the lists
idle       cycles of one running loop, ten minutes apart, nothing new: the median of five
a day      the same after a day of idle cycles
updated    2 % of the candidates get one new point each: the median of three cycles
alerts     a running loop with a stream: from an alert on Kafka to the list that names it
verbs      ``explain``, ``status``, ``plan`` of one site, ``whatif``, as processes

CPU is user + system of the process and its children; the peak memory is that of each process
alone (``os.wait4``). "Store" are the bytes that were handed to the operating system for the store
and its journal: all writes less the lists and the log, the mean of the cycles, since SQLite copies
its journal into the store once in several cycles. A day's growth is that of the pages in use. What
else the machine does moves the absolute figures.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

NOW = 61120.9
"""[d, MJD UTC]"""
TEMPLATES = 400
"""Light curves that are simulated; candidates are these, moved in time and brightness."""
POINTS = 35
SITES = ("la_silla_dk154", "la_palma_not", "palomar_p60", "siding_spring_23m", "la_silla_ntt")
UPDATED = 0.02
STAGE = "stage.json"
"""What the running loop has measured."""

CASE = """\
project: bench
candidates: {{merge_radius: 1 arcsec}}
sources:
  archive: {{paths: ["{folder}/night/*.parquet"]}}
models:
  salt: {{min_detections: 5, redshift: [0.001, 0.2]}}
score:
  base: 1
  factors:
    - magnitude: {{zero_point: 18.5 mag, faint_limit: 22 mag}}
    - detections: {{min: 4}}
    - rising_fraction: {{min: 0.0}}
    - time_span: {{midpoint: 25 day, rate: -1 / day, max: 300 day}}
    - peak: {{model: salt}}
observatories: [{sites}]
visibility: {{factor: altitude_integral, min_altitude: 30 deg}}
figures: {{top: 0}}
"""


def season(n: int, seed: int = 7) -> pd.DataFrame:
    """Return the light curves of `n` candidates, `POINTS` detections each."""
    from tests.benchmarks.light_curves import simulated

    rng = np.random.default_rng(seed)
    points, _ = simulated(TEMPLATES, seed, points=(POINTS, POINTS + 10), last=(-3.0, 20.0))
    groups = points.groupby("candidate_id", sort=False)
    curves = [rows.tail(POINTS) for _, rows in groups if len(rows) >= POINTS]
    chosen = rng.integers(0, len(curves), n)
    table = pd.concat([curves[i] for i in chosen], ignore_index=True)
    ends = np.array([rows["mjd"].max() for rows in curves])
    shift = NOW - rng.uniform(0.05, 2.0, n) - ends[chosen]
    dimmer = 10.0 ** (-0.4 * rng.uniform(-0.5, 0.5, n))
    who = np.repeat(np.arange(n), POINTS)
    flux = table["flux"].to_numpy(float) * dimmer[who]
    return pd.DataFrame(
        {
            "candidate_id": np.array([f"BEN{i:07d}" for i in range(n)], dtype=object)[who],
            "ra": rng.uniform(0, 360, n)[who],
            "dec": np.degrees(np.arcsin(rng.uniform(-0.9, 0.9, n)))[who],
            "mjd": table["mjd"].to_numpy(float) + shift[who],
            "band": table["band"].astype(str),
            "flux": flux,
            "flux_err": table["flux_err"].to_numpy(float) * dimmer[who],
            "survey": "ztf",
        }
    )


def prepare(folder: Path, n: int, rejected: int) -> Path:
    """Write the season, the config, and candidates that will be rejected at once."""
    (folder / "night").mkdir(parents=True, exist_ok=True)
    season(n).to_parquet(folder / "night" / "0_season.parquet", index=False)
    if rejected:
        old = season(rejected, seed=8)
        old["candidate_id"] = "OLD" + old["candidate_id"].str[3:]
        old["mjd"] -= 500.0  # one point of today makes the time span too long
        last = old.drop_duplicates("candidate_id").assign(mjd=NOW - 0.1)
        pd.concat([old, last]).to_parquet(folder / "night" / "1_old.parquet", index=False)
    config = folder / "bench.yaml"
    config.write_text(CASE.format(folder=folder, sites=", ".join(SITES)))
    return config


def update(folder: Path, n: int, number: int) -> None:
    """Give 2 % of the candidates one new point."""
    rng = np.random.default_rng(100 + number)
    chosen = np.sort(rng.choice(n, max(int(n * UPDATED), 1), replace=False))
    rows = pd.read_parquet(folder / "night" / "0_season.parquet")
    rows = rows.iloc[chosen * POINTS + POINTS - 1].assign(mjd=NOW + 0.01 * (number + 1))
    rows["flux"] *= rng.normal(1.0, 0.03, len(rows))
    rows.to_parquet(folder / "night" / f"2_update_{number}.parquet", index=False)


# -- one stage, in a process of its own --------------------------------------------------------


def written() -> int:
    """Return the bytes that this process has handed to the operating system."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def sizes(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return size and age of every list and log."""
    found = [p for p in (folder / "bench").rglob("*") if p.is_file() and "sqlite" not in p.name]
    return {p: (p.stat().st_size, p.stat().st_mtime_ns) for p in found}


@contextlib.contextmanager
def running(config: Path, folder: Path) -> Iterator[Any]:
    """Open a loop as `aas2rto run` does; yield what runs a cycle."""
    from aas2rto.cli import run as verb
    from aas2rto.cli import service
    from aas2rto.config.load import load

    case = load(config)
    clock = lambda: Time(NOW, format="mjd", scale="utc")  # noqa: E731
    wishes = service.Wishes(service=False)
    start = verb._Start(
        folder, clock, wishes, fixed=True, once=True, dry_run=False, health=None, begun=[]
    )
    with contextlib.redirect_stdout(io.StringIO()), start.opened(case) as one:
        yield lambda mjd: one.one_cycle(Time(mjd, format="mjd", scale="utc"))


def timed(one_cycle: Any, mjd: float, folder: Path) -> dict[str, float]:
    """Run one cycle; return its CPU, wall and written bytes."""
    before, out = sizes(folder), written()
    cpu, wall = time.process_time(), time.perf_counter()
    one_cycle(mjd)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    total = written() - out
    after = sizes(folder)
    lists = sum(_new_bytes(path, size[0], before) for path, size in after.items())
    return {
        "cpu": cpu,
        "wall": wall,
        "store_mb": max(total - lists, 0) / 1e6,
        "lists_mb": lists / 1e6,
    }


def _new_bytes(path: Path, size: int, before: dict[Path, tuple[int, int]]) -> int:
    """Return what was written of a file: a list is replaced, the log grows."""
    age = path.stat().st_mtime_ns
    if before.get(path) == (size, age):
        return 0
    return size - before.get(path, (0, 0))[0] if path.suffix == ".jsonl" else size


def summed_up(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return the median time, and the mean of what was written."""
    return {
        key: float((np.mean if key.endswith("_mb") else np.median)([row[key] for row in rows]))
        for key in rows[0]
    }


def in_use(folder: Path) -> int:
    """Return the bytes of a store that are in use: of its pages, but for those that are free."""
    with contextlib.closing(sqlite3.connect(folder / "bench" / "store.sqlite")) as store:
        pages, free, size = (
            store.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def stage_loop(config: Path, folder: Path, n: int, day: int) -> dict[str, dict[str, float]]:
    """Idle cycles, a day of them, and cycles with updates, in one running loop."""
    step = 10.0 / 1440.0
    with running(config, folder) as one_cycle:
        one_cycle(NOW + 0.001)  # what a restart costs is measured apart
        at = NOW + 0.005
        idle = [timed(one_cycle, at + step * i, folder) for i in range(5)]
        updated = []
        for number in range(3):
            update(folder, n, number)
            updated.append(timed(one_cycle, at + step * (6 + number), folder))
        found = {"idle": summed_up(idle), "2 % updated": summed_up(updated)}
        if day:
            at += step * 10
            before = in_use(folder)
            rows = [timed(one_cycle, at + step * i, folder) for i in range(day)]
            found["a day of idle"] = summed_up(rows)
            found["a day's growth"] = {"growth_mb": (in_use(folder) - before) / 1e6}
            later = [timed(one_cycle, at + step * (day + i), folder) for i in range(5)]
            found["idle after a day"] = summed_up(later)
    return found


# -- the driver --------------------------------------------------------------------------------


def process(*arguments: str, cwd: Path) -> dict[str, float]:
    """Run a command of the program; return its CPU, wall and peak memory.

    A process counts what its parent held when it was started as its own, which is why this one
    holds nothing large: the season is made in another.
    """
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=cwd,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if child.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(arguments)}: {said.read().decode()[-2000:]}")
    return {
        "cpu": used.ru_utime + used.ru_stime,
        "wall": wall,
        "peak_mb": used.ru_maxrss / 1024,
    }


def store_bytes(folder: Path) -> float:
    return sum(p.stat().st_size for p in (folder / "bench").glob("store*")) / 1e6


def show(name: str, row: dict[str, float]) -> None:
    cells = {
        "cpu": "CPU s",
        "wall": "wall s",
        "peak_mb": "peak MB",
        "store_mb": "store MB",
        "lists_mb": "lists MB",
        "growth_mb": "store MB more",
    }
    told = "  ".join(f"{cells[key]} {value:8.2f}" for key, value in row.items())
    print(f"{name:20s} {told}", flush=True)


def bench_alerts(folder: Path, alerts: int) -> None:
    """Show how long alerts take to the list."""
    if alerts:
        from tests.benchmarks.bench_alerts import waits

        found = waits(folder, NOW + 3.0, alerts)
        print(
            f"{'alert to list':20s} median {found['median_s']:6.2f} s  95 % {found['95_s']:6.2f} s",
            flush=True,
        )


def bench(folder: Path, n: int, rejected: int, day: int, alerts: int) -> None:
    config = folder / "bench.yaml"
    sizes_of = ("--n", str(n), "--rejected", str(rejected), "--folder", str(folder))
    process("tests.benchmarks.bench_cycle", "--prepare", *sizes_of, cwd=Path.cwd())
    run = ("aas2rto", "run", str(config), "--once", "--output", str(folder))
    print(f"{n} candidates x {len(SITES)} sites, {rejected} rejected")
    show("first", process(*run, "--now", Time(NOW, format="mjd").isot, cwd=folder))
    funnel = json.loads((folder / "bench" / "cycle.json").read_text())["funnel"]
    first = store_bytes(folder)
    print(
        f"{'':20s} ranked {funnel['ranked']}, fits, store {first:.1f} MB, "
        f"{1e3 * first / (n + rejected):.2f} kB per candidate"
    )
    show("restart", process(*run, "--now", Time(NOW + 0.0005, format="mjd").isot, cwd=folder))
    stage = ("--stage", "--n", str(n), "--folder", str(folder), "--day", str(day))
    whole = process("tests.benchmarks.bench_cycle", *stage, cwd=Path.cwd())
    for name, row in json.loads((folder / STAGE).read_text()).items():
        show(name, row)
    show("the loop", {"peak_mb": whole["peak_mb"]})
    if day:
        print(f"{'':20s} store {store_bytes(folder):.1f} MB after {day} more cycles")
    bench_alerts(folder, alerts)
    at = ("--now", Time(NOW + 0.2, format="mjd").isot, "--output", str(folder))
    show("explain", process("aas2rto", "explain", str(config), "BEN0000007", *at, cwd=folder))
    show("status", process("aas2rto", "status", str(config), "--output", str(folder), cwd=folder))
    show(
        "plan, one site",
        process("aas2rto", "plan", str(config), "--observatory", SITES[1], *at, cwd=folder),
    )
    show(
        "whatif",
        process(
            "aas2rto",
            "whatif",
            str(config),
            "--set",
            "visibility.min_altitude=25deg",
            *at,
            cwd=folder,
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--rejected", type=int, default=0)
    parser.add_argument("--day", type=int, default=144, help="idle cycles in a day; 0: none")
    parser.add_argument("--alerts", type=int, default=20, help="sent on Kafka; 0: none")
    parser.add_argument("--folder", type=Path)
    for part in ("--stage", "--prepare"):
        parser.add_argument(part, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        found = stage_loop(options.folder / "bench.yaml", options.folder, options.n, options.day)
        (options.folder / STAGE).write_text(json.dumps(found))
        return
    if options.prepare:
        prepare(options.folder, options.n, options.rejected)
        return
    with tempfile.TemporaryDirectory() as temporary:
        bench(
            options.folder or Path(temporary),
            options.n,
            options.rejected,
            options.day,
            options.alerts,
        )


if __name__ == "__main__":
    main()
