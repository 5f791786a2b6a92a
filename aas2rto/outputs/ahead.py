"""The nights ahead of each site: what each candidate is worth on which night, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Decision
from aas2rto.outputs import write_atomically
from aas2rto.outputs.cells import to_csv
from aas2rto.sky.night import evening_of
from aas2rto.steps.cycle import Ranking

LEAST = 0.005
"""What is worth less on every night is not listed: it would show as 0.00."""
TAKE, LOW, WAIT, NO = "take", "low", "wait", "not tonight"
LEADING = ("candidate_id", "name", "do", "tonight", "waiting", "best_night", "best")
UNITS = (
    "chance of success by night, named by the date of its evening; waiting: what the nights after "
    "tonight are worth if some are lost; empty: the site cannot observe it then"
)


@dataclass(frozen=True)
class Ahead:
    """The nights ahead at one site.

    Parameters
    ----------
    observatory : str
    nights : tuple of str
        Dates of the evenings, tonight first.
    table : DataFrame
        ``candidate_id, name, do`` (take, low: not worth a slot, wait, not tonight),
        ``tonight, waiting, best`` (0 to 1), ``best_night``, one column for each of `nights` (NaN:
        it cannot be observed), ``reason``; the best first.
    """

    observatory: str
    nights: tuple[str, ...]
    table: pd.DataFrame


def nights_of(ranking: Ranking, kept: pd.DataFrame, *, least: float | None = None) -> Ahead | None:
    """Return the nights ahead of a site; None where nothing looks ahead.

    Parameters
    ----------
    ranking : Ranking
        Of the site.
    kept : DataFrame
        What was ranked, in the order of the site's columns.
    least : float, optional
        Chance from which a slot is worth it.
    """
    column = ranking.column_with("nights")
    seen = next((t for t in (ranking.table, ranking.out) if len(t)), None)
    if column is None or seen is None or "night_start" not in seen:
        return None
    inputs = {name: np.asarray(values) for name, values in column.factor.inputs.items()}
    tonight = float(evening_of(seen["night_start"].iloc[0], seen["night_end"].iloc[0]))
    if not np.isfinite(tonight):
        return None
    evenings = tonight + np.arange(inputs["values"].shape[1])
    dates = tuple(Time(evenings, format="mjd").strftime("%Y-%m-%d").tolist())
    values = np.where(np.isfinite(inputs["nights"]), inputs["values"], np.nan)
    names = kept["candidate_id"].to_numpy(object)
    score = ranking.table.set_index("candidate_id")["site_score"].reindex(names).to_numpy(float)
    waits = column.factor.decision == Decision.EXCLUDE
    best = np.nanmax(np.nan_to_num(values), axis=1)
    at = np.argmax(np.nan_to_num(values), axis=1)
    table = pd.DataFrame(
        {
            "candidate_id": names,
            "name": kept["name"].to_numpy(object),
            "do": np.select(
                [score >= (least or 0.0), np.isfinite(score), waits], [TAKE, LOW, WAIT], NO
            ),
            "tonight": inputs["tonight"],
            "waiting": inputs["waiting"],
            "best_night": np.array(dates, dtype=object)[at],
            "best": best,
            "reason": column.factor.reason.texts(),
        }
        | {date: values[:, h] for h, date in enumerate(dates)}
    )
    table = table[table["best"] >= LEAST]
    order = np.lexsort((table["candidate_id"].to_numpy(str), -table["best"].round(6)))
    return Ahead(ranking.observatory, dates, table.iloc[order].reset_index(drop=True))


def write(
    folder: Path,
    rankings: Sequence[Ranking],
    kept: pd.DataFrame,
    header: Sequence[str],
    *,
    least: float | None = None,
) -> list[Path]:
    """Write ``ahead/<observatory>.csv`` for each site that looks ahead; return their paths.

    Parameters
    ----------
    folder : Path
        The project's folder.
    rankings : sequence of Ranking
    kept : DataFrame
        What was ranked.
    header : sequence of str
        Provenance lines.
    least : float, optional
        See `nights_of`.
    """
    paths = []
    for ranking in rankings[1:]:
        found = nights_of(ranking, kept, least=least)
        if found is None:
            continue
        lines = [*header, f"nights ahead: {found.observatory}", UNITS]
        table = found.table.copy()
        for name in ("tonight", "waiting", "best", *found.nights):
            table[name] = table[name].round(3)
        path = folder / "ahead" / f"{found.observatory}.csv"
        write_atomically(path, to_csv(table, [*LEADING, *found.nights, "reason"], lines))
        paths.append(path)
    return paths
