"""`aas2rto targets`: lists of targets that you have."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    JsonOption,
    NowOption,
    OutputOption,
    parse_time,
    results_of,
    store_url,
)
from aas2rto.errors import InputError, UsageError

if TYPE_CHECKING:
    from aas2rto.config.case import Case
    from aas2rto.sources.target_list import As, Targets
    from aas2rto.store import Ingested
    from aas2rto.tables.report import Report

app = typer.Typer(
    help="Lists of targets: CSV, VOTable, star lists, exports of TNS.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def targets() -> None:
    """Read lists of targets: CSV, VOTable, star lists, exports of TNS."""


@app.command("import")
def import_targets(
    config: ConfigFile,
    file: Annotated[Path, typer.Argument(help="A table with name, ra, dec, or a star list.")],
    as_: Annotated[
        str,
        typer.Option(
            "--as",
            help="too: above all for a week, as a ToO file; watch: with a comment, never above "
            "others by its base score; candidates: like those of a broker.",
        ),
    ] = "candidates",
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be taken; store nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Take a list of targets into a project, and say what was taken and what not."""
    from aas2rto.config.load import load
    from aas2rto.sources import target_list
    from aas2rto.text.words import nearest

    kinds = [str(kind) for kind in target_list.As]
    if as_ not in kinds:
        raise UsageError(f"--as: {as_!r}{nearest(as_, kinds)} (known: {', '.join(kinds)})")
    kind = target_list.As(as_)
    when = parse_time(now)
    case = load(config, need_secrets=False)
    found = target_list.read(file)
    report = target_list.report(found.wanted, kind, when.utc.mjd, base_score=case.config.score.base)
    refused = [str(row) for row in found.refused]
    ingested = _ingest(case, output, report, when.utc.mjd, dry_run=dry_run)
    if as_json:
        print(_json(found, kind, ingested, stored=not dry_run))
    else:
        _show(found, kind, ingested, dry_run=dry_run)
    if not found.wanted:
        raise InputError(f"{file}: no target could be taken: {refused[0]}")


def _json(found: Targets, kind: As, ingested: Ingested, *, stored: bool) -> str:
    told = {
        "kind": found.kind,
        "as": str(kind),
        "stored": stored,
        "new": ingested.new_candidates,
        "taken": [vars(one) for one in found.wanted],
        "refused": [vars(one) for one in found.refused],
        "problems": list(ingested.refused),
    }
    return json.dumps(told, indent=2)


def _ingest(case: Case, output: Path, report: Report, now: float, *, dry_run: bool) -> Ingested:
    """Store what the list says; a dry run does so in a copy of the store."""
    from aas2rto.store import Ingested, Store
    from aas2rto.store.copying import temporary_copy
    from aas2rto.store.lock import hold

    folder = results_of(case, output)
    url = store_url(case.config.store.url, folder)
    if report.objects.empty:
        return Ingested()
    with ExitStack() as stack:
        if dry_run:
            url = stack.enter_context(temporary_copy(url))
        else:
            # A running loop knows its candidates by heart: it must not be changed beside it.
            stack.enter_context(hold(folder / "run.lock"))
        store = stack.enter_context(Store(url))
        return store.ingest(report, now, merge_radius=case.config.candidates.merge_radius)


def _show(found: Targets, kind: As, ingested: Ingested, *, dry_run: bool) -> None:
    from aas2rto.sources.target_list import summary

    for one in found.wanted:
        extras = [
            f"{one.magnitude:g} mag" if one.magnitude is not None else "",
            f"priority {one.priority}" if one.priority else "",
            one.comment,
        ]
        told = "".join(f", {extra}" for extra in extras if extra)
        print(f"taken: {one.name} at {one.ra:.6f} {one.dec:+.6f} deg{told}")
    for line in [*map(str, found.refused), *ingested.refused]:
        print(f"refused: {line}")
    known = len(found.wanted) - ingested.new_candidates
    print(
        f"{summary(found, kind)}: {ingested.new_candidates} new, "
        f"{known} known already{'; nothing was stored' if dry_run else ''}"
    )
