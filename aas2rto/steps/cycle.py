"""What goes into a cycle and what comes out of it, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.config.case import Case
from aas2rto.factors import Decision
from aas2rto.guard import Failure
from aas2rto.steps.acquire import Arrival, Poller
from aas2rto.steps.evaluate import BoundFactor, Column, Verdict
from aas2rto.steps.fit import BoundModel, Fits
from aas2rto.steps.rank import Ranking
from aas2rto.store.outbox import Mail


@dataclass(frozen=True)
class Parts:
    """A science case made ready to run."""

    case: Case
    pollers: tuple[Poller, ...]
    models: tuple[BoundModel, ...]
    factors: tuple[BoundFactor, ...]
    site_factors: tuple[BoundFactor, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def min_altitude(self) -> float:
        """Lowest altitude at which a site observes [deg]."""
        return float(getattr(self.case.site_factor.options, "min_altitude", 30.0))

    @property
    def looks_ahead(self) -> bool:
        """Whether a factor compares with tomorrow."""
        return any(factor.tomorrow for factor in self.site_factors)

    def close(self) -> None:
        """Release connections of sources."""
        for poller in self.pollers:
            poller.close()


@dataclass
class Prefiltered:
    """Candidates with their summary, and what the light-curve factors said."""

    table: pd.DataFrame
    photometry: pd.DataFrame
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


@dataclass
class Cycle:
    """Everything that one cycle found."""

    now: Time
    arrivals: list[Arrival] = field(default_factory=list)
    scored: Scored | None = None
    fits: Fits = field(default_factory=Fits)
    photometry: pd.DataFrame = field(default_factory=pd.DataFrame)
    rejection_state: str = ""
    load_rejections: Callable[[], pd.DataFrame] = pd.DataFrame
    rankings: list[Ranking] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    reconsidered: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    mail: Mail = field(default_factory=Mail)
    stopped: bool = False

    def rounded_timings(self) -> dict[str, float]:
        """Seconds per step."""
        return {name: round(seconds, 4) for name, seconds in self.timings.items()}

    @property
    def problems(self) -> list[str]:
        """One line for everything that went wrong and cost only itself."""
        lines = [a.line() for a in self.arrivals if a.failed]
        lines += [problem for arrival in self.arrivals for problem in arrival.problems]
        return lines + [str(failure) for failure in self.failures]
