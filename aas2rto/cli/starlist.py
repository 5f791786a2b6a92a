"""`aas2rto starlist`: tonight's targets as a file that a telescope or a planner reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    DateOption,
    NowOption,
    ObservatoryOption,
    OutputOption,
    date_option,
    note_replay,
    one_site,
    open_existing_store,
    parse_time,
    results_of,
)
from aas2rto.errors import UsageError

FOLDER = "starlists"

StandardsOption = Annotated[
    Path | None, typer.Option(help="A list of standard stars, which go to the end.")
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="DIALECT",
        help="keck|lick|p200|ngps|ing|eso|lascampanas|mmt|blanco|visplot|acp|nina|stellarium|"
        "gemini|ds9|votable|csv. Default: telescope.starlist of the observatory's file, or csv.",
    ),
]


def starlist(
    config: ConfigFile,
    observatory: ObservatoryOption,
    dialect: FormatOption = None,
    order: Annotated[
        str,
        typer.Option(
            metavar="plan|list",
            help="plan: what is planned, by time, then the rest of the list; list: by rank.",
        ),
    ] = "plan",
    most: Annotated[int | None, typer.Option(min=1, help="Write only so many.")] = None,
    standards: StandardsOption = None,
    date: DateOption = None,
    to: Annotated[
        Path | None, typer.Option(help="Write this file; - writes to the terminal.")
    ] = None,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
) -> None:
    """Write tonight's targets of one telescope in its own dialect, in observing order."""
    from aas2rto.config.load import load
    from aas2rto.outlets import gather, starlists
    from aas2rto.outputs import write_atomically
    from aas2rto.questions.plan import plan_stored
    from aas2rto.steps.build import build

    when = parse_time(now)
    case = load(config, need_secrets=False)
    site = one_site(case, observatory)
    chosen = starlists.dialect(dialect or site.starlist)
    if order not in list(gather.Order):
        raise UsageError(f"--order: {order!r} is neither plan nor list")
    more = [] if standards is None else [gather.standards_of(standards)]
    parts = build(case, with_sources=False)
    with open_existing_store(case, output) as store:
        note_replay(store, when, given=now)
        plan = plan_stored(parts, store, when, sites=[site], date=date_option(date))
    table = gather.targets_of(plan, gather.Order(order), most)
    table = gather.together([table, *more])
    text = starlists.write(table, chosen)
    if to == Path("-"):
        typer.echo(text, nl=False)
        return
    path = to or results_of(case, output, quiet=True) / FOLDER / f"{site.name}{chosen.suffix}"
    write_atomically(path, text)
    for name, label in starlists.renamed(table, chosen):
        typer.echo(f"{name} is called {label} there")
    typer.echo(f"written: {path} ({len(table)} targets for {chosen.title})")
