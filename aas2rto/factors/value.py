"""The chance that a spectrum tonight is of a SN Ia near its peak: a score that means something."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import Field

from aas2rto.factors import Factor, Needs, Positive, answer, check_model, factor
from aas2rto.factors.sn_ia_logistic import SHARE
from aas2rto.factors.success import FAINT_LIMIT, WITHIN, posterior
from aas2rto.text.late import say
from aas2rto.units import Day, Mag

LEAST = 1e-4
"""Smallest value: a score must be positive."""


@factor("value", needs=Needs.FIT, check=check_model)
def value(
    candidates: pd.DataFrame,
    now: Time,
    *,
    within: Annotated[Day, Field(gt=0)] = WITHIN,
    faint_limit: Mag | None = FAINT_LIMIT,
    bands: tuple[str, ...] = ("ztfg", "ztfr"),
    salt: str = "salt",
    bazin: str = "bazin",
    share: Annotated[float, Field(gt=0, lt=1)] = SHARE,
    no_fit: Positive = 0.1,
) -> Factor:
    """Multiply by the chance that a spectrum now is a success, from 0 to 1.

    V = P(SN Ia) x P(abs(now - t0) <= within) x P(brighter than faint_limit).

    Parameters
    ----------
    candidates : DataFrame
        Reads the fits by SALT and Bazin, see `aas2rto.factors.success`.
    now : Time
        The time of observation.
    within : float
        So near to its peak a spectrum is a success [day].
    faint_limit : float or None
        So bright it must be then, by its fit [mag]; None: as faint as it likes.
    bands : tuple of str
        It is bright enough if it is in any of these.
    salt, bazin : str
        Names of the models in the config; without the second, P(SN Ia) is vaguer.
    share : float
        Share of SNe Ia among the candidates that have a fit, see `sn_ia_likeness`.
    no_fit : float
        Value without a fit.

    Notes
    -----
    Where all other factors are 1, the score is this chance. The sum of it over what is observed is
    the expected number of successes; `wait` and `wait_here` ask on which night it is largest.
    """
    found = posterior(candidates, salt=salt, bazin=bazin, share=share)
    chance = found.value(
        np.array([now.utc.mjd]), within=within, faint_limit=faint_limit, bands=bands
    )[:, 0]
    from_peak = now.utc.mjd - found.t_peak
    reason = say(
        lambda p, v, days, error, is_known: (
            f"{v:.0%}: P(SN Ia) = {p:.0%}, {abs(days):.1f} +- {error:.1f} d "
            f"{'after' if days >= 0 else 'before'} peak"
            if is_known
            else "no fit"
        ),
        found.p,
        chance,
        from_peak,
        found.t_peak_err,
        found.known,
    )
    return answer(
        np.where(found.known, np.maximum(chance, LEAST), no_fit),
        reason=reason,
        p_sn_ia=found.p,
        t_peak=found.t_peak,
        t_peak_err=found.t_peak_err,
        chance=chance,
    )
