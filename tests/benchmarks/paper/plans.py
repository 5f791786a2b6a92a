"""Plans carried out: SNe Ia within 2 d of their peak per clear night, ours and others.

``python -m tests.benchmarks.paper.plans [--spectra 3] [--nights 400] [--first 58700.9]``

One telescope of 1.5 m at La Silla and one of 2.5 m at La Palma, planned together with exposures,
slews and the Moon by the real planner; 25 % of the nights are lost at each, the same for all.
`paper` is the paper's recipe, `random` any of what its list holds, `oracle` knows types and peaks
but not the weather. Intervals: 95 %, paired, over blocks of 30 nights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from aas2rto.replay.bootstrap import NIGHTS, Ratio, quotient
from aas2rto.replay.execute import Capacity
from tests.benchmarks.paper import bts

ROWS = ("random", "paper", "ours", "oracle")
WITHIN = 2.0


def successes(folder: Path, site: str) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """Return, by night, SNe Ia caught and whether it was clear; and what else there was."""
    truth = pd.read_parquet(bts.truth()).set_index("id")
    nights = pd.read_parquet(folder / "site_nights.parquet")
    nights = nights[nights["observatory"] == site].sort_values("night")
    done = pd.read_parquet(folder / "plans.parquet")
    done = done[(done["observatory"] == site) & (done["state"] == "observed")]
    own = truth.reindex(done["candidate_id"])
    middle = 0.5 * (done["start"] + done["end"]).to_numpy(float)
    phase = middle - own["peak_mjd"].to_numpy(float)
    is_ia = own["is_ia"].eq(other=True).to_numpy(bool)
    caught = is_ia & (np.abs(phase) <= WITHIN)
    count = np.bincount(done["night"].to_numpy(int)[caught], minlength=len(nights))
    other = own["is_other"].eq(other=True).to_numpy(bool)
    quartiles = np.quantile(phase[is_ia], [0.16, 0.5, 0.84]) if is_ia.any() else [np.nan] * 3
    facts = {
        "visits": float(len(done)),
        "others": float(other.mean()) if len(done) else np.nan,
        "hours": float(nights["hours_used"].sum()),
        **dict(zip(("low", "middle", "high"), map(float, quartiles), strict=True)),
    }
    return count.astype(float), nights["clear"].to_numpy(bool), facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--spectra", type=int, default=3)
    parser.add_argument("--first", type=float, default=58700.9)
    parser.add_argument("--nights", type=int, default=400)
    options = parser.parse_args()
    capacity = {site: Capacity(spectra=options.spectra) for site in bts.SITES}
    span = {"first": options.first, "last": options.first + options.nights - 1}
    folders = {name: bts.replayed(name, capacity=capacity, **span) for name in ROWS}
    for site in bts.SITES:
        print(f"{site}, {options.spectra} spectra a night, {options.nights} nights")
        print("row      per clear night     over paper           visits hours  non-Ia  phase")
        found = {name: successes(folder, site) for name, folder in folders.items()}
        clear = found["paper"][1].astype(float)
        for name, (count, _, facts) in found.items():
            rate = Ratio(count, clear, NIGHTS)
            over = quotient(rate, Ratio(found["paper"][0], clear, NIGHTS))
            here = rate.estimate()
            print(
                f"{name:8s} {here.value:.3f} [{here.low:.3f}, {here.high:.3f}] "
                f"{over.value:5.2f} [{over.low:.2f}, {over.high:.2f}] "
                f"{facts['visits']:9.0f} {facts['hours']:5.0f} {100 * facts['others']:5.1f} %"
                f"  {facts['low']:+.1f}/{facts['middle']:+.1f}/{facts['high']:+.1f}"
            )
        share = found["ours"][0].sum() / max(found["oracle"][0].sum(), 1)
        print(f"ours / oracle: {share:.2f}")


if __name__ == "__main__":
    main()
