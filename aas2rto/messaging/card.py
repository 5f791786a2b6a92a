"""What is known of a candidate now, as triggers and wording read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.factors import Decision
from aas2rto.steps.column import RULES, Column, effect_of
from aas2rto.steps.cycle import Ranking
from aas2rto.tables.effect import PRODUCT, Effect
from aas2rto.text.words import POOR_FIT, chisq_per_dof, number


@dataclass(frozen=True)
class SiteFacts:
    """A candidate at one observatory, this night.

    Parameters
    ----------
    name : str
        Of the observatory.
    rank : int or None
        None: not in its list.
    score, altitude, airmass, best_altitude, hours_left, moon_sep, moon_illumination : float
        [deg], [h], [deg], 0 to 1; NaN where unknown.
    begins, ends, best : float
        The first and the last moment of what is left of it tonight, and the highest [d, MJD UTC].
    observable_now : bool
    why_not : str
        Why it cannot be observed tonight.
    waits : bool
        It could be, but a later night is worth more.
    """

    name: str
    rank: int | None
    score: float
    altitude: float
    airmass: float
    begins: float
    ends: float
    best: float
    best_altitude: float
    hours_left: float
    moon_sep: float
    moon_illumination: float
    observable_now: bool
    why_not: str = ""
    waits: bool = False


@dataclass(frozen=True)
class Facts:
    """A candidate now. Numbers are NaN, texts empty where unknown."""

    candidate_id: str
    name: str
    now: float
    ra: float
    dec: float
    score: float
    decision: str
    factor: str
    reason: str
    too: bool = False
    pinned: bool = False
    base_score: float = 0.0
    valid_until: float = np.nan
    comment: str = ""
    spectral_type: str = ""
    redshift: float = np.nan
    redshift_source: str = ""
    last_mag: float = np.nan
    last_band: str = ""
    magnitude: float = np.nan
    last_detection: float = np.nan
    model: str = ""
    t_peak: float = np.nan
    t_peak_err: float = np.nan
    chisq_per_dof: float = np.nan
    factors: tuple[tuple[str, float], ...] = ()
    sites: tuple[SiteFacts, ...] = ()
    last_chances: tuple[str, ...] = ()
    effect: Effect = PRODUCT
    min_value: float | None = None
    """Where the score is a chance of success: from which chance on a slot is worth it."""

    @property
    def worth(self) -> float:
        """Its score; where that is a chance of success, that at the best site."""
        here = [site.score for site in self.sites if site.rank is not None]
        return self.score if self.min_value is None else max(here, default=self.score)

    @property
    def least(self) -> float:
        """The score from which it is to be observed."""
        return self.base_score if self.min_value is None or self.too else self.min_value

    @property
    def kept(self) -> bool:
        """It is in the lists."""
        return self.decision == Decision.KEEP.label

    @property
    def asked_for(self) -> bool:
        """A person wants it: it is a ToO, or pinned at some site."""
        return self.too or self.pinned

    @property
    def doubt(self) -> str:
        """Why it is not to be observed without a look at it; empty if nothing speaks against it."""
        if self.worth < self.least and self.min_value is not None:
            return f"its chance of success is {self.worth:.0%}, below {self.least:.0%}"
        if self.worth < self.least:
            return f"its score is below the base score of {number(self.base_score)}"
        if self.chisq_per_dof > POOR_FIT:
            return f"the {self.model} fit is poor, so its peak means nothing"
        return ""

    @property
    def ranks(self) -> dict[str, int]:
        """Its rank at each observatory whose list it is in."""
        return {site.name: site.rank for site in self.sites if site.rank is not None}


@dataclass(frozen=True)
class Found:
    """What a cycle found, as far as messages need it."""

    now: float
    table: pd.DataFrame
    columns: Sequence[Column] = ()
    rankings: Sequence[Ranking] = ()
    last_chances: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fits: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """By model, a row per candidate."""
    min_value: float | None = None


def facts_of(found: Found, candidate_ids: Iterable[str]) -> dict[str, Facts]:
    """Collect what is known of some candidates.

    Parameters
    ----------
    found : Found
    candidate_ids : iterable of str
        Those that are not in the table are left out.
    """
    wanted = set(candidate_ids)
    chosen = found.table[found.table["candidate_id"].isin(wanted)]
    sites, fits, pinned = _sites(found, wanted), _fits(found, wanted), _pinned(found)
    return {
        str(row["candidate_id"]): _facts(found, index, row, sites, fits, pinned)
        for index, row in zip(chosen.index, chosen.to_dict("records"), strict=True)
    }


TEXTS = (
    "name",
    "comment",
    "spectral_type",
    "redshift_source",
    "last_band",
    "model",
    "factor",
    "reason",
    "decision",
)
NUMBERS = (
    "ra",
    "dec",
    "score",
    "redshift",
    "last_mag",
    "magnitude",
    "last_detection",
    "t_peak",
    "t_peak_err",
)


def _facts(
    found: Found,
    index: Any,
    row: Mapping[Any, Any],
    sites: Mapping[str, tuple[SiteFacts, ...]],
    fits: Mapping[tuple[str, str], float],
    pinned: set[str],
) -> Facts:
    name = str(row["candidate_id"])
    place = found.table.index.get_loc(index)
    values: dict[str, Any] = {key: text_of(row.get(key)) for key in TEXTS}
    values |= {key: number_of(row.get(key)) for key in NUMBERS}
    return Facts(
        candidate_id=name,
        now=found.now,
        too=bool(row["too"]),
        pinned=name in pinned,
        base_score=float(row["base_score"]),
        min_value=found.min_value,
        valid_until=float(row["valid_until"]),
        factors=tuple(
            (column.name, float(column.factor.value[place]))
            for column in found.columns
            if column.name not in RULES and column.factor.decision[place] == Decision.KEEP
        ),
        sites=sites.get(name, ()),
        chisq_per_dof=fits.get((str(values["model"]), name), np.nan),
        last_chances=tuple(found.last_chances.get(name, ())),
        effect=effect_of(found.columns),
        **values,
    )


def text_of(value: Any) -> str:
    """Return a text; an empty one for what is missing."""
    return "" if value is None or value != value else str(value)  # noqa: PLR0124


def number_of(value: Any) -> float:
    """Return a number; NaN for what is missing."""
    return float(value) if isinstance(value, int | float | np.number) else np.nan


def _fits(found: Found, wanted: set[str]) -> dict[tuple[str, str], float]:
    """Return how well each model fits each candidate."""
    return {
        (model, str(row["candidate_id"])): chisq_per_dof({str(k): v for k, v in row.items()})
        for model, table in found.fits.items()
        for row in table[table["candidate_id"].isin(wanted)].to_dict("records")
    }


def _pinned(found: Found) -> set[str]:
    """Return who is pinned in some list."""
    tables = [r.table for r in found.rankings if "pinned" in r.table]
    return {str(name) for table in tables for name in table.loc[table["pinned"], "candidate_id"]}


def _sites(found: Found, wanted: set[str]) -> dict[str, tuple[SiteFacts, ...]]:
    told: dict[str, list[SiteFacts]] = {}
    for ranking in found.rankings[1:]:
        for table in (ranking.table, ranking.out):
            if table.empty:
                continue
            for row in table[table["candidate_id"].isin(wanted)].to_dict("records"):
                site = _site(ranking.observatory, row, in_list=table is ranking.table)
                told.setdefault(str(row["candidate_id"]), []).append(site)
    return {name: tuple(sites) for name, sites in told.items()}


def _site(name: str, row: Mapping[Any, Any], *, in_list: bool) -> SiteFacts:
    def get(key: str) -> float:
        return number_of(row.get(key))

    start = get("observing_start")
    rises, sets = get("rises"), get("sets")
    return SiteFacts(
        name=name,
        rank=int(row["rank"]) if in_list else None,
        score=get("site_score") if in_list else np.nan,
        altitude=get("altitude"),
        airmass=get("airmass"),
        begins=float(np.nanmax([rises, start])) if np.isfinite(start) else np.nan,
        ends=sets if np.isfinite(sets) else get("night_end"),
        best=get("culmination"),
        best_altitude=get("culmination_altitude"),
        hours_left=get("hours_left"),
        moon_sep=get("moon_sep"),
        moon_illumination=get("moon_illumination"),
        observable_now=bool(row.get("observable_now", False)),
        why_not="" if in_list else text_of(row.get("status") or row.get("reason")),
        waits=not in_list and text_of(row.get("factor")).startswith("wait"),
    )
