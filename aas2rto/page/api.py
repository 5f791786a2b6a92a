"""The addresses for programs: JSON, with ETag and pages, described by OpenAPI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from aas2rto.errors import UsageError
from aas2rto.outputs import plan_json
from aas2rto.page import plan_page
from aas2rto.page.answers import JSON, answer, as_json
from aas2rto.page.curve_data import curve_data
from aas2rto.page.desk import Told
from aas2rto.page.night import Night
from aas2rto.page.rights import Right
from aas2rto.page.rows import Wanted, listed, time_of
from aas2rto.page.site import Site, wanted_of
from aas2rto.page.views import funnel, source_row
from aas2rto.questions.ledger_files import as_dictionary
from aas2rto.text.words import one_line

PREFIX = "/api/v1"

Want = Annotated[Wanted, Depends(wanted_of)]
PageNumber = Annotated[int, Query(ge=1)]
Close = Annotated[list[str] | None, Query(max_length=10)]
PerPage = Annotated[int, Query(ge=1, le=500)]


class NewMark(BaseModel):
    """What somebody says of a candidate, as `aas2rto mark` takes it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "candidate_id": "ZTF26aaaaaaa",
                    "kind": "observed",
                    "observatory": "la_palma_not",
                    "by": "Anna",
                },
                {"candidate_id": "SN 2026abc", "kind": "snooze", "until": ["3d", "new-data"]},
            ]
        },
    )

    candidate_id: str = Field(max_length=20_000, description="Any id or name.")
    kind: str = Field(
        description="observed, failed, clouded, veto, pin, snooze, possible, bogus or comment."
    )
    observatory: str = Field("", description="Where it was observed, or alone holds.")
    until: list[str] = Field(
        default_factory=list,
        max_length=5,
        description="When it ends: a time, 3d, new-data, 0.5 mag; now takes it back.",
    )
    by: str = Field("", max_length=60)
    comment: str = Field("", max_length=2000)


def example(value: Any) -> dict[int | str, dict[str, Any]]:
    """Return an example of an answer for OpenAPI, and what else may be answered."""
    return {
        200: {"content": {JSON: {"example": value}}},
        304: {"description": "Nothing has changed: see If-None-Match."},
        401: {"description": "A token is needed."},
        429: {"description": "Too many questions; see Retry-After."},
        503: {"description": "The stored state is being read; see Retry-After."},
    }


LIST = {
    "list": "la_palma_not",
    "now": "2026-03-20T22:00:00.000",
    "total": 11,
    "found": 11,
    "page": 1,
    "pages": 1,
    "next": None,
    "rows": [
        {
            "rank": 1,
            "candidate_id": "SIM42Z000160",
            "site_score": 0.736,
            "last_mag": 17.87,
            "last_band": "ztfg",
            "days_to_peak": -1.2,
            "altitude": 42.1,
            "observable_now": True,
            "reason": "value x0.787 (79%: P(SN Ia) = 94%, 1.2 +- 0.8 d after peak)",
        }
    ],
}
WHY = {
    "asked": "SIM42Z000000",
    "candidate_id": "SIM42Z000000",
    "state": "reject",
    "factor": "time_span",
    "reason": "first detected 34.7 d ago, more than 30 d",
    "would": {"sentence": "score.factors.time_span.max 30 day -> 34.8 day: rank 10 at ..."},
}
LIGHT_CURVE = {
    "now_mjd": 61119.917,
    "peak": {"mjd": 61118.7, "err": 0.8, "model": "salt"},
    "bands": [{"band": "ztfg", "days": [-0.5], "kind": ["point"], "mag": [17.87]}],
    "model": [{"band": "ztfg", "days": [-0.5], "mag": [17.85]}],
    "total": [{"band": "ztfg", "days": [-0.5], "kind": ["point"], "mag": [16.92]}],
}
LEDGER = {
    "top": 5,
    "by_config": [{"config": "56f829f94e0d", "recommended": 9, "observed": 4, "hits": 3}],
    "rows": [{"candidate_id": "SIM42x00035", "best_rank": 2, "type": "SN Ia", "hit": True}],
}
SOURCE = {"source": "fink", "verdict": "ok", "failures": 0, "lag": 0, "dark": False}


def router_of(site: Site) -> APIRouter:
    """Return the addresses for programs.

    Parameters
    ----------
    site : Site
    """
    router = APIRouter(prefix=PREFIX, tags=["v1"])
    _add_lists(router, site)
    _add_plan(router, site)
    _add_state(router, site)
    _add_candidates(router, site)
    _add_marks(router, site)
    _add_ledger(router, site)
    return router


def _add_ledger(router: APIRouter, site: Site) -> None:
    @router.get("/ledger", responses=example(LEDGER))
    def ledger(request: Request) -> Response:
        """Say what became of what was recommended: by config, night, phase, class; and the rows."""
        project = site.case.project
        return _told(site, request, lambda night: as_dictionary(site.desk.ledger(night), project))


def _told(site: Site, request: Request, make: Callable[[Night], Any], **headers: str) -> Response:
    """Answer from one night, from the shelf if it is there."""
    night = site.night()
    key = ("api", request.url.path, request.url.query)
    body = site.shelf.of(night, key, lambda: as_json(make(night)))
    return answer(request, body, JSON, headers=headers)


def _page(rows: list[dict[str, Any]], page: int, per_page: int) -> dict[str, Any]:
    pages = max(-(-len(rows) // per_page), 1)
    return {
        "total": len(rows),
        "page": page,
        "pages": pages,
        "rows": rows[(page - 1) * per_page : page * per_page],
    }


def _add_lists(router: APIRouter, site: Site) -> None:
    @router.get("/lists", responses=example({"lists": [{"list": "science", "total": 27}]}))
    def lists(request: Request) -> Response:
        """Say which lists there are: one for each observatory, and ``science``."""

        def make(night: Night) -> Any:
            told = [(name, night.ranking(name)) for name in night.lists]
            return {
                "now": night.now.utc.isot,
                "lists": [{"list": n, "total": len(r.table)} for n, r in told if r is not None],
            }

        return _told(site, request, make)

    @router.get("/lists/{name}", responses=example(LIST))
    def one_list(request: Request, name: str, wanted: Want) -> Response:
        """Return a list, best first: a page of it, filtered and sorted as asked."""
        if site.night().ranking(name) is None:
            raise HTTPException(404, f"there is no list {name!r}; /lists names them")
        query = dict(request.query_params)
        return _told(site, request, lambda night: list_json(site, night, name, wanted, query))


def list_json(
    site: Site, night: Night, name: str, wanted: Wanted, query: dict[str, str]
) -> dict[str, Any]:
    """Return a page of a list for programs, with the address of the next one."""
    ranking = night.ranking(name)
    if ranking is None:
        raise HTTPException(404, f"there is no list {name!r}")
    found = listed(night, ranking, wanted)
    after: dict[str, Any] = {**query, "page": found.page + 1}
    return {
        "list": name,
        "now": night.now.utc.isot,
        "cycle_mjd": night.seen.cycle,
        "total": found.total,
        "found": found.found,
        "page": found.page,
        "pages": found.pages,
        "next": site.links.api(f"lists/{name}", **after) if found.page < found.pages else None,
        "rows": found.rows,
    }


def _add_plan(router: APIRouter, site: Site) -> None:
    @router.get("/plan", responses=example({"method": "joint optimum", "observatories": {}}))
    def plan(request: Request, close: Close = None) -> Response:
        """Return tonight's plan, from the same state as the lists, as `aas2rto plan` writes it.

        With ``close=SITE`` or ``close=SITE 02:00-04:00`` it is planned again; nothing is written.
        """
        night = site.night()
        pairs = plan_page.closures(night, close or ())
        if night.plan is None and not pairs:
            said = night.plan_trouble or "the plan is being made; ask again in a moment"
            raise HTTPException(503, said, {"Retry-After": "5"})
        provenance = {"project": site.case.project, "config": site.case.digest}

        def make(night: Night) -> Any:
            found = plan_page.replanned(night, pairs) if pairs else night.plan
            return None if found is None else plan_json.as_dictionary(found, provenance)

        return _told(site, request, make)


def _add_state(router: APIRouter, site: Site) -> None:
    @router.get("/sources", responses=example({"sources": [SOURCE]}))
    def sources(request: Request) -> Response:
        """Say how each source is doing."""
        hide = site.views.hide

        def make(night: Night) -> Any:
            rows = [source_row(name, one, hide) for name, one in night.sources.items()]
            return {"now": night.now.utc.isot, "sources": rows}

        return _told(site, request, make)

    @router.get("/cycles", responses=example({"total": 1, "rows": [{"now": "2026-03-20T22:00"}]}))
    def cycles(request: Request, page: PageNumber = 1, per_page: PerPage = 20) -> Response:
        """Return what the newest cycles told, at most 500: funnel, problems, timings."""
        hide = site.views.hide

        def make(night: Night) -> Any:
            reports = site.desk.cycles(night.mjd, min(page * per_page, 500))
            told = [
                {k: v for k, v in one.items() if k != "rejecting"}
                | {"problems": [hide(str(line)) for line in one.get("problems") or []]}
                for one in reports
            ]
            return {"now_funnel": funnel(night), **_page(told, page, per_page)}

        return _told(site, request, make)


def _add_candidates(router: APIRouter, site: Site) -> None:
    def known(name: str) -> str:
        found = site.desk.resolve(name)
        if found is None:
            raise HTTPException(404, f"nobody is known as {name[:80]!r}{site.desk.meant(name)}")
        return found

    @router.get(
        "/candidates/{candidate_id:path}", responses=example({"candidate_id": "SIM42Z000160"})
    )
    def candidate(request: Request, candidate_id: str) -> Response:
        """Return all that is known of a candidate: as `explain --json`, with its photometry."""
        found = known(candidate_id)
        return _told(
            site, request, lambda night: candidate_json(night, site.desk.candidate(night, found))
        )

    @router.get("/light_curves/{candidate_id:path}", responses=example(LIGHT_CURVE))
    def light_curve(request: Request, candidate_id: str) -> Response:
        """Return the light curve and its model by band, as the chart of the page draws them."""
        found = known(candidate_id)

        def make(night: Night) -> Any:
            told = site.desk.candidate(night, found)
            return curve_data(told.subject, told.totals)

        return _told(site, request, make)

    @router.get("/why/{name:path}", responses=example(WHY))
    def why(request: Request, name: str, counterfactual: bool = True) -> Response:  # noqa: FBT001, FBT002
        """Say what became of any id or name, and what would bring it in, which may take seconds."""

        def make(night: Night) -> Any:
            told = site.desk.why(night, name)
            found = told["candidate_id"]
            if counterfactual and found is not None and told["state"] != "new":
                told["would"] = site.desk.would(night, found)
            return told

        return _told(site, request, make)


def candidate_json(night: Night, found: Told) -> dict[str, Any]:
    """Return a candidate for programs: what is told of it, its photometry, where it has ranked."""
    subject = found.subject
    columns = ["mjd", "band", "flux", "flux_err", "limit", "kind", "survey", "source"]
    points = subject.points[columns].to_dict("records")
    ranks = subject.ranks.to_dict("records") if len(subject.ranks) else []
    return {
        **found.told,
        "judged_for_mjd": night.mjd,
        "photometry": points,
        "rank_history": [{str(k): v for k, v in row.items()} for row in ranks],
    }


def _add_marks(router: APIRouter, site: Site) -> None:
    @router.get("/marks", responses=example({"total": 0, "page": 1, "pages": 1, "rows": []}))
    def marks(request: Request, page: PageNumber = 1, per_page: PerPage = 100) -> Response:
        """Return what people said, the newest first."""
        rows = site.desk.marks(float(site.clock().utc.mjd))
        told = [{**one, "at_utc": time_of(one["at"])} for one in rows]
        return answer(request, as_json(_page(told, page, per_page)), JSON)

    @router.post("/marks", status_code=201)
    def mark(request: Request, new: NewMark) -> Response:
        """Say something of a candidate. The token must be one that may write."""
        state = request.state
        form = state.headers.get("x-csrf-token", "")
        if not site.door.is_ours(state.headers, state.cookie, form):
            raise HTTPException(403, "this does not come from a page of ours, or is no JSON")
        if state.right < Right.WRITE:
            raise HTTPException(403, "this token may read, not mark")
        try:
            said = site.desk.mark(
                site.case,
                site.clock(),
                new.candidate_id,
                new.kind,
                observatory=new.observatory,
                until=new.until,
                author=one_line(new.by, 60) or site.author(request),
                comment=one_line(new.comment, 2000),
            )
        except UsageError as error:
            raise HTTPException(422, str(error)) from error
        site.watch.poke()
        told = {k: v for k, v in vars(said).items() if k != "key"}
        return Response(as_json(told), 201, media_type=JSON)
