"""Step 1: ask all sources side by side, each with a deadline, and store what they brought."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
from astropy.time import Time

from aas2rto.config.load import PartConfig
from aas2rto.guard import Failure, attempt
from aas2rto.sources import Source
from aas2rto.store import Ingested, Store
from aas2rto.tables.report import Outcome, PollRequest, Report, failed
from aas2rto.text.counting import counted


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


@dataclass(frozen=True)
class Arrival:
    """What one source brought in this cycle."""

    report: Report
    ingested: Ingested = field(default_factory=Ingested)
    failure: Failure | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each thing that could not be used, if `line` does not say it already."""
        told = self.line()
        lines = (*self.report.problems, *self.ingested.refused)
        return tuple(line for line in lines if line not in told)

    @property
    def failed(self) -> bool:
        """Tell whether the source, or storing what it brought, failed."""
        return self.failure is not None or bool(self.report.error)

    def line(self) -> str:
        """Say in one line how the poll went."""
        name = self.report.source
        if self.failure is not None:
            return f"{name}: {self.failure.error}"
        if self.report.outcome == Outcome.FAILED:
            return f"{name}: failed: {self.report.error}"
        if self.report.outcome == Outcome.EMPTY:
            return f"{name}: nothing new"
        added = self.ingested
        return (
            f"{name}: {counted(added.new_candidates, 'new candidate')}, "
            f"{counted(added.new_measurements, 'new measurement')}"
        )


def acquire(
    pollers: Sequence[Poller],
    store: Store,
    now: float,
    *,
    wanted: pd.DataFrame,
    deadline: float,
    merge_radius: float,
    keep: bool = True,
) -> list[Arrival]:
    """Poll every source, and store the answers in the order of the config.

    Parameters
    ----------
    pollers : sequence of Poller
    store : Store
    now : float
        MJD (UTC).
    wanted : DataFrame
        Handed to the sources, see :class:`aas2rto.tables.report.PollRequest`.
    deadline : float
        Seconds to wait for all of them together.
    merge_radius : float
        [arcsec]
    keep : bool
        If False, nothing is acknowledged: streams and folders stay as they are.
    """
    end = time.monotonic() + deadline
    waiting: dict[str, float] = {}
    for poller in pollers:
        state = store.sources.state(poller.name)
        if state.retry_at is not None and now < state.retry_at and not poller.is_asked:
            waiting[poller.name] = state.retry_at
        else:
            poller.start(PollRequest(now, state.cursor, wanted, deadline))
    arrivals = []
    for poller in pollers:
        if poller.name in waiting:
            arrivals.append(_not_asked(poller.name, waiting[poller.name]))
        else:
            report = poller.answer(end - time.monotonic())
            arrivals.append(_store(report, store, now, merge_radius, keep=keep))
    return arrivals


def _not_asked(name: str, until: float) -> Arrival:
    """Leave a service in peace that said when to come back; its state stays as it is."""
    when = Time(until, format="mjd").isot[:16]
    return Arrival(failed(name, f"not asked before {when} UTC, as it wishes", retry_at=until))


def _store(report: Report, store: Store, now: float, merge_radius: float, *, keep: bool) -> Arrival:
    done = attempt(
        f"source {report.source}",
        lambda: store.ingest(report, now, merge_radius=merge_radius),
    )
    if done.value is None:
        return Arrival(report, failure=done.failure)
    # Only now: what is not stored must come again.
    told = attempt(f"source {report.source}", report.acknowledge) if keep else None
    return Arrival(report, done.value, told.failure if told else None)
