"""The ranked lists and their companions as CSV: the same bytes for the same cycle."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.factors import Decision
from aas2rto.outputs import write_atomically, written
from aas2rto.outputs.cell_memory import Shared, Written
from aas2rto.outputs.cells import comments, to_csv
from aas2rto.sky.visibility import saturate, visibility_factor
from aas2rto.steps.cycle import Ranking
from aas2rto.steps.uncertain import COLUMN as P_TOP

LEADING = (
    "rank",
    "candidate_id",
    "name",
    "ra",
    "dec",
    "ra_hms",
    "dec_dms",
    "score",
    "site_score",
)

TRAILING = (
    "last_mag",
    "last_band",
    "n_detections",
    "t_peak",
    "t_peak_err",
    "p_peak_1d",
    "redshift",
    "spectral_type",
    "altitude",
    "azimuth",
    "airmass",
    "moon_sep",
    "rises",
    "sets",
    "hours_left",
    "observable_now",
    "updated",
    "reason",
)

X_VIS = "x_vis"
"""Column of a site's list that is ordered by the chance of success there."""

UNITS_LINE = (
    "units: ra, dec, altitude, azimuth, moon_sep [deg]; last_mag [mag, AB]; t_peak [MJD, UTC]; "
    "t_peak_err [day]; hours_left [hour]; rises, sets, updated [UTC]; "
    "score -1 excluded, -inf rejected"
)


OWN = (
    *(X_VIS, P_TOP, "rank", "site_score", "reason"),
    *("decision", "factor", "pinned", "reachable_from"),
)
"""Columns that each list has for itself, beside those of its site."""


def write_rankings(
    folder: Path,
    scored: pd.DataFrame,
    rankings: Sequence[Ranking],
    header: Sequence[str],
    written: Written | None = None,
    *,
    least: float | None = None,
) -> None:
    """Write all ranked lists.

    Parameters
    ----------
    folder : Path
        The project's folder.
    scored : DataFrame
        What was ranked.
    rankings : sequence of Ranking
    header : sequence of str
        Provenance lines.
    written : Written, optional
        Cells of the last cycle, which are written again only where they changed.
    least : float, optional
        Chance of success from which a slot is worth it; a site's list without any says so.
    """
    shared = Shared(scored, OWN, written)
    for ranking in rankings:
        told = idle(ranking, least)
        write_ranking(folder, ranking, [*header, *([told] if told else [])], shared=shared)


def idle(ranking: Ranking, least: float | None) -> str:
    """Say that nothing in a site's list is worth a slot tonight; empty if something is.

    Parameters
    ----------
    ranking : Ranking
    least : float or None
        The config's ``score: min_value``.
    """
    if least is None or "site_score" not in ranking.table:
        return ""
    if (ranking.table["site_score"] >= least).any():
        return ""
    return f"nothing worth tonight: no candidate reaches {least:g}; the time is free"


def write_ranking(
    folder: Path, ranking: Ranking, header: Sequence[str], *, shared: Shared | None = None
) -> None:
    """Write ``ranked/<observatory>.csv``, and what this site cannot use tonight beside it.

    Parameters
    ----------
    folder : Path
        The project's folder.
    ranking : Ranking
    header : sequence of str
        Provenance lines.
    shared : Shared, optional
        Holds what other lists say of the same candidates.
    """
    name = ranking.observatory
    lines = [*header, f"list: {name}", UNITS_LINE]
    factors = factor_columns(ranking.table)
    columns, table = [*LEADING, *factors, *TRAILING], ranking.table
    if P_TOP in table:
        columns.insert(len(LEADING), P_TOP)
    if name == "science":
        columns.insert(-1, "reachable_from")
    elif "factor_value" in factors:
        table = with_x_vis(table)
        columns.insert(columns.index("hours_left"), X_VIS)
    write_atomically(
        folder / "ranked" / f"{name}.csv", to_csv(table, columns, lines, shared=shared)
    )
    if name != "science":
        columns = ["candidate_id", "name", "score", "factor", "reason", "rises", "sets", "altitude"]
        out = ranking.out.sort_values("candidate_id")
        text = to_csv(out, columns, lines, shared=shared)
        write_atomically(folder / "not_tonight" / f"{name}.csv", text)


def with_x_vis(table: pd.DataFrame) -> pd.DataFrame:
    """Add the visibility factor of A&A 698, A153, Eq. 13 and B.2, for people to look at.

    Where the score is a chance of success it is no factor: what sets soon is no better a target
    for it. At other sites it is part of the score, as ``factor_altitude_integral``.

    Parameters
    ----------
    table : DataFrame
        A site's list, with ``altitude_area`` [deg d], ``night_left`` [d], ``min_altitude`` [deg].
    """
    if not len(table):
        return table.assign(**{X_VIS: pd.Series(dtype=float)})
    raw = visibility_factor(
        table["altitude_area"],
        table["night_left"],
        min_altitude=float(table["min_altitude"].iloc[0]),
    )
    return table.assign(**{X_VIS: saturate(raw)})


def write_excluded(
    folder: Path, table: pd.DataFrame, header: Sequence[str], written: Written | None = None
) -> None:
    """Write ``excluded.csv``: kept for later, not in the lists now, and why.

    One whose rows did not change since the last cycle stays as it is.
    """
    path = folder / "excluded.csv"
    rows = to_csv(table.sort_values("candidate_id"), _out_columns(table), ())
    if written is None or not written.is_there(path, rows):
        write_atomically(path, comments([*header, UNITS_LINE]) + rows)


def write_rejected(
    folder: Path,
    load: Callable[..., pd.DataFrame],
    header: Sequence[str],
    *,
    since: Callable[[], pd.Series] | None = None,
) -> None:
    """Write ``rejected.csv``: all that were removed for good, when and why.

    Parameters
    ----------
    folder : Path
        The project's folder.
    load : callable
        Returns the rejections, or those of candidates (``only=``); called only if the file is not
        up to date, since over a season they become many.
    header : sequence of str
        Provenance lines, of which the last changes whenever the rejections do.
    since : callable, optional
        Returns since when each candidate is out, by id; without it, all are loaded.
    """
    path = folder / "rejected.csv"
    lines = [*header, UNITS_LINE]
    if written.begins_with(path, comments(lines)):
        return
    held = written.read(path, comments(lines[:-2])) if since is not None else None
    text = None if held is None or since is None else _merged(held, load, lines, since())
    write_atomically(path, _rejected_csv(load(), lines) if text is None else text)


def _merged(
    held: written.Held, load: Callable[..., pd.DataFrame], lines: Sequence[str], since: pd.Series
) -> str | None:
    """Return the list with what stands in the file already; None if it must be written anew."""
    missing = held.missing(since)
    if len(missing) > len(since) // 2:
        return None
    new = _rejected_csv(load(only=missing), lines) if missing else ""
    return held.merged(since.index.tolist(), comments(lines), new)


def _rejected_csv(rejections: pd.DataFrame, lines: Sequence[str]) -> str:
    rows = pd.DataFrame(rejections["row"].tolist(), index=rejections.index)
    known = rejections[["candidate_id", "factor", "reason", "at"]]
    table = pd.concat([known, rows.drop(columns=[c for c in rows if c in known])], axis=1)
    table = table.assign(decision=Decision.REJECT.label, score=-np.inf)
    return to_csv(table, ["at", *_out_columns(table)], lines)


def _out_columns(table: pd.DataFrame) -> list[str]:
    return [
        "candidate_id",
        "name",
        "ra",
        "dec",
        "ra_hms",
        "dec_dms",
        "score",
        "decision",
        "factor",
        "reason",
        *factor_columns(table),
        "last_mag",
        "last_band",
        "n_detections",
        "first_detection",
        "redshift",
        "spectral_type",
        "updated",
    ]


def write_cycle(folder: Path, report: Mapping[str, Any]) -> None:
    """Write ``cycle.json``: config hash, version, funnel, problems, timings."""
    write_atomically(folder / "cycle.json", json.dumps(report, indent=2, allow_nan=False) + "\n")


def factor_columns(table: pd.DataFrame) -> list[str]:
    """Return the ``factor_*`` columns in the order of the config."""
    return [str(name) for name in table if str(name).startswith("factor_")]
