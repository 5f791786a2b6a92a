"""The addresses of the triage: a page, JSON, CSV, and files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Depends, Query, Request, Response

from aas2rto.outputs.cells import to_csv
from aas2rto.page.answers import CSV, JSON, answer, as_json
from aas2rto.page.api import PREFIX, example
from aas2rto.page.night import Night
from aas2rto.page.site import Site
from aas2rto.page.triage import FEWEST, MOST, SHOWN, SORTS, USUAL, Triage, View, triage
from aas2rto.page.views import Asked

SPANS = ((12, "12 h"), (24, "1 d"), (48, "2 d"), (72, "3 d"), (168, "7 d"))
SIZES = (FEWEST, 20, SHOWN, 100, 200, 500, MOST)

COLUMNS = (
    *("place", "candidate_id", "name", "ra", "dec", "first_mjd", "first_band", "first_mag"),
    *("first_survey", "n_detections", "last_mag", "last_band", "score", "decision", "reported"),
    *("class", "probability", "version", "top", "top_probability", "opinion", "reason"),
)
"""Of the CSV, see `aas2rto.page.triage`; `first_mjd` [d, MJD UTC], `ra`, `dec` [deg]."""

EXAMPLE = {
    "now": "2026-03-20T22:00:00.000",
    "hours": 72,
    "classifier": "stamp_classifier",
    "found": 1,
    "rows": [
        {
            "place": 1,
            "candidate_id": "ZTF26aaaaaaa",
            "first_detection": "2026-03-19T08:12",
            "first_mag": 19.2,
            "first_band": "ztfr",
            "n_detections": 3,
            "reported": "AT 2026abc",
            "class": "SN",
            "probability": 0.91,
            "opinion": "possible",
        }
    ],
}


def view_of(
    hours: float = USUAL,
    n: int = SHOWN,
    sort: str = SORTS[0],
    classifier: str = "",
    class_: Annotated[str, Query(alias="class")] = "",
) -> View:
    """Read what is looked at."""
    return View.of(hours, n, sort, classifier, class_)


Look = Annotated[View, Depends(view_of)]


def router_of(site: Site) -> APIRouter:
    """Return the addresses of the triage.

    Parameters
    ----------
    site : Site
    """
    router = APIRouter()

    @router.get("/triage", include_in_schema=False)
    def page(request: Request, view: Look) -> Response:
        return site.page(request, lambda asked, night: render(site, asked, night, view))

    @router.get("/triage.csv", include_in_schema=False)
    def csv(request: Request, view: Look) -> Response:
        night = site.night()
        make = lambda: as_csv(night, triage(night, view))  # noqa: E731  one line says it
        body = site.shelf.of(night, ("triage csv", request.url.query), make)
        file = {"Content-Disposition": 'attachment; filename="triage.csv"'}
        return answer(request, body, CSV, headers=file)

    @router.get(f"{PREFIX}/triage", responses=example(EXAMPLE))
    def told(request: Request, view: Look) -> Response:
        """Return who was discovered in the last 12 to 168 hours, with class and people's word."""
        night = site.night()
        make = lambda: as_json(as_told(night, triage(night, view)))  # noqa: E731
        return answer(request, site.shelf.of(night, ("triage", request.url.query), make), JSON)

    return router


def as_told(night: Night, found: Triage) -> dict[str, Any]:
    """Return a view for programs."""
    view = found.view
    asked = {"hours": view.hours, "n": view.n, "sort": view.sort, "classifier": view.classifier}
    told = {"now": night.now.utc.isot, **asked, "class": view.class_, "found": found.found}
    return {**told, "asks_tns": found.asks_tns, "rows": found.rows}


def as_csv(night: Night, found: Triage) -> bytes:
    """Return a view as a table."""
    head = [f"triage of the last {found.view.hours:g} h", f"now: {night.now.utc.isot} UTC"]
    head += [f"project: {night.parts.case.project}", f"classifier: {found.view.classifier}"]
    table = pd.DataFrame(found.rows, columns=list(COLUMNS))
    return to_csv(table, COLUMNS, head).encode("utf-8", "replace")


def render(site: Site, asked: Asked, night: Night, view: View) -> str:
    """Return the page of a view."""
    found = triage(night, view)
    choices = {"spans": SPANS, "sizes": SIZES, "sorts": SORTS}
    return site.views.render("triage", asked, night, found=found, view=found.view, **choices)


def files(site: Site, night: Night, asked: Asked) -> Iterator[tuple[str, str | bytes]]:
    """Yield the page of the usual view, with JSON and CSV, for a static export."""
    found = triage(night, View())
    yield "triage.html", render(site, asked, night, View())
    yield "triage.csv", as_csv(night, found)
    yield "api/triage.json", as_json(as_told(night, found))
