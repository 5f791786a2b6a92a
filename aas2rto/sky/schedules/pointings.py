"""A schedule as ObsLocTAP tells it, to columns: where, when, in which band, how large.

IVOA ObsLocTAP 1.0, table `ivoa.obsplan`; ZTF's nightly file and Rubin's service use its columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aas2rto.errors import InputError

PLANNED = frozenset({"", "scheduled", "planned"})
"""``execution_status`` of what is to come. Others: Performed, Unscheduled, Aborted, and Rubin's
"Not Observed", which the IVOA's list does not have (lsst-dm/obsloctap, tests/fixtures)."""

RANGES = {
    "u": (330e-9, 400e-9),
    "g": (402e-9, 552e-9),
    "r": (552e-9, 691e-9),
    "i": (691e-9, 818e-9),
    "z": (818e-9, 922e-9),
    "y": (922e-9, 1060e-9),
}
"""[m] lsst-dm/obsloctap, models.py. ZTF's g, r, i (416.7-542.8, 568.9-717.2, 722.5-869.9 nm) lie in
the band of the same name by at least 65 %."""

LEAST_SHARE = 0.5
"""Of a range that lies in a band, to be that band; pinholes of Rubin's (380-700 nm) are in none."""

MOST_ROWS = 200_000
"""A night has some 1,000 exposures; a file with more was meant for something else."""

TEXTS = ("execution_status", "s_region")
NUMBERS = ("s_ra", "s_dec", "s_fov", "t_min", "t_max", "em_min", "em_max")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pointings:
    """What a survey plans.

    Parameters
    ----------
    ra, dec : ndarray
        Centres, ICRS [deg].
    fov : ndarray
        Diameter [deg]; NaN where it is not told.
    start, end : ndarray
        [d, MJD UTC]
    band : ndarray of str
        One of `RANGES`; empty where it is none of them.
    asked_at : float or None
        When it was fetched [d, MJD UTC].
    rows : int
        Rows of the schedule, planned or not.
    problems : tuple of str
        What could not be used, one line for each kind.
    """

    ra: Floats
    dec: Floats
    fov: Floats
    start: Floats
    end: Floats
    band: NDArray[np.object_]
    asked_at: float | None = None
    rows: int = 0
    problems: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.ra)


def read(content: bytes) -> Pointings:
    """Read a schedule: JSON of ObsLocTAP rows, as it came or as `wrapped` keeps it.

    Rows may be a list of objects, columns of lists, columns of mappings by row, or a list of lists
    beside its column names (``data`` and ``columns`` or ``metadata``): ZTF's page does not say
    which it is.

    Raises
    ------
    InputError
        If it is no such JSON.
    """
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no JSON ({str(error)[:80]})") from error
    asked_at = None
    if isinstance(told, Mapping) and "answer" in told:
        at = told.get("asked_at")
        asked_at = float(at) if isinstance(at, int | float) and np.isfinite(at) else None
        told = told["answer"]
    rows = list(_rows(told))
    if len(rows) > MOST_ROWS:
        raise InputError(f"has {len(rows)} rows, which no night has")
    return _of_rows(rows, asked_at)


def wrapped(answer: Any, asked_at: float) -> str:
    """Return the text of a file that keeps an answer and when it was asked for."""
    return json.dumps({"asked_at": asked_at, "answer": answer}, separators=(",", ":")) + "\n"


def _rows(told: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(told, list):
        yield from (one for one in told if isinstance(one, Mapping))
        return
    if not isinstance(told, Mapping):
        raise InputError(f"holds {type(told).__name__}, not rows of a schedule")
    if isinstance(told.get("data"), list):
        yield from _named(told["data"], told.get("columns", told.get("metadata", [])))
        return
    if "s_ra" not in told:
        raise InputError("has no column s_ra: it is no schedule of ObsLocTAP")
    columns = {key: _values(told[key]) for key in (*NUMBERS, *TEXTS) if key in told}
    for place in range(len(columns["s_ra"])):
        yield {key: some[place] for key, some in columns.items() if place < len(some)}


def _named(data: Sequence[Any], columns: Any) -> Iterator[Mapping[str, Any]]:
    names = [str(one.get("name")) if isinstance(one, Mapping) else str(one) for one in columns]
    for one in data:
        if isinstance(one, Mapping):
            yield one
        elif isinstance(one, list):
            yield dict(zip(names, one, strict=False))


def _values(column: Any) -> list[Any]:
    if isinstance(column, Mapping):
        return list(column.values())
    return list(column) if isinstance(column, list) else []


def _of_rows(rows: Sequence[Mapping[str, Any]], asked_at: float | None) -> Pointings:
    table = np.array([[_number(row.get(key)) for key in NUMBERS] for row in rows])
    ra, dec, fov, start, end, low, high = table.reshape(-1, len(NUMBERS)).T
    status = [str(row.get("execution_status") or "").strip().lower() for row in rows]
    regions = [str(row.get("s_region") or "") for row in rows]
    fov = np.where(fov > 0, fov, [_diameter(one) for one in regions])
    planned = np.array([one in PLANNED for one in status], dtype=bool)
    good = (np.abs(dec) <= 90) & np.isfinite(ra) & (end >= start)
    problems = []
    if (lost := int((planned & ~good).sum())) > 0:
        problems.append(f"{lost} of {len(rows)} rows have no position or no time")
    take = planned & good
    band = bands_of(low[take], high[take])
    return Pointings(
        ra[take] % 360.0,
        dec[take],
        fov[take],
        start[take],
        end[take],
        band,
        asked_at,
        len(rows),
        tuple(problems),
    )


def bands_of(low: Floats, high: Floats) -> NDArray[np.object_]:
    """Return the band that ranges of wavelengths [m] lie in; empty where it is none."""
    names = np.array([*RANGES, ""], dtype=object)
    begin, end = np.array(list(RANGES.values())).T
    with np.errstate(invalid="ignore", divide="ignore"):
        common = np.minimum(high[:, None], end) - np.maximum(low[:, None], begin)
        share = np.nan_to_num(common / (high - low)[:, None], nan=0.0, posinf=0.0, neginf=0.0)
    best = share.argmax(axis=1)
    is_known = share[np.arange(len(low)), best] > LEAST_SHARE
    return np.asarray(names[np.where(is_known, best, len(RANGES))], dtype=object)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan


_CIRCLE = re.compile(r"\s*circle\b[^\d+-]*(\S+)\s+(\S+)\s+(\S+)\s*", re.IGNORECASE)


def _diameter(region: str) -> float:
    """Return the diameter of a circle in STC-S [deg]; NaN of anything else."""
    found = _CIRCLE.fullmatch(region)
    return 2.0 * _number(found[3]) if found else np.nan
