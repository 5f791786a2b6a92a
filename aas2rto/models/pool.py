"""Work in processes of their own, each item with a time limit: what hangs costs only itself."""

from __future__ import annotations

import collections
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from aas2rto.guard import Failure, Outcome, attempt
from aas2rto.models.progress import Progress

A = TypeVar("A")
T = TypeVar("T")

START_SECONDS = 60.0
"""What a new process may take to start and import before its first item counts as late [s]."""


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux only
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class _Worker:
    """A process, our end of the pipe to it, and what it works on until when."""

    process: BaseProcess
    pipe: Connection
    item: int = -1
    deadline: float = float("inf")
    fresh: bool = True


def run_limited(
    function: Callable[[A], T],
    items: Sequence[A],
    *,
    part: str,
    subjects: Sequence[str],
    seconds: float,
    workers: int,
    progress: Progress | None = None,
) -> list[Outcome[T]]:
    """Apply `function` to each item in other processes.

    Parameters
    ----------
    function : callable
        Of a module, so that another process can import it.
    items : sequence
        Sent to the processes one by one.
    part, subjects : str, sequence of str
        Name what fails, in the failures.
    seconds : float
        Longest time for one item; its process is then ended and replaced.
    workers : int
        Number of processes.
    progress : Progress, optional
        Counts the answers.

    Returns
    -------
    list of Outcome
        In the order of `items`; an exception, a time-out and a process that dies are failures.
    """
    if not items:
        return []
    context = multiprocessing.get_context("spawn")
    answers: dict[int, Outcome[T]] = {}
    todo = collections.deque(range(len(items)))
    wanted = min(workers, len(items))
    team = [worker for worker in _AT_REST.pop((function, part), []) if worker.process.is_alive()]
    team += [_hire(context, function, part) for _ in range(wanted - len(team))]
    done = False
    try:
        while len(answers) < len(items):
            for worker in team:
                if worker.item < 0 and todo:
                    _give(worker, todo.popleft(), items, seconds)
            for worker in _ready(team):
                answers[worker.item] = _take(worker, part, subjects, seconds)
                if progress is not None:
                    progress.add(1)
                if worker.process.is_alive():
                    worker.item, worker.fresh = -1, False
                else:
                    team[team.index(worker)] = _hire(context, function, part)
        done = True
    finally:
        if done:
            _AT_REST[function, part] = [worker for worker in team if worker.process.is_alive()]
        else:  # broken off: what they still work on is nobody's
            for worker in team:
                _dismiss(worker)
    return [answers[i] for i in range(len(items))]


_AT_REST: dict[tuple[Callable[..., Any], str], list[_Worker]] = {}
"""Processes that wait for the next call, which need not start and import anew: that takes seconds,
a fit 0.1. They are daemons, and end with this one."""


def _serve(pipe: Connection, function: Callable[[Any], Any], part: str) -> None:
    """Answer items until the other side hangs up; runs in the other process."""
    while True:
        try:
            item = pipe.recv()
            pipe.send(attempt(part, lambda item=item: function(item)))  # type: ignore[misc]
        except (EOFError, BrokenPipeError, ConnectionResetError):  # the other side was killed
            return


def _hire(context: Any, function: Callable[[Any], Any], part: str) -> _Worker:
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, function, part), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _give(worker: _Worker, item: int, items: Sequence[Any], seconds: float) -> None:
    worker.pipe.send(items[item])
    worker.item = item
    worker.deadline = time.monotonic() + seconds + (START_SECONDS if worker.fresh else 0.0)


def _ready(team: Sequence[_Worker]) -> list[_Worker]:
    """Wait for the next answer or deadline; return the workers that it concerns."""
    busy = [worker for worker in team if worker.item >= 0]
    patience = max(min(worker.deadline for worker in busy) - time.monotonic(), 0.0)
    heard = wait([worker.pipe for worker in busy], timeout=patience)
    now = time.monotonic()
    return [worker for worker in busy if worker.pipe in heard or worker.deadline <= now]


def _take(worker: _Worker, part: str, subjects: Sequence[str], seconds: float) -> Outcome[Any]:
    """Return the answer of a worker; one that is late or dead is ended."""
    subject = subjects[worker.item]
    if worker.pipe.poll():
        try:
            outcome: Outcome[Any] = worker.pipe.recv()
        except EOFError:
            _dismiss(worker)
            return Outcome(failure=Failure(part, "its process died", subject))
        if outcome.failure is not None:
            return Outcome(failure=Failure(part, outcome.failure.error, subject))
        return outcome
    _dismiss(worker)
    return Outcome(failure=Failure(part, f"took longer than {seconds:g} s", subject))


def _dismiss(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.terminate()
    worker.process.join(timeout=5.0)
