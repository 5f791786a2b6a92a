"""The ledger as a page and as CSV: what became of what was recommended."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from aas2rto.page.answers import CSV, answer
from aas2rto.page.night import Night
from aas2rto.page.site import Site
from aas2rto.page.views import Asked, Views
from aas2rto.questions.ledger_files import as_csv
from aas2rto.questions.ledger_sums import sums
from aas2rto.text.json_values import plain

MOST = 200
"""Rows and nights that the page shows, the newest; the files have all."""


def page(views: Views, asked: Asked, night: Night) -> str:
    """Return the ledger: sums by config, night, phase and class, and the newest rows.

    Parameters
    ----------
    views : Views
    asked : Asked
    night : Night
    """
    found = views.desk.ledger(night)
    told = sums(found)
    nights = list(reversed(told["by_night"]))[:MOST]
    rows = [plain(row) for row in found.table.iloc[::-1].head(MOST).to_dict("records")]
    most = max([row["observed"] + row["lost"] for row in nights], default=1)
    more = {"found": found, "told": told, "nights": nights, "most": most, "rows": rows}
    return views.render("ledger", asked, night, **more)


def add_ledger(router: APIRouter, site: Site) -> None:
    """Add its addresses to those of the pages."""

    @router.get("/ledger")
    def ledger(request: Request) -> Response:
        return site.page(request, lambda asked, night: page(site.views, asked, night))

    @router.get("/ledger.csv")
    def csv(request: Request) -> Response:
        night, project = site.night(), site.case.project

        def make() -> bytes:
            return as_csv(site.desk.ledger(night), project).encode("utf-8", "replace")

        body = site.shelf.of(night, ("ledger.csv",), make)
        file = f'attachment; filename="{quote(project, safe="")}_ledger.csv"'
        return answer(request, body, CSV, headers={"Content-Disposition": file})
