"""Who else looks tonight: what a survey observes anyway needs less of our time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import BaseModel, Field

from aas2rto.factors import Factor, Needs, Share, answer, factor, numbers
from aas2rto.parts.path_setting import OwnFolder
from aas2rto.sky.schedules.folder import Tonight, tonight
from aas2rto.sky.schedules.looks import CAMERAS, Looks, looks
from aas2rto.sky.schedules.pointings import RANGES
from aas2rto.text.late import sentences
from aas2rto.text.words import hour
from aas2rto.units import Hour

EXECUTED = 0.77
"""Share of a plan that is carried out: of 2,999 exposures of a published schedule of Rubin's, April
2026, 677 are marked "Not Observed" (lsst-dm/obsloctap, tests/fixtures/schedule_48h.json)."""


def _check(options: BaseModel, **_: Any) -> list[str]:
    given: Any = options
    if not (given.services and given.bands):
        return ["services and bands: name at least one of each"]
    return []


@factor("covered_tonight", needs=Needs.LIGHT_CURVE, check=_check)
def covered_tonight(
    candidates: pd.DataFrame,
    now: Time,
    *,
    folder: OwnFolder = "schedules",
    services: tuple[Literal["ztf", "rubin"], ...] = ("ztf", "rubin"),
    bands: tuple[Literal["u", "g", "r", "i", "z", "y"], ...] = ("g", "r"),
    weight: Annotated[float, Field(ge=0, lt=1)] = 0.5,
    executed: Share = EXECUTED,
    within: Annotated[Hour, Field(gt=0, le=48)] = 24.0,
) -> Factor:
    """Lower what surveys have announced to observe themselves in the coming night.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``ra, dec``.
    now : Time
        Exposures that are over do not count.
    folder : str
        Where schedules lie; the source `schedules` fetches them, or people put them there.
    services : tuple of str
        ``ztf``: files ``ZTF_ObsLoc_YYYY-MM-DD.json``; public surveys alone. ``rubin``:
        ``rubin_schedule.json``.
    bands : tuple of str
        Bands of use, of either survey; exposures in others do not count.
    weight : float
        What a sure look takes off: the factor is 1 - weight * chance.
    executed : float
        Share of a plan that is carried out; clouds take the rest.
    within : float
        So far ahead [hour].

    Returns
    -------
    Factor
        1 where no survey has a plan for it, or no plan is known: the reason tells them apart.

    Notes
    -----
    IVOA ObsLocTAP 1.0. The chance that a detector sees a position that lies in n fields of
    different centres is 1 - (1 - fill)^n, of either survey, times `executed`; surveys are
    independent of each other.
    """
    moment, n = float(now.utc.mjd), len(candidates)
    before = moment + within / 24.0
    known: dict[str, Tonight] = {
        str(one): tonight(Path(folder).expanduser(), one, moment, before) for one in services
    }
    at = numbers(candidates, "ra"), numbers(candidates, "dec")
    seen = {
        name: looks(*at, found.plan, CAMERAS[name], bands=bands, after=moment, before=before)
        for name, found in known.items()
        if found.plan is not None
    }
    missed = np.ones(n)
    for one in seen.values():
        missed *= 1.0 - executed * one.chance
    lines = _told(known, seen, bands)
    found = answer(1.0 - weight * (1.0 - missed), reason=sentences(n, lines), chance=1.0 - missed)
    damaged = [one.why for one in known.values() if one.is_damaged]
    problems = [line for one in known.values() if one.plan for line in one.plan.problems]
    return Factor(found.value, found.decision, found.reason, found.inputs, (*damaged, *problems))


def _told(known: dict[str, Tonight], seen: dict[str, Looks], bands: tuple[str, ...]) -> Any:
    """Return who says in words what is known of a row."""
    lost = [one.why for one in known.values() if one.plan is None]
    wanted = ", ".join(one for one in RANGES if one in bands)

    def line(row: int) -> str:
        said = [
            f"{name} looks in {one.bands[row]} from {hour(float(one.first[row]))} UTC "
            f"({one.chance[row]:.0%} in its fields)"
            for name, one in seen.items()
            if one.chance[row] > 0
        ]
        idle = [name for name, one in seen.items() if not one.chance[row] > 0]
        if idle:
            said.append(f"{' and '.join(idle)}: no look in {wanted}")
        return "; ".join([*said, *lost])

    return line
