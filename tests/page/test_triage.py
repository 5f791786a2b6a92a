"""The triage: what is new, how it is sorted, people's word by a click, and hostile classes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from aas2rto.page.classes import bars, drawn, opinion_of, opinions_of, without
from aas2rto.page.triage import View
from aas2rto.store import Store
from tests.cli.conftest import NOW_MJD
from tests.conftest import make_facts, make_light_curve
from tests.page.conftest import HOSTILE, Served, run_once, serving
from tests.page.test_hostile import check

SAYS = {
    "new": {"stamp_classifier": {"version": "1.0.4", "classes": {"SN": 0.7, "AGN": 0.3}}},
    "newer": {
        "stamp_classifier": {"version": "1.0.4", "classes": {"SN": 0.2, "AGN": 0.8}},
        "lc_classifier": {"version": "1.1.10", "classes": {"SNIa": 0.6}},
    },
    HOSTILE["script"]: {HOSTILE["attribute"]: {"version": "<b>1</b>", "classes": {"<i>": 0.5}}},
}


@pytest.fixture
def hunted(project: Path) -> Iterator[Served]:
    """Serve the small project with three that are two days old, of whom one has a hostile name."""
    with Store(f"sqlite:///{project}/outputs/small/store.sqlite") as store:
        for number, (name, said) in enumerate(SAYS.items()):
            points = make_light_curve(
                name, [18.5, 17.9 - number / 10], ra=152.0 + number, last=NOW_MJD - 0.4
            )
            facts = make_facts(name, known_at=NOW_MJD - 1.0, alerce_probabilities=said)
            store.ingest(replace(points, facts=facts), NOW_MJD)
    run_once(project)
    with serving(project) as found:
        yield found


def ids(served: Served, query: str = "") -> list[str]:
    rows = served.get(f"/api/v1/triage?{query}").json()["rows"]
    return [row["candidate_id"] for row in rows]


def test_what_is_new_is_listed_with_class_and_first_detection(hunted: Served) -> None:
    """The old ones are not; the hostile name is words."""
    told = hunted.get("/api/v1/triage?hours=168&sort=probability&class=SN").json()
    rows = {row["candidate_id"]: row for row in told["rows"]}
    assert {"new", "newer", HOSTILE["script"]} <= set(rows)
    assert "old" not in rows
    assert told["classifier"] == "stamp_classifier"
    assert ids(hunted, "sort=probability&class=SN&hours=168")[:2] == ["new", "newer"]
    assert ids(hunted, "sort=probability&class=AGN&hours=168")[:2] == ["newer", "new"]
    first = rows["new"]
    assert (first["class"], first["probability"], first["version"]) == ("SN", 0.7, "1.0.4")
    assert (rows["newer"]["top"], rows["newer"]["top_probability"]) == ("AGN", 0.8)
    assert first["first_mag"] == pytest.approx(18.5, abs=0.01)
    assert first["reported"] == ""
    page = hunted.get("/triage?hours=168&classifier=stamp_classifier&class=SN").text
    check(page)
    assert "P(SN) = 0.70" in page
    assert "TNS not asked" in page


def test_a_click_is_a_mark_and_comes_back_in_the_view(hunted: Served) -> None:
    """The newer word counts; a form without its token is refused, and changes nothing."""
    hunted.mark("new", "possible", by="Anna")
    hunted.mark("newer", "bogus", by="Anna")
    hunted.night(lambda night: night.seen.mark == 2)
    rows = {one["candidate_id"]: one for one in hunted.get("/api/v1/triage").json()["rows"]}
    assert (rows["new"]["opinion"], rows["newer"]["opinion"]) == ("possible", "bogus")
    assert "called bogus by Anna" in rows["newer"]["opinion_sentence"]
    forged = {"csrf": "0" * 64, "id": "new", "kind": "bogus"}
    assert hunted.client.post("/mark", data=forged).status_code == 403
    page = hunted.get("/triage").text
    assert page.count('<button name="kind" value="bogus"') == len(rows)
    assert re.search(r'class="tag good">possible', page)


def test_the_view_is_a_table(hunted: Served) -> None:
    answer = hunted.get("/triage.csv?hours=168")
    table = pd.read_csv(io.StringIO(answer.text), comment="#")
    assert list(table["candidate_id"]) == ids(hunted, "hours=168")
    assert table.set_index("candidate_id").loc["new", "probability"] == 0.7


@pytest.mark.parametrize(
    "query", ["hours=nan", "hours=1e999", "hours=-5", "n=0", "n=99999999", "sort=%00<b>"]
)
def test_odd_questions_are_brought_within_bounds(reading: Served, query: str) -> None:
    check(reading.get(f"/triage?{query}").text)
    told = reading.get(f"/api/v1/triage?{query}").json()
    assert 12 <= told["hours"] <= 168
    assert 10 <= told["n"] <= 1000
    assert told["sort"] == View().sort


def test_a_candidate_shows_bars_by_classifier_and_version(hunted: Served) -> None:
    """With words for who cannot see them; and no longer as a raw dictionary."""
    page = hunted.get("/candidate?id=newer").text
    assert 'aria-label="stamp_classifier 1.0.4 says AGN 0.80, SN 0.20"' in page
    assert 'aria-label="lc_classifier 1.1.10 says SNIa 0.60"' in page
    assert "alerce_probabilities" not in page
    check(hunted.get("/candidate", params={"id": HOSTILE["script"]}).text)


def test_bars_are_as_long_as_what_they_say() -> None:
    """What is no probability is left out; other annotations stay where they were."""
    classes = {"a": 1.0, "b": 0.5, "c": 1.5, "d": "x", "e": None, "f": float("nan")}
    said = {"version": None, "classes": classes}
    one = opinion_of("col", "cls", said)
    assert one is not None
    assert one.classes == (("a", 1.0), ("b", 0.5))
    widths = re.findall(r'class="part"[^>]+width="([\d.]+)"', bars(one))
    assert float(widths[0]) == 2 * float(widths[1])
    notes = {"col": {"cls": said}, "words": "x", "odd": {"k": 1}}
    assert [title for title, _ in drawn(notes)] == ["cls"]
    assert set(without(notes)) == {"words", "odd"}
    assert opinions_of({"x": None, "y": {"z": {"classes": {}}}}) == []
