"""Stage 2 of the first filter, of one source: evidence, class, measures, criteria; never a stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.watched.classes import Class, classify
from aas2rto.models.watched.evidence import (
    LEAST_ESS,
    LEAST_NIGHTS,
    Curve,
    Evidences,
    has_nested,
    of_source,
)
from aas2rto.models.watched.measures import Measures, measured

Floats = NDArray[np.float64]

LEAD: Mapping[str, float] = {"TDE": 3.0, "SN": 5.0, "NOVA": 1.0, "LBV": 1.0, "CLAGN": 1.0}
"""A shape begins so many rise times before t0: it is at 1 to 2 % of its peak there."""

DUST: Mapping[str, float] = {"g": 3.303, "r": 2.285}
"""A / E(B-V) in g and r: Schlafly & Finkbeiner (2011), ApJ 737, 103, Table 6 (SDSS, R_V = 3.1)."""


@dataclass(frozen=True)
class Analysis:
    """What stage 2 found of one source.

    Parameters
    ----------
    status : str
        ``ok``, or why there is nothing to say; in words.
    note : str
        What to know of an ok one: too few effective samples, for example.
    curves : mapping of str to Curve
        Of the bands that were used.
    """

    status: str
    note: str = ""
    found: Class | None = None
    evidences: Evidences | None = None
    measures: Measures = field(default_factory=Measures)
    curves: Mapping[str, Curve] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether there is an answer."""
        return self.status == "ok"


def begins(name: str, evidences: Evidences) -> float:
    """Return where the best shape of a class begins: the earliest of its bands [d]."""
    bands = evidences.shapes[name].values()
    good = [one for one in bands if one.best[3] != 0] or list(bands)
    surest = min(good, key=lambda one: float(one.covariance[0, 0]))
    return float(surest.best[0] - LEAD[name] * surest.best[1])


def analyse(
    curves: Mapping[str, Curve],
    *,
    begin: float = np.nan,
    reference: Mapping[str, float] | None = None,
    points: Mapping[str, Floats] | None = None,
    ebv: float = 0.0,
) -> Analysis:
    """Look at one source.

    Parameters
    ----------
    curves : mapping of str to Curve
        Nightly means by band; bands with fewer than `LEAST_NIGHTS` nights are not looked at.
    begin : float
        Nights before it are the baseline [d]; NaN: where the best shape begins.
    reference, points : mapping, optional
        See `measured`.
    ebv : float
        Of the Milky Way [mag].
    """
    most = max((len(one.mjd) for one in curves.values()), default=0)
    used = {band: one for band, one in curves.items() if len(one.mjd) >= LEAST_NIGHTS}
    if not used:
        told = f"{most} usable nights in the best band, at least {LEAST_NIGHTS} are needed"
        return Analysis(told if most else "no usable night")
    evidences = of_source(used)
    best = max(evidences.ln_z, key=lambda name: evidences.ln_z[name])
    start = begin if np.isfinite(begin) else begins(best, evidences)
    measures = measured(used, start, reference, points)
    reddening = (DUST["g"] - DUST["r"]) * ebv if np.isfinite(ebv) else 0.0
    found = classify(evidences, used, measures.colour - reddening, measures.colour_err)
    return Analysis("ok", _note(evidences), found, evidences, measures, used)


def _note(evidences: Evidences) -> str:
    """Say where an evidence is not to be trusted, and what to do about it."""
    best = max(evidences.ln_z, key=lambda name: evidences.ln_z[name])
    if best not in evidences.uncertain:
        return ""
    why = f"the evidence of {best} is uncertain: {evidences.ess:.0f} effective samples, "
    advice = "" if has_nested() else "; pip install 'aas2rto[evidence]' sums it another way"
    return f"{why}{LEAST_ESS:.0f} are asked{advice}"
