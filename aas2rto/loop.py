"""One cycle, top to bottom: acquire, prefilter, fit, score, remove, rank, inform.

The seven steps of the paper (A&A 698, A153, Sect. 2) are the seven lines of `run_cycle`.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from astropy import units as u
from astropy.time import Time

from aas2rto import __version__
from aas2rto.config.load import Case
from aas2rto.factors import Decision, Needs
from aas2rto.guard import attempt
from aas2rto.messaging import composing
from aas2rto.steps import fit as fitting
from aas2rto.steps.acquire import Arrival, acquire, make_pollers
from aas2rto.steps.cycle import Cycle, Parts, Prefiltered, Scored
from aas2rto.steps.evaluate import (
    RULES,
    BoundFactor,
    Column,
    bind,
    combine,
    evaluate_all,
    expired,
    spread,
    why,
)
from aas2rto.steps.rank import Ranking, rank_science, rank_site
from aas2rto.store import Store
from aas2rto.store.outbox import Mail
from aas2rto.tables import marks as feedback
from aas2rto.tables import summary
from aas2rto.tables.candidates import ACTIVE, COLUMNS
from aas2rto.tables.photometry import as_known_at, one_per_exposure
from aas2rto.text.words import day_and_hour, is_date

log = logging.getLogger(__name__)

LONGEST_READING = 86400.0
"""Deadline where all sources are files [s]."""

STEPS = ("acquire", "prefilter", "fit", "score", "remove", "rank", "inform")


class Stopped(Exception):  # noqa: N818  not an error: the user asked for it
    """The user asked to stop; the step at hand has ended."""


def build(case: Case, *, with_sources: bool = True) -> Parts:
    """Set up the parts of a science case; what cannot be set up becomes a failure."""
    pollers, source_failures = make_pollers(case.sources if with_sources else ())
    models, model_failures = fitting.bind(case.models)
    factors = bind(case.factors)
    sites = (*bind([case.site_factor]), *(f for f in factors if f.needs is Needs.SITE))
    return Parts(case, pollers, models, factors, sites, (*source_failures, *model_failures))


def run_cycle(
    parts: Parts,
    store: Store,
    now: Time,
    *,
    inform: Callable[[Cycle], None],
    on_step: Callable[[str], None] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
    keep: bool = True,
) -> Cycle:
    """Run one cycle.

    Parameters
    ----------
    parts : Parts
    store : Store
        Receives what the sources bring and the results.
    now : Time
        The same store, config and `now` give the same lists, byte for byte.
    inform : callable
        Writes and sends what was found; called last, after the results are stored.
    on_step : callable
        Told the name of each step as it starts.
    stopping : callable
        Asked between steps; True ends the cycle there.
    keep : bool
        If False, streams and folders are not told that their data arrived.

    Returns
    -------
    Cycle
    """
    cycle = Cycle(now, failures=list(parts.failures))

    @contextmanager
    def step(name: str) -> Iterator[None]:
        if stopping():
            raise Stopped
        on_step(name)
        start = time.perf_counter()
        yield
        cycle.timings[name] = time.perf_counter() - start

    try:
        with step("acquire"):
            cycle.arrivals = acquire_step(parts, store, now, keep=keep)
        with step("prefilter"):
            prefiltered = prefilter(parts, store, now, cycle)
        with step("fit"):
            table = fit(parts, store, prefiltered, cycle)
        with step("score"):
            cycle.scored = score(parts, table, prefiltered, now)
            if parts.looks_ahead:
                cycle.scored = with_tomorrow(parts, cycle.scored, cycle.photometry, now)
        with step("remove"):
            rejected = remove(cycle.scored)
        with step("rank"):
            cycle.rankings = rank(parts, cycle.scored, now)
        with step("inform"):
            save(parts, store, cycle, rejected)
            inform(cycle)
    except Stopped:
        cycle.stopped = True
    return cycle


def acquire_step(parts: Parts, store: Store, now: Time, *, keep: bool) -> list[Arrival]:
    """Ask the sources; tell them which candidates would profit from more data."""
    config = parts.case.config
    # Files do not hang as services do: all of them are read, however long that takes.
    return acquire(
        parts.pollers,
        store,
        now.utc.mjd,
        wanted=wanted(store, now.utc.mjd),
        deadline=LONGEST_READING if parts.case.reads_files_only else config.loop.deadline,
        merge_radius=config.candidates.merge_radius,
        keep=keep,
    )


def wanted(store: Store, now: float) -> pd.DataFrame:
    """Return active candidates, the highest last score first, for sources that ask by object.

    Parameters
    ----------
    store : Store
    now : float
        MJD (UTC).
    """
    held = store.candidates(now)
    known = store.photometry.as_known(held, now).summary
    table = held[["candidate_id", "ra", "dec", "redshift", "spectral_type"]].assign(
        first_detection=known["first_detection"], last_detection=known["last_detection"]
    )
    names: dict[str, list[str]] = {}
    for alias, owner in store.identities.aliases(now).itertuples(index=False):
        names.setdefault(owner, []).append(alias)
    table["aliases"] = [tuple(names.get(name, ())) for name in table["candidate_id"]]
    table["score"] = table["candidate_id"].map(store.results.last_scores(now)).astype(float)
    keys = ["score", "candidate_id"]
    return table.sort_values(keys, ascending=[False, True], kind="stable").reset_index(drop=True)


def prefilter(parts: Parts, store: Store, now: Time, cycle: Cycle) -> Prefiltered:
    """Summarise the light curves, and let the cheap factors say which are worth a fit."""
    after = parts.case.config.candidates.reconsider_after
    if after is not None:
        cycle.reconsidered = store.rejections.reconsider(now.utc.mjd, after)
    prefiltered = look_at(parts, store, now)
    cycle.photometry = prefiltered.photometry
    return prefiltered


def look_at(parts: Parts, store: Store, now: Time, *, at: Time | None = None) -> Prefiltered:
    """Do the same without changing anything in the store.

    Parameters
    ----------
    parts : Parts
    store : Store
    now : Time
        What is known.
    at : Time, optional
        For when it is judged, such as a night to come; by default `now`.
    """
    held = store.candidates(now.utc.mjd)
    known = store.photometry.as_known(held, now.utc.mjd)
    notes = store.facts.as_known(now.utc.mjd)
    table = assemble(held, known.summary, notes, parts.case.config.score.base)
    said = store.marks.as_known(now.utc.mjd)
    table = feedback.join(table, said, known.photometry, at or now)
    return assess_light_curves(parts, table, known.photometry, at or now)


def assemble(
    held: pd.DataFrame, summaries: pd.DataFrame, annotations: pd.DataFrame, base: float
) -> pd.DataFrame:
    """Build the candidate table that the factors read.

    Parameters
    ----------
    held : DataFrame
        Candidates as stored.
    summaries : DataFrame
        Of their light curves as known now, in the same order.
    annotations : DataFrame
        One row per annotated candidate.
    base : float
        Base score of candidates that carry none of their own.
    """
    table = held.drop(columns=[name for name in ("id",) if name in held])
    table = pd.concat([table, summaries.drop(columns="candidate_id", errors="ignore")], axis=1)
    if len(annotations):
        table = table.merge(annotations, on="candidate_id", how="left", suffixes=("", "_noted"))
    return table.assign(base_score=table["base_score"].fillna(base))


def single(
    parts: Parts,
    light_curve: pd.DataFrame,
    now: Time,
    *,
    ra: float,
    dec: float,
    redshift: float | None = None,
    base_score: float | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Build the candidate table of one light curve that is in no store.

    Parameters
    ----------
    parts : Parts
    light_curve : DataFrame
        A photometry table of one candidate.
    now : Time
        Later measurements are not seen.
    ra, dec : float
        [deg, ICRS]
    redshift, base_score : float, optional

    Returns
    -------
    table, photometry : DataFrame
        One row, and the measurements known at `now`.
    """
    rows = light_curve.sort_values(["mjd", "band", "measurement_id"], kind="stable")
    photometry = one_per_exposure(as_known_at(rows.reset_index(drop=True), now.utc.mjd))
    name = str(light_curve["candidate_id"].iloc[0]) if len(light_curve) else "light-curve"
    known = {
        "candidate_id": name, "ra": ra, "dec": dec, "state": ACTIVE, "too": False,
        "redshift": np.nan if redshift is None else redshift,
        "base_score": np.nan if base_score is None else base_score,
    }  # fmt: skip
    row = {
        key: known.get(key, np.nan if dtype == "float64" else "") for key, dtype in COLUMNS.items()
    }
    held = pd.DataFrame([row])
    summaries = summary.summarise(photometry, held["candidate_id"])
    table = assemble(held, summaries, pd.DataFrame(), parts.case.config.score.base)
    return table, photometry.reset_index(drop=True)


def assess_light_curves(
    parts: Parts, table: pd.DataFrame, photometry: pd.DataFrame, now: Time
) -> Prefiltered:
    """Evaluate the light-curve factors."""
    rules = (expired(table, now), feedback.column(table))
    columns = (*rules, *evaluate_all(parts.factors, Needs.LIGHT_CURVE, table, now))
    told = [column.factor.decision for column in columns]
    keep = np.max(np.stack(told), axis=0) == Decision.KEEP
    return Prefiltered(table, photometry, columns, keep)


def fit(
    parts: Parts, store: Store, prefiltered: Prefiltered, cycle: Cycle, *, save: bool = True
) -> pd.DataFrame:
    """Fit those that the prefilter kept, where the data changed; join the fits to the table."""
    kept = prefiltered.table[prefiltered.keep]
    cycle.fits = fitting.fit(parts.models, kept, prefiltered.photometry, store, save=save)
    cycle.failures.extend(cycle.fits.failures)
    joined = fitting.join(prefiltered.table, cycle.fits, parts.case.config.model_choice)
    return fitting.add_peak_probability(joined, cycle.now.utc.mjd)


def score(parts: Parts, table: pd.DataFrame, prefiltered: Prefiltered, now: Time) -> Scored:
    """Multiply the factors into one score and decide, with reasons."""
    keep = prefiltered.keep
    after = evaluate_all(parts.factors, Needs.FIT, table[keep].reset_index(drop=True), now)
    placed = [spread(column, keep, "not evaluated: out before the fit") for column in after]
    columns = in_order(parts.factors, (*prefiltered.columns, *placed))
    verdict = combine(
        columns, table["base_score"].to_numpy(float), never_reject=table["too"].to_numpy(bool)
    )
    too, comment = table["too"].to_numpy(bool), table["comment"].fillna("").to_numpy(object)
    until = table["valid_until"].to_numpy(float)
    reasons = [
        verdict.reason[row]
        or "; ".join(
            p for p in (told_by_people(too[row], comment[row], until[row]), why(columns, row)) if p
        )
        or "all factors are neutral"
        for row in range(len(table))
    ]
    values = {f"factor_{c.name}": c.factor.value for c in columns if c.name not in RULES}
    scored = table.assign(
        **values,
        score=verdict.score,
        decision=[Decision(code).label for code in verdict.decision],
        factor=verdict.factor,
        reason=np.array(reasons, dtype=object),
    )
    return Scored(scored, columns, verdict)


def with_tomorrow(parts: Parts, scored: Scored, photometry: pd.DataFrame, now: Time) -> Scored:
    """Add ``score_tomorrow``: what the same data would score a day later, 0 if they are out."""
    later = now + 1 * u.day
    table = fitting.add_peak_probability(scored.table, later.utc.mjd)
    prefiltered = assess_light_curves(parts, table, photometry, later)
    kept = scored.verdict.decision == Decision.KEEP
    prefiltered.keep[:] &= kept
    verdict = score(parts, table, prefiltered, later).verdict
    tomorrow = np.where(kept & (verdict.decision == Decision.KEEP), verdict.score, 0.0)
    return replace(scored, table=scored.table.assign(score_tomorrow=tomorrow))


def told_by_people(is_too: bool, comment: str, until: float) -> str:  # noqa: FBT001  a column
    """Say that a candidate is a ToO, until when, and what its file says."""
    if not is_too:
        return ""
    ends = f" until {day_and_hour(until)} UT" if is_date(until) else ""
    return f"ToO{ends}{': ' if comment else ''}{comment}"


def in_order(factors: Sequence[BoundFactor], columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns in the order of the config, whenever they were evaluated."""
    place = {bound.name: index for index, bound in enumerate(factors)}
    return tuple(sorted(columns, key=lambda column: place.get(column.name, -1)))


def remove(scored: Scored) -> pd.DataFrame:
    """Return the rejected candidates; they leave the store's active set for good."""
    return scored.rows(Decision.REJECT)


def rank(parts: Parts, scored: Scored, now: Time) -> list[Ranking]:
    """Rank what was kept: once without a site, then for each observatory."""
    kept = scored.rows(Decision.KEEP)
    return [
        rank_science(kept),
        *(
            rank_site(site, kept, parts.site_factors, now, min_altitude=parts.min_altitude)
            for site in parts.case.observatories
        ),
    ]


def save(parts: Parts, store: Store, cycle: Cycle, rejected: pd.DataFrame) -> None:
    """Store the results of the cycle in one transaction."""
    if cycle.scored is None:
        return
    cycle.failures.extend(f for column in cycle.scored.columns for f in column.failures)
    cycle.failures.extend(f for ranking in cycle.rankings for f in ranking.failures)
    cycle.mail = compose(parts, store, cycle)
    cycle.report = report(parts, cycle, store)
    table = cycle.scored.table
    rows = pd.Series(rejected.to_dict("records"), index=rejected.index, dtype=object)
    ranks = [
        ranking.table[["candidate_id", "rank", "site_score"]].assign(
            observatory=ranking.observatory
        )
        for ranking in cycle.rankings[1:]
        if len(ranking.table)
    ]
    kept = table[table["decision"] != Decision.REJECT.label]
    store.save_cycle(
        cycle.now.utc.mjd,
        scores=kept[["candidate_id", "score", "decision", "factor"]],
        rejected=rejected[["candidate_id", "factor", "reason"]].assign(row=rows),
        ranks=pd.concat(ranks, ignore_index=True) if ranks else pd.DataFrame(),
        report=cycle.report,
        mail=cycle.mail,
    )
    cycle.rejection_state = store.rejections.state(cycle.now.utc.mjd)
    cycle.load_rejections = functools.partial(store.rejections.as_known, cycle.now.utc.mjd)


def compose(parts: Parts, store: Store, cycle: Cycle) -> Mail:
    """Write what people are to be told; what fails there costs the messages of this cycle."""
    done = attempt("messages", lambda: composing.compose(parts, store, cycle))
    if done.failure is not None:
        cycle.failures.append(done.failure)
    return done.value or Mail()


def report(parts: Parts, cycle: Cycle, store: Store) -> dict[str, Any]:
    """Return what cycle.json shows: provenance, the funnel, sources, problems, timings."""
    return {
        "project": parts.case.project,
        "version": __version__,
        "config": parts.case.digest,
        "now": cycle.now.utc.isot,
        "now_mjd": round(cycle.now.utc.mjd, 8),
        "funnel": funnel(cycle, store),
        "sources": [arrival.line() for arrival in cycle.arrivals],
        "problems": cycle.problems,
        "fits": cycle.fits.fresh,
        "reconsidered": cycle.reconsidered,
        "timings": cycle.rounded_timings(),
    }


def funnel(cycle: Cycle, store: Store) -> dict[str, Any]:
    """Count how many candidates each rule removed; the numbers add up to all candidates.

    Called before the cycle is saved: candidates that are rejected now are not yet in the store's
    list of rejections.
    """
    if cycle.scored is None:
        return {}
    table = cycle.scored.table
    by_factor = {
        label: table.loc[table["decision"] == label, "factor"] for label in ("reject", "exclude")
    }
    rejected = Counter(store.rejections.counts(cycle.now.utc.mjd))
    rejected.update(by_factor["reject"])
    excluded = Counter(by_factor["exclude"])
    ranked = int((table["decision"] == Decision.KEEP.label).sum())
    return {
        "candidates": rejected.total() + excluded.total() + ranked,
        "rejected": dict(sorted(rejected.items())),
        "excluded": dict(sorted(excluded.items())),
        "ranked": ranked,
        "per_observatory": {r.observatory: len(r.table) for r in cycle.rankings[1:]},
    }


def run_forever(
    one_cycle: Callable[[Time], None],
    clock: Callable[[], Time],
    *,
    interval: float,
    stop: threading.Event,
) -> None:
    """Run a cycle at every interval until `stop` is set.

    Parameters
    ----------
    one_cycle : callable
        Takes the time of the cycle; what it raises costs that cycle only.
    clock : callable
        Tells the time.
    interval : float
        From start to start [s]; a cycle that takes longer is followed at once by the next.
    stop : threading.Event
        Set by a signal; waiting ends at once.
    """
    while not stop.is_set():
        start = time.monotonic()
        now = clock()
        done = attempt("cycle", functools.partial(one_cycle, now))
        if done.failure is not None:
            log.error("the cycle of %s was lost: %s", now.isot, done.failure.error)
        stop.wait(max(interval - (time.monotonic() - start), 0.0))
