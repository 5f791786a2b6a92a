"""`aas2rto mark`: say that a candidate was observed, veto it, pin it, snooze it, comment on it."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    JsonOption,
    NowOption,
    OutputOption,
    note_replay,
    open_existing_store,
    parse_time,
    resolve_candidate,
    sites_named,
)
from aas2rto.errors import UsageError


def mark(
    config: ConfigFile,
    candidate: Annotated[str, typer.Argument(help="Id or name of a candidate.")],
    kind: Annotated[str, typer.Argument(metavar="KIND", help="observed|veto|pin|snooze|comment")],
    until: Annotated[
        list[str] | None,
        typer.Option(
            help="A time, 3d, new-data or '0.5 mag', whichever comes first; now takes it back."
        ),
    ] = None,
    observatory: Annotated[
        str | None, typer.Option(help="Only there; for observed: where it was.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who says so. Default: your login.")] = None,
    comment: Annotated[str, typer.Option(help="Why.")] = "",
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Tell the lists, plans and messages what you know about a candidate."""
    from aas2rto import config as configs
    from aas2rto import feedback
    from aas2rto.registry import nearest

    when = parse_time(now)
    case = configs.load(config, need_secrets=False)
    kinds = [one.value for one in feedback.Kind]
    if kind not in kinds:
        raise UsageError(f"{kind!r} is no mark{nearest(kind, kinds)} (known: {', '.join(kinds)})")
    sites = sites_named(case, observatory) if observatory else []
    with open_existing_store(case, output) as store:
        candidate_id = resolve_candidate(store, candidate)
        rows = feedback.rows(
            candidate_id, feedback.Kind(kind), when, ends=feedback.ending(until or [], when),
            observatories=[site.name for site in sites],
            author=getpass.getuser() if by is None else by, comment=comment,
        )  # fmt: skip
        store.add_feedback(rows)
        said = store.feedback(when.utc.mjd).tail(len(rows))
        note_replay(store, when, given=now)
    sentences = [feedback.sentence(row) for row in said.to_dict("records")]
    if as_json:
        print(json.dumps({"candidate_id": candidate_id, "kind": kind, "marks": sentences}))
        return
    if until == ["now"]:
        print(f"{candidate_id}: {kind} is taken back")
        return
    for sentence in sentences:
        print(f"{candidate_id}: {sentence}")
