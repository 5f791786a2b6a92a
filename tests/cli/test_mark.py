"""`aas2rto mark`: what people say, and what the lists make of it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.cli.conftest import NOW, Cli, Said, too_text


def ranked(project: Path, name: str = "science") -> list[str]:
    path = project / "outputs" / "small" / "ranked" / f"{name}.csv"
    found: list[str] = pd.read_csv(path, comment="#")["candidate_id"].tolist()
    return found


def excluded(project: Path) -> dict[str, str]:
    table = pd.read_csv(project / "outputs" / "small" / "excluded.csv", comment="#")
    return {row.candidate_id: f"{row.factor}: {row.reason}" for row in table.itertuples()}


@pytest.fixture
def ran(project: Path, aas2rto: Cli) -> Path:
    """Return a project that has run once, with `bright` before `fainter`."""
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    assert ranked(project) == ["bright", "fainter"]
    return project


def again(aas2rto: Cli, now: str = NOW) -> None:
    assert aas2rto("run", "small.yaml", "--once", "--now", now).code == 0


@pytest.mark.fault("marks", "damaged", "a stored mark that cannot be read")
@pytest.mark.slow
@pytest.mark.parametrize("until", [1774000000.0, 2461125.5, 1e300])
def test_a_stored_end_that_is_no_time_costs_itself(ran: Path, aas2rto: Cli, until: float) -> None:
    """Old versions stored it. It is left out and said, until `check --mend` removes it."""
    said = mark(aas2rto, "bright", "snooze", "--until", "3d")
    assert said.code == 0
    with sqlite3.connect(ran / "outputs/small/store.sqlite") as connection:
        connection.execute("UPDATE marks SET until = ?", (until,))
    once = aas2rto("run", "small.yaml", "--once", "--now", NOW)
    assert once.code == 0
    assert ranked(ran) == ["bright", "fainter"]
    left = " on 2026-03-20T22:00 UTC is left out: it ends at "
    report = json.loads((ran / "outputs/small/cycle.json").read_text())
    assert [left in problem for problem in report["problems"]] == [True]
    for verb in (["explain", "small.yaml", "bright"], ["plan", "small.yaml", "--network"]):
        assert aas2rto(*verb, "--now", NOW).code == 0
    assert left in aas2rto("check", "small.yaml").out
    assert "removed" in aas2rto("check", "small.yaml", "--mend").out
    assert left not in aas2rto("check", "small.yaml").out


def mark(aas2rto: Cli, *arguments: object, now: str = NOW) -> Said:
    return aas2rto("mark", "small.yaml", *arguments, "--now", now)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "word"), [("observed", "observed"), ("veto", "vetoed")])
def test_what_was_observed_or_vetoed_leaves_the_lists_with_the_reason(
    ran: Path, aas2rto: Cli, kind: str, word: str
) -> None:
    said = mark(aas2rto, "bright", kind, "--by", "Anna", "--comment", "done, twice")
    assert said.out == f"bright: {word} by Anna on 2026-03-20 22:00 UTC: done, twice\n"
    again(aas2rto)
    assert ranked(ran) == ["fainter"]
    assert "bright" not in ranked(ran, "la_palma_not")
    assert excluded(ran)["bright"] == f"feedback: {said.out.removeprefix('bright: ').strip()}"
    report = json.loads((ran / "outputs" / "small" / "cycle.json").read_text())
    assert report["funnel"]["excluded"]["feedback"] == 1
    assert mark(aas2rto, "bright", kind, "--until", "now").code == 0
    again(aas2rto)
    assert ranked(ran) == ["bright", "fainter"]


def test_an_opinion_moves_nothing_until_a_factor_reads_it(ran: Path, aas2rto: Cli) -> None:
    """An `expression` on `triage` demotes what is bogus; taking it back brings it up again."""
    assert mark(aas2rto, "bright", "bogus", "a star").out.startswith("bright: called bogus by ")
    again(aas2rto)
    assert ranked(ran) == ["bright", "fainter"]
    text = (ran / "small.yaml").read_text()
    factor = '    - expression: {name: people, formula: "where(triage < 0, 0.01, 1)"}\n'
    (ran / "small.yaml").write_text(text.replace("observatories:", f"{factor}observatories:"))
    again(aas2rto)
    assert ranked(ran) == ["fainter", "bright"]
    assert mark(aas2rto, "bright", "bogus", "--until", "now").code == 0
    again(aas2rto)
    assert ranked(ran) == ["bright", "fainter"]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "word"), [("failed", "failed"), ("clouded", "clouded out")])
def test_what_came_to_nothing_is_free_again(ran: Path, aas2rto: Cli, kind: str, word: str) -> None:
    """Also when somebody had said that it was observed; at another site that stands."""
    mark(aas2rto, "bright", "observed", "la_palma")
    assert mark(aas2rto, "bright", kind, "la_silla").code == 0
    again(aas2rto)
    assert "bright" not in ranked(ran)
    said = mark(aas2rto, "bright", kind, "la_palma", "lost", "guiding", "--by", "Bo")
    told = f"{word} at la_palma_not by Bo on 2026-03-20 22:00 UTC: lost guiding"
    assert said.out == f"bright: {told}\n"
    again(aas2rto)
    assert ranked(ran) == ["bright", "fainter"]


@pytest.mark.slow
def test_a_snooze_ends_by_itself(ran: Path, aas2rto: Cli) -> None:
    assert mark(aas2rto, "bright", "snooze", "--until", "1d", "--by", "").code == 0
    again(aas2rto)
    assert ranked(ran) == ["fainter"]
    assert "until 2026-03-21 22:00 UTC" in excluded(ran)["bright"]
    again(aas2rto, "2026-03-21T22:00:00")
    assert ranked(ran) == ["bright", "fainter"]


@pytest.mark.slow
def test_a_snooze_ends_when_new_data_arrive(ran: Path, aas2rto: Cli) -> None:
    assert mark(aas2rto, "bright", "snooze", "--until", "new-data").code == 0
    again(aas2rto, "2026-03-21T21:00:00")
    assert ranked(ran) == ["fainter"]
    with (ran / "night.csv").open("a") as night:
        night.write("bright,150.0,10.0,61120.8,ztfg,16.9,0.05\n")
    again(aas2rto, "2026-03-21T22:00:00")
    assert ranked(ran) == ["bright", "fainter"]


@pytest.mark.slow
def test_a_pinned_candidate_leads_the_lists_but_is_not_forced_into_them(
    ran: Path, aas2rto: Cli
) -> None:
    assert mark(aas2rto, "fainter", "pin", "--by", "Bo").code == 0
    assert mark(aas2rto, "too_faint", "pin").code == 0
    again(aas2rto)
    assert ranked(ran) == ["fainter", "bright"]
    assert ranked(ran, "la_palma_not")[0] == "fainter"
    table = pd.read_csv(ran / "outputs/small/ranked/science.csv", comment="#")
    assert table["reason"][0].startswith("pinned by Bo on 2026-03-20 22:00 UTC; ")
    assert table["score"][0] < table["score"][1]
    assert excluded(ran)["too_faint"].startswith("magnitude: ")


@pytest.mark.slow
def test_a_too_stands_above_what_is_pinned_and_can_be_vetoed(ran: Path, aas2rto: Cli) -> None:
    (ran / "too" / "grb.txt").write_text(too_text())
    mark(aas2rto, "fainter", "pin")
    again(aas2rto)
    assert ranked(ran) == ["GRB260320A", "fainter", "bright"]
    mark(aas2rto, "GRB260320A", "veto")
    again(aas2rto)
    assert ranked(ran) == ["fainter", "bright"]


@pytest.mark.slow
def test_a_mark_at_a_site_holds_there_only(ran: Path, aas2rto: Cli) -> None:
    assert mark(aas2rto, "bright", "veto", "--observatory", "la_palma", "--by", "Bo").code == 0
    again(aas2rto)
    assert "bright" in ranked(ran)
    assert "bright" in ranked(ran, "la_silla_dk154")
    assert "bright" not in ranked(ran, "la_palma_not")
    out = pd.read_csv(ran / "outputs/small/not_tonight/la_palma_not.csv", comment="#")
    row = out[out["candidate_id"] == "bright"].iloc[0]
    assert row["factor"] == "feedback"
    assert row["reason"] == "vetoed at la_palma_not by Bo on 2026-03-20 22:00 UTC"


def explained(aas2rto: Cli, name: str, now: str = NOW) -> dict[str, Any]:
    said = aas2rto("explain", "small.yaml", name, "--now", now, "--json")
    told: dict[str, Any] = json.loads(said.out)
    return told


@pytest.mark.slow
def test_explain_shows_every_mark_with_time_and_author(ran: Path, aas2rto: Cli) -> None:
    mark(aas2rto, "bright", "comment", "--comment", "host is an AGN?", "--by", "Bo")
    mark(aas2rto, "bright", "snooze", "--until", "1d", "--until", "0.5 mag", "--by", "Anna")
    told = explained(aas2rto, "bright")
    assert told["decision"] == "exclude"
    assert told["reason"].startswith("snoozed by Anna")
    comment, snooze = told["feedback"]
    assert (comment["kind"], comment["author"], comment["active"]) == ("comment", "Bo", True)
    assert comment["comment"] == "host is an AGN?"
    assert snooze["until_mag"] == 0.5
    assert snooze["sentence"] == (
        "snoozed by Anna on 2026-03-20 22:00 UTC until 2026-03-21 22:00 UTC "
        "or until it changes by 0.5 mag"
    )
    later = explained(aas2rto, "bright", "2026-03-22T22:00")
    assert [m["active"] for m in later["feedback"]] == [True, False]
    assert later["decision"] == "keep"
    said = aas2rto("explain", "small.yaml", "bright", "--now", NOW)
    assert "feedback: comment by Bo on 2026-03-20 22:00 UTC: host is an AGN?" in said.out


@pytest.mark.slow
def test_marks_do_not_make_lists_differ_between_runs(ran: Path, aas2rto: Cli) -> None:
    mark(aas2rto, "fainter", "pin", "--by", "Bo")
    folder = ran / "outputs" / "small" / "ranked"
    again(aas2rto)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    again(aas2rto)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["veto", "near", "a", "star"], "vetoed by Bo on 2026-03-20 22:00 UTC: near a star"),
        (["comment", "host is an AGN?"], "comment by Bo on 2026-03-20 22:00 UTC: host is an AGN?"),
        (
            ["observed", "la_palma_not", "thin", "clouds"],
            "observed at la_palma_not by Bo on 2026-03-20 22:00 UTC: thin clouds",
        ),
        (["observed", "la", "nuit"], "observed by Bo on 2026-03-20 22:00 UTC: la nuit"),
        (["observed", "la_palma"], "observed at la_palma_not by Bo on 2026-03-20 22:00 UTC"),
        (
            ["observed", "twice", "--observatory", "la_palma_not"],
            "observed at la_palma_not by Bo on 2026-03-20 22:00 UTC: twice",
        ),
        (
            ["snooze", "3d", "too", "faint"],
            "snoozed by Bo on 2026-03-20 22:00 UTC until 2026-03-23 22:00 UTC: too faint",
        ),
        (
            ["snooze", "0.5", "mag"],
            "snoozed by Bo on 2026-03-20 22:00 UTC until it changes by 0.5 mag",
        ),
        (
            ["snooze", "too", "faint", "--until", "3d"],
            "snoozed by Bo on 2026-03-20 22:00 UTC until 2026-03-23 22:00 UTC: too faint",
        ),
    ],
)
def test_words_after_the_kind_are_read_as_in_a_reply(
    ran: Path, aas2rto: Cli, arguments: list[str], told: str
) -> None:
    """Nobody at night thinks of --comment."""
    said = mark(aas2rto, "bright", *arguments, "--by", "Bo")
    assert said.err == ""
    assert said.out == f"bright: {told}\n"


@pytest.mark.fault("marks", "forged", "marks for nobody, of no kind")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["brigt", "veto"], "no candidate is known as 'brigt'; did you mean 'bright'?"),
        (["bright", "vetoo"], "'vetoo' is no mark; did you mean 'veto'? (known: observed, failed,"),
        (["bright", "snooze"], "a snooze needs an end: --until"),
        (["bright", "snooze", "some", "time"], "a snooze needs an end: snooze 3d, snooze 12h"),
        (["bright", "comment"], "a comment needs a text: comment WORDS, or --comment '...'"),
        (
            ["bright", "veto", "a", "star", "--comment", "faint"],
            "there are two comments, 'a star' and --comment 'faint'; write one of them",
        ),
        (["bright", "snooze", "--until", "soon"], "--until: 'soon' is no end"),
        (["bright", "failed", "--until", "3d"], "failed has no end: the candidate is free at once"),
        (
            ["bright", "observed", "la_palma_nott"],
            "has no observatory 'la_palma_nott'; did you mean 'la_palma_not'?",
        ),
        (
            ["bright", "veto", "--observatory", "la_sila_dk154"],
            "has no observatory 'la_sila_dk154'; did you mean 'la_silla_dk154'?",
        ),
    ],
)
def test_mistakes_are_met_with_words(
    ran: Path, aas2rto: Cli, arguments: list[str], words: str
) -> None:
    said = mark(aas2rto, *arguments)
    assert said.code == 2
    assert words in said.err


@pytest.mark.fault("marks", "empty", "a project that never ran")
def test_a_project_that_never_ran_has_nothing_to_mark(project: Path, aas2rto: Cli) -> None:
    said = mark(aas2rto, "bright", "veto")
    assert said.code == 2
    assert "run this science case first" in said.err


@pytest.mark.slow
def test_a_mark_long_after_the_newest_cycle_says_how_to_mark_a_replay(
    ran: Path, aas2rto: Cli
) -> None:
    """Else it would have no effect in the replay, without a word."""
    assert "note:" not in aas2rto("mark", "small.yaml", "bright", "veto", "--now", NOW).err
    said = aas2rto("mark", "small.yaml", "fainter", "veto")
    assert said.code == 0
    assert "note: the newest cycle is of 2026-03-20T22:00 UTC" in said.err
    assert "say --now 2026-03-20T22:00" in said.err
    for verb in ("explain", "figure"):
        assert "say --now 2026-03-20T22:00" in aas2rto(verb, "small.yaml", "bright").err
    assert "say --now 2026-03-20T22:00" in aas2rto("plan", "small.yaml", "--greedy").err
