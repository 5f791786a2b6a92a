"""YSE-PZ on one port, from the rules of its published source (github.com/davecoulter/YSE_PZ).

Beside each rule stands the file it follows.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from astropy.time import Time

from tests.standin import sky
from tests.standin.server import Question, Reply, Route, Service

ACCOUNT = "observer:standin-yse-password"
STATUSES = (
    "New",
    "Watch",
    "Interesting",
    "FollowupRequested",
    "Following",
    "NeedsTemplate",
    "FollowupFinished",
    "Ignore",
)
TAGS = ("YSE", "Young", "Peculiar")
PAGE = 100
"""YSE_PZ/settings.py, REST_FRAMEWORK: LimitOffsetPagination, PAGE_SIZE."""


class Yse(Service):
    """Transients by links, in pages; only for those who have an account."""

    name = "yse"
    made: list[dict[str, Any]] | None = None
    heedless = False
    """django-filter from 2.0 on reads ``filterset_class``; api_views.py says ``filter_class``, so
    that an application with a newer one ignores every filter."""

    def routes(self) -> dict[str, Route]:
        return {
            "GET /yse/api/transients/": self.transients,
            "GET /yse/api/transientstatuses/": lambda asked: self.named(asked, STATUSES),
            "GET /yse/api/transienttags/": lambda asked: self.named(asked, TAGS),
        }

    def reset(self) -> None:
        super().reset()
        self.made, self.heedless = None, False

    def refused(self, question: Question) -> Reply | None:
        """api_views.py: IsAuthenticated; settings.py: BasicAuthentication comes first, so 401."""
        header = question.headers.get("authorization", "")
        if header == f"Basic {base64.b64encode(ACCOUNT.encode()).decode()}":
            return None
        detail = (
            "Invalid username/password."
            if header
            else ("Authentication credentials were not provided.")
        )
        return Reply({"detail": detail}, 401, headers={"WWW-Authenticate": 'Basic realm="api"'})

    def page(self, question: Question, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """Django REST framework, LimitOffsetPagination: nonsense is the default, no maximum."""
        limit = _whole(question.get("limit"), PAGE) or PAGE
        start = _whole(question.get("offset"), 0)
        following = None
        if start + limit < len(rows):
            asked = {name: values[0] for name, values in question.query.items()}
            asked |= {"limit": str(limit), "offset": str(start + limit)}
            # Behind a proxy, Django writes the host and scheme that it sees itself.
            following = f"http://web:8000{question.path}?{urlencode(asked)}"
        return {
            "count": len(rows),
            "next": following,
            "previous": None,
            "results": rows[start : start + limit],
        }

    def named(self, question: Question, names: tuple[str, ...]) -> Any:
        """serializers/enum_serializers.py, tag_serializers.py: hyperlinked, all fields."""
        base = f"http://web:8000{question.path}"
        rows = [{"url": f"{base}{n}/", "name": name} for n, name in enumerate(names, start=1)]
        return self.refused(question) or self.page(question, rows)

    def transients(self, question: Question) -> Any:
        """api_views.py, TransientFilter and TransientViewSet."""
        if (refused := self.refused(question)) is not None:
            return refused
        rows = self.all()
        if not self.heedless:
            since = question.get("modified_date_gte")
            try:
                least = datetime.fromisoformat(since) if since else None
            except ValueError:
                return Reply({"modified_date_gte": ["Enter a valid date/time."]}, 400)
            if least is not None:
                rows = [row for row in rows if _moment(row["modified_date"]) >= least]
            if tags := question.get("tag_in"):
                links = {str(TAGS.index(name) + 1) for name in tags.split(",") if name in TAGS}
                own = [
                    {link.rstrip("/").rpartition("/")[2] for link in row["tags"]} for row in rows
                ]
                rows = [row for row, has in zip(rows, own, strict=True) if has & links]
        return self.page(question, rows)

    def all(self) -> list[dict[str, Any]]:
        if self.made is not None:
            return self.made
        return [
            make(f"2026a{chr(97 + n)}", t.ra, t.dec, modified=self.now - 0.5)
            for n, t in enumerate(sky.transients()[:6])
        ]


def make(
    name: str,
    ra: float,
    dec: float,
    *,
    modified: float,
    status: str = "New",
    tags: tuple[str, ...] = ("YSE",),
    **more: Any,
) -> dict[str, Any]:
    """models/transient_models.py and serializers/transient_serializers.py: links for keys."""
    base = "http://web:8000/yse/api"
    row: dict[str, Any] = {
        "url": f"{base}/transients/1/",
        "status": f"{base}/transientstatuses/{STATUSES.index(status) + 1}/",
        "obs_group": f"{base}/observationgroups/1/",
        "tags": [f"{base}/transienttags/{TAGS.index(tag) + 1}/" for tag in tags],
        "modified_date": Time(modified, format="mjd", scale="utc").isot + "Z",
        "name": name,
        "ra": ra,
        "dec": dec,
        "redshift": None,
        "redshift_source": None,
        "TNS_spec_class": None,
        "real_bogus_score": None,
        "point_source_probability": None,
        "slug": name.lower(),
    }
    return row | more


def _whole(text: str, default: int) -> int:
    return int(text) if text.isdecimal() else default


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z"))
