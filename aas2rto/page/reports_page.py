"""Reports of replays that lie beside the outputs: listed, and served as they are, but harmless."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from aas2rto.page.answers import HTML, JSON, answer
from aas2rto.page.site import Site
from aas2rto.text.words import counted, iso, one_line

REPORT, METRICS, ABOUT = "report.html", "metrics.json", "replay.json"
KINDS = {REPORT: HTML, METRICS: JSON, ABOUT: JSON}

LARGEST = 64 * 2**20
"""Of a file that is served [bytes]: a report with its figures is a few MB."""

MOST = 200
"""Folders that are listed, the newest."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "sandbox allow-popups",
    )
)
"""A report runs nothing and fetches nothing, whoever wrote the file: its styles stand in it."""


@dataclass(frozen=True)
class Report:
    """The report of a replay.

    Parameters
    ----------
    name : str
        Of its folder.
    path : Path
    changed : float
        When its page was written [s since 1970].
    headline : tuple of str
        Its first sentences.
    runs : tuple of str
        Configs that were compared.
    trouble : str
        Why nothing is told of it.
    """

    name: str
    path: Path
    changed: float
    headline: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    trouble: str = ""


def reports(folder: Path | None) -> list[Report]:
    """Return the reports in the folders of a project, the newest first.

    Parameters
    ----------
    folder : Path or None
        Of the project's results; links that lead out of it are not followed.
    """
    if folder is None:
        return []
    found = sorted(_folders(folder), key=lambda one: -one.changed)
    return found[:MOST]


def _folders(folder: Path) -> Iterator[Report]:
    try:
        inside = [one for one in folder.iterdir() if one.is_dir()]
    except OSError:
        return
    for one in inside:
        page = _file(folder, one / REPORT)
        if page is not None:
            yield _told(folder, one, page)


def _file(folder: Path, path: Path) -> Path | None:
    """Return a file if it is one, lies below the folder itself, and is not too large."""
    try:
        found = path.resolve(strict=True)
        is_inside = found.is_relative_to(folder.resolve())
        good = is_inside and found.is_file() and found.stat().st_size <= LARGEST
    except OSError:
        return None
    return found if good else None


def _told(folder: Path, where: Path, page: Path) -> Report:
    changed, name = page.stat().st_mtime, where.name
    path = _file(folder, where / METRICS)
    if path is None:
        return Report(name, where, changed, trouble="it has no metrics.json")
    try:
        told = json.loads(path.read_bytes())
        runs = tuple(f"{one['name']} ({one['digest']})" for one in told["replay"]["runs"])
        headline = tuple(one_line(line, 300) for line in _headline(told))
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        return Report(name, where, changed, trouble=f"metrics.json: {one_line(str(error), 100)}")
    return Report(name, where, changed, headline, tuple(one_line(one, 60) for one in runs[:10]))


def _headline(told: Mapping[str, Any]) -> Iterator[str]:
    """Say which nights it replayed, and what the science list of each run was worth."""
    about = told["replay"]
    first, last = (iso(float(about[key]))[:10] for key in ("from", "to"))
    yield f"{first} to {last}, {counted(int(told['candidates']['all']), 'candidate')}"
    for name, run in list(told["runs"].items())[:2]:
        figures = list(run["lists"].get("science", {}).values())[:3]
        words = [f"{one['title']} {_value(one)}" for one in figures if one.get("value") is not None]
        if words:
            yield f"{name}: {'; '.join(words)}"


def _value(one: Mapping[str, Any]) -> str:
    share = one.get("unit") == "%"
    return f"{100 * float(one['value']):.0f} %" if share else f"{float(one['value']):.3g}"


def add_reports(router: APIRouter, site: Site) -> None:
    """Add the addresses of reports to those of the pages."""

    @router.get("/replays")
    def replays(request: Request) -> Response:
        rows: list[dict[str, Any]] = [
            vars(one) | {"mjd": one.changed / 86400.0 + 40587.0} for one in reports(site.folder)
        ]
        asked = site.asked(request)
        body = site.views.render("replays", asked, site.watch.night, rows=rows)
        return answer(request, body.encode("utf-8", "replace"), HTML)

    @router.get("/replays/file")
    def file(request: Request, name: str, file: str = REPORT) -> Response:
        found = next((one for one in reports(site.folder) if one.name == name), None)
        path = None
        if found is not None and site.folder is not None and file in KINDS:
            path = _file(site.folder, found.path / file)
        if path is None:
            raise HTTPException(404, f"there is no report {one_line(name, 60)!r} of that name")
        headers = {"Content-Security-Policy": POLICY}
        return answer(request, path.read_bytes(), KINDS[file], headers=headers)
