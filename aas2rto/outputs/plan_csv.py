"""A plan as CSV, one file per observatory: the same bytes for the same plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from aas2rto.outputs.cells import iso_seconds, to_csv
from aas2rto.planning import NightPlan
from aas2rto.planning.reasons import COLUMNS as COLUMNS_MISSED
from aas2rto.planning.several import Several
from aas2rto.planning.timeline import AHEAD, COLUMNS
from aas2rto.sky.local import local_time, sidereal_words
from aas2rto.text.words import MJD_EPOCH, counted

UNITS_LINE = (
    "units: ra, dec, altitude, azimuth, parallactic (north through east), moon_sep [deg]; "
    "mag [mag, AB]; start (the slew begins), exposure_start, end [UTC]; start_local [site clock]; "
    "start_lst [apparent sidereal time]; slew_s, exposure_s, needed_s [s]; altitude, airmass, "
    "azimuth, parallactic, moon_sep at the middle of the exposure; value: score in this slot; "
    "last_chance = score / score_tomorrow"
)

TIMES = ("start", "exposure_start", "end")

ORDER = (
    "slot",
    "state",
    "start",
    "exposure_start",
    "end",
    "start_local",
    "start_lst",
    "candidate_id",
    "name",
    "ra",
    "dec",
    "ra_hms",
    "dec_dms",
    "mag",
    "exposure_s",
    "needed_s",
    "slew_s",
)
"""What an observer types comes first."""


def of_site(plan: NightPlan, observatory: str, header: Sequence[str]) -> str:
    """Return the slots of one observatory as CSV.

    Parameters
    ----------
    plan : NightPlan
    observatory : str
    header : sequence of str
        Provenance lines.
    """
    slots = plan.at(observatory)
    site = next(one.observatory for one in plan.nights if one.observatory.name == observatory)
    starts = slots["start"].tolist()
    local = [local_time(site, start) for start in starts]
    times = {
        **{name: iso_seconds(slots[name].to_numpy(float)) for name in TIMES},
        "start_local": ["" if one is None else one.isoformat() for one in local],
        "start_lst": [sidereal_words(site, start) for start in starts],
    }
    rest = [name for name in COLUMNS if name not in {*ORDER, "observatory"}]
    lines = [*header, f"plan: {observatory}, {worth(plan)}", UNITS_LINE]
    return to_csv(slots.assign(**times), [*ORDER, *rest], lines)


def not_planned(plan: NightPlan, header: Sequence[str]) -> str:
    """Return who is wanted but not planned as CSV: why, for each observatory."""
    names = ", ".join(night.observatory.name for night in plan.nights)
    lines = [*header, f"wanted, but not in the plan of {names}"]
    return to_csv(plan.not_planned, list(COLUMNS_MISSED), lines)


NIGHTS = (
    "evening",
    "observatory",
    "start",
    "end",
    "candidate_id",
    "name",
    "ra",
    "dec",
    "mag",
    "exposure_s",
    "airmass",
    "moon_sep",
    "worth",
    "gain",
)


def of_nights(several: Several, header: Sequence[str]) -> str:
    """Return the slots of the nights after tonight as CSV."""
    later = several.later
    dates = [str(MJD_EPOCH.date() + timedelta(days=int(one))) for one in later["evening"]]
    times = {name: iso_seconds(later[name].to_numpy(float)) for name in ("start", "end")}
    table = later.assign(**times, evening=dates, worth=later["site_score"], gain=later["value"])
    told = " ".join(f"{one:.3f}" for one in several.expected.tolist())
    lines = [
        *header,
        f"the nights after tonight; expected successes by night, tonight first: {told}",
        "worth: chance of success then; gain: what is lost if it is not planned at all; mag: the "
        "last one, by which the exposure is reckoned",
    ]
    return to_csv(table, list(NIGHTS), lines)


def worth(plan: NightPlan) -> str:
    """Say in one line how good a plan is, and what there was to compare it with."""
    first = plan.slots[(plan.slots["too"] | plan.slots["pinned"]) & plan.slots["state"].isin(AHEAD)]
    before = f"{counted(len(first), 'ToO or pinned visit')} planned first; " if len(first) else ""
    asked = "" if plan.status in {"optimal", "not asked"} else f" (solver: {plan.status})"
    if not plan.bound:
        return f"{before}{plan.method}{asked}: nothing else of the lists fits"
    return (
        f"{before}{plan.method}{asked}: sum of scores {plan.objective:.5g}, at most "
        f"{plan.bound:.5g} possible (gap {plan.gap:.2%}); greedy would reach "
        f"{plan.greedy / plan.bound:.1%} of that, each telescope by its own list "
        f"{plan.independent / plan.bound:.1%}"
    )
