"""Scores of made-up candidates by a config as it stands in the project, annotations alone."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.config.load import load
from aas2rto.steps.build import build
from aas2rto.steps.cycle import Parts, Scored
from aas2rto.steps.prefilter import look
from aas2rto.steps.score import score
from aas2rto.tables.candidates import COLUMNS
from aas2rto.tables.photometry import empty
from aas2rto.tables.summary import summarise

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
NOW = Time(61366.2, format="mjd", scale="utc")


@functools.cache
def parts_of(name: str) -> Parts:
    """Build a config of the project, or the one at a path that ends in ``.yaml``."""
    path = Path(name) if name.endswith(".yaml") else CONFIGS / f"{name}.yaml"
    return build(load(path, environment={}), with_sources=False)


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    """Build a candidate table: what a row does not say is unknown."""
    blank = {key: np.nan if kind == "float64" else "" for key, kind in COLUMNS.items()}
    found = pd.DataFrame(
        [
            {
                **blank,
                "candidate_id": f"C{n}",
                "too": False,
                "base_score": 0.0,
                "ra": 10.0,
                "dec": -20.0,
            }
            for n in range(len(rows))
        ]
    )
    summary = summarise(empty(), found["candidate_id"])
    found = pd.concat([found, summary], axis=1)
    for key in dict.fromkeys(key for row in rows for key in row):
        values = [
            row.get(key, found[key].iloc[n] if key in found else None) for n, row in enumerate(rows)
        ]
        known = [value for value in values if value is not None]
        if all(isinstance(v, int | float) for v in known):
            values = [np.nan if value is None else value for value in values]
            found[key] = values
        else:
            found[key] = pd.Series(values, dtype=object)
    return found


def scored(name: str, *rows: dict[str, Any]) -> Scored:
    parts, candidates = parts_of(name), table(*rows)
    return score(parts, candidates, look(parts, candidates, NOW), NOW)


def points(name: str, row: dict[str, Any]) -> tuple[float, float]:
    """Return the sum of all points, unbounded, and the score: 0 where it is in no list."""
    found = scored(name, row)
    raw = sum(float(c.factor.value[0]) for c in found.columns if c.effect.neutral == 0)
    effect = parts_of(name).case.config.score.effect
    return raw, float(effect.finished(np.array([raw]), np.zeros(1))[0])
