"""Factors: one per file, each a plain function from the candidate table to one column.

A factor takes the candidate table and `now`; its keyword-only arguments are its settings::

    @factor("magnitude", needs=Needs.LIGHT_CURVE)
    def magnitude(candidates, now, *, zero_point: Mag = 18.5) -> Factor: ...

`needs` places it: LIGHT_CURVE factors are the prefilter, FIT factors run after the fits, SITE
factors run per observatory and can never reject.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, Field

from aas2rto.parts.registry import Part, Registry
from aas2rto.tables.photometry import BANDS
from aas2rto.text.late import Late
from aas2rto.text.words import nearest

Positive = Annotated[float, Field(gt=0)]
"""A setting that multiplies a score."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A setting between none and all."""


class Decision(IntEnum):
    """What a factor says of a candidate; the largest of all factors wins."""

    KEEP = 0
    EXCLUDE = 1
    REJECT = 2

    @property
    def label(self) -> str:
        """The word for people and files: keep, exclude or reject."""
        return self.name.lower()


class Needs(StrEnum):
    """What a factor reads, which decides when it runs."""

    LIGHT_CURVE = "light_curve"
    FIT = "fit"
    SITE = "site"


POINTS, ANY_SCALE = "points", "any"
"""What `scale` a factor registers: points, of which 0 are neutral and which only a sum can take; or
whatever the score asks for, as a formula does. Without it, a factor is neutral at 1."""


@dataclass(frozen=True)
class Factor:
    """The answer of a factor for all candidates.

    Parameters
    ----------
    value : ndarray of float, shape (n,)
        Multiplies the score; above 0 wherever the decision is KEEP, 1 is neutral. With ``scale``
        `POINTS` it is added, and 0 is neutral.
    decision : ndarray of int8, shape (n,)
        Codes of `Decision`.
    reason : Late, shape (n,)
        One short sentence with its number, for keepers too; written when somebody reads it.
    inputs : mapping of str to array_like
        What it was computed from, for `explain`.
    warnings : tuple of str
        What people should know of its settings and these data; each is a line in the report.
    """

    value: NDArray[np.float64]
    decision: NDArray[np.int8]
    reason: Late
    inputs: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Take lists and arrays of texts, too; what does not fit is refused where it is used."""
        given: Any = self.reason
        if not isinstance(given, Late) and np.shape(given) == np.shape(self.value):
            object.__setattr__(self, "reason", Late.of(given, len(self.value)))


def answer(
    value: ArrayLike,
    *,
    exclude: ArrayLike = False,
    reject: ArrayLike = False,
    reason: ArrayLike | Late = "",
    **inputs: ArrayLike,
) -> Factor:
    """Build a `Factor` from a value and masks; reject beats exclude beats keep.

    Parameters
    ----------
    value : array_like, shape (n,)
        See `Factor`; a single value holds for all, as it does below.
    exclude, reject : array_like of bool
    reason : array_like of str, or Late
        `aas2rto.text.late.say` makes one from a template and columns.
    **inputs : array_like
        What it was computed from.

    Raises
    ------
    ValueError
        If the shapes do not fit each other.
    """
    values = np.asarray(value, dtype=float)
    decision = np.where(
        np.asarray(reject, dtype=bool),
        Decision.REJECT,
        np.where(np.asarray(exclude, dtype=bool), Decision.EXCLUDE, Decision.KEEP),
    )
    told = reason if isinstance(reason, Late) else np.asarray(reason, dtype=object)
    shape = np.broadcast_shapes((1,), values.shape, decision.shape, np.shape(told))
    return Factor(
        np.broadcast_to(values, shape).copy(),
        np.broadcast_to(decision, shape).astype(np.int8),
        Late.of(told, shape[0]),
        inputs,
    )


def numbers(candidates: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a column as floats; NaN where it is unknown, or does not exist yet."""
    if name not in candidates:
        return np.full(len(candidates), np.nan)
    column = candidates[name]
    if column.dtype == np.float64:  # as nearly always: asking pandas takes five times as long
        return column.to_numpy()
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def entries(candidates: pd.DataFrame, name: str) -> list[tuple[str, ...] | None]:
    """Return the texts that an annotation lists for each candidate; None where it is unknown.

    A single text counts as a list of one; what is no text is left out.
    """
    if name not in candidates:
        return [None] * len(candidates)
    return [_texts(value) for value in candidates[name].to_numpy(object).tolist()]


def _texts(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, list | tuple):
        return tuple(one for one in value if isinstance(one, str))
    return None


def first_known(candidates: pd.DataFrame, names: Sequence[str]) -> NDArray[np.intp]:
    """Return which of some columns is the first that is a number, for each candidate; -1: none."""
    known = np.isfinite(per_column(candidates, names))
    return np.where(known.any(axis=1), known.argmax(axis=1), -1)


def per_column(candidates: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    """Return some columns side by side, shape (n, columns); NaN as in `numbers`."""
    return np.column_stack([numbers(candidates, name) for name in names])


def per_band(candidates: pd.DataFrame, name: str, bands: Sequence[str]) -> NDArray[np.float64]:
    """Return the columns ``<name>_<band>`` side by side, shape (n, bands)."""
    return per_column(candidates, [f"{name}_{band}" for band in bands])


def elsewhere(candidates: pd.DataFrame, bands: Sequence[str]) -> Callable[[int], str]:
    """Return who says in which other bands a row has detections, most first.

    Returns
    -------
    callable
        Takes the number of a row; returns such as ``5 in atlaso, 2 in lsstg``, empty for none.
    """
    others = other_bands(candidates, bands)
    count = np.nan_to_num(per_band(candidates, "n_detections", others)) if others else None

    def say_of(row: int) -> str:
        if count is None:
            return ""
        found = [(int(count[row, k]), name) for k, name in enumerate(others) if count[row, k] > 0]
        return ", ".join(f"{n} in {name}" for n, name in sorted(found, key=lambda one: -one[0]))

    return say_of


def other_bands(candidates: pd.DataFrame, bands: Sequence[str]) -> list[str]:
    """Return the bands that a table counts detections in, without `bands`."""
    begin = "n_detections_"
    there = [str(name).removeprefix(begin) for name in candidates if str(name).startswith(begin)]
    return [name for name in there if name not in bands]


def check_bands(options: BaseModel, **_: Any) -> list[str]:
    """Say which bands of a factor's settings look misspelt, when the config loads.

    Other names are allowed: a table of light curves may bring bands of its own.
    """
    bands = getattr(options, "bands", ())
    if not bands:
        return ["bands: name at least one"]
    return [
        f"unknown band {band!r}{nearest(band, BANDS, cutoff=0.75)}"
        for band in bands
        if band not in BANDS and nearest(band, BANDS, cutoff=0.75)
    ]


def check_model(options: BaseModel, *, models: Mapping[str, Part], **_: Any) -> list[str]:
    """Say when the config loads that the model to read is not there."""
    name = str(getattr(options, "model", ""))
    if not models:
        return ["needs a light-curve model; add one to `models`, such as `salt: {}`"]
    if name and name not in models:
        return [f"model: there is no model {name!r} in `models`{nearest(name, models)}"]
    return []


def latest(
    candidates: pd.DataFrame, bands: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.object_], NDArray[np.float64]]:
    """Return magnitude, band and time of the latest detection among `bands`.

    Returns
    -------
    mag : ndarray of float
        [mag, AB]; NaN where there is no detection in any of the bands.
    band : ndarray of str
        Empty where there is none.
    mjd : ndarray of float
        [d, UTC]; NaN where there is none.
    """
    mjd = per_band(candidates, "mjd", bands)
    mag = per_band(candidates, "mag", bands)
    seen = np.isfinite(mjd)
    newest = np.where(seen, mjd, -np.inf).argmax(axis=1)
    rows = np.arange(len(candidates))
    found = seen.any(axis=1)
    names = np.asarray(bands, dtype=object)[newest]
    return (
        np.where(found, mag[rows, newest], np.nan),
        np.where(found, names, ""),
        mjd[rows, newest],
    )


FACTORS = Registry("factor", __name__)
factor = FACTORS.register
