"""How restless a list is, what hysteresis changes, and whether p_top5 is right.

``python -m tests.benchmarks.paper.churn [--nights 300] [--factors 1,1.5,2,3]``

The default config over nights of the ZTF Bright Transient Survey, see `bts`, nobody observed.
Churn is the share of a site's first five that were not among them the night before. Part of it is
flicker, which is what hysteresis is for: who left and is back within three nights. The rest is the
sky's: a list that knows the truth, the SNe Ia within 2 d of their peak, has a churn of its own,
printed beside. Hits are the SNe Ia within 2 d of their true peak among the first five per night,
in all sites' lists. With the first factor, lists are drawn 64 times: of candidates with
p_top5 about p, a share of p should be among the first five the night after, if nothing but noise
moved them; new data and a new night do, too.
"""

from __future__ import annotations

import argparse
import itertools
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.replay.bootstrap import NIGHTS, Ratio
from tests.benchmarks.paper import bts

TOP, WITHIN = 5, 2.0
BACK = 3
"""Who left the list and is back within so many nights flickered."""
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
        label, changes = f"ours-hysteresis-{factor:g}", {"score": told}
        ranks = ranked("ours", options.first, options.nights, label=label, changes=changes)
        report(f"hysteresis {factor:g}", ranks, truth, options.nights)
        if factor == factors[0]:
            calibrated(ranks)
    ranks = ranked("oracle", options.first, options.nights, label="oracle-list")
    report("who knows the truth", ranks, truth, options.nights)


def ranked(name: str, first: float, nights: int, **how: Any) -> pd.DataFrame:
    """Replay, and return the sites' lists."""
    folder = bts.replayed(name, first=first, last=first + nights - 1, **how)
    ranks = pd.read_parquet(folder / "ranks.parquet")
    return ranks[ranks["observatory"] != "science"]


def report(name: str, ranks: pd.DataFrame, truth: pd.DataFrame, nights: int) -> None:
    """Print how restless the lists are, and what they catch."""
    top = ranks[ranks["rank"] <= TOP]
    own = truth.reindex(top["candidate_id"])
    hit = (np.abs(top["at"].to_numpy() - own["peak_mjd"].to_numpy(float)) <= WITHIN) & own[
        "is_ia"
    ].eq(other=True).to_numpy(bool)
    hits = np.bincount(top["night"].to_numpy()[hit], minlength=nights).astype(float)
    rate = Ratio(hits, np.ones(nights), NIGHTS).estimate()
    print(
        f"{name}: churn {100 * churn(top):.1f} %, flicker {100 * flicker(top):.2f} %, "
        f"hits {hits.mean():.3f} [{rate.low:.3f}, {rate.high:.3f}] a night"
    )


def churn(top: pd.DataFrame) -> float:
    """Return the share of places that are taken by who was not there the night before."""
    before = top[["observatory", "candidate_id"]].assign(night=top["night"] + 1)
    both = top.merge(before, on=["observatory", "candidate_id", "night"])
    later = top[top["night"] > top["night"].min()]
    return 1.0 - len(both) / max(len(later), 1)


def flicker(top: pd.DataFrame) -> float:
    """Return the share of places that are taken by who left, and came back within `BACK` nights."""
    rows = top.sort_values(["observatory", "candidate_id", "night"])
    own = rows[["observatory", "candidate_id"]]
    same = (own == own.shift()).all(axis=1)
    away = rows["night"].diff() - 1
    later = top["night"] > top["night"].min()
    return float((same & away.between(1, BACK)).sum() / max(later.sum(), 1))


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
