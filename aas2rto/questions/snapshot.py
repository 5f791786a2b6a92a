"""The best of each day: who was new, or had risen; from the stored state, nothing is stored.

A day is a UTC date. Of a day those are drawn whose best score of that day is above all their scores
of earlier days, so that a candidate is new once, and again only if it has risen. A day that brings
nobody keeps the snapshot of the day before; one that brings a few shows these alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.config.sections import Snapshot as Settings
from aas2rto.errors import UsageError
from aas2rto.guard import attempt
from aas2rto.questions.explain import explain_stored
from aas2rto.questions.summary import LONGEST, Summary, by_command, facts_of, sentences
from aas2rto.steps.build import with_factors_of
from aas2rto.steps.cycle import Parts
from aas2rto.store import Store
from aas2rto.text.words import mjd_of, one_line

Write = Callable[[Mapping[str, Any]], Summary]
"""Writes a summary of facts."""


@dataclass(frozen=True)
class Drawn:
    """Who is in the snapshot of a day.

    Parameters
    ----------
    day : int
        The day that was asked for [MJD, UTC].
    of : int
        The day that they are of: an earlier one if `day` brought nobody.
    rows : DataFrame
        ``candidate_id, score, at, newest``, best first.
    """

    day: int
    of: int
    rows: pd.DataFrame


def draw(best: pd.DataFrame, day: int, size: int) -> Drawn | None:
    """Draw the snapshot of a day.

    Parameters
    ----------
    best : DataFrame
        See `aas2rto.store.daily_best.DailyBest.as_known`.
    day : int
        [MJD, UTC]
    size : int

    Returns
    -------
    Drawn or None
        None if neither this day nor any before brought anybody. Ties go to the newer alert, then
        to the first in the alphabet.
    """
    known = best[best["day"] <= day]
    order = known.sort_values(["day", "candidate_id", "score"], kind="stable")
    daily = order.drop_duplicates(["day", "candidate_id"], keep="last")
    # The highest score of all earlier days, beside each.
    highest = daily.groupby("candidate_id")["score"].cummax()
    before = highest.groupby(daily["candidate_id"]).shift(fill_value=-np.inf)
    new = daily[daily["score"] > before]
    if new.empty:
        return None
    of = int(new["day"].max())
    rows = new[new["day"] == of].sort_values(
        ["score", "newest", "candidate_id"], ascending=[False, False, True], kind="stable"
    )
    columns = ["candidate_id", "score", "at", "newest"]
    return Drawn(day, of, rows[columns].head(size).reset_index(drop=True))


def days_of(best: pd.DataFrame) -> list[int]:
    """Return the days that brought somebody, the newest first [MJD, UTC]."""
    first = best.sort_values(["day", "at"], kind="stable")
    highest = first.groupby("candidate_id")["score"].cummax()
    before = highest.groupby(first["candidate_id"]).shift(fill_value=-np.inf)
    return sorted({int(day) for day in first.loc[first["score"] > before, "day"]}, reverse=True)


def settings_of(parts: Parts) -> Settings:
    """Return how snapshots are drawn.

    Raises
    ------
    UsageError
        If the config does not ask for any.
    """
    settings = parts.case.config.snapshot
    if settings is None:
        raise UsageError(
            f"{parts.case.path} asks for no snapshots; add `snapshot: {{size: 6}}` to it, "
            "and run a cycle: they begin with that day"
        )
    return settings


def snapshot(
    parts: Parts, store: Store, now: Time, day: int | None = None, *, write: Write | None = None
) -> dict[str, Any]:
    """Return the snapshot of a day with all that is shown of it.

    Parameters
    ----------
    parts : Parts
    store : Store
        Is only read.
    now : Time
        What became known later is not seen.
    day : int, optional
        [MJD, UTC]; by default that of `now`.
    write : callable, optional
        Writes the summaries, see `Write`; by default `sentences`.

    Returns
    -------
    dict
        ``project, day, of, kept_from, candidates``, ready for JSON. Each candidate has ``rank``,
        ``score`` and ``at`` as they were drawn, ``facts``, ``summary``, ``summary_by`` and
        ``factors``, all as they were known when it was scored.

    Raises
    ------
    UsageError
        If the config does not ask for snapshots.
    """
    size = settings_of(parts).size
    asked = math.floor(now.utc.mjd) if day is None else day
    best = store.daily_best.as_known(now.utc.mjd)
    drawn = draw(best, asked, size)
    told: dict[str, Any] = {"project": parts.case.project, "day": date(asked), "of": None}
    if drawn is None:
        return {**told, "kept": False, "candidates": []}
    rows = enumerate(drawn.rows.to_dict("records"), 1)
    # What sites see of them is not asked, and would take most of the time.
    parts = with_factors_of(parts, replace(parts.case, observatories=()))
    return {
        **told,
        "of": date(drawn.of),
        "kept": drawn.of != asked,
        "candidates": [_card(parts, store, row, rank, write) for rank, row in rows],
    }


def _card(
    parts: Parts, store: Store, row: Mapping[Any, Any], rank: int, write: Write | None
) -> dict[str, Any]:
    """Say everything of one candidate as it was known when its score was reached."""
    name, score = str(row["candidate_id"]), float(row["score"])
    at = Time(float(row["at"]), format="mjd", scale="utc")
    known = {"rank": rank, "candidate_id": name, "score": score, "at": at.isot[:16]}
    done = attempt(f"snapshot {name}", lambda: explain_stored(parts, store, name, at))
    if done.value is None:
        error = done.failure.error if done.failure else "no answer"
        told = f"{name} scored {score:.4g}. Nothing more can be said: {one_line(error, 200)}"
        facts = {"candidate_id": name, "score": score}
        return {**known, **_said(facts, Summary(told)), "ra": None, "dec": None, "factors": []}
    facts = facts_of(done.value, score, parts.case.config.score.effect)
    shown = {key: done.value[key] for key in ("ra", "dec", "factors")}
    return {**known, **_said(facts, (write or sentences)(facts)), **shown}


def _said(facts: Mapping[str, Any], summary: Summary) -> dict[str, Any]:
    return {
        "facts": facts,
        "summary": summary.text,
        "summary_by": summary.by,
        "summary_problem": summary.problem,
    }


def with_written(told: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Put in what a program wrote when `aas2rto snapshot` asked it, where the facts are the same.

    Parameters
    ----------
    told : dict
        What `snapshot` returned, with our own sentences.
    folder : Path
        Of the project's results.
    """
    read = attempt("snapshot", lambda: json.loads(file_of(folder, told).read_text("utf-8")))
    written = read.value if isinstance(read.value, dict) else {}
    cards = written.get("candidates")
    by_name = {one.get("candidate_id"): one for one in cards or () if isinstance(one, dict)}
    shown = [
        _in_their_words(one, by_name.get(one["candidate_id"], {})) for one in told["candidates"]
    ]
    return {**told, "candidates": shown}


def _in_their_words(card: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    same = other.get("facts") == json.loads(json.dumps(card["facts"]))
    if not (same and isinstance(other.get("summary"), str) and other.get("summary_by")):
        return card
    by = one_line(str(other["summary_by"]), 40)
    return {**card, "summary": one_line(other["summary"], LONGEST), "summary_by": by}


def file_of(folder: Path, told: Mapping[str, Any]) -> Path:
    """Return the file of a snapshot in the folder of a project's results."""
    return folder / "snapshots" / f"{told['of'] or told['day']}.json"


def writer(settings: Settings) -> Write | None:
    """Return who writes summaries; None: we do."""
    if not settings.command:
        return None
    return lambda facts: by_command(facts, settings.command, settings.timeout)


def date(day: int) -> str:
    """Write a day [MJD, UTC] as a date."""
    return str(Time(day, format="mjd", scale="utc").isot[:10])


def day_of(text: str) -> int:
    """Read a date.

    Raises
    ------
    UsageError
        If it is none.

    Examples
    --------
    >>> day_of("2026-11-22")
    61366
    """
    from datetime import UTC, datetime  # noqa: PLC0415

    try:
        return math.floor(mjd_of(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)))
    except ValueError as error:
        raise UsageError(f"{one_line(text, 40)!r} is no date; write it as 2026-11-22") from error
