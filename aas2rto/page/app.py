"""The application that a server runs: pages, API, errors, and the door before all of them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from astropy.time import Time
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from aas2rto import __version__
from aas2rto.config.redaction import Redactor
from aas2rto.errors import Aas2rtoError, UsageError
from aas2rto.guard import attempt
from aas2rto.page import api, html, snapshots, triage_page
from aas2rto.page.answers import HTML, JSON, answer, as_json
from aas2rto.page.desk import Desk
from aas2rto.page.guarding import Guarded
from aas2rto.page.links import Links
from aas2rto.page.rights import Door, Tokens
from aas2rto.page.site import STATIC, Site
from aas2rto.page.views import Asked, Views
from aas2rto.page.watch import Watch
from aas2rto.steps.cycle import Parts
from aas2rto.store import Store

WORDS = {404: "There is no such page", 503: "Not now"}


def site_of(
    parts: Parts,
    open_store: Callable[[], Store],
    clock: Callable[[], Time],
    *,
    tokens: Tokens | None = None,
    root: str = "",
    user: str = "",
    folder: Path | None = None,
) -> Site:
    """Make a science case ready to be served; its watch is not started yet.

    Parameters
    ----------
    parts : Parts
    open_store : callable
        Opens the store; each thread that keeps something of it in memory has its own.
    clock : callable
        Tells the time.
    tokens : Tokens, optional
        By default everybody who can ask may read and write.
    root : str
        Path below which a proxy shows the pages, such as ``/aas2rto``.
    user : str
        Who marks without a name.
    folder : Path, optional
        Of the project's results, where reports of replays lie.
    """
    desk = Desk(open_store)
    return Site(
        parts.case,
        Watch(parts, open_store, clock),
        desk,
        Views(desk, Redactor.of(parts.case)),
        Door.of(tokens or Tokens()),
        Links(root.rstrip("/"), versions()),
        clock,
        user,
        folder,
    )


def versions() -> dict[str, str]:
    """Return what changes with the content of each file of ours."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:10] for path in STATIC.iterdir()
    }


def make_app(site: Site, **rates: Any) -> FastAPI:
    """Return the application; the watch looks while it runs.

    Parameters
    ----------
    site : Site
    **rates
        Of `Guarded`, for tests.
    """

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        site.watch.start()
        threading.Thread(target=_open_one, args=(site,), daemon=True, name="page first").start()
        try:
            yield
        finally:
            site.watch.stop()
            site.desk.close()

    app = FastAPI(
        title=f"aas2rto: {site.case.project}",
        version=__version__,
        description="What to observe tonight, and why.",
        docs_url=None,  # these two fetch their scripts from elsewhere
        redoc_url=None,
        openapi_url=None,
        lifespan=running,
    )
    app.include_router(html.router_of(site))
    app.include_router(api.router_of(site))
    app.include_router(snapshots.router_of(site))
    app.include_router(triage_page.router_of(site))
    _add_description(app, site)
    _add_errors(app, site)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    app.add_middleware(Guarded, door=site.door, root=site.links.root, **rates)
    return app


def _open_one(site: Site) -> None:
    """Make one candidate's page before anybody asks: what the first one needs, it loads."""
    night = site.watch.wait_for(lambda one: one is not None, None)
    if night is None or site.watch.is_ending:
        return
    tops = [r.table["candidate_id"].iloc[0] for r in night.judged.rankings if len(r.table)]
    if tops:
        asked, name = Asked(site.links), str(tops[0])
        attempt("page", lambda: site.views.candidate(asked, night, name, whole=False))


def _add_description(app: FastAPI, site: Site) -> None:
    @app.get(f"{api.PREFIX}/openapi.json", include_in_schema=False)
    def openapi(request: Request) -> Response:
        return answer(request, as_json(app.openapi()), JSON)

    @app.get("/api", include_in_schema=False)
    def described(request: Request) -> Response:
        rows = [
            (method.upper(), path, one.get("description") or one.get("summary", ""))
            for path, methods in app.openapi()["paths"].items()
            for method, one in methods.items()
        ]
        body = site.views.render("api", site.asked(request), site.watch.night, rows=rows)
        return answer(request, body.encode(), HTML)


def _add_errors(app: FastAPI, site: Site) -> None:
    def is_for_programs(request: Request) -> bool:
        accept = request.headers.get("accept", "")
        return request.url.path.startswith("/api/") or "text/html" not in accept

    def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        words = str(error.detail) if isinstance(error, HTTPException) else "it failed; see the log"
        headers = dict(getattr(error, "headers", None) or {})
        if is_for_programs(request) or not hasattr(request.state, "right"):
            return Response(as_json({"error": words}), status, headers, JSON)
        title = WORDS.get(status, "It cannot be shown")
        return site.note(request, status, title, words, waiting=status == 503)

    def wrong(request: Request, error: Exception) -> Response:
        problems = error.errors() if isinstance(error, RequestValidationError) else []
        told = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in problems]
        return refused(request, HTTPException(422, "; ".join(told)[:500]))

    def usage(request: Request, error: Exception) -> Response:
        status = 404 if isinstance(error, UsageError) else 503
        return refused(request, HTTPException(status, str(error)[:500]))

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, wrong)
    app.add_exception_handler(Aas2rtoError, usage)
    app.add_exception_handler(Exception, refused)  # the log has the traceback
