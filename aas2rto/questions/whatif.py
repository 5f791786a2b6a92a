"""What would change if: ranks and plans under other settings, from the same stored state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from astropy.time import Time

from aas2rto.planning import NightPlan
from aas2rto.questions.plan import outlook, plan_of
from aas2rto.sky.visibility import clock
from aas2rto.steps.cycle import Judged, Parts, Ranking
from aas2rto.steps.fit_memory import OnlyRead, Remembering
from aas2rto.store import Store

CLOSED = "closed"
WHY = ("candidate_id", "factor", "reason")


def compare(
    before: Parts,
    after: Parts,
    store: Store,
    now: Time,
    *,
    close: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Compare lists and plans of two science cases; nothing is stored.

    Parameters
    ----------
    before, after : Parts
        The science case, and the same with other settings.
    store : Store
        Is only read.
    now : Time
    close : iterable of (name, interval)
        Observatories that are closed in the second case, see `aas2rto.planning.closures`.

    Returns
    -------
    dict
        ``lists``: per list how many there were and are, who ``enters``, who ``leaves`` and why,
        and whose rank ``moves``. ``plan``: the same for the greedy plan of the whole network, with
        what it is worth.
    """
    pairs = tuple(close)
    memory = Remembering(OnlyRead(store.fits))
    first, second = (outlook(parts, store, now, memory=memory) for parts in (before, after))
    shut = {name for name, interval in pairs if not interval}
    lists = {ranking.observatory: ranking for ranking in first.rankings}
    others = {ranking.observatory: ranking for ranking in second.rankings}
    plans = (
        plan_of(before, first, store, now, solve=False),
        plan_of(after, second, store, now, close=pairs, solve=False),
    )
    return {
        "now": now.utc.isot,
        "lists": {
            name: _list(lists.get(name), others.get(name), second, closed=name in shut)
            for name in dict.fromkeys([*lists, *others])
        },
        "plan": _plans(*plans),
    }


def _list(
    before: Ranking | None, after: Ranking | None, judged: Judged, *, closed: bool
) -> dict[str, Any]:
    old, new = _ranks(before), {} if closed else _ranks(after)
    gone = [name for name in old if name not in new]
    why = dict.fromkeys(gone, CLOSED) if closed else _reasons(after, judged, gone)
    return {
        "before": len(old),
        "after": len(new),
        "enters": [_one(name, rank=rank) for name, rank in new.items() if name not in old],
        "leaves": [
            _one(name, rank=old[name], reason=why.get(name, "no such list")) for name in gone
        ],
        "moves": [
            {"candidate_id": name, "from": old[name], "to": rank}
            for name, rank in new.items()
            if name in old and old[name] != rank
        ],
    }


def _one(name: str, **more: Any) -> dict[str, Any]:
    return {"candidate_id": name, **more}


def _ranks(ranking: Ranking | None) -> dict[str, int]:
    if ranking is None:
        return {}
    table = ranking.table
    return {str(k): int(v) for k, v in zip(table["candidate_id"], table["rank"], strict=True)}


def _reasons(ranking: Ranking | None, judged: Judged, names: Collection[str]) -> dict[str, str]:
    """Return why some candidates are not in a list."""
    told: dict[str, str] = {}
    tables = [judged.scored.table, ranking.out if ranking else None]
    for table in tables:
        if table is not None:
            # Of these alone: a sentence is written when it is read.
            rows = table.loc[
                table["candidate_id"].isin(names), ["candidate_id", "factor", "reason"]
            ]
            told |= {
                str(row["candidate_id"]): f"{row['factor']}: {row['reason']}"
                for row in rows.to_dict("records")
            }
    return told


def _plans(before: NightPlan, after: NightPlan) -> dict[str, Any]:
    old, new = _visits(before.slots), _visits(after.slots)
    return {
        "before": {"visits": len(before.slots), "worth": before.greedy + before.first},
        "after": {"visits": len(after.slots), "worth": after.greedy + after.first},
        "enters": [_one(name, at=new[name]) for name in new if name not in old],
        "leaves": [_one(name, at=old[name]) for name in old if name not in new],
        "moves": [
            {"candidate_id": name, "from": old[name], "to": new[name]}
            for name in new
            if name in old and old[name] != new[name]
        ],
    }


def _visits(slots: pd.DataFrame) -> dict[str, str]:
    """Return where and when each candidate is visited first."""
    rows: Sequence[Mapping[Any, Any]] = slots.sort_values("start").to_dict("records")
    found: dict[str, str] = {}
    for row in rows:
        found.setdefault(row["candidate_id"], f"{row['observatory']} {clock(row['start'])}")
    return found
