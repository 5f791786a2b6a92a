"""Shapes of what may happen to a watched source, with what is believed of them beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Template:
    """A shape g(t; t0, a, b) with a range for each parameter.

    Parameters
    ----------
    name : str
        Of the class: TDE, SN, NOVA, LBV or CLAGN.
    code : int
        As the compiled code calls it.
    rise, fall : tuple of float
        Limits of a and b [d]; both are log-uniform between them.
    words : str
        The shape, for people.
    rate : float
        Events a year among 10,000 watched sources.
    apart : float
        How far the times t0 of two bands are from each other, as a standard deviation [d]: hotter
        light comes first. A choice, of the order of what is seen in the samples of docs/muse.md.
    fades : bool
        Whether it may be a dimming, too.
    """

    name: str
    code: int
    rise: tuple[float, float]
    fall: tuple[float, float]
    words: str
    rate: float
    apart: float
    fades: bool = False

    def box(self, first: float, last: float) -> Floats:
        """Return lowest value and span of t0 [d], ln a and ln b; t0 from `first` to `last`."""
        low = (first, np.log(self.rise[0]), np.log(self.fall[0]))
        high = (last, np.log(self.rise[1]), np.log(self.fall[1]))
        return np.array(
            [[one, max(other - one, 1e-9)] for one, other in zip(low, high, strict=True)]
        )


TEMPLATES: dict[str, Template] = {
    one.name: one
    for one in (
        Template(
            "TDE", 0, (5, 60), (10, 300), "Gaussian rise, (1 + t / b)^(-5/3) decline", 3.0, 10.0
        ),
        Template(
            "SN", 1, (1, 12), (8, 80), "exponential rise and decline (Bazin et al. 2009)", 4.0, 5.0
        ),
        Template("NOVA", 2, (0.1, 3), (1, 60), "linear rise, exponential decline", 4.0, 2.0),
        Template(
            "LBV", 3, (30, 200), (200, 3000), "logistic rise, slow exponential decline", 0.5, 30.0
        ),
        Template(
            "CLAGN", 4, (10, 300), (1, 2), "logistic change to another level", 6.0, 30.0, fades=True
        ),
    )
}
"""By class. Ranges and rates are those of the design note of the OpenAstro project (Sect. 5.3, 7.2:
"central estimate 20 a year among 10,000 sources"). A TDE declines as t^(-5/3), Rees (1988), Nature
333, 523; the shape of a SN is that of Bazin et al. (2009), A&A 499, 653."""

CLASSES = tuple(TEMPLATES)
"""In the order of the compiled code."""

WATCHED = 10_000.0
"""Sources to which the rates refer."""


def curve(name: str, mjd: ArrayLike, t0: float, a: float, b: float) -> Floats:
    """Return a shape at some times, 1 at its peak (CLAGN: at its new level).

    Parameters
    ----------
    name : str
        See `TEMPLATES`.
    mjd : array_like of float
        [d].
    t0 : float
        TDE and NOVA: the peak; SN: about the peak; LBV and CLAGN: the middle of the rise [d].
    a, b : float
        Rise and fall [d].

    Examples
    --------
    >>> curve("TDE", [0.0, 10.0, 20.0], 10.0, 5.0, 30.0).round(3).tolist()
    [0.135, 1.0, 0.619]
    """
    from aas2rto.models.compiled.anomaly_shapes import shapes  # noqa: PLC0415  numba takes a while

    x = np.atleast_1d(np.asarray(mjd, dtype=float)) - t0
    return np.asarray(shapes(TEMPLATES[name].code, x, float(a), float(b)))


def peak_after(name: str, a: float, b: float) -> float:
    """Return how long after t0 the shape is largest [d]; CLAGN: has made 98 % of its change.

    The Bazin shape peaks at a ln(b / a - 1), the LBV's where 4 / a / (1 + exp(4 x / a)) = 1 / b.

    Examples
    --------
    >>> peak_after("TDE", 5.0, 30.0), round(peak_after("SN", 3.0, 30.0), 2)
    (0.0, 6.59)
    """
    if name == "SN":
        return float(a * np.log(max(b / a - 1.0, 1e-6)))
    if name == "LBV":
        return float(a / 4.0 * np.log(max(4.0 * b / a - 1.0, 1.0)))
    return float(a) if name == "CLAGN" else 0.0
