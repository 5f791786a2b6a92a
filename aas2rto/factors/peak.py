"""x_peak: spectra are worth most near maximum light."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
from pydantic import Field

from aas2rto.factors import Factor, Needs, Positive, answer, check_model, factor, numbers
from aas2rto.factors.normal import ndtr
from aas2rto.text.late import Late, say
from aas2rto.units import Day


@factor("peak", needs=Needs.FIT, check=check_model)
def peak(
    candidates: pd.DataFrame,
    now: Time,
    *,
    model: str = "",
    sigma: Annotated[Day, Field(gt=0)] = 1.0,
    amplitude: Positive = 30.0,
    floor: Positive = 0.01,
    no_fit: Positive = 0.1,
    uncertainty: bool = True,
) -> Factor:
    """Multiply by a Gaussian of the time from peak, averaged over what the fit leaves open.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``<model>_t_peak`` and ``<model>_t_peak_err``, or those of the chosen model.
    now : Time
        The time of observation.
    model : str
        Name of a model in the config; empty for the one that the model choice picked.
    sigma : float
        Width; 2 d if spectra within two days of peak will do [day].
    amplitude : float
        Value at peak.
    floor : float
        Smallest value.
    no_fit : float
        Value without a fit. The paper's 1 ranks an unfitted candidate above a well-fitted one
        that is four days from peak; 0.1 does not.
    uncertainty : bool
        If True, take the mean over t0 ~ N(t_peak, t_peak_err); False gives the paper's value.

    Notes
    -----
    A&A 698, A153 (2025), Eq. 6. The mean of a Gaussian of width sigma over a Gaussian of width
    s is sigma / S times a Gaussian of width S, with S^2 = sigma^2 + s^2.
    """
    prefix = f"{model}_" if model else ""
    t_peak = numbers(candidates, f"{prefix}t_peak")
    t_peak_err = numbers(candidates, f"{prefix}t_peak_err")
    from_peak = now.utc.mjd - t_peak
    fitted = np.isfinite(from_peak)
    blur = np.where(uncertainty & ~np.isnan(t_peak_err), t_peak_err, 0.0)
    width = np.hypot(sigma, blur)
    value = amplitude * sigma / width * np.exp(-(from_peak**2) / (2 * width**2))
    value = np.where(fitted, np.maximum(value, floor), no_fit)
    within = probability_within(from_peak, t_peak_err, 1.0)
    side = np.where(from_peak >= 0, "after", "before")
    usual = "{:.1f} +- {:.1f} d {} peak (P(within 1 d) = {:.0%})"
    reason = Late.where(
        np.isfinite(from_peak) & np.isfinite(t_peak_err) & np.isfinite(within),
        say(usual, np.abs(from_peak), t_peak_err, side, within),
        say(_sentence, from_peak, t_peak_err, within, fitted),
    )
    return answer(
        value,
        reason=reason,
        days_from_peak=from_peak,
        t_peak=t_peak,
        t_peak_err=t_peak_err,
        p_peak_1d=within,
    )


def probability_within(
    from_peak: NDArray[np.float64], t_peak_err: NDArray[np.float64], days: float
) -> NDArray[np.float64]:
    """Return P(abs(now - t0) < days) for t0 ~ N(t_peak, t_peak_err); NaN without an error."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        high = ndtr((days - from_peak) / t_peak_err)
        low = ndtr((-days - from_peak) / t_peak_err)
    return np.where(t_peak_err > 0, high - low, np.nan)


def _sentence(from_peak: float, error: float, within: float, is_fitted: bool) -> str:  # noqa: FBT001
    if not is_fitted:
        return "no fit"
    side = "after" if from_peak >= 0 else "before"
    sure = f" +- {error:.1f}" if math.isfinite(error) else ""
    chance = f" (P(within 1 d) = {within:.0%})" if math.isfinite(within) else ""
    return f"{abs(from_peak):.1f}{sure} d {side} peak{chance}"
