"""What the wait costs a cycle: 10,000 fitted candidates at five sites, eleven nights ahead.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_wait [--n 10000]``

The time that `wait_here` adds to the ranking of all sites: the nights ahead, the value of each
candidate on each of them, and whether to wait; goal 0.2 s of processor time. The median of some
runs, each at another time of the night, once the fits were read, as in each cycle but the first.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Needs
from aas2rto.factors.observable import observable
from aas2rto.factors.wait import wait
from aas2rto.sky import observatory_file
from aas2rto.steps.column import BoundFactor
from aas2rto.steps.rank import rank_site
from tests.conftest import make_candidates
from tests.factors.fitted import fitted

SITES = ("la_silla_dk154", "la_palma_not", "palomar_p60", "siding_spring_23m", "la_silla_ntt")
MJD = 61000.3


def candidates(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    fits = fitted(MJD + rng.uniform(-15, 15, n), rng.uniform(0.3, 4, n), mag=rng.uniform(16, 19, n))
    table = make_candidates(
        [f"C{i:05d}" for i in range(n)],
        ra=rng.uniform(0, 360, n),
        dec=np.degrees(np.arcsin(rng.uniform(-1, 1, n))),
    )
    table = table.drop(columns=[c for c in fits if c in table and c != "redshift"])
    table = pd.concat([table.drop(columns="redshift"), fits], axis=1)
    return table.assign(
        score=0.5, factor_value=0.5, last_mag=18.0, reason="", decision="keep", factor="", too=False
    )


def seconds(table: pd.DataFrame, factors: list[BoundFactor], now: Time) -> float:
    sites = [observatory_file.load(name) for name in SITES]
    start = time.process_time()
    for site in sites:
        rank_site(site, table, factors, now, min_altitude=30.0)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, default=10_000)
    n = parser.parse_args().n
    table = candidates(n)
    usual = [BoundFactor("observable", Needs.SITE, observable)]
    waiting = [*usual, BoundFactor("wait_here", Needs.SITE, wait, {"nights": 11}, ahead=11)]
    times = []
    for k in range(12):
        now = Time(MJD + k / 24, format="mjd", scale="utc")
        times.append((seconds(table, usual, now), seconds(table, waiting, now)))
    without, with_wait = np.median(times[1:], axis=0)
    print(
        f"{n} candidates x {len(SITES)} sites, CPU, median: {without:.3f} s without, "
        f"{with_wait:.3f} s with the wait: {with_wait - without:.3f} s (goal 0.2)"
    )


if __name__ == "__main__":
    main()
