"""The best of each day on a page, and as JSON: cards, and an archive by day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response

from aas2rto.guard import attempt
from aas2rto.outputs.cells import sexagesimal
from aas2rto.page.answers import JSON, answer, as_json
from aas2rto.page.api import PREFIX, example
from aas2rto.page.light_curve_svg import light_curve
from aas2rto.page.night import Night
from aas2rto.page.site import Site
from aas2rto.page.views import Asked, elsewhere
from aas2rto.questions import snapshot as asked_of
from aas2rto.store import Store

MOST_DAYS = 400
"""Days that the archive names, the newest; any other can be asked for by its date."""

MOST_FILES = 60
"""Days that are written as files."""

EXAMPLE = {
    "project": "rubin-anomalies",
    "day": "2026-11-22",
    "of": "2026-11-22",
    "kept": False,
    "candidates": [
        {
            "rank": 1,
            "candidate_id": "170595943059554358",
            "score": 59.8,
            "at": "2026-11-22T04:48",
            "summary": "170595943059554358 lies in Pisces ...",
            "summary_by": "",
        }
    ],
}


def router_of(site: Site) -> APIRouter:
    """Return the addresses of snapshots.

    Parameters
    ----------
    site : Site
    """
    router = APIRouter()

    @router.get("/snapshot", include_in_schema=False)
    def page(request: Request, day: str = "") -> Response:
        return site.page(request, lambda asked, night: render(site, asked, night, day[:20]))

    @router.get(f"{PREFIX}/snapshots", responses=example({"days": ["2026-11-22"]}))
    def days(request: Request) -> Response:
        """Return the days that brought somebody, the newest first."""
        night = site.night()
        body = site.shelf.of(night, ("snapshots",), lambda: as_json({"days": _days(site, night)}))
        return answer(request, body, JSON)

    @router.get(f"{PREFIX}/snapshots/{{day}}", responses=example(EXAMPLE))
    def one(request: Request, day: str) -> Response:
        """Return the best of a day, such as 2026-11-22, with a summary of each."""
        night = site.night()
        make = lambda: as_json(told(site, night, day[:20]))  # noqa: E731  one line says it
        return answer(request, site.shelf.of(night, ("snapshot", day[:20]), make), JSON)

    return router


def told(site: Site, night: Night, day: str) -> dict[str, Any]:
    """Return the snapshot of a day, with what a program wrote of it where that lies by the store.

    Raises
    ------
    UsageError
        If `day` is no date, or the config asks for no snapshots.
    """
    wanted = asked_of.day_of(day) if day else None

    def ask(store: Store) -> dict[str, Any]:
        found = asked_of.snapshot(night.parts, store, night.now, wanted)
        place = store.engine.url.database
        return asked_of.with_written(found, Path(place).parent) if place else found

    return site.desk.ask(ask)


def _days(site: Site, night: Night) -> list[str]:
    asked_of.settings_of(night.parts)
    best = site.desk.ask(lambda store: store.daily_best.as_known(night.mjd))
    return [asked_of.date(day) for day in asked_of.days_of(best)[:MOST_DAYS]]


def render(site: Site, asked: Asked, night: Night, day: str) -> str:
    """Return the page of a day; of today where none is named."""
    found, days = told(site, night, day), _days(site, night)
    cards = [(one, _drawn(site, night, one)) for one in found["candidates"]]
    older = [one for one in days if one < (found["of"] or "")]
    newer = [one for one in days if one > found["day"]]
    return site.views.render(
        "snapshot",
        asked,
        night,
        told=found,
        cards=cards,
        days=days,
        older=older[0] if older else "",
        newer=newer[-1] if newer else "",
    )


def _drawn(site: Site, night: Night, card: dict[str, Any]) -> dict[str, Any]:
    """Return what is drawn of a candidate as it is known now; empty where it cannot be."""
    done = attempt("snapshot", lambda: site.desk.candidate(night, card["candidate_id"]))
    if done.value is None:
        return {"curve": "", "links": [], "place": ""}
    known = done.value.told
    return {
        "curve": light_curve(done.value.subject) if known["n_detections"] else "",
        "links": elsewhere(known),
        "place": " ".join(
            sexagesimal(np.array([known[key[:-4]]]), key)[0] for key in ("ra_hms", "dec_dms")
        ),
    }


def files(site: Site, night: Night, asked: Asked) -> Iterator[tuple[str, str | bytes]]:
    """Yield the names and contents of the pages of snapshots, for a static export."""
    if night.parts.case.config.snapshot is None:
        return
    days = _days(site, night)[:MOST_FILES]
    yield "snapshot.html", render(site, asked, night, "")
    yield "api/snapshots.json", as_json({"days": days})
    for day in days:
        yield f"snapshot-{day}.html", render(site, asked, night, day)
        yield f"api/snapshots/{day}.json", as_json(told(site, night, day))
