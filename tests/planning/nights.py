"""Random problems and random nights, from a seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Needs
from aas2rto.factors.altitude_integral import altitude_integral
from aas2rto.planning import SiteNight
from aas2rto.planning.problem import Problem
from aas2rto.sky import observatory_file, visibility
from aas2rto.sky.observatory import Observatory
from aas2rto.steps.column import BoundFactor
from aas2rto.steps.rank import rank_site

SITES = ("la_silla_ntt", "la_palma_not", "siding_spring_23m", "palomar_p60")


def problem(seed: int, *, most: int = 9, visits: int = 1) -> Problem:
    """Return a random problem that is small enough to be enumerated."""
    rng = np.random.default_rng(seed)
    n, sites, steps = rng.integers(1, 6), rng.integers(1, 4), rng.integers(2, 8)
    k = rng.integers(1, most + 1)
    start = rng.integers(0, steps, k)
    return Problem(
        candidate=rng.integers(0, n, k),
        site=rng.integers(0, sites, k),
        start=start,
        length=rng.integers(1, 4, k),
        value=rng.choice([1.0, 2.5, rng.uniform(0.01, 100)], k) * rng.uniform(0.5, 1.0, k),
        allowed=rng.integers(0 if visits > 1 else 1, visits + 1, n),
        gap=int(rng.integers(0, 3)) if visits > 1 else 0,
    )


def candidates(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Return scored candidates all over the sky."""
    mag = 18.5 - rng.exponential(0.6, n).clip(0, 3)
    return pd.DataFrame(
        {
            "candidate_id": [f"c{row:04d}" for row in range(n)],
            "name": "",
            "ra": rng.uniform(0, 360, n),
            "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, n))),
            "last_mag": mag,
            "magnitude": np.nan,
            "score": 10 ** ((18.5 - mag) / 2) * rng.lognormal(0, 1, n),
            "score_tomorrow": rng.lognormal(0, 1, n),
            "reason": "simulated",
            "too": False,
            "valid_until": np.nan,
        }
    )


def site_night(
    site: Observatory,
    scored: pd.DataFrame,
    now: Time,
    *,
    min_altitude: float = 30.0,
    **more: Any,
) -> SiteNight:
    """Return a night with the list that the loop would make."""
    factor = BoundFactor(
        "altitude_integral", Needs.SITE, altitude_integral, {"min_altitude": min_altitude}
    )
    ranking = rank_site(site, scored, [factor], now, min_altitude=min_altitude, tomorrow=True)
    assert ranking.failures == ()
    night = visibility.night(site, now)
    begin = night.observing_start(now.utc.mjd)
    table = ranking.table.assign(worth=ranking.table["site_score"])
    return SiteNight(site, night, begin, table, min_altitude, **more)


def some_night(seed: int) -> tuple[list[SiteNight], Time]:
    """Return a night anywhere in the year, with limits of every kind."""
    rng = np.random.default_rng(seed)
    now = Time(rng.uniform(60700, 61400), format="mjd", scale="utc")
    scored = candidates(rng, int(rng.integers(1, 30)))
    scored["too"] = rng.random(len(scored)) < 0.05
    names = rng.choice(SITES, rng.integers(1, 4), replace=False)
    nights = []
    for name in names:
        site = replace(
            observatory_file.load(str(name)),
            max_altitude_deg=[None, 85.0][rng.integers(2)],
            hour_angle_limit_h=[None, 4.0][rng.integers(2)],
            horizon=[(), ((0.0, 20.0), (90.0, 45.0), (200.0, 10.0), (300.0, 38.0))][
                rng.integers(2)
            ],
            moon_separation_deg=[None, 50.0][rng.integers(2)],
        )
        closed = tuple(
            (start, start + rng.uniform(0.01, 0.2))
            for start in now.mjd + rng.uniform(0, 1.2, rng.integers(0, 4))
        )
        lowest = float(rng.choice([25.0, 30.0, 40.0]))
        nights.append(site_night(site, scored, now, min_altitude=lowest, closed=closed))
    return nights, now
