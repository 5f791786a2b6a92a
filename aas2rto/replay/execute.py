"""A night's plan carried out: what was observed, and what clouds took."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.errors import UsageError
from aas2rto.planning import SiteNight
from aas2rto.questions.plan import moments_of, plan_of
from aas2rto.replay.tables import CLOUDED, OBSERVED
from aas2rto.sky.night import evening_of
from aas2rto.sky.observatory import Observatory
from aas2rto.steps.cycle import Judged, Parts
from aas2rto.store import Store
from aas2rto.tables import marks
from aas2rto.text.words import nearest
from aas2rto.units import parse

AUTHOR = "replay"
"""Who says that a candidate was observed."""


@dataclass(frozen=True)
class Capacity:
    """What a telescope may do in a night for this program.

    Parameters
    ----------
    hours : float or None
        Slews, overheads and exposures together [hour]; None: the whole night.
    spectra : int or None
        How many visits; None: as many as there is time for.
    """

    hours: float | None = None
    spectra: int | None = None


def parse_capacity(text: str) -> tuple[str, Capacity]:
    """Read ``la_silla_dk154=6h`` (hours a night) or ``la_silla_dk154=3`` (spectra a night).

    Raises
    ------
    UsageError
        If it is neither.

    Examples
    --------
    >>> parse_capacity("palomar_p60=3")
    ('palomar_p60', Capacity(hours=None, spectra=3))
    >>> parse_capacity("palomar_p60=6h")
    ('palomar_p60', Capacity(hours=6.0, spectra=None))
    """
    site, equals, what = text.partition("=")
    told = what.strip()
    if equals and site.strip() and told.isdecimal() and int(told) > 0:
        return site.strip(), Capacity(spectra=int(told))
    try:
        hours = parse(told, "hour")
    except ValueError:
        hours = -1.0
    if not equals or not site.strip() or not 0 < hours <= 24:
        raise UsageError(
            f"--capacity: {text!r} says neither hours nor spectra; write SITE=6h or SITE=3"
        )
    return site.strip(), Capacity(hours=hours)


def capacities(texts: Sequence[str], sites: Sequence[Observatory]) -> dict[str, Capacity]:
    """Read what telescopes may do, by the name of the observatory.

    Raises
    ------
    UsageError
        If an observatory is not of this science case, or is named twice.
    """
    known = [site.name for site in sites]
    found: dict[str, Capacity] = {}
    for text in texts:
        name, capacity = parse_capacity(text)
        if name not in known:
            raise UsageError(
                f"--capacity: this science case has no observatory {name!r}{nearest(name, known)} "
                f"(it has: {', '.join(known)})"
            )
        if name in found:
            raise UsageError(f"--capacity: {name} stands there twice")
        found[name] = capacity
    return found


@dataclass(frozen=True)
class Weather:
    """Which nights are lost.

    Parameters
    ----------
    seed : int or None
        None: all nights are clear.
    clear : float
        Share of clear nights.
    """

    seed: int | None = None
    clear: float = 0.75

    def is_clear(self, site: str, evening: int) -> bool:
        """Tell whether a night is clear at a site; the same for each config and each order.

        Parameters
        ----------
        site : str
        evening : int
            MJD of the date on whose evening it begins.
        """
        if self.seed is None:
            return True
        told = hashlib.sha256(f"{self.seed} {site} {evening}".encode()).digest()
        return int.from_bytes(told[:8], "big") < self.clear * 2.0**64


@dataclass(frozen=True)
class Executed:
    """What a night brought.

    Parameters
    ----------
    plans, site_nights : DataFrame
        See the replay's tables.
    """

    plans: pd.DataFrame
    site_nights: pd.DataFrame


def execute(
    parts: Parts,
    judged: Judged,
    store: Store,
    now: Time,
    capacity: Mapping[str, Capacity],
    weather: Weather,
) -> Executed:
    """Plan the coming night, carry it out, and mark what was observed.

    Parameters
    ----------
    parts : Parts
    judged : Judged
        The lists at `now`.
    store : Store
        Gets a mark for each visit, at its end.
    now : Time
        In the evening, or by day.
    capacity : mapping
        By observatory; only these observe.
    weather : Weather
        Nobody knows it when the night is planned.

    Notes
    -----
    Sites are planned together, greedily, so that none visits what another one does. Of a plan with
    more visits than the capacity allows, those of the highest value are made.
    """
    sites = [site for site in parts.case.observatories if site.name in capacity]
    plan = plan_of(parts, judged, now, moments=moments_of(sites, now), solve=False)
    slots, rows = [], []
    for night in plan.nights:
        name = night.observatory.name
        clear = weather.is_clear(name, _evening(night))
        chosen = within(plan.at(name), capacity[name])
        chosen = chosen.assign(state_now=OBSERVED if clear else CLOUDED)
        slots.append(chosen)
        rows.append(_site_row(night, chosen, capacity[name], clear=clear))
    done = pd.concat(slots, ignore_index=True)
    _mark(store, done[done["state_now"] == OBSERVED])
    return Executed(_plan_rows(done), pd.DataFrame(rows))


def within(slots: pd.DataFrame, capacity: Capacity) -> pd.DataFrame:
    """Return the visits of the highest value that the capacity allows, in their order.

    Parameters
    ----------
    slots : DataFrame
        Of one site; ``value, start, end``.
    capacity : Capacity
    """
    best = slots.sort_values(["value", "start"], ascending=[False, True], kind="stable")
    if capacity.spectra is not None:
        best = best.head(capacity.spectra)
    if capacity.hours is not None:
        hours = (best["end"] - best["start"]) * 24.0
        best = best[_fits(hours.to_numpy(float), capacity.hours)]
    return best.sort_values("start", kind="stable").reset_index(drop=True)


def _fits(hours: NDArray[np.float64], most: float) -> NDArray[np.bool_]:
    """Tell which visits find room, one after the other; a shorter one may follow a refused one."""
    left, found = most + 1e-9, np.zeros(len(hours), dtype=bool)
    for row, length in enumerate(hours.tolist()):
        if length <= left:
            found[row], left = True, left - length
    return found


def _evening(night: SiteNight) -> int:
    """Return the MJD of the date on whose evening a night begins; 0 if there is none."""
    found = float(evening_of(night.night.start, night.night.end))
    return int(found) if np.isfinite(found) else 0


def _site_row(
    night: SiteNight, chosen: pd.DataFrame, capacity: Capacity, *, clear: bool
) -> dict[str, Any]:
    used = float((chosen["end"] - chosen["start"]).sum() * 24.0)
    dark = 24.0 * (night.night.end - night.begin) if np.isfinite(night.begin) else 0.0
    return {
        "observatory": night.observatory.name,
        "clear": clear,
        "dark_hours": np.float32(dark),
        "capacity_hours": np.float32(np.nan if capacity.hours is None else capacity.hours),
        "capacity_spectra": np.int32(-1 if capacity.spectra is None else capacity.spectra),
        "hours_used": np.float32(used if clear else 0.0),
        "planned": np.int32(len(chosen)),
        "observed": np.int32(len(chosen) if clear else 0),
    }


def _plan_rows(done: pd.DataFrame) -> pd.DataFrame:
    small = {"exposure_s": "exposure", "airmass": "airmass", "mag": "mag"}
    return pd.DataFrame(
        {
            **{name: done[name] for name in ("observatory", "candidate_id", "start", "end")},
            **{new: done[old].astype("float32") for old, new in small.items()},
            "site_score": done["site_score"].astype("float32"),
            "state": done["state_now"],
        }
    )


def _mark(store: Store, done: pd.DataFrame) -> None:
    """Say of each visit that it was made, as an observer would at its end."""
    columns = zip(done["candidate_id"], done["observatory"], done["end"], strict=True)
    rows = [
        row
        for name, site, end in columns
        for row in marks.rows(
            name,
            marks.Kind.OBSERVED,
            Time(end, format="mjd", scale="utc"),
            observatories=[site],
            author=AUTHOR,
        )
    ]
    store.marks.save(rows)
