"""One cycle, top to bottom, and the forever-loop around it.

The seven steps of the paper (A&A 698, A153, Sect. 2) are acquire; prefilter, fit, score, remove,
rank, which are the lines of `aas2rto.steps.judge`; and inform.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from astropy.time import Time

from aas2rto.guard import Failure, attempt
from aas2rto.inform.record import record
from aas2rto.steps.acquire import acquire
from aas2rto.steps.cycle import Cycle, Parts
from aas2rto.steps.fit_memory import FitMemory
from aas2rto.steps.judge import judge
from aas2rto.steps.listening import Listening
from aas2rto.steps.prefilter import as_known, judge_anew, reconsider
from aas2rto.store import Store

log = logging.getLogger(__name__)

STEPS = ("acquire", "read", "prefilter", "fit", "score", "remove", "rank", "store", "lists")
"""Of a cycle; figures and messages follow when its lists are on disk, see `inform.tell`."""


class Stopped(Exception):  # noqa: N818  not an error: the user asked for it
    """The user asked to stop; the step at hand has ended."""


def run_cycle(
    parts: Parts,
    store: Store,
    now: Time,
    *,
    inform: Callable[[Cycle], None],
    on_step: Callable[[str], None] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
    keep: bool = True,
    memory: FitMemory | None = None,
    only: Collection[str] | None = None,
) -> Cycle:
    """Run one cycle.

    Parameters
    ----------
    parts : Parts
    store : Store
        Receives what the sources bring and the results.
    now : Time
        The same store, config and `now` give the same lists, byte for byte.
    inform : callable
        Writes and sends what was found; called last, after the results are stored.
    on_step : callable
        Told the name of each step as it starts.
    stopping : callable
        Asked between steps; True ends the cycle there.
    keep : bool
        If False, streams and folders are not told that their data arrived.
    memory : FitMemory, optional
        Remembers fits between the cycles of a process; by default the store alone does.
    only : collection of str, optional
        Sources whose streams have news; by default all sources are asked.

    Returns
    -------
    Cycle
    """
    cycle = Cycle(now, failures=list(parts.failures))

    @contextmanager
    def step(name: str) -> Iterator[None]:
        if stopping():
            raise Stopped
        on_step(name)
        with cycle.timed(name):
            yield

    try:
        with step("acquire"):
            cycle.arrivals = acquire(parts, store, now, keep=keep, only=only)
        with step("read"):
            cycle.judged_anew = judge_anew(parts, store, now)
            cycle.reconsidered = reconsider(parts, store, now)
            known = as_known(parts, store, now)
            cycle.failures.extend(known.failures)
        cycle.take(judge(parts, known, now, memory=memory or store.fits, step=step))
        with step("store"):
            record(parts, store, cycle)
        # What is stored is written, too, whoever asks to stop meanwhile.
        on_step("lists")
        with cycle.timed("lists"):
            inform(cycle)
    except Stopped:
        cycle.stopped = True
    return cycle


def run_forever(
    one_cycle: Callable[..., object],
    clock: Callable[[], Time],
    *,
    interval: float,
    stop: threading.Event,
    streams: Listening | None = None,
    on_lost: Callable[[Time, Failure], None] = lambda *_: None,
) -> None:
    """Run a cycle at every interval, and when a stream has news, until `stop` is set.

    Parameters
    ----------
    one_cycle : callable
        Takes the time of the cycle and, where only these are to be read, the sources whose streams
        have news; what it raises costs that cycle only.
    clock : callable
        Tells the time.
    interval : float
        From start to start [s]; a cycle that takes longer is followed at once by the next.
    stop : threading.Event
        Set by a signal; waiting ends at once.
    streams : Listening, optional
        Listened to between cycles.
    on_lost : callable
        Told the time of a cycle that was lost, and why.
    """
    streams = Listening() if streams is None else streams
    due, only, failed = 0.0, None, frozenset[str]()
    while not stop.is_set():
        start = time.monotonic()
        if only is None:
            due, failed = start + interval, frozenset()
        now = clock()
        news = () if only is None else (only,)
        done = attempt("cycle", functools.partial(one_cycle, now, *news))
        if done.failure is not None:
            log.error("the cycle of %s was lost: %s", now.isot, done.failure.error)
            on_lost(now, done.failure)
        failed |= getattr(done.value, "failed_sources", frozenset())
        only = streams.rest(due, time.monotonic() - start, stop, but=failed)
