"""The same pages as files, for a web server or to carry away: nothing asks, nothing is marked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aas2rto.errors import Aas2rtoError
from aas2rto.guard import attempt
from aas2rto.outputs import plan_json, write_atomically
from aas2rto.outputs.figures.style import safe_name
from aas2rto.page import ledger_page, plan_page, snapshots, triage_page
from aas2rto.page.answers import as_json
from aas2rto.page.api import candidate_json
from aas2rto.page.curve_data import curve_data
from aas2rto.page.links import Files
from aas2rto.page.night import Night
from aas2rto.page.rows import MOST, Wanted, listed
from aas2rto.page.site import STATIC, Site
from aas2rto.page.views import Asked, source_row
from aas2rto.questions.ledger_files import as_dictionary

TOP = 50
"""Candidates of each list that have a page of their own."""

PATIENCE = 3600.0
"""For the lists and the plan [s]."""

Content = str | bytes


def write(site: Site, folder: Path) -> int:
    """Write the pages of the stored state.

    Parameters
    ----------
    site : Site
        Is not served meanwhile.
    folder : Path
        What lies there under the same names is replaced.

    Returns
    -------
    int
        How many files were written.

    Raises
    ------
    Aas2rtoError
        If the stored state could not be judged.
    """
    site.watch.start()
    try:
        night = site.watch.wait_for(_is_whole, PATIENCE)
        if night is None:
            raise Aas2rtoError(f"the pages could not be made: {site.watch.trouble}")
        count = 0
        for name, content in _files(site, night):
            write_atomically(folder / name, content)
            count += 1
        return count
    finally:
        site.watch.stop()
        site.desk.close()


def _is_whole(night: Night | None) -> bool:
    if night is None:
        return False
    return night.planned == night.serial or not night.parts.case.observatories


def _files(site: Site, night: Night) -> Iterator[tuple[str, Content]]:
    """Yield names and contents, one at a time."""
    tops = {name: _top(night, name) for name in night.lists}
    written = dict.fromkeys(one for names in tops.values() for one in names)
    asked = Asked(Files(written=frozenset(written)))
    for path in sorted(STATIC.iterdir()):
        yield f"static/{path.name}", path.read_bytes()
    yield from _lists(site, night, asked)
    views, now = site.views, night.mjd
    yield "plan.html", plan_page.page(views, asked, night)
    yield "why.html", views.why(asked, night, "")
    yield "sources.html", views.sources(asked, night)
    yield "config.html", views.config(asked, night)
    yield "ledger.html", ledger_page.page(views, asked, night)
    yield "marks.html", views.marks(asked, night, now)
    yield from snapshots.files(site, night, asked)
    yield from triage_page.files(site, night, asked)
    inside = Asked(Files(up="../", written=frozenset(written)))
    for name in written:
        yield from _candidate(site, night, inside, name)
    yield from _for_programs(site, night)


def _lists(site: Site, night: Night, asked: Asked) -> Iterator[tuple[str, Content]]:
    for number, name in enumerate(night.lists):
        wanted = Wanted(per_page=MOST)
        page = site.views.tonight(asked, night, name, wanted)
        yield f"list-{safe_name(name)}.html", page
        if number == 0:
            yield "index.html", page
        ranking = night.ranking(name)
        if ranking is not None:
            found = listed(night, ranking, wanted)
            told = {"list": name, "now": night.now.utc.isot, "total": found.total}
            yield f"api/lists/{name}.json", as_json({**told, "rows": found.rows})


def _candidate(site: Site, night: Night, asked: Asked, name: str) -> Iterator[tuple[str, Content]]:
    """Yield a candidate's page; one that cannot be made is left out, the others are not."""
    done = attempt("page", lambda: site.views.candidate(asked, night, name, whole=True))
    if done.value is not None:
        yield f"candidate/{safe_name(name)}.html", done.value
        told = site.desk.candidate(night, name)
        yield f"api/candidates/{safe_name(name)}.json", as_json(candidate_json(night, told))
        drawn = curve_data(told.subject, told.totals)
        yield f"api/light_curves/{safe_name(name)}.json", as_json(drawn)


def _for_programs(site: Site, night: Night) -> Iterator[tuple[str, Content]]:
    rows = [source_row(name, one, site.views.hide) for name, one in night.sources.items()]
    yield "api/sources.json", as_json({"now": night.now.utc.isot, "sources": rows})
    ledger = as_dictionary(site.desk.ledger(night), site.case.project)
    yield "api/ledger.json", as_json(ledger)
    if night.plan is not None:
        provenance = {"project": site.case.project, "config": site.case.digest}
        yield "api/plan.json", as_json(plan_json.as_dictionary(night.plan, provenance))


def _top(night: Night, name: str) -> list[str]:
    ranking = night.ranking(name)
    return [] if ranking is None else list(map(str, ranking.table["candidate_id"].head(TOP)))
