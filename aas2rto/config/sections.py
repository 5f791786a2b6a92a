"""The sections of a config, in the order of the file; most with a default for every setting."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aas2rto.config.messages import Figures
from aas2rto.tables.outburst import QUIET
from aas2rto.units import Arcsec, Day, Degree, Hour, Second

PROJECT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""A project's name is the name of a folder in outputs/."""


class Section(BaseModel):
    """A part of a config: frozen, and strict about its keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False
    )


class Loop(Section):
    """How often a cycle runs.

    Parameters
    ----------
    interval : float
        From the start of one cycle to the start of the next [s].
    deadline : float
        Longest time that a cycle waits for any one source [s].
    """

    interval: Second = Field(default=600.0, gt=0)
    deadline: Second = Field(default=120.0, gt=0)


class Candidates(Section):
    """How candidates are told apart and remembered.

    Parameters
    ----------
    merge_radius : float
        Objects of different surveys within this distance are one candidate [arcsec].
    reconsider_after : float or None
        A rejected candidate is judged again when a detection arrives this long after its
        rejection [day], by its present outburst; None: never.
    quiet : float or None
        A gap without a detection longer than this begins a new outburst [day], and only the
        present one is summarised, judged and fitted. A single detection with nothing for so long
        before or after it belongs to none. None: all detections of a candidate are one outburst.
    """

    merge_radius: Arcsec = Field(default=5.0, gt=0, le=60)
    reconsider_after: Day | None = Field(default=None, gt=0)
    quiet: Day | None = Field(default=QUIET, gt=0)


class Score(Section):
    """What the score is made of.

    Parameters
    ----------
    base : float
        Score of a candidate before any factor; a ToO carries its own.
    factors : list
        Names, or names with settings, in the order in which people should read them.
    min_value : float or None
        Where the score is a chance of success (factor `value`): what is below this is not worth a
        slot. It stays in the lists; plans leave the time free, and messages do not say "observe".
    """

    base: float = Field(default=1.0, gt=0)
    min_value: float | None = Field(default=None, ge=0, le=1)
    factors: list[Any] = Field(min_length=1)


_DATED = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:[\d.]+)?"
CLOSED_PATTERN = rf"^(\d{{1,2}}:\d{{2}}-\d{{1,2}}:\d{{2}}|{_DATED}/{_DATED})$"
"""``02:00-04:00`` (UTC, in any night) or ``2026-03-21T02:00/2026-03-21T04:00``."""


class Plan(Section):
    """How a night is planned, see `aas2rto plan`.

    Parameters
    ----------
    step : float
        The night is cut into steps of this length; a visit takes whole steps [s].
    visits : int
        Most visits to one candidate in a night, all observatories together.
    gap : float
        Least time between two visits to one candidate [hour].
    worth : str
        ``slot``: a slot is worth the candidate's site score in that slot: its score times the
        sine of its altitude at the middle of the slot (x_alt, A&A 698, A153, Eq. 11) to the power
        `airmass_power`, times the site's factors other than the visibility factor. ``list``: it is
        worth the site score of the ranked list times (least airmass there tonight / airmass of the
        slot)^`airmass_power`. The list's visibility factor lifts what is hard to see, so that an
        observer looks at it in time; a plan knows by itself what sets when.
    airmass_power : float
        0: the airmass does not matter.
    exposure : float
        Where the magnitude is not known [s].
    max_exposure : float
        What would take longer is not planned [s].
    moon_separation : float
        Not closer to the Moon while it is up, unless the observatory's own limit is larger [deg].
        30 deg is the default of ESO's Phase 2 constraints.
    time_limit : float
        For the joint optimum [s]; greedy's plan stands if it takes longer.
    optimality_gap : float
        The optimum is found when objective and bound differ by less than this share.
    closed : dict
        Intervals per observatory in which it does not observe, such as maintenance.
    """

    step: Second = Field(default=300.0, ge=60, le=3600)
    visits: int = Field(default=1, ge=1, le=10)
    gap: Hour = Field(default=1.0, ge=0, le=24)
    worth: Literal["slot", "list"] = "slot"
    airmass_power: float = Field(default=1.0, ge=0, le=10)
    exposure: Second = Field(default=1800.0, gt=0)
    max_exposure: Second = Field(default=7200.0, gt=0)
    moon_separation: Degree = Field(default=30.0, ge=0, le=180)
    time_limit: Second = Field(default=30.0, gt=0)
    optimality_gap: float = Field(default=0.01, ge=0, lt=1)
    closed: dict[str, list[Annotated[str, Field(pattern=CLOSED_PATTERN)]]] = {}


class Config(Section):
    """A whole science case, as written."""

    project: str = Field(pattern=PROJECT_PATTERN)
    loop: Loop = Loop()
    store: str = "sqlite"
    candidates: Candidates = Candidates()
    sources: dict[str, Any] = {}
    models: dict[str, Any] = {}
    model_choice: Literal["first_ok", "best"] = "first_ok"
    score: Score
    observatories: list[str] = Field(min_length=1)
    visibility: dict[str, Any] = {}
    plan: Plan = Plan()
    figures: Figures = Figures()
    messages: dict[str, Any] = {}
