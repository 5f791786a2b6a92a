"""Between two cycles: wait until a stream has news."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence

from aas2rto.guard import attempt
from aas2rto.steps.poller import Poller

GATHERING = 0.25
"""Part of the time to react for which further alerts are waited for."""

LOOK_UP = 0.1
"""Seconds for which a signal to stop may go unnoticed."""


class Listening:
    """The streams of a project.

    Parameters
    ----------
    pollers : sequence of Poller
        Those that follow no stream are left alone.
    react : float or None
        Longest time from the first new alert to the start of a cycle [s], but for a pause that is
        as long as the last cycle; None: alerts wait for the interval.
    """

    def __init__(self, pollers: Sequence[Poller] = (), react: float | None = None) -> None:
        self._pollers = [poller for poller in pollers if poller.stream is not None]
        self._react = react

    def rest(
        self, due: float, pause: float, stop: threading.Event, *, but: Collection[str] = ()
    ) -> tuple[str, ...] | None:
        """Wait for the next cycle.

        Parameters
        ----------
        due : float
            When it is time to ask all sources, by the monotonic clock [s].
        pause : float
            How long to wait at least, if that time has not come [s].
        stop : threading.Event
            Ends it.
        but : collection of str
            Sources that are not listened to.

        Returns
        -------
        tuple of str or None
            The sources that have news; None when all are to be asked.
        """
        if self._react is None or not self._pollers:
            stop.wait(max(due - time.monotonic(), 0.0))
            return None
        stop.wait(max(min(pause, due - time.monotonic()), 0.0))
        news = self.wait(due - time.monotonic(), stop, but=but)
        if news:
            # What an exposure brings comes within moments, and enters one cycle.
            stop.wait(max(min(self._react * GATHERING, due - time.monotonic()), 0.0))
        return news or None

    def wait(
        self, seconds: float, stop: threading.Event, *, but: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Wait for news; return the names of the sources that have some, none after that time.

        Parameters
        ----------
        seconds : float
            Longest time [s].
        stop : threading.Event
            Ends it.
        but : collection of str
            Sources that are not listened to.
        """
        end = time.monotonic() + seconds
        chosen = [p for p in self._pollers if p.name not in but and not p.is_asked]
        heard, over = _Heard(), threading.Event()
        ears = [
            threading.Thread(target=_listen, args=(p, heard, over.is_set), daemon=True)
            for p in chosen
        ]
        for ear in ears:
            ear.start()
        while not (stop.is_set() or heard.any.is_set() or time.monotonic() >= end):
            # A signal is only seen by an event that is waited for in this thread.
            heard.any.wait(max(min(LOOK_UP, end - time.monotonic()), 0.0))
        over.set()
        for ear in ears:
            ear.join()
        return tuple(heard.names)


class _Heard:
    """What any of the ears has heard."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.any = threading.Event()


def _listen(poller: Poller, heard: _Heard, over: Callable[[], bool]) -> None:
    done = attempt(f"stream of {poller.name}", lambda: poller.stream.listen(over))
    if done.value:
        heard.names.append(poller.name)
        heard.any.set()
