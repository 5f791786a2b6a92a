"""`aas2rto whatif`: what would change, with nothing changed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import NOW, Cli, Said


@pytest.fixture
def ran(project: Path, aas2rto: Cli) -> Path:
    """Return a project that has run once."""
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    return project


def whatif(aas2rto: Cli, *arguments: object) -> Said:
    return aas2rto("whatif", "small.yaml", *arguments, "--now", NOW)


def asked(aas2rto: Cli, *arguments: object) -> dict[str, Any]:
    said = whatif(aas2rto, *arguments, "--json")
    assert said.code == 0, said.err
    told: dict[str, Any] = json.loads(said.out)
    return told


@pytest.mark.slow
def test_who_enters_who_leaves_and_who_moves(ran: Path, aas2rto: Cli) -> None:
    told = asked(
        aas2rto,
        "--set",
        "score.factors.magnitude.faint_limit=20.5 mag",
        "--set",
        "score.factors.magnitude.zero_point=18.5 mag",
    )
    science = told["lists"]["science"]
    assert (science["before"], science["after"]) == (2, 3)
    assert [one["candidate_id"] for one in science["enters"]] == ["too_faint"]
    assert science["leaves"] == science["moves"] == []
    told = asked(aas2rto, "--set", "score.factors.magnitude.faint_limit=17.5 mag")
    left = told["lists"]["science"]["leaves"]
    assert [one["candidate_id"] for one in left] == ["fainter"]
    assert left[0]["rank"] == 2
    assert left[0]["reason"].startswith("magnitude: 18.2")
    assert "fainter than 17.5" in left[0]["reason"]


@pytest.mark.slow
def test_a_lower_limit_lets_candidates_in(ran: Path, aas2rto: Cli) -> None:
    text = (ran / "small.yaml").read_text()
    (ran / "small.yaml").write_text(text.replace("min_altitude: 30 deg", "min_altitude: 75 deg"))
    told = asked(aas2rto, "--set", "visibility.min_altitude=25deg")
    palma = told["lists"]["la_palma_not"]
    assert (palma["before"], palma["after"]) == (0, 2)
    assert told["lists"]["science"] == {
        "before": 2,
        "after": 2,
        "enters": [],
        "leaves": [],
        "moves": [],
    }
    assert told["plan"]["after"]["visits"] > told["plan"]["before"]["visits"]


@pytest.mark.slow
def test_a_closed_site_loses_its_list_and_others_take_over(ran: Path, aas2rto: Cli) -> None:
    told = asked(aas2rto, "--close", "la_palma")
    palma = told["lists"]["la_palma_not"]
    assert palma["after"] == 0
    assert {one["reason"] for one in palma["leaves"]} == {"closed"}
    plan = told["plan"]
    places = {one["candidate_id"]: one["to"] for one in plan["moves"]}
    assert places
    assert all(place.startswith("la_silla_dk154") for place in places.values())
    both = asked(aas2rto, "--close", "la_palma", "20:00-06:30", "--close", "la_silla")
    assert both["plan"]["after"] == {"visits": 0, "worth": 0.0}


@pytest.mark.slow
def test_a_changed_rank_is_a_move(ran: Path, aas2rto: Cli) -> None:
    told = asked(aas2rto, "--set", "score.factors.magnitude.bands=[ztfi]")
    assert len(told["lists"]["science"]["leaves"]) == 2
    aas2rto("mark", "small.yaml", "fainter", "pin", "--now", NOW)
    told = asked(aas2rto, "--set", "score.factors.time_span.max=31 day")
    assert told["lists"]["science"]["moves"] == [], "marks count in both"


@pytest.mark.slow
def test_the_terminal_says_it_list_by_list(ran: Path, aas2rto: Cli) -> None:
    said = whatif(aas2rto, "--set", "score.factors.magnitude.faint_limit=17.5mag")
    assert said.code == 0, said.err
    assert "science: 2 -> 1 candidate" in said.out
    assert "  leaves: fainter (was 2; magnitude: 18.2" in said.out
    assert "greedy plan: " in said.out
    assert said.out.endswith("nothing was stored\n")
    assert "  no change" in whatif(aas2rto, "--set", "plan.visits=2").out


@pytest.mark.slow
def test_nothing_is_stored(ran: Path, aas2rto: Cli) -> None:
    import sqlite3

    def state() -> dict[str, str]:
        store = ran / "outputs" / "small" / "store.sqlite"
        with sqlite3.connect(store) as connection:
            dump = "\n".join(connection.iterdump())
        files = [p for p in (ran / "outputs").rglob("*") if p.is_file() and "store" not in p.name]
        return {"store": dump} | {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    before = state()
    whatif(aas2rto, "--set", "score.base=2", "--close", "la_palma")
    assert state() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "ask something: --set KEY=VALUE, or --close OBSERVATORY [INTERVAL]"),
        (["--set", "visibility.min_altitude"], "is no change; write key=value"),
        (["--set", "visibility.min_altitude=25"], "visibility.min_altitude: 25 needs a unit"),
        (
            ["--set", "visibility.min_alt=25deg"],
            "--set: visibility.min_alt: unknown setting 'min_alt'; did you mean 'min_altitude'?",
        ),
        (["--set", "score.factors.magnitud.faint_limit=19mag"], "did you mean 'magnitude'?"),
        (["--set", "project.deep=1"], "project.deep leads nowhere"),
        (["--set", "observatories=[mauna_kea]"], "observatories[0]:"),
        (["--close", "mauna_kea"], "this science case has no observatory 'mauna_kea'"),
    ],
)
def test_mistakes_are_met_with_words(
    ran: Path, aas2rto: Cli, arguments: list[str], words: str
) -> None:
    said = whatif(aas2rto, *arguments)
    assert said.code == 2
    assert words in said.err
