"""The tables of a replay: what they hold, and how a cycle fills them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from aas2rto.factors import Decision
from aas2rto.models import NOT_ENOUGH_DATA
from aas2rto.steps.cycle import Cycle, Judged, Ranking
from aas2rto.steps.uncertain import COLUMN as P_TOP
from aas2rto.store import Store

_TEXT, _DAYS, _SMALL, _COUNT = pa.string(), pa.float64(), pa.float32(), pa.int32()
_NIGHT = {"night": _COUNT, "at": _DAYS}

TABLES: dict[str, pa.Schema] = {
    name: pa.schema(columns)
    for name, columns in {
        "nights": _NIGHT
        | {"seconds": _SMALL}
        | dict.fromkeys(
            (
                "candidates",
                "ranked",
                "excluded",
                "rejected",
                "new_candidates",
                "new_measurements",
                "problems",
            ),
            _COUNT,
        ),
        "objects": {
            "candidate_id": _TEXT,
            "aliases": _TEXT,
            "ra": _DAYS,
            "dec": _DAYS,
            "first_known": _DAYS,
            "first_detection": _DAYS,
        },
        "scores": _NIGHT
        | {"candidate_id": _TEXT, "score": _DAYS, "mag": _SMALL, "t_peak": _DAYS}
        | {"t_peak_err": _SMALL, "p_sn_ia": _SMALL},
        "decisions": _NIGHT
        | {"candidate_id": _TEXT, "decision": _TEXT, "factor": _TEXT, "reason": _TEXT},
        "ranks": _NIGHT
        | {"observatory": _TEXT, "rank": _COUNT, "candidate_id": _TEXT}
        | {"site_score": _DAYS, P_TOP: _SMALL},
        "fits": _NIGHT
        | {"candidate_id": _TEXT, "model": _TEXT, "status": _TEXT, "digest": _TEXT}
        | {"n_points": _COUNT, "chi2": _SMALL, "dof": _SMALL, "t_peak": _DAYS}
        | {"t_peak_err": _SMALL, "redshift": _SMALL, "redshift_known": pa.bool_()},
        "site_nights": _NIGHT
        | {"observatory": _TEXT, "clear": pa.bool_(), "dark_hours": _SMALL}
        | {"capacity_hours": _SMALL, "capacity_spectra": _COUNT, "hours_used": _SMALL}
        | {"planned": _COUNT, "observed": _COUNT},
        "plans": _NIGHT
        | {"observatory": _TEXT, "candidate_id": _TEXT, "start": _DAYS, "end": _DAYS}
        | {"exposure": _SMALL, "airmass": _SMALL, "mag": _SMALL, "site_score": _SMALL}
        | {"state": _TEXT},
    }.items()
}
"""The tables of a replay and their first columns; times are MJD UTC, ``at`` is `now` of the cycle.

``scores`` and ``ranks`` have ``x_<factor>`` for each factor, ``fits`` the parameters of the models
and their errors. ``decisions`` has a row where a decision, or what decided it, changed; ``fits``
where a fit did."""

OBSERVED, CLOUDED = "observed", "clouded"
"""States of a visit in ``plans``."""

FACTOR = "factor_"
"""How the columns of factors begin in the tables of a cycle."""
VALUE = "x_"
"""How they begin here."""


def nights(cycle: Cycle, night: int, seconds: float) -> pd.DataFrame:
    """Return one row: how many candidates there were, and what came in.

    Parameters
    ----------
    cycle : Cycle
    night : int
        Its number, from 0.
    seconds : float
        What it took [s].
    """
    funnel = cycle.report.get("funnel", {})
    row = {
        "night": np.int32(night),
        "at": cycle.now.utc.mjd,
        "seconds": np.float32(seconds),
        "candidates": funnel.get("candidates", 0),
        "ranked": funnel.get("ranked", 0),
        "excluded": sum(funnel.get("excluded", {}).values()),
        "rejected": sum(funnel.get("rejected", {}).values()),
        "new_candidates": sum(one.ingested.new_candidates for one in cycle.arrivals),
        "new_measurements": sum(one.ingested.new_measurements for one in cycle.arrivals),
        "problems": len(cycle.problems),
    }
    table = pd.DataFrame([row])
    return table.astype(dict.fromkeys(list(row)[3:], "int32"))


def scores(judged: Judged, night: int) -> pd.DataFrame:
    """Return who was kept, with score, factors and the predicted peak."""
    kept = judged.scored.rows(Decision.KEEP)
    columns = {
        "candidate_id": kept["candidate_id"],
        "score": kept["score"].astype("float64"),
        "mag": _number(kept, "last_mag").astype("float32"),
        "t_peak": _number(kept, "t_peak"),
        "t_peak_err": _number(kept, "t_peak_err").astype("float32"),
        "p_sn_ia": _p_sn_ia(judged)[judged.scored.verdict.decision == Decision.KEEP],
    }
    return dated(pd.DataFrame(columns | _values(kept)), judged, night)


def ranks(judged: Judged, night: int) -> pd.DataFrame:
    """Return the places in all lists; ``science`` is the list without a site."""
    parts = [_rank_rows(ranking) for ranking in judged.rankings if len(ranking.table)]
    rows = pd.concat(parts, ignore_index=True) if parts else _rank_rows(judged.rankings[0])
    return dated(rows, judged, night)


def _rank_rows(ranking: Ranking) -> pd.DataFrame:
    table = ranking.table
    score = "site_score" if "site_score" in table else "score"
    own = [column.name for column in ranking.columns]
    columns = {
        "observatory": ranking.observatory,
        "rank": table["rank"].astype("int32"),
        "candidate_id": table["candidate_id"],
        "site_score": table[score].astype("float64"),
        P_TOP: _number(table, P_TOP).astype("float32"),
    }
    return pd.DataFrame(columns | _values(table, own))


def fits(judged: Judged, night: int, seen: dict[tuple[str, str], str]) -> pd.DataFrame:
    """Return the fits that are new since the night before.

    Parameters
    ----------
    judged : Judged
    night : int
    seen : dict
        Digest of the last fit by (model, candidate); is brought up to date.
    """
    found = []
    for model, table in judged.fits.tables.items():
        names, digests = table["candidate_id"].tolist(), table["digest"].tolist()
        tried = (table["status"] != NOT_ENOUGH_DATA).tolist()
        new = [
            row
            for row, (name, digest) in enumerate(zip(names, digests, strict=True))
            if tried[row] and seen.get((model, name)) != digest
        ]
        seen.update({(model, names[row]): digests[row] for row in new})
        if new:
            # What does not fit a single-precision number (chi2 of an artefact) is infinite there.
            with np.errstate(over="ignore"):
                found.append(_fit_rows(model, table.iloc[new], judged.fits.wide[model]))
    if not found:
        return pd.DataFrame()
    return dated(pd.concat(found, ignore_index=True), judged, night)


def _fit_rows(model: str, table: pd.DataFrame, wide: pd.DataFrame) -> pd.DataFrame:
    wide = wide.reindex(table["candidate_id"]).reset_index(drop=True)
    numbers = wide.select_dtypes("number")
    known = {"t_peak", "t_peak_err", "chisq", "ndof", "n_points"}
    columns: dict[str, Any] = {
        "candidate_id": table["candidate_id"].to_numpy(object),
        "model": model,
        "status": table["status"].to_numpy(object),
        "digest": table["digest"].to_numpy(object),
        "n_points": np.nan_to_num(numbers["n_points"].to_numpy(float)).astype("int32"),
        "chi2": numbers["chisq"].astype("float32"),
        "dof": numbers["ndof"].astype("float32"),
        "t_peak": numbers["t_peak"].astype("float64"),
        "t_peak_err": numbers["t_peak_err"].astype("float32"),
        "redshift": numbers["z"].astype("float32") if "z" in numbers else np.float32(np.nan),
        "redshift_known": _fixed(numbers),
    }
    more = {
        name: numbers[name].astype("float64" if name == "t0" else "float32")
        for name in numbers
        if name not in known
    }
    return pd.DataFrame(columns | more)


def _fixed(numbers: pd.DataFrame) -> Any:
    """Tell where the redshift was given: it has no error then."""
    if "z" not in numbers:
        return False
    if "z_err" not in numbers:
        return numbers["z"].notna()
    return numbers["z"].notna() & ~(numbers["z_err"] > 0)


class Decisions:
    """Who was kept, excluded, rejected: told when that changes.

    Parameters
    ----------
    last : DataFrame, optional
        ``candidate_id, decision, factor`` of the night before.
    """

    def __init__(self, last: pd.DataFrame | None = None) -> None:
        rows = [] if last is None else last.itertuples(index=False)
        self._last = {row[0]: (row[1], row[2]) for row in rows}

    def of(self, judged: Judged, night: int) -> pd.DataFrame:
        """Return what changed, with the reason, and remember it."""
        table, verdict = judged.scored.table, judged.scored.verdict
        names = table["candidate_id"].tolist()
        told = list(zip(table["decision"].tolist(), table["factor"].tolist(), strict=True))
        new = [row for row, name in enumerate(names) if self._last.get(name) != told[row]]
        self._last.update({names[row]: told[row] for row in new})
        rows = pd.DataFrame(
            {
                "candidate_id": [names[row] for row in new],
                "decision": [told[row][0] for row in new],
                "factor": [told[row][1] for row in new],
                "reason": verdict.reason.texts(np.array(new, dtype=np.intp)) if new else [],
            },
            dtype=object,
        )
        return dated(rows, judged, night)

    def table(self) -> pd.DataFrame:
        """Return the present ones, to go on with."""
        rows = [(name, *told) for name, told in self._last.items()]
        return pd.DataFrame(rows, columns=["candidate_id", "decision", "factor"], dtype=object)


def objects(store: Store, now: float) -> pd.DataFrame:
    """Return all candidates of a store with their names and places.

    Parameters
    ----------
    store : Store
    now : float
        [d, MJD UTC]
    """
    held = store.candidates(now, state=None)
    names: dict[str, list[str]] = {}
    for alias, owner in store.identities.aliases(now).itertuples(index=False):
        names.setdefault(owner, []).append(alias)
    own = held["candidate_id"].tolist()
    points = store.photometry.first_detections()
    return pd.DataFrame(
        {
            "candidate_id": own,
            "aliases": ["|".join(dict.fromkeys([one, *names.get(one, [])])) for one in own],
            "ra": held["ra"].to_numpy(float),
            "dec": held["dec"].to_numpy(float),
            "first_known": held["first_known"].to_numpy(float),
            "first_detection": held["id"].map(points).to_numpy(float),
        }
    )


def _number(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name not in table:
        return pd.Series(np.nan, index=table.index, dtype="float64")
    return pd.to_numeric(table[name], errors="coerce").astype("float64")


def _p_sn_ia(judged: Judged) -> NDArray[np.float32]:
    """Return P(SN Ia) of all candidates, where a factor asked for it."""
    n = len(judged.scored.table)
    for column in judged.scored.columns:
        found = column.factor.inputs.get("p_sn_ia")
        if found is not None and np.shape(found) == (n,):
            return pd.to_numeric(pd.Series(found), errors="coerce").to_numpy(np.float32)
    return np.full(n, np.nan, dtype=np.float32)


def _values(table: pd.DataFrame, own: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the values of factors, of the score or of a site."""
    names = [name for name in table if str(name).startswith(FACTOR)]
    if own is not None:
        names = [f"{FACTOR}{name}" for name in own if f"{FACTOR}{name}" in table]
    return {VALUE + str(name).removeprefix(FACTOR): table[name].astype("float32") for name in names}


def dated(rows: pd.DataFrame, judged: Judged, night: int) -> pd.DataFrame:
    """Put the night before rows, and its time."""
    rows.insert(0, "night", np.int32(night))
    rows.insert(1, "at", float(judged.at.utc.mjd))
    return rows
