"""After the lists are on disk: draw what changed, send what is to be said, hear the answers."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from astropy.time import Time

from aas2rto import __version__
from aas2rto.config.case import Case
from aas2rto.config.redaction import Redactor
from aas2rto.factors import Decision
from aas2rto.guard import Failure, Hurry, attempt
from aas2rto.messaging import Picture, alarms
from aas2rto.messaging.answering import Desk
from aas2rto.messaging.composing import figures_of
from aas2rto.messaging.courier import Channel, Courier, open_channel
from aas2rto.messaging.message import Message
from aas2rto.steps.cycle import Cycle, Parts
from aas2rto.store import Store

if TYPE_CHECKING:
    from aas2rto.outputs.figures.gallery import Gallery
    from aas2rto.outputs.figures.gathering import Findings

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""For sending what a single cycle has to say [s]; what is left waits for the next run."""
FAREWELL = 3.0
"""For the last messages when the program ends [s]: services are given 10 s for all of their end."""


Explain = Callable[[Parts, Store, str, Time], Mapping[str, Any]]


class Listener(Protocol):
    """Hears answers."""

    def start(self) -> None:
        """Listen from now on."""

    def close(self) -> None:
        """Stop listening."""


class Telling:
    """Figures, messages and answers of a project.

    Parameters
    ----------
    parts : Parts
    store : Store
    folder : Path
        The project's folder.
    clock : callable
        Tells the time.
    open_store : callable
        Opens the same store again, for threads that answer.
    explain : callable
        Explains a candidate of a store at some time, for who asks why.
    forever : bool
        If True, messages leave and answers are heard between cycles, and the operators hear of
        start and stop; else each cycle sends what it has and is done.
    stopping : callable
        True ends the drawing of figures.
    """

    def __init__(
        self,
        parts: Parts,
        store: Store,
        folder: Path,
        *,
        clock: Callable[[], Time],
        open_store: Callable[[], Store],
        explain: Explain,
        forever: bool,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._parts = parts
        self._store = store
        self._clock = clock
        self._open_store = open_store
        self._explain = explain
        self._forever = forever
        self._stopping = stopping
        self._cycles = 0
        self.busy = threading.Lock()
        """Held while a cycle computes: models are not made for two threads at once."""
        self.failures: list[Failure] = []
        self.leaving = ""
        """Why it ends, where nobody asked it to end for good."""
        self._folder = folder
        self._channels = self._open_channels()
        self._courier = Courier(
            store.outbox,
            self._channels,
            self._mjd,
            pictures=self.pictures,
            project=parts.case.project,
            hide=Redactor.of(parts.case),
        )
        self._listeners: Sequence[Listener] = ()

    @functools.cached_property
    def _gallery(self) -> Gallery:
        # Here, not above: matplotlib takes a second, which a run without figures need not pay.
        from aas2rto.outputs.figures.gallery import Gallery  # noqa: PLC0415

        return Gallery(self._folder, workers=self._parts.case.config.figures.workers)

    def _mjd(self) -> float:
        return float(self._clock().utc.mjd)

    def _open_channels(self) -> list[Channel]:
        channels = []
        for part in self._parts.case.messengers:
            made = attempt(f"channel {part.name}", functools.partial(open_channel, part))
            if made.value is None:
                self.failures.append(made.failure or Failure(part.name, "gave nothing"))
            else:
                channels.append(made.value)
        return channels

    # -- beginning and end ----------------------------------------------------------------------

    def __enter__(self) -> Telling:
        for channel in self._channels:
            # To start the program is to ask for another try.
            self._store.outbox.set_channel(channel.name, stopped="")
        if self._forever and self._channels:
            now = self._mjd()
            message = alarms.started(self._parts.case, __version__, now)
            alarms.announce(self._parts.case, self._store.outbox, "started", message, now)
            self._courier.start()
            self._listeners = self._make_listeners()
            for listener in self._listeners:
                listener.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for listener in self._listeners:
            listener.close()
        if self._forever and self._channels:
            now = self._mjd()
            asked = "as asked" if kind in {None, Hurry} else f"after {type(error).__name__}"
            why = self.leaving or asked
            message = alarms.stopped(self._parts.case, why, self._cycles, now)
            alarms.announce(self._parts.case, self._store.outbox, "stopped", message, now)
        self._courier.close(FAREWELL)
        if "_gallery" in vars(self):
            self._gallery.close()

    def _make_listeners(self) -> Sequence[Listener]:
        # Here, not above: only who can be answered needs them.
        from aas2rto.messaging import slack_answers, telegram_answers  # noqa: PLC0415

        desk = Desk(
            self._open_store,
            self._clock,
            observatories=[site.name for site in self._parts.case.observatories],
            why=self._why,
        )
        messengers = {channel.name: channel.messenger for channel in self._channels}
        return [
            *telegram_answers.listeners(messengers, self._store.outbox, desk),
            *slack_answers.listeners(messengers, self._store.outbox, desk),
        ]

    def _why(self, store: Store, candidate_id: str) -> Mapping[str, Any]:
        with self.busy:
            return self._explain(self._parts, store, candidate_id, self._clock())

    # -- a cycle --------------------------------------------------------------------------------

    @contextmanager
    def computing(self, now: Time) -> Iterator[None]:
        """Keep answers off the models, and figures of this cycle back until they are drawn."""
        self._courier.hold_figures(float(now.utc.mjd))
        with self.busy:
            yield

    def tell(self, cycle: Cycle) -> None:
        """Draw and send what a cycle found; its lists are on disk."""
        self._cycles += 1
        if self._forever:
            self._courier.wake()  # texts need not wait for figures
        try:
            with cycle.timed("figures"):
                self._draw(cycle)
        finally:
            self._courier.release_figures()
        with cycle.timed("messages"):
            if not self._forever:
                done = attempt("messages", lambda: self._courier.drain(PATIENCE))
                cycle.failures.extend([done.failure] if done.failure else [])

    def lost(self, now: Time, error: str) -> None:
        """Tell the operators that a cycle was lost: the first at once, then once an hour."""
        self._announce("lost", alarms.lost, error, float(now.utc.mjd))

    def refused(self, error: str) -> None:
        """Tell the operators that the config was to be read anew, and was refused."""
        log.error("the config is refused: %s", error)
        self._announce("config", alarms.refused, error, self._mjd())

    def _announce(
        self, topic: str, write: Callable[[Case, str, float], Message], error: str, at: float
    ) -> None:
        def announce() -> None:
            case = self._parts.case
            message = write(case, Redactor.of(case)(error), at)
            alarms.announce(case, self._store.outbox, topic, message, at)
            self._courier.wake()

        done = attempt("messages", announce)
        if done.failure is not None:
            log.error("operators do not hear of it (%s): %s", topic, done.failure)

    def _draw(self, cycle: Cycle) -> None:
        judged = cycle.judged
        if judged is None:
            return
        config = self._parts.case.config.figures
        announced = figures_of(cycle.mail)
        if not announced and not config.top:
            return
        from aas2rto.outputs.figures import gathering  # noqa: PLC0415  as above

        top = gathering.top_of(judged.rankings, config.top)
        found = gathering.of_cycle(self._parts, self._store, cycle)
        # What a message shows is shown as of now.
        self._draw_some(cycle, found, announced, exactly_now=True)
        self._courier.release_figures()
        self._draw_some(cycle, found, dict.fromkeys(top, config.kinds))
        table = judged.scored.table
        self._gallery.forget(
            table.loc[table["decision"] != Decision.REJECT.label, "candidate_id"].astype(str)
        )

    def _draw_some(
        self,
        cycle: Cycle,
        found: Findings,
        wanted: Mapping[str, Collection[str]],
        *,
        exactly_now: bool = False,
    ) -> None:
        done = attempt(
            "figures",
            lambda: self._gallery.draw(
                found, wanted, exactly_now=exactly_now, stopping=self._stopping
            ),
        )
        failures = done.value.failures if done.value else [done.failure] if done.failure else []
        cycle.failures.extend(failures)
        for failure in failures:
            log.error("%s", failure)

    def pictures(self, message: Message) -> list[Picture]:
        """Return the figures of a message, as far as they are drawn."""
        found = []
        for kind in message.figures:
            path = self._gallery.path(message.candidate_id, kind)
            if path.exists():
                name = path.parent.name
                title = f"{name}: {kind.replace('_', ' ')}"
                found.append(Picture(f"{name}_{kind}", title, path.read_bytes()))
        return found
