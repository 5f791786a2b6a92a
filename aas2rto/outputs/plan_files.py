"""Everything on disk that a plan is: CSV per observatory, figure, calendar, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from aas2rto import __version__
from aas2rto.config.case import Case
from aas2rto.outputs import plan_csv, plan_figure, plan_json, write_atomically
from aas2rto.outputs.calendar import calendar
from aas2rto.planning import NightPlan
from aas2rto.planning.earlier import Earlier
from aas2rto.planning.several import Several

FOLDER = "plan"


def running(folder: Path, sites: Iterable[str], name: str) -> Earlier:
    """Read the plans that are running: for each site the newest that is there.

    Parameters
    ----------
    folder : Path
        The project's folder.
    sites : iterable of str
        Names of observatories.
    name : str
        Of the plan that would be looked for first: for the words where there is none.

    Raises
    ------
    UsageError
        If none of the sites has a plan, or the newest of one cannot be read.
    """
    paths = sorted((folder / FOLDER).glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    plans = [plan_json.read(path) for path in reversed(paths)]
    parts, closed, begins = [], {}, {}
    for site in sites:
        found = next((one for one in plans if site in one.begins), None)
        if found is not None:
            parts.append(found.slots[found.slots["observatory"] == site])
            closed[site], begins[site] = found.closed[site], found.begins[site]
    if not parts:
        return plan_json.read(path_of(folder, name))
    return Earlier(pd.concat(parts, ignore_index=True), closed, begins)


def path_of(folder: Path, name: str) -> Path:
    """Return where the plan of an observatory, or of the network, is kept for `--interrupt`."""
    return folder / FOLDER / f"{name}.json"


def write(
    folder: Path, case: Case, plan: NightPlan, name: str, *, several: Several | None = None
) -> list[Path]:
    """Write a plan below a project's folder, the JSON last.

    Parameters
    ----------
    folder : Path
        The project's folder.
    case : Case
    plan : NightPlan
    name : str
        ``network``, or that of its only observatory.
    several : Several, optional
        The nights after tonight.

    Returns
    -------
    list of Path
        What was written.
    """
    provenance = {"project": case.project, "version": __version__, "config": case.digest}
    header = [
        f"aas2rto {__version__}, doi:10.1051/0004-6361/202452099",
        f"project: {case.project}, config: {case.digest}",
        f"now: {plan.now.utc.isot} UTC (MJD {plan.now.utc.mjd:.5f})",
    ]
    below = folder / FOLDER
    files: dict[Path, str | bytes] = {
        below / f"{night.observatory.name}.csv": plan_csv.of_site(
            plan, night.observatory.name, header
        )
        for night in plan.nights
    }
    files[below / f"{name}_not_planned.csv"] = plan_csv.not_planned(plan, header)
    files[below / f"{name}.png"] = plan_figure.draw(plan, case.project, provenance)
    files[below / f"{name}.ics"] = calendar(plan, case.project)
    told = plan_json.as_dictionary(plan, provenance)
    if several is not None:
        files[below / f"{name}_nights.csv"] = plan_csv.of_nights(several, header)
        told["nights"] = plan_json.nights(several)
    files[path_of(folder, name)] = json.dumps(told, indent=2, allow_nan=False) + "\n"
    for path, content in files.items():
        write_atomically(path, content)
    return list(files)
