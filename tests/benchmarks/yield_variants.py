"""Rows of `bench_yield` with one thing changed, to see what limits the harvest.

Variants stand beside each other in one sky, as candidates of their own, which do not see each other
(`tests/factors/test_wait.py`). What is known of them is changed where `value` and `wait` read it,
see `aas2rto.factors.success.posterior`; everything else is the program's own.

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

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from aas2rto.factors import success
from aas2rto.factors.success import Posterior
from aas2rto.steps.column import BoundFactor
from aas2rto.steps.cycle import Parts
from tests.benchmarks.yield_sky import Truth, World

KNOWN_TO = 0.05
"""Error of a known peak [d]: an hour, as long as a spectrum takes."""
BIAS = 1.0
"""[d]"""
TOLD, LATENCY = ("peaks", "types", "late", "early"), "latency"
READERS = ("aas2rto.factors.value.posterior", "aas2rto.factors.wait.posterior")


ORIGINAL: Callable[..., Posterior] = success.posterior


def beside(made: World, variants: Sequence[str]) -> World:
    """Return a sky with a copy of every episode for each variant, one variant after the other.

    Raises
    ------
    ValueError
        If there is no such variant.
    """
    n = len(made.episodes)
    episodes, states = [], []
    for k, variant in enumerate(variants):
        if variant not in {"", LATENCY, *TOLD} and not variant.startswith("q"):
            raise ValueError(f"{variant}: no such variant, see {__name__}")
        name = made.episodes["candidate_id"] + (f"@{variant}" if variant else "")
        late = int(variant == LATENCY)
        own = made.states
        episodes.append(made.episodes.assign(candidate_id=name))
        states.append(
            own.assign(
                episode=own["episode"] + k * n, begin=own["begin"] + late, end=own["end"] + late
            )
        )
    truth, copies = made.truth, len(variants)
    return replace(
        made,
        start=np.append(np.tile(made.start[:-1], copies), made.start[-1]),
        episodes=pd.concat(episodes, ignore_index=True),
        truth=Truth(
            np.tile(truth.is_ia, copies),
            np.tile(truth.is_other, copies),
            np.tile(truth.t_true, copies),
            np.tile(truth.mag, (copies, 1)),
        ),
        states=pd.concat(states, ignore_index=True),
        summaries=pd.concat([made.summaries] * copies, ignore_index=True),
    )


def variant_of(names: pd.Series) -> np.ndarray:
    """Return of which variant each candidate is."""
    return np.array([name.partition("@")[2] for name in names.tolist()], dtype=object)


@contextmanager
def told(sky: World) -> Iterator[None]:
    """Let `value` and `wait` read of each candidate what its variant says."""
    names = sky.episodes["candidate_id"]
    episode = pd.Series(names.index.to_numpy(), index=names)

    def reads(candidates: pd.DataFrame, **settings: Any) -> Posterior:
        own = episode.loc[candidates["candidate_id"]].to_numpy(int)
        variant = variant_of(candidates["candidate_id"])
        return changed(ORIGINAL(candidates, **settings), variant, sky.truth, own)

    with mock.patch(READERS[0], reads), mock.patch(READERS[1], reads):
        yield


def changed(found: Posterior, variant: np.ndarray, truth: Truth, episode: np.ndarray) -> Posterior:
    """Change a posterior; peaks are moved together with the light curves that belong to them."""
    is_ia = np.where(np.isfinite(found.p), truth.is_ia[episode].astype(float), np.nan)
    days = np.select(
        [variant == "peaks", variant == "late", variant == "early"],
        [truth.t_true[episode] - found.t_peak, BIAS, -BIAS],
        0.0,
    )
    known = (variant == "peaks") & (found.t_peak_err > 0)
    t0 = f"{found.salt}_t0"
    candidates = found.candidates
    if t0 in candidates:
        candidates = candidates.assign(**{t0: candidates[t0].to_numpy(float) + days})
    return replace(
        found,
        p=np.where(variant == "types", is_ia, found.p),
        t_peak=found.t_peak + days,
        t_peak_err=np.where(known, KNOWN_TO, found.t_peak_err),
        candidates=candidates,
    )


def usables(parts: Parts, variants: Sequence[str]) -> dict[tuple[str, ...], Parts]:
    """Return who is ranked by which parts: variants with another `usable` by their own."""
    usual = tuple(v for v in variants if not v.startswith("q"))
    found = {usual: parts} if usual else {}
    for variant in set(variants) - set(usual):
        factors = tuple(with_share(bound, float(variant[1:])) for bound in parts.site_factors)
        found[variant,] = replace(parts, site_factors=factors)
    return found


def with_share(bound: BoundFactor, usable: float) -> BoundFactor:
    return replace(bound, settings={**bound.settings, "usable": usable}) if bound.ahead else bound
