"""`aas2rto inject`: made-up events in real data, to see what a science case would find."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aas2rto.cli.arguments import ConfigFile, JsonOption, OutputOption, offline, results_of
from aas2rto.errors import InputError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from aas2rto.config.case import Case
    from aas2rto.models.dip_statistics import Sample

SHOWN = 6
"""Histories of which p is drawn."""


class Class(StrEnum):
    """What can be put in."""

    DIP = "dip"


def inject(
    config: ConfigFile,
    class_: Annotated[Class, typer.Option("--class", help="What is put in.")] = Class.DIP,
    histories: Annotated[
        list[Path] | None,
        typer.Option("--history", help="Files, in place of the config's; several times."),
    ] = None,
    n_alert: Annotated[int, typer.Option("--alerts", min=3, help="Points of a dip.")] = 10,
    curves: Annotated[int, typer.Option(min=1, help="So many histories at most.")] = 200,
    drawn: Annotated[
        bool,
        typer.Option("--drawn", help="Draw the points from all of a history; default: later ones."),
    ] = False,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Put dips into real histories: how many a config finds, and which depth each history shows.

    Writes inject/dip.csv (by depth), inject/dip_histories.csv (by history) and inject/dip.png. The
    tests are those of the config's first factor `dip`; depth 0 are its false positives.
    """
    offline()
    from aas2rto.config.load import load
    from aas2rto.outputs import write_atomically
    from aas2rto.simulate import dips

    case = load(config, need_secrets=False)
    trial = _trial(case, n_alert, drawn=drawn)
    every = _curves(case, histories, least=trial.min_history + n_alert)
    chosen = dict(list(every.items())[:curves])
    found = dips.by_depth(dips.tried(chosen, trial))
    if found.empty:
        raise InputError(
            f"no history is long enough: {trial.min_history} points, {trial.gap:g} days before "
            f"{n_alert} others; give more files, or a smaller min_history"
        )
    shown = dips.can_show(chosen, n_alert)
    folder = results_of(case, output) / "inject"
    words = f"{class_.value}: {n_alert} points in {len(chosen)} histories"
    write_atomically(folder / "dip.csv", found.to_csv(index=False).encode())
    write_atomically(folder / "dip_histories.csv", shown.to_csv(index=False).encode())
    write_atomically(folder / "dip.png", _figure(case, chosen, found, words, n_alert))
    if as_json:
        told = {"by_depth": found.to_dict("records"), "histories": shown.to_dict("records")}
        print(json.dumps(told, indent=2))
        return
    _show(found, shown, n_alert)
    print(f"written: {folder}/dip.csv, dip_histories.csv, dip.png")


def _trial(case: Case, n_alert: int, *, drawn: bool) -> Any:
    """Return how dips are put in, by what the config asks of them.

    Raises
    ------
    UsageError
        If it has no factor `dip`.
    """
    from aas2rto.simulate.dips import Trial

    factor = next((part for part in case.factors if part.part.name == "dip"), None)
    if factor is None:
        raise UsageError(f"{case.path}: has no factor dip; see configs/stellar_dippers.yaml")
    settings = factor.arguments()
    model = next((part for part in case.models if part.name == settings["model"]), None)
    options = {} if model is None else model.arguments()
    return Trial(
        n_alert=n_alert,
        step=n_alert,
        gap=float(options.get("packet", 30.0)) + float(options.get("gap", 100.0)),
        percentile=float(options.get("percentile", 95.0)),
        sharp=options.get("centre", "hodges_lehmann") == "hodges_lehmann",
        drawn=drawn,
        settings=settings,
    )


def _curves(case: Case, histories: list[Path] | None, *, least: int) -> dict[str, Sample]:
    """Return the histories of files.

    Raises
    ------
    UsageError, InputError
        If there is none.
    """
    from aas2rto.simulate.dips import curves_of
    from aas2rto.sources.ztf_history import ZtfHistory
    from aas2rto.tables.report import PollRequest

    paths = tuple(map(str, histories or ()))
    if not paths:
        part = next((one for one in case.sources if one.part.name == "ztf_history"), None)
        if part is None:
            raise UsageError("no history: give --history FILE, or a source ztf_history")
        paths = tuple(part.arguments()["paths"])
    report = ZtfHistory(paths=paths).poll(PollRequest(0.0))
    for line in report.problems:
        typer.echo(f"note: {line}", err=True)
    if report.histories.empty:
        raise InputError(report.error or "no history in these files")
    return curves_of(report.histories, least)


def _figure(
    case: Case, chosen: dict[str, Sample], found: pd.DataFrame, words: str, n_alert: int
) -> bytes:
    import numpy as np

    from aas2rto.outputs.figures import injection
    from aas2rto.simulate.dips import p_against_depth

    lines = []
    for name, curve in list(chosen.items())[:SHOWN]:
        depth = np.linspace(0, 0.2, 81)  # as in the paper's Fig. 6
        lines.append((name, depth, p_against_depth(curve, n_alert, depth.tolist())))
    return injection.draw(lines, found, words, {"config": case.digest})


def _show(found: pd.DataFrame, shown: pd.DataFrame, n_alert: int) -> None:
    print(f"{n_alert} points; depth in standard deviations of the history")
    print("depth  windows  passes all tests  p < 0.05 alone  median p")
    for row in found.to_dict("records"):
        note = "  (false positives)" if row["depth"] == 0 else ""
        print(
            f"{row['depth']:5.2f}  {row['n']:7d}  {100 * row['found']:14.2f} %  "
            f"{100 * row['p_below']:12.1f} %  {row['median_p']:8.2g}{note}"
        )
    middle = shown[["sigmas", "depth"]].median()
    print(
        f"p falls below 0.05 at {middle['sigmas']:.2f} sd = {middle['depth']:.3f} mag "
        f"(median of {len(shown)} histories)"
    )
