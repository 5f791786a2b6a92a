"""What a Dask cluster costs: fits by two workers on this machine, beside fits by two local threads.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_dask [--n 100000] [--rounds 5]``

SALT fits with free redshift of simulated light curves (35 points each), cluster up and compiled;
wall time, in turns, and the same tables from both. Goal: at most 1.2 times the local pool.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import pandas as pd
from distributed import LocalCluster

from aas2rto.models.cluster import Cluster, OnCluster
from aas2rto.models.salt import Salt
from tests.benchmarks.light_curves import known, simulated

DISTINCT = 2000


def many(n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return photometry and candidates: some distinct ones, again and again under new names."""
    table, truth = simulated(min(n, DISTINCT), seed=1)
    candidates = known(truth, free=True)
    parts = []
    for k in range(-(-n // DISTINCT)):
        new = f"{k:03d}-"
        parts.append(
            (
                table.assign(candidate_id=new + table["candidate_id"].astype(str)),
                candidates.assign(candidate_id=new + candidates["candidate_id"].astype(str)),
            )
        )
    photometry, objects = (pd.concat(part, ignore_index=True) for part in zip(*parts, strict=True))
    return photometry, objects


def as_bytes(table: pd.DataFrame) -> str:
    """Return a fit table as text, with all digits: NaN in a dictionary is not equal to itself."""
    return repr(table.to_dict("list"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    photometry, candidates = many(options.n)
    here = Salt(workers=2)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as machines:
        cluster = Cluster(machines.scheduler_address, 512)
        there = OnCluster(Salt(), cluster)
        some = candidates.head(1024)
        few = photometry[photometry["candidate_id"].isin(some["candidate_id"])]
        here.fit(few, some), there.fit(few, some)
        seconds: dict[str, list[float]] = {"local": [], "dask": []}
        for _ in range(options.rounds):
            for name, model in (("local", here), ("dask", there)):
                start = time.perf_counter()
                table = model.fit(photometry, candidates)
                seconds[name].append(time.perf_counter() - start)
                if name == "local":
                    expected = table
            assert as_bytes(table) == as_bytes(expected), "the cluster's fits are others"
        assert not there.complaints, there.complaints
        cluster.close()
    local, dask = (median(seconds[name]) for name in ("local", "dask"))
    print(
        f"{options.n} SALT fits, redshift free, two threads / two workers, median of "
        f"{options.rounds}: local {local:.1f} s, dask {dask:.1f} s: {dask / local:.2f} x (goal 1.2)"
    )


if __name__ == "__main__":
    main()
