"""How probable a broker's classifier finds the class that is looked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
from pydantic import Field

from aas2rto.factors import Factor, Needs, Positive, answer, factor, numbers
from aas2rto.text.late import say
from aas2rto.text.words import counted

LEAST = 1e-4
"""Smallest value: a score must be positive."""


@factor("class_probability", needs=Needs.LIGHT_CURVE)
def class_probability(
    candidates: pd.DataFrame,
    now: Time,
    *,
    classifier: str,
    class_: str,
    gamma: Annotated[float, Field(ge=0, le=10)] = 1.0,
    missing: Positive = 1.0,
    min_detections: Annotated[int, Field(ge=0)] = 0,
    column: str = "alerce_probabilities",
) -> Factor:
    """Multiply by (probability of a class)^gamma.

    Parameters
    ----------
    candidates : DataFrame
        Reads the annotation `column`, which maps a classifier to ``version`` and ``classes``, as
        the source `alerce` writes it.
    now : Time
        Not used.
    classifier : str
        Such as ``lc_classifier``; ``stamp_classifier_rubin*`` takes the last in the alphabet of
        those that begin so, whose names end in a date.
    class_ : str
        Such as ``SNIa``.
    gamma : float
        0: the probability does not matter; above 1: only high ones do.
    missing : float
        Value where the classifier has said nothing, or not of this class.
    min_detections : int
        With fewer, the classifier has not seen enough, and `missing` is taken.
    column : str
        Name of the annotation.

    Returns
    -------
    Factor
        Never 0: a probability of 0 counts as 0.0001.
    """
    said = [said_by(one, classifier) for one in _column(candidates, column)]
    p = np.array([probability_of(one, class_) for one in said])
    count = np.nan_to_num(numbers(candidates, "n_detections")).astype(int)
    few = count < min_detections
    known = np.isfinite(p) & ~few
    value = np.where(known, np.maximum(np.where(known, p, 1.0) ** gamma, LEAST), missing)
    version = np.array([str(one.get("version") or "") for one in said], dtype=object)
    reason = say(
        lambda one, n, is_few, told: (
            f"{counted(n, 'detection')}, fewer than {min_detections}"
            if is_few
            else f"{classifier} has said nothing of {class_}"
            if np.isnan(one)
            else f"P({class_}) = {one:.2f} by {classifier}{f' {told}' if told else ''}"
        ),
        p,
        count,
        few,
        version,
    )
    return answer(value, reason=reason, probability=p, version=version)


def _column(candidates: pd.DataFrame, name: str) -> NDArray[np.object_]:
    if name not in candidates:
        return np.full(len(candidates), None, dtype=object)
    return np.asarray(candidates[name].to_numpy(object))


def said_by(value: Any, classifier: str) -> Mapping[str, Any]:
    """Return what a classifier says by an annotation: `version, classes`; empty if nothing."""
    if not isinstance(value, Mapping):
        return {}
    if classifier.endswith("*"):
        begin = classifier.removesuffix("*")
        classifier = max((name for name in value if name.startswith(begin)), default="")
    found = value.get(classifier)
    return found if isinstance(found, Mapping) else {}


def probability_of(said: Mapping[str, Any], class_: str) -> float:
    """Return a probability; NaN where it is unknown, or none."""
    classes = said.get("classes")
    value = classes.get(class_) if isinstance(classes, Mapping) else None
    p = float(value) if isinstance(value, int | float) else np.nan
    return p if 0.0 <= p <= 1.0 else np.nan
