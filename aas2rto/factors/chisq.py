"""Trust a fit less where the model does not explain the data."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import Field

from aas2rto.factors import Factor, Needs, Positive, answer, check_model, factor, numbers
from aas2rto.text.late import say


@factor("chisq", needs=Needs.FIT, check=check_model)
def chisq(
    candidates: pd.DataFrame,
    now: Time,
    *,
    model: str = "salt",
    good: Positive = 4.0,
    power: Annotated[float, Field(ge=0)] = 1.0,
    max: Annotated[float, Field(gt=0)] = 20.0,
    no_fit: Positive = 1.0,
) -> Factor:
    """Multiply by (good / reduced chi2)^power where that is below 1; exclude hopeless fits.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``<model>_chisq`` and ``<model>_ndof``.
    now : Time
        Not used.
    model : str
        Name of a model in the config.
    good : float
        Reduced chi2 up to which the factor is 1.
    power : float
        0 leaves the score alone and only excludes.
    max : float
        Fits above this are excluded now; more data may change it.
    no_fit : float
        Value without a fit, or with no degree of freedom.

    Notes
    -----
    Of 955 SNe Ia of the ZTF Bright Transient Survey, cut near peak and fitted by SALT with its
    defaults, 3.5 % have a reduced chi2 above 5 and 0.6 % above 20; of 280 other transients 38 and
    11 % (`tests/benchmarks/bench_fit_likeness.py`).
    """
    total, ndof = numbers(candidates, f"{model}_chisq"), numbers(candidates, f"{model}_ndof")
    known = np.isfinite(total) & (ndof > 0)
    reduced = np.where(known, total / np.where(known, ndof, 1.0), np.nan)
    bad = known & (reduced > max)
    value = np.minimum(1.0, (good / np.where(known, np.maximum(reduced, 1e-9), good)) ** power)
    above = f" is above {max:g}"
    reason = say(
        lambda one, is_known, is_bad: (
            f"reduced chi2 {one:.1f}{above if is_bad else ''}"
            if is_known
            else "no fit with degrees of freedom"
        ),
        reduced,
        known,
        bad,
    )
    return answer(np.where(known, value, no_fit), exclude=bad, reason=reason, reduced_chisq=reduced)
