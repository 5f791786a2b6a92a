"""Figures 6 and 7 of A&A 698, A153: how the estimate of the peak converges, on real light curves.

``python -m tests.benchmarks.paper.fig6_7 [--nights 1121] [--known]``

Night by night over the ZTF Bright Transient Survey, see `bts`: t_peak of each fit that the replay
made of a good SN Ia (8 detections or more in all, at least five in the fit, chi2 per degree of
freedom below 10 as the paper's quality cut) less the peak of the fit to all detections with the
spectroscopic redshift, against the phase of the night. Errors of our fits are those that it states:
coverage is the share of peaks within one and two of them. The figure is written beside the replays.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from tests.benchmarks.paper import bts
from tests.benchmarks.paper.table1 import BINS, good_ones

EDGES = ((-12, -8), (-8, -5), (-5, -3), (-3, -1), (-1, 1), (1, 5), (5, 10), (10, 20))
"""Phases [d]."""
PAPER = {(-8, -5): "-2 d at -6 d", (-1, 1): "-2.1 ... +1.3"}
LEAST, WORST = 5, 10.0


def errors(folder: Path, last: float) -> pd.DataFrame:
    """Return ``phase, error, t_peak_err, n_points, peak_mag`` of each fit of a good SN Ia."""
    fits = pd.read_parquet(folder / "fits.parquet", filters=[("model", "==", "salt")])
    fits = fits[(fits["status"] == "ok") & (fits["n_points"] >= LEAST)]
    fits = fits[~(fits["chi2"] > WORST * fits["dof"].clip(lower=1))]
    good = good_ones(bts.FIRST, last)[["id", "peak_mjd", "peak_mag"]]
    rows = fits.merge(good, left_on="candidate_id", right_on="id")
    rows = rows.assign(phase=rows["at"] - rows["peak_mjd"], error=rows["t_peak"] - rows["peak_mjd"])
    kept = ["id", "phase", "error", "t_peak_err", "n_points", "peak_mag"]
    found: pd.DataFrame = rows[kept][rows["phase"].between(-20, 30)].reset_index(drop=True)
    return found


def line(rows: pd.DataFrame) -> str:
    """Say the median, the central 68 % and the coverage of some fits."""
    if len(rows) < 5:
        return f"{len(rows):6d}"
    low, middle, high = np.quantile(rows["error"], [0.16, 0.5, 0.84])
    size = rows["error"].abs() / rows["t_peak_err"]
    covered = "  ".join(f"{100 * (size <= k).mean():3.0f} %" for k in (1, 2))
    return f"{len(rows):6d}  {middle:+5.2f}  {low:+5.2f} ... {high:+5.2f}   {covered}"


def draw(found: dict[str, pd.DataFrame], path: Path) -> None:
    """Draw median and central 68 % against phase, in all and by magnitude."""
    mpl.use("agg")
    figure, panels = plt.subplots(1, 4, figsize=(15, 4), sharey=True)
    centres = np.arange(-12, 21, 1.5)
    for panel, span in zip(panels, [(0.0, 30.0), *BINS], strict=True):
        for (name, rows), colour in zip(found.items(), ("C0", "C1", "C2", "C3"), strict=False):
            own = rows[rows["peak_mag"].between(*span, inclusive="left")]
            parts = [own["error"][(own["phase"] - c).abs() < 1.0] for c in centres]
            bands = np.array(
                [np.quantile(p, [0.16, 0.5, 0.84]) if len(p) > 9 else [np.nan] * 3 for p in parts]
            )
            panel.fill_between(centres, bands[:, 0], bands[:, 2], color=colour, alpha=0.25)
            panel.plot(centres, bands[:, 1], color=colour, label=f"{name} ({len(own)} fits)")
        panel.axhline(0, color="0.5", lw=0.8)
        panel.axhspan(-2.1, 1.3, color="0.9", zorder=0)
        panel.set(xlabel="phase of the night [d]", ylim=(-8, 8))
        panel.set_title("all" if span[0] == 0 else f"{span[0]:g} to {span[1]:g} mag")
        panel.legend(fontsize=7)
    panels[0].set_ylabel("peak, estimated - final [d]")
    figure.suptitle("BTS, night by night; grey: the paper's 68 % at its peak (-2.1 to +1.3 d)")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nights", type=int, default=int(bts.LAST - bts.FIRST) + 1)
    parser.add_argument("--known", action="store_true", help="also with redshifts known")
    options = parser.parse_args()
    last = bts.FIRST + options.nights - 1
    cases = {"ours": ("ours", 0.0), "the paper's recipe": ("paper", 0.0)}
    if options.known:
        cases |= {"ours, half of z known": ("ours", 0.5), "ours, all z known": ("ours", 1.0)}
    found = {}
    for label, (name, known) in cases.items():
        found[label] = errors(bts.replayed(name, known=known, last=last), last)
        print(f"{label}: {found[label]['id'].nunique()} SNe Ia")
        print("  phase [d]       n  median   central 68 %     within 1, 2 sigma")
        for low, high in EDGES:
            own = found[label][found[label]["phase"].between(low, high)]
            print(f"  {low:+3d} ... {high:+3d} {line(own)}")
    path = bts.FOLDER / "fig6_7.png"
    draw(found, path)
    print(f"written: {path}")


if __name__ == "__main__":
    main()
