"""What answers are made of: the night, the desk, the views, and who is at the door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from astropy.time import Time
from fastapi import HTTPException, Request, Response

from aas2rto.config.case import Case
from aas2rto.page.answers import HTML, Shelf, answer
from aas2rto.page.desk import Desk, Said
from aas2rto.page.links import Links
from aas2rto.page.night import Night
from aas2rto.page.rights import Door, Right
from aas2rto.page.rows import MOST, PER_PAGE, SORTS, Wanted
from aas2rto.page.views import Asked, Views
from aas2rto.page.watch import Watch
from aas2rto.text.words import one_line

AUTHOR = "aas2rto_by"
"""The cookie that says who marks."""

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Site:
    """One science case, as it is served.

    Parameters
    ----------
    case : Case
    watch : Watch
    desk : Desk
    views : Views
    door : Door
    links : Links
    clock : callable
        Tells the time.
    user : str
        Who marks without a name.
    folder : Path or None
        Of the project's results.
    """

    case: Case
    watch: Watch
    desk: Desk
    views: Views
    door: Door
    links: Links
    clock: Callable[[], Time]
    user: str = ""
    folder: Path | None = None
    shelf: Shelf = field(default_factory=Shelf)

    def night(self) -> Night:
        """Return the newest night.

        Raises
        ------
        HTTPException
            503 until the first is made.
        """
        night = self.watch.night
        if night is None:
            said = self.watch.trouble or "the stored state is being read; ask again in a moment"
            raise HTTPException(503, said, {"Retry-After": "2"})
        return night

    def asked(self, request: Request) -> Asked:
        """Say who asks for a page."""
        state = request.state
        query = request.url.query
        path = request.scope["path"]
        key = request.query_params.get("said", "")
        said: Said | None = self.desk.said(key) if key else None
        return Asked(
            links=self.links,
            right=state.right,
            csrf=self.door.csrf(state.cookie) if state.right >= Right.WRITE else "",
            back=f"{path}?{query}" if query else path,
            author=self.author(request),
            said=said,
            trouble=self.watch.trouble,
        )

    def author(self, request: Request) -> str:
        """Return who marks, as somebody said before, or whose program this is."""
        return one_line(unquote(request.cookies.get(AUTHOR, "")), 60) or self.user

    def page(self, request: Request, make: Callable[[Asked, Night], str]) -> Response:
        """Answer with a page, from the shelf if it is there."""
        night, asked = self.night(), self.asked(request)
        key = (asked.back, str(int(asked.right)), asked.csrf, asked.author, asked.trouble)
        if asked.said is not None:
            return answer(request, make(asked, night).encode("utf-8", "replace"), HTML)
        body = self.shelf.of(night, key, lambda: make(asked, night).encode("utf-8", "replace"))
        return answer(request, body, HTML)

    def note(
        self, request: Request, status: int, title: str, *lines: str, waiting: bool = False
    ) -> Response:
        """Answer with a few words."""
        told: dict[str, Any] = {"title": title, "lines": lines, "waiting": waiting}
        body = self.views.render("note", self.asked(request), self.watch.night, **told)
        headers = {"Retry-After": "2"} if status == 503 else None
        return Response(body.encode("utf-8", "replace"), status, headers, HTML)


def wanted_of(
    q: str = "",
    up: str = "",
    brighter: str = "",
    sort: str = "rank",
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Wanted:
    """Read what of a list is wanted; what cannot be read is not wanted.

    Parameters
    ----------
    q : str
        Part of an id, a name or a class.
    up : str
        ``1``: only what can be observed now.
    brighter : str
        Only what was brighter when last seen [mag].
    sort : str
        rank, mag, age, seen, peak, altitude, sets or redshift.
    page : int
        From 1.
    per_page : int
        1 to 500.
    """
    try:
        limit = float(brighter) if brighter.strip() else None
    except ValueError:
        limit = None
    sort = sort if sort in SORTS else "rank"
    size = min(max(per_page, 1), MOST)
    return Wanted(q[:100], up in {"1", "true", "on"}, limit, sort, max(page, 1), size)


def local(path: str) -> str:
    """Return where to go back to, if that is a page of ours, and else the first one."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours else "/"
