"""Leave out, or lower, what others have classified already: telescope time is short."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.factors import Factor, Needs, answer, factor
from aas2rto.text.late import say

TYPE_COLUMNS = ("tns_type", "spectral_type")
"""Where a spectroscopic type may stand: TNS's own word, else that of a broker or a person."""


@factor("unclassified", needs=Needs.LIGHT_CURVE)
def unclassified(
    candidates: pd.DataFrame,
    now: Time,
    *,
    mode: Literal["exclude", "demote"] = "exclude",
    value: float = 0.1,
    keep: tuple[str, ...] = (),
) -> Factor:
    """Exclude or demote candidates that have a spectroscopic classification.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``tns_type`` and ``spectral_type``, where they exist.
    now : Time
        Not used.
    mode : str
        ``exclude``: not in the lists as long as the classification stands; ``demote``: its
        score is multiplied by `value`.
    value : float
        Factor of what is demoted, above 0; 1 is neutral.
    keep : tuple of str
        Types that count as not classified, such as ``SN Ia`` for a follow-up of classified
        ones. ``SN Ia`` stands for ``SN Ia`` alone, ``SN Ia*`` for ``SN Ia-91T-like``, too.

    Notes
    -----
    Users of such tools ask not to trigger on what is classified already (kowalski PRs 252, 272,
    291; skyportal PR 4766). A ToO stays as it is: somebody has asked for it by name.
    """
    types = spectral_types(candidates)
    wanted = np.array([_is_kept(name, keep) for name in types], dtype=bool)
    classified = (types != "") & ~wanted & ~_is_too(candidates)
    values = np.where(classified & (mode == "demote"), value, 1.0)
    reason = say(lambda name: f"classified as {name}" if name else "not classified yet", types)
    return answer(values, exclude=classified & (mode == "exclude"), reason=reason, type=types)


def _is_too(candidates: pd.DataFrame) -> NDArray[np.bool_]:
    if "too" not in candidates:
        return np.zeros(len(candidates), dtype=bool)
    return candidates["too"].fillna(value=False).to_numpy(dtype=bool)


def spectral_types(candidates: pd.DataFrame) -> NDArray[np.object_]:
    """Return the spectroscopic type of each candidate, empty where there is none."""
    found = np.full(len(candidates), "", dtype=object)
    for column in TYPE_COLUMNS:
        if column in candidates:
            texts = candidates[column].astype(object).where(candidates[column].notna(), "")
            found = np.where(found == "", texts.astype(str).str.strip(), found)
    return np.asarray(found, dtype=object)


def _is_kept(name: str, keep: tuple[str, ...]) -> bool:
    return any(
        name.startswith(kind.removesuffix("*")) if kind.endswith("*") else name == kind
        for kind in keep
    )
