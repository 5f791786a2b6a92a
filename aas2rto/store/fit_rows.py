"""A fit as numbers and words: what its numbers mean stands once for all fits that have the same.

The numbers of a fit are float64: `NUMBERS`, the parameters, their errors and the covariance, row
by row, as its layout names them. A fit that is no such thing, as a model of one's own may give
it, is kept as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.models import FIT_COLUMNS
from aas2rto.store.rows import plain

COLUMNS = [name for name in FIT_COLUMNS if name != "candidate_id"]
WORDS = ("status", "reason", "bands")
NUMBERS = tuple(name for name in COLUMNS if FIT_COLUMNS[name] == "float64")
AS_JSON = "json"
"""The layout of a fit that is kept as JSON."""


def stored(fit: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fit as the database keeps it: words, layout (JSON) and numbers (bytes).

    Parameters
    ----------
    fit : mapping
        Columns of a fit table, but for candidate and digest.
    """
    words = {name: fit.get(name) for name in WORDS}
    layout = _layout(fit)
    if layout is None or not all(isinstance(word, str) for word in words.values()):
        text = json.dumps(dict(fit), default=plain)
        named = {name: word if isinstance(word, str) else "" for name, word in words.items()}
        return {**named, "layout": json.dumps(AS_JSON), "numbers": text.encode()}
    values = [fit[name] for name in NUMBERS]
    for name in ("parameters", "errors"):
        values += fit[name].values()
    for row in fit["covariance"]:
        values += row
    return {
        **words,
        "layout": json.dumps(layout),
        "numbers": np.array(values, dtype="<f8").tobytes(),
    }


def _layout(fit: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the numbers of a fit mean; None if they are not all plain numbers."""
    if set(fit) != set(COLUMNS):
        return None
    named, covariance = [fit["parameters"], fit["errors"]], fit["covariance"]
    if not all(isinstance(one, dict) for one in named) or not isinstance(covariance, list):
        return None
    rows = all(isinstance(row, list) and len(row) == len(covariance[0]) for row in covariance)
    if not rows:
        return None
    values = [fit[name] for name in NUMBERS] + [v for one in named for v in one.values()]
    values += [value for row in covariance for value in row]
    if not all(isinstance(value, float) for value in values):  # also numpy's float64
        return None
    if not all(isinstance(key, str) for one in named for key in one):
        return None
    shape = [len(covariance), len(covariance[0]) if covariance else 0]
    return {"parameters": list(named[0]), "errors": list(named[1]), "covariance": shape}


def table(
    layout: str, words: Mapping[str, Sequence[str]], numbers: Sequence[bytes]
) -> pd.DataFrame:
    """Return fits of one layout as the columns of a fit table, in their order.

    Parameters
    ----------
    layout : str
        JSON.
    words : mapping of str to sequence of str
        The columns `WORDS`.
    numbers : sequence of bytes
        One for each fit.
    """
    told = json.loads(layout)
    if told == AS_JSON:
        return pd.DataFrame([json.loads(one) for one in numbers])
    n, (high, wide) = len(numbers), told["covariance"]
    values = np.frombuffer(b"".join(numbers), dtype="<f8").reshape(n, -1)
    columns: dict[str, Any] = {name: values[:, at] for at, name in enumerate(NUMBERS)}
    at = len(NUMBERS)
    for kind in ("parameters", "errors"):
        names = told[kind]
        part = values[:, at : at + len(names)].tolist()
        columns[kind] = [dict(zip(names, row, strict=True)) for row in part]
        at += len(names)
    covariance = values[:, at:].reshape(n, high, wide).tolist()
    columns |= {"covariance": covariance, **words}
    return pd.DataFrame({name: pd.Series(columns[name], dtype=_dtype(name)) for name in COLUMNS})


def _dtype(name: str) -> Any:
    return {"str": object, "float64": float, "object": object}[FIT_COLUMNS[name]]
