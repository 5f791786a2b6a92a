"""Objects that wait for a light curve: order, doubts, failures and back-off."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from aas2rto.sources.poll_result import Harvest
from aas2rto.sources.transport.answer import Cause, HttpError
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.sources.transport.worklist import (
    HOUR,
    LONGEST_WAIT,
    MAX_FAILED,
    MAX_FAILURES,
    MAX_PENDING,
    MAX_WASTED,
    Worklist,
)
from aas2rto.tables.report import Outcome
from tests.sources.conftest import request

NOW = 61366.0


def error(cause: Cause, status: int | None = None) -> HttpError:
    return HttpError("demo (host): GET / went wrong", cause=cause, status=status)


UNKNOWN = error(Cause.NOT_FOUND, 404)
STUMBLED = error(Cause.SERVER, 500)
DOWN = error(Cause.SERVER, 503)


class Service:
    """Answers for all objects but those that it has an error for."""

    def __init__(self, **errors: HttpError) -> None:
        self.errors = errors
        self.asked: list[str] = []

    def __call__(self, group: Sequence[str]) -> list[bool]:
        self.asked.append(",".join(group))
        for name in group:
            if name in self.errors:
                raise self.errors[name]
        return [True] * len(group)


def work(
    worklist: Worklist, names: Sequence[str], service: Service, now: float = NOW, size: int = 1
) -> Harvest:
    one = Harvest("demo", request(now))
    try:
        worklist.work(names, service, one, Deadline(10.0), size=size)
    except HttpError as problem:
        one.fail(problem)
    return one


def listed(*names: str) -> Worklist:
    worklist = Worklist({})
    for name in names:
        worklist.add(name, 5.0)
    return worklist


def test_new_detections_come_before_old_light_curves():
    """Ranked ones first, then new objects by their newest detection, then old light curves."""
    worklist = Worklist({"done": {"old": [1.0, NOW - 3.0], "fresh": [1.0, NOW - 0.1]}})
    for name, newest in (("faint", 5.0), ("new", 7.0), ("best", 3.0)):
        worklist.add(name, newest)
    order = worklist.order(["best", "old", "fresh", "unseen"], now=NOW, refresh=1.0)
    assert order == ["best", "new", "faint", "old", "unseen"]


def test_what_was_empty_comes_after_what_was_not():
    """One bad object must not stand before all others for ever."""
    worklist = listed("a", "b")
    worklist.postpone("a")
    assert worklist.order([], now=NOW, refresh=1.0) == ["b", "a"]
    assert worklist.groups(["a", "b", "c"], 2) == [["b", "c"], ["a"]]


def test_an_empty_answer_about_a_listed_object_is_doubted_three_times():
    """Overloaded services answer with nothing."""
    worklist = listed("a")
    for turn in range(MAX_FAILURES + 1):
        assert worklist.order([], now=NOW, refresh=1.0) == ["a"], turn
        worklist.work(["a"], lambda group: [False], Harvest("demo", request(NOW)), Deadline(10.0))
    assert worklist.order([], now=NOW, refresh=1.0) == []


def test_not_found_about_a_listed_object_is_believed_after_three_times_and_told():
    """A whole route may be missing for a while."""
    worklist = listed("a")
    found = [work(worklist, ["a"], Service(a=UNKNOWN)).report() for _ in range(MAX_FAILURES + 1)]
    assert [r.outcome for r in found] == [Outcome.EMPTY] * (MAX_FAILURES + 1)
    assert "a is asked for again later, alone" in found[0].problems[0]
    assert "no light curve of a, listed before" in found[-1].problems[-1]
    assert worklist.order([], now=NOW + 30.0, refresh=1.0) == []


@pytest.mark.parametrize("status", [400, 404, 500])
def test_strangers_that_fail_do_not_keep_the_others_from_being_asked(status):
    """Three unknown names, ranked first: the fourth is asked for in the same poll."""
    worklist = Worklist({})
    failing = {name: error(Cause.SERVER, status) for name in "abc"}
    service = Service(**failing)
    one = Harvest("demo", request(NOW))
    worklist.work(list("abcd"), service, one, Deadline(9.0), strange=frozenset({400, 404, 500}))
    assert service.asked == ["a", "b", "c", "d"]
    assert one.problems == [], "a service need not know what others have found"


def test_a_group_that_fails_is_asked_for_one_by_one():
    """In the same poll, and only the guilty one waits."""
    worklist, service = listed(*"abcd"), Service(c=STUMBLED)
    one = work(worklist, list("abcd"), service, size=4)
    assert service.asked == ["a,b,c,d", "a", "b", "c", "d"]
    assert one.report().outcome is Outcome.EMPTY
    assert len(one.problems) == 1
    assert worklist.order([], now=NOW, refresh=1.0) == []
    assert worklist.order([], now=NOW + HOUR, refresh=1.0) == ["c"]
    assert worklist.groups(["c", "x"], 4) == [["x"], ["c"]]


def test_waits_double_up_to_a_week_and_end_with_an_answer():
    """What failed often is asked for seldom; an answer forgives all."""
    worklist, waits, now = Worklist({}), [], NOW
    for _ in range(12):
        work(worklist, ["a"], Service(a=UNKNOWN), now)
        later = now
        while not worklist.order(["a"], now=later, refresh=1.0):
            later += HOUR / 2
        waits.append(later - now)
        now = later
    assert waits[:3] == pytest.approx([HOUR, 2 * HOUR, 4 * HOUR])
    assert max(waits) == pytest.approx(LONGEST_WAIT, abs=HOUR)
    work(worklist, ["a"], Service(), now)
    assert worklist.state(now)["failed"] == {}


def test_few_questions_of_an_hour_are_wasted():
    """Fifty unknown objects before one that is listed: five questions an hour fail."""
    names = [f"n{number}" for number in range(50)]
    worklist, service = listed("good"), Service(**dict.fromkeys(names, UNKNOWN))
    for turn in range(6):
        now = NOW + turn / 144.0
        worklist = Worklist(json.loads(json.dumps(worklist.state(now))))
        work(worklist, worklist.order([*names], now=now, refresh=1.0), service, now)
    assert "good" in service.asked
    assert len(service.asked) - 1 == MAX_WASTED
    now = NOW + 1.1 * HOUR
    work(worklist, worklist.order([*names], now=now, refresh=1.0), service, now)
    assert len(set(service.asked)) == 1 + 2 * MAX_WASTED, "others' turn in the next hour"


def test_a_failing_service_is_not_asked_for_every_object():
    """Three failures are enough to know; what meets all is told at once."""
    for problem, n in (
        (STUMBLED, MAX_FAILURES),
        (DOWN, MAX_FAILURES),
        (error(Cause.TIMEOUT), MAX_FAILURES),
        (error(Cause.REFUSED, 401), 1),
        (error(Cause.THROTTLED, 429), 1),
    ):
        service = Service(**dict.fromkeys("abcdefgh", problem))
        one = work(listed(*"abcdefgh"), list("abcdefgh"), service)
        assert len(service.asked) == n
        assert one.report().outcome is Outcome.FAILED


def test_one_answer_tells_that_the_service_works():
    """Then even many failures are those of single objects."""
    service = Service(**dict.fromkeys("bcdef", STUMBLED))
    one = work(listed(*"abcdefg"), list("abcdefg"), service)
    assert service.asked == list("abcdefg")
    assert one.report().outcome is Outcome.EMPTY


def test_a_worklist_does_not_grow_without_bounds():
    """The oldest of too many give way, and what was fetched long ago is forgotten."""
    failed = {f"f{n}": [1, NOW + n / 1e6] for n in range(MAX_FAILED + 10)}
    worklist = Worklist(
        {"done": {"old": [1.0, NOW - 100.0], "new": [1.0, NOW - 1.0]}, "failed": failed}
    )
    for number in range(MAX_PENDING + 10):
        worklist.add(f"n{number}", float(number))
    state = json.loads(json.dumps(worklist.state(NOW)))
    assert len(state["pending"]) == MAX_PENDING
    assert "n0" not in state["pending"]
    assert list(state["done"]) == ["new"]
    assert len(state["failed"]) == MAX_FAILED
    assert "f0" not in state["failed"]
