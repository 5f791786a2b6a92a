"""``python -m tests.fuzz --minutes 10 [DOOR ...]``: a table of what each door was given, and took.

Ends with 1 if an input failed; it is shrunk, and lies in ``tests/fuzz/cases`` as a test.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import resource
import shutil
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.fuzz import files, seeds
from tests.fuzz.door import Door, Fault, fault_of, keep, megabytes, seconds
from tests.fuzz.doors import DOORS
from tests.fuzz.shrink import shrink

AT_ONCE = 20
"""Inputs of a door that takes many."""
MOST_FAULTS = 20
"""At one door, of different kinds or places; then it needs mending first."""


@dataclass
class Tally:
    """What a door was given, and took."""

    door: str
    inputs: int = 0
    took: float = 0.0
    worst: float = 0.0
    base: float = 0.0
    peak: float = 0.0
    faults: list[str] = field(default_factory=list)
    seed: str = ""

    def row(self) -> str:
        """Return a line of the table."""
        rate = self.inputs / self.took if self.took else 0.0
        return (
            f"{self.door:20s} {self.inputs:9d} {len(self.faults):8d} {self.worst:9.3f} "
            f"{self.peak - self.base:9.0f} {rate:9.0f}"
        )


HEAD = f"{'door':20s} {'inputs':>9s} {'failures':>8s}" + "".join(
    f" {name:>9s}" for name in ("worst [s]", "peak [MB]", "per s")
)


def fuzz(door: Door, limit: float, seed: str, most: int = 10**9) -> Tally:
    """Give a door so many inputs, or for so long [s, of the clock]."""
    rng = random.Random(f"{seed} {door.name}")
    for _ in range(30):  # what is made once: seeds, imports, caches
        fault_of(door, door.make(rng), megabytes())
    tally = Tally(door.name, base=megabytes(), seed=seed)
    seen: set[str] = set()
    end, begun = time.monotonic() + limit, time.monotonic()
    while time.monotonic() < end and tally.inputs < most and len(seen) < MOST_FAULTS:
        contents = [door.make(rng) for _ in range(AT_ONCE if door.use_all else 1)]
        tally.inputs += len(contents)
        if door.use_all and not _hurts(door.together(contents), tally):
            continue
        for content in contents:
            start = seconds()
            fault = fault_of(door, content, tally.base)
            tally.worst = max(tally.worst, seconds() - start)
            if fault is not None and (sign := _sign(fault)) not in seen:
                seen.add(sign)
                tally.faults.append(_kept(door, content, fault, tally.base))
    tally.took, tally.peak = time.monotonic() - begun, megabytes()
    return tally


def _hurts(door: Door, tally: Tally) -> bool:
    """Tell whether one of several inputs may have failed, or needed long."""
    start = seconds()
    fault = fault_of(door, b"", tally.base)
    took = seconds() - start
    if fault is None:
        tally.worst = max(tally.worst, took / AT_ONCE)
    return fault is not None


def _sign(fault: Fault) -> str:
    """Return what tells faults apart: two of one kind in one place are one."""
    return f"{fault.kind} {fault.text.partition(':')[0]}"


def _kept(door: Door, content: bytes, fault: Fault, base: float) -> str:
    def fails(candidate: bytes) -> bool:
        again = fault_of(door, candidate, base)
        return again is not None and _sign(again) == _sign(fault)

    smaller = shrink(content, fails) if fault.kind not in {"memory", "hang"} else content
    path = keep(door, smaller)
    print(f"{door.name}: {fault.kind}: {fault.text}\n    {path}", file=sys.stderr, flush=True)
    return f"{fault.kind}: {fault.text}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz all doors, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("doors", nargs="*", help="names of doors; all by default")
    parser.add_argument("--minutes", type=float, default=5.0, help="for all doors together")
    parser.add_argument("--inputs", type=int, default=10**9, help="for each door, at most")
    parser.add_argument("--seed", default="1", help="another one gives other inputs")
    parser.add_argument("--results", type=Path, help="append a line of JSON for each door")
    given = parser.parse_args(arguments)
    names = [door.name for door in DOORS]
    unknown = [name for name in given.doors if name not in names]
    if unknown:
        parser.error(f"there is no door {unknown[0]!r}; there are {', '.join(names)}")
    chosen = [door for door in DOORS if not given.doors or door.name in given.doors]
    print(seeds.absent(), end="\n" if seeds.absent() else "")
    print(HEAD, flush=True)
    tallies = []
    for door in chosen:
        tally = _in_a_process(door, given.minutes * 60.0 / len(chosen), given.seed, given.inputs)
        tallies.append(tally)
        print(tally.row(), flush=True)
        if given.results:
            with given.results.open("a") as file:
                file.write(json.dumps(asdict(tally)) + "\n")
    failures = sum(len(tally.faults) for tally in tallies)
    print(f"{'all':20s} {sum(tally.inputs for tally in tallies):9d} {failures:8d}")
    return int(failures > 0)


def _in_a_process(door: Door, limit: float, seed: str, most: int) -> Tally:
    """Fuzz a door in a process of its own: its memory is counted alone."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _quiet()
            with os.fdopen(write, "w") as pipe:
                json.dump(asdict(fuzz(door, limit, seed, most)), pipe)
            status = 0
            shutil.rmtree(files.folder(), ignore_errors=True)  # `_exit` asks nobody
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return Tally(**json.loads(said)) if said else Tally(door.name, faults=["the process died"])


def _quiet() -> None:
    """Let logs go nowhere, and warnings be what they are in tests: errors."""
    logging.getLogger("aas2rto").setLevel(logging.CRITICAL + 1)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("error")
    # A bomb ends this process, not the machine.
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))


if __name__ == "__main__":
    from tests.fuzz.__main__ import main as run

    sys.exit(run())
