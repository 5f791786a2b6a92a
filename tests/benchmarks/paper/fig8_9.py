"""Figures 8 and 9 of A&A 698, A153: scores of a night, and how many candidates are near their peak.

``python -m tests.benchmarks.paper.fig8_9 [--nights 1121]``

The paper's recipe over the nights of the ZTF Bright Transient Survey, see `bts`: all that is kept
is scored, whatever it turns out to be. A night counts if measurements came in. The paper counts all
that Fink called a SN candidate; here are half of the transients that BTS classified, so that
numbers are to be doubled at least, and are a lower bound even so.
"""

from __future__ import annotations

import argparse

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from aas2rto.replay.bootstrap import NIGHTS, Ratio
from tests.benchmarks.paper import bts

WITHIN = (0.5, 1.0, 2.0)
FAINTEST = 18.5
EDGES = np.arange(-4, 3.01, 0.25)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nights", type=int, default=int(bts.LAST - bts.FIRST) + 1)
    options = parser.parse_args()
    folder = bts.replayed("paper", last=bts.FIRST + options.nights - 1)
    scores = pd.read_parquet(folder / "scores.parquet")
    nights = pd.read_parquet(folder / "nights.parquet")
    used = nights.loc[nights["new_measurements"] > 0, "night"].to_numpy(int)
    log_score = np.log10(scores["score"].to_numpy(float))
    histograms = [
        np.histogram(log_score[scores["night"] == night], EDGES, density=True)[0]
        for night in used
        if (scores["night"] == night).sum() >= 5
    ]
    print(f"{len(used)} nights with measurements, {len(scores)} scores")
    print(
        "log10 score: 16 %, median, 84 % of all:",
        np.quantile(log_score, [0.16, 0.5, 0.84]).round(2),
    )
    near = {}
    for days in WITHIN:
        good = (scores["at"] - scores["t_peak"]).abs() <= days
        good &= scores["mag"] <= FAINTEST
        count = np.bincount(scores.loc[good, "night"], minlength=len(nights))[used].astype(float)
        rate = Ratio(count, np.ones(len(used)), NIGHTS).estimate()
        near[days] = count
        told = f"{count.mean():.2f} [{rate.low:.2f}, {rate.high:.2f}]"
        print(f"within {days:g} d of the predicted peak, per night: {told}")
    truth = pd.read_parquet(bts.truth()).set_index("id").reindex(scores["candidate_id"])
    true = np.abs(scores["at"].to_numpy(float) - truth["peak_mjd"].to_numpy(float)) <= 1
    true &= truth["is_ia"].eq(other=True).to_numpy(bool)
    mpl.use("agg")
    figure, panels = plt.subplots(1, 3, figsize=(14, 4))
    middle = 0.5 * (EDGES[:-1] + EDGES[1:])
    low, centre, high = np.quantile(histograms, [0.16, 0.5, 0.84], axis=0)
    panels[0].fill_between(middle, low, high, color="0.8")
    panels[0].plot(middle, centre, color="k")
    panels[0].set(xlabel="log10 score", ylabel="density, median over nights and 68 %")
    for (bright, faint), colour in zip(((16, 17), (17, 18), (18, 18.5)), "krb", strict=True):
        own = (
            true & (truth["peak_mag"] >= bright).to_numpy() & (truth["peak_mag"] < faint).to_numpy()
        )
        panels[1].hist(
            log_score[own],
            EDGES,
            density=True,
            histtype="step",
            color=colour,
            label=f"{bright:g} to {faint:g} mag ({own.sum()})",
        )
    panels[1].set(xlabel="log10 score of SNe Ia within 1 d of their peak")
    panels[1].legend()
    for (days, count), colour in zip(near.items(), "krb", strict=True):
        panels[2].hist(
            count,
            np.arange(-0.5, count.max() + 1.5),
            histtype="step",
            color=colour,
            label=f"{days:g} d: {count.mean():.2f}",
        )
        panels[2].axvline(count.mean(), color=colour, ls="--", lw=0.8)
    panels[2].set(xlabel=f"candidates near the predicted peak, {FAINTEST} mag", ylabel="nights")
    panels[2].legend()
    figure.tight_layout()
    path = bts.FOLDER / "fig8_9.png"
    figure.savefig(path, dpi=110)
    print(f"written: {path}")


if __name__ == "__main__":
    main()
