"""What was found once is looked at each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.door import CASES, fault_of, megabytes
from tests.fuzz.doors import door_of


@pytest.mark.parametrize("path", sorted(CASES.glob("*.*")), ids=lambda path: path.name)
def test_a_case(path: Path) -> None:
    """It does none of what it did."""
    door = door_of(path.name)
    fault_of(door, b"", megabytes())  # imports
    assert fault_of(door, path.read_bytes(), megabytes()) is None
