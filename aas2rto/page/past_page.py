"""A list as it was at a cycle before, from the history in the store, beside how it is now."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from aas2rto.page.answers import JSON, answer, as_json
from aas2rto.page.night import Night
from aas2rto.page.site import Site
from aas2rto.page.views import Asked, Views
from aas2rto.text.words import MJD_RANGE, iso

SPAN, MOST_TIMES = 14.0, 400
"""Cycles that can be chosen: of so many days [d], and at most so many, evenly over them."""

SHOWN = 100
"""Rows of a list that are shown; what was lower is not told exactly anyway."""


def page(views: Views, asked: Asked, night: Night, name: str, at: float) -> str:
    """Return a list as it was.

    Parameters
    ----------
    views : Views
    asked : Asked
    night : Night
    name : str
        Of the list.
    at : float
        [d, MJD UTC]; the newest cycle by then counts. NaN: the newest but one.
    """
    told = as_it_was(views, night, name, at)
    times = told.pop("times")
    choices = [{"at": f"{one:.6f}", "words": iso(one).replace("T", " ")} for one in times]
    return views.render("past", asked, night, name=name, choices=choices, shown=SHOWN, **told)


def as_it_was(views: Views, night: Night, name: str, at: float) -> dict[str, Any]:
    """Return a list as it was: ``at, cycle_mjd, times, total`` and ``rows``.

    Each row has ``rank, candidate_id, score, now`` (its rank in the newest list, None if it is not
    in it) and ``moved``: how many places up since then.
    """
    low, high = MJD_RANGE
    at = at if low <= at <= high else night.mjd
    site = "" if name == "science" else name
    times, table = views.desk.past(site, at, night.mjd, SPAN)
    ranking = night.ranking(name)
    now: dict[str, int] = {}
    if ranking is not None:
        ids, ranks = (ranking.table[key].tolist() for key in ("candidate_id", "rank"))
        now = dict(zip(ids, ranks, strict=True))
    rows = []
    for row in table.head(SHOWN).to_dict("records"):
        rank = now.get(row["candidate_id"])
        one = {"rank": int(row["rank"]), "candidate_id": row["candidate_id"], "now": rank}
        moved = None if rank is None else int(row["rank"]) - int(rank)
        rows.append({**one, "score": float(row["score"]), "moved": moved})
    cycle = max([one for one in times if one <= at], default=None)
    return {
        "at": at,
        "cycle_mjd": cycle,
        "times": times[:: max(-(-len(times) // MOST_TIMES), 1)],
        "total": len(table),
        "rows": rows,
    }


def number_of(text: str) -> float:
    """Read a time; NaN if it is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def add_past(router: APIRouter, site: Site) -> None:
    """Add the address of past lists to those of the pages."""

    @router.get("/past")
    def past(request: Request, list: str = "", at: str = "") -> Response:
        name = list or site.night().lists[0]
        if site.night().ranking(name) is None:
            return site.note(request, 404, "No such list", f"there is no list {name!r}")
        return site.page(
            request, lambda asked, night: page(site.views, asked, night, name, number_of(at))
        )

    @router.get("/past.json")
    def past_json(request: Request, list: str = "science", at: str = "") -> Response:
        night = site.night()
        if night.ranking(list) is None:
            return site.note(request, 404, "No such list", f"there is no list {list!r}")
        key = ("past", request.url.query)
        told = site.shelf.of(
            night, key, lambda: as_json(as_it_was(site.views, night, list, number_of(at)))
        )
        return answer(request, told, JSON)
