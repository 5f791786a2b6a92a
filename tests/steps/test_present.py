"""What a fit says of now is asked of those only whose last magnitude is old."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from aas2rto.factors import Needs
from aas2rto.steps.column import BoundFactor
from aas2rto.steps.cycle import BoundModel, Fits, Parts
from aas2rto.steps.present import with_present_magnitudes

NOW = 61120.0


class Line:
    """A model whose flux is 100 uJy a day since its t0; it raises before."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def fit(self, *_: Any) -> pd.DataFrame:
        raise NotImplementedError

    def light_curve(self, fit: Any, bands: Any, mjd: Any) -> pd.DataFrame:
        self.asked.append(fit["name"])
        days = np.asarray(mjd) - fit["t0"]
        if (days < 0).any():
            raise ValueError("not yet")
        return pd.DataFrame({"band": bands[0], "mjd": mjd, "flux": 100 * days})


def asked(use: str, **settings: Any) -> tuple[pd.DataFrame, Line]:
    model = Line()
    names = ["fresh", "stale", "failed", "raises", "unfitted"]
    table = pd.DataFrame(
        {
            "candidate_id": names,
            "last_detection": [NOW - 1, *[NOW - 9] * 4],
            "last_band": "ztfr",
            "model": "line",
        }
    )
    fits = pd.DataFrame(
        {
            "candidate_id": names[:4],
            "name": names[:4],
            "status": ["ok", "ok", "failed", "ok"],
            "t0": [NOW - 10, NOW - 10, NOW - 10, NOW + 1],
        }
    )
    factor = BoundFactor("magnitude", Needs.FIT, len, {"use": use, "stale": 5.0, **settings})
    parts = Parts(None, (), (BoundModel("line", model, ""),), (factor,), ())  # type: ignore[arg-type]
    return with_present_magnitudes(parts, table, Fits({"line": fits}), NOW), model


def test_only_stale_ones_are_asked() -> None:
    """1000 uJy are 16.4 mag; what fails says nothing."""
    table, model = asked("model")
    assert table["present_mag"].tolist()[1] == pytest.approx(16.4, abs=1e-9)
    assert table["present_mag"].notna().tolist() == [False, True, False, False, False]
    assert model.asked == ["stale", "raises"]


def test_nobody_is_asked_unless_a_factor_does() -> None:
    table, model = asked("last")
    assert "present_mag" not in table
    assert model.asked == []


def test_when_nothing_is_stale_nobody_is_asked() -> None:
    table, model = asked("model", stale=100.0)
    assert table["present_mag"].isna().all()
    assert model.asked == []
