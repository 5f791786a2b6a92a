"""Factors that no list should have: chance, and a knowledge of the truth. They are the bounds."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Factor, answer

WITHIN = 2.0
"""[d] From the peak: a success."""
MIDNIGHT = 0.3
"""From `now` in the evening to the middle of the night at both sites [d]."""


def chance(candidates: pd.DataFrame, now: Time) -> Factor:
    """Give each candidate a number between 0 and 1 that differs from night to night."""
    night = int(now.utc.mjd)
    told = [
        hashlib.sha256(f"{name} {night}".encode()).digest()[:6]
        for name in candidates["candidate_id"]
    ]
    value = np.array([int.from_bytes(one, "big") / 2.0**48 for one in told])
    return answer(np.maximum(value, 1e-6), reason="by chance")


@functools.cache
def _truth(path: str) -> pd.DataFrame:
    return pd.read_parquet(Path(path)).set_index("id")


def oracle(candidates: pd.DataFrame, now: Time, *, truth: str, faintest: float) -> Factor:
    """Keep SNe Ia within 2 d of their peak tonight, the nearest to the end of that first.

    Parameters
    ----------
    candidates : DataFrame
    now : Time
    truth : str
        A table ``id, is_ia, peak_mjd`` [d] and ``mag`` at the peak.
    faintest : float
        [mag]
    """
    known = _truth(truth).reindex(candidates["candidate_id"])
    days = (now.utc.mjd + MIDNIGHT - known["peak_mjd"]).to_numpy(float)
    good = known["is_ia"].eq(other=True).to_numpy(bool) & (np.abs(days) <= WITHIN)
    good &= known["peak_mag"].to_numpy(float) <= faintest
    value: Any = np.where(good, np.exp(np.clip(days, -50.0, 50.0)), 1.0)
    return answer(value, exclude=~good, reason="the truth")
