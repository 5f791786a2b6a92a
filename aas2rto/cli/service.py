"""The loop as a service: signals, a config that is read anew, and who hears of its health."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aas2rto.errors import UsageError
from aas2rto.guard import Hurry
from aas2rto.text.words import counted

if TYPE_CHECKING:
    from aas2rto.config.case import Case
    from aas2rto.inform.health import Health

PATIENCE, AGAIN, LAST = 4.0, 0.5, 9.0
"""[s] After a wish to stop: the step at hand is broken off, that is tried again (code that other
languages call, such as a compiler, lets no exception through), and what hangs even then is ended.

Both together are less than the 10 s that containers and people wait. What was stored stays, and
what was not is as after a kill: fetched again."""


class Wishes:
    """What signals asked for.

    SIGINT, SIGTERM and SIGHUP end the program after the step at hand, a second one at once. For a
    service, SIGHUP lets it read its config anew instead: nobody's terminal closed.

    Parameters
    ----------
    service : bool
    """

    def __init__(self, *, service: bool) -> None:
        self.wake = threading.Event()
        """Set by any of them: waiting between cycles ends."""
        self.reload = False
        self._ending = False
        self._service = service
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def ending(self) -> bool:
        """Tell whether the program is to end."""
        return self._ending

    def again(self) -> None:
        """Wait for the next wish: what was asked for is done."""
        self.reload = False
        if not self._ending:
            self.wake.clear()

    def _on_signal(self, number: int, _: object) -> None:
        name = signal.Signals(number).name
        if number == signal.SIGHUP and self._service:
            _say(f"{name}: the config is read anew after the cycle at hand")
            self.reload = True
        elif self._ending and number != signal.SIGHUP:
            _say(f"{name} again: ending at once")
            os._exit(128 + number)
        elif not self._ending:
            _say(f"{name}: ending after the step at hand; once more ends at once")
            self._ending = True
            _hurry(number)
        self.wake.set()


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, f"{text}\n".encode())


def _hurry(number: int) -> None:
    """Break off what does not end by itself, and end what hangs even then."""

    def break_off(*_: Any) -> None:
        raise Hurry

    def end() -> None:
        _say(f"what hangs is ended {LAST:g} s after {signal.Signals(number).name}")
        os._exit(128 + number)

    signal.signal(signal.SIGALRM, break_off)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE, AGAIN)
    last = threading.Timer(LAST, end)
    last.daemon = True
    last.start()


@contextmanager
def closing_in_peace() -> Iterator[None]:
    """Let what has to be closed after a step that was broken off be closed without hurry."""
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


@contextmanager
def broken_off() -> Iterator[None]:
    """Take a step that was broken off for what it is: an end that was asked for."""
    try:
        with closing_in_peace():
            yield
    except Hurry:
        _say("the step at hand was broken off; what was stored stays")


def has_terminal() -> bool:
    """Tell whether this process has a terminal that may close."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def read_anew(path: Path, archive: list[Path] | None) -> Case:
    """Read a config that is to take the place of the one that runs.

    Raises
    ------
    Aas2rtoError
        If `aas2rto check` would refuse it.
    """
    from aas2rto.config.load import load
    from aas2rto.questions.rehearsal import rehearse

    case = load(path, archive=[str(one) for one in archive or []])
    if failures := rehearse(case).failures:
        raise UsageError(
            f"{counted(len(failures), 'part')} of it failed on made-up candidates: {failures[0]}"
        )
    return case


@contextmanager
def told_at(place: str | None, health: Health) -> Iterator[None]:
    """Tell the health at a file or a port as long as the loop runs."""
    from aas2rto.inform import health_door

    if place is None:
        yield
        return
    where = health_door.place_of(place)
    if isinstance(where, Path):
        _can_hold(where)
        health.publish = lambda state: health_door.write(where, state)
        health.publish(health.state())
        yield
    else:
        with health_door.serving(*where, health.state):
            yield


def _can_hold(path: Path) -> None:
    if not path.parent.is_dir():
        raise UsageError(f"--health: there is no folder {path.parent}; write a file, or :PORT")
    if path.is_dir():
        raise UsageError(f"--health: {path} is a folder; write a file, or :PORT")
