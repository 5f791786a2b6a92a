"""A short look at every door, the same each time; ``make fuzz MINUTES=10`` looks for longer."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aas2rto.errors import InputError
from tests.fuzz.__main__ import Tally, fuzz
from tests.fuzz.damage import SECRET
from tests.fuzz.door import Door, Fault, fault_of, keep, megabytes
from tests.fuzz.doors import DOORS, door_of
from tests.fuzz.shrink import shrink

SLOW_START = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_door(door: Door) -> None:
    """No crash, no hang, no bomb, no secret; what fails is shrunk and lies among the cases."""
    fault_of(door, door.make(random.Random(0)), megabytes())  # imports and seeds are no input's
    base = megabytes()

    @settings(max_examples=door.examples, suppress_health_check=SLOW_START)
    @given(st.randoms(use_true_random=False))
    def look(rng: random.Random) -> None:
        content = door.make(rng)
        fault = fault_of(door, content, base)
        if fault is not None and fault.kind == "slow":
            # Work is counted of the whole process: what other tests left running is no input's.
            fault = fault_of(door, content, base)
        # Hypothesis ends with the smallest: it is the one to keep.
        assert fault is None, f"{fault} {keep(door, content)}"

    look()


# -- what looks for faults finds them --------------------------------------------------------------


def _door(use: object) -> Door:
    return Door("a door", lambda rng: bytes([rng.randrange(256)]) * 50, use)  # type: ignore[arg-type]


def _crash(content: bytes) -> list[str]:
    if b"7" in content:
        raise ZeroDivisionError("seven")
    return []


def _refuse(content: bytes) -> list[str]:
    raise InputError(f"no: {SECRET if b'x' in content else ''}")


def test_faults_are_found_and_told_apart() -> None:
    """An error of the program's own is none; whatever else escapes is, and so is a secret."""
    base = megabytes()
    assert fault_of(_door(_crash), b"1234", base) is None
    found = fault_of(_door(_crash), b"567", base)
    assert found == Fault("crash", "ZeroDivisionError in test_doors.py:_crash: seven")
    assert fault_of(_door(_refuse), b"a", base) is None
    assert (fault_of(_door(_refuse), b"x", base) or Fault("", "")).kind == "secret"


@pytest.mark.slow
def test_hangs_and_bombs_are_found() -> None:
    """By the work of the process, not by the clock: others may use the machine, too."""

    def work(content: bytes) -> list[str]:
        return [str(sum(range(30_000_000 * len(content))))[:0]]

    assert (fault_of(_door(work), b"xxx", megabytes()) or Fault("", "")).kind in {"slow", "hang"}
    room = fault_of(_door(lambda _: [str(len(bytearray(600 * 2**20)))]), b"", megabytes())
    # Untouched zeros take no memory; those that the kernel has to make take a second of work.
    assert room is None or room.kind in {"memory", "slow"}


def test_what_fails_is_shrunk_and_kept(tmp_path: Path) -> None:
    """To what matters, in a file with the door's name."""
    assert shrink(b"a" * 300 + b"7" + b"b" * 500, lambda content: b"7" in content) == b"7"
    path = keep(DOORS[0], b"project: x", tmp_path)
    assert path.read_bytes() == b"project: x"
    assert door_of(path.name) is DOORS[0]
    assert len({door.name for door in DOORS}) == len(DOORS)


def test_a_run_counts_what_it_gave() -> None:
    """The same seed gives the same inputs."""
    given: list[bytes] = []
    door = _door(lambda content: given.append(content) or [])
    tally = fuzz(door, 60.0, "1", most=50)
    assert isinstance(tally, Tally)
    assert tally.inputs == 50
    first, given[:] = list(given), []
    fuzz(door, 60.0, "1", most=50)
    assert given == first
    assert len(set(given)) > 20
