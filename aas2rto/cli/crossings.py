"""`aas2rto crossings`: which stars of a watch list cross a SETI Ellipsoid in the days ahead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    JsonOption,
    NowOption,
    OutputOption,
    open_existing_store,
    parse_time,
)

if TYPE_CHECKING:
    import pandas as pd


def crossings(
    config: ConfigFile,
    days: Annotated[float, typer.Option(min=0, help="How far ahead [d].")] = 365.0,
    stars: Annotated[
        Path | None,
        typer.Option("--stars", help="A list of stars, in place of those of the project."),
    ] = None,
    chance: Annotated[
        float, typer.Option(min=0, max=1, help="Least chance, by the errors of distances.")
    ] = 0.0,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """List the stars that cross the SETI Ellipsoids of a config in the days ahead.

    Stars need a distance: parallax and parallax_err [mas] or distance and distance_err [pc] in the
    list that `aas2rto targets import` took, or in that of --stars.
    """
    from aas2rto.config.load import load
    from aas2rto.questions import crossings as question
    from aas2rto.text.words import counted, iso

    when = parse_time(now)
    case = load(config, need_secrets=False)
    if stars is None:
        with open_existing_store(case, output) as store:
            table = _of_project(store.candidates(when.utc.mjd), store.facts.as_known(when.utc.mjd))
    else:
        table = _of_list(stars)
    events = question.events_of(case)
    found = question.crossings(table, events, when.utc.mjd, days, chance)
    if as_json:
        print(json.dumps(found.to_dict("records"), indent=2))
        return
    for row in found.to_dict("records"):
        print(
            f"{iso(row['crossing'])[:10]} +- {row['crossing_err']:.0f} d  {row['star']}  "
            f"{row['event']}  {row['distance']:.2f} pc  chance {row['chance']:.2f}"
        )
    print(
        f"{counted(len(found), 'crossing')} in {days:g} d, of {counted(len(table), 'star')} and "
        f"{counted(len(events), 'event')}"
    )


def _of_project(held: pd.DataFrame, notes: pd.DataFrame) -> pd.DataFrame:
    """Return the candidates of a store with what is known of their distances."""
    from aas2rto.sources.target_list import FAR

    known = [name for name in FAR if name in notes]
    stars = held[["candidate_id", "ra", "dec"]]
    return stars.merge(notes[["candidate_id", *known]], on="candidate_id") if known else stars[:0]


def _of_list(path: Path) -> pd.DataFrame:
    import pandas as pd

    from aas2rto.sources import target_list

    rows = [
        {"candidate_id": one.name, "ra": one.ra, "dec": one.dec, **one.far}
        for one in target_list.read(path).wanted
    ]
    return pd.DataFrame(rows, columns=["candidate_id", "ra", "dec", *target_list.FAR])
