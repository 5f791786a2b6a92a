"""What is worth a message: comparisons of a candidate now with what was before.

Each trigger is a function of what is known now and of what was known and said before; it answers
an `Event` or None. None of them asks for the time or for the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from aas2rto.config.messages import When
from aas2rto.messaging.card import Facts
from aas2rto.steps.column import FEEDBACK
from aas2rto.text.words import POOR_FIT


@dataclass(frozen=True)
class Event:
    """Something that happened to a candidate.

    Parameters
    ----------
    trigger : str
        Its name in the config.
    values : mapping
        What the sentence is made of.
    """

    trigger: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as the outbox keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Event:
        """Return it from what the outbox has kept."""
        return cls(str(data["trigger"]), dict(data["values"]))


@dataclass(frozen=True)
class Past:
    """What was known and said of a candidate before.

    Parameters
    ----------
    cycle : float or None
        When the last cycle was [d, MJD UTC]; None: this is the first.
    ranks : mapping
        Its ranks then.
    score : float
        Its score then; NaN if it had none.
    marks : mapping
        From topic to (value, time).
    """

    cycle: float | None = None
    ranks: Mapping[str, int] = field(default_factory=dict)
    score: float = np.nan
    marks: Mapping[str, tuple[str, float]] = field(default_factory=dict)

    def said(self, topic: str) -> float:
        """Return when something was last said [d, MJD UTC]; minus infinity if never."""
        return self.marks[topic][1] if topic in self.marks else -np.inf

    @property
    def told_at(self) -> float:
        """When it was last told of."""
        return self.said(TOLD)

    @property
    def told_score(self) -> float:
        """Its score when it was last told of; NaN if it never was."""
        return float(self.marks[TOLD][0]) if TOLD in self.marks else np.nan


TOLD, FIT, TYPE = "told", "fit", "type"
"""Topics of marks beside the triggers' own."""


def matters(facts: Facts, past: Past, when: When) -> bool:
    """Tell whether a person wants it, it was told of before, or it is high enough in a list."""
    high = any(rank <= when.within for rank in facts.ranks.values())
    high &= facts.worth >= when.least_score(facts.least)
    return facts.asked_for or TOLD in past.marks or (facts.kept and high)


def events_of(facts: Facts, past: Past, when: When) -> list[Event]:
    """Return what happened to a candidate that is worth a message, the weightiest first."""
    if not matters(facts, past, when):
        return []
    happened = (trigger(facts, past, when) for trigger in TRIGGERS.values())
    return [event for event in happened if event is not None]


def topics(event: Event) -> list[str]:
    """Return under which topics it is remembered that an event was said."""
    sites = event.values.get("sites")
    return [f"{event.trigger}:{site}" for site in sites] if sites else [event.trigger]


def remembered(event: Event) -> str:
    """Return what is remembered with the topic."""
    return str(event.values.get("t_peak", ""))


AGAIN = 1e-6
"""A cycle that is run again is this near to itself at most [d]."""


def _not_said(facts: Facts, past: Past, topic: str, within: float = AGAIN) -> bool:
    """Tell whether something was not said within a time [d], nor by an earlier run of now."""
    return facts.now - past.said(topic) >= max(within, AGAIN)


def too(facts: Facts, past: Past, when: When) -> Event | None:
    """Notice a new target of opportunity."""
    if not when.too or not facts.too or not facts.kept or "too" in past.marks:
        return None
    return Event("too", {"comment": facts.comment})


def new_classification(facts: Facts, past: Past, when: When) -> Event | None:
    """Notice a first or another spectral type."""
    old = past.marks.get(TYPE, ("", 0.0))[0]
    known = facts.spectral_type
    if not when.new_classification or not known or known == old or past.cycle is None:
        return None
    return Event("new_classification", {"type": known, "old": old, "redshift": facts.redshift})


def enters_top(facts: Facts, past: Past, when: When) -> Event | None:
    """Notice that it is among the first of a list, and was not in the last cycle."""
    if when.enters_top is None or not facts.kept:
        return None
    top = when.enters_top
    entered = {
        site: rank
        for site, rank in facts.ranks.items()
        if rank <= top
        and (past.ranks.get(site, top + 1) > top or past.score < when.least_score(facts.least))
        and _not_said(facts, past, f"enters_top:{site}", when.repeat_after)
    }
    return Event("enters_top", {"top": top, "sites": entered}) if entered else None


def peak_within(facts: Facts, past: Past, when: When) -> Event | None:
    """Notice that the peak is near, and known well enough."""
    if when.peak_within is None or not facts.kept or past.cycle is None:
        return None
    near = abs(facts.t_peak - facts.now) <= when.peak_within
    sure = facts.t_peak_err <= when.peak_error and not facts.chisq_per_dof > POOR_FIT
    if not near or not sure:
        return None
    said = float(past.marks["peak_within"][0]) if "peak_within" in past.marks else np.inf
    if abs(facts.t_peak - said) <= 2 * when.peak_within:
        return None  # it is the peak that was told of
    return Event(
        "peak_within",
        {"within": when.peak_within, "t_peak": facts.t_peak, "t_peak_err": facts.t_peak_err},
    )


def last_chance(facts: Facts, past: Past, when: When) -> Event | None:
    """Notice that it can be observed tonight, but in some days not any more."""
    if when.last_chance is None or not facts.kept or past.cycle is None:
        return None
    sites = [site for site in facts.last_chances if f"last_chance:{site}" not in past.marks]
    return Event("last_chance", {"days": when.last_chance, "sites": sites}) if sites else None


def score_up(facts: Facts, past: Past, when: When) -> Event | None:
    """Notice that its score has grown since it was told of, or since the last cycle."""
    if when.score_up is None or not facts.kept or past.cycle is None:
        return None
    told = past.told_score > 0
    before = past.told_score if told else past.score
    if not before > 0 or facts.score < when.score_up * before:
        return None
    if not _not_said(facts, past, "score_up"):
        return None
    since = past.told_at if told else past.cycle
    return Event("score_up", {"before": before, "score": facts.score, "since": since})


def first_fit(facts: Facts, past: Past, when: When) -> Event | None:
    """Notice its first fit."""
    if not when.first_fit or not facts.kept or not facts.model or past.cycle is None:
        return None
    if FIT in past.marks:
        return None
    return Event(
        "first_fit", {"model": facts.model, "t_peak": facts.t_peak, "t_peak_err": facts.t_peak_err}
    )


def excluded(facts: Facts, past: Past, when: When) -> Event | None:
    """Notice that what was told of is now out of the lists."""
    if not when.excluded or facts.kept or TOLD not in past.marks:
        return None
    # People need not be told of what they did themselves.
    if past.said("excluded") >= past.told_at or facts.factor == FEEDBACK:
        return None
    return Event(
        "excluded", {"decision": facts.decision, "factor": facts.factor, "reason": facts.reason}
    )


Trigger = Callable[[Facts, Past, When], Event | None]

TRIGGERS: dict[str, Trigger] = {
    function.__name__: function
    for function in (
        too,
        new_classification,
        enters_top,
        peak_within,
        last_chance,
        score_up,
        first_fit,
        excluded,
    )
}
"""By name, the weightiest first."""
