"""Keeps the newest night at hand: a thread looks at the store and judges it when it has changed."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from astropy.time import Time

from aas2rto.guard import attempt
from aas2rto.page.night import Night, Seen, look, plan_for
from aas2rto.page.opened import file_of
from aas2rto.steps.cycle import Parts
from aas2rto.steps.fit_memory import OnlyRead, Remembering
from aas2rto.store import Store

log = logging.getLogger(__name__)

LOOK_UP = 1.0
"""How often the store is asked whether it has changed [s]: three rows."""

REST = 60.0
"""Where alerts came in, but no cycle, it is judged again after this [s]: the loop will do it."""

LONGEST = 300.0
"""So old may a judgement get [s]: candidates rise and set meanwhile, by a degree or so."""

PATIENCE = 5.0
"""At the end of the program, for a judgement that is being made [s]."""


class Watch:
    """The newest night, made anew in a thread of its own.

    Parameters
    ----------
    parts : Parts
    open_store : callable
        Opens the store for this thread alone: it keeps in memory what it has read.
    clock : callable
        Tells the time.
    """

    def __init__(
        self, parts: Parts, open_store: Callable[[], Store], clock: Callable[[], Time]
    ) -> None:
        self.parts, self.clock = parts, clock
        self._open = open_store
        self._night: Night | None = None
        self._trouble, self._is_other = "", False
        self._changed = threading.Condition()
        self._poked, self._ending = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=target, daemon=True, name=f"page {name}")
            for name, target in (("lists", self._run), ("plan", self._make_plans))
        ]

    @property
    def night(self) -> Night | None:
        """The newest one; None until the first is made."""
        return self._night

    @property
    def trouble(self) -> str:
        """Why the newest look failed, in one line; empty if it did not."""
        return self._trouble

    @property
    def edition(self) -> str:
        """Names the newest night, see `Night.edition`; empty before the first."""
        night = self._night
        return "" if night is None else night.edition

    @property
    def is_ending(self) -> bool:
        """Whether the program ends."""
        return self._ending.is_set()

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what is being judged may still be finished, and is not waited for long."""
        self._ending.set()
        self._poked.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(PATIENCE)

    def poke(self) -> None:
        """Look now: somebody has just said something."""
        self._poked.set()

    def wait_for(self, good: Callable[[Night | None], bool], seconds: float | None) -> Night | None:
        """Wait for a night that is good, and return the newest one in any case.

        Parameters
        ----------
        good : callable
        seconds : float or None
            At most; None: as long as the program runs.
        """
        with self._changed:
            self._changed.wait_for(lambda: good(self._night) or self._ending.is_set(), seconds)
            return self._night

    # -- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ending.is_set():
            done = attempt("page", self._watch_store)
            if done.failure is not None:
                self._say(done.failure.error)
            self._ending.wait(LOOK_UP)

    def _watch_store(self) -> None:
        """Look until the end, or until the store fails; it is then opened anew."""
        with self._open() as store:
            memory, file = Remembering(OnlyRead(store.fits)), file_of(store)
            last = 0.0
            while not self._ending.is_set():
                self._poked.clear()
                if file_of(store) != file:
                    self._is_other = True  # numbers of one store say nothing of another
                    return
                seen = Seen.of(store)
                if self._is_due(seen, time.monotonic() - last):
                    self._judge(store, memory, seen)
                    last = time.monotonic()
                self._poked.wait(LOOK_UP)

    def _is_due(self, seen: Seen, age: float) -> bool:
        night = self._night
        if night is None or age > LONGEST or self._is_other:
            return True
        if (seen.cycle, seen.mark) != (night.seen.cycle, night.seen.mark):
            return True
        return seen.generation != night.seen.generation and age > REST

    def _judge(self, store: Store, memory: Remembering, seen: Seen) -> None:
        before, start = self._night, time.perf_counter()
        if before is None or before.seen.generation != seen.generation:
            store.identities.load_anew()  # another program may have brought new ones
        serial = 1 if before is None else before.serial + 1
        night = look(self.parts, store, self.clock(), serial=serial, memory=memory, seen=seen)
        self._show(replace(night, seconds=time.perf_counter() - start))
        self._is_other = False
        self._say("")

    # -- the other thread: a joint optimum takes longer than a judgement ----------------------

    def _make_plans(self) -> None:
        while True:
            night = self.wait_for(_is_unplanned, None)
            if self._ending.is_set():
                return
            if night is None or not _is_unplanned(night):
                continue
            done = attempt("plan", functools.partial(plan_for, night))
            trouble = "" if done.failure is None else done.failure.error
            with self._changed:
                # Meanwhile another night may be there: until it has its own, this is its plan.
                newest = self._night or night
                self._night = replace(
                    newest, plan=done.value, plan_trouble=trouble, planned=night.serial
                )
                self._changed.notify_all()

    def _show(self, night: Night) -> None:
        with self._changed:
            before = self._night
            if before is not None:
                night = replace(
                    night,
                    plan=before.plan,
                    plan_trouble=before.plan_trouble,
                    planned=before.planned,
                )
            self._night = night
            self._changed.notify_all()

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.warning("the page could not be brought up to date: %s", trouble)
        self._trouble = trouble


def _is_unplanned(night: Night | None) -> bool:
    if night is None or not night.parts.case.observatories:
        return False
    return night.planned < night.serial
