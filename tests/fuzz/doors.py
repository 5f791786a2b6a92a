"""All doors."""

from __future__ import annotations

from tests.fuzz import files, services, words
from tests.fuzz.door import Door

DOORS: tuple[Door, ...] = (*files.DOORS, *services.DOORS, *words.DOORS)


def door_of(case: str) -> Door:
    """Return the door whose case a file is, by its name."""
    import re

    return next(door for door in DOORS if re.sub(r"\W+", "-", door.name) == case.partition(".")[0])
