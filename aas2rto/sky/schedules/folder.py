"""The folder in which schedules lie: fetched by the source `schedules`, or put there by hand."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from aas2rto.errors import InputError
from aas2rto.sky.schedules.pointings import Pointings, read
from aas2rto.text.words import counted, date_of, iso

MOST_BYTES = 256 * 2**20
"""A larger file is no schedule of a night."""

RUBIN_FILE = "rubin_schedule.json"


def ztf_file(mjd: float) -> str:
    """Return the name of ZTF's file of a night, as ZTF names it (README of the service)."""
    return f"ZTF_ObsLoc_{date_of(mjd):%Y-%m-%d}.json"


@dataclass(frozen=True)
class Tonight:
    """What is known of a survey's night.

    Parameters
    ----------
    plan : Pointings or None
        None: nothing is known, and `why` says why.
    why : str
    is_damaged : bool
        Whether a file is there that cannot be read.
    """

    plan: Pointings | None
    why: str = ""
    is_damaged: bool = False


def tonight(folder: Path, service: str, now: float, before: float) -> Tonight:
    """Return what a survey plans between two times, or why nothing is known of it.

    Parameters
    ----------
    folder : Path
    service : str
        ``ztf`` or ``rubin``.
    now, before : float
        [d, MJD UTC]
    """
    names = [ztf_file(now), ztf_file(now + 1)] if service == "ztf" else [RUBIN_FILE]
    why = f"no plan of {service} is in {folder}"
    is_damaged = False
    for path in (folder / name for name in names):
        found = _of_file(path, service, now, before)
        if found.plan is not None:
            return found
        if found.why:
            why, is_damaged = found.why, found.is_damaged or is_damaged
    return Tonight(None, why, is_damaged)


def _of_file(path: Path, service: str, now: float, before: float) -> Tonight:
    try:
        state = path.stat()
        plan = _read(str(path), state.st_mtime_ns, state.st_size)
    except FileNotFoundError:
        return Tonight(None)
    except (OSError, InputError) as error:
        return Tonight(None, f"{path.name} cannot be read: {error}", is_damaged=True)
    why = _unusable(plan, service, now, before)
    return Tonight(plan if not why else None, why)


def _unusable(plan: Pointings, service: str, now: float, before: float) -> str:
    """Say why a schedule tells nothing of the time between two others; empty if it does."""
    asked = "" if plan.asked_at is None else f" (asked {iso(plan.asked_at)})"
    if plan.asked_at is not None and plan.asked_at > now:
        why = f"the plan of {service} was not known yet{asked}"
    elif not plan.rows:
        why = f"{service} announces nothing{asked}"
    elif not len(plan):
        why = f"{service} has nothing planned of {counted(plan.rows, 'exposure')}{asked}"
    elif plan.end.max() <= now:
        why = f"the plan of {service} was over at {iso(float(plan.end.max()))}"
    elif plan.start.min() >= before:
        why = f"the plan of {service} begins at {iso(float(plan.start.min()))}"
    else:
        why = ""
    return why


@functools.lru_cache(maxsize=8)
def _read(path: str, changed: int, size: int) -> Pointings:  # noqa: ARG001  a new file is read anew
    if size > MOST_BYTES:
        raise InputError(f"has {size} bytes, which no schedule of a night has")
    return read(Path(path).read_bytes())
