"""Names that nobody should have, everywhere: nothing runs, nothing hides, nothing breaks."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from aas2rto.text.words import one_line
from tests.page.conftest import HOSTILE, Served, serving

HIDING = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\x00-\x08\x1b]")


@pytest.fixture
def attacked(hostile: Path) -> Iterator[Served]:
    with serving(hostile) as found:
        found.planned()
        yield found


TAGS = frozenset(
    {"a", "article", "b", "body", "button", "circle", "code", "dd", "details", "dialog", "div"}
    | {"dl", "dt", "figcaption", "figure", "footer", "form", "g", "h1", "h2", "h3", "head"}
    | {"header", "html", "i", "input", "kbd", "label", "li", "link", "main", "meta", "nav", "ol"}
    | {"option", "p", "path", "rect", "script", "section", "select", "span", "summary", "svg"}
    | {"table", "tbody", "td", "text", "th", "thead", "title", "tr", "ul", "br"}
)
"""What our templates are made of."""


class _Tags(HTMLParser):
    """Takes down the tags and the words of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def check(page: str) -> _Tags:
    """See that every tag of a page is ours, and that nothing turns or hides what is read."""
    found = _Tags()
    found.feed(page)
    assert found.tags <= TAGS
    assert not [name for name in found.attributes if name.startswith("on")]
    words = "".join(found.words)
    assert not HIDING.search(words)
    assert max(map(len, found.words), default=0) < 700
    return found


@pytest.mark.slow
def test_hostile_names_are_words_on_every_page(attacked: Served) -> None:
    """As an id, a name, a type and a comment."""
    for path in (
        "/?list=science",
        "/?list=la_palma_not",
        "/past?list=science",
        "/past?list=la_palma_not",
        "/triage",
        "/plan",
        "/why",
        "/marks",
        "/ledger",
        "/config",
    ):
        check(attacked.get(path).text)
    listed = attacked.get("/api/v1/lists/science").json()["rows"]
    assert set(HOSTILE.values()) <= {row["candidate_id"] for row in listed}
    for name in HOSTILE.values():
        query = urlencode({"id": name})
        page = attacked.get(f"/candidate?{query}").text
        check(page)
        assert one_line(name, 60) in html.unescape(page)
        check(attacked.get(f"/why?{query}").text)
        told = attacked.get(f"/api/v1/candidates/{quote(name, safe='')}").json()
        assert told["candidate_id"] == name


@pytest.mark.slow
def test_hostile_names_can_be_marked_and_searched(attacked: Served) -> None:
    """A form carries an id whole, whatever is in it."""
    for kind in ("script", "attribute", "turned", "address", "long"):
        name = HOSTILE[kind]
        answer = attacked.mark(name, "comment", comment=f"{name[:50]} <b>x</b>", by=name[:30])
        assert answer.status_code == 303, answer.text
        check(attacked.get(answer.headers["location"]).text)
    rows = attacked.get("/api/v1/marks").json()["rows"]
    assert {row["candidate_id"] for row in rows} == {
        HOSTILE[kind] for kind in ("script", "attribute", "turned", "address", "long")
    }
    check(attacked.get("/marks").text)
    found = attacked.get("/api/v1/lists/science?" + urlencode({"q": "<SCRIPT>"})).json()
    assert [row["candidate_id"] for row in found["rows"]] == [HOSTILE["script"]]


@pytest.mark.parametrize(
    "query",
    [
        "q=%00%ff%fe",
        "q=" + quote("<script>alert(1)</script>"),
        "list=" + quote('"><script>alert(1)</script>'),
        "page=-1",
        "sort=" + quote("'; DROP TABLE candidates; --"),
        "brighter=nan",
        "brighter=1e999",
        "said=" + quote("<b>you won</b>"),
        "list=%2e%2e%2f%2e%2e",
    ],
)
def test_hostile_questions_are_answered(reading: Served, query: str) -> None:
    """Or refused, in words: never a traceback, nothing that runs."""
    answer = reading.client.get(f"/?{query}", headers={"Accept": "text/html"})
    assert answer.status_code in {200, 404, 422}
    assert "<script>" not in answer.text
    assert "<b>you won" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/candidate", "/candidate?id=", "/would?id=x", "/why?id=%00"])
def test_incomplete_questions_are_answered(reading: Served, path: str) -> None:
    """In words."""
    assert reading.client.get(path).status_code in {200, 303, 404, 422}
