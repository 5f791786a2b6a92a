"""The figures of a project on disk: drawn only where what they show has changed, in a pool."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path

from aas2rto.guard import Failure, attempt
from aas2rto.outputs import write_atomically
from aas2rto.outputs.figures import drawing, gathering
from aas2rto.outputs.figures.gathering import Findings
from aas2rto.outputs.figures.style import read_metadata, safe_name
from aas2rto.outputs.figures.subject import Subject

FEW = 8
"""So many figures are drawn here: starting a pool takes longer."""

BATCH = 50
"""Candidates that are gathered at a time, so that memory stays small."""


@dataclass
class Drawn:
    """What a call has drawn."""

    paths: list[Path] = field(default_factory=list)
    unchanged: int = 0
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True)
class Task:
    """The figures of one candidate that are due."""

    subject: Subject
    kinds: tuple[str, ...]
    folder: Path


class Gallery:
    """The figures of a project.

    Parameters
    ----------
    folder : Path
        The project's folder; figures lie in ``figures/<candidate>/<kind>.png``.
    workers : int
        Processes that draw.
    """

    def __init__(self, folder: Path, *, workers: int = 2) -> None:
        self.folder = folder / "figures"
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._drawn: dict[Path, str] = {}

    def path(self, candidate_id: str, kind: str) -> Path:
        """Return where a figure lies, whether it exists or not."""
        return self.folder / safe_name(candidate_id) / f"{kind}.png"

    def draw(
        self,
        found: Findings,
        wanted: Mapping[str, Collection[str]],
        *,
        exactly_now: bool = False,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Drawn:
        """Draw the figures of some candidates, where what they show has changed.

        Parameters
        ----------
        found : Findings
        wanted : mapping
            From candidates, in this order, to kinds of figures, see `drawing.KINDS`.
        exactly_now : bool
            If True, nothing may have drifted, not even the line that says `now`.
        stopping : callable
            True ends the drawing; what is drawn stays.

        Notes
        -----
        What a figure shows is written into its file, so that neither a restart nor a kill makes
        a figure disagree with what is believed of it.
        """
        done = Drawn()
        names = list(wanted)
        for start in range(0, len(names), BATCH):
            if stopping():
                break
            subjects = gathering.gather(found, names[start : start + BATCH])
            tasks = list(self._due(subjects, wanted, done, 0.0 if exactly_now else 1.0))
            self._run(tasks, done, stopping)
        return done

    def _due(
        self,
        subjects: Sequence[Subject],
        wanted: Mapping[str, Collection[str]],
        done: Drawn,
        tolerance: float,
    ) -> Iterator[Task]:
        for subject in subjects:
            due = []
            for kind in drawing.KINDS:
                if kind not in wanted[subject.candidate_id]:
                    continue
                path = self.path(subject.candidate_id, kind)
                content = drawing.KINDS[kind].content(subject)
                if content.shown_by(self._shows(path), tolerance=tolerance):
                    done.unchanged += 1
                else:
                    due.append(kind)
            if due:
                yield Task(subject, tuple(due), self.folder / safe_name(subject.candidate_id))

    def _shows(self, path: Path) -> str:
        """Return what a figure on disk shows; an empty text if there is none."""
        if path not in self._drawn:
            self._drawn[path] = read_metadata(path).get(drawing.CONTENT, "")
        return self._drawn[path] if path.exists() else ""

    def _run(self, tasks: Sequence[Task], done: Drawn, stopping: Callable[[], bool]) -> None:
        if sum(len(task.kinds) for task in tasks) <= FEW or self._workers < 2:
            for task in tasks:
                if stopping():
                    return
                self._note(draw_task(task), done)
            return
        # A worker that was killed breaks its pool; the next call starts another.
        pool, self._pool = self._pool or _start(self._workers), None
        asked = attempt("figures", lambda: [pool.submit(draw_task, _portable(t)) for t in tasks])
        if asked.value is None:
            done.failures.extend([asked.failure] if asked.failure else [])
            return
        broken = False
        for future in as_completed(asked.value):
            if stopping():
                pool.shutdown(wait=True, cancel_futures=True)
                return
            answer = attempt("figures", future.result)
            broken |= answer.failure is not None
            self._note([answer.failure] if answer.failure else answer.value or [], done)
        self._pool = None if broken else pool

    def _note(self, answers: Iterable[Path | Failure], done: Drawn) -> None:
        for one in answers:
            if isinstance(one, Failure):
                done.failures.append(one)
            else:
                self._drawn.pop(one, None)
                done.paths.append(one)

    def forget(self, active: Iterable[str]) -> int:
        """Delete the figures of candidates that are gone; return how many candidates.

        Parameters
        ----------
        active : iterable of str
            The candidates whose figures stay.
        """
        kept = {safe_name(name) for name in active}
        gone = 0
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder.is_dir() and folder.name not in kept:
                for kind in drawing.KINDS:
                    (folder / f"{kind}.png").unlink(missing_ok=True)
                if not any(folder.iterdir()):  # whatever else lies there is not ours
                    folder.rmdir()
                    gone += 1
        return gone

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def draw_task(task: Task) -> list[Path | Failure]:
    """Draw and write the figures of one candidate; runs in a worker."""
    answers: list[Path | Failure] = []
    for kind in task.kinds:
        path = task.folder / f"{kind}.png"
        name = f"figure {kind}"
        done = attempt(
            name,
            lambda: _write(path, kind, task.subject),  # noqa: B023  called at once
            subject=task.subject.candidate_id,
        )
        answers.append(done.failure or path)
    return answers


def _write(path: Path, kind: str, subject: Subject) -> None:
    write_atomically(path, drawing.png(kind, subject))


def _portable(task: Task) -> Task:
    return Task(gathering.at_home(task.subject), task.kinds, task.folder)


def _start(workers: int) -> ProcessPoolExecutor:
    # Not forked: this program has threads, whose locks a fork would copy in any state.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_set_up_worker)


def _set_up_worker() -> None:
    """Leave signals to the parent, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()


def _end_with_parent() -> None:
    # After a kill -9 of the parent nobody else tells a waiting worker to end.
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
