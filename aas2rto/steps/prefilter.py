"""Step 2: what is known of each candidate, and what the cheap factors say of it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.errors import UsageError
from aas2rto.factors import Decision, Needs
from aas2rto.guard import Failure
from aas2rto.steps.cycle import Parts, Prefiltered
from aas2rto.steps.evaluate import evaluate_all
from aas2rto.steps.rules import rules
from aas2rto.store import Store
from aas2rto.store.histories import Totals
from aas2rto.tables import marks, outburst
from aas2rto.tables.candidates import ACTIVE, COLUMNS
from aas2rto.tables.photometry import as_known_at, one_per_exposure

LEADERS = 5
"""So many of a list keep their place by `score: hysteresis`."""


@dataclass(frozen=True)
class Known:
    """What is known of some candidates at some time, before anything is judged.

    Parameters
    ----------
    table : DataFrame
        The candidate table that factors read: stored columns, summary, annotations.
    photometry : DataFrame
        One row per exposure, sorted by candidate and time: the present outbursts.
    said : DataFrame
        What people said of them, in the order in which they did.
    notes : DataFrame
        What brokers said of them: one row per annotated candidate, one column per key.
    failures : tuple of Failure
        What is stored and cannot be read, and is left out.
    content : ndarray of uint64, optional
        A number for the photometry of each, see `aas2rto.tables.content`.
    totals : Totals, optional
        Knows the total brightness of each, with light curves from data releases; asked by models
        that read it.
    leaders : mapping
        By list, who was among the first of the cycle before, where a setting asks.
    """

    table: pd.DataFrame
    photometry: pd.DataFrame
    said: pd.DataFrame
    notes: pd.DataFrame = field(default_factory=pd.DataFrame)
    failures: tuple[Failure, ...] = ()
    content: NDArray[np.uint64] | None = None
    totals: Totals | None = None
    leaders: Mapping[str, frozenset[str]] = field(default_factory=dict)


def reconsider(parts: Parts, store: Store, now: Time) -> list[str]:
    """Let rejected candidates start afresh that new detections speak for; return their ids."""
    after = parts.case.config.candidates.reconsider_after
    return [] if after is None else store.rejections.reconsider(now.utc.mjd, after)


def judge_anew(parts: Parts, store: Store, now: Time) -> int:
    """Let those start afresh whom a factor rejected that has other settings now, or is gone.

    A factor that a newer program has, or a config that only says it otherwise, changes nothing.

    Returns
    -------
    int
        How many there are.
    """
    before = store.results.report(now.utc.mjd).get(REJECTING)
    if not isinstance(before, dict):
        return 0  # the first cycle, or one of an older program
    return store.rejections.judge_anew(now.utc.mjd, changed(before, what_rejects(parts)))


REJECTING = "rejecting"
"""Key of a cycle's report: with which settings each factor rejects."""


def what_rejects(parts: Parts) -> dict[str, str]:
    """Return a digest of what each factor goes by: its settings and, after fits, the models'."""
    models = [(bound.name, bound.digest) for bound in parts.models]
    told = {}
    for bound in parts.factors:
        by = (sorted(bound.settings.items()), models if bound.needs is Needs.FIT else [])
        told[bound.name] = hashlib.sha256(repr(by).encode()).hexdigest()[:12]
    return told


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Return the factors that were there before, and go by something else or are gone."""
    return {name for name, digest in before.items() if after.get(name) != digest}


def as_known(
    parts: Parts,
    store: Store,
    now: Time,
    *,
    candidate_id: str | None = None,
    also: Collection[str] = (),
) -> Known:
    """Read what is known at `now`; the store is only read.

    Parameters
    ----------
    parts : Parts
    store : Store
    now : Time
    candidate_id : str, optional
        This one alone, also if it was rejected; by default all that are active.
    also : collection of str
        These beside all that are active, also if they were rejected.

    Raises
    ------
    UsageError
        If this one was not known yet.
    """
    base = parts.case.config.score.base
    said = store.marks.as_known(now.utc.mjd)
    if candidate_id is None:
        held = store.candidates(now.utc.mjd, state=None if also else ACTIVE)
        held = held[(held["state"] == ACTIVE) | held["candidate_id"].isin(also)]
        held = held.reset_index(drop=True)
    else:
        held = store.candidates(now.utc.mjd, state=None)
        held = held[held["id"] == store.identities.key_of(candidate_id)].reset_index(drop=True)
        if held.empty:
            raise UsageError(
                f"{candidate_id} was not known yet on {now.utc.iso[:16]} UTC; give a later --now"
            )
        candidate_id = str(held["candidate_id"].iloc[0])  # as it was called then
        said = _only(said, candidate_id)
    notes = store.facts.as_known(now.utc.mjd, held["id"].to_numpy())
    if candidate_id is not None:
        notes = notes.dropna(axis=1, how="all")
    known = store.photometry.as_known(held, now.utc.mjd, parts.case.config.candidates.quiet)
    table = assemble(held, known.summary, notes, base)
    totals = store.histories.of(held, now.utc.mjd)
    leaders = {}
    if parts.case.config.score.hysteresis > 1:
        leaders = store.results.leaders(now.utc.mjd, LEADERS)
    return Known(
        table, known.photometry, said, notes, _left_out(store), known.content, totals, leaders
    )


def _left_out(store: Store) -> tuple[Failure, ...]:
    mend = "; `aas2rto check CONFIG --mend` removes it"
    return tuple(Failure("marks", line + mend) for line in store.marks.unreadable())


def _only(table: pd.DataFrame, candidate_id: str) -> pd.DataFrame:
    chosen: pd.DataFrame = table[table["candidate_id"] == candidate_id]
    return chosen


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


def light_curve_alone(
    parts: Parts,
    light_curve: pd.DataFrame,
    now: Time,
    *,
    ra: float,
    dec: float,
    redshift: float | None = None,
    base_score: float | None = None,
) -> Known:
    """Tell what is known of one light curve that is in no store.

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
    """
    rows = light_curve.sort_values(["mjd", "band", "measurement_id"], kind="stable")
    photometry = one_per_exposure(as_known_at(rows.reset_index(drop=True), now.utc.mjd))
    name = str(light_curve["candidate_id"].iloc[0]) if len(light_curve) else "light-curve"
    known = {"candidate_id": name, "ra": ra, "dec": dec, "state": ACTIVE, "too": False}
    known["redshift"] = np.nan if redshift is None else redshift
    known["base_score"] = np.nan if base_score is None else base_score
    row = {
        key: known.get(key, np.nan if dtype == "float64" else "") for key, dtype in COLUMNS.items()
    }
    held = pd.DataFrame([row])
    found, summaries = outburst.summarise(
        photometry, held["candidate_id"], now.utc.mjd, parts.case.config.candidates.quiet
    )
    table = assemble(held, summaries, pd.DataFrame(), parts.case.config.score.base)
    return Known(table, found.photometry.reset_index(drop=True), pd.DataFrame())


def prefilter(parts: Parts, known: Known, now: Time) -> Prefiltered:
    """Let people's word and the cheap factors say which candidates are worth a fit.

    Parameters
    ----------
    parts : Parts
    known : Known
    now : Time
        For when it is judged.
    """
    table = known.table
    if len(known.said.columns):
        table = marks.join(table, known.said, known.photometry, now)
    else:  # nobody can have said anything: a light curve of a file
        table = table.assign(**{marks.TRIAGE: 0.0})
    return look(parts, table, now)


def look(parts: Parts, table: pd.DataFrame, now: Time) -> Prefiltered:
    """Evaluate rules and light-curve factors on a table that has the marks beside it."""
    columns = (*rules(table, now), *evaluate_all(parts.factors, Needs.LIGHT_CURVE, table, now))
    told = [column.factor.decision for column in columns]
    keep = np.max(np.stack(told), axis=0) == Decision.KEEP
    return Prefiltered(table, columns, keep)
