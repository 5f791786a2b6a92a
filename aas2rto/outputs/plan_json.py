"""A plan as JSON, and back: what `--interrupt` needs to know of the plan that is running."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.errors import UsageError
from aas2rto.outputs.cells import iso_seconds
from aas2rto.planning import NightPlan
from aas2rto.planning.earlier import Earlier
from aas2rto.planning.options import SiteNight
from aas2rto.planning.several import Several
from aas2rto.planning.timeline import COLUMNS, empty
from aas2rto.sky.local import local_time, sidereal_words
from aas2rto.text.json_values import plain
from aas2rto.text.words import MJD_EPOCH

FORMAT = 1
"""Raised when a reader of older files would go wrong."""

NEW: dict[str, Any] = {"fill": "", "parallactic": None}
"""What older files of the same format do not have, and what it means."""

TIMES = ("start", "exposure_start", "end")


def as_dictionary(plan: NightPlan, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan ready for JSON; what is not known is None.

    Parameters
    ----------
    plan : NightPlan
    provenance : mapping
        ``project, version, config``.
    """
    return {
        "format": FORMAT,
        **provenance,
        "now": plan.now.utc.isot,
        "now_mjd": float(plan.now.utc.mjd),
        "method": plan.method,
        "status": plan.status,
        "objective": plain(plan.objective),
        "bound": plain(plan.bound),
        "gap": plain(plan.gap),
        "greedy": plain(plan.greedy),
        "dispatch": plain(plan.dispatch),
        "independent": plain(plan.independent),
        "first": plain(plan.first),
        "options": plan.options,
        "not_planned": [
            {key: plain(value) for key, value in row.items()}
            for row in plan.not_planned.to_dict("records")
        ],
        "observatories": {one.observatory.name: _of_site(plan, one) for one in plan.nights},
    }


def nights(several: Several) -> dict[str, Any]:
    """Return the nights after tonight ready for JSON, see `aas2rto.planning.several`."""
    return {
        "status": several.status,
        "expected": [plain(one) for one in several.expected.tolist()],
        "later": [
            {
                "night": int(row["night"]),
                "evening": str((MJD_EPOCH + timedelta(days=float(row["evening"]))).date()),
                "observatory": row["observatory"],
                "candidate_id": row["candidate_id"],
                **_time("start", row["start"]),
                **_time("end", row["end"]),
                "worth": plain(row["site_score"]),
                "gain": plain(row["value"]),
            }
            for row in several.later.to_dict("records")
        ],
    }


def _of_site(plan: NightPlan, night: SiteNight) -> dict[str, Any]:
    return {
        "title": night.observatory.title,
        "night": night.night.kind.value,
        **_time("night_start", night.night.start),
        **_time("night_end", night.night.end),
        "closed": [{**_time("start", start), **_time("end", end)} for start, end in night.closed],
        "timezone": night.observatory.timezone,
        "slots": [
            {**slot(row), **_clocks(night, row["start"])}
            for row in plan.at(night.observatory.name).to_dict("records")
        ],
    }


def _clocks(night: SiteNight, start: float) -> dict[str, Any]:
    """Return what the clocks of a site show when a slot begins."""
    local = local_time(night.observatory, start)
    return {
        "start_local": None if local is None else local.isoformat(),
        "start_lst": sidereal_words(night.observatory, start) or None,
    }


def slot(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return one slot; times as ISO (UTC) and as MJD."""
    told: dict[str, Any] = {}
    for name in COLUMNS:
        if name in TIMES:
            told |= _time(name, row[name])
        else:
            told[name] = plain(row[name])
    return told


def _time(name: str, mjd: float) -> dict[str, Any]:
    text = iso_seconds(np.array([mjd]))[0]
    return {name: text or None, f"{name}_mjd": plain(float(mjd))}


def read(path: Path) -> Earlier:
    """Read a plan that was written earlier.

    Raises
    ------
    UsageError
        If there is none, or it is not one of this program's.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        sites = told["observatories"]
        rows = [row for site in sites.values() for row in site["slots"]]
        if told["format"] != FORMAT:
            raise UsageError(f"{path} has the format {told['format']}, this program knows {FORMAT}")
        slots = pd.DataFrame([_row(row) for row in rows], columns=list(COLUMNS))
        slots = slots.astype(empty().dtypes.to_dict()) if len(slots) else empty()
        closed = {name: _intervals(site["closed"]) for name, site in sites.items()}
        begins = {name: _number(site["night_start_mjd"]) for name, site in sites.items()}
    except FileNotFoundError as error:
        raise UsageError(
            f"--interrupt: there is no plan {path} to go on from; make one first without it"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"--interrupt: {path} is no plan of this program ({type(error).__name__}: {error}); "
            "make one without --interrupt"
        ) from error
    return Earlier(slots, closed, begins)


def _intervals(told: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Read intervals; an end that is not there lies at no time."""
    return [(_number(one["start_mjd"], -np.inf), _number(one["end_mjd"], np.inf)) for one in told]


def _number(value: float | None, otherwise: float = np.nan) -> float:
    return otherwise if value is None else float(value)


def _row(told: Mapping[str, Any]) -> dict[str, Any]:
    row = {
        name: told.get(name, NEW[name])
        if name in NEW
        else told[f"{name}_mjd" if name in TIMES else name]
        for name in COLUMNS
    }
    return {name: np.nan if value is None else value for name, value in row.items()}
