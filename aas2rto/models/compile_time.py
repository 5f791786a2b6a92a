"""How long this process has waited for machine code: it is no part of a fit."""

from __future__ import annotations

import threading
import time
from types import TracebackType


class Waited:
    """Adds up the time spent inside it, in any thread, until somebody takes it."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._since: dict[int, float] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._since[threading.get_ident()] = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._since.pop(threading.get_ident())
        with self._lock:
            self._seconds += seconds

    def take(self) -> float:
        """Return the seconds since the last time, and begin anew."""
        with self._lock:
            seconds, self._seconds = self._seconds, 0.0
        return seconds


WAITED = Waited()
"""Of this process."""
