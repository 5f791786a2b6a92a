"""`aas2rto figure`: draw one candidate now."""

from __future__ import annotations

import json
from enum import StrEnum
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
    results_of,
)


class FigureKind(StrEnum):
    """What can be drawn."""

    LIGHT_CURVE = "light_curve"
    VISIBILITY = "visibility"
    SCORE = "score"
    HISTORY = "history"
    TOTAL = "total"


def figure(
    config: ConfigFile,
    candidate: Annotated[str, typer.Argument(help="Id or name of a candidate.")],
    kind: Annotated[
        list[FigureKind] | None, typer.Option(help="Only this one; may be given several times.")
    ] = None,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Draw a candidate as it stands: light curve, visibility tonight, score, rank history.

    Total, the brightness with that of the template and the years before, is drawn where it is asked
    for, or where a model of the config reads it.
    """
    from aas2rto.config.load import load
    from aas2rto.questions.figure import illustrate
    from aas2rto.steps.build import build

    when = parse_time(now)
    case = load(config, need_secrets=False)
    folder = results_of(case, output, quiet=True)
    with open_existing_store(case, output) as store:
        candidate_id = resolve_candidate(store, candidate)
        note_replay(store, when, given=now)
        parts = build(case, with_sources=False)
        totals = any(getattr(one.model, "reads_totals", False) for one in parts.models)
        every = [one for one in FigureKind if totals or one is not FigureKind.TOTAL]
        kinds = [one.value for one in kind or every]
        paths = illustrate(parts, store, candidate_id, when, folder, kinds=kinds)
    if as_json:
        print(json.dumps({"candidate_id": candidate_id, "figures": [str(p) for p in paths]}))
        return
    for path in paths:
        print(path)
