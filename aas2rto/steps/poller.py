"""A source that is asked side by side with the others, and waited for no longer than allowed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aas2rto.config.case import PartConfig
from aas2rto.guard import Failure, attempt
from aas2rto.sources import Source
from aas2rto.tables.report import PollRequest, Report, failed


@dataclass
class Poller:
    """One source, and the poll of it that may still be under way.

    A poll that misses its deadline goes on; its answer is taken in a later cycle. Its cursor
    has not moved until then, so nothing is skipped.
    """

    name: str
    source: Source
    _answer: queue.Queue[Report] = field(default_factory=lambda: queue.Queue(maxsize=1))
    _thread: threading.Thread | None = None

    @property
    def is_asked(self) -> bool:
        """Tell whether a question is still open."""
        return self._thread is not None

    def start(self, request: PollRequest) -> None:
        """Ask, unless an earlier question is still open."""
        if self._thread is not None:
            return
        # A daemon, so that a service that hangs cannot keep the program from ending.
        self._thread = threading.Thread(
            target=self._poll, args=(request,), name=f"poll {self.name}", daemon=True
        )
        self._thread.start()

    def _poll(self, request: PollRequest) -> None:
        # Whatever ends this thread, it must not leave the question open for ever.
        report = failed(self.name, "ended without an answer")
        try:
            done = attempt(f"source {self.name}", lambda: self.source.poll(request))
            if isinstance(done.value, Report):
                # The user's name for it: two of one kind have cursors of their own.
                report = replace(done.value, source=self.name)
            else:
                error = done.failure.error if done.failure else f"gave no report: {done.value!r}"
                report = failed(self.name, error)
        except SystemExit as error:  # some libraries think that they are the program
            report = failed(self.name, f"wanted to end the program: {error}")
        finally:
            self._answer.put(report)

    def answer(self, timeout: float) -> Report:
        """Return the report, or one that says that there is none yet."""
        try:
            report = self._answer.get(timeout=max(timeout, 0.0))
        except queue.Empty:
            return failed(self.name, "did not answer in time; its answer is taken in a later cycle")
        self._thread = None
        return report

    @property
    def asks_by_object(self) -> bool:
        """Tell whether the source wants to know which candidates would profit from more data."""
        return bool(getattr(self.source, "asks_by_object", True))

    @property
    def stream(self) -> Any:
        """What can be listened to between two polls; None if there is no such thing."""
        return getattr(self.source, "stream", None)

    def close(self) -> None:
        """Let the source release what it holds."""
        close = getattr(self.source, "close", None)
        if callable(close):
            attempt(f"source {self.name}", close)


def make_pollers(parts: Sequence[PartConfig]) -> tuple[tuple[Poller, ...], list[Failure]]:
    """Set up the sources; one that cannot be set up becomes a failure."""
    pollers, failures = [], []
    for part in parts:
        made = attempt(f"source {part.name}", part.build)
        if made.failure is not None or made.value is None:
            failures.append(made.failure or Failure(part.name, "gave nothing"))
        else:
            pollers.append(Poller(part.name, made.value))
    return tuple(pollers), failures
