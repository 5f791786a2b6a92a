"""From evidences to a class: posterior with yearly rates, `Unknown` where it is close, colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aas2rto.models.watched.evidence import Curve, Evidences
from aas2rto.models.watched.templates import TEMPLATES, WATCHED

FLAG = 10.0
"""Least ln of the Bayes factor against the better of the two nulls."""

MARGIN = 5.0
"""In ln Z to the second class, without which the class is `UNKNOWN`."""

UNKNOWN = "Unknown"

BLUE = -0.1
"""g - r at the peak of a tidal disruption [mag]: the median of manyTDE is -0.17, of ZTF's SNe Ia
-0.01."""

CONSECUTIVE = 2
"""Nights above 3 sigma that a nova needs: of quiet stars only single outliers pass for one."""


@dataclass(frozen=True)
class Class:
    """What a source is, as far as its light curve tells.

    Parameters
    ----------
    name : str
        A class; or `UNKNOWN`.
    best, second : str
        The two likeliest classes.
    ln_b : float
        ln Z of the best less that of the better null.
    margin : float
        ln Z of the best less that of the second.
    posterior : mapping of str to float
        Of each class, and of ``none``: together 1.
    flagged : bool
        Whether something happened.
    by_colour : str
        What the colour said, where it decided; else empty.
    """

    name: str
    best: str
    second: str
    ln_b: float
    margin: float
    posterior: Mapping[str, float]
    flagged: bool
    by_colour: str = ""

    @property
    def confidence(self) -> float:
        """Posterior of the best class."""
        return self.posterior[self.best]

    def __str__(self) -> str:
        if not self.flagged:
            return f"nothing happened: ln B {self.ln_b:.1f} for {self.best}, {FLAG:g} are asked"
        if self.name != UNKNOWN:
            return f"{self.name}: ln B {self.ln_b:.1f}, {self.margin:.1f} above {self.second}"
        return f"Unknown: {self.best} or {self.second} ({self.margin:.1f} apart in ln Z)"


def posterior(ln_z: Mapping[str, float], null: float) -> dict[str, float]:
    """Return the probability of each class and of ``none``.

    p_k = pi_k Z_k / (pi_0 Z_0 + sum_j pi_j Z_j), pi_k the yearly rate of class k per source.

    Parameters
    ----------
    ln_z : mapping of str to float
    null : float
        ln Z of the better null.

    Examples
    --------
    >>> found = posterior({"TDE": 12.0, "SN": 2.0}, 0.0)
    >>> round(found["TDE"], 3), round(found["none"], 3)
    (0.98, 0.02)
    """
    prior = {name: TEMPLATES[name].rate / WATCHED for name in ln_z}
    logs = {name: ln_z[name] + np.log(prior[name]) for name in ln_z}
    logs["none"] = null + np.log1p(-sum(prior.values()))
    top = max(logs.values())
    weights = {name: float(np.exp(value - top)) for name, value in logs.items()}
    total = sum(weights.values())
    return {name: value / total for name, value in weights.items()}


def consecutive(curves: Mapping[str, Curve], evidences: Evidences) -> int:
    """Return the most consecutive nights of a band that a nova explains, above 3 sigma."""
    most = 0
    for band, curve in curves.items():
        t0, a, _, amplitude, level = evidences.shapes["NOVA"][band].best
        if amplitude <= 0:
            continue
        high = ((curve.flux - level) > 3 * curve.err) & (curve.mjd >= t0 - a)
        run = 0
        for one in high.tolist():
            run = run + 1 if one else 0
            most = max(most, run)
    return most


def classify(
    evidences: Evidences,
    curves: Mapping[str, Curve],
    colour: float = np.nan,
    colour_err: float = np.nan,
) -> Class:
    """Tell what a source is.

    Parameters
    ----------
    evidences : Evidences
    curves : mapping of str to Curve
    colour, colour_err : float
        g - r at the peak, without dust of the Milky Way [mag]; NaN if unknown.
    """
    ln_z = dict(evidences.ln_z)
    if consecutive(curves, evidences) < CONSECUTIVE:
        del ln_z["NOVA"]
    best, second = sorted(ln_z, key=lambda name: -ln_z[name])[:2]
    ln_b, margin = ln_z[best] - evidences.null, ln_z[best] - ln_z[second]
    name = best if margin > MARGIN else UNKNOWN
    told = {**dict.fromkeys(TEMPLATES, 0.0), **posterior(ln_z, evidences.null)}
    flagged = bool(ln_b > FLAG)
    said = ""
    if flagged and best == "TDE" and np.isfinite(colour):
        name, said = _by_colour(name, second, colour, colour_err)
    return Class(name, best, second, ln_b, margin, told, flagged, said)


def _by_colour(name: str, second: str, colour: float, err: float) -> tuple[str, str]:
    """Let the colour decide between a tidal disruption and a supernova."""
    measured = f"g - r = {colour:.2f} +- {err:.2f} mag at the peak"
    if name == UNKNOWN and second == "SN" and colour < BLUE:
        return "TDE", f"{measured}, bluer than {BLUE:g}: TDE, not SN"
    if name == "TDE" and colour - 2 * err > BLUE:
        return UNKNOWN, f"{measured}, redder than {BLUE:g}: TDE is in doubt"
    return name, ""
