"""`aas2rto run`: the loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aas2rto.cli import service
from aas2rto.cli.arguments import (
    ConfigFile,
    NowOption,
    OutputOption,
    expect_archive,
    note_new,
    parse_time,
    results_of,
    store_url,
)
from aas2rto.cli.terminal import forgiving
from aas2rto.errors import Aas2rtoError, InputError, UsageError
from aas2rto.guard import attempt
from aas2rto.text.words import iso

if TYPE_CHECKING:
    from astropy.time import Time

    from aas2rto.config.case import Case
    from aas2rto.guard import Failure
    from aas2rto.inform.health import Health
    from aas2rto.inform.tell import Telling
    from aas2rto.outputs.cell_memory import Written
    from aas2rto.steps.cycle import Cycle, Parts
    from aas2rto.steps.fit_memory import FitMemory
    from aas2rto.store import Store
    from aas2rto.store.turn import Turn


def run(
    config: ConfigFile,
    once: Annotated[bool, typer.Option("--once", help="Run one cycle and end.")] = False,
    now: NowOption = None,
    archive: Annotated[
        list[Path] | None,
        typer.Option("--archive", help="Read alerts from files, in place of the live sources."),
    ] = None,
    output: OutputOption = Path("outputs"),
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show the lists; store, write, move and send nothing."),
    ] = False,
    health: Annotated[
        str | None,
        typer.Option(
            "--health",
            metavar="FILE|:PORT",
            help="As a service: tell how the loop is doing, as JSON, in a file or by HTTP.",
        ),
    ] = None,
) -> None:
    """Pull candidates, score them, and write a ranked list per observatory."""
    begun = time.perf_counter()
    from aas2rto.config.load import load

    start = parse_time(now)
    expect_archive(archive or [])
    case = load(config, archive=[str(path) for path in archive or []])
    wishes = service.Wishes(service=not once and (health is not None or not service.has_terminal()))
    running = _Start(
        output,
        _clock(start, fixed=now is not None),
        wishes,
        now is not None,
        once,
        dry_run,
        health,
        [begun],
    )
    with forgiving(), service.broken_off():
        if once:
            with running.opened(case) as opened:
                cycle = opened.one_cycle(start)
            if archive and not wishes.ending():
                _expect_an_archive(cycle)
            return
        refused, read = "", partial(service.read_anew, config, archive)
        while not wishes.ending():
            anew, refused = _loop(running, case, refused, read)
            case = anew or case
        typer.echo("stopped")


def _loop(
    start: _Start, case: Case, refused: str, read_anew: Callable[[], Case]
) -> tuple[Case | None, str]:
    """Run cycles until the program is to end, or until there is another config to go on with.

    Parameters
    ----------
    start : _Start
    case : Case
    refused : str
        Why the config that was to follow was refused; this one goes on in its place.
    read_anew : callable
        Reads and checks the config.

    Returns
    -------
    case : Case or None
        The other one.
    refused : str
        Why nothing can be done with it, if what it needs cannot be opened.
    """
    from aas2rto.loop import run_forever
    from aas2rto.steps.listening import Listening

    wishes = start.wishes
    try:
        with start.opened(case) as running:
            start.last = case
            running.keep_to(refused)
            while not wishes.ending():
                run_forever(
                    running.one_cycle,
                    start.clock,
                    interval=case.config.loop.interval,
                    stop=wishes.wake,
                    streams=Listening(running.parts.pollers, case.config.loop.react),
                    on_lost=running.lost,
                )
                wishes.again()
                if wishes.ending():
                    break
                read = attempt("config", read_anew)
                if read.value is not None:
                    running.telling.leaving = "to go on with its config as it is now"
                    return read.value, ""
                running.keep_to(read.failure.error if read.failure else "it gave nothing")
    except Aas2rtoError as error:
        if start.last is None or start.last is case:
            raise
        return start.last, str(error)
    return None, ""


@dataclass
class _Start:
    """What a config is started with, whichever it is."""

    output: Path
    clock: Callable[[], Time]
    wishes: service.Wishes
    fixed: bool
    once: bool
    dry_run: bool
    health: str | None
    begun: list[float]
    """When the program began [s], until the first cycle ends: its user waits for the start, too."""
    last: Case | None = None
    """With which it ran."""

    def opened(self, case: Case) -> AbstractContextManager[_Running]:
        """Open everything that a cycle of a config needs."""
        return _running(case, self)


def _clock(start: Time, *, fixed: bool) -> Callable[[], Time]:
    """Tell the time; a night that was given with --now goes on from there."""
    from astropy import units as u
    from astropy.time import Time

    began = time.monotonic()
    return lambda: start + (time.monotonic() - began) * u.s if fixed else Time.now()


def _expect_an_archive(cycle: Cycle) -> None:
    """Raise if nothing of what --archive names could be read: no list is of it."""
    for arrival in cycle.arrivals:
        if arrival.report.source == "archive" and arrival.failed:
            raise InputError(f"--archive: {arrival.report.error or arrival.line()}")


LONG_AGO = 7.0


def _check_time(store: Store, written: float | None, now: Time, *, fixed: bool) -> None:
    """Keep a replay of an old night from being judged by today, and say what an earlier time means.

    Candidates that are rejected because they are old by now would stay rejected in the replay.

    Parameters
    ----------
    store : Store
    written : float or None
        When its file was last written [d, MJD UTC]: long after its newest cycle in a replay.
        None does not ask.
    now : Time
    fixed : bool
        Whether the user said --now.
    """
    newest = store.results.newest_cycle()
    if newest is None:
        return
    last = iso(newest)
    if not fixed and written is not None and written - newest > LONG_AGO:
        raise UsageError(
            f"this project replays the night of {last} UTC; give --now {last} to go on with it, "
            f"or --now {now.utc.isot[:16]} to judge it by today"
        )
    if now.utc.mjd < newest:
        told = f"note: the newest cycle is of {last} UTC; what was learnt since is not seen"
        typer.echo(told, err=True)


def _written(folder: Path) -> float | None:
    """Return when the store of a project was last written [d, MJD UTC]."""
    from aas2rto.outputs.cells import MJD_OF_1970

    path = folder / "store.sqlite"
    return path.stat().st_mtime / 86400.0 + MJD_OF_1970 if path.exists() else None


@dataclass(frozen=True)
class _Running:
    """Everything that a cycle needs, opened."""

    parts: Parts
    store: Store
    folder: Path
    telling: Telling
    dry_run: bool
    memory: FitMemory
    written: Written
    checks: Sequence[Callable[[], None]]
    """Raise if the files, or the turn to rank, are not ours any more."""
    health: Health
    ending: Callable[[], bool]
    begun: list[float]

    def lost(self, now: Time, failure: Failure) -> None:
        """Say on the terminal, to the operators and by the health that a cycle is lost."""
        told = f"error: the cycle of {now.utc.isot[:16]} UTC is lost: {failure.error}"
        typer.echo(told, err=True)
        self.telling.lost(now, failure.error)
        self.health.lost(failure.error)

    def keep_to(self, refused: str) -> None:
        """Say, also to the operators, why the config as it is now was not taken."""
        self.health.refused(refused)
        if refused:
            told = "the config is refused as it is now; the loop goes on as before"
            typer.echo(f"error: {told}: {refused}", err=True)
            self.telling.refused(refused)

    def one_cycle(self, now: Time, only: Collection[str] | None = None) -> Cycle:
        """Run a cycle, show it, and tell of it."""
        from aas2rto import loop
        from aas2rto.cli import showing
        from aas2rto.inform import journal

        begun = self.begun.pop() if self.begun else time.perf_counter()
        for check in self.checks:
            check()
        with showing.steps() as on_step, self.telling.computing(now):
            cycle = loop.run_cycle(
                self.parts,
                self.store,
                now,
                inform=self._write,
                on_step=on_step,
                stopping=self.ending,
                keep=not self.dry_run,
                memory=self.memory,
                only=only,
            )
        showing.cycle(cycle, folder=None if self.dry_run else self.folder)
        if self.dry_run:
            showing.mail(cycle.mail)
            showing.took(time.perf_counter() - begun, cycle.timings)
            self.health.took(cycle)
            return cycle
        shown = len(cycle.problems)
        with showing.steps() as on_step:
            on_step("tell")
            self.telling.tell(cycle)
        with cycle.timed("snapshot"):
            self.store.photometry.keep_snapshot()
        journal.close(self.store, cycle, self._write_report)
        if not cycle.stopped:
            self.health.took(cycle)
        showing.problems(cycle.problems[shown:])
        showing.took(time.perf_counter() - begun, cycle.timings)
        return cycle

    def _write(self, cycle: Cycle) -> None:
        from aas2rto.outputs import files

        if not self.dry_run:
            files.write(self.folder, self.parts, cycle, self.written)

    def _write_report(self, report: Mapping[str, Any]) -> None:
        from aas2rto.outputs import lists

        lists.write_cycle(self.folder, report)


@contextmanager
def _place(case: Case, folder: Path, *, dry_run: bool) -> Iterator[str]:
    """Take the folder of results, and its log; yield where the store is: for a dry run, a copy."""
    from aas2rto.config.redaction import Redactor
    from aas2rto.store.copying import temporary_copy
    from aas2rto.store.lock import hold
    from aas2rto.text import logs

    url = store_url(case.config.store.url, folder)
    if dry_run:
        with temporary_copy(url) as copy:
            yield copy
        return
    note_new(case, folder)
    hide = Redactor.of(case)
    with hold(folder / "run.lock"), logs.to_file(folder / "log.jsonl", hide=hide):
        yield url


@contextmanager
def _running(case: Case, start: _Start) -> Iterator[_Running]:
    """Open everything a cycle needs."""
    from aas2rto.inform.health import Health
    from aas2rto.inform.tell import Telling
    from aas2rto.outputs.cell_memory import Written
    from aas2rto.questions.explain import explain_stored
    from aas2rto.steps.build import build
    from aas2rto.steps.fit_memory import Remembering
    from aas2rto.store import Store
    from aas2rto.store.database import file_of
    from aas2rto.store.watch import watch

    clock, dry_run, ending = start.clock, start.dry_run, start.wishes.ending
    folder = results_of(case, start.output)
    # A live loop that stood still for weeks starts again without a question.
    written = _written(folder) if case.reads_files_only else None
    with ExitStack() as stack:
        url = stack.enter_context(_place(case, folder, dry_run=dry_run))
        store = stack.enter_context(Store(url))
        mine = None if dry_run else stack.enter_context(_turn(store, ending, wait=not start.once))
        _check_time(store, written, clock(), fixed=start.fixed)
        parts = build(case)
        stack.callback(parts.close)
        telling = Telling(
            parts,
            store,
            folder,
            clock=clock,
            open_store=lambda: Store(url),
            explain=explain_stored,
            forever=not start.once,
            stopping=ending,
        )
        parts = replace(parts, failures=(*parts.failures, *telling.failures))
        if not dry_run:
            stack.callback(store.photometry.keep_snapshot, last=True)
            stack.enter_context(telling)
        health = Health(case, store, clock)
        stack.enter_context(service.told_at(start.health, health))
        memory = Remembering(store.fits, try_again=True)
        watched = [] if dry_run else [folder, *filter(None, [file_of(url)])]
        checks = [watch(*watched), *([] if mine is None else [mine.check])]
        with service.closing_in_peace():
            yield _Running(
                parts,
                store,
                folder,
                telling,
                dry_run,
                memory,
                Written(),
                checks,
                health,
                ending,
                start.begun,
            )


def _turn(store: Store, ending: Callable[[], bool], *, wait: bool) -> AbstractContextManager[Turn]:
    """Wait until no other program ranks the same database."""
    from aas2rto.store.turn import turn

    return turn(store.engine, ending, partial(typer.echo, err=True), wait=wait)
