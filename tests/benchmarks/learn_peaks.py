"""Learn what ``aas2rto/data/salt_calibration.yaml`` holds, and write it.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.learn_peaks [--n N]``

Once from all SNe Ia, and once from either half of them by a hash of the name, for the benchmarks.

1. *Data and surfaces*: each SN Ia of the Bright Transient Survey (alerts) and of ZTF DR1 (forced
   photometry) is fitted with its redshift to the points after -7 d. Alerts from -5 to +30 d about
   these fits say what alerts' errors are worth; forced photometry before -22 d, where there is
   nothing, says it for itself. The residuals of the earlier points, in shares of the peak flux, are
   the mean and the scatter of real supernovae about the surfaces on the rise.
2. *Peaks*: with these, all are cut at 13 moments from -10 to +10 d, and what makes the errors of
   peaks honest is sought: 68 % of the errors below one sigma, 95 % below two, in every bin of 4 d.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.optimize import brentq, minimize

from aas2rto import data
from aas2rto.models import calibration as learnt
from aas2rto.models.compiled import problem
from aas2rto.models.compiled import salt as kernel
from aas2rto.models.salt import Salt
from aas2rto.models.salt_tables import Z_STEP, SaltTables, build_tables
from tests.benchmarks import bench_fit_peaks as bench
from tests.benchmarks.peak_samples import SAMPLES, Sample, fold

AFTER = -7.0
"""The fits that the rise is compared with use points from this phase on [rest-frame d]."""
EDGES = np.array([-20.5, -18.5, *np.arange(-17.5, -4.0)])
BANDS = ("ztfg", "ztfr")
SEEN = 0.25
"""Alerts tell of the rise only where the model is above this share of the peak: below, they are
there because noise was on their side."""
SPREAD = 0.6745
"""Median absolute deviation of a unit Gaussian."""
HEAD = """\
# What real supernovae have taught the SALT fits. Written by tests/benchmarks/learn_peaks.py, from
# SNe Ia of the ZTF Bright Transient Survey (Fremling et al. 2020; alerts), of ZTF DR1 (Dhawan et
# al. 2022; forced photometry) and simulated ones (LSST, OpSim baseline v2.0). `all` is used; the
# others come from either half of the objects, for the benchmarks to show the other half.
#
# errors: what stated errors are multiplied with. alert: ZTF's alerts; forced: ZTF's forced
#   photometry; survey: all others, taken at their word.
# early: mean and scatter of real SNe Ia about SALT3-F22, in shares of the peak flux, on rest-frame
#   days from the peak.
# peak: error of a peak = scale x error of the fit (x free where the redshift is fitted), and in
#   quadrature a floor [rest-frame d]: `floor` at the peak, falling by e in `days`, from `early` on
#   down to `least`.
"""


def residuals(sample: Sample) -> pd.DataFrame:
    """Return the residuals of all points about fits to those after `AFTER`."""
    objects = sample.objects
    table = sample.table[sample.table["band"].isin(BANDS) & sample.table["flux"].notna()]
    by_id = objects.set_index("candidate_id")
    phase = table["mjd"] - table["candidate_id"].map(by_id["t_true"])
    phase /= 1 + table["candidate_id"].map(by_id["redshift"])
    table, phase = table[phase.between(-40, 40)], phase[phase.between(-40, 40)]
    salt = Salt(priors="none", model_error=True, calibration="none")
    asked = objects[["candidate_id", "redshift", "ebv"]]
    fits = salt.fit(table[phase > AFTER].reset_index(drop=True), asked)
    rows = dict(list(table.groupby("candidate_id")))
    made = build_tables(data.salt_source(), BANDS, 0.2)
    good = fits[fits["status"] == "ok"].to_dict("records")
    return pd.concat([of_one(made, fit, rows[fit["candidate_id"]]) for fit in good])


def of_one(made: SaltTables, fit: dict[str, Any], own: pd.DataFrame) -> pd.DataFrame:
    """Return the residuals of one supernova."""
    p = fit["parameters"]
    phase = (own["mjd"].to_numpy() - p["t0"]) / (1 + p["z"])
    band = np.array([BANDS.index(name) for name in own["band"]])
    grid = p["t0"] + np.arange(-7.0, 8.0)
    peak = np.array([flux(made, p, grid, np.full(grid.size, k)).max() for k in range(2)])[band]
    model, node = flux(made, p, own["mjd"].to_numpy(), band), round(p["z"] / Z_STEP)
    day = np.clip(phase - made.first_phase, 0, made.days - 1)
    share = np.where(day > 1.5, made.error[band, node, np.round(day).astype(int)], 0.0)
    fitted = (phase > AFTER).sum()
    return pd.DataFrame(
        {
            "phase": phase,
            "residual": own["flux"].to_numpy() - model,
            "peak": peak,
            "error": own["flux_err"].to_numpy(),
            "model": model,
            "trained": share * model,
            "left": np.where(phase > AFTER, np.sqrt(max(fitted - 4, 1) / max(fitted, 1)), 1.0),
        }
    )


def flux(made: SaltTables, p: dict[str, float], mjd: np.ndarray, band: np.ndarray) -> np.ndarray:
    """Return model fluxes by the compiled code."""
    early = np.zeros(made.days)
    tables = problem.Tables(
        made.values,
        made.law,
        made.dust,
        made.error,
        early,
        made.first,
        made.last,
        Z_STEP,
        made.first_phase,
        made.days,
    )
    values = np.array([p["t0"], np.log(p["x0"]), p["x1"], p["c"], p["z"]])
    out = np.empty(mjd.size)
    kernel.flux_many(tables, made.dust * p["ebv"], mjd, band.astype(np.int64), values, out)
    return out


def scale_of(rows: pd.DataFrame) -> float:
    """Return what stated errors must be multiplied with, beside the surfaces' trained error."""

    def excess(scale: float) -> float:
        sigma = np.hypot(scale * rows["error"], rows["trained"]) * rows["left"]
        return float((rows["residual"].abs() / sigma).median() - SPREAD)

    return float(brentq(excess, 0.1, 3.0))


def learn_surfaces(alerts: pd.DataFrame, forced: pd.DataFrame) -> dict[str, Any]:
    """Return the scales of errors, and mean and scatter on the rise."""
    errors = {
        "alert": scale_of(alerts[alerts["phase"].between(-5, 30)]),
        "forced": scale_of(forced[forced["phase"] < -22]),
        "survey": 1.0,
    }
    seen = alerts[alerts["model"] > SEEN * alerts["peak"]]
    rows = pd.concat([seen.assign(scale=errors["alert"]), forced.assign(scale=errors["forced"])])
    share = rows["residual"] / rows["peak"]
    known = np.hypot(rows["scale"] * rows["error"], rows["trained"].clip(upper=0.1 * rows["peak"]))
    phase, mean, scatter = [EDGES[0]], [0.0], [0.01]
    for low, high in itertools.pairwise(EDGES):
        inside = rows["phase"].between(low, high)
        own, noise = share[inside], (known / rows["peak"])[inside]
        phase.append((low + high) / 2)
        mean.append(own.median())
        spread = (own - own.median()).abs().median() / SPREAD
        scatter.append(np.sqrt(max(spread**2 - noise.median() ** 2, 1e-4)))
    smooth = np.convolve(np.pad(mean, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    rough = np.convolve(np.pad(scatter, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    smooth[0] = 0.0
    early = {
        "phase": [*phase, -3.0, 0.0],
        "mean": [*smooth, 0.0, 0.0],
        "scatter": [*rough, 0.01, 0.01],
    }
    rounded = {key: [round(float(v), 4) for v in values] for key, values in early.items()}
    return {"errors": {k: round(v, 3) for k, v in errors.items()}, "early": rounded}


NOTHING = learnt.PeakError(1.0, 1.0, 0.0, 1.0, 0.0, 0.0)
TEACHERS = {
    "alert": ("BTS alerts", "BTS with limits", "DR1 as alerts"),
    "forced": ("DR1 forced",),
    "survey": ("simulated LSST",),
}
MOMENTS = np.arange(-9.5, 10.0, 1.5)


def raw_peaks(name: str, n: int, half: int | None, known: dict[str, Any]) -> pd.DataFrame:
    """Return errors of peaks, the fits' own errors and the days seen, of one half or of all."""
    sample = SAMPLES[name](n)
    if half is not None:
        chosen = sample.objects[fold(sample.objects) == half].reset_index(drop=True)
        sample = replace(sample, objects=chosen)
    salt = Salt(redshift=bench.Z_RANGE)
    early = (np.array(known["early"][key]) for key in ("phase", "mean", "scatter"))
    scales = tuple(known["errors"][kind] for kind in learnt.KINDS)
    salt.learnt = learnt.Calibration("", scales, *early, (NOTHING,) * 3)
    parts = []
    for moment, free in itertools.product(MOMENTS, (True, False)):
        table, objects = bench.cut_at(sample, np.full(len(sample.objects), moment))
        z = np.nan if free else objects["redshift"]
        fits = salt.fit(table, objects[["candidate_id", "ebv"]].assign(redshift=z))
        seen = table[table["kind"] == "detection"].groupby("candidate_id")["mjd"].max()
        found = objects[["candidate_id", "redshift"]].assign(moment=moment, free=free, sample=name)
        found["error"], found["sigma"] = fits["t_peak"] - objects["t_true"], fits["t_peak_err"]
        stretch = 1 + np.array([p.get("z", np.nan) for p in fits["parameters"]])
        found["days"] = (objects["candidate_id"].map(seen) - fits["t_peak"]) / stretch
        parts.append(found[(fits["status"] == "ok").to_numpy()])
    return pd.concat(parts, ignore_index=True).dropna()


def learn_peak(peaks: dict[str, pd.DataFrame]) -> dict[str, dict[str, float]]:
    """Find the constants that bring all bins of phase closest to 68 and 95 %.

    Each kind of measurement has a scale of its own; what real light curves do beside the surfaces
    is the same for all. Distances count in halves of the goals' widths, 5 and 3 %, weighted with
    the root of the number of objects. Pulls are counted with a soft edge, lest single objects
    decide; a weak pull towards `START` keeps what the data leave open.
    """
    parts = [in_bins(own) for own in peaks.values()]

    def distance(logs: np.ndarray) -> float:
        scales = np.exp(logs[: len(parts)])
        beside, floor, fade, least, early = np.exp(logs[len(parts) :])
        total = weight = 0.0
        for one, (error, sigma, days, group, objects, free) in zip(scales, parts, strict=True):
            scale = one * np.where(free, beside, 1.0)
            bottom = np.clip(floor * np.exp(-days / fade), least, max(early, least))
            pull, count = error / np.hypot(scale * sigma, bottom), np.bincount(group)
            below = [np.bincount(group, 1 / (1 + (pull / k) ** 12)) / count for k in (1, 2)]
            off = ((below[0] - 0.68) / 0.05) ** 2 + ((below[1] - 0.95) / 0.03) ** 2
            total += float((off * np.sqrt(objects)).sum())
            weight += float(np.sqrt(objects).sum())
        return total / weight + 0.02 * float((((logs - START) / 0.7) ** 2).sum())

    options = {"maxiter": 6000, "maxfev": 6000}
    found = np.exp(minimize(distance, START, method="Nelder-Mead", options=options).x).round(3)
    shared = dict(zip(SHARED, found[len(parts) :].tolist(), strict=True))
    return {kind: {"scale": float(one), **shared} for kind, one in zip(peaks, found, strict=False)}


def in_bins(peaks: pd.DataFrame) -> tuple[np.ndarray, ...]:
    """Return errors, the fits' own, days seen and bins of one kind, and the objects of each bin."""
    which = np.digitize(peaks["moment"], [low for low, _ in bench.BINS])
    bins = pd.MultiIndex.from_arrays([peaks["sample"], peaks["free"], which]).factorize()[0]
    objects = peaks["candidate_id"].groupby(bins).nunique().to_numpy()
    error, sigma, days = (peaks[name].to_numpy() for name in ("error", "sigma", "days"))
    return np.abs(error), sigma, days, bins, objects, peaks["free"].to_numpy(bool)


SHARED = ("free", "floor", "days", "least", "early")
START = np.log([0.8, 0.8, 0.8, 1.0, 0.5, 9.0, 0.2, 1.0])


def learn(n: int, half: int | None) -> dict[str, Any]:
    """Learn one set from one half of the objects, or from all."""
    parts = []
    for name in ("BTS alerts", "DR1 forced"):
        sample = SAMPLES[name](n)
        if half is not None:
            chosen = sample.objects[fold(sample.objects) == half].reset_index(drop=True)
            sample = replace(sample, objects=chosen)
        parts.append(residuals(sample))
    known = learn_surfaces(*parts)
    peaks = {
        kind: pd.concat([raw_peaks(name, n, half, known) for name in names], ignore_index=True)
        for kind, names in TEACHERS.items()
    }
    known["peak"] = learn_peak(peaks)
    return known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=2000, help="Fewer light curves of each sample.")
    n = parser.parse_args().n
    sets = {"all": learn(n, None), "half_0": learn(n, 0), "half_1": learn(n, 1)}
    text = yaml.safe_dump({"sets": sets}, sort_keys=False, default_flow_style=None, width=98)
    learnt.FILE.write_text(HEAD + text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
