"""Who rises and who falls between two runs of the same nights, by which factor, left out by whom.

Each table is read once for all lists, for those who are ever in the first 20 of either run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aas2rto.replay.cast import Cast
from aas2rto.replay.folder import DEEP, SCIENCE, Run
from aas2rto.replay.metrics import Span

Ints = NDArray[np.int64]

LEAST_FACTOR = 1e-6
"""Smaller factors are taken as this large, so that zero has a logarithm."""
MOST = 12
"""Candidates named that rose, and that fell."""

COLUMNS = (
    "candidate_id",
    "kind",
    "nights",
    "moved",
    "rank",
    "rank_against",
    "factor",
    "value",
    "value_against",
    "said",
)


@dataclass(frozen=True)
class Side:
    """What is read of one run.

    Parameters
    ----------
    name : str
    ranks : DataFrame
        ``observatory, place, who, rank`` of those who are ever high.
    ends : dict of str to ndarray of int
        Length of each list by night.
    scores : DataFrame
        ``place, who`` and the science factors of those who moved most.
    site_factors : DataFrame
        ``observatory, place, who`` and the factors of the site, of the same.
    decisions : DataFrame
        ``place, who, decision, factor`` of the same.
    """

    name: str
    ranks: pd.DataFrame
    ends: dict[str, Ints]
    scores: pd.DataFrame
    site_factors: pd.DataFrame
    decisions: pd.DataFrame


def movers(
    runs: Sequence[Run],
    high: Sequence[pd.DataFrame],
    lists: Sequence[str],
    span: Span,
    cast: Cast,
) -> dict[str, pd.DataFrame]:
    """Return whose rank differs, over the nights on which it is in the first 20 of either run.

    Parameters
    ----------
    runs : sequence of Run
        Two.
    high : sequence of DataFrame
        Of each, `Run.top` of 20 or more.
    lists : sequence of str
        Observatories.
    span : Span
        Nights that both have.
    cast : Cast

    Returns
    -------
    dict of str to DataFrame
        By observatory: `COLUMNS`, by ``moved``, the median of the rank in the second run less that
        in the first: positive for those that rose. Who is in no list that night stands below its
        end. ``factor`` is the one whose logarithm changed most, ``value`` its median in both runs;
        ``said`` is why one of the runs left the candidate out, where it did.
    """
    pairs = {name: _pairs(high, name, span) for name in lists}
    who = np.unique(np.concatenate([np.array([], np.int64), *(p["who"] for p in pairs.values())]))
    if not len(who):
        return {name: pd.DataFrame(columns=list(COLUMNS)) for name in lists}
    ranks = [_read(run, "ranks", ("rank",), who, span, cast) for run in runs]
    ends = [_ends(run, span) for run in runs]
    found = {}
    for name, own in pairs.items():
        pairs[name] = _ranked(
            own,
            [rows[rows["observatory"] == name] for rows in ranks],
            [end.get(name, np.zeros(len(span), np.int64)) for end in ends],
        )
        found[name] = _chosen(_medians_of_ranks(pairs[name]))
    moved = np.unique(np.concatenate([table["who"].to_numpy(np.int64) for table in found.values()]))
    if not len(moved):
        return {name: pd.DataFrame(columns=list(COLUMNS)) for name in lists}
    sides = [_side(*both, moved, span, cast) for both in zip(runs, ranks, ends, strict=True)]
    return {name: _told(found[name], pairs[name], name, sides, cast) for name in lists}


def _pairs(high: Sequence[pd.DataFrame], name: str, span: Span) -> pd.DataFrame:
    """Return who is on which night in the first 20 of a list of either run."""
    parts = []
    for rows in high:
        own = rows[(rows["observatory"] == name) & (rows["rank"] <= DEEP)]
        place = span.place(own["night"].to_numpy(np.int64))
        parts.append(pd.DataFrame({"place": place, "who": own["who"].to_numpy(np.int64)}))
    both = pd.concat(parts)
    both = both[both["place"] >= 0].drop_duplicates()
    return both.sort_values(["who", "place"]).reset_index(drop=True)


def _read(
    run: Run, name: str, columns: Sequence[str], who: Ints, span: Span, cast: Cast
) -> pd.DataFrame:
    """Return some columns of a table, of some of the cast, with ``place`` and ``who``."""
    some = pc.field("candidate_id").isin(pa.array(cast.ids[who].tolist(), pa.string()))
    site = ("observatory",) if name == "ranks" else ()
    rows = run.table(name, ("night", "candidate_id", *site, *columns), some, cast.ids)
    rows["place"] = span.place(rows.pop("night").to_numpy(np.int64))
    return rows[rows["place"] >= 0]


def _ends(run: Run, span: Span) -> dict[str, Ints]:
    """Return the length of each list by night."""
    rows = run.table("ranks", ("night", "observatory", "rank"))
    if rows.empty:
        return {}
    sites = pd.Categorical(rows["observatory"])
    place = span.place(rows["night"].to_numpy(np.int64))
    inside = place >= 0
    rank = rows["rank"].to_numpy(np.int64)[inside]
    cell = np.asarray(sites.codes, np.int64)[inside] * len(span) + place[inside]
    longest = np.zeros(len(sites.categories) * len(span), dtype=np.int64)
    np.maximum.at(longest, cell, rank)
    by_site = longest.reshape(len(sites.categories), len(span))
    return {str(name): by_site[k] for k, name in enumerate(sites.categories)}


def _ranked(
    pairs: pd.DataFrame, ranks: Sequence[pd.DataFrame], ends: Sequence[Ints]
) -> pd.DataFrame:
    """Add both ranks; who is in no list stands below its end."""
    for name, rows, end in zip(("rank", "rank_against"), ranks, ends, strict=True):
        own = rows[["place", "who", "rank"]].rename(columns={"rank": name})
        pairs = pairs.merge(own, on=["place", "who"], how="left")
        missing = pairs[name].isna().to_numpy()
        pairs[f"{name}_out"] = missing
        pairs[name] = np.where(missing, end[pairs["place"]] + 1, pairs[name])
    return pairs.assign(moved=pairs["rank_against"] - pairs["rank"])


def _medians_of_ranks(pairs: pd.DataFrame) -> pd.DataFrame:
    groups = pairs.groupby("who", sort=True)
    return groups.agg(
        nights=("place", "size"),
        moved=("moved", "median"),
        rank=("rank", "median"),
        rank_against=("rank_against", "median"),
        out=("rank_out", "sum"),
        out_against=("rank_against_out", "sum"),
    ).reset_index()


def _chosen(table: pd.DataFrame) -> pd.DataFrame:
    """Return those that moved most, up and down; of equals those for more nights."""
    order = table.assign(size=-table["moved"].abs(), many=-table["nights"])
    order = order.sort_values(["size", "many", "who"], kind="stable").drop(columns=["size", "many"])
    rose, fell = order[order["moved"] > 0].head(MOST), order[order["moved"] < 0].head(MOST)
    return pd.concat([rose, fell[::-1]]).reset_index(drop=True)


def _side(
    run: Run, ranks: pd.DataFrame, ends: dict[str, Ints], who: Ints, span: Span, cast: Cast
) -> Side:
    decisions = _read(run, "decisions", ("decision", "factor"), who, span, cast)
    return Side(
        run.name,
        ranks,
        ends,
        _read(run, "scores", run.factors("scores"), who, span, cast),
        _read(run, "ranks", run.factors("ranks"), who, span, cast),
        decisions.sort_values(["who", "place"], kind="stable"),
    )


def _told(
    table: pd.DataFrame, pairs: pd.DataFrame, name: str, sides: Sequence[Side], cast: Cast
) -> pd.DataFrame:
    """Add who it is, which factor differs most, and who left it out."""
    medians = [_medians(side, pairs, name) for side in sides]
    table = _with_factors(table, medians)
    said = [_left_out(row, pairs, sides) for row in table.to_dict("records")]
    who = table["who"].to_numpy(np.int64)
    ids = cast.ids[who].to_numpy(object)
    table = table.assign(said=said, candidate_id=ids, kind=cast.kind[who])
    return table[list(COLUMNS)].reset_index(drop=True)


def _medians(side: Side, pairs: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the median of each factor of each candidate over its nights, by who."""
    site = side.site_factors
    parts = [side.scores]
    if name != SCIENCE:
        parts.append(site[site["observatory"] == name].drop(columns="observatory"))
    found = []
    for rows in parts:
        factors = [name for name in map(str, rows.columns) if name.startswith("x_")]
        if factors:
            own = rows.merge(pairs[["place", "who"]], on=["place", "who"])
            found.append(own.groupby("who")[factors].median())
    return pd.concat(found, axis=1) if found else pd.DataFrame(index=pd.Index([], name="who"))


def _with_factors(table: pd.DataFrame, medians: Sequence[pd.DataFrame]) -> pd.DataFrame:
    names = sorted({str(name) for median in medians for name in median.columns})
    if not names or table.empty:
        return table.assign(factor="", value=np.nan, value_against=np.nan)
    values = [m.reindex(index=table["who"], columns=names).to_numpy(float) for m in medians]
    # A factor that a config does not have is one that says nothing: 1.
    has = [np.isin(names, list(map(str, m.columns))) for m in medians]
    logs = [
        np.log(np.maximum(np.where(own, value, 1.0), LEAST_FACTOR))
        for value, own in zip(values, has, strict=True)
    ]
    change = np.nan_to_num(np.abs(logs[0] - logs[1]))
    every, best = np.arange(len(table)), change.argmax(axis=1)
    is_any = change[every, best] > 0
    return table.assign(
        factor=np.where(is_any, np.array(names, dtype=object)[best], ""),
        value=np.where(is_any, values[0][every, best], np.nan),
        value_against=np.where(is_any, values[1][every, best], np.nan),
    )


def _left_out(row: Mapping[Any, Any], pairs: pd.DataFrame, sides: Sequence[Side]) -> str:
    """Say which run leaves a candidate out on most of its nights, and by which factor."""
    outs = (int(row["out"]), int(row["out_against"]))
    k = int(outs[1] > outs[0])
    if not outs[k]:
        return ""
    name = ("rank_out", "rank_against_out")[k]
    nights = pairs.loc[(pairs["who"] == row["who"]) & pairs[name], "place"].to_numpy(np.int64)
    decisions = sides[k].decisions
    by = _by(decisions[decisions["who"] == row["who"]], nights)
    return f"left out by {sides[k].name} on {outs[k]} of {row['nights']} nights{by}"


def _by(rows: pd.DataFrame, nights: Ints) -> str:
    """Name the factor that decided on most of some nights; a decision lasts until the next row."""
    if rows.empty:
        return ""
    last = np.searchsorted(rows["place"].to_numpy(), nights, side="right") - 1
    last = last[last >= 0]
    if not len(last):
        return ""
    table = rows.iloc[last]
    left = table[table["decision"].astype(str) != "keep"]
    if left.empty:
        return ""
    factor = left["factor"].astype(str).mode().iloc[0]
    return f", mostly by {factor}" if factor else ""
