"""`aas2rto replay`: run the loop over nights of the past, and say how good that was."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aas2rto import __version__
from aas2rto.cli import service
from aas2rto.cli.arguments import (
    ConfigFile,
    JsonOption,
    OutputOption,
    expect_archive,
    is_terminal,
    parse_time,
    results_of,
    sites_named,
)
from aas2rto.cli.showing import console
from aas2rto.errors import UsageError
from aas2rto.units import parse

if TYPE_CHECKING:
    from aas2rto.config.case import Case
    from aas2rto.replay.drive import Course
    from aas2rto.steps.cycle import Cycle

OURS, AGAINST = "ours", "against"
"""Folders of the runs."""

MOST_CYCLES = 100_000

INTERRUPTED = 130
"""Exit code of what was stopped before its end, as a shell gives it."""

LINE_EVERY = 10.0
"""Seconds between two lines of progress, where nobody watches a terminal."""


def replay(
    config: ConfigFile,
    archive: Annotated[
        list[Path],
        typer.Option("--archive", help="Files, folders or patterns of alerts and light curves."),
    ],
    first: Annotated[
        str, typer.Option("--from", help="Time of the first cycle, ISO (UTC) or MJD.")
    ],
    last: Annotated[str, typer.Option("--to", help="No cycle is later, ISO (UTC) or MJD.")],
    every: Annotated[str, typer.Option(help="From cycle to cycle: '1 day', '6 hour'.")] = "1 day",
    truth: Annotated[
        Path | None,
        typer.Option(help="Table of what the objects are: id, type, peak_mjd, peak_mag."),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="A second config, replayed over the same nights.")
    ] = None,
    sites: Annotated[
        list[str] | None, typer.Option(help="Only this observatory of the config; may be repeated.")
    ] = None,
    capacity: Annotated[
        list[str] | None,
        typer.Option(help="What a telescope observes a night: SITE=6h, or SITE=3 (spectra)."),
    ] = None,
    weather: Annotated[
        int | None, typer.Option(help="Seed of the weather. Default: all nights are clear.")
    ] = None,
    clear: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of clear nights, with --weather.")
    ] = 0.75,
    classes: Annotated[
        str, typer.Option("--class", help="Types that are a success, with commas.")
    ] = "",
    top: Annotated[int, typer.Option(min=1, help="How much of a list somebody looks at.")] = 5,
    executor: Annotated[
        str | None, typer.Option(help="local, or dask (with the config's address).")
    ] = None,
    keep_lists: Annotated[
        bool, typer.Option("--keep-lists", help="Write each night's ranked lists.")
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Throw away what is there of an earlier replay.")
    ] = False,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Replay past nights through the loop: which lists there would have been, and how good.

    What is stopped or killed goes on where it was when it is started again.
    """
    expect_archive(archive)
    if truth is not None and not truth.is_file():
        raise UsageError(f"--truth: there is no file {truth}")
    course = _course(first, last, every, keep_lists=keep_lists)
    recorded = _store_of(archive)
    files = [str(path) for path in archive if recorded is None]
    configs = {OURS: config} | ({} if against is None else {AGAINST: Path(against)})
    cases = {name: _case(path, files, sites, executor) for name, path in configs.items()}
    courses = {name: _at(course, case, capacity, weather, clear) for name, case in cases.items()}
    folder = results_of(cases[OURS], output, quiet=True) / "replay"
    told = {
        "version": __version__,
        "command": shlex.join(["aas2rto", *sys.argv[1:]]),
        "archive": [str(path) for path in archive],
        "truth": None if truth is None else str(truth),
        "sites": [site.name for site in cases[OURS].observatories],
        **courses[OURS].told(),
    }
    wanted = tuple(one.strip() for one in classes.split(",") if one.strip())
    wishes, finished = service.Wishes(service=False), False
    with service.broken_off():
        told["runs"] = _run_all(cases, courses, folder, recorded, wishes, anew=anew)
        if not wishes.ending():
            _report(folder, told, truth, wanted, top, as_json=as_json)
            finished = True
    if not finished:
        typer.echo("stopped; the same command goes on where it was", err=True)
        raise typer.Exit(INTERRUPTED)


def _report(
    folder: Path,
    told: Mapping[str, Any],
    truth: Path | None,
    classes: Sequence[str],
    top: int,
    *,
    as_json: bool,
) -> None:
    """Write provenance and report, and say what a PI wants to know first."""
    import pandas as pd

    from aas2rto.outputs import write_atomically
    from aas2rto.replay.report import write_report
    from aas2rto.replay.truth import load_truth

    write_atomically(folder / "replay.json", json.dumps(told, indent=1))
    known = None
    if truth is not None:
        known = load_truth(truth, pd.read_parquet(folder / OURS / "objects.parquet"))
        for line in known.lines:
            typer.echo(f"note: {line}", err=True)
    report = write_report(folder, known, classes=classes or None, top=top)
    if as_json:
        print((folder / "metrics.json").read_text(encoding="utf-8"))
        return
    for line in report.lines:
        print(line)
    print(f"written: {report.path}")


def _course(first: str, last: str, every: str, *, keep_lists: bool) -> Course:
    """Read which nights are meant."""
    from aas2rto.replay.drive import Course

    begin = float(parse_time(first, option="--from").utc.mjd)
    end = float(parse_time(last, option="--to").utc.mjd)
    if end < begin:
        raise UsageError(f"--to: {last} is before --from {first}")
    try:
        step = parse(every, "day")
    except ValueError as error:
        raise UsageError(f"--every: {error}") from error
    if not step > 0:
        raise UsageError(f"--every: {every!r} does not go on; write for example '1 day'")
    course = Course(begin, end, step, keep_lists=keep_lists)
    if len(course.times()) > MOST_CYCLES:
        raise UsageError(
            f"--every: that would be {len(course.times())} cycles; at most {MOST_CYCLES} at once"
        )
    return course


def _case(
    config: Path, files: Sequence[str], sites: Sequence[str] | None, executor: str | None
) -> Case:
    """Read a config, with the observatories that are asked for; of sources the archive alone.

    Which targets of opportunity lie in a folder today says nothing of those nights.
    """
    from aas2rto.config.load import load

    changes = {} if executor is None else {"executor.type": executor}
    case = load(config, archive=files, need_secrets=False, changes=changes)
    sources = tuple(one for one in case.sources if files and one.part.name == "archive")
    if not sites:
        return replace(case, sources=sources)
    named = {site.name for name in sites for site in sites_named(case, name)}
    chosen = tuple(site for site in case.observatories if site.name in named)
    return replace(case, sources=sources, observatories=chosen)


def _at(
    course: Course, case: Case, capacity: Sequence[str] | None, weather: int | None, clear: float
) -> Course:
    """Return what is to be done, with what the telescopes may do."""
    from aas2rto.replay.execute import Weather, capacities

    return replace(
        course,
        capacity=capacities(capacity or [], case.observatories),
        weather=Weather(weather, clear),
    )


def _run_all(
    cases: Mapping[str, Case],
    courses: Mapping[str, Course],
    folder: Path,
    recorded: Path | None,
    wishes: service.Wishes,
    *,
    anew: bool,
) -> list[dict[str, Any]]:
    """Replay with each config, and return what is to be known of each run.

    What one run has read or fitted, the next need not: an archive is read again only for a config
    that reads it otherwise.
    """
    from aas2rto.replay.drive import replay as drive
    from aas2rto.replay.feed import Feed, read
    from aas2rto.steps.build import build
    from aas2rto.steps.fit_memory import SharedFits

    feed, shared, told = Feed(store=recorded), SharedFits(), []
    read_by: Case | None = None
    for name, case in cases.items():
        if wishes.ending():
            break
        begun, course = time.perf_counter(), courses[name]
        parts = build(case)
        try:
            if recorded is None and (read_by is None or read_by.sources != case.sources):
                feed, read_by = read(parts, course.first, course.last), case
                for line in feed.said():
                    typer.echo(f"note: {line}", err=True)
            with _progress(name) as on_night:
                run = folder / name
                drive(
                    parts,
                    feed,
                    course,
                    run,
                    on_night=on_night,
                    stopping=wishes.ending,
                    anew=anew,
                    shared=shared,
                )
        finally:
            parts.close()
        told.append(
            {
                "name": name,
                "config": str(case.path),
                "digest": case.digest,
                "project": case.project,
                "seconds": round(time.perf_counter() - begun, 1),
            }
        )
    return told


def _store_of(archive: Sequence[Path]) -> Path | None:
    """Return the store that is to be replayed, if it is one.

    Raises
    ------
    UsageError
        If there are other files beside.
    """
    from aas2rto.store.recorded import is_store

    stores = [path for path in archive if is_store(path)]
    if stores and len(archive) > 1:
        raise UsageError(
            f"--archive: {stores[0]} is the store of a loop; it is replayed alone, without other "
            "files"
        )
    return stores[0] if stores else None


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int, Cycle | None], None]]:
    """Show how far it is: a bar in a terminal, a line now and then elsewhere."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    if is_terminal():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=console(stderr=True)) as bar:
            task = bar.add_task(name, total=None)
            yield lambda done, total, _: bar.update(task, completed=done, total=total)
        return
    begun = last = time.monotonic()
    first: int | None = None

    def told(done: int, total: int, cycle: Cycle | None) -> None:
        nonlocal last, first
        first = done - 1 if first is None else first
        now = time.monotonic()
        if now - last > LINE_EVERY:
            last = now
            left = (now - begun) / max(done - first, 1) * (total - done)
            when = "" if cycle is None else f" ({cycle.now.utc.isot[:10]})"
            typer.echo(f"{name}: {done} of {total} cycles{when}, {left:.0f} s to go", err=True)

    yield told
