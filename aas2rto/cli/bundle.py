"""`aas2rto bundle`: a night for an operator without an account, as one zip."""

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
from aas2rto.cli.starlist import FormatOption, StandardsOption

FOLDER = "bundles"


def bundle(
    config: ConfigFile,
    observatory: ObservatoryOption,
    date: DateOption = None,
    dialect: FormatOption = None,
    most: Annotated[int, typer.Option(min=0, help="Targets with a page of their own.")] = 20,
    standards: StandardsOption = None,
    to: Annotated[Path | None, typer.Option(help="Write this file.")] = None,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
) -> None:
    """Pack list, plan, star list, a page per target, airmass and a log sheet to fill in."""
    from aas2rto.config.load import load
    from aas2rto.outlets import gather, starlists
    from aas2rto.outlets.bundle.archive import pack
    from aas2rto.outlets.bundle.gathering import night_of
    from aas2rto.outputs import write_atomically
    from aas2rto.steps.build import build

    when = parse_time(now)
    case = load(config, need_secrets=False)
    site = one_site(case, observatory)
    chosen = starlists.dialect(dialect or site.starlist)
    more = None if standards is None else gather.standards_of(standards)
    parts = build(case, with_sources=False)
    with open_existing_store(case, output) as store:
        note_replay(store, when, given=now)
        night = night_of(
            parts, store, when, site, date=date_option(date), most=most, standards=more
        )
    packed = pack(night, chosen)
    folder = results_of(case, output, quiet=True) / FOLDER
    path = to or folder / f"{site.name}_{night.evening}.zip"
    write_atomically(path, packed)
    typer.echo(
        f"written: {path} ({len(night.targets)} targets, {len(night.subjects)} with a page, "
        f"{len(packed) / 1e3:.0f} kB)"
    )
