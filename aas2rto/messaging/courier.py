"""Sends what the outbox holds: each message once, in order, a channel at a time.

The rule: ``sending`` is on disk before the service is asked, the answer is on disk before the
next message is taken. A message found ``sending`` after a kill, and one whose answer got lost, may
have arrived or not. Where the service can be asked, it is; where it cannot, the message is marked
``unknown`` and, unless the channel says otherwise, not sent again.
"""

from __future__ import annotations

import functools
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aas2rto.config.case import PartConfig
from aas2rto.config.messages import ChannelPolicy
from aas2rto.guard import attempt
from aas2rto.messaging import (
    CanConfirm,
    CanPrepare,
    Delivery,
    Figures,
    Letter,
    Messenger,
    Picture,
    Result,
    wording,
)
from aas2rto.messaging.message import DIGEST, Message
from aas2rto.store.outbox import FIGURES, TEXT, Entry, Outbox, State

log = logging.getLogger(__name__)

DAY = 86400.0
FIRST_WAIT, LONGEST_WAIT = 5.0, 600.0
"""After a failed attempt [s]: doubled from the first to the longest, with jitter, unless the
service names a time."""
MOST_ATTEMPTS = 60
"""Then a message is given up: with the waits above, after some nine hours."""
IDLE = 30.0
"""How long a channel sleeps at most before it looks again [s]."""
PATIENCE_FOR_FIGURES = 300.0
"""A text that carries its figures leaves without them when they are not drawn by then [s]."""

SETTLING = 5.0
"""A service answers within this time [s] whatever it has still under way."""

Pictures = Callable[[Message], Sequence[Picture]]


@dataclass
class Channel:
    """A messenger with what its channel wants.

    Parameters
    ----------
    name : str
        In the config.
    policy : ChannelPolicy
    messenger : Messenger
    buttons : bool
        Its messages can be answered.
    """

    name: str
    policy: ChannelPolicy
    messenger: Messenger
    buttons: bool = False
    _free_at: float = field(default=0.0, repr=False)

    def seconds_to_wait(self, instant: float) -> float:
        """Return how long the service wants to be left alone yet [s]."""
        return max(self._free_at - instant, 0.0)

    def used(self, instant: float, count: int = 1) -> None:
        """Note that `count` messages were handed over."""
        self._free_at = instant + count * self.messenger.seconds_apart


def open_channel(part: PartConfig) -> Channel:
    """Set up the messenger of a channel; nothing is sent."""
    messenger = part.build()
    return Channel(part.name, part.policy, messenger, bool(getattr(messenger, "listens", False)))


def try_out(part: PartConfig, message: Message) -> Delivery:
    """Send a message past the outbox, to see whether a channel works; never raises."""

    def send() -> Delivery:
        channel = open_channel(part)
        try:
            return channel.messenger.send(Letter(message, "test"))
        finally:
            channel.messenger.close()

    done = attempt(f"channel {part.name}", send)
    why = done.failure.error if done.failure else "gave no answer"
    return done.value or Delivery(Result.STOPPED, why)


class Courier:
    """Sends the messages of a project.

    Parameters
    ----------
    outbox : Outbox
    channels : sequence of Channel
    clock : callable
        Tells the time [d, MJD UTC].
    pictures : callable
        Returns the figures of a message, as far as they exist.
    project : str
    hide : callable
        Takes secrets out of what a service said.
    settling : float
        Before a service is asked whether a message has arrived [s].
    monotonic : callable
        Tells seconds.
    """

    def __init__(
        self,
        outbox: Outbox,
        channels: Sequence[Channel],
        clock: Callable[[], float],
        *,
        pictures: Pictures = lambda _: (),
        project: str = "",
        hide: Callable[[str], str] = str,
        settling: float = SETTLING,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.channels = tuple(channels)
        self._outbox = outbox
        self._clock = clock
        self._pictures = pictures
        self._project = project
        self._hide = hide
        self._settling = settling
        self._monotonic = monotonic
        self._drawing_since = 1e9
        self._stop = threading.Event()
        self._bells = {channel.name: threading.Event() for channel in channels}
        self._threads: list[threading.Thread] = []

    # -- running --------------------------------------------------------------------------------

    def start(self) -> None:
        """Send from now on, each channel in a thread of its own."""
        for channel in self.channels:
            thread = threading.Thread(
                target=self._serve, args=(channel,), name=f"channel {channel.name}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def wake(self) -> None:
        """Tell the channels that there is something new."""
        for bell in self._bells.values():
            bell.set()

    def hold_figures(self, since: float) -> None:
        """Keep the figures of cycles from a time on [d, MJD UTC] until they are drawn."""
        self._drawing_since = since

    def release_figures(self) -> None:
        """Let figures go: they are drawn."""
        self._drawing_since = 1e9
        self.wake()

    def close(self, timeout: float = 10.0) -> None:
        """End after the message at hand."""
        self._stop.set()
        self.wake()
        for thread in self._threads:
            thread.join(timeout)
        # A messenger that is still at it is left to its thread, which ends with the program.
        if not any(thread.is_alive() for thread in self._threads):
            for channel in self.channels:
                attempt(f"channel {channel.name}", channel.messenger.close)

    def _serve(self, channel: Channel) -> None:
        self.recover(channel)
        while not self._stop.is_set():
            done = attempt(f"channel {channel.name}", functools.partial(self.step, channel))
            if done.failure is not None:
                log.error("channel %s: %s", channel.name, self._hide(done.failure.error))
            wait = IDLE if done.value is None else min(done.value, IDLE)
            if wait > 0:
                bell = self._bells[channel.name]
                bell.wait(wait)
                bell.clear()

    def drain(self, patience: float) -> None:
        """Send everything that is due now, or until `patience` [s] is over."""
        end = self._monotonic() + patience
        for channel in self.channels:
            self.recover(channel)
            while not self._stop.is_set():
                wait = self.step(channel)
                if wait is None or self._monotonic() + wait > end:
                    break
                self._stop.wait(wait)

    # -- one message ----------------------------------------------------------------------------

    def recover(self, channel: Channel) -> None:
        """Find out what became of a message that was under way when the program was killed."""
        for entry in self._outbox.under_way(channel.name):
            why = "the program ended while this was being sent"
            self._settle_unknown(channel, entry, self._letter(channel, entry), why)

    def step(self, channel: Channel) -> float | None:
        """Do the next thing on a channel.

        Returns
        -------
        float or None
            Seconds until there is something to do again; None if nothing waits.
        """
        name, now = channel.name, self._clock()
        state = self._outbox.channel(name)
        if state.stopped:
            return None
        # A pause of more than a day was stored by a clock that had jumped ahead.
        if state.pause_until is not None and now < state.pause_until <= now + 1.0:
            return (state.pause_until - now) * DAY
        due = self._outbox.due(name, now, ready_before=self._drawing_since)
        due = [entry for entry in due if not self._waits_for_figures(channel, entry, now)]
        if not due:
            return self._until_next(name, now)
        if self._merge(channel, due, now):
            return 0.0
        wait = channel.seconds_to_wait(self._monotonic())
        if wait > 0:
            return wait
        self._send(channel, due[0], state.address)
        return 0.0

    def _until_next(self, name: str, now: float) -> float | None:
        following = self._outbox.next_due(name)
        if following is None:
            return None
        return max((following - now) * DAY, 1.0)

    def _waits_for_figures(self, channel: Channel, entry: Entry, now: float) -> bool:
        """Tell whether a text that carries its figures must wait for them."""
        carries = channel.messenger.figures is Figures.INSIDE and entry.message.get("figures")
        if not carries or entry.part != TEXT or entry.at < self._drawing_since:
            return False
        return (now - entry.due) * DAY < PATIENCE_FOR_FIGURES

    def _merge(self, channel: Channel, due: Sequence[Entry], now: float) -> bool:
        """Make one message of many that are due at once; tell whether there was need to."""
        texts = [
            entry
            for entry in due
            if entry.part == TEXT and entry.attempts == 0 and entry.message["kind"] != DIGEST
        ]
        held = [entry for entry in texts if entry.held]
        some = texts if len(texts) > channel.policy.at_most else held
        if len(some) < 2:
            return False
        messages = [Message.from_json(entry.message) for entry in some]
        one = wording.merged(messages, project=self._project)
        self._outbox.merge(some, one.as_json(), now)
        return True

    def _send(self, channel: Channel, entry: Entry, address: str) -> None:
        letter = self._letter(channel, entry, address)
        if letter is None:
            return
        name = f"channel {channel.name}"
        if isinstance(channel.messenger, CanPrepare):
            ready = attempt(name, channel.messenger.prepare)
            if ready.failure is not None:
                self._settle(channel, entry, letter, Delivery(Result.STOPPED, ready.failure.error))
                return
        self._outbox.claim(entry)
        done = attempt(name, functools.partial(channel.messenger.send, letter))
        channel.used(self._monotonic(), max(len(letter.pictures), 1))
        if done.value is None:
            # What a messenger raises tells nothing of what the service has done.
            why = done.failure.error if done.failure else "gave no answer"
            self._settle_unknown(channel, entry, letter, why)
            return
        self._settle(channel, entry, letter, done.value)

    def _letter(self, channel: Channel, entry: Entry, address: str = "") -> Letter | None:
        """Write the letter of an entry; an entry that has become pointless is dropped."""
        message = Message.from_json(entry.message)
        pictures = self._pictures_of(channel, entry, message)
        if entry.part == TEXT:
            return Letter(message, str(entry.id), pictures, None, address, channel.buttons)
        text = self._outbox.get(entry.follows or 0)
        arrived = text is not None and text.state in {State.SENT, State.UNKNOWN}
        if text is None or not arrived or not pictures:
            why = "no figure was drawn" if arrived else "its text did not arrive"
            self._outbox.settle(entry, State.DROPPED, error=why)
            return None
        return Letter(message, str(entry.id), pictures, text.receipt, address)

    def _pictures_of(self, channel: Channel, entry: Entry, message: Message) -> tuple[Picture, ...]:
        shown = {TEXT: Figures.INSIDE, FIGURES: Figures.APART}[entry.part]
        if channel.messenger.figures is not shown:
            return ()
        found = attempt("figures", functools.partial(self._pictures, message))
        return tuple(found.value or ())

    # -- what the service answered --------------------------------------------------------------

    def _settle(self, channel: Channel, entry: Entry, letter: Letter, delivery: Delivery) -> None:
        why, now = self._hide(delivery.why), self._clock()
        if delivery.moved_to:
            self._outbox.set_channel(channel.name, address=delivery.moved_to)
        if delivery.result is Result.SENT:
            self._outbox.settle(
                entry, State.SENT, sent_at=now, receipt=dict(delivery.receipt), error=""
            )
        elif delivery.result is Result.UNKNOWN:
            self._settle_unknown(channel, entry, letter, why)
        elif delivery.result is Result.REFUSED:
            self._outbox.settle(entry, State.REFUSED, error=why)
            log.warning("channel %s refused message %s: %s", channel.name, entry.id, why)
        elif delivery.result is Result.STOPPED:
            self._outbox.settle(entry, State.WAITING, error=why)
            self._outbox.set_channel(channel.name, stopped=why, since=now)
            log.error("channel %s has stopped: %s", channel.name, why)
        else:
            self._settle_later(channel, entry, why, delivery.wait)

    def _settle_later(self, channel: Channel, entry: Entry, why: str, wait: float | None) -> None:
        if entry.attempts + 1 >= MOST_ATTEMPTS:
            self._outbox.settle(entry, State.REFUSED, error=f"given up: {why}")
            return
        self._outbox.settle(entry, State.WAITING, error=why)
        if wait is None:
            longest = min(FIRST_WAIT * 2.0**entry.attempts, LONGEST_WAIT)
            wait = random.uniform(0.5, 1.0) * longest  # noqa: S311  jitter, no secret
        wait = min(wait, DAY)  # a service gone wrong must not silence a channel for years
        if wait > 0:
            # On disk, so that a restart does not knock before the time.
            self._outbox.set_channel(channel.name, pause_until=self._clock() + wait / DAY)
        log.info("channel %s: %s; again in %.0f s", channel.name, why, wait)

    def _settle_unknown(
        self, channel: Channel, entry: Entry, letter: Letter | None, why: str
    ) -> None:
        why = self._hide(why)
        if letter is not None and isinstance(channel.messenger, CanConfirm):
            self._stop.wait(self._settling)  # what is still under way may yet arrive
            asked = attempt(
                f"channel {channel.name}", functools.partial(channel.messenger.confirm, letter)
            )
            if asked.value is not None:
                self._settle(channel, entry, letter, asked.value)
                return
        if channel.policy.repeat_unknown:
            self._settle_later(channel, entry, f"{why}; sent again, it may come twice", None)
            return
        error = f"it may have arrived: {why}"
        self._outbox.settle(entry, State.UNKNOWN, sent_at=self._clock(), error=error)
        log.warning("channel %s: message %s: %s", channel.name, entry.id, error)
