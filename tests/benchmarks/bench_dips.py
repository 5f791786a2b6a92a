"""Dips put into real ZTF histories: recall, false positives, and p against depth.

    python -m tests.benchmarks.bench_dips

Reads ../shared/data. A class of curves by what it scatters beyond its errors: quiet (std / error
below 1.6), mid (to 3), variable (above 3); galaxies are the hosts of supernovae, which are still in
them. Histories have 30 points or more instead of 100: the releases that are here are short.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

import numpy as np
import pandas as pd

from aas2rto.models.dip_statistics import Sample
from aas2rto.simulate.dips import Trial, by_depth, can_show, curves_of, tried
from aas2rto.sources.files import data_release
from tests.shared import DATA

LEAST = 60
"""Points of a curve, so that there is a history before the gap and a window after it."""

MOST = 250
"""Curves into which dips are put."""


def classes() -> dict[str, dict[str, Sample]]:
    """Return the real curves by class."""
    field = [
        data_release.read(DATA / f"ztf_dr5_field250_zg_{name}.parquet")
        for name in ("lightcurves", "objects")
    ]
    around = data_release.read(DATA / "ztf_dr_bts_positions.parquet")
    places = pd.read_parquet(DATA / "ztf_dr_bts_positions_objects.parquet")
    hosts = set(places.loc[places["sep_arcsec"] < 1.5, "oid"].astype(str))
    stars = set(places.loc[places["sep_arcsec"] > 5, "oid"].astype(str))
    every = curves_of(data_release.curves(field)[0], LEAST)
    others = curves_of(data_release.curves([around])[0], LEAST)
    dwarfs = data_release.read(DATA / "ztf_dr_whitedwarfs_panel.parquet")
    found: dict[str, dict[str, Sample]] = {"quiet": {}, "mid": {}, "variable": {}, "galaxy": {}}
    found["white dwarf"] = curves_of(data_release.curves([dwarfs])[0], LEAST)
    for name, curve in [*every.items(), *others.items()]:
        oid = name.partition(":")[0]
        if oid in hosts:
            found["galaxy"][name] = curve
        elif name in every or oid in stars:
            found[kind_of(curve)][name] = curve
    return found


def kind_of(curve: Sample) -> str:
    ratio = curve.mag.std(ddof=1) / np.median(curve.magerr)
    return "quiet" if ratio < 1.6 else "mid" if ratio < 3 else "variable"


def settings(**changes: object) -> dict[str, object]:
    """Return the tests of configs/stellar_dippers.yaml, with shorter histories."""
    return {"min_history": 30, **changes}


def false_positives(curves: Mapping[str, Sample], n_alert: int, *, sharp: bool) -> pd.Series:
    """Return the row of depth 0: windows in which nothing was put."""
    trial = Trial(n_alert=n_alert, step=n_alert, most=6, sharp=sharp, settings=settings())
    return by_depth(tried(curves, trial, (0.0,))).iloc[0]


def recall(curves: Mapping[str, Sample], depths: tuple[float, ...], **how: bool) -> pd.DataFrame:
    """Return the share found with 10 alerts and more: 10, 12, 15 and 20."""
    parts = [
        tried(curves, Trial(n_alert=n, step=n, most=2, settings=settings(), **how), depths)
        for n in (10, 12, 15, 20)
    ]
    return by_depth(pd.concat(parts, ignore_index=True))


def main() -> int:
    begun = time.perf_counter()
    found = classes()
    print("curves:", {name: len(curves) for name, curves in found.items()})
    print("\nfalse positives: windows without a dip")
    for n_alert, sharp in ((10, True), (20, True), (10, False)):
        print("by the middle of pairs:" if sharp else "by the median, as in the paper:")
        for name, curves in found.items():
            if not curves:
                continue
            row = false_positives(curves, n_alert, sharp=sharp)
            n, wrong = int(row["n"]), round(row["n"] * row["found"])
            p = 100 * row["p_below"]
            print(
                f"  n = {n_alert:2d} {name:12s} {wrong:3d} of {n:5d} = {100 * row['found']:.2f} %"
                f"   (p < 0.05 alone: {p:.1f} %)"
            )
    print("\nrecall in quiet histories, 10 to 20 alerts, by depth in standard deviations")
    quiet = dict(list(found["quiet"].items())[:MOST])
    for drawn in (True, False):
        print("points drawn from the history:" if drawn else "later windows of the same star:")
        shown = recall(quiet, (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0), drawn=drawn)
        print(shown.to_string(index=False, float_format="%.3g"))
    print("\ndepth at which p falls below 0.05, quiet histories")
    for n_alert in (5, 10, 20, 50):
        shown = can_show(found["quiet"], n_alert, most=40)
        low, middle, high = shown["sigmas"].quantile([0.1, 0.5, 0.9])
        print(
            f"  n = {n_alert:2d}: {middle:.2f} sd ({low:.2f} to {high:.2f}), "
            f"{shown['depth'].median():.3f} mag"
        )
    print(f"\n{time.perf_counter() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
