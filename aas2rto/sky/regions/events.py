"""Sky maps of events in a folder: each with what was told of it, until it is retracted or old."""

from __future__ import annotations

import functools
import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aas2rto.errors import InputError
from aas2rto.sky.regions import sky_map
from aas2rto.sky.regions.sky_map import SkyMap

MOST_BYTES = 256 * 2**20
"""Unpacked: 12 * 1024^2 pixels of 8 byte, as flat maps come, are 96 MiB; multi-order maps have some
2 MB."""


@dataclass(frozen=True)
class Event:
    """An event with a map.

    Parameters
    ----------
    name : str
    time : float
        [d, MJD UTC]
    map : SkyMap
    """

    name: str
    time: float
    map: SkyMap


def put(folder: Path, key: str, content: bytes, about: Mapping[str, Any]) -> Path:
    """Keep the newest map of an event, and what was told of it.

    Raises
    ------
    InputError
        If it is no sky map; the one before stays.
    OSError
        If it cannot be written.
    """
    content = _unpacked(content)
    found = sky_map.read(io.BytesIO(content), name=key)
    told = dict(about)
    if np.isfinite(found.began):
        told["time"] = found.began  # the header's: of the event, not of the notice
    _write(folder / f"{key}.fits", content)
    _write(folder / f"{key}.json", (json.dumps(told, default=str, indent=1) + "\n").encode())
    return folder / f"{key}.fits"


def _unpacked(content: bytes) -> bytes:
    """Return what gzip has packed, if it did.

    Raises
    ------
    InputError
        If it is damaged, or far larger than any map.
    """
    if not content.startswith(b"\x1f\x8b"):
        return content
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(content, MOST_BYTES)
    except zlib.error as error:
        raise InputError(f"what gzip packed is damaged ({error})") from error
    if not unpacking.eof:
        raise InputError(f"ends early, or has more than {MOST_BYTES >> 20} MiB unpacked")
    return found


def end(folder: Path, key: str) -> None:
    """Take the map of an event away: it was retracted."""
    for suffix in (".fits", ".json"):
        (folder / f"{key}{suffix}").unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_bytes(content)
    draft.replace(path)


def active(folder: Path, now: float, window: float) -> tuple[list[Event], list[str]]:
    """Return the events of a folder that are young enough.

    Parameters
    ----------
    folder : Path
        ``NAME.fits`` (also packed by gzip) and ``NAME.json`` with its ``time`` [d, MJD UTC] and
        ``event``; without it, the header's MJD-OBS counts.
    now : float
        [d, MJD UTC]
    window : float
        Age up to which an event counts [d].

    Returns
    -------
    events : list of Event
        Newest first.
    problems : list of str
        Maps that cannot be used, and why.
    """
    found, problems = [], []
    for path in sorted((*folder.glob("*.fits"), *folder.glob("*.fits.gz"))):
        if path.name.startswith("."):
            continue
        about = path.with_name(f"{path.name.partition('.fits')[0]}.json")
        try:
            one = _event(str(path), _state(path), str(about), _state(about))
        except InputError as error:
            problems.append(str(error))
            continue
        if not np.isfinite(one.time):
            problems.append(f"{path}: neither it nor {about.name} says when the event was")
        elif one.time <= now < one.time + window:
            found.append(one)
    return sorted(found, key=lambda one: -one.time), problems


def _state(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_mtime_ns, state.st_size


@functools.lru_cache(maxsize=32)
def _event(path: str, changed: Any, about: str, told_changed: tuple[int, int]) -> Event:  # noqa: ARG001
    found = sky_map.read(Path(path))
    told: Any = {}
    if told_changed != (0, 0):
        try:
            told = json.loads(Path(about).read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{about}: cannot be read ({str(error)[:60]})") from error
    told = told if isinstance(told, Mapping) else {}
    time = told.get("time")
    is_time = isinstance(time, int | float) and not isinstance(time, bool)
    name = told.get("event")
    return Event(
        name if isinstance(name, str) and name else found.name,
        float(time) if is_time else found.began,
        found,
    )
