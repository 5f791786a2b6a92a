"""Everything on disk that a plan is: CSV per observatory, figure, calendar, JSON."""

from __future__ import annotations

import json
from pathlib import Path

from aas2rto import __version__
from aas2rto.config.case import Case
from aas2rto.outputs import plan_csv, plan_figure, plan_json, write_atomically
from aas2rto.outputs.calendar import calendar
from aas2rto.planning import NightPlan

FOLDER = "plan"


def path_of(folder: Path, name: str) -> Path:
    """Return where the plan of an observatory, or of the network, is kept for `--interrupt`."""
    return folder / FOLDER / f"{name}.json"


def write(folder: Path, case: Case, plan: NightPlan, name: str) -> list[Path]:
    """Write a plan below a project's folder, the JSON last.

    Parameters
    ----------
    folder : Path
        The project's folder.
    case : Case
    plan : NightPlan
    name : str
        ``network``, or that of its only observatory.

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
    files[below / f"{name}.png"] = plan_figure.draw(plan, case.project, provenance)
    files[below / f"{name}.ics"] = calendar(plan, case.project)
    told = plan_json.as_dictionary(plan, provenance)
    files[path_of(folder, name)] = json.dumps(told, indent=2, allow_nan=False) + "\n"
    for path, content in files.items():
        write_atomically(path, content)
    return list(files)
