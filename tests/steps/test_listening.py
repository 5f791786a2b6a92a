"""Between cycles: who hears news, and how long one waits for the next cycle."""

from __future__ import annotations

import threading
import time

import pytest
from astropy.time import Time

from aas2rto.loop import run_forever
from aas2rto.steps.listening import GATHERING, Listening
from aas2rto.steps.poller import Poller
from tests.conftest import MJD


class Ear:
    """A stream that has news after some seconds, and remembers who listened."""

    def __init__(self, after: float = float("inf")) -> None:
        self.after, self.listened = after, 0

    def listen(self, over):
        self.listened += 1
        end = time.monotonic() + self.after
        while not over():
            if time.monotonic() >= end:
                return True
            time.sleep(0.01)
        return False


class Streaming:
    def __init__(self, ear):
        self.stream = ear


def listening(react=0.4, **ears):
    return Listening([Poller(name, Streaming(ear)) for name, ear in ears.items()], react)


def rest(streams, due=1.0, pause=0.0, stop=None, but=()):
    start = time.monotonic()
    news = streams.rest(start + due, pause, stop or threading.Event(), but=but)
    return news, time.monotonic() - start


def test_news_end_the_rest_within_the_time_to_react():
    news, seconds = rest(listening(a=Ear(), b=Ear(0.1)), due=20.0)
    assert news == ("b",)
    assert 0.1 + 0.4 * GATHERING <= seconds < 0.1 + 0.4


def test_without_news_all_sources_are_asked_when_it_is_time():
    news, seconds = rest(listening(a=Ear()), due=0.3)
    assert news is None
    assert 0.3 <= seconds < 0.6


@pytest.mark.parametrize(
    "streams",
    [
        Listening([Poller("a", object())], 0.4),
        Listening([Poller("a", Streaming(None))], 0.4),
        listening(react=None, a=Ear(0.0)),
    ],
)
def test_who_follows_no_stream_or_wants_no_reaction_waits_for_the_interval(streams):
    assert rest(streams, due=0.2)[0] is None


def test_cycles_are_as_far_apart_as_one_takes():
    news, seconds = rest(listening(a=Ear(0.0)), due=20.0, pause=0.5)
    assert news == ("a",)
    assert seconds >= 0.5


def test_a_long_cycle_does_not_move_the_interval():
    news, seconds = rest(listening(a=Ear()), due=0.2, pause=30.0)
    assert news is None
    assert seconds < 0.5


def test_a_source_that_failed_is_not_listened_to():
    ear = Ear(0.0)
    assert rest(listening(a=ear), due=0.2, but={"a"})[0] is None
    assert ear.listened == 0


def test_an_ear_that_fails_is_deaf_and_no_more():
    class Broken(Ear):
        def listen(self, over):
            raise RuntimeError("no")

    assert rest(listening(a=Broken(), b=Ear(0.05)), due=20.0)[0] == ("b",)


def test_a_signal_to_stop_ends_it_at_once():
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    news, seconds = rest(listening(a=Ear()), due=20.0, stop=stop)
    assert news is None
    assert seconds < 1.0


@pytest.mark.slow
def test_the_loop_reacts_and_keeps_its_interval():
    """A stream with news is read alone, all are asked at the interval; what failed is left out."""
    stop, asked, begun = threading.Event(), [], time.monotonic()

    class Found:
        failed_sources = frozenset()

    def one_cycle(_, only=None):
        asked.append((only, round(time.monotonic() - begun, 1)))
        found = Found()
        if len(asked) == 2:
            found.failed_sources = frozenset({"a"})
        if len(asked) == 4:
            stop.set()
        return found

    streams = listening(react=0.4, a=Ear(0.2))
    run_forever(
        one_cycle, lambda: Time(MJD, format="mjd"), interval=1.0, stop=stop, streams=streams
    )
    assert [only for only, _ in asked] == [None, ("a",), None, ("a",)]
    assert asked[2][1] == pytest.approx(1.0, abs=0.25)
