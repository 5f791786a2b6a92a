"""Figures 10 and 11 of A&A 698, A153: SNe Ia in simulated LSST, and how well their peak is known.

``python -m tests.benchmarks.paper.fig10_11 [--sample 300]``

`aas2rto simulate --survey lsst` on the visits of ../shared/data/baseline_v2.0_1yr.parquet (OpSim
baseline 2.0, one year; the paper: 3.3, five years). Fig. 11: SNe Ia with a peak brighter than 18.5
mag in g, by the truth, within half, one and two days of it on a night with visits, of those that
gave an alert. Fig. 10: for a sample of SNe Ia that LSST saw eight times or more, with a peak
brighter than 21 mag, the first N detections are fitted by SALT3, redshift free, N from five on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
from astropy import units as u
from astropy_healpix import HEALPix
from matplotlib import pyplot as plt

from aas2rto.models.salt import Salt
from aas2rto.replay.bootstrap import NIGHTS, Ratio
from aas2rto.tables import photometry as phot
from tests.benchmarks.paper import bts
from tests.benchmarks.paper.fig6_7 import EDGES, line
from tests.shared import DATA, ROOT

VISITS = DATA / "baseline_v2.0_1yr.parquet"
FOLDER = bts.FOLDER / "lsst"
FIRST, LAST = "2023-11-10", "2024-10-01"
PAPER = {0.5: "2.05 +- 0.04", 1.0: "4.12 +- 0.06", 2.0: "8.2 +- 0.1"}
BRIGHT, FAINT, LEAST = 18.5, 21.0, 5


def simulated() -> None:
    """Simulate the year once."""
    if (FOLDER / "simulate.json").exists():
        return
    words = ["simulate", "--survey", "lsst", "--visits", str(VISITS), "--from", FIRST]
    words += ["--to", LAST, "--contaminants", "0", "--output", str(FOLDER)]
    subprocess.run([sys.executable, "-m", "aas2rto", *words], check=True, cwd=ROOT)


def of_figure_11(truth: pd.DataFrame, nights: np.ndarray) -> dict[float, np.ndarray]:
    """Return, for each distance from the peak, the number on each night."""
    peak = truth.loc[truth["peak_mag_g"] < BRIGHT, "t0"].to_numpy(float)
    away = np.abs(nights[:, None] + 0.2 - peak[None, :])  # 0.2: about midnight in Chile
    return {days: (away <= days).sum(axis=1).astype(float) for days in PAPER}


def of_figure_10(truth: pd.DataFrame, n: int) -> pd.DataFrame:
    """Fit the first N detections of a sample, and return ``phase, error, t_peak_err``."""
    good = truth[(truth["peak_mag"] < FAINT) & (truth["n_alerts"] >= 8)]
    chosen = good.sample(min(n, len(good)), random_state=2).set_index("id")
    parts = []
    for path in sorted((FOLDER / "archive").glob("light_curves_*.parquet")):
        rows = pd.read_parquet(path)
        parts.append(rows[rows["object_id"].isin(chosen.index)])
    rows = pd.concat(parts).astype({"object_id": object, "band": object}).sort_values("mjd")
    flux, error = rows["flux_uJy"].to_numpy(float), rows["flux_err_uJy"].to_numpy(float)
    rows = rows[np.isfinite(flux) & (flux >= 5 * error)]
    cut, who = [], []
    rows = rows.drop_duplicates(["object_id", "mjd", "band"])
    for name, own in rows.groupby("object_id", sort=True):
        for count in range(LEAST, len(own) + 1):
            if count < len(own) and own["mjd"].iloc[count] - own["mjd"].iloc[count - 1] < 0.3:
                continue  # the night is not over
            one = f"{name}/{count}"
            cut.append(own.head(count).assign(candidate_id=one))
            at = own["mjd"].iloc[count - 1]
            who.append((one, name, at - chosen.loc[name, "t0"], chosen.loc[name, "t0"]))
    table = pd.concat(cut, ignore_index=True)
    table = phot.conform(
        table.assign(
            flux=table["flux_uJy"],
            flux_err=table["flux_err_uJy"],
            kind=phot.DETECTION,
            survey="lsst",
            source="lsst",
        )
    )
    asked = pd.DataFrame(who, columns=["candidate_id", "name", "phase", "t0"])
    asked["redshift"] = np.nan
    asked["ebv"] = chosen["ebv"].reindex(asked["name"]).to_numpy(float)
    fits = Salt(redshift=(0.001, 0.4)).fit(table, asked[["candidate_id", "redshift", "ebv"]])
    found = asked.assign(
        error=fits["t_peak"].to_numpy(float) - asked["t0"],
        t_peak_err=fits["t_peak_err"].to_numpy(float),
    )
    return found[(fits["status"] == "ok").to_numpy()]


def draw(near: dict[float, np.ndarray], errors: pd.DataFrame) -> None:
    """Draw both figures."""
    mpl.use("agg")
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    centres = np.arange(-16, 21, 1.5)
    parts = [errors["error"][(errors["phase"] - c).abs() < 1.0] for c in centres]
    bands = np.array(
        [np.quantile(p, [0.16, 0.5, 0.84]) if len(p) > 9 else [np.nan] * 3 for p in parts]
    )
    left.fill_between(centres, bands[:, 0], bands[:, 2], color="C0", alpha=0.3)
    left.plot(centres, bands[:, 1], color="C0")
    left.axhline(0, color="0.5", lw=0.8)
    left.set(
        xlabel="phase of the last detection [d]", ylabel="peak, estimated - true [d]", ylim=(-6, 6)
    )
    left.set_title(f"LSST, SALT3, redshift free: {errors['name'].nunique()} SNe Ia")
    for (days, count), colour in zip(near.items(), "krb", strict=True):
        edges = np.arange(-0.5, count.max() + 1.5)
        label = f"{days:g} d: {count.mean():.2f} (paper {PAPER[days]})"
        right.hist(count, edges, histtype="step", color=colour, label=label)
    right.set(xlabel=f"SNe Ia near their true peak, g < {BRIGHT}", ylabel="nights")
    right.legend()
    figure.tight_layout()
    figure.savefig(bts.FOLDER / "fig10_11.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=int, default=300)
    options = parser.parse_args()
    simulated()
    truth = pd.read_parquet(FOLDER / "truth.parquet")
    truth = truth[(truth["type"] == "SN Ia") & (truth["n_alerts"] > 0)].reset_index(drop=True)
    visits = pd.read_parquet(VISITS)
    times = visits["observationStartMJD"].to_numpy(float)
    nights = np.unique(np.floor(times - 0.5) + 0.5)
    span = pd.to_datetime([FIRST, LAST]).to_julian_date().to_numpy() - 2400000.5
    nights = nights[(nights > span[0] + 1) & (nights < span[1] - 3)]
    cells = HEALPix(nside=64).lonlat_to_healpix(
        visits["fieldRA"].to_numpy(float) * u.deg, visits["fieldDec"].to_numpy(float) * u.deg
    )
    # A pointing covers 9.6 deg2, a cell 0.84: where one has its centre, its neighbours are seen.
    seen = np.unique(np.concatenate([cells, HEALPix(nside=64).neighbours(cells).ravel()]))
    area = HEALPix(nside=64).pixel_area.to_value(u.deg**2) * (seen >= 0).sum()
    told = f"{len(nights)} nights with visits to {area:.0f} deg2"
    print(f"{told}, {len(truth)} SNe Ia with alerts")
    near = of_figure_11(truth, nights)
    for days, count in near.items():
        rate = Ratio(count, np.ones(len(count)), NIGHTS).estimate()
        print(
            f"  within {days:g} d: {count.mean():.2f} [{rate.low:.2f}, {rate.high:.2f}] a night; "
            f"the paper {PAPER[days]}"
        )
    errors = of_figure_10(truth, options.sample)
    print("phase [d]         n  median   central 68 %     within 1, 2 sigma")
    for low, high in EDGES:
        print(f"{low:+3d} ... {high:+3d} {line(errors[errors['phase'].between(low, high)])}")
    draw(near, errors)
    print(f"written: {bts.FOLDER / 'fig10_11.png'}")


if __name__ == "__main__":
    main()
