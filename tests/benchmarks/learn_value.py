"""Learn what the value of a candidate needs: P(SN Ia) from few points, errors of magnitudes.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.learn_value [FILE]``

From the alerts of ../shared/data/ztf_bts_* as they came in (`yield_sky`): the first fit with three,
four and more points of each object, redshift free. `sn_ia_likeness` has learnt from five points on;
with fewer its log odds are stretched and moved, ln(p' / (1 - p')) = shift + slope ln(p / (1 - p)).
The error of a predicted magnitude is the half width of the central 68 % of predicted less true
magnitude at the true peak, for what has not reached it. Errors of peaks are looked at only: since
limits and kinds of data are calibrated they hold.

Constants are written for all objects, and for either half of them by a hash of their names; what
is shown of P(SN Ia) is each half with what the other taught. FILE: write there, such as
aas2rto/data/value_calibration.yaml.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.optimize import minimize

from aas2rto.factors import sn_ia_logistic as logistic
from aas2rto.models.salt_forecast import magnitudes
from aas2rto.steps.fit import fits_of, join
from tests.benchmarks import yield_fits
from tests.benchmarks.bench_yield import parts_of
from tests.benchmarks.peak_samples import share
from tests.benchmarks.yield_sky import World, world

FEW = (3, 4)
BANDS = ("ztfg", "ztfr")
HEAD = """# What the value of a candidate needs to know of few points (aas2rto.factors.success).
# Made by `python -m tests.benchmarks.learn_value` from the ZTF Bright Transient Survey (Fremling et
# al. 2020; half of its objects, alerts as they came in): shift and slope of the log odds of a SN Ia
# from fits with so few points, and errors of magnitudes predicted for the peak [mag]; `many`: 5 or
# more.
"""


def fitted(made: World) -> pd.DataFrame:
    """Return the first fit with each number of points, with what is true of its object."""
    changes = {"models": {"salt": {"min_detections": 3, "redshift": [0.001, 0.2]}, "bazin": {}}}
    memory = yield_fits.fitted(made, parts_of("goal", changes))
    held, _ = made.by_state()
    tables = {name: memory.of(name) for name in ("salt", "bazin")}
    table = join(held, fits_of(tables))
    episode = made.states["episode"].to_numpy()
    truth = made.truth
    # Uncorrected: of as many points as `sn_ia_likeness` has learnt from.
    features = logistic.features(table, "salt", "bazin")
    said = logistic.learnt_probability(features, logistic.SHARE, logistic.is_free(table, "salt"))
    at_peak = magnitudes(table, truth.t_true[episode][:, None], BANDS)[:, 0]
    true_at_peak = truth.mag[episode][:, truth.mag.shape[1] // 2]
    name = made.episodes["name"].to_numpy(str)[episode]
    table = table.assign(
        n=made.states["n"].to_numpy(),
        said=said,
        is_ia=truth.is_ia[episode] | ~truth.is_other[episode],
        success=truth.is_ia[episode],
        error=table["salt_t_peak"] - truth.t_true[episode],
        mag_error=at_peak - true_at_peak,
        before=made.states["begin"].to_numpy() < truth.t_true[episode],
        half=[int(share(one) < 0.5) for one in name],
    )
    return table[table["salt_status"] == "ok"].reset_index(drop=True)


def log_odds(p: Any) -> np.ndarray:
    p = np.clip(np.asarray(p, float), 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def loss(x: Any, own: pd.DataFrame) -> float:
    """Return the log loss of moved and stretched log odds."""
    odds = x[0] + x[1] * log_odds(own["said"])
    return float(np.mean(np.logaddexp(0, np.where(own["is_ia"], -odds, odds))))


def constants(table: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {"odds": {}, "mag_error": {}}
    for n in FEW:
        best = minimize(loss, [0.0, 1.0], args=(table[table["n"] == n],))
        found["odds"][n] = [round(float(v), 3) for v in best.x]
    for n in (*FEW, "many"):
        own = table[(table["n"] == n) if n in FEW else (table["n"] >= 5)]
        error = own.loc[own["success"] & own["before"], "mag_error"].dropna()
        found["mag_error"][n] = round(float(np.ptp(error.quantile([0.16, 0.84])) / 2), 3)
    return found


def show(table: pd.DataFrame, sets: dict[str, Any]) -> None:
    """Print how each half does with what the other taught."""
    print("points: fits, SNe Ia; of p > 0.8: says, is; log loss before, after; peaks within 1, 2 s")
    for n in FEW:
        own = table[table["n"] == n].copy()
        x = np.array([sets[f"half_{1 - half}"]["odds"][n] for half in own["half"]])
        odds = x[:, 0] + x[:, 1] * log_odds(own["said"])
        own["new"] = 1 / (1 + np.exp(-odds))
        after = float(np.mean(np.logaddexp(0, np.where(own["is_ia"], -odds, odds))))
        pull = (own["error"].abs() / own["salt_t_peak_err"])[own["success"]]
        for name in ("said", "new"):
            high = own[own[name] > 0.8]
            print(
                f"{n} {name:5s}: {len(own)}, {own['is_ia'].mean():.2f}; {len(high)}: "
                f"{high[name].mean():.3f}, {high['is_ia'].mean():.3f}; {loss([0, 1], own):.3f}, "
                f"{after:.3f}; {(pull < 1).mean():.0%}, {(pull < 2).mean():.0%}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?")
    options = parser.parse_args()
    table = fitted(world())
    sets = {"all": constants(table)}
    sets |= {f"half_{k}": constants(table[table["half"] == k]) for k in (0, 1)}
    show(table, sets)
    text = HEAD + yaml.safe_dump({"sets": sets}, default_flow_style=None, sort_keys=False)
    print(text)
    if options.file:
        Path(options.file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
