"""What may be put into a night: one option per candidate, site and start.

Time is cut into steps that all sites share. An option is a visit that a telescope can make: from
its start on, the candidate is within all limits for its whole length. A plan is a set of options
that do not get into each other's way; its worth is the sum of their values.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Problem:
    """All options of a night.

    Parameters
    ----------
    candidate, site : ndarray of int, shape (k,)
        Whom an option observes, and from where.
    start, length : ndarray of int, shape (k,)
        Its first step, and how many it takes.
    value : ndarray of float, shape (k,)
        What it is worth, above 0.
    allowed : ndarray of int, shape (n,)
        How often each candidate may still be visited.
    gap : int
        Steps between the end of a visit to a candidate and the start of the next one.
    airmass : ndarray of float, shape (k,), optional
        At the middle of each option; 1 where nobody says.
    """

    candidate: Ints
    site: Ints
    start: Ints
    length: Ints
    value: Floats
    allowed: Ints
    gap: int = 0
    airmass: Floats = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if len(self.airmass) != len(self.value):
            object.__setattr__(self, "airmass", np.ones(len(self.value)))

    def __len__(self) -> int:
        return len(self.value)

    @property
    def n_sites(self) -> int:
        """Number of sites that have options."""
        return int(self.site.max(initial=-1)) + 1

    @functools.cached_property
    def end(self) -> Ints:
        """The step after the last one of each option."""
        return self.start + self.length

    def worth(self, chosen: Sequence[int] | Ints) -> float:
        """Sum the values of some options."""
        return float(self.value[np.asarray(chosen, dtype=np.intp)].sum())

    def only(self, keep: Mask | Ints) -> Problem:
        """Return the problem with some of the options."""
        return replace(
            self,
            candidate=self.candidate[keep],
            site=self.site[keep],
            start=self.start[keep],
            length=self.length[keep],
            value=self.value[keep],
            airmass=self.airmass[keep],
        )

    def open_beside(self, chosen: Sequence[int] | Ints) -> Ints:
        """Return the options that can be added to those chosen, each by itself.

        Parameters
        ----------
        chosen : sequence of int
            Options that do not get into each other's way.
        """
        fits = np.ones(len(self), dtype=bool)
        spent = np.zeros(len(self.allowed), dtype=np.intp)
        for one in chosen:
            same_site = self.site == self.site[one]
            fits &= ~(same_site & (self.start < self.end[one]) & (self.end > self.start[one]))
            who = self.candidate[one]
            spent[who] += 1
            near = (self.start < self.end[one] + self.gap) & (self.end + self.gap > self.start[one])
            fits &= ~((self.candidate == who) & near)
        return np.flatnonzero(fits & (spent < self.allowed)[self.candidate])

    def after(self, chosen: Sequence[int] | Ints) -> tuple[Problem, Ints]:
        """Return what is left when some options are taken, and which options these were."""
        left = self.open_beside(chosen)
        allowed = self.allowed - np.bincount(
            self.candidate[np.asarray(chosen, dtype=np.intp)], minlength=len(self.allowed)
        )
        return replace(self.only(left), allowed=allowed), left


def join(parts: Sequence[Problem]) -> Problem:
    """Put the options of several sites together; they share candidates, gap and allowance."""
    return replace(
        parts[0],
        candidate=np.concatenate([part.candidate for part in parts]),
        site=np.concatenate([part.site for part in parts]),
        start=np.concatenate([part.start for part in parts]),
        length=np.concatenate([part.length for part in parts]),
        value=np.concatenate([part.value for part in parts]),
        airmass=np.concatenate([part.airmass for part in parts]),
    )
