"""x_mag: brighter candidates give better spectra."""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.factors import Factor, Needs, answer, check_bands, factor, latest, numbers
from aas2rto.text.words import counted
from aas2rto.units import Mag


@factor("magnitude", needs=Needs.LIGHT_CURVE, check=check_bands)
def magnitude(
    candidates: pd.DataFrame,
    now: Time,
    *,
    zero_point: Mag = 18.5,
    faint_limit: Mag = 18.5,
    bands: tuple[str, ...] = ("ztfg", "ztfr"),
) -> Factor:
    """Rank by the latest magnitude: 10^((zero_point - m) / 2); exclude what is too faint.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``mag_<band>`` and ``mjd_<band>``.
    now : Time
        Not used.
    zero_point : float
        Magnitude at which the factor is 1 [mag].
    faint_limit : float
        Fainter candidates are excluded: they may brighten later [mag].
    bands : tuple of str
        The latest detection in any of these counts.

    Notes
    -----
    A&A 698, A153 (2025), Eq. 5. At 16.5 mag the factor is 10, at 17.0 mag 5.62.
    """
    mag, band, mjd = latest(candidates, bands)
    seen = np.isfinite(mag)
    faint = seen & (mag > faint_limit)
    suspect = np.nan_to_num(numbers(candidates, "n_suspect")).astype(int)
    reason = [
        f"no detection in {', '.join(bands)}"
        + (f", {counted(n, 'suspect point')} (negative or of bad quality)" if n else "")
        if not is_seen
        else f"{m:.2f} mag in {b}{old}" + (f" is fainter than {faint_limit:g}" if is_faint else "")
        for m, b, old, is_seen, is_faint, n in zip(
            mag, band, ages(mjd, now), seen, faint, suspect, strict=True
        )
    ]
    value = 10.0 ** ((zero_point - mag) / 2)
    return answer(value, exclude=~seen | faint, reason=reason, mag=mag, band=band)


def ages(mjd: NDArray[np.float64], now: Time) -> list[str]:
    """Say how old measurements are, if they are older than a day."""
    days = now.utc.mjd - mjd
    return [f" {age:.1f} d ago" if age > 1.0 else "" for age in days.tolist()]
