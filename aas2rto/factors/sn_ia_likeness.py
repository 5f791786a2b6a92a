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
from aas2rto.parts.registry import Part
from aas2rto.text.late import say
from aas2rto.text.words import nearest

FEATURES = (
    "chisq",
    "penalty",
    "against_bazin",
    "stretch",
    "colour",
    "stretch_err",
    "peak_err",
    "vague_stretch",
    "red_penalty",
)
"""What the logistic reads, see `features`."""
IF_FREE = FEATURES[-2:]
"""Those that count where the redshift is fitted only."""
WEIGHTS_FREE = (6.050, -3.320, -1.714, -0.816, -2.166, -0.408, -2.389, -0.622, 2.281, 0.427)
WEIGHTS_KNOWN = (7.329, -2.735, -2.112, -0.747, -0.400, 0.649, -2.291, -0.901, 0.0, 0.0)
SHARE = 0.769
"""Constant and weights of the features where the redshift is fitted and where it is known, and the
share of SNe Ia where they were learnt: 1,408 spectroscopically typed objects of the ZTF Bright
Transient Survey (Fremling et al. 2020), each cut four times at a random phase from 5 d before to
12 d after peak, with five detections by then (`tests/benchmarks/bench_fit_likeness.py`)."""


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
    share: Annotated[float, Field(gt=0, lt=1)] = SHARE,
    min: Share = 0.0,
    floor: Positive = 0.05,
    no_fit: Positive = 0.5,
) -> Factor:
    """Multiply by the probability of a SN Ia, from how well SALT with priors explains the data.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``redshift``, ``<salt>_chisq, _n_points, _objective, _z, _z_err, _x1, _x1_err, _c,
        _t_peak_err, _evidence`` and ``<bazin>_evidence``.
    now : Time
        Not used.
    salt, bazin : str
        Names of the models in the config; the first with its default priors.
    share : float
        Share of SNe Ia among the candidates that have a fit; that of a magnitude-limited survey
        where at least five detections are needed (0.72 without: Fremling et al. 2020).
    min : float
        Less likely ones are excluded now; more data may change it.
    floor : float
        Smallest value.
    no_fit : float
        Value without a SALT fit.

    Notes
    -----
    A logistic of nine features of the fits, see `features`, with weights of its own where the
    redshift is known. By cross-validation over the objects where they were learnt, the area under
    the ROC curve is 0.908 with the redshift free and 0.959 with it known, the log loss 0.307 and
    0.211, and what it says is so:

    =============== ==== ==== ==== ==== ==== ==== ==== ====
    redshift free
    --------------- ---- ---- ---- ---- ---- ---- ---- ----
    says [%]           2   10   22   40   61   79   92   97
    are SNe Ia [%]     4   10   28   36   62   77   90   98
    binomial error     2    3    5    4    3    3    1    1
    --------------- ---- ---- ---- ---- ---- ---- ---- ----
    redshift known
    --------------- ---- ---- ---- ---- ---- ---- ---- ----
    says [%]           2    9   23   40   61   79   91   98
    are SNe Ia [%]     5    9   16   38   51   77   94   98
    binomial error     2    3    4    5    5    3    1    0
    =============== ==== ==== ==== ==== ==== ==== ==== ====
    """
    found = probability(features(candidates, salt, bazin), share, is_free(candidates, salt))
    known = np.isfinite(found)
    low = known & (found < min)
    below = f" is below {min:.0%}"
    reason = say(
        lambda one, is_known, is_low: (
            f"P(SN Ia) = {one:.0%}{below if is_low else ''}" if is_known else "no SALT fit"
        ),
        found,
        known,
        low,
    )
    value = np.where(known, np.maximum(found, floor), no_fit)
    return answer(value, exclude=low, reason=reason, p_sn_ia=found)


def is_free(candidates: pd.DataFrame, salt: str) -> NDArray[np.bool_]:
    """Tell whether SALT fitted the redshift: it has an error, or there was none to be fixed."""
    has_error = np.isfinite(numbers(candidates, f"{salt}_z_err"))
    free: NDArray[np.bool_] = has_error | ~(numbers(candidates, "redshift") > 0)
    return free


def features(candidates: pd.DataFrame, salt: str, bazin: str) -> NDArray[np.float64]:
    """Return what tells SNe Ia from others, shape (n, 9); NaN without a SALT fit.

    Each is bounded or grows slowly, so that no single number decides everything: some SNe Ia have
    a wrong point, or are as red and fast as others are.

    ``chisq``
        r / (r + 1), r the chi2 per point: 0 to 1.
    ``penalty``
        ln(1 + p), p up to 40 what the priors of x1, c and the luminosity add to chi2; the prior
        that only counts volume is left out.
    ``against_bazin``
        tanh of how much better Bazin's function explains a point, 0 without a Bazin fit.
    ``stretch``
        tanh(x1): SNe II last longer.
    ``colour``
        c / 0.15, up to 4: for the same penalty, red ones are SNe Ia more often than blue ones.
    ``stretch_err``
        Error of x1, up to 1, the prior's width: what light curves of SNe Ia tell of x1, others
        tell less. 1 where it is unknown.
    ``peak_err``
        ln of the peak's error [d] where that is above 1, up to 20.
    ``vague_stretch``, ``red_penalty``
        stretch x stretch_err: x1 counts as far as it is known; and colour x penalty. Both count
        where the redshift is fitted only.
    """

    def of(name: str) -> NDArray[np.float64]:
        return numbers(candidates, f"{salt}_{name}")

    chisq = of("chisq")
    volume = np.where(is_free(candidates, salt), 4 * np.log(np.clip(of("z"), 1e-3, None)), 0.0)
    penalty = np.clip(of("objective") - chisq + volume, 0, 40)
    gain = np.nan_to_num(of("evidence") - numbers(candidates, f"{bazin}_evidence"), nan=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        reduced = np.minimum(chisq / of("n_points"), 1e9)
    stretch, colour = np.tanh(of("x1")), np.clip(of("c") / 0.15, -4, 4)
    stretch_err = np.clip(np.nan_to_num(of("x1_err"), nan=1.0), 0, 1)
    columns = (
        reduced / (reduced + 1),
        np.log1p(penalty),
        np.tanh(gain),
        stretch,
        colour,
        stretch_err,
        np.log(np.clip(np.nan_to_num(of("t_peak_err"), nan=20.0), 1, 20)),
        stretch * stretch_err,
        colour * np.log1p(penalty),
    )
    return np.column_stack(columns)


def probability(
    features: NDArray[np.float64], share: float, is_free: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the probability of a SN Ia by the calibrated logistic, for this share of SNe Ia."""
    weights = np.where(is_free[:, None], WEIGHTS_FREE, WEIGHTS_KNOWN)
    log_odds = weights[:, 0] + np.sum(weights[:, 1:] * features, axis=1)
    log_odds += np.log(share / (1 - share)) - np.log(SHARE / (1 - SHARE))
    found: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(log_odds, -50, 50)))
    return found
