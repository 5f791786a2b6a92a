"""Several nights at once: who is worth more on a night to come than tonight.

An assignment of candidates to slots of all telescopes on all nights, under the expected weather.
With V_h the value of a candidate on the night h at a site, q the share of nights that can be used,
and J_h what the nights from h on are worth to it (`aas2rto.factors.success`, the largest of all
sites), to plan it for the night h is worth

    q V_h + (1 - q) J_(h+1):

the night is good and it is observed, or it is lost and it waits on. Not to plan it within n nights
leaves J_n. The gain is the difference; tonight, with q = 1 and n = 1, it is V_0 - J_1, which is
what a plan of one night goes by. The sum of the gains is made as large as it can be by the
programme of `aas2rto.planning.joint`, in which a telescope counts anew for every night.

The nights are solved as if all were known in the evening of the first. It is solved again every
night, so that only tonight's part of it is ever carried out (a rolling horizon).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from aas2rto.config.sections import Plan
from aas2rto.factors.success import worth_waiting
from aas2rto.planning import timeline
from aas2rto.planning.greedy import greedy
from aas2rto.planning.joint import optimise
from aas2rto.planning.options import SiteNight, grid_of, problem_of
from aas2rto.planning.problem import Floats

LEAST = 1e-6
"""What gains less is no option: not to plan it is worth as much."""


@dataclass(frozen=True)
class Several:
    """What the nights bring, if all are as expected.

    Parameters
    ----------
    later : DataFrame
        Slots of the nights after tonight, see `aas2rto.planning.timeline`, and ``night``, 1 for
        tomorrow.
    tonight : tuple of str
        Whom the assignment gives tonight.
    expected : ndarray of float, shape (n,)
        Expected successes by night, tonight first: the sum of V, times q after tonight; without
        what a person asked for.
    status : str
        What the solver said, see `aas2rto.planning.joint.Optimum`.
    """

    later: pd.DataFrame
    tonight: tuple[str, ...]
    expected: Floats
    status: str


def gains(values: Sequence[Floats], usable: float, nights: int) -> list[Floats]:
    """Return what is gained by planning each candidate for each night, by site.

    Parameters
    ----------
    values : sequence of ndarray, shape (n, m)
        V of the same n candidates at each site, tonight first; 0 where it cannot be observed. All
        of the m nights count for J; at least `nights`.
    usable : float
        q, 0 to 1.
    nights : int
        For so many nights, tonight too, there is a plan.

    Returns
    -------
    list of ndarray, shape (n, nights)
        At or below 0 where it is better not to plan it then and there.

    Examples
    --------
    Tonight alone: V_0 - J_1.

    >>> gains([np.array([[0.6, 0.8, 0.0]])], 0.5, 1)[0].round(2).tolist()
    [[0.2]]
    """
    n = len(values[0])
    rest = np.max([worth_waiting(one[:, 1:], usable) for one in values], axis=0)
    # J_1, J_2 ... J_nights: what is left after tonight, tomorrow ...
    left = np.column_stack([rest, np.zeros(n)])[:, :nights]
    share = np.full(nights, usable)
    share[0] = 1.0
    return [share * one[:, :nights] + (1.0 - share) * left - left[:, -1:] for one in values]


def assign(
    nights: Sequence[Sequence[SiteNight]],
    settings: Plan,
    *,
    usable: float,
) -> Several:
    """Assign candidates to slots of several nights.

    Parameters
    ----------
    nights : sequence of sequence of SiteNight
        For each night, tonight first, those of the sites; ``worth`` in their tables is the gain,
        ``site_score`` is V.
    settings : Plan
    usable : float
        q.
    """
    flat = [with_gain(site) for night in nights for site in night]
    if not flat:
        nothing = timeline.empty().assign(night=np.empty(0, dtype=int))
        return Several(nothing, (), np.zeros(len(nights)), "optimal")
    number = np.repeat(np.arange(len(nights)), [len(night) for night in nights])
    once = settings.model_copy(update={"visits": 1})
    grid = grid_of(flat, once)
    problem = problem_of(flat, grid, once)
    best = optimise(problem, gap=settings.optimality_gap, time_limit=settings.time_limit)
    quick = greedy(problem)
    chosen = quick
    if best.chosen is not None and problem.worth(best.chosen) >= problem.worth(quick):
        chosen = best.chosen
    slots = timeline.slots_of(flat, problem, chosen, grid, once)
    # Slots come site by site, as they were asked for: so many of each night and site.
    each = np.bincount(problem.site[chosen], minlength=len(flat))
    slots = slots.assign(night=np.repeat(number, each)).drop(columns="option")
    share = np.where(np.arange(len(nights)) == 0, 1.0, usable)
    asked = slots["too"].to_numpy(bool) | slots["pinned"].to_numpy(bool)
    chance = np.where(asked, 0.0, slots["site_score"].to_numpy(float))
    sums = np.bincount(slots["night"].to_numpy(int), chance, minlength=len(nights))
    later = slots[slots["night"] > 0].sort_values(["night", "observatory", "start"])
    return Several(
        later.reset_index(drop=True),
        tuple(slots.loc[slots["night"] == 0, "candidate_id"]),
        share * sums,
        best.status,
    )


def with_gain(night: SiteNight) -> SiteNight:
    """Leave out of a night what gains nothing on it."""
    table = night.table
    if "worth" not in table:
        return night
    return replace(night, table=table[table["worth"] > LEAST].reset_index(drop=True))


def tonight_of(nights: Sequence[SiteNight], found: Several) -> list[SiteNight]:
    """Return tonight without whom the assignment keeps for later; asked for, he stays.

    Parameters
    ----------
    nights : sequence of SiteNight
        Tonight, as a plan of one night takes it: whom nothing is gained by waiting with, fills it.
    found : Several
    """
    kept_for_later = set(found.later["candidate_id"])
    told: list[SiteNight] = []
    for night in nights:
        table = night.table
        asked = table["too"].to_numpy(bool) | table["pinned"].to_numpy(bool)
        stays = asked | ~table["candidate_id"].isin(kept_for_later).to_numpy(bool)
        told.append(replace(night, table=table[stays].reset_index(drop=True)))
    return told
