"""What programs get: JSON, ETag, pages, OpenAPI; and marks that they send."""

from __future__ import annotations

import csv
import json

import pytest

from tests.page.conftest import Served, run_once, serving

GETS = (
    "lists",
    "lists/science",
    "lists/la_palma_not",
    "candidates/bright",
    "candidates/old",
    "why/too_faint",
    "why/nobody",
    "plan",
    "sources",
    "cycles",
    "marks",
    "openapi.json",
)


def strict(text: str) -> object:
    """Read JSON as its grammar has it: no NaN, no Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("path", GETS)
def test_an_answer_is_strict_json_and_asked_for_once(reading: Served, path: str) -> None:
    """Who sends the ETag back gets 304 and nothing else."""
    first = reading.get(f"/api/v1/{path}")
    strict(first.text)
    tag = first.headers["etag"]
    again = reading.get(f"/api/v1/{path}", 304, headers={"If-None-Match": tag})
    assert again.content == b""
    reading.get(f"/api/v1/{path}", 200, headers={"If-None-Match": 'W/"another"'})


def test_a_list_has_pages(reading: Served) -> None:
    """Each names the next, until there is none."""
    found, path = [], "/api/v1/lists/science?per_page=1&sort=mag"
    while path:
        told = reading.get(path).json()
        found += [row["candidate_id"] for row in told["rows"]]
        path = told["next"]
    assert found == ["bright", "fainter"]
    assert (told["total"], told["pages"]) == (2, 2)
    assert reading.get("/api/v1/lists/nowhere", 404).json()["error"].startswith("there is no list")


def test_a_row_says_what_the_page_says(reading: Served) -> None:
    """With numbers as numbers, and null where nothing is known."""
    row = reading.get("/api/v1/lists/la_palma_not").json()["rows"][0]
    assert (row["rank"], row["candidate_id"], row["trend"]) == (1, "bright", "rises")
    assert row["last_mag"] == pytest.approx(17.0)
    assert row["last_seen_days"] == pytest.approx(0.5, abs=0.01)
    assert row["observable_now"] is True
    assert row["redshift"] is None


def test_a_candidate_comes_with_its_photometry(reading: Served) -> None:
    """And with its decision, also if it is rejected: its score, minus infinity, is null."""
    told = reading.get("/api/v1/candidates/bright").json()
    assert len(told["photometry"]) == 8
    assert {"factors", "fits", "observatories", "rank_history"} <= set(told)
    old = reading.get("/api/v1/candidates/old").json()
    assert (old["decision"], old["score"]) == ("reject", None)
    unknown = reading.get("/api/v1/candidates/brigth", 404).json()["error"]
    assert unknown == "nobody is known as 'brigth'; did you mean 'bright'?"


def test_why_says_what_would_bring_it_in(reading: Served) -> None:
    """With the setting, for a program to try."""
    told = reading.get("/api/v1/why/too_faint").json()
    assert (told["state"], told["factor"]) == ("exclude", "magnitude")
    assert told["would"]["settings"][0]["key"].endswith("faint_limit")
    assert reading.get("/api/v1/why/old").json()["state"] == "reject"
    assert "would" not in reading.get("/api/v1/why/bright?counterfactual=false").json()


def test_a_list_as_csv(reading: Served) -> None:
    """All of what is seen, with the units that CSV files of the program have."""
    answer = reading.get("/csv?list=science")
    assert answer.headers["content-disposition"] == 'attachment; filename="science.csv"'
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    assert [row["candidate_id"] for row in rows] == ["bright", "fainter"]


def test_every_address_is_described(reading: Served) -> None:
    """With a sentence and an example, in OpenAPI and on a page of ours."""
    told = reading.get("/api/v1/openapi.json").json()
    page = reading.get("/api").text
    assert len(told["paths"]) >= 8
    for path, methods in told["paths"].items():
        assert f"<code>{path}</code>" in page
        for name, one in methods.items():
            assert one["description"].strip().endswith(".")
            if name == "get":
                assert "example" in one["responses"]["200"]["content"]["application/json"]
    assert told["components"]["schemas"]["NewMark"]["examples"]


def test_a_mark_is_taken_and_told(served: Served) -> None:
    """It is the mark of `aas2rto mark`: the candidate leaves the lists, and it is listed."""
    new = {"candidate_id": "bright", "kind": "observed", "observatory": "la_palma_not"}
    answer = served.client.post("/api/v1/marks", json={**new, "by": "Robot"})
    assert answer.status_code == 201
    assert answer.json()["sentence"].startswith("observed at la_palma_not by Robot on 2026-03-20")
    served.night(lambda night: night.seen.mark > 0)
    told = served.get("/api/v1/lists/science").json()
    assert [row["candidate_id"] for row in told["rows"]] == ["fainter"]
    (one,) = served.get("/api/v1/marks").json()["rows"]
    assert (one["kind"], one["author"], one["at_utc"]) == ("observed", "Robot", "2026-03-20T22:00")


@pytest.mark.parametrize(
    ("new", "status", "words"),
    [
        ({"candidate_id": "nobody", "kind": "pin"}, 422, "no candidate is known as 'nobody'"),
        ({"candidate_id": "bright", "kind": "pim"}, 422, "did you mean 'pin'?"),
        ({"candidate_id": "bright", "kind": "snooze"}, 422, "a snooze needs an end"),
        ({"candidate_id": "bright", "kind": "snooze", "until": ["soon"]}, 422, "'soon' is no end"),
        ({"candidate_id": "bright", "kind": "observed", "observatory": "x"}, 422, "no observatory"),
        ({"candidate_id": "bright", "kind": "comment"}, 422, "a comment needs a text"),
        ({"kind": "pin"}, 422, "candidate_id: Field required"),
        ({"candidate_id": "bright", "kind": "pin", "colour": 1}, 422, "colour"),
    ],
)
def test_a_mark_that_cannot_be_taken_says_why(
    reading: Served, new: dict[str, object], status: int, words: str
) -> None:
    """And nothing is stored."""
    answer = reading.client.post("/api/v1/marks", json=new)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert reading.get("/api/v1/marks").json()["total"] == 0


def test_cycles_are_told(served: Served) -> None:
    """Those before the newest too."""
    run_once(served.folder, "2026-03-20T21:00")
    served.mark("fainter", "pin")
    served.night(lambda night: night.seen.mark > 0)
    told = served.get("/api/v1/cycles").json()
    assert [row["now"][:16] for row in told["rows"]] == ["2026-03-20T22:00", "2026-03-20T21:00"]
    assert told["rows"][0]["funnel"]["ranked"] == 2
    second = served.get("/api/v1/cycles?per_page=1&page=2").json()["rows"]
    assert [row["now"][:16] for row in second] == ["2026-03-20T21:00"]
    assert told["now_funnel"]["rejected"] == {"rising_fraction": 1, "time_span": 1}


def test_it_waits_for_the_first_judgement(project: object) -> None:
    """A program is told to ask again; a person's page does it by itself."""
    from pathlib import Path

    with serving(Path(str(project))) as served:
        night, served.site.watch._night = served.site.watch._night, None
        served.site.watch._ending.set()
        answer = served.get("/api/v1/lists/science", 503)
        assert answer.headers["retry-after"] == "2"
        page = served.get("/", 503, headers={"Accept": "text/html"})
        assert 'id="waiting"' in page.text
        assert night is not None
