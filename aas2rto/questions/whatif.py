"""What would change if: ranks and plans under other settings, from the same stored state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from astropy.time import Time

from aas2rto.factors import Decision
from aas2rto.outputs.ahead import NO, WAIT, Ahead, nights_of
from aas2rto.planning import NightPlan
from aas2rto.questions.plan import outlook, plan_of
from aas2rto.sky.visibility import clock
from aas2rto.steps import prefilter
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
        and whose rank ``moves``. Where a factor such as `wait_here` looks ahead, also who now
        ``waits``, who ``waits_no_longer``, and whose ``best_night`` is another. ``plan``: who
        enters, leaves and moves in the greedy plan of the whole network, and what it is worth.
    """
    pairs = tuple(close)
    memory = Remembering(OnlyRead(store.fits))
    # Whom a factor rejected that has other settings in the second case is asked again there.
    other = prefilter.changed(prefilter.what_rejects(before), prefilter.what_rejects(after))
    again = store.rejections.by(now.utc.mjd, other)
    first = outlook(before, store, now, memory=memory)
    second = outlook(after, store, now, memory=memory, also=again)
    shut = {name for name, interval in pairs if not interval}
    lists = {ranking.observatory: ranking for ranking in first.rankings}
    others = {ranking.observatory: ranking for ranking in second.rankings}
    plans = (
        plan_of(before, first, now, solve=False),
        plan_of(after, second, now, close=pairs, solve=False),
    )
    ahead = [_ahead(parts, judged) for parts, judged in ((before, first), (after, second))]
    return {
        "now": now.utc.isot,
        "lists": {
            name: _list(lists.get(name), others.get(name), second, closed=name in shut)
            | ({} if name in shut else waits(*(nights.get(name) for nights in ahead)))
            for name in dict.fromkeys([*lists, *others])
        },
        "plan": _plans(*plans),
    }


def _ahead(parts: Parts, judged: Judged) -> dict[str, Ahead]:
    """Return the nights ahead of each site that looks there."""
    kept = judged.scored.rows(Decision.KEEP)
    least = parts.case.config.score.min_value
    found = (nights_of(ranking, kept, least=least) for ranking in judged.rankings[1:])
    return {one.observatory: one for one in found if one is not None}


def waits(before: Ahead | None, after: Ahead | None) -> dict[str, Any]:
    """Say who now waits for a better night, who does not any more, and whose night is another.

    Parameters
    ----------
    before, after : Ahead or None
        The nights ahead of a site; None where nothing looks ahead.

    Returns
    -------
    dict
        Empty if neither looks ahead.
    """
    if before is None and after is None:
        return {}
    old, new = (_by_candidate(one) for one in (before, after))
    waited, waiting = (
        {name for name, row in rows.items() if row["do"] == WAIT} for rows in (old, new)
    )
    return {
        "waits": [
            _one(name, best_night=row["best_night"], reason=row["reason"])
            for name, row in new.items()
            if name in waiting - waited
        ],
        "waits_no_longer": [
            _one(name, best_night=row["best_night"], now=new.get(name, {}).get("do", NO))
            for name, row in old.items()
            if name in waited - waiting
        ],
        "best_night": [
            _one(name, **{"from": old[name]["best_night"], "to": row["best_night"]})
            for name, row in new.items()
            if name in old and old[name]["best_night"] != row["best_night"]
        ],
    }


def _by_candidate(ahead: Ahead | None) -> dict[str, dict[Any, Any]]:
    if ahead is None:
        return {}
    rows = ahead.table[["candidate_id", "do", "best_night", "reason"]].to_dict("records")
    return {str(row["candidate_id"]): row for row in rows}


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
