"""The tables that a replay keeps of its nights."""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.replay import tables
from aas2rto.steps.cycle import Fits, Judged, Scored
from tests.conftest import MJD


def judged_with(wide: pd.DataFrame) -> Judged:
    """Return what was found of candidates by one model."""
    names = wide.index.to_numpy(object)
    told = pd.DataFrame({"candidate_id": names, "status": "ok", "digest": "d1"})
    empty = pd.DataFrame()
    return Judged(
        Time(MJD, format="mjd"),
        empty,
        Fits({"bazin": told}, {"bazin": wide}),
        Scored(empty, (), None),  # type: ignore[arg-type]
        empty,
        [],
    )


def test_the_fit_of_an_artefact_is_kept_without_a_warning() -> None:
    """Its chi2 may be too large for single precision; its neighbour's stays what it is."""
    wide = pd.DataFrame(
        {"t_peak": MJD, "t_peak_err": 1.0, "chisq": [1e60, 12.5], "ndof": 3, "n_points": 7},
        index=["artefact", "supernova"],
    )
    seen: dict[tuple[str, str], str] = {}
    found = tables.fits(judged_with(wide), 0, seen)
    assert found["chi2"].tolist() == [np.inf, 12.5]
    assert tables.fits(judged_with(wide), 1, seen).empty
