"""Figures 4 and 5 of A&A 698, A153: which light curves SALT takes for SNe Ia, and what they are.

``python -m tests.benchmarks.paper.fig4_5``

Complete light curves of the ZTF Bright Transient Survey, see `bts`, fitted with the redshift free,
and the paper's cuts (Sect. 3.3): eight detections or more, one in g brighter than 19 mag; three
detections before t0, four after it, one of them five days or later; no longer than 120 d, without a
gap of more than 20 d; chi2 per degree of freedom below `WORST`. Printed are how many pass, what
they are by their spectra, and their x1 and c beside those of ZTF DR1 (SALT2, redshifts known), whom
somebody else fitted; with our priors and without. What the data do not allow: the paper's sample is
of Fink's candidates, typed or not, fitted with SALT2; BTS is what somebody took a spectrum of.
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from aas2rto.models.salt import Salt
from aas2rto.tables.photometry import mag_from_flux
from tests.benchmarks.light_curves import DATA
from tests.benchmarks.light_curves import bts as light_curves
from tests.benchmarks.paper import bts

LEAST, BRIGHT, WORST = 8, 19.0, 10.0
BEFORE, AFTER, LATE, LONGEST, GAP = 3, 4, 5.0, 120.0, 20.0
PAPER = "2205 of 6714 (33 %); of 1515 with a type 1383 SNe Ia and 132 others (8.7 %)"
EDGES = {"x1": np.arange(-5, 5.01, 0.5), "c": np.arange(-0.5, 0.801, 0.05)}


def worth_a_fit(table: pd.DataFrame) -> pd.Index:
    """Return who has enough detections, and a bright one in g."""
    green = table[table["band"] == "ztfg"].groupby("candidate_id")["flux"].max()
    bright = green.index[mag_from_flux(green.to_numpy(float)) < BRIGHT]
    count = table.groupby("candidate_id").size()
    return count.index[count >= LEAST].intersection(bright)


def passing(table: pd.DataFrame, fits: pd.DataFrame) -> np.ndarray:
    """Tell which fits pass the paper's cuts."""
    t0 = fits.set_index("candidate_id")["t0"]
    rows = table[table["candidate_id"].isin(fits["candidate_id"])]
    phase = rows["mjd"] - rows["candidate_id"].map(t0)
    who = rows["candidate_id"]
    before = (phase < 0).groupby(who).sum()
    after = (phase > 0).groupby(who).sum()
    late = (phase >= LATE).groupby(who).any()
    length = rows.groupby("candidate_id")["mjd"].agg(np.ptp)
    gap = rows.groupby("candidate_id")["mjd"].agg(lambda mjd: np.diff(np.sort(mjd)).max())
    good = (before >= BEFORE) & (after >= AFTER) & late & (length <= LONGEST) & (gap <= GAP)
    fine = (fits["status"] == "ok") & (fits["chisq"] < WORST * fits["ndof"].clip(lower=1))
    passed: np.ndarray = fine.to_numpy(bool) & good.reindex(fits["candidate_id"]).to_numpy(bool)
    return passed


def fitted(table: pd.DataFrame, ebv: pd.Series, salt: Salt) -> pd.DataFrame:
    """Fit complete light curves with the redshift free."""
    names = worth_a_fit(table)
    asked = pd.DataFrame({"candidate_id": names, "redshift": np.nan, "ebv": ebv.reindex(names)})
    chosen = table[table["candidate_id"].isin(names)].reset_index(drop=True)
    fits = salt.fit(chosen, asked.reset_index(drop=True))
    parameters = pd.DataFrame(list(fits["parameters"])).reindex(columns=["t0", "x1", "c", "z"])
    return pd.concat([fits.drop(columns="parameters"), parameters], axis=1)


def draw(found: dict[str, pd.DataFrame], published: pd.DataFrame) -> None:
    """Draw the distributions of x1 and c."""
    mpl.use("agg")
    figure, panels = plt.subplots(1, 2, figsize=(11, 4))
    for panel, (name, edges) in zip(panels, EDGES.items(), strict=True):
        for (label, fits), colour in zip(found.items(), ("C0", "C1"), strict=True):
            own = fits[fits["passed"]]
            for rows, style, who in ((own, "-", "all"), (own[own["is_ia"]], "--", "SNe Ia")):
                panel.hist(
                    rows[name].clip(edges[0], edges[-1]),
                    bins=edges,
                    density=True,
                    histtype="step",
                    color=colour,
                    linestyle=style,
                    label=f"{label}, {who} ({len(rows)})",
                )
        panel.hist(
            published[name],
            bins=edges,
            density=True,
            color="0.85",
            label=f"ZTF DR1, published ({len(published)})",
            zorder=0,
        )
        panel.set(xlabel=name, ylabel="density")
        panel.legend(fontsize=7)
    figure.suptitle("BTS, complete light curves that pass the paper's cuts, redshifts free")
    figure.tight_layout()
    path = bts.FOLDER / "fig4_5.png"
    figure.savefig(path, dpi=110)
    print(f"written: {path}")


def main() -> None:
    table, objects = light_curves(types=(), any_redshift=True)
    truth = pd.read_parquet(bts.truth()).set_index("id")
    ebv = objects.set_index("candidate_id")["ebv"]
    published = pd.read_parquet(DATA / "ztf_dr1cosmo_saltparams.parquet")
    found = {}
    print(f"the paper: {PAPER}")
    for label, salt in (("without priors", Salt(priors="none")), ("our defaults", Salt())):
        fits = fitted(table, ebv, salt)
        fits["passed"] = passing(table, fits)
        for name in ("is_ia", "is_other"):
            fits[name] = truth[name].reindex(fits["candidate_id"]).eq(other=True).to_numpy(bool)
        found[label] = fits
        own = fits[fits["passed"]]
        typed = own["is_ia"] | own["is_other"]
        print(
            f"{label}: {len(own)} of {len(fits)} ({len(own) / len(fits):.0%}); of {typed.sum()} "
            f"with a type {own['is_ia'].sum()} SNe Ia and {own['is_other'].sum()} others "
            f"({own['is_other'].sum() / max(typed.sum(), 1):.1%}); of all SNe Ia "
            f"{own['is_ia'].sum() / fits['is_ia'].sum():.0%} pass, of all others "
            f"{own['is_other'].sum() / fits['is_other'].sum():.0%}"
        )
    print("SNe Ia                    n     x1: median  16 %   84 %      c: median  16 %   84 %")
    samples = {label: fits[fits["passed"] & fits["is_ia"]] for label, fits in found.items()}
    for label, rows in {**samples, "ZTF DR1, published": published}.items():
        told = [np.quantile(rows[name].dropna(), [0.5, 0.16, 0.84]) for name in ("x1", "c")]
        x1, c = (" ".join(f"{value:+6.2f}" for value in values) for values in told)
        print(f"{label:22s} {len(rows):5d}        {x1}         {c}")
    draw(found, published)


if __name__ == "__main__":
    main()
