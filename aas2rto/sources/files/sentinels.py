"""Numbers that stand for "no value" in tables of light curves: 99, 99.99, -999 and their kin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FAINTEST = 40.0
"""[mag] Nothing is measured this faint; 50, 99, 99.99, 100 and 999 stand for no value."""

LARGEST_ERROR = 9.0
"""[mag] An error of 9 mag would be a ninth of a sigma; 9.99, 99 and 100 stand for no error."""

NEGATIVE = (-999.0, -999.9, -999.99, -9999.0, -99999.0, -999999.0)
POSITIVE = (9.99, 99.0, 99.9, 99.99, 99.999, 999.0, 999.9, 999.99, 9999.0, 99999.0)

LARGEST_REDSHIFT = 20.0


def magnitude(values: Floats) -> Flags:
    """Say which magnitudes stand for no value; 0 and below are no magnitudes of a transient."""
    return np.isfinite(values) & ((values <= 0) | (values >= FAINTEST))


def magnitude_error(values: Floats) -> Flags:
    """Say which errors of magnitudes stand for none."""
    return np.isfinite(values) & ((values <= 0) | (values >= LARGEST_ERROR))


def flux(values: Floats, errors: Floats) -> Flags:
    """Say which fluxes stand for no value.

    A flux may well be 99; it is no value where its error is the same number.
    """
    both = np.isin(values, POSITIVE) & (values == errors)
    return np.asarray(np.isin(values, NEGATIVE) | both)


def flux_error(values: Floats) -> Flags:
    """Say which errors of fluxes stand for none."""
    return np.isfinite(values) & (values <= 0)
