"""Judge each run of a replay: lists, executed plans, fits, chances; then one beside the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from aas2rto.replay import calibration_check, executed, metrics, movers, paired
from aas2rto.replay.calibration_check import Fits, Pit, Reliability
from aas2rto.replay.cast import Cast
from aas2rto.replay.error_scale import Scale, learn
from aas2rto.replay.executed import Executed
from aas2rto.replay.folder import DEEP, SCIENCE, Folder, Run
from aas2rto.replay.metrics import Entries, Metric, Span
from aas2rto.replay.paired import Difference

PLAN_COLUMNS = ("night", "observatory", "candidate_id", "start", "end", "state")
SITE_COLUMNS = (
    "night",
    "observatory",
    "clear",
    "dark_hours",
    "capacity_spectra",
    "hours_used",
    "observed",
)


@dataclass(frozen=True)
class ModelCheck:
    """How good the peaks of one model are.

    Parameters
    ----------
    fits : Fits
    phases, points : DataFrame
        See `calibration_check.rows_of`.
    pit : Pit
    scales : list of Scale
    """

    fits: Fits
    phases: pd.DataFrame
    points: pd.DataFrame
    pit: Pit
    scales: list[Scale]


@dataclass(frozen=True)
class Judged:
    """One run.

    Parameters
    ----------
    run : Run
    span : Span
    cast : Cast
    high : DataFrame
        The first ranks of all lists, see `Run.top`.
    lists : dict of str to Entries
        The top N by observatory; ``science`` first.
    metrics : dict of str to list of Metric
        By observatory.
    plans : dict of str to Executed
        By site; none without executed plans.
    plan_metrics : dict of str to list of Metric
    models : list of ModelCheck
        The model with most objects first; none without truth.
    chances : list of Reliability
    """

    run: Run
    span: Span
    cast: Cast
    high: pd.DataFrame
    lists: dict[str, Entries]
    metrics: dict[str, list[Metric]]
    plans: dict[str, Executed]
    plan_metrics: dict[str, list[Metric]]
    models: list[ModelCheck] = field(default_factory=list)
    chances: list[Reliability] = field(default_factory=list)

    @property
    def main_site(self) -> str:
        """The site, or all of them together; empty without executed plans."""
        return next(iter(self.plans), "")

    def of(self, where: str, key: str) -> Metric | None:
        """Return a metric of a list."""
        return next((m for m in self.metrics.get(where, []) if m.key == key), None)

    def of_plans(self, key: str) -> Metric | None:
        """Return a metric of the executed plans of all sites."""
        own = self.plan_metrics.get(self.main_site, [])
        return next((m for m in own if m.key == key), None)


def judge(run: Run, cast: Cast, top: int, seed: int, span: Span | None = None) -> Judged:
    """Judge one run.

    Parameters
    ----------
    run : Run
    cast : Cast
    top : int
        N of the top N.
    seed : int
        Of the bootstrap.
    span : Span, optional
        Nights that count; by default all of the run. Given one, fits and chances are left out:
        only what is compared night by night is needed.
    """
    nights = metrics.span_of(run.nights) if span is None else span
    rows = run.top(max(top, DEEP), cast.ids)
    where = rows["observatory"].astype(str).to_numpy()
    lists = {name: metrics.entries(rows[where == name], nights, cast, top) for name in run.lists()}
    plans = _plans(run, nights, cast)
    judged = Judged(
        run,
        nights,
        cast,
        rows,
        lists,
        {name: metrics.of_list(entries) for name, entries in lists.items()},
        plans,
        {name: executed.of_plans(done) for name, done in plans.items()},
    )
    if span is None and cast.has_truth:
        judged.models.extend(_models(run, cast, seed))
        columns = calibration_check.SCORE_COLUMNS
        judged.chances.extend(
            calibration_check.reliabilities(
                run.table("scores", columns, None, cast.ids), cast, seed
            )
        )
    return judged


def _plans(run: Run, span: Span, cast: Cast) -> dict[str, Executed]:
    plans = run.table("plans", PLAN_COLUMNS, None, cast.ids)
    nights = run.table("site_nights", SITE_COLUMNS)
    # Without a capacity there are nights of sites, but nobody observed.
    if plans.empty and not (nights["hours_used"].to_numpy(float) > 0).any():
        return {}
    return executed.executed(plans, nights, span, cast)


def _models(run: Run, cast: Cast, seed: int) -> list[ModelCheck]:
    table = run.table("fits", calibration_check.FIT_COLUMNS, None, cast.ids)
    names = cast.ids.tolist()
    return [
        ModelCheck(
            fits,
            calibration_check.by_phase(fits),
            calibration_check.by_points(fits),
            calibration_check.pit(fits),
            learn(fits, names, seed),
        )
        for fits in calibration_check.fits_of(table, cast)
    ]


@dataclass(frozen=True)
class Compared:
    """Two runs side by side.

    Parameters
    ----------
    one, other : Judged
        On the nights that both have.
    lists : dict of str to list of Difference
        By observatory.
    plans : dict of str to list of Difference
        By site.
    magnitudes : dict of str to list of Difference
        By observatory, see `metrics.of_magnitudes`.
    members : dict of str to dict
        By observatory, see `paired.membership`.
    movers : dict of str to DataFrame
        By observatory, see `aas2rto.replay.movers`.
    left_out : int
        Nights that only one of the runs has, or at another time.
    """

    one: Judged
    other: Judged
    lists: dict[str, list[Difference]]
    plans: dict[str, list[Difference]]
    magnitudes: dict[str, list[Difference]]
    members: dict[str, dict[str, dict[str, int]]]
    movers: dict[str, pd.DataFrame]
    left_out: int

    @property
    def main(self) -> list[Difference]:
        """What matters most: of the executed plans, else of the science list."""
        return next(iter(self.plans.values()), []) or self.lists.get(SCIENCE, [])


def compare(one: Judged, other: Judged, top: int, seed: int) -> Compared:
    """Compare two runs on the nights that both have."""
    span = paired.common(one.run.nights, other.run.nights)
    longest = max(len(one.span), len(other.span))
    first, second = (
        judged if len(judged.span) == len(span) else judge(judged.run, judged.cast, top, seed, span)
        for judged in (one, other)
    )
    both = [name for name in first.lists if name in second.lists]
    sites = [name for name in first.plans if name in second.plans]
    return Compared(
        first,
        second,
        {
            name: paired.differences(first.metrics[name], second.metrics[name], seed)
            for name in both
        },
        {
            name: paired.differences(first.plan_metrics[name], second.plan_metrics[name], seed)
            for name in sites
        },
        {
            name: paired.differences(_magnitudes(first, name), _magnitudes(second, name), seed)
            for name in both
            if first.cast.has_truth
        },
        {
            name: paired.membership(first.lists[name].who, second.lists[name].who, first.cast)
            for name in both
        },
        movers.movers((first.run, second.run), (first.high, second.high), both, span, first.cast),
        longest - len(span),
    )


def _magnitudes(judged: Judged, where: str) -> list[Metric]:
    table = entries_by_magnitude(judged, where)
    return metrics.of_magnitudes(table, judged.lists[where].top)


def judge_all(
    folder: Folder, cast: Cast, top: int, seed: int
) -> tuple[list[Judged], Compared | None]:
    """Judge all runs of a replay, and compare the first two."""
    every = [judge(run, cast, top, seed) for run in folder.runs]
    two = compare(every[0], every[1], top, seed) if len(every) > 1 else None
    return every, two


def observed_in_time(judged: Judged) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
    """Tell who of the cast was observed within 2 d of its peak; None without executed plans."""
    done = judged.plans.get(judged.main_site)
    return None if done is None else done.in_time()


def entries_by_magnitude(judged: Judged, where: str) -> pd.DataFrame:
    """Return the shares of the class that enter a list, by magnitude."""
    observed = observed_in_time(judged) if where == SCIENCE else None
    return metrics.by_magnitude(judged.lists[where], observed)


def names(every: Sequence[Judged]) -> list[str]:
    """Return the lists of all runs, each once."""
    return list(dict.fromkeys(name for judged in every for name in judged.lists))
