"""How sure a place is: the first of a list, drawn anew from the errors of fits and magnitudes.

A score follows from a fit and from magnitudes that could have come out a little differently. Here
they do, `draws` times: parameters from the covariance of the fit, magnitudes from their errors;
scores and lists follow by the same factors, and the share of lists in which a candidate is among
the first is its chance. Only those near the top are drawn: the others have none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.factors import Decision
from aas2rto.steps.cycle import Fits, Parts, Ranking, Scored
from aas2rto.steps.prefilter import look
from aas2rto.steps.rank import seen_from, site_columns, times_site_factors
from aas2rto.steps.score import score

TOP = 5
"""So many places are looked at."""
COLUMN = "p_top5"
"""Of a ranked list: the chance to be among the first five; NaN for who is too far down to be."""
CONTENDERS = 30
"""So many of each list are drawn: beyond them, five would have to fall behind all at once."""

Floats = NDArray[np.float64]


def with_chances(
    parts: Parts,
    table: pd.DataFrame,
    fits: Fits,
    rankings: Sequence[Ranking],
    at: Time,
    leaders: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> list[Ranking]:
    """Add the chance to be among the first five to each list.

    Parameters
    ----------
    parts : Parts
    table : DataFrame
        Candidates with their fits, as they were scored.
    fits : Fits
    rankings : sequence of Ranking
        The first is that without a site.
    at : Time
    leaders : mapping
        By observatory, whose score counts for more, see `aas2rto.steps.rank`.

    Returns
    -------
    list of Ranking

    Notes
    -----
    The numbers that are drawn belong to the candidate: the same in each cycle and beside anybody,
    so that a chance changes with the data, not with the dice.
    """
    wanted = {
        name for ranking in rankings for name in ranking.table["candidate_id"].head(CONTENDERS)
    }
    rows = table[table["candidate_id"].isin(wanted)].reset_index(drop=True)
    if rows.empty:
        return [replace(one, table=one.table.assign(**{COLUMN: np.nan})) for one in rankings]
    drawn = perturbed(rows, fits, parts.case.config.score.draws)
    scored = score(parts, drawn, look(parts, drawn, at), at)
    nobody: frozenset[str] = frozenset()
    return [
        _with_chance(parts, one, scored, at, leaders.get(one.observatory, nobody))
        for one in rankings
    ]


def _with_chance(
    parts: Parts, ranking: Ranking, scored: Scored, at: Time, leaders: frozenset[str]
) -> Ranking:
    settings = parts.case.config.score
    names = ranking.table["candidate_id"].head(CONTENDERS).tolist()
    mine = scored.table["candidate_id"].isin(names).to_numpy(bool)
    own = scored.table[mine].reset_index(drop=True)
    kept = (scored.verdict.decision[mine] == Decision.KEEP).astype(bool)
    values = own["score"].to_numpy(float)
    site = next((s for s in parts.case.observatories if s.name == ranking.observatory), None)
    if site is not None and len(own):
        seen = seen_from(site, own, parts.site_factors, at, min_altitude=parts.min_altitude)
        told = times_site_factors(seen, site_columns(site, seen, parts.site_factors, at))
        values = told["site_score"].to_numpy(float)
        kept &= (told["decision"] == Decision.KEEP.label).to_numpy(bool)
    place = pd.Index(names).get_indexer(pd.Index(own["candidate_id"]))
    values = np.where(own["candidate_id"].isin(leaders), values * settings.hysteresis, values)
    scores = np.full((len(names), settings.draws), -np.inf)
    scores[place, _number(own["candidate_id"])] = np.where(kept, values, -np.inf)
    pinned = ranking.table["pinned"].head(CONTENDERS).to_numpy(bool)
    found = np.full(len(ranking.table), np.nan)
    found[: len(names)] = chance_of_top(scores, pinned)
    return replace(ranking, table=ranking.table.assign(**{COLUMN: found}))


def _number(names: pd.Series) -> NDArray[np.intp]:
    """Return which draw of its candidate each row is."""
    return np.asarray(names.groupby(names, sort=False).cumcount(), dtype=np.intp)


def chance_of_top(scores: Floats, pinned: NDArray[np.bool_], top: int = TOP) -> Floats:
    """Return in which share of draws each candidate is among the first.

    Parameters
    ----------
    scores : ndarray, shape (candidates, draws)
        Minus infinity where it is in no list.
    pinned : ndarray of bool, shape (candidates,)
        Stands before all that are not.
    top : int
        How many are the first.

    Examples
    --------
    >>> chance_of_top(np.array([[3.0, 1.0], [2.0, 2.0]]), np.zeros(2, bool), top=1)
    array([0.5, 0.5])
    """
    keys = np.where(np.isfinite(scores) & pinned[:, None], np.inf, scores)
    order = np.argsort(-keys, axis=0, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(len(keys))[:, None], axis=0)
    first = (place < top) & (keys > -np.inf)
    return np.asarray(first.mean(axis=1), dtype=float)


def perturbed(table: pd.DataFrame, fits: Fits, draws: int) -> pd.DataFrame:
    """Return each candidate `draws` times, with fits and magnitudes as they might have come out.

    Parameters
    ----------
    table : DataFrame
        With the columns of the summary and of the fits.
    fits : Fits
        Hold the covariances.
    draws : int

    Returns
    -------
    DataFrame
        The draws of a candidate one after the other.
    """
    names = table["candidate_id"].tolist()
    dice = [_dice(name) for name in names]
    rows = np.repeat(np.arange(len(table)), draws)
    changed: dict[str, Any] = {}
    shift = {
        str(column).removeprefix("mag_"): np.concatenate([one.normal(size=draws) for one in dice])
        for column in table
        if str(column).startswith("mag_") and f"magerr_{str(column)[4:]}" in table
    }
    for band, unit in shift.items():
        error = np.nan_to_num(table[f"magerr_{band}"].to_numpy(float))[rows]
        changed[f"mag_{band}"] = table[f"mag_{band}"].to_numpy(float)[rows] + unit * error
    last = table["last_band"].to_numpy(object)[rows]
    error = np.nan_to_num(table["last_magerr"].to_numpy(float))[rows]
    unit = np.select([last == band for band in shift], list(shift.values()), 0.0)
    changed["last_mag"] = table["last_mag"].to_numpy(float)[rows] + unit * error
    for model, found in fits.tables.items():
        changed |= _of_model(model, table, found.set_index("candidate_id"), dice, draws)
    if "model" in table:
        changed["t_peak"] = _chosen(table, changed, rows)
    same = table.drop(columns=[name for name in changed if name in table]).iloc[rows]
    # In one block: column by column, all that follows takes longer, and pandas says so.
    return pd.concat([same.reset_index(drop=True), pd.DataFrame(changed)], axis=1)


def _dice(name: str) -> np.random.Generator:
    """Return the candidate's own dice."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))


def _of_model(
    model: str,
    table: pd.DataFrame,
    fits: pd.DataFrame,
    dice: Sequence[np.random.Generator],
    draws: int,
) -> dict[str, Floats]:
    """Draw the parameters of one model for all candidates, and its peak with them."""
    n = len(table)
    shifts: dict[str, Floats] = {}
    for row, name in enumerate(table["candidate_id"]):
        if name not in fits.index:
            continue
        fit: Mapping[str, Any] = fits.loc[name].to_dict()
        for parameter, values in _draws_of(fit, dice[row], draws).items():
            shifts.setdefault(parameter, np.zeros((n, draws)))[row] = values
    columns = {}
    for parameter, shift in shifts.items():
        column = f"{model}_{parameter}"
        if column in table:
            columns[column] = (table[column].to_numpy(float)[:, None] + shift).ravel()
    peak, error = f"{model}_t_peak", f"{model}_t_peak_err"
    if peak in table and error in table:
        # Its error is calibrated, and wider than that of t0 alone.
        width = np.nan_to_num(table[error].to_numpy(float), posinf=0.0)
        sigma = table.get(f"{model}_t0_err", pd.Series(np.nan, index=table.index)).to_numpy(float)
        unit = shifts.get("t0", np.zeros((n, draws))) / np.where(sigma > 0, sigma, np.inf)[:, None]
        columns[peak] = (table[peak].to_numpy(float)[:, None] + unit * width[:, None]).ravel()
    return columns


def _draws_of(fit: Mapping[str, Any], dice: np.random.Generator, draws: int) -> dict[str, Floats]:
    """Return shifts of the free parameters of a fit, by its covariance."""
    errors = fit.get("errors")
    names = list(errors) if isinstance(errors, Mapping) else []
    covariance = np.asarray(fit.get("covariance") or np.empty((0, 0)), dtype=float)
    units = dice.normal(size=(draws, max(len(names), 1)))
    if not names or covariance.shape != (len(names),) * 2 or not np.isfinite(covariance).all():
        return {}
    # By its eigenvectors: near a border of the parameters it need not be quite positive.
    size, axes = np.linalg.eigh((covariance + covariance.T) / 2)
    shift = units @ (axes * np.sqrt(np.maximum(size, 0.0))).T
    return {name: shift[:, place] for place, name in enumerate(names)}


def _chosen(table: pd.DataFrame, changed: Mapping[str, Floats], rows: NDArray[np.intp]) -> Floats:
    """Return the peak of the model that was chosen for each candidate."""
    peak = table["t_peak"].to_numpy(float)[rows]
    model = table["model"].to_numpy(object)[rows]
    for name in pd.unique(model):
        column = changed.get(f"{name}_t_peak")
        if column is not None:
            peak = np.where(model == name, column, peak)
    return peak
