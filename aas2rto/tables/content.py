"""A number for what was measured of a candidate, so that a fit knows whether its data changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.tables.photometry import codes

FITTED = ("mjd", "band", "flux", "flux_err", "limit", "kind")
"""What a fit depends on."""


def contents(photometry: pd.DataFrame, candidate_ids: pd.Series) -> NDArray[np.uint64]:
    """Return a sum over hashes of the rows of each candidate; 0 where there are none.

    Parameters
    ----------
    photometry : DataFrame
        The order of rows does not matter.
    candidate_ids : Series of str
    """
    code = codes(photometry["candidate_id"], candidate_ids.tolist())
    known = code >= 0
    hashes = pd.util.hash_pandas_object(photometry.loc[known, list(FITTED)], index=False)
    total = np.zeros(len(candidate_ids), dtype=np.uint64)
    np.add.at(total, code[known], hashes.to_numpy())  # wraps around, which is as good
    return total
