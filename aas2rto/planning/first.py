"""What comes first in a plan: targets of opportunity, then what is pinned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aas2rto.config.sections import Plan
from aas2rto.planning.greedy import by_start
from aas2rto.planning.options import SiteNight, candidates_of
from aas2rto.planning.problem import Ints, Mask, Problem

URGENT = "too_urgent"
"""Column of what a ToO's file says with ``urgent``."""


@dataclass(frozen=True)
class First:
    """Candidates that are planned before all others.

    Parameters
    ----------
    who : list of int
        ToOs by score, then what is pinned by score.
    may : ndarray of bool, shape (options,)
        Which options may serve them: a candidate may be pinned at one site only.
    too, urgent : ndarray of bool, shape (candidates,)
    """

    who: list[int]
    may: Mask
    too: Mask
    urgent: Mask


def first_of(problem: Problem, nights: Sequence[SiteNight]) -> First:
    """Return ToOs and pinned candidates, the most important first."""
    index = pd.Index(candidates_of(nights))
    is_first = np.zeros((len(nights), len(index)), dtype=bool)
    score = np.zeros(len(index))
    too, urgent = np.zeros(len(index), dtype=bool), np.zeros(len(index), dtype=bool)
    for site, night in enumerate(nights):
        rows = index.get_indexer(pd.Index(night.table["candidate_id"]))
        too[rows] = night.table["too"].to_numpy(bool)
        if URGENT in night.table:
            urgent[rows] = night.table[URGENT].fillna(0).to_numpy(bool)
        is_first[site, rows] = too[rows] | night.table["pinned"].to_numpy(bool)
        score[rows] = np.maximum(score[rows], night.table["site_score"].to_numpy(float))
    who = np.flatnonzero(is_first.any(axis=0))
    ordered: list[int] = who[np.lexsort((who, -score[who], ~too[who]))].tolist()
    return First(ordered, is_first[problem.site, problem.candidate], too, urgent & too)


def place_first(problem: Problem, first: First, settings: Plan) -> Ints:
    """Place them: pinned ones at their best, ToOs early and well, urgent ones at once.

    One that finds no room because others before it took all that it could have goes before them:
    they can move, it cannot.

    Returns
    -------
    ndarray of int
        Options, in the order of their starts.
    """
    order, best = first.who, np.empty(0, dtype=np.intp)
    for _ in range(len(first.who)):
        chosen = _in_order(problem, first, order, settings)
        if _rank(problem, first, chosen) > _rank(problem, first, best):
            best = chosen
        served = set(problem.candidate[chosen].tolist())
        lost = [who for who in order if who not in served and (problem.candidate == who).any()]
        again = [*lost, *(who for who in order if who not in lost)]
        if not lost or again == order:
            break
        order = again
    return by_start(problem, best.tolist())


def _rank(problem: Problem, first: First, chosen: Ints) -> tuple[int, int]:
    """Return how many ToOs, and how many candidates at all, a choice serves."""
    served = np.unique(problem.candidate[chosen])
    return int(first.too[served].sum()), len(served)


def _in_order(problem: Problem, first: First, order: Sequence[int], settings: Plan) -> Ints:
    chosen: list[int] = []
    for who in order:
        for _ in range(int(problem.allowed[who])):
            fits = problem.open_beside(chosen)
            own = fits[(problem.candidate[fits] == who) & first.may[fits]]
            if not own.size:
                break
            chosen.append(_best_of(problem, own, first, who, settings))
    return np.array(chosen, dtype=np.intp)


def _best_of(problem: Problem, own: Ints, first: First, who: int, settings: Plan) -> int:
    start, worth, site = problem.start[own], -problem.value[own], problem.site[own]
    if not first.too[who]:
        return int(own[np.lexsort((site, start, worth))[0]])
    if not first.urgent[who]:
        own = own[_is_good(problem, own, settings)]
        start, worth, site = problem.start[own], -problem.value[own], problem.site[own]
    return int(own[np.lexsort((site, worth, start))[0]])


def _is_good(problem: Problem, own: Ints, settings: Plan) -> Mask:
    """Tell which options of a ToO are about as good as the best that is worth waiting for."""
    wait = int(settings.too_wait * 3600 / settings.step)
    soon = problem.start[own] <= problem.start[own].min() + wait
    airmass = problem.airmass[own]
    return np.asarray(soon & (airmass <= settings.too_airmass * airmass[soon].min()))
