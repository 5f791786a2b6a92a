"""A door, and what must never happen at it.

* No exception but the program's own, which says in a line what is wrong.
* No more than `MOST_SECONDS` of work, or `MOST_MEGABYTES` of memory.
* No secret in any text that comes back.
"""

from __future__ import annotations

import hashlib
import re
import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from aas2rto.errors import Aas2rtoError
from tests.fuzz.damage import SECRET

CASES = Path(__file__).parent / "cases"
"""What was found, one file each; its name begins with that of the door."""

MOST_SECONDS = 1.0
HANGS = 10.0
"""[s] of work after which an input is given up."""
MOST_MEGABYTES = 512.0


@dataclass(frozen=True)
class Door:
    """A place where something comes in.

    Parameters
    ----------
    name : str
    make : callable
        Makes an input with a random generator.
    use : callable
        Takes an input as the program does; returns every text that people may see of it.
    use_all : callable, optional
        Takes many inputs as one, as a poll of a folder does; they are told apart if one fails.
    examples : int
        For the short run.
    """

    name: str
    make: Callable[[Random], bytes]
    use: Callable[[bytes], Iterable[str]]
    use_all: Callable[[Sequence[bytes]], Iterable[str]] | None = None
    examples: int = 40

    def together(self, contents: Sequence[bytes]) -> Door:
        """Return a door for several inputs at once; its input does not matter."""
        use_all = self.use_all or (lambda _: ())
        return replace(self, use=lambda _: use_all(contents))


@dataclass(frozen=True)
class Fault:
    """What an input did that none may do."""

    kind: str
    text: str


class Hang(BaseException):
    """An input takes too long; no guard catches it."""


def seconds() -> float:
    """Return the time that this process has worked [s]."""
    return time.process_time()


def megabytes() -> float:
    """Return the most memory that this process has had [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def no_longer_than(limit: float) -> Iterator[None]:
    """Raise `Hang` after so much work [s] of this process."""

    def stop(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def fault_of(door: Door, content: bytes, base: float) -> Fault | None:
    """Use an input; return what was wrong with that, None if nothing.

    Parameters
    ----------
    door : Door
    content : bytes
    base : float
        Memory [MB] above which is counted.
    """
    begun = seconds()
    try:
        with no_longer_than(HANGS):
            texts = _texts(door, content)
    except Hang:
        return Fault("hang", f"more than {HANGS:g} s")
    except Exception as error:  # noqa: BLE001  that is what is looked for
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.name}"
        return Fault("crash", f"{type(error).__name__} in {place}: {error!s:.200}")
    if (took := seconds() - begun) > MOST_SECONDS:
        return Fault("slow", f"{took:.1f} s")
    if (more := megabytes() - base) > MOST_MEGABYTES:
        return Fault("memory", f"{more:.0f} MB")
    for text in texts:
        if SECRET in text:
            return Fault("secret", text[:200])
    return None


def _texts(door: Door, content: bytes) -> list[str]:
    try:
        return [str(text) for text in door.use(content)]
    except Aas2rtoError as error:
        return [str(error)]


def keep(door: Door, content: bytes, folder: Path = CASES) -> Path:
    """Write an input to a file that is a test from now on."""
    name = re.sub(r"\W+", "-", door.name)
    path = folder / f"{name}.{hashlib.sha256(content).hexdigest()[:10]}"
    path.write_bytes(content)
    return path
