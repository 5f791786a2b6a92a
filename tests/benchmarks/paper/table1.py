"""Table 1 of A&A 698, A153: good SNe Ia that are among the first five, by magnitude.

``python -m tests.benchmarks.paper.table1 [--nights 1121] [--min-value 0.2]``

Both configs over the same nights of the ZTF Bright Transient Survey, see `bts`; the lists without a
site, nobody observed. "Ever" is the paper's measure, which chance does well in; "at its peak" asks
for a night within 2 d of the true peak. A good SN Ia has 8 detections and a fit to all of them.
Intervals: 95 %, over objects, paired for differences; over blocks of 30 nights for the slots.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from aas2rto.replay.bootstrap import NIGHTS, Ratio, difference
from tests.benchmarks.paper import bts

BINS = ((16.0, 17.0), (17.0, 18.0), (18.0, 18.5))
PAPER = ("38/49 (78 %)", "", "")
"""What the paper prints for the first five, of 16-17 mag; the text names no more."""
TOP, WITHIN, GOOD = 5, 2.0, 8


def good_ones(first: float, last: float) -> pd.DataFrame:
    """Return the SNe Ia that count, those whose peak lies within the nights."""
    table = pd.read_parquet(bts.truth())
    good = table["is_ia"] & table["fitted"] & (table["n_detections"] >= GOOD)
    good &= table["peak_mjd"].between(first + 5, last - 5)
    chosen: pd.DataFrame = table[good].reset_index(drop=True)
    return chosen


def first_five(folder: Path, least: float = 0.0) -> pd.DataFrame:
    """Return who was among the first five of the list without a site, night by night."""
    ranks = pd.read_parquet(
        folder / "ranks.parquet", filters=[("observatory", "==", "science"), ("rank", "<=", TOP)]
    )
    return ranks[ranks["site_score"] >= least].reset_index(drop=True)


def shares(good: pd.DataFrame, top: pd.DataFrame) -> pd.DataFrame:
    """Return for each object whether it was there ever, and within 2 d of its peak."""
    rows = top.merge(good[["id", "peak_mjd"]], left_on="candidate_id", right_on="id")
    near = rows[(rows["at"] - rows["peak_mjd"]).abs() <= WITHIN]
    return pd.DataFrame({"ever": good["id"].isin(rows["id"]), "near": good["id"].isin(near["id"])})


def contaminants(top: pd.DataFrame, n_nights: int) -> tuple[np.ndarray, np.ndarray]:
    """Count the slots of each night, and those of others than SNe Ia."""
    truth = pd.read_parquet(bts.truth()).set_index("id")
    other = truth["is_other"].reindex(top["candidate_id"]).eq(other=True).to_numpy(bool)
    nights = top["night"].to_numpy(int)
    counts = (np.bincount(rows, minlength=n_nights) for rows in (nights, nights[other]))
    slots, others = (count.astype(float) for count in counts)
    return slots, others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nights", type=int, default=int(bts.LAST - bts.FIRST) + 1)
    parser.add_argument("--min-value", type=float, default=0.2)
    options = parser.parse_args()
    last = bts.FIRST + options.nights - 1
    folders = {name: bts.replayed(name, last=last) for name in ("ours", "paper")}
    tops = {name: first_five(folder) for name, folder in folders.items()}
    good = good_ones(bts.FIRST, last)
    print(f"{options.nights} nights, {len(good)} good SNe Ia; % of each bin, 95 % intervals")
    print(
        f"{'mag':12s} {'n':>4s}  {'ever: ours':>10s} {'paper':>6s}   difference      "
        f"{'at its peak: ours':>18s} {'paper':>6s}   difference"
    )
    found = {name: shares(good, top) for name, top in tops.items()}
    for low, high in BINS:
        rows = np.flatnonzero(good["peak_mag"].between(low, high, inclusive="left"))
        line = f"{low:g} - {high:g}".ljust(12) + f" {len(rows):4d}  "
        for measure, width in (("ever", 10), ("near", 18)):
            one, other = (found[name][measure].to_numpy(float)[rows] for name in folders)
            ones = np.ones(len(rows))
            less = difference(Ratio(one, ones), Ratio(other, ones))
            line += (
                f"{100 * one.mean():{width}.1f} {100 * other.mean():6.1f}   "
                f"{100 * less.value:+5.1f} [{100 * less.low:+.1f}, {100 * less.high:+.1f}]   "
            )
        print(line)
    print("slots of the first five: share of others than SNe Ia")
    for label, top in (
        ("ours", tops["ours"]),
        ("paper", tops["paper"]),
        (f"ours, min_value {options.min_value:g}", first_five(folders["ours"], options.min_value)),
    ):
        slots, others = contaminants(top, options.nights)
        share = Ratio(others, slots, NIGHTS, is_share=True).estimate()
        print(
            f"  {label:22s} {slots.sum():5.0f} slots  {100 * share.value:5.1f} % "
            f"[{100 * share.low:.1f}, {100 * share.high:.1f}]"
        )


if __name__ == "__main__":
    main()
