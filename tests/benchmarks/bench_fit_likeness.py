"""Calibrate `sn_ia_likeness` and `chisq` on real labelled light curves, and show how they do.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_fit_likeness``

All spectroscopically typed objects of ../shared/data/ztf_bts_* (SN Ia, 91T and 91bg-like ones
count as SN Ia), each cut four times at a random phase from 5 d before to 12 d after its catalogued
peak; five detections must be left; with the redshift free, and known. What is shown of the
logistic is by ten-fold cross-validation over the objects, repeated; what stands in the factor is
learnt on all.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from aas2rto.factors import sn_ia_logistic as likeness
from aas2rto.models.bazin import Bazin
from aas2rto.models.salt import Salt
from aas2rto.steps.fit import fits_of, join
from tests.benchmarks.light_curves import DATA, bts

SN_IA = ("SN Ia", "SN Ia-91T", "SN Ia-91bg")
CUTS, FOLDS, REPEATS = 4, 10, 3
BINS = (0, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95, 1.01)


def fitted() -> pd.DataFrame:
    """Return the fits of all objects and cuts that have five detections."""
    photometry, objects = bts(types=())
    objects = objects[~objects["type"].isin(["nova", "other", "LBV", "ILRT"])]
    rng = np.random.default_rng(9)
    parts = []
    for cut in range(CUTS):
        end = objects["peak_mjd"] + rng.uniform(-5, 12, len(objects))
        last = photometry["candidate_id"].map(dict(zip(objects["candidate_id"], end, strict=True)))
        inside = (photometry["mjd"] <= last) & (photometry["mjd"] > last - 60)
        table = photometry[inside].reset_index(drop=True)
        count = objects["candidate_id"].map(table["candidate_id"].value_counts())
        chosen = objects[count >= 5].reset_index(drop=True)
        bazin = Bazin().fit(table, chosen[["candidate_id", "ebv"]].assign(redshift=np.nan))
        for free in (True, False):
            z = np.nan if free else chosen["redshift"]
            salt = Salt().fit(table, chosen[["candidate_id", "ebv"]].assign(redshift=z))
            own = chosen[["candidate_id", "type", "redshift"]].assign(cut=cut, free=free)
            parts.append(join(own, fits_of({"salt": salt, "bazin": bazin})))
    joined = pd.concat(parts, ignore_index=True)
    return joined[joined["salt_status"] == "ok"].reset_index(drop=True)


def learn(x: np.ndarray, is_ia: np.ndarray) -> np.ndarray:
    """Fit a logistic by Newton's method, with a weak ridge."""
    design = np.column_stack([np.ones(len(x)), x])
    weights = np.zeros(design.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-design @ weights))
        hessian = (design * (p * (1 - p))[:, None]).T @ design + 0.1 * np.eye(len(weights))
        weights += np.linalg.solve(hessian, design.T @ (is_ia - p) - 0.1 * weights)
    return weights


def held_out(x: np.ndarray, is_ia: np.ndarray, objects: np.ndarray, seed: int) -> np.ndarray:
    """Return the probability of each row by weights learnt without any row of its object."""
    number = np.unique(objects, return_inverse=True)[1]
    fold = np.random.default_rng(seed).permutation(number.max() + 1)[number] % FOLDS
    found = np.empty(len(x))
    for k in range(FOLDS):
        inside = fold == k
        weights = learn(x[~inside], is_ia[~inside])
        found[inside] = 1 / (1 + np.exp(-weights[0] - x[inside] @ weights[1:]))
    return found


def auc(score: np.ndarray, is_ia: np.ndarray) -> float:
    rank = pd.Series(score).rank().to_numpy()
    n, m = is_ia.sum(), (~is_ia).sum()
    return float((rank[is_ia].sum() - n * (n + 1) / 2) / (n * m))


def quality(p: np.ndarray, is_ia: np.ndarray) -> str:
    """Return the area under the ROC curve, the log loss and the Brier score."""
    loss = -np.mean(np.log(np.where(is_ia, p, 1 - p)))
    brier = np.mean((p - is_ia) ** 2)
    return f"AUC {auc(p, is_ia):.3f}, log loss {loss:.3f}, Brier score {brier:.4f}"


def reliability(p: np.ndarray, is_ia: np.ndarray, objects: np.ndarray) -> None:
    """Print what was said and what is; an object counts once in the binomial error."""
    print("  P(SN Ia) said, share that are, rows, objects")
    for low, high in itertools.pairwise(BINS):
        inside = (p >= low) & (p < high)
        if inside.any():
            share, once = is_ia[inside].mean(), np.unique(objects[inside]).size
            error = np.sqrt(share * (1 - share) / once)
            print(
                f"    {p[inside].mean():6.1%} {share:6.1%} +- {error:4.1%} "
                f"{inside.sum():5d} {once:5d}"
            )


def show_likeness(fits: pd.DataFrame) -> None:
    """Print how the logistic does on objects it has not seen, and its weights from all."""
    is_ia = fits["type"].isin(SN_IA).to_numpy()
    objects = fits["candidate_id"].to_numpy(str)
    names = [n for n in likeness.FEATURES if fits["free"].all() or n not in likeness.IF_FREE]
    x = likeness.features(fits, "salt", "bazin")[:, : len(names)]
    found = np.array([held_out(x, is_ia, objects, seed) for seed in range(REPEATS)])
    each = np.tile(is_ia, REPEATS)
    print(f"  {quality(found.ravel(), each)}")
    for k, name in enumerate(names):
        less = [held_out(np.delete(x, k, 1), is_ia, objects, seed) for seed in range(REPEATS)]
        print(f"    without {name:14s} {quality(np.concatenate(less), each)}")
    p = found.mean(axis=0)
    reliability(p, is_ia, objects)
    for least in (0.3, 0.5, 0.7):
        print(
            f"  min {least}: keeps {np.mean(p[is_ia] >= least):.1%} of SNe Ia, "
            f"{np.mean(p[~is_ia] >= least):.1%} of the others"
        )
    print(f"  WEIGHTS = ({', '.join(f'{w:.3f}' for w in learn(x, is_ia))})")


def show_chisq(fits: pd.DataFrame) -> None:
    """Print the reduced chi2 of SNe Ia and others."""
    is_ia = fits["type"].isin(SN_IA).to_numpy()
    reduced = (fits["salt_chisq"] / fits["salt_ndof"]).where(fits["salt_ndof"] > 0)
    print(
        f"\nreduced chi2 of salt, {is_ia.sum()} SNe Ia and {(~is_ia).sum()} others, "
        "redshift free: quantiles 50, 90, 95, 99 %"
    )
    for name, mask in (("SN Ia", is_ia), ("others", ~is_ia)):
        print(f"  {name:8s}", *reduced[mask].quantile([0.5, 0.9, 0.95, 0.99]).round(2))
    for limit in (2, 3, 5, 10, 20):
        print(
            f"  above {limit}: {np.mean(reduced[is_ia] > limit):.1%} of SNe Ia, "
            f"{np.mean(reduced[~is_ia] > limit):.1%} of the others"
        )


def main() -> None:
    if not DATA.is_dir():
        print("../shared/data is absent")
        return
    fits = fitted()
    for free in (True, False):
        own = fits[fits["free"] == free]
        share = own["type"].isin(SN_IA).mean()
        print(
            f"\nredshift {'free' if free else 'known'}: {own['candidate_id'].nunique()} objects, "
            f"{len(own)} cuts, SHARE = {share:.3f}"
        )
        show_likeness(own)
    show_chisq(fits[fits["free"] & (fits["cut"] == 0)])


if __name__ == "__main__":
    main()
