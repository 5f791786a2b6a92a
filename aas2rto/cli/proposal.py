"""`aas2rto proposal`: the package of a source for an 8-metre proposal, and who said what of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    NowOption,
    OutputOption,
    note_replay,
    one_site,
    open_existing_store,
    parse_time,
    resolve_candidate,
    results_of,
)
from aas2rto.errors import UsageError
from aas2rto.text.cache import user_name
from aas2rto.text.words import counted

if TYPE_CHECKING:
    from astropy.time import Time

    from aas2rto.config.case import Case
    from aas2rto.store import Store

FOLDER = "proposals"


def proposal(
    config: ConfigFile,
    source: Annotated[
        str | None, typer.Argument(help="Id or name; without it: the queue to review.")
    ] = None,
    observatory: Annotated[
        str | None, typer.Option(help="Default: the first of the config.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Mark it as possible: it will be proposed.")
    ] = False,
    decline: Annotated[
        str | None, typer.Option(metavar="REASON", help="Mark it as bogus, and say why.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who says so. Default: your login.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write into this folder.")] = None,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
) -> None:
    """Write what a proposal for a spectrum needs: PDF, text, facts, light curve; or review it."""
    from aas2rto.config.load import load

    when = parse_time(now)
    case = load(config, need_secrets=False)
    if source is None:
        if accept or decline is not None:
            raise UsageError("--accept and --decline need a source; name one")
        _queue(case, output, when, now)
        return
    if accept and decline is not None:
        raise UsageError("--accept and --decline exclude each other; give one of them")
    with open_existing_store(case, output) as store:
        note_replay(store, when, given=now)
        candidate_id = resolve_candidate(store, source)
        if accept or decline is not None:
            _review(store, candidate_id, when, decline, user_name() if by is None else by)
            return
        folder = to or results_of(case, output, quiet=True) / FOLDER / _safe(candidate_id)
        _write(case, store, candidate_id, when, observatory, folder)


def _write(
    case: Case, store: Store, candidate_id: str, when: Time, observatory: str | None, folder: Path
) -> None:
    from aas2rto.outlets.proposal.folder import write
    from aas2rto.outlets.proposal.subject import subject_of
    from aas2rto.steps.build import build

    site = one_site(case, observatory) if observatory else case.observatories[0]
    subject = subject_of(build(case, with_sources=False), store, candidate_id, when, site)
    paths = write(subject, folder)
    typer.echo(f"{candidate_id}: {subject.analysis.found}")
    if subject.priority.letter:
        typer.echo(f"priority {subject.priority.letter}: {subject.priority.reason}")
    typer.echo(f"written: {paths[0]} and {counted(len(paths) - 1, 'file')} beside it")


def _review(store: Store, candidate_id: str, when: Time, decline: str | None, by: str) -> None:
    """Keep what somebody says as a mark, which lists, page and ledger read."""
    from aas2rto.tables import marks

    kind = marks.Kind.POSSIBLE if decline is None else marks.Kind.BOGUS
    comment = "proposal accepted" if decline is None else f"proposal declined: {decline}"
    rows = marks.rows(
        candidate_id, kind, when, ends=marks.Ending(), observatories=[], author=by, comment=comment
    )
    store.marks.save(rows)
    typer.echo(f"{candidate_id}: {comment}, by {by}")


def _queue(case: Case, output: Path, when: Time, now: str | None) -> None:
    """Print who waits for a review, and what was said of the others."""
    from aas2rto.cli.showing import console, table_of
    from aas2rto.outlets.proposal.queue import queue_of
    from aas2rto.steps.build import build

    with open_existing_store(case, output) as store:
        note_replay(store, when, given=now)
        table = queue_of(build(case, with_sources=False), store, when)
    if table.empty:
        typer.echo("nobody waits: no source in the lists has a class")
        return
    console().print(table_of(table))


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name).strip(".") or "_"
