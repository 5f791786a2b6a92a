"""x_rise: a light curve that rises is young."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import Field

from aas2rto.factors import (
    Factor,
    Needs,
    Positive,
    Share,
    answer,
    check_bands,
    factor,
    per_band,
)
from aas2rto.tables.photometry import BANDS
from aas2rto.text.late import say
from aas2rto.text.words import counted


@factor("rising_fraction", needs=Needs.LIGHT_CURVE, check=check_bands)
def rising_fraction(
    candidates: pd.DataFrame,
    now: Time,
    *,
    min: Share = 0.4,
    neutral: Positive = 0.5,
    floor: Positive = 0.05,
    trusted: Annotated[int, Field(ge=2)] = 4,
    combine: Literal["geometric_mean", "product"] = "geometric_mean",
    bands: tuple[str, ...] = BANDS,
) -> Factor:
    """Multiply by the share of consecutive detections that brighten; reject what declines.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``rise_fraction_<band>`` and ``n_detections_<band>``.
    now : Time
        Not used.
    min : float
        Rejected if every trusted band is below this, and there is at least one.
    neutral : float
        Value of a band with fewer detections than `trusted`.
    floor : float
        Smallest value of a band.
    trusted : int
        A band is trusted from this many detections.
    combine : {"geometric_mean", "product"}
        How bands with at least two detections become one number. The product is the paper's;
        it punishes candidates for being seen in more bands.
    bands : tuple of str
        Bands that count.

    Notes
    -----
    A&A 698, A153 (2025), Eq. 7: share of the N - 1 pairs with m_i < m_(i-1); 0.5 for N <= 3.
    """
    count = np.nan_to_num(per_band(candidates, "n_detections", bands))
    fraction = per_band(candidates, "rise_fraction", bands)
    known = count >= trusted
    value = np.where(known, np.maximum(fraction, floor), neutral)
    combined = _combine(value, count >= 2, combine, neutral)
    declining = known & (fraction < min)
    reject = known.any(axis=1) & (declining == known).all(axis=1)
    reason = say(
        lambda share, n, known, out: _sentence(share, n, known, bands, is_out=out, least=min),
        fraction,
        count,
        known,
        reject,
    )
    return answer(combined, reject=reject, reason=reason, rise_fraction=combined)


def _combine(
    value: np.ndarray, used: np.ndarray, combine: str, neutral: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Combine bands: only those in `used` count; `neutral` where there is none."""
    logs = np.where(used, np.log(value), 0.0).sum(axis=1)
    n_used = used.sum(axis=1)
    if combine == "geometric_mean":
        logs = logs / np.maximum(n_used, 1)
    return np.where(n_used > 0, np.exp(logs), neutral)


def _sentence(
    fraction: Sequence[float],
    count: Sequence[float],
    known: Sequence[bool],
    bands: tuple[str, ...],
    *,
    is_out: bool,
    least: float,
) -> str:
    told = [
        f"{share:.0%} of {counted(int(n) - 1, 'pair rises', 'pairs rise')} in {band}"
        for share, n, band, is_known in zip(fraction, count, bands, known, strict=True)
        if is_known
    ]
    if not told:
        return "too few detections per band to tell rise from decline"
    return ", ".join(told) + (f": below {least:.0%}, declining" if is_out else "")
