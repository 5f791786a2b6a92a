"""Greedy, independent and joint plans of random nights at real sites, in one run.

    python -m tests.benchmarks.bench_plan                     # 200 candidates x 4 sites, 3 nights
    python -m tests.benchmarks.bench_plan --candidates 1000 --sites 6 --time-limit 120 --nights 1

All shares are of the bound that the solver proved: no plan can be worth more.
"""

import argparse

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.config.sections import Plan
from aas2rto.factors import Needs
from aas2rto.factors.altitude_integral import altitude_integral
from aas2rto.planning import SiteNight, make_plan
from aas2rto.sky import observatory_file, visibility
from aas2rto.steps.column import BoundFactor
from aas2rto.steps.rank import rank_site
from tests.planning.nights import candidates

SITES = (
    "la_silla_ntt",
    "la_palma_not",
    "palomar_p60",
    "siding_spring_23m",
    "la_silla_dk154",
    "dome_c_concordia",
)
FIRST_NIGHT = 61119.5  # 2026-03-20 12:00 UTC; dark at all six sites at some time


def main() -> None:
    arguments = parse()
    print(
        f"{arguments.candidates} candidates x {arguments.sites} sites, "
        f"time limit {arguments.time_limit:g} s, gap asked {arguments.gap:.2%}, "
        f"worth: {arguments.worth}"
    )
    print(
        f"{'night':>10} {'options':>8} {'find':>7} {'greedy':>8} {'solve':>7} {'visits':>6} "
        f"{'gap':>6} {'joint':>7} {'greedy':>7} {'dispatch':>8} {'independent':>11}  status"
    )
    rows = [one_night(arguments, night) for night in range(arguments.nights)]
    gaps, greedy = (np.array(column) for column in zip(*rows, strict=True))
    print(f"largest gap {gaps.max():.2%}; greedy at least {greedy.min():.1%} of the bound")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--time-limit", type=float, default=30.0)
    parser.add_argument("--gap", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worth", choices=["slot", "list"], default="slot")
    return parser.parse_args()


def one_night(arguments: argparse.Namespace, night: int) -> tuple[float, float]:
    """Plan one night, print its line, return its gap and greedy's share."""
    rng = np.random.default_rng(arguments.seed + night)
    now = Time(FIRST_NIGHT + 29.53 / 4 * night, format="mjd", scale="utc")  # the Moon's phases
    scored = candidates(rng, arguments.candidates)
    names = SITES[: arguments.sites]
    nights = [site_night(name, scored, now, arguments.worth) for name in names]
    settings = Plan.model_validate(
        {
            "time_limit": f"{arguments.time_limit} s",
            "optimality_gap": arguments.gap,
            "worth": arguments.worth,
        }
    )
    plan = make_plan(nights, settings, now)
    shares = [
        value / plan.bound
        for value in (plan.objective, plan.greedy, plan.dispatch, plan.independent)
    ]
    seconds = plan.seconds
    print(
        f"{now.iso[:10]:>10} {plan.options:>8} {seconds['options']:>6.2f}s "
        f"{seconds['greedy']:>7.3f}s {seconds['optimum']:>6.1f}s {len(plan.slots):>6} "
        f"{plan.gap:>6.2%} {shares[0]:>7.2%} {shares[1]:>7.2%} {shares[2]:>8.2%} "
        f"{shares[3]:>11.2%}  {plan.status}",
        flush=True,
    )
    return plan.gap, shares[1]


def site_night(name: str, scored: pd.DataFrame, now: Time, worth: str) -> SiteNight:
    """Return a night with the list that the loop would make."""
    site = observatory_file.load(name)
    factor = BoundFactor("altitude_integral", Needs.SITE, altitude_integral)
    table = rank_site(site, scored, [factor], now, min_altitude=30.0, tomorrow=True).table
    share = table["factor_altitude_integral"] if worth == "slot" else 1.0
    night = visibility.night(site, now)
    return SiteNight(
        observatory=site,
        night=night,
        begin=night.observing_start(now.utc.mjd),
        table=table.assign(worth=table["site_score"] / share),
        min_altitude=30.0,
        by_altitude=worth == "slot",
    )


if __name__ == "__main__":
    main()
