"""Calibrate `sn_ia_likeness` and `chisq` on real labelled light curves, and show how they do.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_fit_likeness``

All spectroscopically typed objects of ../shared/data/ztf_bts_* (SN Ia, 91T and 91bg-like ones
count as SN Ia), each cut once at a random phase from 5 d before to 12 d after its catalogued peak;
five detections must be left; redshift free. The logistic is learnt on one half of the objects and
shown on the other; what stands in the factor is learnt on all.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from aas2rto.factors import sn_ia_likeness as likeness
from aas2rto.fitting import Fits, join
from aas2rto.models.bazin import Bazin
from aas2rto.models.salt import Salt
from tests.benchmarks.light_curves import DATA, bts

SN_IA = ("SN Ia", "SN Ia-91T", "SN Ia-91bg")


def fitted() -> pd.DataFrame:
    """Return the fits of all objects that have five detections by a random phase."""
    table, objects = bts(types=())
    objects = objects[~objects["type"].isin(["nova", "other", "LBV", "ILRT"])]
    rng = np.random.default_rng(9)
    cut = objects["peak_mjd"] + rng.uniform(-5, 12, len(objects))
    last = table["candidate_id"].map(dict(zip(objects["candidate_id"], cut, strict=True)))
    first = last - 60
    table = table[(table["mjd"] <= last) & (table["mjd"] > first)].reset_index(drop=True)
    count = objects["candidate_id"].map(table["candidate_id"].value_counts())
    objects = objects[count >= 5].reset_index(drop=True)
    asked = objects[["candidate_id", "ebv"]].assign(redshift=np.nan)
    fits = Fits(tables={"salt": Salt().fit(table, asked), "bazin": Bazin().fit(table, asked)})
    joined = join(objects[["candidate_id", "type", "redshift"]], fits)
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


def auc(score: np.ndarray, is_ia: np.ndarray) -> float:
    rank = pd.Series(score).rank().to_numpy()
    n, m = is_ia.sum(), (~is_ia).sum()
    return float((rank[is_ia].sum() - n * (n + 1) / 2) / (n * m))


def main() -> None:
    if not DATA.is_dir():
        print("../shared/data is absent")
        return
    fits = fitted()
    is_ia = fits["type"].isin(SN_IA).to_numpy()
    x = likeness.features(fits, "salt", "bazin")
    half = np.arange(len(fits)) % 2 == 0
    print(f"{len(fits)} objects, {is_ia.sum()} of them SNe Ia ({is_ia.mean():.1%})")
    weights = learn(x[half], is_ia[half])
    score = np.column_stack([np.ones(len(x)), x]) @ weights
    print(f"learnt on one half: AUC {auc(score[half], is_ia[half]):.3f}, "
          f"on the other {auc(score[~half], is_ia[~half]):.3f}")  # fmt: skip
    for k, name in enumerate(likeness.FEATURES):
        print(f"  alone: {name:14s} AUC {auc(-x[:, k], is_ia):.3f}")
    p = 1 / (1 + np.exp(-score[~half]))
    print("reliability on the other half: P(SN Ia) said, share that are, number")
    for low, high in ((0, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.01)):
        inside = (p >= low) & (p < high)
        if inside.any():
            share = is_ia[~half][inside].mean()
            print(f"  {p[inside].mean():6.1%} {share:6.1%} {inside.sum():5d}")
    everything = learn(x, is_ia)
    print(f"WEIGHTS = ({', '.join(f'{w:.3f}' for w in everything)}); SHARE = {is_ia.mean():.3f}")
    now = likeness.probability(x, 0.7)
    for least in (0.3, 0.5, 0.7):
        print(f"min {least}: keeps {np.mean(now[is_ia] >= least):.1%} of SNe Ia, "
              f"{np.mean(now[~is_ia] >= least):.1%} of the others")  # fmt: skip
    reduced = (fits["salt_chisq"] / fits["salt_ndof"]).where(fits["salt_ndof"] > 0)
    print("reduced chi2 of salt, quantiles 50, 90, 95, 99 %")
    for name, mask in (("SN Ia", is_ia), ("others", ~is_ia)):
        print(f"  {name:8s}", *reduced[mask].quantile([0.5, 0.9, 0.95, 0.99]).round(2))
    for limit in (2, 3, 5, 10, 20):
        print(f"  above {limit}: {np.mean(reduced[is_ia] > limit):.1%} of SNe Ia, "
              f"{np.mean(reduced[~is_ia] > limit):.1%} of the others")  # fmt: skip


if __name__ == "__main__":
    main()
