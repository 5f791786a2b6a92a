"""`aas2rto messages`: what was sent, what waits, what was refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    JsonOption,
    OutputOption,
    open_existing_store,
)
from aas2rto.errors import UsageError

if TYPE_CHECKING:
    from aas2rto.store.outbox import ChannelState, Entry


def messages(
    config: ConfigFile,
    last: Annotated[int, typer.Option(help="How many messages to show.", min=1)] = 20,
    channel: Annotated[str | None, typer.Option(help="Only this channel.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Show the whole text of each.")] = False,
    resume: Annotated[
        str | None, typer.Option(metavar="CHANNEL", help="Try a channel that stopped again.")
    ] = None,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Show messages: sent, waiting, refused, and those of which nobody knows."""
    from aas2rto.config.load import load
    from aas2rto.text.words import nearest

    case = load(config, need_secrets=False)
    names = [part.name for part in case.messengers]
    for name in filter(None, (channel, resume)):
        if name not in names:
            raise UsageError(
                f"this config has no channel {name!r}{nearest(name, names)} "
                f"(it has: {', '.join(names) or 'none'})"
            )
    with open_existing_store(case, output) as store:
        if resume is not None:
            store.outbox.set_channel(resume, stopped="", pause_until=None)
        states = [store.outbox.channel(name) for name in names]
        counts = store.outbox.counts()
        entries = store.outbox.entries(channel=channel, newest=last)
    if as_json:
        told = {
            "channels": [{**vars(one), "messages": counts.get(one.channel, {})} for one in states],
            "messages": [vars(one) for one in entries],
        }
        print(json.dumps(told, indent=2))
        return
    if not states:
        print("this config has no channels; docs/messages.md says how to get some")
    for state in states:
        print(channel_line(state, counts.get(state.channel, {})))
    for entry in entries:
        _show(entry, full=full)


def channel_line(state: ChannelState, counts: dict[str, int]) -> str:
    """Say in one line how a channel is doing."""
    from aas2rto.text.words import day_and_hour

    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "no message"
    if state.stopped:
        since = f" since {day_and_hour(state.since)} UT" if state.since is not None else ""
        told += f"; STOPPED{since}: {state.stopped}"
    elif state.pause_until is not None:
        told += f"; asked again not before {day_and_hour(state.pause_until)} UT"
    if state.address:
        told += f"; moved to {state.address}"
    return f"{state.channel}: {told}"


def _show(entry: Entry, *, full: bool) -> None:
    from aas2rto.messaging.message import Message

    row = line(entry)
    print(" ".join(str(row[name]) for name in ("written", "channel", "state", "what")))
    if row["why"]:
        print(f"    {row['why']}")
    if full and entry.part == "text":
        text = Message.from_json(entry.message).as_text()
        print("\n".join(f"    {one}" for one in text.splitlines()))


def line(entry: Entry) -> dict[str, Any]:
    """Return what is shown of a message."""
    from aas2rto.text.words import day_and_hour

    title = str(entry.message["title"])
    waits = entry.state == "waiting" and entry.held
    due = " for the digest" if entry.due > 1e8 else f" until {day_and_hour(entry.due)} UT"
    return {
        "written": day_and_hour(entry.at),
        "channel": entry.channel,
        "state": f"held back{due}" if waits else entry.state,
        "what": f"figures of: {title}" if entry.part == "figures" else title,
        "why": entry.error,
    }
