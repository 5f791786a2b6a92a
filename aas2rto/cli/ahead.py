"""`aas2rto ahead`: what each candidate is worth on which of the nights ahead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    JsonOption,
    NowOption,
    OutputOption,
    note_replay,
    open_existing_store,
    parse_time,
    project_folder,
)

if TYPE_CHECKING:
    from aas2rto.outputs.ahead import Ahead

TOP = 10
"""Candidates shown for each site; the file holds all."""


def ahead(
    config: ConfigFile,
    nights: Annotated[int, typer.Option(min=1, max=30, help="How many nights after tonight.")] = 10,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Show on which night each candidate is worth most, at each site; draw a figure."""
    from aas2rto.config.load import load
    from aas2rto.outputs import write_atomically
    from aas2rto.outputs.figures.ahead import draw
    from aas2rto.questions.ahead import look_ahead
    from aas2rto.steps.build import build

    when = parse_time(now)
    case = load(config, need_secrets=False)
    folder = project_folder(output, case.project)
    with open_existing_store(case, output) as store:
        note_replay(store, when, given=now)
        found = look_ahead(build(case, with_sources=False), store, when, nights=nights)
    titles = {site.name: site.title for site in case.observatories}
    paths = []
    for one in found:
        paths.append(folder / "ahead" / f"{one.observatory}.png")
        told = {"project": case.project, "now": when.utc.isot[:16], "config": case.digest}
        write_atomically(paths[-1], draw(one, titles[one.observatory], told))
    if as_json:
        sites = {one.observatory: _plain(one) for one in found}
        figures = [str(path) for path in paths]
        print(json.dumps({"now": when.utc.isot, "observatories": sites, "figures": figures}))
        return
    for one in found:
        _show(one, titles[one.observatory], case.config.score.min_value)
    print(f"written: {', '.join(map(str, paths))}" if paths else "no site has a night ahead")


def _plain(found: Ahead) -> list[dict[str, Any]]:
    rows = found.table.astype(object).where(found.table.notna(), None).to_dict("records")
    return [
        {
            **{str(k): v for k, v in row.items() if k not in found.nights},
            "nights": {night: row[night] for night in found.nights},
        }
        for row in rows
    ]


def _show(found: Ahead, title: str, least: float | None) -> None:
    from rich.markup import escape
    from rich.table import Table

    from aas2rto.cli.showing import console

    table = Table(title=escape(title), title_justify="left", box=None, padding=(0, 1))
    for name in ("candidate", "do", *(night[5:] for night in found.nights)):
        table.add_column(name, no_wrap=True)
    for row in found.table.head(TOP).to_dict("records"):
        cells = ["-" if row[night] != row[night] else f"{row[night]:.2f}" for night in found.nights]
        best = found.nights.index(row["best_night"])
        cells[best] = f"[bold]{cells[best]}[/bold]"
        table.add_row(escape(str(row["candidate_id"])), str(row["do"]), *cells)
    out = console()
    out.print(table)
    worth = found.table["tonight"][found.table["do"] == "take"].max()
    if least is not None and not worth >= least:
        out.print(f"nothing worth tonight: no candidate reaches {least:g}")
    out.print()
