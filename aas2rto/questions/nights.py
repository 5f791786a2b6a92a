"""Plans of several nights at once, from the stored state; nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.errors import UsageError
from aas2rto.factors import Decision
from aas2rto.factors.success import USABLE
from aas2rto.planning import NightPlan, SiteNight, make_plan
from aas2rto.planning.several import Several, assign, gains, tonight_of
from aas2rto.questions.plan import moments_of, night_of, outlook, ranked, shut
from aas2rto.sky import visibility
from aas2rto.sky.night import evening_of
from aas2rto.sky.observatory import Observatory
from aas2rto.steps.column import Column
from aas2rto.steps.cycle import Parts, Ranking
from aas2rto.store import Store

Floats = NDArray[np.float64]

BY_DAY = 0.1
"""So long before dusk it is day, and the coming night is meant [d]."""


@dataclass(frozen=True)
class _Site:
    """A site tonight, its list, and what is worth how much there on which night."""

    night: SiteNight
    ranking: Ranking
    column: Column
    when: float

    @property
    def values(self) -> Floats:
        return np.asarray(self.column.factor.inputs["values"], dtype=float)


def plan_several(
    parts: Parts,
    store: Store,
    now: Time,
    nights: int,
    *,
    sites: Sequence[Observatory] = (),
    date: float | None = None,
    close: Iterable[tuple[str, str]] = (),
    solve: bool = True,
) -> tuple[NightPlan, Several]:
    """Plan tonight with an eye on the nights to come, see `aas2rto.planning.several`.

    Parameters
    ----------
    parts : Parts
    store : Store
        Is only read.
    now : Time
    nights : int
        How many, tonight included.
    sites, date, close, solve
        See `aas2rto.questions.plan.plan_stored`; `close` is of tonight.

    Returns
    -------
    plan : NightPlan
        Tonight, without whom the assignment keeps for later.
    several : Several
        ``later`` has ``evening``, too: its date [d, MJD].

    Raises
    ------
    UsageError
        If the config has no factor that looks ahead.
    """
    bound = next((factor for factor in parts.site_factors if factor.ahead), None)
    if bound is None:
        raise UsageError(
            "--nights: nothing here looks ahead: add `- wait_here` to `score: factors:`"
        )
    usable = float(bound.settings.get("usable", USABLE))
    parts, pairs = looking_ahead(parts, nights), tuple(close)
    moments = moments_of(sites or parts.case.observatories, now, date)
    at = None if date is None else min(when for _, when in moments)
    kept = outlook(parts, store, now, at=at).scored.rows(Decision.KEEP)
    tonight, found = [], []
    for site, when in moments:
        ranking = ranked(parts, kept, site, when)
        night = night_of(parts, kept, ranking, site, when, close=pairs)
        tonight.append(night)
        column = ranking.column_with("values")
        if column is not None:  # else nothing was ranked there
            found.append(_Site(night, ranking, column, float(when.utc.mjd)))
    several = _assigned(parts, found, kept, usable, nights)
    settings = parts.case.config.plan
    return make_plan(tonight_of(tonight, several), settings, now, solve=solve), several


def _assigned(
    parts: Parts, found: Sequence[_Site], kept: pd.DataFrame, usable: float, nights: int
) -> Several:
    gain = gains([one.values for one in found], usable, nights) if found else []
    every = [[_tonight(one, kept, gain[k]) for k, one in enumerate(found)]]
    every += [
        [_later(parts, one, kept, gain[k], h) for k, one in enumerate(found)]
        for h in range(1, nights)
    ]
    several = assign(every, parts.case.config.plan, usable=usable)
    evenings = {one.night.observatory.name: _evening(one.night) for one in found}
    later = several.later
    evening = later["observatory"].map(evenings).astype(float) + later["night"]
    return replace(several, later=later.assign(evening=evening))


def looking_ahead(parts: Parts, nights: int) -> Parts:
    """Return the parts, of which those that look ahead do so for as many nights at least."""

    def longer(bound: Any) -> Any:
        if not 0 < bound.ahead < nights:
            return bound
        return replace(bound, settings={**bound.settings, "nights": nights}, ahead=nights)

    return replace(parts, site_factors=tuple(longer(bound) for bound in parts.site_factors))


def _tonight(site: _Site, kept: pd.DataFrame, gain: Floats) -> SiteNight:
    """Return tonight with the gains for its worth; what is asked for keeps its own."""
    table = site.night.table
    asked = table["too"].to_numpy(bool) | table["pinned"].to_numpy(bool)
    row = pd.Index(kept["candidate_id"]).get_indexer(pd.Index(table["candidate_id"]))
    worth = np.where(asked, table["worth"].to_numpy(float), gain[row, 0])
    return replace(site.night, table=table.assign(worth=worth))


def _later(parts: Parts, site: _Site, kept: pd.DataFrame, gain: Floats, h: int) -> SiteNight:
    """Return a night to come, with all who may be planned then and there."""
    tonight, observatory = site.night, site.night.observatory
    start = float(tonight.night.start)
    before = start - BY_DAY if np.isfinite(start) else site.when
    night = visibility.night(observatory, Time(before + h, format="mjd", scale="utc"))
    value = site.values[:, h]
    good = value >= max(parts.case.config.score.min_value or 0.0, 1e-9)
    good &= kept["candidate_id"].isin(_may_be_planned(parts, site)).to_numpy(bool)
    table = kept[good].reset_index(drop=True)
    table = table.drop(columns=[name for name in ("score_tomorrow",) if name in table]).assign(
        site_score=value[good],
        worth=gain[good, h],
        pinned=False,
        reason=[f"worth {one:.2f} then" for one in value[good].tolist()],
    )
    return replace(
        tonight,
        night=night,
        begin=night.start,
        table=table,
        closed=shut(parts, observatory, night.start, night.end),
    )


def _may_be_planned(parts: Parts, site: _Site) -> set[str]:
    """Return who may be observed on a night to come.

    Who is in tonight's list, who waits, and who is not up tonight; not what a person took out or
    asked for, which is tonight's, nor what the telescope cannot do.
    """
    out, listed = site.ranking.out, site.ranking.table
    for_now = {site.column.name, parts.site_factors[0].name}
    names = set(out.loc[out["factor"].isin(for_now) & ~out["too"].astype(bool), "candidate_id"])
    asked = listed["too"].to_numpy(bool) | listed["pinned"].to_numpy(bool)
    return names | set(listed.loc[~asked, "candidate_id"])


def _evening(night: SiteNight) -> float:
    return float(np.floor(evening_of(night.night.start, night.night.end)))
