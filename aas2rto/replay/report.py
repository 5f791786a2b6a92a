"""The report of a replay: one page that a PI reads, its figures, and every number behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aas2rto.outputs import write_atomically
from aas2rto.replay import error_scale, numbers, page, sections
from aas2rto.replay.cast import Cast, cast_of
from aas2rto.replay.figures import (
    calibration,
    churn,
    completeness,
    convergence,
    nights,
    pairs,
    phases,
)
from aas2rto.replay.figures.panel import Drawn
from aas2rto.replay.folder import Folder, open_folder
from aas2rto.replay.judge import Compared, Judged, judge_all
from aas2rto.replay.truth import Truth
from aas2rto.replay.wording import headline, labels
from aas2rto.text.words import one_line

PAGE, NUMBERS, SCALE, FIGURES = "report.html", "metrics.json", "error_scale.yaml", "figures"


@dataclass(frozen=True)
class Report:
    """What was written.

    Parameters
    ----------
    path : Path
        Of the page.
    lines : list of str
        What a PI wants to know first, for the terminal; without those of the truth table.
    """

    path: Path
    lines: list[str]


def write_report(
    folder: Path,
    truth: Truth | None,
    *,
    classes: Sequence[str] | None = None,
    top: int = 5,
    seed: int = 0,
) -> Report:
    """Judge a replay, and write report.html, metrics.json, error_scale.yaml and figures/*.png.

    Parameters
    ----------
    folder : Path
        Of the replay: replay.json, and a folder of tables for each run; two runs are compared.
    truth : Truth or None
        Without it, only what needs none is judged, and the page says so.
    classes : sequence of str, optional
        Types that are a success; by default those of `aas2rto.replay.cast.SN_IA`.
    top : int
        N of the top N.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If the folder holds no replay, or a damaged table.
    """
    replay = open_folder(Path(folder))
    cast = cast_of(replay.objects, truth, classes)
    every, two = judge_all(replay, cast, top, seed)
    found = numbers.of_all(replay, truth, cast, every, two, top=top, seed=seed)
    told = headline(replay, cast, every, two, top, seed)
    drawn = _drawn(every, two, top, seed, replay.command)
    _write_figures(replay.path / FIGURES, drawn)
    _write_scale(replay, every)
    write_atomically(replay.path / NUMBERS, numbers.as_json(found))
    path = replay.path / PAGE
    write_atomically(path, _page(replay, truth, cast, every, two, drawn, told, seed))
    return Report(path, [one_line(line, page.MOST_TEXT) for line in told])


def _page(
    replay: Folder,
    truth: Truth | None,
    cast: Cast,
    every: list[Judged],
    two: Compared | None,
    drawn: list[Drawn],
    told: list[str],
    seed: int,
) -> str:
    named = labels(every)
    by_name = {one.name: one for one in drawn}
    some = sections.of_all(replay, truth, cast, every, named, two, by_name, seed)
    return page.page(f"Replay of {' against '.join(named)}", told, some, replay.command)


def _drawn(
    every: list[Judged], two: Compared | None, top: int, seed: int, command: str
) -> list[Drawn]:
    """Draw what can be drawn."""
    named = labels(every)
    made: list[Drawn | None] = [
        nights.draw(every, named, top, command),
        churn.draw(every, named, top, command),
    ]
    if every[0].cast.has_truth:
        made += [
            convergence.draw(every, named, command),
            completeness.draw(every, named, top, seed, command),
            phases.draw(every, named, top, command),
            calibration.draw_pit(every, named, command),
            calibration.draw_reliability(every, named, command),
        ]
    if two is not None:
        made += [pairs.draw_ratios(two, named, command), pairs.draw_movers(two, named, command)]
    return [one for one in made if one is not None]


def _write_figures(folder: Path, drawn: list[Drawn]) -> None:
    """Write the figures; those of an earlier report that this one does not have go."""
    for one in drawn:
        write_atomically(folder / f"{one.name}.png", one.png)
    names = {f"{one.name}.png" for one in drawn}
    for path in folder.glob("*.png") if folder.is_dir() else ():
        if path.name not in names:
            path.unlink()


def _write_scale(replay: Folder, every: list[Judged]) -> None:
    """Write the error scales; an old file goes where nothing was learnt."""
    scales = {
        f"{one.run.name} {check.fits.model}": check.scales
        for one in every
        for check in one.models
        if check.scales
    }
    path = replay.path / SCALE
    if scales:
        write_atomically(path, error_scale.snippet(scales, replay.about))
    else:
        path.unlink(missing_ok=True)
