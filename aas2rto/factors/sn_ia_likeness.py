"""How much a light curve looks like that of a SN Ia: SALT with priors against Bazin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from aas2rto.factors import Factor, Needs, Positive, Share, answer, factor, numbers
from aas2rto.registry import Part, nearest

FEATURES = ("ln_chisq", "penalty", "against_bazin")
"""What the logistic reads, see `features`."""
WEIGHTS = (2.451, -2.410, -0.091, -0.801)
SHARE = 0.773
"""Constant and weights of the features, and the share of SNe Ia where they were learnt: 1,235
spectroscopically typed objects of the ZTF Bright Transient Survey (Fremling et al. 2020), each cut
at a random phase from 5 d before to 12 d after peak, redshift free
(`tests/benchmarks/bench_fit_likeness.py`)."""


def check(options: BaseModel, *, models: Mapping[str, Part], **_: Any) -> list[str]:
    """Say when the config loads that a model to read is not there."""
    problems = []
    for role in ("salt", "bazin"):
        name = str(getattr(options, role))
        if name not in models:
            problems.append(
                f"{role}: there is no model {name!r} in `models`{nearest(name, models)}; "
                f"add one, such as `{role}: {{}}`"
            )
    return problems


@factor("sn_ia_likeness", needs=Needs.FIT, check=check)
def sn_ia_likeness(
    candidates: pd.DataFrame,
    now: Time,
    *,
    salt: str = "salt",
    bazin: str = "bazin",
    share: Annotated[float, Field(gt=0, lt=1)] = 0.7,
    min: Share = 0.0,
    floor: Positive = 0.05,
    no_fit: Positive = 0.5,
) -> Factor:
    """Multiply by the probability of a SN Ia, from how well SALT with priors explains the data.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``<salt>_chisq, _n_points, _objective, _z, _z_err, _evidence`` and
        ``<bazin>_evidence``.
    now : Time
        Not used.
    salt, bazin : str
        Names of the models in the config; the first with its default priors.
    share : float
        Share of SNe Ia among the candidates; 0.7 in a magnitude-limited survey (Fremling et al.
        2020: 72 % of the ZTF Bright Transient Survey).
    min : float
        Less likely ones are excluded now; more data may change it.
    floor : float
        Smallest value.
    no_fit : float
        Value without a SALT fit.

    Notes
    -----
    A logistic of three features of the fits, see `features`. Learnt on one half of 1,235 typed
    objects of the ZTF Bright Transient Survey, on the other half the area under the ROC curve is
    0.86, and where it says 79, 91 and 97 % there are 74, 90 and 98 % SNe Ia.
    """
    found = probability(features(candidates, salt, bazin), share)
    known = np.isfinite(found)
    low = known & (found < min)
    reason = [
        "no SALT fit"
        if not is_known
        else f"P(SN Ia) = {one:.0%} is below {min:.0%}"
        if is_low
        else f"P(SN Ia) = {one:.0%}"
        for one, is_known, is_low in zip(found, known, low, strict=True)
    ]
    value = np.where(known, np.maximum(found, floor), no_fit)
    return answer(value, exclude=low, reason=reason, p_sn_ia=found)


def features(candidates: pd.DataFrame, salt: str, bazin: str) -> NDArray[np.float64]:
    """Return what tells SNe Ia from others, shape (n, 3); NaN without a SALT fit.

    They are ln(1 + chi2 per point); what the priors add to chi2, without the part that only
    counts volume; and how much better Bazin's function explains a point, 0 without a Bazin fit.
    Each is bounded, so that no single number decides everything.
    """
    chisq, n = numbers(candidates, f"{salt}_chisq"), numbers(candidates, f"{salt}_n_points")
    z = np.clip(numbers(candidates, f"{salt}_z"), 1e-3, None)
    free = np.isfinite(numbers(candidates, f"{salt}_z_err"))
    penalty = numbers(candidates, f"{salt}_objective") - chisq + np.where(free, 4 * np.log(z), 0.0)
    gain = numbers(candidates, f"{salt}_evidence") - numbers(candidates, f"{bazin}_evidence")
    with np.errstate(invalid="ignore", divide="ignore"):
        ln_chisq = np.log1p(chisq / n)
    columns = (np.clip(ln_chisq, 0, 5), np.clip(penalty, 0, 20),
               np.clip(np.nan_to_num(gain, nan=0.0), -5, 5))  # fmt: skip
    return np.column_stack(columns)


def probability(features: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Return the probability of a SN Ia by the calibrated logistic, for this share of SNe Ia."""
    log_odds = WEIGHTS[0] + features @ np.array(WEIGHTS[1:])
    log_odds += np.log(share / (1 - share)) - np.log(SHARE / (1 - SHARE))
    found: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(log_odds, -50, 50)))
    return found
