"""Whether tonight is the night: each object is observed once, and a later night may be better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from aas2rto.factors import Factor, Needs, Share, answer, check_model, factor, numbers
from aas2rto.factors.sn_ia_logistic import SHARE
from aas2rto.factors.success import (
    FAINT_LIMIT,
    NIGHTS,
    USABLE,
    WITHIN,
    asked_for,
    posterior,
    worth_waiting,
)
from aas2rto.models import FAILED
from aas2rto.parts.registry import Part
from aas2rto.sky.ahead import COLUMN, TONIGHT
from aas2rto.sky.night import EVENING, evening_of
from aas2rto.text.late import Late, say
from aas2rto.text.words import day
from aas2rto.units import Day, Mag

Floats = NDArray[np.float64]

SAME, NOTHING = 1e-9, 0.005
"""A later night must be better by more than rounding, and be worth something."""
LEAST = 1e-6
"""Smallest value of the factor: a score must be positive."""


@dataclass(frozen=True)
class _Nights:
    """When each candidate can be observed: tonight and on the nights ahead, shape (n, nights).

    ``evenings`` are the dates by which the nights ahead are called [d, MJD].
    """

    tonight: Floats
    ahead: Floats
    faintest: Floats | None
    evenings: Floats


def check(options: BaseModel, *, models: Mapping[str, Part], **_: Any) -> list[str]:
    """Say when the config loads that there is no model to read."""
    return check_model(options, models=models)


@factor("wait_here", needs=Needs.SITE, check=check, ahead=True, null_turns_off=True)
@factor("wait", needs=Needs.FIT, check=check, null_turns_off=True)
def wait(  # noqa: PLR0913  keyword-only settings
    candidates: pd.DataFrame,
    now: Time,
    *,
    usable: Share = USABLE,
    nights: Annotated[int, Field(ge=1, le=30)] = NIGHTS,
    ahead: Day | None = None,
    within: Annotated[Day, Field(gt=0)] = WITHIN,
    faint_limit: Mag | None = FAINT_LIMIT,
    bands: tuple[str, ...] = ("ztfg", "ztfr"),
    salt: str = "salt",
    bazin: str = "bazin",
    share: Annotated[float, Field(gt=0, lt=1)] = SHARE,
) -> Factor:
    """Exclude tonight what is worth more on a later night, even if nights may be lost.

    `wait` takes every night to be as good as any other; `wait_here` knows when the site can see
    the candidate, how near the Moon is, and how faint its instrument goes.

    Parameters
    ----------
    candidates : DataFrame
        Reads the fits, see `aas2rto.factors.success`; at a site also when it can be observed, see
        `aas2rto.sky.ahead`.
    now : Time
        The time of observation, if there is no site.
    usable : float
        q, the share of nights that can be used: clear, and with a free slot. 0: never wait.
    nights : int
        So many nights ahead are looked at.
    ahead : float or None
        The simple form: wait while the fitted peak is more than this ahead [day]; None: by value.
    within, faint_limit, bands, salt, bazin, share
        As those of `value`; keep them the same.

    Returns
    -------
    Factor
        1; at a site, the value there tonight over that of `value`, so that the site's score is
        its own chance of success. Excluded: no fit yet, and what should wait. What a person asked
        for never waits.

    Notes
    -----
    With V_h the value on night h, J_h = max(J_(h+1), q V_h + (1 - q) J_(h+1)) is what the nights
    from h on are worth if one takes the best of what is left; wait while J_1 > V_0. Setting for
    the season and fading come out of it. Over 1,525 objects of the ZTF Bright Transient Survey
    value and wait together triple the SNe Ia that are caught within 2 d of their peak with three
    spectra a night (docs/when_to_look.md).
    """
    at_site = TONIGHT in candidates
    when = _at_site(candidates, nights) if at_site else _anywhere(candidates, now, nights)
    found = posterior(candidates, salt=salt, bazin=bazin, share=share)
    limit = _faintest(faint_limit, when.faintest)
    every = found.value(
        np.concatenate([when.tonight, when.ahead], axis=1),
        within=within,
        faint_limit=limit,
        bands=bands,
    )
    here, later = every[:, 0], every[:, 1:]
    worth = worth_waiting(later, usable)
    early = (worth[:, 0] > here * (1 + SAME)) & (worth[:, 0] > NOTHING)
    if ahead is not None:
        early = (found.t_peak - when.tonight[:, 0] > ahead) & (usable > 0)
    name = str(candidates["observatory"].iloc[0]) if at_site and len(candidates) else ""
    spared = asked_for(candidates, name)
    unfitted = ~found.known & (usable > 0) & _may_be_fitted(candidates, salt)
    best = np.argmax(later, axis=1)
    rows = np.arange(len(candidates))
    return answer(
        _value(candidates, here, found.known) if at_site else 1.0,
        exclude=(early | unfitted) & ~spared,
        reason=_reason(
            here, later[rows, best], when.evenings[rows, best], early, found.known, spared
        ),
        tonight=here,
        waiting=worth[:, 0],
        best=later[rows, best],
        best_night=when.ahead[rows, best],
        values=every,
        nights=np.concatenate([when.tonight, when.ahead], axis=1),
    )


def _anywhere(candidates: pd.DataFrame, now: Time, nights: int) -> _Nights:
    times = now.utc.mjd + np.broadcast_to(np.arange(nights + 1.0), (len(candidates), nights + 1))
    return _Nights(times[:, :1], times[:, 1:], None, times[:, 1:])


def _at_site(candidates: pd.DataFrame, nights: int) -> _Nights:
    names = [COLUMN.format(h) for h in range(nights + 1)]
    when = candidates.reindex(columns=names).to_numpy(dtype=float)
    faintest = numbers(candidates, "faint_limit")
    return _Nights(when[:, :1], when[:, 1:], faintest, _evenings(candidates, when[:, 1:]))


def _evenings(candidates: pd.DataFrame, ahead: Floats) -> Floats:
    """Return the dates of the evenings of the nights ahead [d, MJD]; NaN out of sight.

    By the middle of the nights: what is best at dusk or dawn may be so on another date.
    """
    tonight = evening_of(numbers(candidates, "night_start"), numbers(candidates, "night_end"))
    dates = tonight[:, None] + np.arange(1.0, ahead.shape[1] + 1)
    return np.where(np.isfinite(ahead), np.where(np.isnan(dates), ahead - EVENING, dates), np.nan)


def _faintest(own: float | None, of_site: Floats | None) -> float | None:
    """Return the brighter of the setting and of what the site's instrument reaches."""
    if of_site is None or not len(of_site) or np.isnan(of_site[0]):
        return own
    return float(of_site[0]) if own is None else min(own, float(of_site[0]))


def _may_be_fitted(candidates: pd.DataFrame, salt: str) -> NDArray[np.bool_]:
    """Tell where a fit may come: a model that failed must not empty the lists of a night."""
    if f"{salt}_t_peak" not in candidates:
        return np.zeros(len(candidates), dtype=bool)
    if f"{salt}_status" not in candidates:
        return np.ones(len(candidates), dtype=bool)
    return np.asarray((candidates[f"{salt}_status"] != FAILED).to_numpy(dtype=bool))


def _value(candidates: pd.DataFrame, here: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return the value at the site over that of `value`; 1 where there is none."""
    science = numbers(candidates, "factor_value")
    usual = known & (science > 0)
    ratio = here / np.where(usual, science, 1.0)
    return np.where(usual, np.maximum(ratio, LEAST), 1.0)


def _reason(
    here: Floats,
    best: Floats,
    night: Floats,
    early: NDArray[np.bool_],
    known: NDArray[np.bool_],
    spared: NDArray[np.bool_],
) -> Late:
    return say(_sentence, here, best, night, early, known, spared)


def _sentence(
    here: float,
    best: float,
    night: float,
    early: bool,  # noqa: FBT001
    known: bool,  # noqa: FBT001
    spared: bool,  # noqa: FBT001
) -> str:
    if not known:
        return "no fit" + ("" if spared else " yet: wait for a fit")
    told = f"worth {here:.2f} tonight"
    if best > 0 and np.isfinite(night):
        told += f", {best:.2f} on {day(night)}"
    else:
        told += ", nothing later"
    return told + (", but asked for" if early and spared else "")
