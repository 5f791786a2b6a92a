"""`aas2rto ledger`: what became of what was recommended, and a truth table for replays."""

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
)
from aas2rto.errors import UsageError
from aas2rto.text.words import counted, day, one_line

if TYPE_CHECKING:
    from aas2rto.questions.ledger import Ledger


def ledger(
    config: ConfigFile,
    top: Annotated[
        int, typer.Option(min=1, max=20, help="Places of a site's list that recommend.")
    ] = 5,
    wanted: Annotated[
        list[str] | None,
        typer.Option("--class", help="A type that is wanted; again for more. Default: SNe Ia."),
    ] = None,
    within: Annotated[
        float, typer.Option(min=0.0, help="So near to its peak [d] a visit is a hit.")
    ] = 2.0,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Write the rows as CSV: a truth table for replay.")
    ] = False,
) -> None:
    """Show what was recommended, requested, observed and classified, and the hit rate."""
    from aas2rto.config.load import load
    from aas2rto.questions import ledger as questions
    from aas2rto.steps.build import build
    from aas2rto.tables.transient_types import SN_IA

    if as_json and as_csv:
        raise UsageError("give --json or --csv, not both")
    when = parse_time(now)
    case = load(config, need_secrets=False)
    with open_existing_store(case, output) as store:
        note_replay(store, when, given=now)
        parts = build(case, with_sources=False)
        classes = tuple(wanted or SN_IA)
        found = questions.ledger(parts, store, when, top=top, classes=classes, within=within)
    if as_csv:
        from aas2rto.questions.ledger_files import as_csv as written

        print(written(found, case.project), end="")
        return
    if as_json:
        from aas2rto.questions.ledger_files import as_dictionary

        print(json.dumps(as_dictionary(found, case.project), indent=2, allow_nan=False))
        return
    for line in lines(found):
        print(line)


def lines(found: Ledger) -> list[str]:
    """Say what a ledger adds up to."""
    from aas2rto.questions.ledger_sums import sums

    told = sums(found)
    if not told["by_config"]:
        return ["the ledger is empty: no cycle ranked anybody yet, and nobody marked a visit"]
    said = [f"top {found.top} of each site's list; a hit: {_hit(found)}"]
    for row in told["by_config"]:
        name = row["config"][:12] or "before the first cycle"
        counts = [f"{row[key]} {key}" for key in ("recommended", "requested", "observed")]
        said.append(f"config {name}: {', '.join(counts)}, {row['classified']} classified")
        said.append(f"  {hit_words(row)}")
    said += ["by night:"] if told["by_night"] else []
    for row in told["by_night"]:
        lost = f", {row['lost']} lost" if row["lost"] else ""
        observed = f"{row['observed']} observed{lost}"
        said.append(f"  {day(row['night_mjd'])}: {observed}, {counted(row['hits'], 'hit')}")
    for title, rows, key in (
        ("by phase", told["by_phase"], "phase"),
        ("by class", told["by_class"], "type"),
    ):
        words = [
            f"{one_line(row[key], 40)} {row['visits']} ({counted(row['hits'], 'hit')})"
            for row in rows
            if row["visits"]
        ]
        said += [f"{title}: {'; '.join(words)}"] if words else []
    return said


def _hit(found: Ledger) -> str:
    return f"a spectrum of {found.label} within {found.within:g} d of the peak"


def hit_words(row: dict[str, Any]) -> str:
    """Say the hit rate of a config version with its interval."""
    if row["rate"] is None:
        visits = row["visits"]
        return f"hit rate not known: of {counted(visits, 'visit')} none has both a type and a peak"
    low, high = (round(100 * row[key]) for key in ("rate_low", "rate_high"))
    share = f"{row['hits']} of {row['judged']} ({100 * row['rate']:.0f} %, 68 %: {low} to {high} %)"
    rest = row["visits"] - row["judged"]
    return f"hit rate: {share}" + (f"; {rest} without a type or a peak" if rest else "")
