"""What the tests of files share: where real data are, and reading a text as a light curve."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from aas2rto.sources.files import light_curve_table
from aas2rto.sources.files.light_curve_table import Contents
from aas2rto.tables import photometry

SHARED = Path(os.environ.get("AAS2RTO_SHARED") or Path(__file__).parents[4] / "shared")
needs_shared = [
    pytest.mark.real_data,
    pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared is absent"),
]


class Point(NamedTuple):
    """A measurement, as an observer would write it down."""

    mjd: float
    band: str
    kind: str
    mag: float
    limit: float


def contents(path: Path) -> Contents:
    return light_curve_table.contents(
        light_curve_table.read(path), name=light_curve_table.name_of_file(path)
    )


def points(rows: pd.DataFrame) -> list[Point]:
    """Return band, kind and magnitude [mag] of each row; NaN where the flux is not positive."""
    mag = np.round(photometry.mag_from_flux(rows["flux"]), 2)
    limit = np.round(photometry.mag_from_flux(rows["limit"]), 2)
    return [
        Point(round(m, 4), b, k, float(x), float(y))
        for m, b, k, x, y in zip(rows["mjd"], rows["band"], rows["kind"], mag, limit, strict=True)
    ]


def bands_and_mags(rows: pd.DataFrame) -> list[tuple[str, float]]:
    """Return what was measured: band, and magnitude, or minus the limit for a non-detection."""
    return [
        (p.band, p.mag if np.isfinite(p.mag) and p.kind == "detection" else -p.limit)
        for p in points(rows)
    ]
