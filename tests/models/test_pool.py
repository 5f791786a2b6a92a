"""Work in processes of their own: who waits, who is replaced."""

from __future__ import annotations

import os
import time

import pytest

from aas2rto.models import pool


def run(function, items, *, seconds=30.0, workers=1):
    subjects = [str(item) for item in items]
    options = {"part": "test", "subjects": subjects, "seconds": seconds, "workers": workers}
    return pool.run_limited(function, items, **options)


def at_rest(function):
    return [worker.process.pid for worker in pool._AT_REST.get((function, "test"), [])]


@pytest.mark.slow
def test_processes_wait_for_the_next_call():
    """A night brings a few fits a cycle: starting a process each time takes longer than they do."""
    assert [one.value for one in run(abs, [-1, -2])] == [1, 2]
    first = at_rest(abs)
    assert len(first) == 1
    assert [one.value for one in run(abs, [-3])] == [3]
    assert at_rest(abs) == first


@pytest.mark.slow
def test_one_that_dies_or_hangs_is_replaced_and_does_not_wait():
    died = run(os._exit, [3])
    assert "its process died" in str(died[0].failure)
    late = run(time.sleep, [0, 30], seconds=1.0)
    assert late[0].failure is None
    assert "took longer than 1 s" in str(late[1].failure)
    assert run(time.sleep, [0])[0].failure is None
