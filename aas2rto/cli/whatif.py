"""`aas2rto whatif`: which ranks would move under other settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    JsonOption,
    NowOption,
    OutputOption,
    open_existing_store,
    parse_time,
)
from aas2rto.cli.closing import CloseOption, closures
from aas2rto.errors import UsageError
from aas2rto.text.words import counted

KINDS = ("enters", "leaves", "moves", "waits", "waits_no_longer", "best_night")
MOST = 12
"""Lines shown of each kind; --json holds all."""


def whatif(
    config: ConfigFile,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="visibility.min_altitude=25deg, say."),
    ] = None,
    close: CloseOption = None,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Show which ranks move, who enters and who leaves; store nothing."""
    from aas2rto.config.load import load
    from aas2rto.config.overrides import changes
    from aas2rto.questions import whatif
    from aas2rto.steps.build import build

    if not settings and not close:
        raise UsageError("ask something: --set KEY=VALUE, or --close OBSERVATORY [INTERVAL]")
    when = parse_time(now)
    wanted = changes(settings or [])
    case = load(config, need_secrets=False)
    other = load(config, need_secrets=False, changes=wanted)
    with open_existing_store(case, output) as store:
        found = whatif.compare(
            build(case, with_sources=False),
            build(other, with_sources=False),
            store,
            when,
            close=closures(other, close),
        )
    asked = {"set": wanted, "close": close or []}
    if as_json:
        print(json.dumps({"asked": asked, **found}, indent=2, allow_nan=False, default=str))
        return
    for line in lines(found):
        print(line)
    print("nothing was stored")


def lines(found: dict[str, Any]) -> list[str]:
    """Say what changes, list by list, and then in the plan."""
    told = []
    for name, change in found["lists"].items():
        told.append(f"{name}: {change['before']} -> {counted(change['after'], 'candidate')}")
        told += _some(
            f"  enters: {one['candidate_id']} (rank {one['rank']})" for one in change["enters"]
        )
        told += _some(
            f"  leaves: {one['candidate_id']} (was {one['rank']}; {one['reason']})"
            for one in change["leaves"]
        )
        told += _some(
            f"  moves: {one['candidate_id']} {one['from']} -> {one['to']}"
            for one in change["moves"]
        )
        told += _nights_ahead(change) if "waits" in change else []
        if not any(change.get(kind) for kind in KINDS):
            told.append("  no change")
    plan = found["plan"]
    old, new = plan["before"], plan["after"]
    told.append(
        f"greedy plan: {old['visits']} -> {counted(new['visits'], 'visit')}, "
        f"worth {old['worth']:.5g} -> {new['worth']:.5g}"
    )
    told += _some(f"  enters: {one['candidate_id']} ({one['at']})" for one in plan["enters"])
    told += _some(f"  leaves: {one['candidate_id']} (was {one['at']})" for one in plan["leaves"])
    told += _some(
        f"  moves: {one['candidate_id']} {one['from']} -> {one['to']}" for one in plan["moves"]
    )
    return told


def _nights_ahead(change: dict[str, Any]) -> list[str]:
    """Say who now waits for a better night, who does not any more, and whose night is another."""
    told = _some(f"  waits: {one['candidate_id']} ({one['reason']})" for one in change["waits"])
    told += _some(
        f"  waits no longer: {one['candidate_id']} (was best on {one['best_night']}; now: "
        f"{one['now']})"
        for one in change["waits_no_longer"]
    )
    return told + _some(
        f"  best night: {one['candidate_id']} {one['from']} -> {one['to']}"
        for one in change["best_night"]
    )


def _some(texts: Any) -> list[str]:
    every = list(texts)
    more = [f"  ... and {len(every) - MOST} more (--json)"] if len(every) > MOST else []
    return every[:MOST] + more
