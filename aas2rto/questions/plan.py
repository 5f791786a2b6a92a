"""Lists and plans from the stored state, for now or for a night to come; nothing is stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.errors import UsageError
from aas2rto.factors import Decision
from aas2rto.planning import NightPlan, SiteNight, make_plan
from aas2rto.planning.closures import closed
from aas2rto.planning.earlier import Earlier, kept_of, with_past_closures
from aas2rto.sky import visibility
from aas2rto.sky.observatory import Observatory
from aas2rto.steps.cycle import Judged, Parts, Ranking, Scored
from aas2rto.steps.fit_memory import FitMemory, OnlyRead
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import as_known
from aas2rto.steps.rank import rank_site
from aas2rto.store import Store


def outlook(
    parts: Parts,
    store: Store,
    now: Time,
    *,
    at: Time | None = None,
    memory: FitMemory | None = None,
    also: Collection[str] = (),
) -> Judged:
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
    memory : FitMemory, optional
        Who asks several times may remember the fits; by default they are read from the store.
    also : collection of str
        Candidates that are judged beside those that are active.
    """
    known = as_known(parts, store, now, also=also)
    return judge(parts, known, at or now, memory=memory or OnlyRead(store.fits), tomorrow=True)


def plan_stored(
    parts: Parts,
    store: Store,
    now: Time,
    *,
    sites: Sequence[Observatory] = (),
    date: float | None = None,
    close: Iterable[tuple[str, str]] = (),
    earlier: Earlier | None = None,
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
    earlier : Earlier, optional
        A plan that is running: what was observed of it is done, what is running is kept.
    solve : bool
        If False, the greedy plan is taken.

    Raises
    ------
    UsageError
        If the night of `date` is over.
    """
    moments = moments_of(sites or parts.case.observatories, now, date)
    at = None if date is None else min(when for _, when in moments)
    judged, pairs = outlook(parts, store, now, at=at), tuple(close)
    if earlier is None:
        return plan_of(parts, judged, now, moments=moments, close=pairs, solve=solve)
    mjd, table = float(now.utc.mjd), judged.scored.table
    nights = [
        with_past_closures(site_night(parts, judged.scored, site, when, close=pairs), earlier, mjd)
        for site, when in moments
    ]
    out = set(table.loc[table["mark"] != "", "candidate_id"])
    kept = kept_of(earlier.slots, nights, store.marks.as_known(mjd), mjd, out=out)
    return make_plan(nights, parts.case.config.plan, now, kept=kept, solve=solve)


def plan_of(
    parts: Parts,
    judged: Judged,
    now: Time,
    *,
    moments: Sequence[tuple[Observatory, Time]] = (),
    close: Iterable[tuple[str, str]] = (),
    solve: bool = True,
) -> NightPlan:
    """Plan tonight from an assessment, see `plan_stored`.

    Parameters
    ----------
    parts, judged, now
        See `outlook`.
    moments : sequence of (observatory, time)
        From `moments_of`; by default all of the science case now.
    close, solve
        See `plan_stored`.
    """
    pairs = tuple(close)
    nights = [
        site_night(parts, judged.scored, site, when, close=pairs)
        for site, when in moments or moments_of(parts.case.observatories, now)
    ]
    return make_plan(nights, parts.case.config.plan, now, solve=solve)


def moments_of(
    sites: Sequence[Observatory], now: Time, date: float | None = None
) -> list[tuple[Observatory, Time]]:
    """Return, for each site, a time before or in the night that is meant.

    Parameters
    ----------
    sites : sequence of Observatory
    now : Time
    date : float, optional
        MJD of the local date on whose evening the night begins. Sites at which that night is over
        are left out.

    Raises
    ------
    UsageError
        If it is over everywhere.
    """
    if date is None:
        return [(site, now) for site in sites]
    found = []
    for site in sites:
        noon = Time(date + 0.5 - site.longitude_deg / 360.0, format="mjd", scale="utc")
        if not visibility.night(site, noon).end <= now.utc.mjd:
            found.append((site, max(now, noon)))
    if not found:
        raise UsageError(
            f"--date: the night of {Time(date, format='mjd').iso[:10]} is over; choose a later "
            "one, or an earlier --now"
        )
    return found


def site_night(
    parts: Parts,
    scored: Scored,
    site: Observatory,
    when: Time,
    *,
    close: Iterable[tuple[str, str]] = (),
) -> SiteNight:
    """Return a site's night and its list.

    Factors that speak of a moment, such as the altitude now, say nothing of a night: they are left
    out, and the altitude is taken at each slot.
    """
    kept = scored.rows(Decision.KEEP)
    return night_of(parts, kept, ranked(parts, kept, site, when), site, when, close=close)


def ranked(parts: Parts, kept: pd.DataFrame, site: Observatory, when: Time) -> Ranking:
    """Rank for a whole night, see `site_night`."""
    lasting = [factor for factor in parts.site_factors if not factor.instant]
    return rank_site(site, kept, lasting, when, min_altitude=parts.min_altitude, tomorrow=True)


def night_of(
    parts: Parts,
    kept: pd.DataFrame,
    ranking: Ranking,
    site: Observatory,
    when: Time,
    *,
    close: Iterable[tuple[str, str]] = (),
) -> SiteNight:
    """Return a site's night from its list, see `site_night`."""
    settings = parts.case.config.plan
    least = parts.case.config.score.min_value
    table = worth_a_slot(ranking.table, least)
    worth, seen_by = table["site_score"] * gained(ranking, kept, table), parts.site_factors[0]
    if settings.worth == "slot" and not seen_by.instant:
        worth = worth / table.get(f"factor_{seen_by.name}", 1.0)
    night = visibility.night(site, when)
    begin = night.observing_start(when.utc.mjd)
    return SiteNight(
        observatory=site,
        night=night,
        begin=begin,
        table=table.assign(worth=worth),
        min_altitude=parts.min_altitude,
        closed=shut(parts, site, begin, night.end, close),
        out=ranking.out,
        waiting=waiting(ranking, kept, least=least),
        by_altitude=settings.worth == "slot" or seen_by.instant,
    )


def shut(
    parts: Parts,
    site: Observatory,
    begin: float,
    end: float,
    close: Iterable[tuple[str, str]] = (),
) -> tuple[tuple[float, float], ...]:
    """Return when a site is closed in a night: by the config, and by `close`."""
    if not np.isfinite(begin):
        return ()
    return closed(site.name, begin, end, always=parts.case.config.plan.closed, tonight=close)


LEAST_GAIN = 0.01
"""What is worth as much later is still worth a slot that nobody else wants."""


def gained(ranking: Ranking, kept: pd.DataFrame, table: pd.DataFrame) -> NDArray[np.float64]:
    """Return which share of its worth is lost if it is not observed tonight: 1 - J / V.

    So a slot goes to what cannot wait, see `aas2rto.factors.wait`; 1 where nothing looks ahead.

    Parameters
    ----------
    ranking : Ranking
        Of the site.
    kept : DataFrame
        What was ranked, in the order of the site's columns.
    table : DataFrame
        Candidates that are asked for.
    """
    column = ranking.column_with("waiting")
    if column is None:
        return np.ones(len(table))
    later, tonight = (np.asarray(column.factor.inputs[k], float) for k in ("waiting", "tonight"))
    share = np.where(tonight > 0, 1.0 - later / np.where(tonight > 0, tonight, 1.0), 1.0)
    found = pd.Series(np.clip(share, LEAST_GAIN, 1.0), index=kept["candidate_id"].to_numpy(object))
    return found.reindex(table["candidate_id"].to_numpy(object)).to_numpy(float)


def waiting(ranking: Ranking, kept: pd.DataFrame, *, least: float | None = None) -> pd.DataFrame:
    """Return who is out of a site's list for a better night, see `SiteNight`.

    Parameters
    ----------
    ranking : Ranking
        Of the site.
    kept : DataFrame
        What was ranked, in the order of the site's columns.
    least : float, optional
        What its best night must be worth.
    """
    column = ranking.column_with("best_night")
    if column is None:
        return pd.DataFrame()
    facts = {k: np.asarray(column.factor.inputs[k], float) for k in ("tonight", "best")}
    table = kept[["candidate_id", "name", "ra", "dec"]].assign(
        **facts, best_night=np.asarray(column.factor.inputs["best_night"], float)
    )
    # Also who is out of reach tonight, which another factor says first: its best night is to come.
    good = (column.factor.decision == Decision.EXCLUDE) & np.isfinite(table["best_night"])
    good &= table["best"] >= (least or 0.0)
    chosen: pd.DataFrame = table[good].reset_index(drop=True)
    return chosen


def worth_a_slot(table: pd.DataFrame, least: float | None) -> pd.DataFrame:
    """Leave out what is below the config's `min_value`, unless a person asked for it."""
    if least is None:
        return table
    wanted = table["too"].to_numpy(bool) | table["pinned"].to_numpy(bool)
    good: pd.DataFrame = table[wanted | (table["site_score"].to_numpy(float) >= least)]
    return good.reset_index(drop=True)
