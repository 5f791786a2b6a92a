"""x_rise: a light curve that rises is young."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
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
from aas2rto.text.late import Late, looked_up
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
    reason = Late.by(_sentences(fraction, count, known, bands, reject, min), len(count))
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


def _sentences(
    fraction: NDArray[np.float64],
    count: NDArray[np.float64],
    known: NDArray[np.bool_],
    bands: tuple[str, ...],
    reject: NDArray[np.bool_],
    least: float,
) -> Callable[[NDArray[np.intp]], list[str]]:
    """Return who says of some rows how many pairs rise in each band that is trusted.

    Column by column: it is said anew in each cycle, of everybody.
    """

    def write(rows: NDArray[np.intp]) -> list[str]:
        told = np.full(len(rows), "", dtype=object)
        for place, band in enumerate(bands):
            at = np.flatnonzero(known[rows, place])
            share, pairs = fraction[rows[at], place], count[rows[at], place].astype(int) - 1
            percent = looked_up(np.rint(100 * share).astype(int), "{}%".format)
            of = looked_up(pairs, lambda n: counted(n, "pair rises", "pairs rise"))
            between = np.where(told[at] != "", ", ", "").astype(object)
            told[at] = told[at] + between + percent + " of " + of + f" in {band}"
        told[told == ""] = "too few detections per band to tell rise from decline"
        told[reject[rows]] += f": below {least:.0%}, declining"
        texts: list[str] = told.tolist()
        return texts

    return write
