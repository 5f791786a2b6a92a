"""Lists and plans from the stored state, for now or for a night to come; nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto import loop, visibility
from aas2rto.config import Plan
from aas2rto.cycle import Cycle, Parts, Scored
from aas2rto.errors import UsageError
from aas2rto.factors import Decision
from aas2rto.feedback import Kind
from aas2rto.observatory import Observatory
from aas2rto.planning import NightPlan, SiteNight, make_plan
from aas2rto.planning.closures import closed
from aas2rto.planning.timeline import DONE, RUNNING, kept_from
from aas2rto.ranking import rank_site
from aas2rto.store import Store


def assess(parts: Parts, store: Store, now: Time, *, at: Time | None = None) -> Cycle:
    """Score and rank the candidates of the store.

    Parameters
    ----------
    parts : Parts
    store : Store
        Is only read.
    now : Time
        What is known.
    at : Time, optional
        For when it is judged; by default `now`, which gives the lists of a cycle at that time.
    """
    cycle = Cycle(at or now)
    prefiltered = loop.look_at(parts, store, now, at=at)
    cycle.photometry = prefiltered.photometry
    table = loop.fit(parts, store, prefiltered, cycle, save=False)
    scored = loop.score(parts, table, prefiltered, cycle.now)
    cycle.scored = loop.with_tomorrow(parts, scored, cycle.photometry, cycle.now)
    cycle.rankings = loop.rank(parts, cycle.scored, cycle.now)
    return cycle


def plan_stored(
    parts: Parts,
    store: Store,
    now: Time,
    *,
    sites: Sequence[Observatory] = (),
    date: float | None = None,
    close: Iterable[tuple[str, str]] = (),
    earlier: pd.DataFrame | None = None,
    solve: bool = True,
) -> NightPlan:
    """Plan tonight from the stored state.

    Parameters
    ----------
    parts : Parts
    store : Store
        Is only read.
    now : Time
        What is known; planning starts now, or at dusk.
    sites : sequence of Observatory
        All of the science case by default.
    date : float, optional
        MJD of the local date on whose evening the night begins; by default the current night, or
        by day the coming one.
    close : iterable of (name, interval)
        Beside the intervals of the config, see `aas2rto.planning.closures`.
    earlier : DataFrame, optional
        Slots of an earlier plan: what is over stays so, what is running is kept.
    solve : bool
        If False, the greedy plan is taken.

    Raises
    ------
    UsageError
        If the night of `date` is over.
    """
    sites = tuple(sites) or parts.case.observatories
    moments = [_moment(site, now, date) for site in sites]
    at = now if date is None else Time(min(moments), format="mjd", scale="utc")
    cycle = assess(parts, store, now, at=at)
    if cycle.scored is None:
        raise RuntimeError("an assessment always scores")
    settings = parts.case.config.plan
    pairs = tuple(close)
    nights = [
        site_night(
            parts, cycle.scored, site, Time(when, format="mjd", scale="utc"), settings, pairs
        )
        for site, when in zip(sites, moments, strict=True)
    ]
    kept = None
    if earlier is not None:
        kept = _still_true(
            kept_from(earlier, nights, now.utc.mjd), cycle.scored, store.feedback(now.utc.mjd)
        )
    return make_plan(nights, settings, now, kept=kept, solve=solve)


def _moment(site: Observatory, now: Time, date: float | None) -> float:
    """Return a time before or in the night that is meant [d, MJD UTC]."""
    if date is None:
        return float(now.utc.mjd)
    noon = date + 0.5 - site.longitude_deg / 360.0
    night = visibility.night(site, Time(noon, format="mjd", scale="utc"))
    if night.end <= now.utc.mjd:
        raise UsageError(
            f"--date: at {site.name} the night of {Time(date, format='mjd').iso[:10]} is over; "
            "choose a later one, or an earlier --now"
        )
    return max(float(now.utc.mjd), noon)


def site_night(
    parts: Parts,
    scored: Scored,
    site: Observatory,
    when: Time,
    settings: Plan,
    close: Iterable[tuple[str, str]] = (),
) -> SiteNight:
    """Return a site's night and its list.

    Factors that speak of a moment, such as the altitude now, say nothing of a night: they are left
    out, and the altitude is taken at each slot.
    """
    lasting = [factor for factor in parts.site_factors if not factor.instant]
    ranking = rank_site(
        site,
        scored.rows(Decision.KEEP),
        lasting,
        when,
        min_altitude=parts.min_altitude,
        tomorrow=True,
    )
    night = visibility.night(site, when)
    begin = night.observing_start(when.utc.mjd)
    return SiteNight(
        observatory=site,
        night=night,
        begin=begin,
        table=ranking.table,
        min_altitude=parts.min_altitude,
        closed=closed(
            site.name, begin, night.end, always=settings.closed, tonight=close
        ) if np.isfinite(begin) else (),
        by_altitude=len(lasting) < len(parts.site_factors),
    )  # fmt: skip


def _still_true(kept: pd.DataFrame, scored: Scored, feedback: pd.DataFrame) -> pd.DataFrame:
    """Correct what an earlier plan says by what people said since.

    What they took out while it was running is over, and the telescope is free; what was not
    observed after all (``observed --until now``) is open again.
    """
    table = scored.table
    out = set(table.loc[table["mark"] != "", "candidate_id"])
    stopped = (kept["state"] == RUNNING) & kept["candidate_id"].isin(out)
    back = feedback[(feedback["kind"] == Kind.OBSERVED) & (feedback["until"] <= feedback["at"])]
    last = back.groupby("candidate_id")["at"].max()
    missed = kept["candidate_id"].map(last) > kept["start"]
    missed &= (kept["state"] == DONE) & ~kept["candidate_id"].isin(out)
    return kept[~stopped & ~missed].reset_index(drop=True)


def closed_for_good(nights: Sequence[SiteNight], names: Iterable[str]) -> list[SiteNight]:
    """Return nights with some observatories closed all night."""
    shut = set(names)
    return [
        replace(one, closed=((-np.inf, np.inf),)) if one.observatory.name in shut else one
        for one in nights
    ]
