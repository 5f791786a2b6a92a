"""What flows through a cycle, as data: parts, arrivals, fits, scores, ranks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.config.case import Case
from aas2rto.factors import Decision
from aas2rto.guard import Failure
from aas2rto.models import Model
from aas2rto.models.cluster import Cluster
from aas2rto.models.compile_time import WAITED
from aas2rto.steps.column import BoundFactor, Column, Verdict
from aas2rto.steps.poller import Poller
from aas2rto.store import Ingested
from aas2rto.store.outbox import Mail
from aas2rto.tables.report import Outcome, Report
from aas2rto.text.words import counted

COMPILATION = "compilation"
"""Among the timings: how long the fits waited for machine code, once in an installation's life."""


@dataclass(frozen=True)
class BoundModel:
    """A model with its settings.

    Parameters
    ----------
    name : str
        Prefix of its columns in the candidate table.
    model : Model
    digest : str
        Of its settings and of this program's version: a change refits everything.
    """

    name: str
    model: Model
    digest: str


@dataclass
class Fits:
    """The fit tables of all models, and what failed.

    Parameters
    ----------
    tables : dict of str to DataFrame
        By model, one row per fitted candidate, with ``digest``.
    wide : dict of str to DataFrame
        The same by candidate (the index), with a column for each parameter and error.
    fresh : dict of str to int
        How many were fitted anew, by model.
    failures : list of Failure
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    wide: dict[str, pd.DataFrame] = field(default_factory=dict)
    fresh: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True)
class Parts:
    """A science case made ready to run."""

    case: Case
    pollers: tuple[Poller, ...]
    models: tuple[BoundModel, ...]
    factors: tuple[BoundFactor, ...]
    site_factors: tuple[BoundFactor, ...]
    failures: tuple[Failure, ...] = ()
    cluster: Cluster | None = None

    @property
    def min_altitude(self) -> float:
        """Lowest altitude at which a site observes [deg]."""
        return float(getattr(self.case.site_factor.options, "min_altitude", 30.0))

    @property
    def looks_ahead(self) -> bool:
        """Whether a factor compares with tomorrow."""
        return any(factor.tomorrow for factor in self.site_factors)

    def close(self) -> None:
        """Release connections of sources and of a cluster."""
        for poller in self.pollers:
            poller.close()
        if self.cluster is not None:
            self.cluster.close()


@dataclass(frozen=True)
class Arrival:
    """What one source brought in this cycle."""

    report: Report
    ingested: Ingested = field(default_factory=Ingested)
    failure: Failure | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each thing that could not be used, if `line` does not say it already."""
        told = self.line()
        lines = (*self.report.problems, *self.ingested.refused)
        return tuple(line for line in lines if line not in told)

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing that people should know and that is no problem."""
        return (*self.report.notes, *self.ingested.notes)

    @property
    def failed(self) -> bool:
        """Tell whether the source, or storing what it brought, failed."""
        return self.failure is not None or bool(self.report.error)

    def line(self) -> str:
        """Say in one line how the poll went."""
        name = self.report.source
        if self.failure is not None:
            return f"{name}: {self.failure.error}"
        if self.report.outcome == Outcome.FAILED:
            return f"{name}: failed: {self.report.error}"
        if self.report.outcome == Outcome.EMPTY:
            return f"{name}: nothing new"
        added = self.ingested
        return (
            f"{name}: {counted(added.new_candidates, 'new candidate')}, "
            f"{counted(added.new_measurements, 'new measurement')}"
        )


@dataclass
class Prefiltered:
    """Candidates with their summary, and what the light-curve factors said."""

    table: pd.DataFrame
    columns: tuple[Column, ...]
    keep: np.ndarray[Any, np.dtype[np.bool_]]


@dataclass
class Scored:
    """Candidates with score, decision, reason, and the columns that led there."""

    table: pd.DataFrame
    columns: tuple[Column, ...]
    verdict: Verdict

    def rows(self, decision: Decision) -> pd.DataFrame:
        """Return the candidates of one decision."""
        chosen: pd.DataFrame = self.table[self.verdict.decision == decision]
        return chosen.reset_index(drop=True)


@dataclass(frozen=True)
class Ranking:
    """What one observatory should look at, best first.

    Parameters
    ----------
    observatory : str
        Its name; ``science`` for the list without a site.
    table : DataFrame
        Candidate and site columns, ``rank`` from 1, ``site_score``, ``factor_*``, ``reason``.
    out : DataFrame
        Candidates that this site cannot use tonight, with ``factor`` and ``reason``.
    failures : tuple of Failure
    columns : tuple of Column
        The site's factors, for all that were seen from there, in the order of what was ranked.
    """

    observatory: str
    table: pd.DataFrame
    out: pd.DataFrame
    failures: tuple[Failure, ...] = ()
    columns: tuple[Column, ...] = ()

    def column_with(self, name: str) -> Column | None:
        """Return the first column whose factor has an input of this name, see `Factor`."""
        return next((column for column in self.columns if name in column.factor.inputs), None)


@dataclass(frozen=True)
class Judged:
    """What was found of the candidates at some time: fits, scores, ranks.

    Parameters
    ----------
    at : Time
        For when they were judged.
    photometry : DataFrame
        One row per exposure as known then, sorted by candidate and time.
    fits : Fits
    scored : Scored
    rejected : DataFrame
        The candidates that leave for good.
    rankings : list of Ranking
        The first is that without a site.
    """

    at: Time
    photometry: pd.DataFrame
    fits: Fits
    scored: Scored
    rejected: pd.DataFrame
    rankings: list[Ranking]

    @property
    def failures(self) -> list[Failure]:
        """What went wrong and cost only itself."""
        columns = [f for column in self.scored.columns for f in column.failures]
        return [*self.fits.failures, *columns, *(f for r in self.rankings for f in r.failures)]


@dataclass
class Cycle:
    """Everything that one cycle found; `judged` is None where it was stopped before its end."""

    now: Time
    arrivals: list[Arrival] = field(default_factory=list)
    judged: Judged | None = None
    rejection_state: str = ""
    load_rejections: Callable[..., pd.DataFrame] = pd.DataFrame
    rejected_since: Callable[[], pd.Series] | None = None
    failures: list[Failure] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    reconsidered: list[str] = field(default_factory=list)
    judged_anew: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    mail: Mail = field(default_factory=Mail)
    stopped: bool = False

    def take(self, judged: Judged) -> None:
        """Take what was found of the candidates, and what went wrong on the way."""
        self.judged = judged
        self.failures.extend(judged.failures)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add to the time of a step [s]; waiting for a compilation is a step of its own."""
        start = time.perf_counter()
        try:
            yield
        finally:
            compiling, spent = WAITED.take(), time.perf_counter() - start
            found = {name: spent - compiling} | ({COMPILATION: compiling} if compiling else {})
            for one, seconds in found.items():
                self.timings[one] = self.timings.get(one, 0.0) + seconds

    def rounded_timings(self) -> dict[str, float]:
        """Seconds per step."""
        return {name: round(seconds, 4) for name, seconds in self.timings.items()}

    @property
    def failed_sources(self) -> frozenset[str]:
        """Names of the sources that brought a failure."""
        return frozenset(arrival.report.source for arrival in self.arrivals if arrival.failed)

    @property
    def notes(self) -> list[str]:
        """One line for everything that people should know and that is no problem."""
        return [note for arrival in self.arrivals for note in arrival.notes]

    @property
    def problems(self) -> list[str]:
        """One line for everything that went wrong and cost only itself."""
        lines = [a.line() for a in self.arrivals if a.failed]
        lines += [problem for arrival in self.arrivals for problem in arrival.problems]
        return lines + [str(failure) for failure in self.failures]
