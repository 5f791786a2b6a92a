"""What the pages show, judged once from the stored state and then only read: one night."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.planning import NightPlan
from aas2rto.questions.alone import Alone
from aas2rto.questions.plan import plan_of
from aas2rto.steps.cycle import Judged, Parts, Ranking
from aas2rto.steps.fit_memory import FitMemory
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import Known, as_known
from aas2rto.steps.streams import Verdict, verdicts
from aas2rto.store import Store
from aas2rto.tables import marks
from aas2rto.tables.candidates import unit_vectors


@dataclass(frozen=True)
class Seen:
    """What the store held when it was read: who sees another one reads it anew.

    Parameters
    ----------
    cycle : float or None
        When the newest cycle was [d, MJD UTC]; None before the first.
    mark : int
        Number of the newest mark.
    generation : int
        How often something came in.
    """

    cycle: float | None
    mark: int
    generation: int

    @classmethod
    def of(cls, store: Store) -> Seen:
        """Ask a store: three rows."""
        return cls(store.results.newest_cycle(), store.marks.newest(), store.generation)


@dataclass(frozen=True)
class Night:
    """One judgement of the stored state, and all that pages say of it.

    Parameters
    ----------
    serial : int
        Counts them; with `plan`, it names everything that is made of this one.
    parts : Parts
    seen : Seen
        Of the store, before it was read.
    known : Known
        Of all active candidates at `judged.at`.
    judged : Judged
    report : mapping
        Of the newest cycle by then; empty before the first.
    sources : mapping
        How each source is doing, by name.
    aliases : mapping
        Other names of candidates, in lower case with blanks between, by id.
    seconds : float
        What it took.
    plan : NightPlan or None
        None until the first is made.
    plan_trouble : str
        Why there is none.
    planned : int
        Serial of the night that the plan was made of, this one or one before it; 0: none yet.
    """

    serial: int
    parts: Parts
    seen: Seen
    known: Known
    judged: Judged
    report: Mapping[str, Any]
    sources: Mapping[str, Verdict]
    aliases: Mapping[str, str]
    seconds: float = 0.0
    plan: NightPlan | None = None
    plan_trouble: str = ""
    planned: int = 0
    held: dict[str, Any] = field(default_factory=dict, compare=False)
    """What was made of it, by what was asked; see `aas2rto.page.answers`."""

    @property
    def now(self) -> Time:
        """For when it was judged."""
        return self.judged.at

    @property
    def mjd(self) -> float:
        """The same [d, MJD UTC]."""
        return float(self.judged.at.utc.mjd)

    @property
    def edition(self) -> str:
        """Names what pages are made of: it changes whenever one may look different."""
        return f"{self.serial}.{self.planned}"

    @property
    def lists(self) -> list[str]:
        """Names of the lists: the observatories, then ``science``."""
        return [one.observatory for one in [*self.judged.rankings[1:], self.judged.rankings[0]]]

    def ranking(self, name: str) -> Ranking | None:
        """Return a list by its name."""
        return next((one for one in self.judged.rankings if one.observatory == name), None)

    def row_of(self, candidate_id: str) -> int | None:
        """Return where an active candidate stands in the scored table."""
        return self._rows.get(candidate_id)

    @functools.cached_property
    def _rows(self) -> dict[str, int]:
        ids = self.judged.scored.table["candidate_id"].tolist()
        return {name: row for row, name in enumerate(ids)}

    @functools.cached_property
    def alone(self) -> Alone:
        """Finds single candidates in it."""
        return Alone(self.known, self.judged)

    @functools.cached_property
    def vectors(self) -> NDArray[np.float64]:
        """Unit vectors of the scored candidates, shape (n, 3)."""
        table = self.judged.scored.table
        return unit_vectors(table["ra"], table["dec"])

    @functools.cached_property
    def said(self) -> dict[str, list[dict[str, Any]]]:
        """What people said of candidates and still stands, oldest first; comments always stand."""
        table = self.known.said
        if table.empty:
            return {}
        found = marks.standing(table, self.known.photometry, self.mjd)
        told: dict[str, list[dict[str, Any]]] = {}
        for row in found[found["active"]].to_dict("records"):
            one = {str(key): value for key, value in row.items()}
            told.setdefault(str(row["candidate_id"]), []).append(one)
        return told


def look(
    parts: Parts, store: Store, now: Time, *, serial: int, memory: FitMemory, seen: Seen
) -> Night:
    """Judge the stored state; nothing is stored.

    Parameters
    ----------
    parts : Parts
    store : Store
        Is only read.
    now : Time
        What is known, and for when it is judged.
    serial : int
        Of the answer.
    memory : FitMemory
        Of earlier looks.
    seen : Seen
        Of the store, asked before: what comes in meanwhile is news then.
    """
    known = as_known(parts, store, now)
    judged = judge(parts, known, now, memory=memory, tomorrow=True)
    mjd = float(now.utc.mjd)
    night = Night(
        serial,
        parts,
        seen,
        known,
        judged,
        store.results.report(mjd),
        verdicts(parts.case, store.sources, mjd),
        _names(store.identities.aliases(mjd)),
    )
    _ = night.alone, night.said, night.vectors  # made here, and not while somebody waits for a page
    return night


def plan_for(night: Night, *, close: Sequence[tuple[str, str]] = ()) -> NightPlan:
    """Plan the night of all telescopes together, from what was judged.

    Parameters
    ----------
    night : Night
    close : sequence of (name, interval)
        Beside the hours that the config closes, see `aas2rto.planning.closures`.
    """
    plan = plan_of(night.parts, night.judged, night.now, close=close)
    len(plan.not_planned)  # found when it is first asked for: here, and not while somebody waits
    return plan


def _names(aliases: pd.DataFrame) -> dict[str, str]:
    names: dict[str, str] = {}
    pairs = zip(aliases["candidate_id"].tolist(), aliases["alias"].tolist(), strict=True)
    for name, alias in pairs:
        names[name] = f"{names.get(name, '')} {alias.lower()}"
    return names
