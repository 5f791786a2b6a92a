"""A plan as CSV, one file per observatory: the same bytes for the same plan."""

from __future__ import annotations

from collections.abc import Sequence

from aas2rto.outputs.cells import iso_seconds, to_csv
from aas2rto.planning import NightPlan
from aas2rto.planning.reasons import COLUMNS as COLUMNS_MISSED
from aas2rto.planning.timeline import COLUMNS

UNITS_LINE = (
    "units: ra, dec, altitude, azimuth, moon_sep [deg]; mag [mag, AB]; start (the slew begins), "
    "exposure_start, end [UTC]; slew_s, exposure_s, needed_s [s]; altitude, airmass, azimuth, "
    "moon_sep at the middle of the exposure; last_chance = score / score_tomorrow"
)

ORDER = (
    "slot",
    "state",
    "start",
    "exposure_start",
    "end",
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
    times = {
        name: iso_seconds(slots[name].to_numpy(float))
        for name in ("start", "exposure_start", "end")
    }
    rest = [name for name in COLUMNS if name not in {*ORDER, "observatory"}]
    lines = [*header, f"plan: {observatory}, {worth(plan)}", UNITS_LINE]
    return to_csv(slots.assign(**times), [*ORDER, *rest], lines)


def not_planned(plan: NightPlan, header: Sequence[str]) -> str:
    """Return who is wanted but not planned as CSV: why, for each observatory."""
    names = ", ".join(night.observatory.name for night in plan.nights)
    lines = [*header, f"wanted, but not in the plan of {names}"]
    return to_csv(plan.not_planned, list(COLUMNS_MISSED), lines)


def worth(plan: NightPlan) -> str:
    """Say in one line how good a plan is, and what there was to compare it with."""
    if not plan.bound:
        return f"{plan.method}: nothing to choose from beside what comes first"
    shares = ", ".join(
        f"{name} {value / plan.bound:.1%}"
        for name, value in (
            ("greedy", plan.greedy),
            ("independent lists", plan.independent),
        )
    )
    asked = "" if plan.status in {"optimal", "not asked"} else f" (solver: {plan.status})"
    return (
        f"{plan.method}{asked}: {plan.objective:.5g} of at most {plan.bound:.5g} "
        f"(gap {plan.gap:.2%}); {shares} of the bound"
        + (f"; besides {plan.first:.5g} of what comes first" if plan.first else "")
    )
