"""Two runs of the same nights side by side: differences in pairs, who rose, who fell, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aas2rto.replay.bootstrap import Estimate, difference, quotient
from aas2rto.replay.cast import Cast
from aas2rto.replay.folder import DEEP, SCIENCE, Run
from aas2rto.replay.metrics import Metric, Span

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SAME = 1e-6
"""Two times [d] are the same night's `now` if they differ by less: 0.1 s."""
LEAST_FACTOR = 1e-6
"""Smaller factors are taken as this large, so that zero has a logarithm."""
MOST = 12
"""Candidates named that rose, and that fell."""


@dataclass(frozen=True)
class Difference:
    """One metric of both runs.

    Parameters
    ----------
    metric : Metric
        Of the first run.
    one, other, minus, ratio : Estimate
        Both runs; the first less the second, and over it, in pairs.
    """

    metric: Metric
    one: Estimate
    other: Estimate
    minus: Estimate
    ratio: Estimate

    @property
    def is_clear(self) -> bool:
        """Tell whether the interval of the difference leaves out zero."""
        return self.minus.low > 0 or self.minus.high < 0


def common(one: pd.DataFrame, other: pd.DataFrame) -> Span:
    """Return the nights that both runs judged at the same time."""
    both = one.merge(other, on="night", suffixes=("", "_other"))
    same = np.abs(both["at"].to_numpy(float) - both["at_other"].to_numpy(float)) < SAME
    both = both[same].sort_values("at", kind="stable")
    return Span(both["night"].to_numpy(np.int64), both["at"].to_numpy(float))


def differences(one: Sequence[Metric], other: Sequence[Metric], seed: int) -> list[Difference]:
    """Compare the metrics that both runs have."""
    peers = {metric.key: metric for metric in other}
    return [
        Difference(
            metric,
            metric.measured.estimate(seed),
            peers[metric.key].measured.estimate(seed),
            difference(metric.measured, peers[metric.key].measured, seed),
            quotient(metric.measured, peers[metric.key].measured, seed),
        )
        for metric in one
        if metric.key in peers
    ]


def membership(one: Ints, other: Ints, cast: Cast) -> dict[str, dict[str, int]]:
    """Count who was ever in the top N of one run and never in that of the other, by kind.

    Parameters
    ----------
    one, other : ndarray of int
        Places in the cast of all rows of the top N.
    cast : Cast
    """
    names = ("unknown", "class", "neither", "other")
    found = {}
    for label, some in (("new", np.setdiff1d(one, other)), ("lost", np.setdiff1d(other, one))):
        counts = np.bincount(cast.kind[some], minlength=len(names))
        found[label] = {"all": len(some)} | {n: int(c) for n, c in zip(names, counts, strict=True)}
    return found


MOVER_COLUMNS = (
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


def movers(one: Run, other: Run, observatory: str, span: Span, cast: Cast) -> pd.DataFrame:
    """Return whose rank differs, over the nights on which it is in the first 20 of either run.

    Returns
    -------
    DataFrame
        `MOVER_COLUMNS`, by ``moved``, the median of the rank in the second run less that in the
        first: positive for those that rose. Who is in no list that night stands below its end.
        ``factor`` is the one whose logarithm changed most, ``value`` its median in both runs;
        ``said`` is why one of the runs left the candidate out, where it did.
    """
    own = pc.field("observatory") == observatory
    high = [_ranks(run, own & (pc.field("rank") <= DEEP), span, cast) for run in (one, other)]
    deep = pd.concat([rows[["place", "who"]] for rows in high])
    pairs = deep.drop_duplicates().sort_values(["who", "place"]).reset_index(drop=True)
    if pairs.empty:
        return pd.DataFrame(columns=list(MOVER_COLUMNS))
    some = _among(cast, pairs["who"].unique())
    ranks = [_ranks(run, own & some, span, cast) for run in (one, other)]
    ends = [_lengths(run, observatory, span) for run in (one, other)]
    for name, rows, end in zip(("rank", "rank_against"), ranks, ends, strict=True):
        pairs = pairs.merge(rows.rename(columns={"rank": name}), on=["place", "who"], how="left")
        missing = pairs[name].isna().to_numpy()
        pairs[f"{name}_out"] = missing
        pairs[name] = np.where(missing, end[pairs["place"]] + 1, pairs[name])
    pairs["moved"] = pairs["rank_against"] - pairs["rank"]
    table = pairs.groupby("who", sort=True).agg(
        nights=("place", "size"),
        moved=("moved", "median"),
        rank=("rank", "median"),
        rank_against=("rank_against", "median"),
        out=("rank_out", "sum"),
        out_against=("rank_against_out", "sum"),
    )
    table = _chosen(table.reset_index())
    table = _with_factors(table, pairs, one, other, observatory, span, cast)
    table["said"] = _with_reasons(table, pairs, one, other, span, cast)
    table["candidate_id"] = cast.ids[table["who"]].to_numpy(object)
    table["kind"] = cast.kind[table["who"]]
    return table[list(MOVER_COLUMNS)].reset_index(drop=True)


def _among(cast: Cast, who: Any) -> Any:
    """Return which rows are of some of the cast."""
    return pc.field("candidate_id").isin(pa.array(cast.ids[who].tolist(), pa.string()))


def _chosen(table: pd.DataFrame) -> pd.DataFrame:
    """Return those that moved most, up and down; of equals those for more nights."""
    order = table.assign(size=-table["moved"].abs(), many=-table["nights"])
    order = order.sort_values(["size", "many", "who"], kind="stable").drop(columns=["size", "many"])
    rose, fell = order[order["moved"] > 0].head(MOST), order[order["moved"] < 0].head(MOST)
    return pd.concat([rose, fell[::-1]]).reset_index(drop=True)


def _ranks(run: Run, chosen: Any, span: Span, cast: Cast) -> pd.DataFrame:
    """Return ``place, who, rank`` of some rows."""
    rows = run.table("ranks", ("night", "rank", "candidate_id"), chosen, cast.ids)
    rows = rows.assign(place=span.place(rows["night"].to_numpy(np.int64)))
    return rows[rows["place"] >= 0][["place", "who", "rank"]]


def _lengths(run: Run, observatory: str, span: Span) -> Ints:
    """Return the length of a list by night."""
    rows = run.table("ranks", ("night", "rank"), pc.field("observatory") == observatory)
    place = span.place(rows["night"].to_numpy(np.int64))
    longest = np.zeros(len(span), dtype=np.int64)
    np.maximum.at(longest, place[place >= 0], rows["rank"].to_numpy(np.int64)[place >= 0])
    return longest


def _with_factors(
    table: pd.DataFrame,
    pairs: pd.DataFrame,
    one: Run,
    other: Run,
    observatory: str,
    span: Span,
    cast: Cast,
) -> pd.DataFrame:
    """Add which factor differs most, by the medians over the nights of each candidate."""
    medians = [
        _medians(run, pairs, table["who"].to_numpy(np.int64), observatory, span, cast)
        for run in (one, other)
    ]
    names = sorted({str(name) for median in medians for name in median.columns})
    blank = pd.DataFrame(np.nan, index=table["who"], columns=names)
    values = [m.reindex(index=blank.index, columns=names).to_numpy(float) for m in medians]
    if not names:
        return table.assign(factor="", value=np.nan, value_against=np.nan)
    # A factor that a config does not have is one that says nothing: 1.
    lists = [np.isin(names, list(map(str, m.columns))) for m in medians]
    logs = [
        np.log(np.maximum(np.where(has, v, 1.0), LEAST_FACTOR))
        for v, has in zip(values, lists, strict=True)
    ]
    change = np.nan_to_num(np.abs(logs[0] - logs[1]))
    best = change.argmax(axis=1)
    every = np.arange(len(table))
    is_any = change[every, best] > 0
    return table.assign(
        factor=np.where(is_any, np.array(names, dtype=object)[best], ""),
        value=np.where(is_any, values[0][every, best], np.nan),
        value_against=np.where(is_any, values[1][every, best], np.nan),
    )


def _medians(
    run: Run, pairs: pd.DataFrame, who: Ints, observatory: str, span: Span, cast: Cast
) -> pd.DataFrame:
    """Return the median of each factor of some candidates over their nights, by who."""
    chosen = _among(cast, who)
    parts = []
    sources = [("scores", chosen)]
    if observatory != SCIENCE:
        sources.append(("ranks", chosen & (pc.field("observatory") == observatory)))
    for name, rows_of in sources:
        factors = run.factors(name)
        if not factors:
            continue
        rows = run.table(name, ("night", "candidate_id", *factors), rows_of, cast.ids)
        rows["place"] = span.place(rows["night"].to_numpy(np.int64))
        rows = rows.merge(pairs[["place", "who"]], on=["place", "who"])
        parts.append(rows.groupby("who")[factors].median())
    return pd.concat(parts, axis=1) if parts else pd.DataFrame(index=pd.Index([], name="who"))


def _with_reasons(
    table: pd.DataFrame, pairs: pd.DataFrame, one: Run, other: Run, span: Span, cast: Cast
) -> list[str]:
    """Return why a candidate is left out by the run that does so on most of its nights."""
    said = []
    found = [_decisions(run, table["who"].to_numpy(np.int64), span, cast) for run in (one, other)]
    for row in table.to_dict("records"):
        outs = (int(row["out"]), int(row["out_against"]))
        side = int(outs[1] > outs[0])
        if not outs[side]:
            said.append("")
            continue
        name = "rank_against_out" if side else "rank_out"
        nights = pairs.loc[(pairs["who"] == row["who"]) & pairs[name], "place"].to_numpy()
        run = (one, other)[side].name
        rows = found[side][found[side]["who"] == row["who"]]
        said.append(
            f"left out by {run} on {outs[side]} of {row['nights']} nights{_by(rows, nights)}"
        )
    return said


def _decisions(run: Run, who: Ints, span: Span, cast: Cast) -> pd.DataFrame:
    columns = ("night", "candidate_id", "decision", "factor")
    chosen = _among(cast, who)
    rows = run.table("decisions", columns, chosen, cast.ids)
    rows["place"] = span.place(rows["night"].to_numpy(np.int64))
    return rows[rows["place"] >= 0].sort_values(["who", "place"], kind="stable")


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
