"""How much a light curve looks like that of a SN Ia: SALT with priors against Bazin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import BaseModel, Field

from aas2rto.factors import Factor, Needs, Positive, Share, answer, factor
from aas2rto.factors.sn_ia_logistic import SHARE, p_sn_ia
from aas2rto.parts.registry import Part
from aas2rto.text.late import say
from aas2rto.text.words import nearest


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
    A logistic of nine features of the fits, see `aas2rto.factors.sn_ia_logistic.features`, with
    weights of its own where the redshift is known; with three or four points, what it says is
    corrected to what it turned out to be (``data/value_calibration.yaml``). By cross-validation
    over the objects where they were learnt, the area under the ROC curve is 0.908 with the redshift
    free and 0.959 with it known, the log loss 0.307 and 0.211, and what it says is so:

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
    found = p_sn_ia(candidates, salt, bazin, share)
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
