"""What people see: every page, over a real socket, from a project that has run."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from aas2rto.store import Store
from aas2rto.tables.report import failed
from tests.cli.conftest import NOW_MJD
from tests.page.conftest import Served, serving

PAGES = (
    "/",
    "/?list=science",
    "/candidate?id=bright",
    "/candidate?id=old",
    "/candidate?id=too_faint",
    "/triage",
    "/candidate?id=bright&period=0.53",
    "/plan",
    "/why",
    "/why?id=too_faint",
    "/sources",
    "/config",
    "/marks",
    "/ledger",
    "/api",
)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_and_asks_nobody_else(reading: Served, path: str) -> None:
    """Below 150 kB as sent; no script, style or picture stands in it or comes from elsewhere."""
    page = reading.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert len(gzip.compress(page.content)) < 150_000
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=", page.text)
    fetched = re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"([^\"]+)", page.text)
    assert fetched
    assert all(one.startswith(("/static/", "data:,")) for one in fetched)


def test_a_list_says_what_an_observer_asks(reading: Served) -> None:
    """Rank, name, magnitude and its age, rise or fall, why, the night, and the Moon."""
    page = reading.get("/?list=la_palma_not").text
    rows = re.findall(r'<li class="row.*?</li>', page, re.DOTALL)
    assert [re.search(r'data-id="(\w+)"', row)[1] for row in rows] == ["bright", "fainter"]  # type: ignore[index]
    first = re.sub(r"<[^>]+>", " ", rows[0])
    for words in ("17.00 ztfg", "12.0 h ago", "rises", "not classified", "up now", "left"):
        assert words in re.sub(r"\s+", " ", first)
    assert "magnitude" in first
    label = re.search(r'<svg class="alt small"[^>]+aria-label="([^"]+)"', rows[0])
    assert label is not None
    assert re.match(r"highest \d+° at \d\d:\d\d UTC, observable 22:\d\d-\d\d:\d\d UTC", label[1])
    assert 'class="moon"' in rows[0] or "Moon" in label[1]


def test_the_list_is_that_of_the_cycle(reading: Served) -> None:
    """The page and ``ranked/*.csv`` of the same time say the same."""
    for name in ("science", "la_palma_not", "la_silla_dk154"):
        lines = (reading.folder / f"outputs/small/ranked/{name}.csv").read_text().splitlines()
        ids = [line.split(",")[1] for line in lines if line[:1].isdigit()]
        page = reading.get(f"/?list={name}").text
        assert re.findall(r'<li class="row[^>]+data-id="(\w+)"', page) == ids


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=BRI", ["bright"]),
        ("q=nobody", []),
        ("brighter=17.5", ["bright"]),
        ("brighter=what", ["bright", "fainter"]),
        ("sort=mag", ["bright", "fainter"]),
        ("sort=altitude", ["bright", "fainter"]),
        ("sort=nonsense&page=99", ["bright", "fainter"]),
        ("per_page=1&page=2", ["fainter"]),
    ],
)
def test_a_list_is_filtered_sorted_and_cut(
    reading: Served, query: str, expected: list[str]
) -> None:
    """What cannot be read is not wanted; what is beyond the last page is the last page."""
    page = reading.get(f"/?list=science&{query}").text
    assert re.findall(r'<li class="row[^>]+data-id="(\w+)"', page) == expected


def test_a_candidate_says_all_that_is_known(reading: Served) -> None:
    """Light curve, nights, score, photometry, also of one that is not in the lists."""
    for name in ("bright", "too_faint"):
        page = reading.get(f"/candidate?id={name}").text
        assert page.count('<svg class="alt large"') == 2
        assert page.count("<circle") == 8
        for words in ("rising_fraction", "Photometry", "ztfg", "Marks and comments"):
            assert words in page
    assert "exclude" in page
    assert "faint" in page


def test_what_would_bring_it_in_is_said(reading: Served) -> None:
    """As `aas2rto explain` has it: the setting, its value, the value that would do."""
    page = reading.get("/would?id=too_faint").text
    assert re.search(r"magnitude\.faint_limit 19 mag -&gt; 20(\.\d+)? mag", page)
    assert "Nothing keeps it out" in reading.get("/would?id=bright").text


def test_why_not_knows_ranked_excluded_rejected_and_unknown(reading: Served) -> None:
    """Any id or name; the nearest is offered for one that nobody has."""
    for name, words in (
        ("bright", "ranked"),
        ("too_faint", "exclude"),
        ("old", "reject"),
        ("brigth", "unknown"),
    ):
        page = reading.get(f"/why?id={name}").text
        assert f"{name}: {words}</h2>" in page
    assert "did you mean &#39;bright&#39;?" in page
    assert "rejected by time_span" in page
    assert reading.get("/candidate?id=brigth", 303).headers["location"] == "/why?id=brigth"


def test_the_plan_is_drawn_and_listed(reading: Served) -> None:
    """One line for each telescope."""
    page = reading.get("/plan").text
    assert '<svg class="plan"' in page
    assert page.count('class="slot"') >= 2
    assert "joint optimum" in page


def test_secrets_are_hidden(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In no page and no answer, wherever a service or the config says them."""
    monkeypatch.setenv("TNS_KEY", "hunter22hunter22")
    text = (project / "small.yaml").read_text()
    tns = "sources:\n  tns: {bot_id: 1, bot_name: b, api_key: '${TNS_KEY}'}\n"
    (project / "small.yaml").write_text(text.replace("sources:\n", tns))
    with Store(f"sqlite:///{project}/outputs/small/store.sqlite") as store:
        store.ingest(failed("tns", "401 for api_key=hunter22hunter22"), NOW_MJD)
    with serving(project) as served:
        paths = [*PAGES, "/api/v1/sources", "/api/v1/cycles", "/api/v1/candidates/bright"]
        for path in paths:
            assert "hunter22" not in served.get(path).text
        assert "401 for api_key=***" in served.get("/sources").text
        assert "***" in served.get("/config").text


def test_files_of_ours_keep(reading: Served) -> None:
    """Their address changes with their content, so browsers need not ask again."""
    page = reading.get("/").text
    for path in re.findall(r'"(/static/[^"]+)"', page):
        assert "immutable" in reading.get(path).headers["cache-control"]
    reading.get("/static/nothing.js", 404)
    reading.get("/static/..%2Fapp.py", 404)


def test_nothing_is_found_where_nothing_is(reading: Served) -> None:
    """A person reads words, a program JSON."""
    html = reading.get("/nothing", 404, headers={"Accept": "text/html"})
    assert "There is no such page" in html.text
    assert reading.get("/api/v1/nothing", 404).json() == {"error": "Not Found"}
    assert "no list" in reading.get("/?list=nowhere", 404).text


def test_below_a_path_of_a_proxy(project: Path) -> None:
    """Every address begins with it."""
    with serving(project, root="/night/") as served:
        page = served.get("/").text
        found = re.findall(r'(?:href|src|action)="(/[^"]*)"', page)
        assert found
        assert all(one.startswith("/night/") for one in found)
        assert served.get("/night/plan").status_code == 200
