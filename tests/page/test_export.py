"""The pages as files: whole, linked among each other, and nothing to click that needs a server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.cli.conftest import NOW, Cli
from tests.page.conftest import HOSTILE


def exported(folder: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    said = aas2rto("serve", "small.yaml", "--export", "site", "--now", NOW)
    assert said.code == 0, said.err
    files = [path for path in (folder / "site").rglob("*") if path.is_file()]
    assert said.out.splitlines()[-1].startswith(f"{len(files)} files written to site; open ")
    return folder / "site"


def dead(site: Path) -> set[str]:
    """Return links and files that lead nowhere."""
    found = set()
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for to in re.findall(r'(?:href|src)="([^"#][^"]*)"', text):
            if to.startswith(("data:", "https://")):
                continue
            if not (page.parent / unquote(to.partition("?")[0])).resolve().is_file():
                found.add(f"{page.name}: {to}")
    return found


def test_the_pages_are_files(project: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each list, plan and candidate, with JSON beside it; every link leads to one of them."""
    site = exported(project, aas2rto, monkeypatch)
    assert dead(site) == set()
    index = (site / "index.html").read_text()
    assert re.findall(r'<li class="row[^>]+data-id="(\w+)"', index) == ["bright", "fainter"]
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert "<form" not in text, page
        assert "/events" not in text
    told = json.loads((site / "api/lists/science.json").read_text())
    assert [row["candidate_id"] for row in told["rows"]] == ["bright", "fainter"]
    assert "magnitude" in (site / "candidate/bright.html").read_text()
    names = {path.name for path in site.glob("api/*.json")}
    assert names == {"ledger.json", "plan.json", "sources.json", "triage.json"}


def test_it_is_written_again_in_place(
    project: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same state, the same bytes."""
    site = exported(project, aas2rto, monkeypatch)
    before = {path: path.read_bytes() for path in site.rglob("*.html")}
    exported(project, aas2rto, monkeypatch)
    assert {path: path.read_bytes() for path in site.rglob("*.html")} == before


@pytest.mark.slow
def test_hostile_names_stay_in_the_folder(
    hostile: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None leads out of it, and every one has a page."""
    site = exported(hostile, aas2rto, monkeypatch)
    assert dead(site) == set()
    assert len(list(site.glob("candidate/*.html"))) == 2 + len(HOSTILE)
    assert not (hostile / "etc").exists()
