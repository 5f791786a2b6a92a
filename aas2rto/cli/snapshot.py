"""`aas2rto snapshot`: the best of a day, each with a summary in plain words."""

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
    note_replay,
    open_existing_store,
    parse_time,
    project_folder,
)


def snapshot(
    config: ConfigFile,
    day: Annotated[str, typer.Option(help="A UTC date, such as 2026-11-22; today.")] = "",
    days: Annotated[bool, typer.Option("--days", help="List the days that brought any.")] = False,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Show the best that a day brought: who was new, or had risen; write it as a file."""
    from aas2rto.config.load import load
    from aas2rto.outputs import write_atomically
    from aas2rto.questions import snapshot as asked
    from aas2rto.steps.build import build

    when = parse_time(now)
    wanted = asked.day_of(day) if day else None
    parts = build(load(config, need_secrets=False), with_sources=False)
    settings = asked.settings_of(parts)
    with open_existing_store(parts.case, output) as store:
        note_replay(store, when, given=now)
        if days:
            best = store.daily_best.as_known(when.utc.mjd)
            _show_days([asked.date(one) for one in asked.days_of(best)], as_json=as_json)
            return
        found = asked.snapshot(parts, store, when, wanted, write=asked.writer(settings))
    folder = project_folder(output, parts.case.project)
    path = asked.file_of(folder, found)
    write_atomically(path, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    if as_json:
        print(json.dumps(found))
        return
    _show(found)
    print(f"written: {path}")


def _show_days(found: list[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found))
        return
    print("\n".join(found) or "no day has brought any yet")


def _show(found: dict[str, Any]) -> None:
    from aas2rto.text.words import harmless

    if not found["candidates"]:
        print(f"{found['project']}: nothing has been worth a snapshot up to {found['day']}")
        return
    kept = f", kept from {found['of']}: no later day brought any" if found["kept"] else ""
    print(f"{found['project']}: the best of {found['day']}{kept}\n")
    for one in found["candidates"]:
        by = f" [written by {one['summary_by']}]" if one["summary_by"] else ""
        print(harmless(f"{one['rank']}. {one['candidate_id']}  {one['score']:.4g}"))
        print(harmless(f"   {one['summary']}{by}\n"))
        if one["summary_problem"]:
            print(harmless(f"   note: {one['summary_problem']}; these words are ours\n"))
