"""Scores x visibility -> one ranking per observatory.

Pinned candidates come first. Ties are broken by the brighter last magnitude, then by the
candidate's id, so that the same store, config and time give the same list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.factors import Decision
from aas2rto.guard import Failure, attempt
from aas2rto.sky import visibility
from aas2rto.sky.ahead import COLUMN, SEEN, TONIGHT, nights_ahead
from aas2rto.sky.observatory import Observatory
from aas2rto.steps.column import RULES, BoundFactor, Column
from aas2rto.steps.combine import LABELS, combine, joined, why
from aas2rto.steps.cycle import Parts, Ranking, Scored
from aas2rto.steps.evaluate import evaluate
from aas2rto.steps.rules import beyond_telescope, taken_out
from aas2rto.tables import marks
from aas2rto.text.late import Late

Favoured = tuple[frozenset[str], float]
"""Who stood at the top before, and by what factor another must be better to take that place."""
NOBODY: Favoured = (frozenset(), 1.0)

AFTER_DAWN = 0.01
"""[d] after the end of a night, the next one is meant."""


def rank(
    parts: Parts,
    scored: Scored,
    now: Time,
    *,
    in_full: bool = False,
    leaders: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> list[Ranking]:
    """Step 6: rank what was kept, once without a site, then for each observatory.

    Parameters
    ----------
    parts : Parts
    scored : Scored
    now : Time
    in_full : bool
        Rank also what is out.
    leaders : mapping
        By observatory, whose score counts by ``score: hysteresis`` more than it is.
    """
    kept = scored.table if in_full else scored.rows(Decision.KEEP)
    bonus = parts.case.config.score.hysteresis
    sites = [
        rank_site(
            site,
            kept,
            parts.site_factors,
            now,
            min_altitude=parts.min_altitude,
            favoured=(leaders.get(site.name, frozenset()), bonus),
        )
        for site in parts.case.observatories
    ]
    return [with_reach(rank_science(kept), sites), *sites]


NOWHERE = "reachable from no site tonight"

WAITS = "waits for a better night at every site that can take it"
"""What the science list says of a candidate that a factor such as `wait_here` holds back."""


def with_reach(science: Ranking, sites: Sequence[Ranking]) -> Ranking:
    """Say in the science list from where candidates can be observed tonight.

    ``reachable_from`` holds the names of observatories, with blanks between; where it is empty,
    the reason says so.
    """
    table = science.table
    row = pd.Index(table["candidate_id"].to_numpy(object))
    reached = np.zeros(len(table), dtype=int)
    for place, site in enumerate(sites):
        at = row.get_indexer(pd.Index(site.table["candidate_id"].to_numpy(object)))
        reached[at[at >= 0]] |= 1 << place
    codes, which = np.unique(reached, return_inverse=True)
    texts = [
        " ".join(site.observatory for place, site in enumerate(sites) if code >> place & 1)
        for code in codes.tolist()
    ]
    words = Late.of(table["reason"].array, len(table))
    waits = row.isin({name for site in sites for name in _waiting(site)})
    why = Late.where(waits, Late.of(WAITS, len(table)), Late.of(NOWHERE, len(table)))
    nowhere = joined(why, words)
    return replace(
        science,
        table=table.assign(
            reachable_from=np.array(texts, dtype=object)[which] if len(table) else "",
            reason=Late.where(reached == 0, nowhere, words),
        ),
    )


def _waiting(site: Ranking) -> list[str]:
    """Return whom a site could take tonight, but is told to wait with for a better night."""
    ahead = {column.name for column in site.columns if "best_night" in column.factor.inputs}
    if not ahead or site.out.empty:
        return []
    return list(site.out.loc[site.out["factor"].isin(ahead), "candidate_id"])


def order(
    table: pd.DataFrame,
    score: str,
    observatory: str = "",
    *,
    kept: NDArray[np.bool_] | None = None,
    favoured: Favoured = NOBODY,
) -> pd.DataFrame:
    """Sort by a score and number the rows from 1.

    Candidates that somebody pinned come first; ToOs then stand among them, by score.

    Parameters
    ----------
    table : DataFrame
    score : str
        The column to sort by.
    observatory : str
        Whose list it is; empty for the science list.
    kept : ndarray of bool, optional
        Rows to take; by default all. The others need not be taken out before, which moves all
        columns once more.
    favoured : Favoured
        Whose score counts for more here; it is shown as it is.
    """
    rows = np.arange(len(table)) if kept is None else np.flatnonzero(kept)
    pin = marks.told(table, "pin", observatory)
    pinned = pin != ""
    top = pinned | (table["too"].to_numpy(bool) if pinned.any() else pinned)
    mag = table["last_mag"].to_numpy(float)
    value = table[score].to_numpy(float)
    if favoured[0]:
        value = np.where(table["candidate_id"].isin(favoured[0]), value * favoured[1], value)
    keys = [np.where(np.isfinite(mag), mag, np.inf), -value, ~top]
    keys = [key[rows] for key in keys]
    ids = table["candidate_id"].to_numpy(object)[rows]
    if (ids[1:] < ids[:-1]).any():  # they mostly come by id, and sorting keeps that
        keys.insert(0, ids.astype(str))
    told = table.assign(pinned=pinned)
    if pinned.any():
        who = Late.of(pin, len(table)).then("; ")
        words = Late.of(table["reason"].array, len(table))
        first = Late.by(
            lambda rows: [a + b for a, b in zip(who.texts(rows), words.texts(rows), strict=True)],
            len(table),
        )
        told = told.assign(reason=Late.where(pinned, first, words))
    ordered = told.take(rows[np.lexsort(keys)]).reset_index(drop=True)
    return ordered.assign(rank=np.arange(1, len(ordered) + 1))


def rank_science(scored: pd.DataFrame) -> Ranking:
    """Rank what was kept by its score alone.

    Parameters
    ----------
    scored : DataFrame
        Candidates with ``score, reason, last_mag``; only those that are kept.
    """
    table = order(scored, "score")
    return Ranking("science", table, scored.iloc[:0])


def rank_site(
    observatory: Observatory,
    scored: pd.DataFrame,
    factors: Sequence[BoundFactor],
    now: Time,
    *,
    min_altitude: float,
    tomorrow: bool = False,
    favoured: Favoured = NOBODY,
) -> Ranking:
    """Rank what was kept for one observatory.

    Parameters
    ----------
    observatory : Observatory
    scored : DataFrame
        As for `rank_science`.
    factors : sequence of BoundFactor
        Those that need a site; they exclude here, and never reject.
    now : Time
    min_altitude : float
        [deg]
    tomorrow : bool
        Whether to look at the next night too, see `seen_from`.
    favoured : Favoured
        See `order`.
    """
    seen = attempt(
        f"visibility at {observatory.name}",
        lambda: seen_from(
            observatory, scored, factors, now, min_altitude=min_altitude, tomorrow=tomorrow
        ),
    )
    if seen.value is None:
        failure = seen.failure or Failure(f"visibility at {observatory.name}", "no answer")
        out = scored.assign(factor="visibility", reason=failure.error)
        return Ranking(
            observatory.name, scored.iloc[:0].assign(rank=0, site_score=0.0), out, (failure,)
        )
    table = seen.value
    columns = site_columns(observatory, table, factors, now)
    # What is in the factors' inputs need not be moved about with the lists.
    done = [name for name in table if str(name).startswith(SEEN)]
    table = times_site_factors(table.drop(columns=done), columns)
    kept = (table["decision"] == Decision.KEEP.label).to_numpy(bool)
    failures = tuple(failure for column in columns for failure in column.failures)
    return Ranking(
        observatory.name,
        order(table, "site_score", observatory.name, kept=kept, favoured=favoured),
        table[~kept].reset_index(drop=True),
        failures,
        tuple(columns),
    )


def site_columns(
    observatory: Observatory, table: pd.DataFrame, factors: Sequence[BoundFactor], now: Time
) -> list[Column]:
    """Evaluate a site's factors, its telescope's limits, and what people said for this site.

    Parameters
    ----------
    observatory : Observatory
    table : DataFrame
        Candidates with the columns of the site, see `seen_from`.
    factors : sequence of BoundFactor
    now : Time
    """
    said = taken_out(table, observatory.name)
    answers = (evaluate(factor, table, now) for factor in factors)
    return [said, *answers, beyond_telescope(table, observatory)]


def seen_from(
    observatory: Observatory,
    scored: pd.DataFrame,
    factors: Sequence[BoundFactor],
    now: Time,
    *,
    min_altitude: float,
    tomorrow: bool = False,
) -> pd.DataFrame:
    """Put the columns of a site beside those of the candidates, see `visibility.site_table`.

    Where a factor or the caller asks for tomorrow, ``hours_left_tomorrow`` [h] tells of the next
    whole night.
    """
    site = visibility.site_table(observatory, scored, now, min_altitude=min_altitude)
    if tomorrow or any(factor.tomorrow for factor in factors):
        dawn = site["night_end"].iloc[0] if len(site) else np.nan
        next_day = dawn + AFTER_DAWN if np.isfinite(dawn) else now.utc.mjd + 1.0
        later = visibility.site_table(
            observatory,
            scored,
            Time(next_day, format="mjd", scale="utc"),
            min_altitude=min_altitude,
        )
        site = site.assign(hours_left_tomorrow=later["hours_left"])
    beside = [site]
    nights = max((factor.ahead for factor in factors), default=0)
    if nights:
        beside += _ahead(observatory, scored, site, now, nights, min_altitude)
    new = [part.drop(columns=[name for name in part if name in scored]) for part in beside]
    return pd.concat([part.reset_index(drop=True) for part in (scored, *new)], axis=1)


def _ahead(
    observatory: Observatory,
    scored: pd.DataFrame,
    site: pd.DataFrame,
    now: Time,
    nights: int,
    min_altitude: float,
) -> list[pd.DataFrame]:
    """Return when the site can observe each candidate on the nights ahead, and how faint."""
    found = nights_ahead(observatory, scored, now, nights, min_altitude=min_altitude)
    reach = None if observatory.instrument is None else observatory.instrument.faint_limit_mag
    tonight = np.where(site["hours_left"] > 0, site["culmination"], np.nan)
    # All nights in one block: column by column, pandas takes longer than it takes to find them.
    when = pd.DataFrame(
        np.column_stack([found, tonight]),
        columns=[*(COLUMN.format(h) for h in range(1, nights + 1)), TONIGHT],
    )
    here = {"faint_limit": np.nan if reach is None else reach, "observatory": observatory.name}
    return [when, pd.DataFrame(here, index=when.index)]


def times_site_factors(table: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Multiply the score by the site's factors, and let them exclude."""
    never = np.ones(len(table), dtype=bool)
    verdict = combine(columns, table["score"].to_numpy(float), never_reject=never)
    factors = {f"factor_{c.name}": c.factor.value for c in columns if c.name not in RULES}
    labels = LABELS[verdict.decision]
    said = joined(Late.of(table["reason"].array, len(table)), why(columns))
    kept = verdict.decision == Decision.KEEP
    return table.assign(
        **factors,
        site_score=verdict.score,
        decision=labels,
        factor=verdict.factor,
        reason=Late.where(kept, said, verdict.reason),
    )
