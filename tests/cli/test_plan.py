"""`aas2rto plan`: the night as a timeline, and the files it writes."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from aas2rto.cli.closing import joined
from tests.cli.conftest import NOW, Cli, Said, light_curve, too_text

SITES = ("la_palma_not", "la_silla_dk154")


@pytest.fixture
def ran(project: Path, aas2rto: Cli) -> Path:
    """Return a project with a dozen candidates that has run once."""
    rows = [
        line
        for n in range(12)
        for line in light_curve(
            f"sn{n:02d}", 120.0 + 9 * n, 25.0 - 3 * n, [18.6, 18.2, 17.9, 17.2 + 0.05 * n]
        )
    ]
    with (project / "night.csv").open("a") as night:
        night.write("\n".join(rows) + "\n")
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    return project


def plan(aas2rto: Cli, *arguments: object, now: str = NOW) -> Said:
    return aas2rto("plan", "small.yaml", *arguments, "--now", now)


def planned(aas2rto: Cli, *arguments: object, now: str = NOW) -> dict[str, Any]:
    said = plan(aas2rto, *arguments, "--json", now=now)
    assert said.code == 0, said.err
    told: dict[str, Any] = json.loads(said.out)
    return told


def names(told: dict[str, Any], site: str | None = None) -> list[str]:
    chosen = told["observatories"].items()
    slots = [slot for name, one in chosen if site in {None, name} for slot in one["slots"]]
    return [slot["candidate_id"] for slot in sorted(slots, key=lambda slot: slot["start"])]


@pytest.mark.slow
def test_a_network_plan_shares_the_candidates(ran: Path, aas2rto: Cli) -> None:
    told = planned(aas2rto, "--network")
    assert set(told["observatories"]) == set(SITES)
    assert len(names(told)) == len(set(names(told))) > 8
    assert all(names(told, site) for site in SITES)
    assert told["method"] == "joint optimum"
    assert told["status"] == "optimal"
    assert told["independent"] < told["greedy"] <= told["objective"] <= told["bound"] + 1e-9
    assert 0 <= told["gap"] <= 0.01
    assert told["now"] == "2026-03-20T22:00:00.000"
    assert planned(aas2rto) == told, "--network is the default"


@pytest.mark.slow
def test_the_terminal_shows_a_timeline_and_what_it_is_worth(ran: Path, aas2rto: Cli) -> None:
    said = plan(aas2rto)
    assert said.code == 0, said.err
    assert re.search(
        r"joint optimum: sum of scores [\d.]+, at most [\d.]+ possible \(gap [\d.]+%\); greedy "
        r"would reach [\d.]+% of that, each telescope by its own list [\d.]+%",
        said.out,
    )
    assert "la_palma_not: night 20:42-05:56 UTC (20:42-05:56 Atlantic/Canary)" in said.out
    assert "America/Santiago)" in said.out
    clocks = r"\d\d:\d\d-\d\d:\d\d +\d\d:\d\d +\d\d:\d\d"
    assert re.search(rf"\n1 +{clocks} +(sn\d\d|bright|fainter) ", said.out)
    for word in ("value", "else", "besides", "of what comes first"):
        assert not re.search(rf"\b{word}\b", said.out), word
    assert "outputs/small/plan/network.ics" in said.out


@pytest.mark.slow
def test_every_file_tells_the_same(ran: Path, aas2rto: Cli) -> None:
    told = planned(aas2rto)
    folder = ran / "outputs" / "small" / "plan"
    assert sorted(path.name for path in folder.iterdir()) == [
        "la_palma_not.csv",
        "la_silla_dk154.csv",
        "network.ics",
        "network.json",
        "network.png",
        "network_not_planned.csv",
    ]
    for site in SITES:
        table = pd.read_csv(folder / f"{site}.csv", comment="#")
        slots = told["observatories"][site]["slots"]
        assert table["candidate_id"].tolist() == [slot["candidate_id"] for slot in slots]
        assert table["start"].tolist() == [slot["start"] for slot in slots]
        assert table["slot"].tolist() == list(range(1, len(slots) + 1))
        assert table["ra_hms"].str.match(r"\d\d:\d\d:\d\d\.\d\d$").all()
        assert table["start_lst"].str.match(r"\d\d:\d\d$").all()
        assert table["parallactic"].between(-180, 180).all()
        local = pd.to_datetime(table["start_local"], utc=True).dt.strftime("%Y-%m-%dT%H:%M:%S")
        assert local.tolist() == table["start"].tolist()
        assert [slot["start_local"] for slot in slots] == table["start_local"].tolist()
    head = (folder / "la_palma_not.csv").read_text().splitlines()[:5]
    assert head[0].startswith("# aas2rto ")
    assert "gap" in head[3]
    with Image.open(folder / "network.png") as image:
        assert image.format == "PNG"
        assert image.width == 1080
        assert image.info["project"] == "small"


def events(text: str) -> list[dict[str, str]]:
    """Read an iCalendar file by RFC 5545, without the library that wrote it."""
    lines = re.sub(r"\r\n[ \t]", "", text).split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    found: list[dict[str, str]] = []
    for line in lines:
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            found.append({})
        elif found and not line.startswith("END"):
            clean = value.replace("\\n", "\n").replace("\\,", ",").replace("\\;", ";")
            found[-1][name.partition(";")[0]] = clean.replace("\\\\", "\\")
    return found


@pytest.mark.slow
def test_the_calendar_holds_one_event_per_slot(ran: Path, aas2rto: Cli) -> None:
    told = planned(aas2rto)
    raw = (ran / "outputs" / "small" / "plan" / "network.ics").read_bytes()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 75
    found = events(raw.decode())
    slots = [slot for one in told["observatories"].values() for slot in one["slots"]]
    assert len(found) == len(slots)
    assert len({event["UID"] for event in found}) == len(slots)
    for event, slot in zip(found, slots, strict=True):
        assert event["DTSTART"] == re.sub(r"[-:]", "", slot["start"]) + "Z"
        assert event["DTEND"] == re.sub(r"[-:]", "", slot["end"]) + "Z"
        assert event["DTSTAMP"] == "20260320T220000Z"
        assert slot["candidate_id"] in event["SUMMARY"]
        assert f"expose from {slot['exposure_start'][11:]} UTC" in event["DESCRIPTION"]
        if slot["backup"]:
            assert f"if it fails: {slot['backup']}" in event["DESCRIPTION"]


@pytest.mark.slow
def test_the_same_store_and_time_give_the_same_bytes(ran: Path, aas2rto: Cli) -> None:
    folder = ran / "outputs" / "small" / "plan"
    plan(aas2rto)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    plan(aas2rto)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


@pytest.mark.slow
def test_one_observatory_alone(ran: Path, aas2rto: Cli) -> None:
    told = planned(aas2rto, "--observatory", "la_palma_not")
    assert list(told["observatories"]) == ["la_palma_not"]
    folder = ran / "outputs" / "small" / "plan"
    assert (folder / "la_palma_not.json").exists()
    assert planned(aas2rto, "--observatory", "la_palma") == told


@pytest.mark.slow
def test_two_observatories_of_three_are_planned_together(ran: Path, aas2rto: Cli) -> None:
    text = (ran / "small.yaml").read_text()
    more = text.replace(
        "[la_palma_not, la_silla_dk154]", "[la_palma_not, la_silla_dk154, palomar_p60]"
    )
    (ran / "small.yaml").write_text(more)
    two = ("--observatory", "la_silla", "--observatory", "la_palma")
    told = planned(aas2rto, *two)
    assert list(told["observatories"]) == ["la_palma_not", "la_silla_dk154"]
    assert len(names(told)) == len(set(names(told)))
    assert all(names(told, site) for site in SITES)
    assert (ran / "outputs/small/plan/la_silla_dk154+la_palma_not.json").exists()
    alone = planned(aas2rto, "--observatory", "la_palma", "--observatory", "la_palma")
    assert list(alone["observatories"]) == ["la_palma_not"]
    assert (ran / "outputs/small/plan/la_palma_not.json").exists()


@pytest.mark.slow
def test_the_plan_says_why_somebody_is_not_in_it(ran: Path, aas2rto: Cli) -> None:
    said = plan(aas2rto, "--greedy", "--close", "la_palma")
    assert said.code == 0
    assert "not planned, although wanted: " in said.out
    assert "la_palma_not: its time falls into the hours in which the dome is closed" in said.out
    told = json.loads((ran / "outputs/small/plan/network.json").read_text())
    missed = {row["candidate_id"] for row in told["not_planned"]}
    assert missed
    assert not missed & set(names(told))
    listed = pd.read_csv(ran / "outputs/small/ranked/science.csv", comment="#")["candidate_id"]
    assert missed | set(names(told)) == set(listed)
    table = pd.read_csv(ran / "outputs/small/plan/network_not_planned.csv", comment="#")
    assert set(table["candidate_id"]) == missed


def dump(store: Path) -> str:
    import sqlite3

    with sqlite3.connect(store) as connection:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()


@pytest.mark.slow
def test_planning_stores_nothing(ran: Path, aas2rto: Cli) -> None:
    store = ran / "outputs" / "small" / "store.sqlite"
    before = dump(store)
    plan(aas2rto)
    plan(aas2rto, "--date", "2026-03-22")
    assert dump(store) == before


@pytest.mark.slow
def test_what_people_said_counts(ran: Path, aas2rto: Cli) -> None:
    free = planned(aas2rto, "--observatory", "la_palma")
    order = names(free)
    for kind, name in (("observed", order[0]), ("veto", order[1])):
        aas2rto("mark", "small.yaml", name, kind, "--now", NOW)
    aas2rto("mark", "small.yaml", order[-1], "pin", "--now", NOW)
    told = planned(aas2rto, "--observatory", "la_palma")
    assert not {order[0], order[1]} & set(names(told))
    slots = told["observatories"]["la_palma_not"]["slots"]
    assert [slot["candidate_id"] for slot in slots if slot["pinned"]] == [order[-1]]
    assert told["first"] > 0
    values = {slot["candidate_id"]: slot["value"] for slot in slots}
    before = free["observatories"]["la_palma_not"]["slots"][-1]["value"]
    assert values[order[-1]] >= before * (1 - 1e-9), "a pinned one has its best slot"


@pytest.mark.slow
def test_a_too_goes_first(ran: Path, aas2rto: Cli) -> None:
    (ran / "too" / "grb.txt").write_text(too_text(base_score="0.001"))
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    told = planned(aas2rto)
    assert names(told)[0] == "GRB260320A"


@pytest.mark.slow
def test_an_urgent_too_is_observed_at_its_first_moment(ran: Path, aas2rto: Cli) -> None:
    """Low in the east; the same file without the word waits until it stands higher."""
    slots = []
    for urgent, now in (("yes", NOW), ("no", "2026-03-20T22:01:00")):
        text = too_text(name="EAST", ra="17:00:00", dec="+30:00:00", urgent=urgent)
        (ran / "too" / "east.txt").write_text(text)
        aas2rto("run", "small.yaml", "--once", "--now", now)
        told = planned(aas2rto, "--observatory", "la_palma", "--greedy", now=now)
        found = told["observatories"]["la_palma_not"]["slots"]
        slots.append(next(slot for slot in found if slot["candidate_id"] == "EAST"))
    assert slots[0]["altitude"] < 40
    assert slots[1]["altitude"] > 48
    assert slots[1]["start"] > slots[0]["start"]


@pytest.mark.slow
def test_closed_times_stay_free(ran: Path, aas2rto: Cli) -> None:
    for words in (
        ["la_palma", "23:00-02:00"],
        ["la_palma_not 23:00-02:00"],
        ["la_palma", "2026-03-20T23:00/2026-03-21T02:00"],
    ):
        told = planned(aas2rto, "--close", *words)
        slots = told["observatories"]["la_palma_not"]["slots"]
        assert slots
        assert not [
            s
            for s in slots
            if s["end"] > "2026-03-20T23:00:00" and s["start"] < "2026-03-21T02:00:00"
        ]
        assert told["observatories"]["la_palma_not"]["closed"][0]["end"] == "2026-03-21T02:00:00"
    told = planned(aas2rto, "--close", "la_palma", "--close", "la_silla", "02:00-04:00")
    assert names(told, "la_palma_not") == []
    assert names(told, "la_silla_dk154")


@pytest.mark.slow
def test_maintenance_stands_in_the_config(ran: Path, aas2rto: Cli) -> None:
    text = (ran / "small.yaml").read_text()
    (ran / "small.yaml").write_text(f"{text}plan: {{closed: {{la_palma_not: ['20:00-06:30']}}}}\n")
    told = planned(aas2rto)
    assert names(told, "la_palma_not") == []
    (ran / "small.yaml").write_text(f"{text}plan: {{closed: {{la_palma_not: ['8pm']}}}}\n")
    said = plan(aas2rto)
    assert said.code == 2
    assert "plan.closed.la_palma_not[0]" in said.err


def test_the_second_word_of_close_may_be_missing() -> None:
    words = ["plan", "c.yaml", "--close", "a", "02:00-04:00", "--close", "b", "--json"]
    assert joined(words) == ["plan", "c.yaml", "--close", "a 02:00-04:00", "--close", "b", "--json"]
    assert joined(["--close", "a", "2026.yaml"]) == ["--close", "a", "2026.yaml"]
    assert joined(["--close", "a", "2-4"]) == ["--close", "a 2-4"]
    assert joined(["--close", "a", "c.yaml"]) == ["--close", "a", "c.yaml"]


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_running(ran: Path, aas2rto: Cli) -> None:
    before = planned(aas2rto)["observatories"]["la_palma_not"]["slots"]
    running = before[2]
    now = running["start"][:17] + "30"
    (ran / "too" / "grb.txt").write_text(too_text(name="GRB-NOW", ra="150.0", dec="65.0"))
    for slot in before[:2]:
        aas2rto("mark", "small.yaml", slot["candidate_id"], "observed", "--now", slot["end"])
    aas2rto("run", "small.yaml", "--once", "--now", now)
    told = planned(aas2rto, "--interrupt", now=now)
    slots = told["observatories"]["la_palma_not"]["slots"]
    assert [s["state"] for s in slots[:4]] == ["done", "done", "running", "planned"]
    for old, new in zip(before[:3], slots[:3], strict=True):
        assert {**old, "state": ""} == {**new, "state": ""}
    assert slots[3]["candidate_id"] == "GRB-NOW"
    assert slots[3]["start"] >= running["end"]
    assert len(names(told)) == len(set(names(told)))
    assert len(events((ran / "outputs/small/plan/network.ics").read_bytes().decode())) == sum(
        slot["state"] in {"planned", "running"}
        for one in told["observatories"].values()
        for slot in one["slots"]
    )
    again = planned(aas2rto, "--interrupt", now=now)
    assert names(again) == names(told), "interrupting twice changes nothing"


@pytest.mark.slow
def test_what_was_not_observed_after_all_is_planned_again(ran: Path, aas2rto: Cli) -> None:
    before = planned(aas2rto, "--observatory", "la_palma")
    slots = before["observatories"]["la_palma_not"]["slots"]
    now = slots[3]["start"][:17] + "30"
    first, running = slots[0]["candidate_id"], slots[3]["candidate_id"]
    aas2rto("mark", "small.yaml", first, "observed", "--until", "now", "--now", now)
    aas2rto("mark", "small.yaml", running, "observed", "--now", now)
    told = planned(aas2rto, "--observatory", "la_palma", "--interrupt", now=now)
    after = told["observatories"]["la_palma_not"]["slots"]
    assert first in [slot["candidate_id"] for slot in after if slot["state"] == "planned"]
    assert "running" not in {slot["state"] for slot in after}
    assert after[2]["start"] < slots[3]["end"], "the telescope is free again"


@pytest.mark.slow
def test_a_too_is_not_lost_while_the_dome_is_closed(ran: Path, aas2rto: Cli) -> None:
    """Replanned twice in a closed dome, then open: it is still in the plan, and in the figure."""
    (ran / "too" / "grb.txt").write_text(too_text())
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    alone = ("--observatory", "la_palma")
    before = planned(aas2rto, *alone)["observatories"]["la_palma_not"]["slots"]
    place = [slot["candidate_id"] for slot in before].index("GRB260320A")
    assert place == 0
    figure = ran / "outputs/small/plan/la_palma_not.png"
    pictures = [figure.read_bytes()]
    for now in ("2026-03-20T23:00", "2026-03-21T00:00"):
        shut = ("--close", "la_palma", "2026-03-20T21:50/2026-03-21T00:30")
        slots = planned(aas2rto, *alone, "--interrupt", *shut, now=now)["observatories"][
            "la_palma_not"
        ]["slots"]
        ahead = [slot for slot in slots if slot["state"] == "planned"]
        assert ahead[0]["candidate_id"] == "GRB260320A"
        assert ahead[0]["start"] >= "2026-03-21T00:30:00"
        past = [slot for slot in slots if slot["start"] < f"{now}:00"]
        assert {slot["state"] for slot in past} == {"closed"}
        pictures.append(figure.read_bytes())
    said = plan(aas2rto, *alone, "--interrupt", now="2026-03-21T00:10")
    assert "the earlier plan had it closed until 00:30; now it is taken as open" in said.out
    assert "GRB260320A" in said.out
    told = json.loads((ran / "outputs/small/plan/la_palma_not.json").read_text())
    site = told["observatories"]["la_palma_not"]
    assert [one["end"] for one in site["closed"]] == ["2026-03-21T00:10:00"]
    ahead = [slot for slot in site["slots"] if slot["state"] == "planned"]
    assert ahead[0]["candidate_id"] == "GRB260320A"
    assert len(set(pictures)) == 3


@pytest.mark.slow
def test_a_slot_without_a_mark_is_offered_again_and_said(ran: Path, aas2rto: Cli) -> None:
    alone = ("--observatory", "la_palma", "--greedy")
    slots = planned(aas2rto, *alone)["observatories"]["la_palma_not"]["slots"]
    first, second, third = (slot["candidate_id"] for slot in slots[:3])
    now = slots[3]["start"]
    aas2rto("mark", "small.yaml", first, "observed", "la_palma", "--now", slots[1]["start"])
    aas2rto("mark", "small.yaml", second, "clouded", "la_palma", "--now", slots[2]["start"])
    said = plan(aas2rto, *alone, "--interrupt", now=now)
    assert said.code == 0
    assert f"planned, not confirmed: {third}; 1 slot without a mark, offered again." in said.out
    assert f"aas2rto mark small.yaml {third} observed la_palma_not" in said.out
    assert re.search(rf"{third} .* not confirmed *\n", said.out)
    told = json.loads((ran / "outputs/small/plan/la_palma_not.json").read_text())
    after = told["observatories"]["la_palma_not"]["slots"]
    assert [slot["state"] for slot in after[:3]] == ["done", "clouded", "not confirmed"]
    ahead = [slot["candidate_id"] for slot in after if slot["state"] == "planned"]
    assert {second, third} <= set(ahead)
    assert first not in ahead


@pytest.mark.slow
def test_an_interrupt_needs_a_plan_to_go_on_from(ran: Path, aas2rto: Cli) -> None:
    said = plan(aas2rto, "--interrupt")
    assert said.code == 2
    assert "--interrupt: there is no plan outputs/small/plan/network.json" in said.err
    (ran / "outputs/small/plan").mkdir()
    (ran / "outputs/small/plan/network.json").write_text('{"observatories": ')
    said = plan(aas2rto, "--interrupt")
    assert said.code == 2
    assert "network.json is no plan of this program" in said.err


@pytest.mark.slow
def test_another_night(ran: Path, aas2rto: Cli) -> None:
    told = planned(aas2rto, "--date", "2026-03-22")
    for site, evening in (("la_palma_not", "2026-03-22"), ("la_silla_dk154", "2026-03-23T00")):
        assert told["observatories"][site]["night_start"].startswith(evening)
        assert all(
            s["start"] >= told["observatories"][site]["night_start"]
            for s in told["observatories"][site]["slots"]
        )
    tonight = planned(aas2rto, "--date", "2026-03-20")
    assert tonight["observatories"]["la_palma_not"]["slots"][0]["start"] >= "2026-03-20T22:00"
    said = plan(aas2rto, "--date", "2026-03-18")
    assert said.code == 2
    assert "--date: the night of 2026-03-18 is over" in said.err


@pytest.mark.slow
def test_greedy_alone(ran: Path, aas2rto: Cli) -> None:
    told = planned(aas2rto, "--greedy")
    assert (told["method"], told["status"]) == ("greedy", "not asked")
    assert told["objective"] == told["greedy"]


@pytest.mark.fault("CLI", "text", "mistakes of a plan")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--observatory", "la_plama_not"], "no observatory 'la_plama_not'; did you mean"),
        (["--observatory", "la_palma", "--network"], "--observatory NAME or --network, not both"),
        (["--close", "la_palma", "2:00"], "--close: '2:00' is no interval; write 02:00-04:00"),
        (
            ["--close", "la_palma", "2-4"],
            "--close: '2-4' is no interval, perhaps 02:00-04:00; write 02:00-04:00 (UTC), or",
        ),
        (["--close", "la_palma", "2.30-4h"], ", perhaps 02:30-04:00; write"),
        (["--close", "mauna_kea"], "this science case has no observatory 'mauna_kea'"),
        (["--date", "someday"], "--date: 'someday' is no time"),
        (["--nights", "3"], "--nights: nothing here looks ahead: add `- wait_here` to `score: fac"),
        (["--nights", "3", "--interrupt"], "--nights plans from the evening on: leave out --inte"),
    ],
)
def test_mistakes_are_met_with_words(
    ran: Path, aas2rto: Cli, arguments: list[str], words: str
) -> None:
    said = plan(aas2rto, *arguments)
    assert said.code == 2
    assert words in said.err


def test_a_project_that_never_ran_has_nothing_to_plan(project: Path, aas2rto: Cli) -> None:
    said = plan(aas2rto)
    assert said.code == 2
    assert "run this science case first" in said.err


@pytest.mark.fault("results", "text", "names in plans")
@pytest.mark.slow
def test_names_cannot_break_the_files(ran: Path, aas2rto: Cli) -> None:
    """A ToO is called whatever somebody typed."""
    name = "a;b,c\\n:BEGIN\\VEVENT <é>"
    (ran / "too" / "odd.txt").write_text(too_text(name=f"'{name}'", base_score="5000"))
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    told = planned(aas2rto)
    assert names(told)[0] == name
    found = events((ran / "outputs/small/plan/network.ics").read_bytes().decode())
    assert len(found) == len(names(told))
    lines = [
        line
        for line in (ran / "outputs/small/plan/la_palma_not.csv").read_text().splitlines()
        if not line.startswith("#")
    ]
    rows = list(csv.DictReader(lines))
    assert name in {row["candidate_id"] for row in rows} | set(names(told, "la_silla_dk154"))
