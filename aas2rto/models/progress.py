"""A line now and then about a long batch of fits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from aas2rto.text.logs import PROGRESS

EVERY = 5.0
"""Seconds between two lines; batches that end earlier say nothing."""

log = logging.getLogger(PROGRESS)


class Progress:
    """Counts what is done and tells of it every few seconds, from any thread.

    Parameters
    ----------
    words : str
        What is done, such as "SALT fits".
    total : int
        How many there are.
    every : float
        Seconds between two lines.
    """

    def __init__(self, words: str, total: int, *, every: float = EVERY) -> None:
        self.words, self.total, self.every = words, total, every
        self.done = 0
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def add(self, n: int) -> None:
        """Count `n` more."""
        with self._lock:
            self.done += n
            if time.monotonic() - self._last < self.every:
                return
            self._last = time.monotonic()
            share = self.done / max(self.total, 1)
            log.info("%s: %d of %d (%.0f %%)", self.words, self.done, self.total, 100 * share)

    def counting(self, run: Callable[[int, int], None]) -> Callable[[int, int], None]:
        """Return `run`, which works on a range of items, with its items counted."""

        def counted(begin: int, end: int) -> None:
            run(begin, end)
            self.add(end - begin)

        return counted
