"""Triage: marks by the forms of the pages, undo, who said it, and forged forms."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import NOW, Cli
from tests.page.conftest import Served


def listed(served: Served, name: str = "science") -> list[str]:
    page = served.get(f"/?list={name}").text
    return re.findall(r'<li class="row[^>]+data-id="(\w+)"', page)


def follow(served: Served, answer: object) -> str:
    """Return the page that a form leads to."""
    location = answer.headers["location"]  # type: ignore[attr-defined]
    return served.get(location).text


@pytest.mark.parametrize("kind", ["observed", "veto", "snooze"])
def test_what_is_done_leaves_the_list_and_undo_brings_it_back(served: Served, kind: str) -> None:
    """One click each; the page says what was taken, and offers to take it back."""
    answer = served.mark("bright", kind, at="la_palma_not")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/?said=")
    page = follow(served, answer)
    assert re.search(r'class="said">bright: .*Undo</button>', page, re.DOTALL)
    served.night(lambda night: night.seen.mark == 1)
    assert listed(served) == ["fainter"]
    served.mark("bright", kind, at="la_palma_not" if kind == "observed" else "", until="now")
    served.night(lambda night: night.seen.mark == 2)
    assert listed(served) == ["bright", "fainter"]


def test_a_pin_is_first_and_clouds_free_a_candidate(served: Served) -> None:
    """As with `aas2rto mark`."""
    served.mark("fainter", "pin")
    served.night(lambda night: night.seen.mark == 1)
    assert listed(served) == ["fainter", "bright"]
    assert "pinned by" in served.get("/?list=science").text
    served.mark("bright", "observed", at="la_palma_not")
    served.mark("bright", "clouded", at="la_palma_not")
    served.night(lambda night: night.seen.mark == 3)
    assert listed(served) == ["fainter", "bright"]


def test_marks_of_the_page_are_those_of_the_command_line(
    served: Served, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`explain` tells them, and the page tells those of `mark`."""
    monkeypatch.chdir(served.folder)
    served.mark("bright", "comment", comment="near a  star", by="Anna")
    said = aas2rto("explain", "small.yaml", "bright", "--now", NOW, "--json")
    told = json.loads(said.out)
    assert told["feedback"][0]["sentence"] == "comment by Anna on 2026-03-20 22:00 UTC: near a star"
    assert aas2rto("mark", "small.yaml", "fainter", "veto", "a star", "--now", NOW).code == 0
    served.night(lambda night: night.seen.mark == 2)
    page = served.get("/marks").text
    assert "a star" in page
    assert "near a star" in page
    assert "near a star" in served.get("/candidate?id=bright").text
    assert listed(served) == ["bright"]


def test_who_marks_is_remembered(served: Served) -> None:
    """By the browser, in a cookie that scripts cannot read."""
    served.mark("bright", "comment", comment="one", by="Zoë <b>")
    assert served.client.cookies.get("aas2rto_by") is not None
    served.mark("bright", "comment", comment="two")
    rows = served.get("/api/v1/marks").json()["rows"]
    assert [row["author"] for row in rows] == ["Zoë <b>", "Zoë <b>"]
    assert 'value="Zoë &lt;b&gt;"' in served.get("/candidate?id=bright").text


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"kind": "comment"}, 400, "a comment needs a text"),
        ({"kind": "pim"}, 400, "is no mark"),
        ({"id": "nobody"}, 400, "no candidate is known"),
        ({"until": "soon"}, 400, "is no end"),
        ({"csrf": ""}, 403, "not of this page"),
        ({"csrf": "0" * 64}, 403, "not of this page"),
    ],
)
def test_a_form_that_cannot_be_taken_says_why(
    reading: Served, fields: dict[str, str], status: int, words: str
) -> None:
    """A person reads it on a page, a script as JSON; nothing is stored."""
    good = {"csrf": reading.form(), "id": "bright", "kind": "pin"}
    page = reading.client.post("/mark", data=good | fields)
    assert (page.status_code, words in page.text) == (status, True)
    program = {"Accept": "application/json"}
    told = reading.client.post("/mark", data=good | fields, headers=program)
    assert words in told.json()["error"]
    assert reading.get("/api/v1/marks").json()["total"] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_cannot_mark(reading: Served, headers: dict[str, str]) -> None:
    """Even with a form that it copied, or JSON."""
    form = {"csrf": reading.form(), "id": "bright", "kind": "veto"}
    assert reading.client.post("/mark", data=form, headers=headers).status_code == 403
    new = {"candidate_id": "bright", "kind": "veto"}
    assert reading.client.post("/api/v1/marks", json=new, headers=headers).status_code == 403
    plain = {"Content-Type": "text/plain"}
    body = json.dumps(new)
    answer = reading.client.post("/api/v1/marks", content=body, headers=plain)
    assert answer.status_code in {403, 422}
    assert reading.get("/api/v1/marks").json()["total"] == 0


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil", "\n/x"])
def test_a_form_leads_back_to_a_page_of_ours(served: Served, back: str) -> None:
    """Never elsewhere."""
    location = served.mark("bright", "pin", back=back).headers["location"]
    assert re.fullmatch(r"/\?said=[\w-]+", location)
