"""Settings of the sections ``figures`` and ``messages`` of a config."""

from __future__ import annotations

import zoneinfo
from datetime import datetime, time, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from aas2rto.text.words import date_of, mjd_of, nearest
from aas2rto.units import Day, Hour

FigureKind = Literal["light_curve", "visibility", "score", "history"]

TriggerName = Literal[
    "enters_top",
    "score_up",
    "first_fit",
    "new_classification",
    "too",
    "peak_within",
    "last_chance",
    "excluded",
]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Figures(_Settings):
    """Which figures each cycle draws; messages have theirs in any case.

    Parameters
    ----------
    top : int
        For the first so many candidates of each list.
    kinds : list of str
        Of those that there are.
    workers : int
        Processes that draw.
    """

    top: int = Field(default=10, ge=0)
    kinds: list[FigureKind] = ["light_curve", "visibility", "score", "history"]
    workers: int = Field(default=2, ge=1, le=64)


class When(_Settings):
    """What is worth a message; null or false turns a trigger off.

    Parameters
    ----------
    enters_top : int or None
        A candidate enters the first so many of an observatory's list.
    score_up : float or None
        Its score is so many times what was last told, or what it was in the last cycle.
    first_fit, new_classification, too, excluded : bool
        It is fitted for the first time; its type changed; a new target of opportunity; it was
        told of before, and is now excluded or rejected.
    peak_within : float or None
        Its peak is nearer than this [day], and known to `peak_error` by a fit that is not poor.
    peak_error : float
        Largest error of such a peak [day].
    last_chance : float or None
        It can be observed tonight from a site, but after so many days no more [day].
    min_score : float or None
        But for ToOs and what was told of before, only candidates with this score matter: a list
        of a poor night has a head, too. None: ``score: min_value``, else the base score; what
        scores below it, its own factors speak against.
    within : int
        But for ToOs and what was told of before, only candidates among the first so many of
        some list matter.
    quiet_period : float
        Between two messages about one candidate on one channel [hour]; what happens meanwhile
        waits, and is told together.
    repeat_after : float
        That it enters the top of a list is not said again for this list before this time [day]:
        ranks swing with the hour, every night anew.
    """

    enters_top: int | None = Field(default=5, ge=1)
    score_up: float | None = Field(default=3.0, gt=1)
    first_fit: bool = True
    new_classification: bool = True
    too: bool = True
    peak_within: Day | None = Field(default=1.0, gt=0)
    peak_error: Day = Field(default=2.0, gt=0)
    last_chance: Day | None = Field(default=3.0, gt=0, le=60)
    excluded: bool = True
    min_score: float | None = Field(default=None, ge=0)
    within: int = Field(default=20, ge=1)
    quiet_period: Hour = Field(default=6.0, ge=0)
    repeat_after: Day = Field(default=7.0, ge=0)

    def least_score(self, base: float) -> float:
        """Return the score from which a candidate of this base score matters."""
        return base if self.min_score is None else self.min_score


def _clock_time(text: str) -> str:
    try:
        time.fromisoformat(text)
    except ValueError as error:
        why = f"{text!r} is no time of day; write it as '16:00'"
        raise PydanticCustomError("clock_time", "{why}", {"why": why}) from error
    return text


def _hours(text: str) -> str:
    begin, dash, end = text.partition("-")
    if not dash:
        why = f"{text!r} is no span of hours; write it as '09:00-17:00'"
        raise PydanticCustomError("hours", "{why}", {"why": why})
    _clock_time(begin.strip())
    _clock_time(end.strip())
    return text


def _zone(name: str) -> str:
    known = zoneinfo.available_timezones()
    if known and name not in known:
        why = f"{name!r} is no IANA time zone{nearest(name, known)}; such as 'Atlantic/Canary'"
        raise PydanticCustomError("timezone", "{why}", {"why": why})
    return name


class ChannelPolicy(_Settings):
    """What a channel hears, and when; beside the settings of its messenger.

    Parameters
    ----------
    role : str
        ``observers`` hear of candidates, ``operators`` of starts, stops and failures.
    triggers : list of str or None
        Only these; None: all.
    urgent : list of str
        These neither wait for the end of quiet hours nor for a digest.
    quiet_hours : str or None
        Such as ``09:00-17:00`` in `timezone`: what happens then waits, and is told together.
    digest : str or None
        A time of day in `timezone`: the channel gets one summary a day, and urgent things.
    timezone : str
        IANA name.
    at_most : int
        When more messages than this are due at once, they become one.
    figures : list of str
        Which follow a message about a candidate.
    repeat_unknown : bool
        If True, a message that may have arrived is sent again; the default says so and does not.
    """

    role: Literal["observers", "operators"] = "observers"
    triggers: list[TriggerName] | None = None
    urgent: list[TriggerName] = ["too"]
    quiet_hours: Annotated[str, AfterValidator(_hours)] | None = None
    digest: Annotated[str, AfterValidator(_clock_time)] | None = None
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    at_most: int = Field(default=5, ge=1)
    figures: list[FigureKind] = ["light_curve", "visibility", "score"]
    repeat_unknown: bool = False

    def quiet_until(self, now: float) -> float | None:
        """Return when the quiet hours end that `now` [d, MJD UTC] lies in; None outside."""
        if self.quiet_hours is None:
            return None
        begin, _, end = (part.strip() for part in self.quiet_hours.partition("-"))
        local = date_of(now).astimezone(zoneinfo.ZoneInfo(self.timezone))
        ends = _next(local, time.fromisoformat(end))
        begins = _next(ends - timedelta(days=1, seconds=1), time.fromisoformat(begin))
        return mjd_of(ends) if begins <= local < ends else None

    def last_digest(self, now: float) -> float:
        """Return the newest time at which a digest was due [d, MJD UTC]."""
        if self.digest is None:
            raise ValueError("this channel has no digest")
        local = date_of(now).astimezone(zoneinfo.ZoneInfo(self.timezone))
        coming = _next(local, time.fromisoformat(self.digest))
        return mjd_of(coming - timedelta(days=1))


def _next(after: datetime, clock: time) -> datetime:
    """Return the first time after another at which local clocks show a time of day."""
    same_day = after.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return same_day if same_day > after else same_day + timedelta(days=1)
