"""The addresses of pages for people."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from aas2rto.errors import Aas2rtoError, UsageError
from aas2rto.outputs.cells import to_csv
from aas2rto.outputs.lists import LEADING
from aas2rto.page import plan_page
from aas2rto.page.answers import CSV, HTML, JSON, answer, as_json
from aas2rto.page.ledger_page import add_ledger
from aas2rto.page.past_page import add_past
from aas2rto.page.reports_page import add_reports
from aas2rto.page.rights import COOKIE, Right
from aas2rto.page.rows import Wanted, listed
from aas2rto.page.site import AUTHOR, STATIC, Site, local, wanted_of
from aas2rto.text.words import one_line

AWHILE = 30 * 86400
"""How long a browser remembers a session and a name [s]."""

LISTENERS = 200
"""Pages that update themselves at the same time."""

BEAT, LOOK_UP = 15.0, 0.5
"""How often something is said to who listens, though there is nothing to say; and looked [s]."""

KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}

CSV_COLUMNS = (
    *LEADING,
    "last_mag",
    "last_band",
    "n_detections",
    "first_detection",
    "t_peak",
    "t_peak_err",
    "redshift",
    "spectral_type",
    "altitude",
    "airmass",
    "moon_sep",
    "rises",
    "sets",
    "hours_left",
    "observable_now",
    "reason",
)

HIDES: dict[str, tuple[str, ...]] = {
    "mag": ("last_mag", "last_band"),
    "peak": ("t_peak", "t_peak_err"),
    "class": ("redshift", "spectral_type"),
    "age": ("first_detection", "n_detections"),
    "up": ("altitude", "airmass", "rises", "sets", "hours_left", "observable_now"),
    "moon": ("moon_sep",),
    "why": ("reason",),
}
"""What of a row can be left out, and which columns of its CSV go with it."""

Want = Annotated[Wanted, Depends(wanted_of)]


def router_of(site: Site) -> APIRouter:
    """Return the pages of a site.

    Parameters
    ----------
    site : Site
    """
    router = APIRouter(include_in_schema=False)
    _add_pages(router, site)
    _add_more(router, site)
    add_ledger(router, site)
    add_reports(router, site)
    add_past(router, site)
    _add_answers(router, site)
    _add_door(router, site)
    return router


def _add_pages(router: APIRouter, site: Site) -> None:
    views = site.views

    @router.get("/")
    def tonight(request: Request, wanted: Want, list: str = "") -> Response:
        name = list or site.night().lists[0]
        if site.night().ranking(name) is None:
            return site.note(request, 404, "No such list", f"there is no list {name!r}")
        return site.page(request, lambda asked, night: views.tonight(asked, night, name, wanted))

    @router.get("/candidate")
    def candidate(request: Request, id: str, period: str = "") -> Response:
        found = site.desk.resolve(id)
        if found is None:
            to = RedirectResponse(site.links.page("why", id=id), 303)
            return to if len(id) < 300 else site.note(request, 404, "Nobody is known by that name")
        return site.page(
            request,
            lambda asked, night: views.candidate(asked, night, found, whole=False, period=period),
        )

    @router.get("/would")
    def would(request: Request, id: str) -> Response:
        found = site.desk.resolve(id)
        if found is None:
            return site.note(request, 404, "Nobody is known by that name")
        return site.page(request, lambda asked, night: views.would(asked, night, found))

    @router.get("/why")
    def why(request: Request, id: str = "") -> Response:
        return site.page(request, lambda asked, night: views.why(asked, night, id[:300]))


def _add_more(router: APIRouter, site: Site) -> None:
    views = site.views

    @router.get("/plan")
    def plan(
        request: Request,
        close: Annotated[list[str] | None, Query()] = None,
        site_: Annotated[str, Query(alias="at")] = "",
        hours: str = "",
    ) -> Response:
        asked_for = [*(close or []), f"{site_} {hours}" if site_ else ""]
        return site.page(
            request, lambda asked, night: plan_page.page(views, asked, night, asked_for)
        )

    @router.get("/sources")
    def sources(request: Request) -> Response:
        return site.page(request, views.sources)

    @router.get("/config")
    def config(request: Request) -> Response:
        return site.page(request, views.config)

    @router.get("/marks")
    def marks(request: Request) -> Response:
        now, asked = float(site.clock().utc.mjd), site.asked(request)
        body = views.marks(asked, site.night(), now)
        return answer(request, body.encode("utf-8", "replace"), HTML)


def _add_answers(router: APIRouter, site: Site) -> None:
    @router.get("/csv")
    def csv(request: Request, wanted: Want, list: str = "science", hide: str = "") -> Response:
        night = site.night()
        ranking = night.ranking(list)
        if ranking is None:
            return site.note(request, 404, "No such list", f"there is no list {list!r}")

        def make() -> bytes:
            table = listed(night, ranking, wanted, whole=True).table
            now = f"now: {night.now.utc.isot} UTC"
            head = [f"list: {list}", now, f"project: {site.case.project}"]
            hidden = {one for key in hide.split() for one in HIDES.get(key, ())}
            shown = [one for one in CSV_COLUMNS if one not in hidden]
            return to_csv(table, shown, head).encode("utf-8", "replace")

        body = site.shelf.of(night, ("csv", request.url.query), make)
        file = f'attachment; filename="{quote(list, safe="")}.csv"'
        return answer(request, body, CSV, headers={"Content-Disposition": file})

    files = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in KINDS}

    @router.get("/static/{name}")
    def static(request: Request, name: str) -> Response:
        if name not in files:
            return Response("there is no such file\n", 404)
        # Its address changes with its content.
        lasting = {"Cache-Control": "public, max-age=31536000, immutable"}
        return answer(
            request, files[name], KINDS[f".{name.rsplit('.', maxsplit=1)[-1]}"], headers=lasting
        )

    listening = [0]

    @router.get("/events")
    async def events(request: Request) -> Response:
        if listening[0] >= LISTENERS:
            return Response(as_json({"error": "too many listen already"}), 503)
        return StreamingResponse(_beats(request, site, listening), media_type="text/event-stream")


async def _beats(request: Request, site: Site, listening: list[int]) -> AsyncIterator[str]:
    """Say which night is the newest, at once and whenever it is another."""
    listening[0] += 1
    told, silent = None, 0.0
    try:
        yield "retry: 3000\n\n"
        while not site.watch.is_ending and not await request.is_disconnected():
            night, edition = site.watch.night, site.watch.edition
            if edition != told:
                told, silent = edition, 0.0
                cycle = None if night is None else night.seen.cycle
                data = json.dumps({"edition": edition, "cycle_mjd": cycle})
                yield f"event: night\nid: {edition}\ndata: {data}\n\n"
            elif silent >= BEAT:
                silent = 0.0
                yield ": still here\n\n"
            await asyncio.sleep(LOOK_UP)
            silent += LOOK_UP
    finally:
        listening[0] -= 1


def _add_door(router: APIRouter, site: Site) -> None:
    @router.post("/mark")
    async def mark(request: Request) -> Response:
        return await _mark(site, request, await form_of(request))

    @router.get("/login")
    def login(request: Request, to: str = "/") -> Response:
        return _login(site, request, to, "")

    @router.post("/login")
    async def enter(request: Request) -> Response:
        return _enter(site, request, await form_of(request))


async def _mark(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Take a mark, and lead back to the page that it came from."""
    state, csrf = request.state, form.get("csrf", "")
    # An empty token is no form of ours: another site can send one too.
    if not csrf or not site.door.is_ours(state.headers, state.cookie, csrf):
        return _refused(site, request, 403, "this form is not of this page: load it anew")
    if state.right < Right.WRITE:
        return _refused(site, request, 403, "this token may read, not mark")
    try:
        said = await asyncio.to_thread(_take, site, request, form)
    except UsageError as error:
        return _refused(site, request, 400, str(error))
    except Aas2rtoError as error:
        return _refused(site, request, 503, f"nothing was marked: {error}"[:500])
    if _wants_json(request):
        told: Response = Response(as_json(vars(said)), media_type=JSON)
    else:
        where = urlsplit(local(form.get("back", "/")))
        query = [pair for pair in parse_qsl(where.query) if pair[0] != "said"]
        again = urlencode([*query, ("said", said.key)])
        told = RedirectResponse(f"{site.links.root}{where.path}?{again}", 303)
    _remember(told, request, form)
    return told


def _enter(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Let somebody in who has a token."""
    to = local(form.get("to", "/"))
    right = site.door.tokens.right_of(form.get("token", ""))
    if right < Right.READ:
        if not request.state.may_try():
            return _login(site, request, to, "too many wrong tokens: wait a minute", 429)
        return _login(site, request, to, "that is not a token of this page", 403)
    told = RedirectResponse(f"{site.links.root}{to}", 303)
    _set_cookie(told, request, COOKIE, site.door.session(right))
    _remember(told, request, form)
    return told


def _remember(told: Response, request: Request, form: dict[str, str]) -> None:
    """Let the browser remember who marks."""
    if by := one_line(form.get("by", ""), 60):
        _set_cookie(told, request, AUTHOR, quote(by))


def _set_cookie(told: Response, request: Request, name: str, value: str) -> None:
    safe = request.url.scheme == "https"
    told.set_cookie(name, value, AWHILE, httponly=True, samesite="strict", secure=safe)


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _login(site: Site, request: Request, to: str, wrong: str, status: int = 200) -> Response:
    body = site.views.render("login", site.asked(request), None, to=local(to), wrong=wrong)
    return Response(body, status, media_type=HTML)


async def form_of(request: Request) -> dict[str, str]:
    """Read a form; of a field that comes twice the first counts."""
    body = (await request.body()).decode("utf-8", "replace")
    found: dict[str, str] = {}
    for key, value in parse_qsl(body, keep_blank_values=True, max_num_fields=100):
        found.setdefault(key, value)
    return found


def _take(site: Site, request: Request, form: dict[str, str]) -> Any:
    """Take the mark of a form; a snooze without an end lasts for a day."""
    kind, until = form.get("kind", ""), form.get("until", "").strip()
    if kind == "snooze" and not until:
        until = "1d"
    visits = kind in {"observed", "failed", "clouded"}
    where = form.get("at", "") if visits or until == "now" or "by" in form else ""
    said = site.desk.mark(
        site.case,
        site.clock(),
        form.get("id", ""),
        kind,
        observatory=where,
        until=[until] if until else [],
        author=one_line(form.get("by", ""), 60) or site.author(request),
        comment=one_line(form.get("comment", ""), 2000),
    )
    site.watch.poke()
    return said


def _refused(site: Site, request: Request, status: int, words: str) -> Response:
    if _wants_json(request):
        return Response(as_json({"error": words}), status, media_type=JSON)
    return site.note(request, status, "It was not taken", words)
