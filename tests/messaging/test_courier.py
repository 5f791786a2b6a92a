"""What becomes of a message: sent once, in order, or said to be unknown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aas2rto.config.messages import ChannelPolicy
from aas2rto.errors import MessageError
from aas2rto.messaging import Delivery, Figures, Letter, Picture, Result
from aas2rto.messaging.courier import FIRST_WAIT, MOST_ATTEMPTS, Channel, Courier
from aas2rto.messaging.message import DIGEST, Message
from aas2rto.store import Store
from aas2rto.store.outbox import Outbox, Post, State
from tests.messaging.conftest import PICTURES, make_message

NOW = 61000.0
SENT = Delivery(Result.SENT, receipt={"ts": "1.1"})


class Scripted:
    """A messenger that answers what it is told to answer."""

    seconds_apart = 0.0
    figures = Figures.APART

    def __init__(self, *answers: Delivery | Exception) -> None:
        self.answers = list(answers)
        self.letters: list[Letter] = []
        self.closed = False

    def send(self, letter: Letter) -> Delivery:
        self.letters.append(letter)
        answer = self.answers.pop(0) if self.answers else SENT
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True

    @property
    def titles(self) -> list[str]:
        """What was handed over."""
        return [letter.message.title for letter in self.letters]


class Confirming(Scripted):
    """One whose service can be asked."""

    def __init__(self, confirmed: Delivery | None, *answers: Delivery | Exception) -> None:
        super().__init__(*answers)
        self.confirmed = confirmed

    def confirm(self, letter: Letter) -> Delivery | None:
        return self.confirmed


class Clock:
    """A time that tests set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open an empty store."""
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    """Return a time that stands still."""
    return Clock()


Make = Callable[..., tuple[Courier, Channel]]


@pytest.fixture
def make(store: Store, clock: Clock) -> Make:
    """Return what makes a courier with one channel."""

    def build(
        messenger: Any, pictures: tuple[Picture, ...] = (), **policy: Any
    ) -> tuple[Courier, Channel]:
        channel = Channel("c", ChannelPolicy(**policy), messenger)
        courier = Courier(
            store.outbox,
            [channel],
            clock,
            pictures=lambda _: pictures,
            project="p",
            settling=0.0,
            hide=lambda text: text.replace("secret", "***"),
        )
        return courier, channel

    return build


def post(
    outbox: Outbox,
    *titles: str,
    due: float = NOW,
    held: bool = False,
    figures: bool = False,
    **message: Any,
) -> None:
    """Post messages with these titles."""
    for title in titles:
        given = make_message(title, **message).as_json()
        outbox.post([Post("c", title, given, due=due, held=held, figures=figures)], NOW)


def states(outbox: Outbox) -> list[str]:
    return [entry.state for entry in outbox.entries()]


def test_messages_arrive_in_order(store: Store, make: Make) -> None:
    """What was posted first is sent first; then nothing is left to do."""
    messenger = Scripted()
    courier, channel = make(messenger)
    post(store.outbox, "one", "two", "three")
    assert [courier.step(channel) for _ in range(4)] == [0.0, 0.0, 0.0, None]
    assert messenger.titles == ["one", "two", "three"]
    assert states(store.outbox) == [State.SENT] * 3
    assert store.outbox.entries()[0].receipt == {"ts": "1.1"}


def test_one_key_is_posted_once(store: Store, make: Make) -> None:
    """A cycle that is run again says nothing again."""
    post(store.outbox, "one", "one", "two")
    assert [entry.message["title"] for entry in store.outbox.entries()] == ["one", "two"]


def test_it_is_on_disk_that_a_message_is_under_way(store: Store, make: Make) -> None:
    """Before the service is asked, the outbox says so."""
    seen: list[str] = []

    class Looking(Scripted):
        def send(self, letter: Letter) -> Delivery:
            seen.extend(states(store.outbox))
            return super().send(letter)

    courier, channel = make(Looking())
    post(store.outbox, "one")
    courier.step(channel)
    assert seen == [State.SENDING]


def test_what_is_slow_to_set_up_is_set_up_before_a_message_is_under_way(
    store: Store, make: Make
) -> None:
    """A kill meanwhile leaves no doubt."""
    seen: list[str] = []

    class Slow(Scripted):
        def prepare(self) -> None:
            seen.extend(states(store.outbox))

    courier, channel = make(Slow())
    post(store.outbox, "one")
    courier.step(channel)
    assert seen == [State.WAITING]
    assert states(store.outbox) == [State.SENT]


def test_a_messenger_that_cannot_be_set_up_stops_its_channel(store: Store, make: Make) -> None:
    """A library that is missing: nothing was sent, and nothing is in doubt."""

    class Missing(Scripted):
        def prepare(self) -> None:
            raise MessageError("not installed")

    messenger = Missing()
    courier, channel = make(messenger)
    post(store.outbox, "one")
    courier.step(channel)
    assert states(store.outbox) == [State.WAITING]
    assert messenger.letters == []
    assert "not installed" in (store.outbox.channel(channel.name).stopped or "")


def test_a_service_that_asks_to_wait_is_left_alone(store: Store, make: Make, clock: Clock) -> None:
    """The wait is on disk: a restart does not knock before the time; order is kept."""
    messenger = Scripted(Delivery(Result.LATER, "wait", wait=30.0))
    courier, channel = make(messenger)
    post(store.outbox, "one", "two")
    courier.step(channel)
    assert courier.step(channel) == pytest.approx(30.0, abs=0.01)
    assert store.outbox.channel("c").pause_until == pytest.approx(NOW + 30 / 86400)
    clock.now = NOW + 31 / 86400
    while courier.step(channel) is not None:
        pass
    assert messenger.titles == ["one", "one", "two"]


@pytest.mark.fault("messages", "slow", "a service that fails for long")
def test_a_service_that_fails_is_asked_less_and_less_often(
    store: Store, make: Make, clock: Clock
) -> None:
    """Waits double with jitter; in the end a message is given up, and the next one is sent."""
    messenger = Scripted(*[Delivery(Result.LATER, "HTTP 500")] * MOST_ATTEMPTS)
    courier, channel = make(messenger)
    post(store.outbox, "one", "two")
    waits = []
    for _ in range(2 * MOST_ATTEMPTS + 1):
        wait = courier.step(channel)
        if wait:
            waits.append(wait)
            clock.now += wait / 86400 + 1e-9
    assert FIRST_WAIT / 2 <= waits[0] <= FIRST_WAIT
    assert max(waits) > 100 * waits[0] / 2
    first, second = store.outbox.entries()
    assert (first.state, first.error) == (State.REFUSED, "given up: HTTP 500")
    assert second.state == State.SENT


@pytest.mark.fault("messages", "again", "what may have arrived")
def test_what_is_unknown_is_said_and_not_repeated(store: Store, make: Make) -> None:
    """A message that may have arrived is not sent again; the next one is."""
    messenger = Scripted(Delivery(Result.UNKNOWN, "no answer to secret"))
    courier, channel = make(messenger)
    post(store.outbox, "one", "two")
    courier.step(channel)
    courier.step(channel)
    first, second = store.outbox.entries()
    assert (first.state, first.error) == (State.UNKNOWN, "it may have arrived: no answer to ***")
    assert second.state == State.SENT
    assert messenger.titles == ["one", "two"]


def test_a_messenger_that_raises_leaves_it_unknown(store: Store, make: Make) -> None:
    """An exception tells nothing of what the service has done."""
    courier, channel = make(Scripted(RuntimeError("boom")))
    post(store.outbox, "one")
    courier.step(channel)
    (entry,) = store.outbox.entries()
    assert (entry.state, entry.error) == (
        State.UNKNOWN,
        "it may have arrived: RuntimeError: boom",
    )


def test_who_prefers_doubles_gets_them(store: Store, make: Make, clock: Clock) -> None:
    """With `repeat_unknown` a message that may have arrived is sent again."""
    messenger = Scripted(Delivery(Result.UNKNOWN, "no answer"))
    courier, channel = make(messenger, repeat_unknown=True)
    post(store.outbox, "one")
    courier.step(channel)
    clock.now += 0.1
    courier.step(channel)
    assert messenger.titles == ["one", "one"]
    assert states(store.outbox) == [State.SENT]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("confirmed", "state", "sends"),
    [
        (Delivery(Result.SENT, receipt={"ts": "7"}), State.SENT, 1),
        (Delivery(Result.LATER, "it did not arrive", wait=0.0), State.SENT, 2),
        (None, State.UNKNOWN, 1),
    ],
)
def test_a_service_that_can_be_asked_is_asked(
    store: Store, make: Make, confirmed: Delivery | None, state: State, sends: int
) -> None:
    """What arrived is not sent again, what did not is, and else it stays unknown."""
    messenger = Confirming(confirmed, Delivery(Result.UNKNOWN, "no answer"))
    courier, channel = make(messenger)
    post(store.outbox, "one")
    while courier.step(channel) is not None:
        pass
    assert states(store.outbox) == [state]
    assert len(messenger.letters) == sends


@pytest.mark.fault("messages", "dies", "a kill while sending")
@pytest.mark.parametrize("can_be_asked", [True, False])
def test_a_kill_while_sending_is_found_at_the_next_start(
    store: Store, make: Make, can_be_asked: bool
) -> None:
    """A message that is found under way may have arrived."""
    messenger = Confirming(SENT) if can_be_asked else Scripted()
    courier, channel = make(messenger)
    post(store.outbox, "one")
    store.outbox.claim(store.outbox.entries()[0])
    courier.recover(channel)
    assert states(store.outbox) == [State.SENT if can_be_asked else State.UNKNOWN]
    assert messenger.letters == []


def test_a_message_that_is_refused_costs_only_itself(store: Store, make: Make) -> None:
    """The next one goes on."""
    courier, channel = make(Scripted(Delivery(Result.REFUSED, "too long")))
    post(store.outbox, "one", "two")
    courier.step(channel)
    courier.step(channel)
    assert states(store.outbox) == [State.REFUSED, State.SENT]


def test_a_channel_that_is_gone_stops_and_keeps_its_messages(store: Store, make: Make) -> None:
    """Nothing is sent into the void; once it is resumed, everything arrives."""
    messenger = Scripted(Delivery(Result.STOPPED, "blocked by secret"))
    courier, channel = make(messenger)
    post(store.outbox, "one", "two")
    assert courier.step(channel) == 0.0
    assert courier.step(channel) is None
    assert store.outbox.channel("c").stopped == "blocked by ***"
    assert states(store.outbox) == [State.WAITING] * 2
    store.outbox.set_channel("c", stopped="")
    while courier.step(channel) is not None:
        pass
    assert messenger.titles == ["one", "one", "two"]


def test_a_chat_that_moved_is_followed(store: Store, make: Make) -> None:
    """The new address holds for this message and all after it."""
    messenger = Scripted(Delivery(Result.LATER, "moved", wait=0.0, moved_to="-1001"))
    courier, channel = make(messenger)
    post(store.outbox, "one", "two")
    while courier.step(channel) is not None:
        pass
    assert [letter.address for letter in messenger.letters] == ["", "-1001", "-1001"]


def test_a_service_has_its_pace(store: Store, clock: Clock) -> None:
    """Messages leave no faster than the service likes."""
    messenger = Scripted()
    messenger.seconds_apart = 3.0
    channel = Channel("c", ChannelPolicy(), messenger)
    instant = [100.0]
    courier = Courier(store.outbox, [channel], clock, monotonic=lambda: instant[0])
    post(store.outbox, "one", "two")
    assert courier.step(channel) == 0.0
    assert courier.step(channel) == pytest.approx(3.0)
    instant[0] += 3.0
    assert courier.step(channel) == 0.0
    assert messenger.titles == ["one", "two"]


def test_too_many_at_once_become_one(store: Store, make: Make) -> None:
    """Ten messages at 3 a.m. are one message; the ten are marked as said."""
    messenger = Scripted()
    courier, channel = make(messenger, at_most=5)
    titles = [f"ZTF26{letter} enters the top 5" for letter in "abcdefghij"]
    post(store.outbox, *titles, figures=True)
    while courier.step(channel) is not None:
        pass
    (letter,) = messenger.letters
    assert letter.message.kind == DIGEST
    assert letter.message.title == "p: 10 messages about one candidate"
    assert all(title in letter.message.as_text() for title in titles)
    found = store.outbox.entries()
    assert [e.state for e in found if e.part == "text"] == [State.MERGED] * 10 + [State.SENT]
    assert {e.state for e in found if e.part == "figures"} == {State.DROPPED}
    assert {e.follows for e in found if e.state == State.MERGED} == {found[-1].id}


@pytest.mark.slow
def test_what_was_held_back_comes_as_one(store: Store, make: Make, clock: Clock) -> None:
    """After the quiet hours there is one message; what is new then comes by itself."""
    messenger = Scripted()
    courier, channel = make(messenger)
    post(store.outbox, "one", "two", due=NOW + 0.25, held=True)
    assert courier.step(channel) == pytest.approx(0.25 * 86400)
    assert messenger.letters == []
    clock.now = NOW + 0.3
    post(store.outbox, "three")
    while courier.step(channel) is not None:
        pass
    assert messenger.titles == ["three", "p: 2 messages about one candidate"]


def test_figures_follow_their_text(store: Store, make: Make) -> None:
    """Texts come first; figures carry the receipt of theirs."""
    messenger = Scripted()
    courier, channel = make(messenger, PICTURES)
    post(store.outbox, "one", "two", figures=True)
    while courier.step(channel) is not None:
        pass
    assert [bool(letter.pictures) for letter in messenger.letters] == [False, False, True, True]
    assert messenger.letters[2].follows == {"ts": "1.1"}


def test_figures_wait_until_they_are_drawn(store: Store, make: Make) -> None:
    """The text does not."""
    messenger = Scripted()
    courier, channel = make(messenger, PICTURES)
    courier.hold_figures(NOW)
    post(store.outbox, "one", figures=True)
    courier.step(channel)
    assert courier.step(channel) == pytest.approx(1.0)
    assert len(messenger.letters) == 1
    courier.release_figures()
    courier.step(channel)
    assert len(messenger.letters) == 2


def test_figures_of_nothing_are_dropped(store: Store, make: Make) -> None:
    """Without a drawing, or without their text, figures are not sent."""
    messenger = Scripted(Delivery(Result.REFUSED, "too long"))
    courier, channel = make(messenger, PICTURES)
    post(store.outbox, "one", figures=True)
    while courier.step(channel) is not None:
        pass
    assert [(e.state, e.error) for e in store.outbox.entries()] == [
        (State.REFUSED, "too long"),
        (State.DROPPED, "its text did not arrive"),
    ]
    courier, channel = make(Scripted())
    post(store.outbox, "two", figures=True)
    while courier.step(channel) is not None:
        pass
    assert store.outbox.entries()[-1].error == "no figure was drawn"


def test_a_text_that_carries_its_figures_waits_for_them(
    store: Store, make: Make, clock: Clock
) -> None:
    """Mail comes with its figures; without them if they take too long."""
    messenger = Scripted()
    messenger.figures = Figures.INSIDE
    courier, channel = make(messenger, PICTURES)
    courier.hold_figures(NOW)
    post(store.outbox, "one")
    courier.step(channel)
    assert len(messenger.letters) == 1
    message = make_message("two", figures=("light_curve",)).as_json()
    store.outbox.post([Post("c", "two", message, due=NOW)], NOW)
    assert courier.step(channel) == pytest.approx(1.0)
    clock.now = NOW + 400 / 86400
    courier.step(channel)
    assert messenger.letters[-1].pictures == PICTURES


def test_threads_send_and_end(store: Store, make: Make) -> None:
    """Between cycles messages leave by themselves; closing ends after the message at hand."""
    arrived = threading.Event()

    class Ringing(Scripted):
        def send(self, letter: Letter) -> Delivery:
            arrived.set()
            return super().send(letter)

    messenger = Ringing()
    courier, _ = make(messenger)
    courier.start()
    post(store.outbox, "one")
    courier.wake()
    assert arrived.wait(10)
    courier.close()
    assert messenger.closed
    assert states(store.outbox) == [State.SENT]


def test_a_message_survives_its_way_through_the_outbox(store: Store) -> None:
    """What is written is what is sent."""
    message = make_message("“ZTF” <&> ∗", figures=("light_curve",), events=({"trigger": "too"},))
    store.outbox.post([Post("c", "k", message.as_json(), due=NOW)], NOW)
    assert Message.from_json(store.outbox.entries()[0].message) == message
