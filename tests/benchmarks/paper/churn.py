"""How restless a list is, what hysteresis changes, and whether p_top5 is right.

``python -m tests.benchmarks.paper.churn [--nights 300] [--factors 1,1.5,2,3]``

The default config over nights of the ZTF Bright Transient Survey, see `bts`, nobody observed.
Churn is the share of a site's first five that were not among them the night before, hits the SNe
Ia within 2 d of their true peak among the first five per night, in all sites' lists. With the first
factor, lists are drawn 64 times: of candidates with p_top5 about p, a share of p should be among
the first five the night after, if nothing but noise moved them; new data and a new night do, too.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
import pandas as pd

from aas2rto.replay.bootstrap import NIGHTS, Ratio
from tests.benchmarks.paper import bts

TOP, WITHIN = 5, 2.0
EDGES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--first", type=float, default=58700.9)
    parser.add_argument("--nights", type=int, default=300)
    parser.add_argument("--factors", default="1,1.5,2,3")
    options = parser.parse_args()
    truth = pd.read_parquet(bts.truth()).set_index("id")
    factors = [float(text) for text in options.factors.split(",")]
    for factor in factors:
        told = bts.settings("ours")["score"] | {"hysteresis": factor}
        told |= {"draws": 64} if factor == factors[0] else {}
        folder = bts.replayed(
            "ours",
            changes={"score": told},
            label=f"ours-hysteresis-{factor:g}",
            first=options.first,
            last=options.first + options.nights - 1,
        )
        ranks = pd.read_parquet(folder / "ranks.parquet")
        ranks = ranks[ranks["observatory"] != "science"]
        top = ranks[ranks["rank"] <= TOP]
        own = truth.reindex(top["candidate_id"])
        hit = (np.abs(top["at"].to_numpy() - own["peak_mjd"].to_numpy(float)) <= WITHIN) & own[
            "is_ia"
        ].eq(other=True).to_numpy(bool)
        hits = np.bincount(top["night"].to_numpy()[hit], minlength=options.nights).astype(float)
        rate = Ratio(hits, np.ones(options.nights), NIGHTS).estimate()
        print(
            f"hysteresis {factor:g}: churn {100 * churn(top):.1f} %, hits {hits.mean():.3f} "
            f"[{rate.low:.3f}, {rate.high:.3f}] a night"
        )
        if factor == factors[0]:
            calibrated(ranks)


def churn(top: pd.DataFrame) -> float:
    """Return the share of places that are taken by who was not there the night before."""
    before = top[["observatory", "candidate_id"]].assign(night=top["night"] + 1)
    both = top.merge(before, on=["observatory", "candidate_id", "night"])
    later = top[top["night"] > top["night"].min()]
    return 1.0 - len(both) / max(len(later), 1)


def calibrated(ranks: pd.DataFrame) -> None:
    """Print who was among the first five the next night, by the chance that was given."""
    drawn = ranks[ranks["p_top5"].notna()]
    after = ranks.loc[ranks["rank"] <= TOP, ["observatory", "candidate_id", "night"]]
    after = after.assign(night=after["night"] - 1, there=True)
    found = drawn.merge(after, on=["observatory", "candidate_id", "night"], how="left")
    there = found["there"].eq(other=True)
    for low, high in itertools.pairwise(EDGES):
        own = found["p_top5"].between(low, high, inclusive="left" if high < 1 else "both")
        if own.any():
            print(
                f"  p_top5 {low:.2f} to {high:.2f}: {own.sum():6d}, mean "
                f"{found.loc[own, 'p_top5'].mean():.2f}, the next night {there[own].mean():.2f}"
            )


if __name__ == "__main__":
    main()
