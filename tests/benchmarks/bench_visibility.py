"""Time the visibility of many candidates at several sites against astropy, in one run.

Run ``python -m tests.benchmarks.bench_visibility [candidates]``; it prints one table. The yardstick
is what one would write with astropy alone: for each site one vectorised transform of all
candidates to horizontal coordinates every 5 min of what is left of the night, and the trapezoidal
rule. Errors are those against a fine integration of astropy's altitudes for some of them.
"""

import argparse
import itertools
import time
from pathlib import Path

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers
from scipy.interpolate import CubicSpline

from aas2rto.sky import observatory_file, visibility
from aas2rto.sky.observatory import Observatory

REPOSITORY = Path(__file__).parents[2]
SITES = (
    "la_palma_not",
    "la_silla_dk154",
    "la_silla_ntt",
    "palomar_p60",
    "siding_spring_23m",
)
NOW = Time("2026-11-22T00:43:00", scale="utc")
MIN_ALTITUDE = 30.0
REPEATS = 7
CHECKED = 200
MINUTE = 1.0 / 1440.0


def altitudes(site: Observatory, sky: SkyCoord, mjd: np.ndarray) -> np.ndarray:
    """Let astropy compute the altitude [deg] of all positions at all times."""
    location = EarthLocation.from_geodetic(
        site.longitude_deg * u.deg, site.latitude_deg * u.deg, site.elevation_m * u.m
    )
    frame = AltAz(obstime=Time(mjd, format="mjd", scale="utc")[None, :], location=location)
    return sky[:, None].transform_to(frame).alt.deg


def astropy_areas(sites: list[Observatory], sky: SkyCoord, step: float) -> np.ndarray:
    """Integrate on a grid, as one would with astropy alone; the nights are given for free."""
    found = []
    for site in sites:
        tonight = visibility.night(site, NOW)
        start = tonight.observing_start(NOW.utc.mjd)
        grid = np.linspace(start, tonight.end, int(np.ceil((tonight.end - start) / step)) + 1)
        excess = np.maximum(altitudes(site, sky, grid) - MIN_ALTITUDE, 0.0)
        found.append(np.trapezoid(excess, grid, axis=1))
    return np.array(found)


def fine_areas(site: Observatory, sky: SkyCoord) -> np.ndarray:
    """Integrate splines through astropy's altitudes every minute between their exact roots."""
    tonight = visibility.night(site, NOW)
    start = tonight.observing_start(NOW.utc.mjd)
    days = np.linspace(0.0, tonight.end - start, int((tonight.end - start) / MINUTE) + 2)
    excess = altitudes(site, sky, start + days) - MIN_ALTITUDE
    return np.array([positive_integral(days, row) for row in excess])


def positive_integral(x: np.ndarray, y: np.ndarray) -> float:
    """Integrate the positive part of a smooth function."""
    spline = CubicSpline(x, y)
    edges = np.concatenate([[x[0]], spline.roots(extrapolate=False), [x[-1]]])
    return sum(
        float(spline.integrate(low, high))
        for low, high in itertools.pairwise(edges)
        if spline(0.5 * (low + high)) > 0
    )


def best_time(call, repeats: int) -> float:
    """Return the shortest of several runs [s]."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def relative_errors(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return errors where there is something to see."""
    up = truth > 0
    return np.abs(found[up] / truth[up] - 1.0)


def main() -> None:
    """Run it once and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("candidates", nargs="?", type=int, default=10_000)
    n = parser.parse_args().candidates
    rng = np.random.default_rng(2026)
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    table = pd.DataFrame({"candidate_id": [f"c{i}" for i in range(n)], "ra": ra, "dec": dec})
    sites = [observatory_file.load(REPOSITORY / "observatories" / f"{name}.yaml") for name in SITES]
    sky = SkyCoord(ra * u.deg, dec * u.deg)
    with iers.earth_orientation_table.set(iers.IERS_A.read(iers.IERS_A_FILE)):
        areas, _ = visibility.visible_areas(sites, ra, dec, NOW)
        grid_areas = astropy_areas(sites, sky, 5 * MINUTE)
        grid = best_time(lambda: astropy_areas(sites, sky, 5 * MINUTE), 3)
        ours = best_time(lambda: visibility.visible_areas(sites, ra, dec, NOW), REPEATS)
        tables = best_time(lambda: visibility.site_tables(sites, table, NOW), REPEATS)
        truth = np.array([fine_areas(site, sky[:CHECKED]) for site in sites])
    print(f"{n} candidates x {len(sites)} sites, x_vis of what is left of the night")
    print(f"{'':34}{'time':>10}{'ratio':>8}{'median err':>12}{'worst err':>12}")
    for name, seconds, found in (
        ("astropy, 5 min grid", grid, grid_areas),
        ("visible_areas", ours, areas),
        ("site_tables, all columns", tables, areas),
    ):
        errors = relative_errors(found[:, :CHECKED], truth)
        print(
            f"{name:34}{1e3 * seconds:>7.1f} ms{grid / seconds:>8.0f}"
            f"{np.median(errors):>12.1e}{errors.max():>12.1e}"
        )


if __name__ == "__main__":
    main()
