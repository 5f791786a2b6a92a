"""The sections of a config, in the order of the file; most with a default for every setting."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from aas2rto.config.messages import Figures
from aas2rto.config.sharing import Guard, Share
from aas2rto.parts.web_address import WebAddress
from aas2rto.tables.effect import PRODUCT, Effect, Sum
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
    react : float or None
        Where a stream is followed, a cycle starts at most this long after its first new alert [s],
        and no sooner after the last cycle than that one took; it reads the streams that have news,
        and asks nobody else. None: alerts wait for the interval.
    dark_after : float or None
        Operators hear of a source of alerts that answers, and whose newest alert is older
        [day]. None: never.
    lag_after : int or None
        Operators hear of a stream of which more messages were left when it had been read. None:
        never.
    """

    interval: Second = Field(default=600.0, gt=0)
    deadline: Second = Field(default=120.0, gt=0)
    react: Second | None = Field(default=2.0, gt=0)
    dark_after: Day | None = Field(default=3.0, gt=0)
    lag_after: int | None = Field(default=10_000, gt=0)


class Retention(Section):
    """For how long the store keeps what; it is pruned in each cycle, and by `aas2rto compact`.

    Parameters
    ----------
    all : float
        Everything that changed in scores, lists and ranks, and each cycle's report [day].
    hourly : float
        What stood last in each hour [day]; what stood last in each day after. The first row of a
        candidate in a list, the last, and all that say that it left are kept for ever.
    messages : float
        The words of messages that were sent or given up [day]; their titles stay.
    """

    all: Day = Field(default=3.0, ge=0.1)
    hourly: Day = Field(default=30.0, ge=1)
    messages: Day = Field(default=90.0, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.hourly < self.all:
            raise ValueError(
                f"hourly: {self.hourly:g} day is less than all: {self.all:g} day; "
                "what is kept hourly is kept for longer"
            )
        return self


class Database(Section):
    """Where state is kept, and for how long; `store: sqlite` is short for its `url`.

    Parameters
    ----------
    url : str
        `sqlite`, a file beside the results, or the URL of a database.
    retention : Retention
        See below.
    """

    url: str = "sqlite"
    retention: Retention = Retention()


def _database(written: Any) -> Any:
    return {"url": written} if isinstance(written, str) else written


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
    combine : str
        ``product``: the base score times the factors, each of which is neutral at 1. ``sum``: the
        base score plus points; a factor that is neutral at 1 adds what it is above 1.
    base : float
        Score of a candidate before any factor; a ToO carries its own. Of a sum it is 0, unless it
        is given.
    clip : (float, float)
        Least and largest sum of the points of a sum; the base score comes on top.
    keep_from : float
        Smallest score of a sum that stands in the lists; what has 0 points never does.
    factors : list
        Names, or names with settings, in the order in which people should read them.
    min_value : float or None
        Where the score is a chance of success (factor `value`): what is below this is not worth a
        slot. It stays in the lists; plans leave the time free, and messages do not say "observe".
    draws : int
        So often each list is drawn anew from the errors of fits and magnitudes, for its column
        ``p_top5``: the chance to be among the first five. 64 is good to 0.06; 0 leaves it out.
    hysteresis : float
        Who was among the first five of a list keeps that place until another is better by this
        factor, so that a list does not flip on noise; 1 turns it off.
    """

    combine: Literal["product", "sum"] = "product"
    base: float = Field(default=1.0, ge=0)
    clip: tuple[float, float] = (0.0, 100.0)
    keep_from: float = Field(default=0.0, ge=0)
    min_value: float | None = Field(default=None, ge=0, le=1)
    draws: int = Field(default=0, ge=0, le=10_000)
    hysteresis: float = Field(default=1.0, ge=1, le=100)
    factors: list[Any] = Field(min_length=1)

    @field_validator("base")
    @classmethod
    def _no_product_is_0(cls, base: float, info: ValidationInfo) -> float:
        if base == 0 and info.data.get("combine") != "sum":
            raise PydanticCustomError("score", "Input should be greater than 0")
        return base

    @model_validator(mode="before")
    @classmethod
    def _sums_begin_at_0(cls, written: Any) -> Any:
        if isinstance(written, dict) and written.get("combine") == "sum":
            return {"base": 0.0, **written}
        return written

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.combine == "product":
            fields = type(self).model_fields
            own = ("clip", "keep_from")
            given = [name for name in own if getattr(self, name) != fields[name].default]
            if given:
                raise PydanticCustomError(
                    "score", f"{given[0]} is for sums of points; write combine: sum, or remove it"
                )
        if not 0 <= self.clip[0] < self.clip[1]:
            low, high = self.clip
            raise PydanticCustomError(
                "score", f"clip: [{low:g}, {high:g}] must go up from 0 or more, as [0, 100] does"
            )
        return self

    @property
    def effect(self) -> Effect:
        """What the factors do to the score."""
        if self.combine == "product":
            return PRODUCT
        return Sum(*self.clip, keep_from=self.keep_from)


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
    fill : str
        What is done with hours in which nothing of the list fits, after the plan is made:
        ``none``; ``repeats``: everybody is visited once first, and up to `visits` times in what is
        left; ``longer``: visits go on into the empty time after them, as long as all limits and the
        longest exposure allow; ``next``: the best of the list that has no visit gets one that is
        shorter than its magnitude asks for, at least half of it.
    fill_min : float or None
        ``next`` takes nothing that scores less than this, before the site's factors; None: than
        the candidate's base score. What is excluded or told to wait is in no list, so it is never
        taken.
    worth : str
        ``slot``: a slot is worth the candidate's site score in that slot: its score times the
        sine of its altitude at the middle of the slot (x_alt, A&A 698, A153, Eq. 11) to the power
        `airmass_power`, times the site's factors other than the visibility factor. ``list``: it is
        worth the site score of the ranked list times (least airmass there tonight / airmass of the
        slot)^`airmass_power`. The list's visibility factor lifts what is hard to see, so that an
        observer looks at it in time; a plan knows by itself what sets when.
    airmass_power : float
        0: the airmass does not matter.
    too_airmass : float
        A target of opportunity that is not ``urgent`` takes the first slot whose airmass is at
        most this times the least that it can have within `too_wait`; 1: it waits for the best.
        1.25 is 40 deg for what culminates at 53 deg, and 53 deg for what passes the zenith.
    too_wait : float
        It never waits longer than this after its first possible slot [hour]. A choice: a rise
        from 30 deg to the meridian takes 3 to 4 h.
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
    fill: Literal["none", "repeats", "longer", "next"] = "none"
    fill_min: float | None = Field(default=None, gt=0)
    worth: Literal["slot", "list"] = "slot"
    airmass_power: float = Field(default=1.0, ge=0, le=10)
    too_airmass: float = Field(default=1.25, ge=1, le=10)
    too_wait: Hour = Field(default=4.0, ge=0, le=24)
    exposure: Second = Field(default=1800.0, gt=0)
    max_exposure: Second = Field(default=7200.0, gt=0)
    moon_separation: Degree = Field(default=30.0, ge=0, le=180)
    time_limit: Second = Field(default=30.0, gt=0)
    optimality_gap: float = Field(default=0.01, ge=0, lt=1)
    closed: dict[str, list[Annotated[str, Field(pattern=CLOSED_PATTERN)]]] = {}

    @field_validator("fill", mode="before")
    @classmethod
    def _nothing(cls, fill: object) -> object:
        """Take YAML's null and ~ for ``none``."""
        return "none" if fill is None else fill

    @model_validator(mode="after")
    def _can_repeat(self) -> Self:
        if self.fill == "repeats" and self.visits == 1:
            raise PydanticCustomError(
                "fill", "fill: repeats needs visits above 1; write visits: 2, say"
            )
        return self


class Lco(Section):
    """Requests to the telescopes of Las Cumbres Observatory, see `aas2rto lco`.

    The token stands in the environment variable ``LCO_TOKEN``, or in the file of secrets.

    Parameters
    ----------
    proposal : str
        Whose time it is.
    url : str
        Of the portal.
    ipp : float
        Priority within the proposal; more than 1 costs IPP time.
    imager : str
        Instrument type of images.
    filters : list of str
        One exposure after the other.
    exposure : float
        Of each image [s].
    count : int
        Images in each filter.
    spectrograph : str
        Instrument type of spectra.
    slit : str
        Of it.
    spectrum_exposure : float
        Of the spectrum [s].
    max_airmass : float
        Not observed through more air.
    moon_separation : float
        Not closer to the Moon [deg].
    not_if : list or None
        Nothing is sent for a candidate that is ``classified``, ``reported`` to TNS, or of which a
        ``spectrum`` exists. None: spectra are not taken of what is classified or has one.
    """

    proposal: str = Field(min_length=1)
    url: WebAddress = "https://observe.lco.global"
    ipp: float = Field(default=1.05, ge=0.5, le=2.0)
    imager: str = "1M0-SCICAM-SINISTRO"
    filters: list[str] = Field(default=["gp", "rp"], min_length=1)
    exposure: Second = Field(default=120.0, gt=0)
    count: int = Field(default=2, ge=1)
    spectrograph: str = "2M0-FLOYDS-SCICAM"
    slit: str = "slit_2.0as"
    spectrum_exposure: Second = Field(default=1800.0, gt=0)
    max_airmass: float = Field(default=1.6, ge=1.0, le=25.0)
    moon_separation: Degree = Field(default=30.0, ge=0, le=180)
    not_if: list[Guard] | None = None


class Executor(Section):
    """Where light curves are fitted.

    Parameters
    ----------
    type : str
        ``local``: here, on all cores. ``dask``: on the workers of a Dask cluster; what it cannot do
        is fitted here.
    address : str
        Of the cluster's scheduler, such as ``tcp://host:8786``.
    batch : int
        Candidates that go to a worker together.
    """

    type: Literal["local", "dask"] = "local"
    address: str = ""
    batch: int = Field(default=512, ge=1)

    @model_validator(mode="after")
    def _has_address(self) -> Self:
        if self.type == "dask" and not self.address:
            raise PydanticCustomError(
                "executor", "type: dask needs an address; write address: tcp://host:8786, say"
            )
        return self


class Snapshot(Section):
    """The best of each day, see `aas2rto snapshot`; without this section there are none.

    Parameters
    ----------
    size : int
        Candidates in a snapshot, at most.
    command : str
        A program of your own that writes the summaries: it gets the facts as JSON on its standard
        input, and answers with a plain text. Where it fails, our own sentences stand.
    timeout : float
        It has so long for each candidate [s].
    """

    size: int = Field(default=6, ge=1, le=100)
    command: str = ""
    timeout: Second = Field(default=20.0, gt=0, le=600)


class Config(Section):
    """A whole science case, as written."""

    project: str = Field(pattern=PROJECT_PATTERN)
    loop: Loop = Loop()
    store: Annotated[Database, BeforeValidator(_database)] = Database()
    candidates: Candidates = Candidates()
    sources: dict[str, Any] = {}
    models: dict[str, Any] = {}
    executor: Executor = Executor()
    model_choice: Literal["first_ok", "best"] = "first_ok"
    score: Score
    observatories: list[str] = Field(min_length=1)
    visibility: dict[str, Any] = {}
    plan: Plan = Plan()
    snapshot: Snapshot | None = None
    figures: Figures = Figures()
    messages: dict[str, Any] = {}
    lco: Lco | None = None
    share: Share | None = None
