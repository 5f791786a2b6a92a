"""`aas2rto run`: the loop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    NowOption,
    OutputOption,
    parse_time,
    project_folder,
    store_url,
)

if TYPE_CHECKING:
    from astropy.time import Time

    from aas2rto.config import Case
    from aas2rto.cycle import Cycle


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
) -> None:
    """Pull candidates, score them, and write a ranked list per observatory."""
    from aas2rto import config as configs

    start = parse_time(now)
    case = configs.load(config, archive=[str(path) for path in archive or []])
    stop = _stop_on_signal()
    clock = _clock(start, fixed=now is not None)
    with _running(case, output, clock, stop, dry_run=dry_run, once=once) as one_cycle:
        if once:
            one_cycle(start, stop)
            return
        from aas2rto.loop import run_forever

        interval = case.config.loop.interval
        run_forever(lambda t: one_cycle(t, stop), clock, interval=interval, stop=stop)
        typer.echo("stopped")


def _clock(start: Time, *, fixed: bool) -> Callable[[], Time]:
    """Tell the time; a night that was given with --now goes on from there."""
    from astropy import units as u
    from astropy.time import Time

    began = time.monotonic()
    return lambda: start + (time.monotonic() - began) * u.s if fixed else Time.now()


def _stop_on_signal() -> threading.Event:
    """Let SIGINT and SIGTERM end the program after the step at hand."""
    stop = threading.Event()

    def on_signal(number: int, _: object) -> None:
        if not stop.is_set():
            typer.echo(f"{signal.Signals(number).name}: ending after the step at hand", err=True)
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop


@contextmanager
def _running(
    case: Case,
    output: Path,
    clock: Callable[[], Time],
    stop: threading.Event,
    *,
    dry_run: bool,
    once: bool,
) -> Iterator[Callable[[Time, threading.Event], None]]:
    """Open everything a cycle needs; yield the function that runs one."""
    from aas2rto import logs, loop
    from aas2rto.cli import showing
    from aas2rto.outputs import files
    from aas2rto.redaction import Redactor
    from aas2rto.store import Store
    from aas2rto.store.copying import temporary_copy
    from aas2rto.store.lock import hold
    from aas2rto.telling import Telling

    folder = project_folder(output, case.project)
    url = store_url(case.config.store, folder)
    with ExitStack() as stack:
        if dry_run:
            url = stack.enter_context(temporary_copy(url))
        else:
            stack.enter_context(hold(folder / "run.lock"))
            stack.enter_context(logs.to_file(folder / "log.jsonl", hide=Redactor.of(case)))
        store = stack.enter_context(Store(url))
        parts = loop.build(case)
        stack.callback(parts.close)
        telling = Telling(
            parts, store, folder, clock=clock, open_store=lambda: Store(url),
            forever=not once, stopping=stop.is_set,
        )  # fmt: skip
        parts = replace(parts, failures=(*parts.failures, *telling.failures))
        if not dry_run:
            stack.enter_context(telling)

        def inform(cycle: Cycle) -> None:
            if not dry_run:
                files.write(folder, parts, cycle)

        def one_cycle(now: Time, stop: threading.Event) -> None:
            with showing.steps() as on_step, telling.computing(now):
                cycle = loop.run_cycle(
                    parts, store, now, inform=inform, on_step=on_step,
                    stopping=stop.is_set, keep=not dry_run,
                )  # fmt: skip
            showing.cycle(cycle, folder=None if dry_run else folder)
            if dry_run:
                showing.mail(cycle.mail)
                return
            shown = len(cycle.problems)
            with showing.steps() as on_step:
                on_step("tell")
                telling.tell(cycle)
            showing.problems(cycle.problems[shown:])

        yield one_cycle
