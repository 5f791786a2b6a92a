"""Rows of `bench_yield` with one thing changed, to see what limits the harvest.

What is known of a candidate is changed where `value` and `wait` read it, see
`aas2rto.factors.success.posterior`; everything else is the program's own.

``peaks``
    t0 is the true one, known to 0.05 d; the fitted light curve moves along.
``types``
    P(SN Ia) is 1 for what is one (91T and 91bg, too), else 0.
``late``, ``early``
    t0 is found a day too late, too early, with the same error.
``latency``
    Everything is known a night later.
``q0.1``
    `usable` of `wait_here`: any number behind the q.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import numpy as np

from aas2rto.factors import success
from aas2rto.factors.success import Posterior
from aas2rto.steps.column import BoundFactor
from aas2rto.steps.cycle import Parts
from tests.benchmarks.yield_sky import World

KNOWN_TO = 0.05
"""Error of a known peak [d]: an hour, as long as a spectrum takes."""
BIAS = 1.0
"""[d]"""
TOLD, LATENCY = ("peaks", "types", "late", "early"), "latency"
READERS = ("aas2rto.factors.value.posterior", "aas2rto.factors.wait.posterior")


@dataclass(frozen=True)
class Told:
    """What is told of the candidates instead of what the fits say.

    Parameters
    ----------
    made : World
    what : str
        ``peaks``, ``types``, ``late`` or ``early``.
    """

    made: World
    what: str

    def __call__(self, candidates: Any, **settings: Any) -> Posterior:
        """Return the posterior of the fits, changed."""
        found = ORIGINAL(candidates, **settings)
        names = self.made.episodes["candidate_id"]
        episode = names.reset_index().set_index("candidate_id")["index"]
        own = episode.loc[candidates["candidate_id"]].to_numpy(int)
        if self.what == "types":
            is_ia = self.made.truth.is_ia[own].astype(float)
            return replace(found, p=np.where(np.isfinite(found.p), is_ia, np.nan))
        if self.what == "peaks":
            error = np.where(found.t_peak_err > 0, KNOWN_TO, found.t_peak_err)
            moved = moved_by(found, self.made.truth.t_true[own] - found.t_peak)
            return replace(moved, t_peak_err=error)
        return moved_by(found, np.full(len(own), BIAS if self.what == "late" else -BIAS))


ORIGINAL: Callable[..., Posterior] = success.posterior


def moved_by(found: Posterior, days: np.ndarray) -> Posterior:
    """Move peaks and the light curves that belong to them."""
    t0 = f"{found.salt}_t0"
    if t0 not in found.candidates:
        return found
    moved = found.candidates.assign(**{t0: found.candidates[t0].to_numpy(float) + days})
    return replace(found, t_peak=found.t_peak + days, candidates=moved)


@contextmanager
def told(made: World, variant: str) -> Iterator[None]:
    """Let `value` and `wait` read what a variant says."""
    if variant not in TOLD:
        yield
        return
    reads = Told(made, variant)
    with mock.patch(READERS[0], reads), mock.patch(READERS[1], reads):
        yield


def changed(parts: Parts, variant: str) -> Parts:
    """Return the parts of a variant.

    Raises
    ------
    ValueError
        If there is no such variant.
    """
    if variant.startswith("q"):
        factors = tuple(with_share(bound, float(variant[1:])) for bound in parts.site_factors)
        return replace(parts, site_factors=factors)
    if variant not in {"", LATENCY, *TOLD}:
        raise ValueError(f"{variant}: no such variant, see {__name__}")
    return parts


def a_night_later(made: World) -> World:
    """Return a sky of which everything is known a night later."""
    states = made.states
    return replace(made, states=states.assign(begin=states["begin"] + 1, end=states["end"] + 1))


def with_share(bound: BoundFactor, usable: float) -> BoundFactor:
    return replace(bound, settings={**bound.settings, "usable": usable}) if bound.ahead else bound
