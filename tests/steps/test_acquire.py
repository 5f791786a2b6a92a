"""Sources are asked side by side; each costs, at worst, its own data for this cycle."""

from __future__ import annotations

import sys
import threading

import pandas as pd
import pytest

from aas2rto.config.case import PartConfig
from aas2rto.parts.registry import Part
from aas2rto.steps.acquire import poll_all
from aas2rto.steps.poller import Poller, make_pollers
from aas2rto.tables.report import Outcome, PollRequest, Report, failed
from tests.conftest import LATE, MJD, make_objects, make_photometry, make_report


class Fake:
    """A source that answers with what a function says."""

    def __init__(self, answer):
        self.answer = answer
        self.requests: list[PollRequest] = []
        self.closed = False

    def poll(self, request):
        self.requests.append(request)
        return self.answer(request)

    def close(self):
        self.closed = True


def poller(name, answer):
    return Poller(name, Fake(answer))


def run(store, *pollers, now=MJD, deadline=30.0, keep=True, reacting=False):
    return poll_all(
        pollers,
        store,
        now,
        wanted=pd.DataFrame(),
        deadline=deadline,
        merge_radius=5.0,
        keep=keep,
        reacting=reacting,
    )


def data(name="a", ra=10.0, **columns):
    return make_report(make_objects(name, ra=ra), make_photometry(name), **columns)


def fail(error):
    raise error


def test_what_came_is_stored_and_told_in_one_line(store):
    """Data, verified empty and failed are three different sentences."""
    arrivals = run(
        store,
        poller("one", lambda _: data()),
        poller("two", lambda _: make_report(outcome=Outcome.EMPTY)),
        poller("three", lambda _: failed("three", "HTTP 500 from host")),
    )
    assert [arrival.line() for arrival in arrivals] == [
        "one: 1 new candidate, 1 new measurement",
        "two: nothing new",
        "three: failed: HTTP 500 from host",
    ]
    assert store.candidates(LATE)["candidate_id"].tolist() == ["a"]
    assert store.sources.names() == ["one", "three", "two"]


def test_answers_are_stored_in_the_order_of_the_config(store):
    """Who is quicker does not decide which name a candidate gets."""
    second_is_done = threading.Event()

    def slow(_):
        second_is_done.wait(30)
        return data("first")

    def quick(_):
        second_is_done.set()
        return data("second")

    run(store, poller("one", slow), poller("two", quick))
    assert store.candidates(LATE)["candidate_id"].tolist() == ["first"]
    assert store.identities.resolve("second") == "first"


def test_a_source_gets_its_cursor_back(store):
    """The next poll starts where the last committed one ended."""
    fake = poller("one", lambda request: data(cursor={"page": request.cursor.get("page", 0) + 1}))
    for _ in range(3):
        run(store, fake)
    assert [request.cursor for request in fake.source.requests] == [{}, {"page": 1}, {"page": 2}]
    assert (fake.source.requests[0].now, fake.source.requests[0].deadline) == (MJD, 30.0)


def test_two_sources_of_one_kind_have_cursors_of_their_own(store):
    """A source may not know what the config calls it; the report carries the config's name."""
    ztf = poller("alerce_ztf", lambda _: data("a", source="alerce", cursor={"at": "ztf"}))
    lsst = poller("alerce_lsst", lambda _: data("b", 20.0, source="alerce", cursor={"at": "lsst"}))
    arrivals = run(store, ztf, lsst)
    assert [arrival.report.source for arrival in arrivals] == ["alerce_ztf", "alerce_lsst"]
    assert store.sources.state("alerce_ztf").cursor == {"at": "ztf"}
    assert store.sources.state("alerce_lsst").cursor == {"at": "lsst"}


@pytest.mark.fault("loop", "damaged", "whatever a source does")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda _: fail(ValueError("no\njson")), "one: failed: ValueError: no json"),
        (lambda _: None, "one: failed: gave no report: None"),
        (lambda _: {"objects": []}, "one: failed: gave no report: {'objects': []}"),
        (lambda _: sys.exit("bye"), "one: failed: wanted to end the program: bye"),
    ],
)
def test_whatever_a_source_does_costs_its_own_data_only(store, answer, words):
    """Errors, nonsense, an end of its thread: the others are stored, it is asked again."""
    broken = poller("one", answer)
    for asked in (1, 2):
        arrivals = run(store, broken, poller("two", lambda _: data()))
        assert arrivals[0].line() == words
        assert arrivals[1].report.outcome is Outcome.DATA
        assert len(broken.source.requests) == asked
    assert store.sources.state("one").failures == 2
    assert store.sources.state("two").failures == 0


def test_data_that_cannot_be_stored_cost_that_source_only(store):
    """The store's error is the source's line; its cursor has not moved."""
    notes = pd.DataFrame({"object_id": ["a"]})  # not what facts are
    bad = poller("one", lambda _: data(facts=notes, cursor={"page": 9}))
    arrivals = run(store, bad, poller("two", lambda _: data("b", 20.0)))
    assert arrivals[0].failure is not None
    assert arrivals[0].line().startswith("one: KeyError")
    assert store.candidates(LATE)["candidate_id"].tolist() == ["b"]
    assert store.sources.state("one").cursor == {}


@pytest.mark.fault("loop", "slow", "a source that is late")
def test_a_late_answer_is_taken_in_a_later_cycle(store):
    """The slow source is not asked again meanwhile, and the cycle does not wait."""
    go = threading.Event()

    def slow(request):
        go.wait(30)
        return data(cursor={"n": request.cursor.get("n", 0) + 1})

    late = poller("late", slow)
    arrivals = run(store, late, poller("quick", lambda _: data("b", 20.0)), deadline=0.0)
    said = "late: failed: did not answer in time; its answer is taken in a later cycle"
    assert arrivals[0].line() == said
    arrivals = run(store, late, deadline=0.0)
    assert arrivals[0].line() == said
    go.set()
    arrivals = run(store, late)
    assert arrivals[0].line() == "late: 1 new candidate, 1 new measurement"
    assert len(late.source.requests) == 1
    assert store.sources.state("late").cursor == {"n": 1}
    assert store.sources.state("late").failures == 0
    run(store, late)
    assert store.sources.state("late").cursor == {"n": 2}


def test_a_service_that_asked_for_patience_is_not_asked(store):
    """Retry-After holds across cycles, and across a restart; others are asked."""
    patient = poller("one", lambda _: failed("one", "HTTP 429", retry_at=MJD + 0.5))
    run(store, patient)
    again = poller("one", lambda _: data())
    arrivals = run(store, again, now=MJD + 0.4)
    assert again.source.requests == []
    assert arrivals[0].line() == "one: failed: not asked before 2025-11-21T12:00 UTC, as it wishes"
    assert store.sources.state("one").failures == 1
    assert store.sources.state("one").last_error == "HTTP 429"
    arrivals = run(store, again, now=MJD + 0.5)
    assert arrivals[0].line() == "one: 1 new candidate, 1 new measurement"


@pytest.mark.fault("loop", "range", "a clock that jumped ahead")
@pytest.mark.parametrize("until", [MJD + 1.01, MJD + 400.0, 1e12])
def test_a_wait_that_no_service_can_have_meant_is_none(store, until):
    """A clock that jumped ahead for one cycle, or an old version, stored it."""
    run(store, poller("one", lambda _: failed("one", "HTTP 429", retry_at=until)))
    arrivals = run(store, poller("one", lambda _: data()), now=MJD)
    assert arrivals[0].line() == "one: 1 new candidate, 1 new measurement"


def test_a_stream_is_read_while_its_service_is_left_in_peace(store):
    """Reading it takes nothing back of when the service may be asked again."""
    run(store, poller("one", lambda _: failed("one", "HTTP 429", retry_at=MJD + 0.5)))
    one = poller("one", lambda _: data())
    arrivals = run(store, one, now=MJD + 0.1, reacting=True)
    assert one.source.requests[0].reacting
    assert arrivals[0].line() == "one: 1 new candidate, 1 new measurement"
    assert store.sources.state("one").retry_at == MJD + 0.5
    run(store, one, now=MJD + 0.6)
    assert not one.source.requests[1].reacting


def test_a_source_is_told_only_after_its_data_are_stored(store):
    """Offsets are committed, and files moved, when nothing can be lost any more."""
    seen = []
    report = data(acknowledge=lambda: seen.append(store.photometry.count()))
    run(store, poller("one", lambda _: report))
    assert seen == [1]


def test_a_source_is_not_told_of_data_that_were_not_stored(store):
    """They must come again."""
    told = []
    report = data(facts=pd.DataFrame({"x": [1]}), acknowledge=lambda: told.append(1))
    run(store, poller("one", lambda _: report))
    assert told == []


def test_a_dry_run_tells_nobody(store):
    """Streams and folders stay as they are."""
    told = []
    run(store, poller("one", lambda _: data(acknowledge=lambda: told.append(1))), keep=False)
    assert told == []


def test_a_failing_acknowledgement_is_a_problem_and_no_loss(store):
    """The data are stored; they will come twice, which is one row."""
    report = data(acknowledge=lambda: fail(OSError("gone")))
    arrivals = run(store, poller("one", lambda _: report))
    assert arrivals[0].line() == "one: OSError: gone"
    assert store.photometry.count() == 1


def test_records_that_could_not_be_used_are_listed(store):
    """Those that the source found, and those that the store refused."""
    objects = make_objects(["a", "b"], ra=[10.0, float("nan")])
    report = make_report(objects, problems=("file x: torn",))
    arrivals = run(store, poller("one", lambda _: report))
    assert arrivals[0].problems == (
        "file x: torn",
        "one: b has no usable position; it was left out",
    )


def part(make, **settings):
    found = Part("source", "fake", make)
    return PartConfig("mine", found, found.options(**settings))


def test_a_source_that_cannot_be_set_up_is_a_failure():
    """The others work."""

    class Good:
        def __init__(self, *, url: str = "x") -> None:
            self.url = url

    class Bad:
        def __init__(self) -> None:
            raise OSError("no cable")

    pollers, failures = make_pollers([part(Good, url="y"), part(Bad)])
    assert [p.source.url for p in pollers] == ["y"]
    assert [str(failure) for failure in failures] == ["source mine: OSError: no cable"]


def test_a_source_is_closed_if_it_can_be():
    """What fails at the end does not matter any more."""
    fake = poller("one", lambda _: data())
    fake.close()
    assert fake.source.closed
    Poller("two", object()).close()
    fake.source.close = lambda: fail(OSError("gone"))
    fake.close()


def test_a_report_can_say_just_that_it_failed():
    """The short way to build one."""
    report = failed("x", "no", retry_at=5.0)
    assert (report.source, report.outcome, report.error) == ("x", Outcome.FAILED, "no")
    assert report.retry_at == 5.0
    assert report.photometry.empty
    assert Report("x", Outcome.EMPTY).acknowledge() is None
