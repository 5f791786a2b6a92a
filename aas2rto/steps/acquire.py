"""Step 1: ask all sources side by side, each with a deadline, and store what they brought."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace

import pandas as pd
from astropy.time import Time

from aas2rto.guard import attempt
from aas2rto.steps.cycle import Arrival, Parts
from aas2rto.steps.poller import Poller
from aas2rto.store import Store
from aas2rto.tables.outburst import QUIET
from aas2rto.tables.report import PollRequest, Report, failed
from aas2rto.text.words import iso

LONGEST_READING = 86400.0
"""Deadline where all sources are files [s]."""


def acquire(
    parts: Parts, store: Store, now: Time, *, keep: bool, only: Collection[str] | None = None
) -> list[Arrival]:
    """Ask the sources; tell them which candidates would profit from more data.

    Parameters
    ----------
    parts : Parts
    store : Store
    now : Time
    keep : bool
        If False, nothing is acknowledged: streams and folders stay as they are.
    only : collection of str, optional
        Sources whose streams have news: only these are read. By default all sources are asked.
    """
    config = parts.case.config
    pollers = [poller for poller in parts.pollers if only is None or poller.name in only]
    wanted = pd.DataFrame()
    if only is None:
        wanted = _wanted_by(pollers, store, now.utc.mjd, config.candidates.quiet)
    # Files do not hang as services do: all of them are read, however long that takes.
    return poll_all(
        pollers,
        store,
        now.utc.mjd,
        wanted=wanted,
        deadline=LONGEST_READING if parts.case.reads_files_only else config.loop.deadline,
        merge_radius=config.candidates.merge_radius,
        keep=keep,
        reacting=only is not None,
    )


def _wanted_by(
    pollers: Sequence[Poller], store: Store, now: float, quiet: float | None
) -> pd.DataFrame:
    """Return the candidates that would profit from more data, if any source wants to know."""
    if any(poller.asks_by_object for poller in pollers):
        return wanted(store, now, quiet)
    return pd.DataFrame()


def wanted(store: Store, now: float, quiet: float | None = QUIET) -> pd.DataFrame:
    """Return active candidates, the highest last score first, for sources that ask by object.

    Parameters
    ----------
    store : Store
    now : float
        MJD (UTC).
    quiet : float or None
        Ends an outburst [d]; first and last detection are those of the present one.
    """
    held = store.candidates(now)
    known = store.photometry.as_known(held, now, quiet).summary
    table = held[["candidate_id", "ra", "dec", "redshift", "spectral_type"]].assign(
        first_detection=known["first_detection"],
        last_detection=known["last_detection"],
        last_mag=known["last_mag"],
    )
    names: dict[str, list[str]] = {}
    for alias, owner in store.identities.aliases(now).itertuples(index=False):
        names.setdefault(owner, []).append(alias)
    table["aliases"] = [tuple(names.get(name, ())) for name in table["candidate_id"]]
    table["score"] = table["candidate_id"].map(store.results.last_scores(now)).astype(float)
    keys = ["score", "candidate_id"]
    return table.sort_values(keys, ascending=[False, True], kind="stable").reset_index(drop=True)


def poll_all(
    pollers: Sequence[Poller],
    store: Store,
    now: float,
    *,
    wanted: pd.DataFrame,
    deadline: float,
    merge_radius: float,
    keep: bool = True,
    reacting: bool = False,
) -> list[Arrival]:
    """Ask every source, and store the answers in the order of the config.

    Parameters
    ----------
    pollers : sequence of Poller
    store : Store
    now : float
        MJD (UTC).
    wanted : DataFrame
        Handed to the sources, see :class:`aas2rto.tables.report.PollRequest`.
    deadline : float
        Seconds to wait for all of them together.
    merge_radius : float
        [arcsec]
    keep : bool
        If False, nothing is acknowledged: streams and folders stay as they are.
    reacting : bool
        Only their streams are read. A service that said when to come back is not asked by that.
    """
    end = time.monotonic() + deadline
    waiting: dict[str, float] = {}
    for poller in pollers:
        state = store.sources.state(poller.name)
        rests = state.is_waiting(now)
        if rests and not poller.is_asked:
            waiting[poller.name] = state.retry_at or now
        if reacting or not rests:
            poller.start(PollRequest(now, state.cursor, wanted, deadline, reacting))
    arrivals = []
    for poller in pollers:
        until = waiting.get(poller.name)
        if until is not None and not reacting:
            arrivals.append(_not_asked(poller.name, until))
        else:
            report = poller.answer(end - time.monotonic())
            if until is not None and report.retry_at is None:
                report = replace(report, retry_at=until)
            arrivals.append(_store(report, store, now, merge_radius, keep=keep))
    return arrivals


def _not_asked(name: str, until: float) -> Arrival:
    """Leave a service in peace that said when to come back; its state stays as it is."""
    return Arrival(failed(name, f"not asked before {iso(until)} UTC, as it wishes", retry_at=until))


def _store(report: Report, store: Store, now: float, merge_radius: float, *, keep: bool) -> Arrival:
    done = attempt(
        f"source {report.source}",
        lambda: store.ingest(report, now, merge_radius=merge_radius),
    )
    if done.value is None:
        return Arrival(report, failure=done.failure)
    # Only now: what is not stored must come again.
    told = attempt(f"source {report.source}", report.acknowledge) if keep else None
    return Arrival(report, done.value, told.failure if told else None)
