"""`aas2rto ahead`, the files of the nights ahead, and what is said where nothing is worth it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from icalendar import Calendar
from PIL import Image

from aas2rto.outputs.calendar import MOST_WAITING
from aas2rto.simulate.demo import NIGHT
from tests.cli.conftest import Said

SITES = ("la_silla_dk154", "la_palma_not", "siding_spring_23m")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the demo once."""
    import os

    from aas2rto.cli import main

    folder = tmp_path_factory.mktemp("demo")
    before = Path.cwd()
    os.chdir(folder)
    try:
        with pytest.raises(SystemExit) as ended:
            main(["demo"])
        assert not ended.value.code
    finally:
        os.chdir(before)
    return folder


def listed(folder: Path, kind: str, site: str) -> pd.DataFrame:
    return pd.read_csv(folder / "outputs" / "demo" / kind / f"{site}.csv", comment="#")


@pytest.mark.slow
def test_the_demo_tells_one_to_wait_and_takes_one(demo: Path) -> None:
    """By name, with both values and the night; and the list is that of the chances there."""
    ahead = listed(demo, "ahead", "la_palma_not")
    waiting = ahead[ahead["do"] == "wait"].iloc[0]
    assert waiting["best"] > waiting["waiting"] > waiting["tonight"]
    assert waiting["best_night"] > ahead.columns[7]
    out = listed(demo, "not_tonight", "la_palma_not").set_index("candidate_id")
    told = out.loc[waiting["candidate_id"]]
    assert told["factor"] == "wait_here"
    assert told["reason"].startswith(f"worth {waiting['tonight']:.2f} tonight, ")
    taken = ahead[ahead["do"] == "take"].iloc[0]
    ranked = listed(demo, "ranked", "la_palma_not").set_index("candidate_id")
    assert ranked.loc[taken["candidate_id"], "site_score"] == pytest.approx(
        taken["tonight"], abs=6e-4
    )


@pytest.mark.slow
def test_values_are_chances_and_the_best_is_the_best(demo: Path) -> None:
    for site in SITES:
        ahead = listed(demo, "ahead", site)
        nights = [name for name in ahead if str(name).startswith("2026-")]
        values = ahead[nights].to_numpy(float)
        assert len(nights) == 12
        assert np.nanmin(values) >= 0
        assert np.nanmax(values) <= 1
        np.testing.assert_allclose(np.nanmax(values, axis=1), ahead["best"])


@pytest.mark.slow
def test_it_shows_the_nights_and_draws_them(
    demo: Path, aas2rto: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo)
    said = aas2rto("ahead", "outputs/demo/demo.yaml", "--now", NIGHT, "--nights", "5")
    assert said.code == 0
    assert "03-25" in said.out
    assert "03-27" not in said.out
    assert "wait" in said.out
    with Image.open("outputs/demo/ahead/la_palma_not.png") as image:
        assert image.width == 1080
    told = json.loads(aas2rto("ahead", "outputs/demo/demo.yaml", "--now", NIGHT, "--json").out)
    first = told["observatories"]["la_palma_not"][0]
    assert len(first["nights"]) == 11
    assert first["best"] == max(value or 0 for value in first["nights"].values())


@pytest.mark.slow
def test_explain_says_on_which_night(
    demo: Path, aas2rto: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo)
    name = listed(demo, "ahead", "la_palma_not").query("do == 'wait'")["candidate_id"].iloc[0]
    said = aas2rto("explain", "outputs/demo/demo.yaml", name, "--now", NIGHT)
    told = next(line for line in said.out.splitlines() if line.startswith("la_palma_not: worth "))
    assert " tonight, " in told
    assert told.endswith(" Mar; tonight only if that night is lost")


@pytest.mark.slow
def test_whatif_says_who_would_not_wait(
    demo: Path, aas2rto: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without usable nights nobody does: in words, and for programs."""
    monkeypatch.chdir(demo)
    name = listed(demo, "ahead", "la_palma_not").query("do == 'wait'")["candidate_id"].iloc[0]
    asked = ("whatif", "outputs/demo/demo.yaml", "--set", "score.factors.wait_here.usable=0")
    said = aas2rto(*asked, "--now", NIGHT)
    assert said.code == 0, said.err
    assert f"  waits no longer: {name} (was best on 2026-03-" in said.out
    told = json.loads(aas2rto(*asked, "--now", NIGHT, "--json").out)
    palma = told["lists"]["la_palma_not"]
    assert name in {one["candidate_id"] for one in palma["waits_no_longer"]}
    assert palma["waits"] == []


@pytest.mark.slow
def test_the_calendar_has_the_best_nights(
    demo: Path, aas2rto: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those that wait and are worth a slot then; on the date that `ahead` says."""
    monkeypatch.chdir(demo)
    ahead = listed(demo, "ahead", "la_palma_not").query("do == 'wait' and best >= 0.2")
    asked = ("plan", "outputs/demo/demo.yaml", "--observatory", "la_palma_not", "--greedy")
    said = aas2rto(*asked, "--now", NIGHT)
    assert said.code == 0, said.err
    path = Path("outputs/demo/plan/la_palma_not.ics")
    found = Calendar.from_ical(path.read_bytes()).walk("VEVENT")
    dates = {
        str(event["SUMMARY"]).split()[3]: event["DTSTART"].dt.isoformat()
        for event in found
        if "best night of" in event["SUMMARY"]
    }
    wanted = dict(zip(ahead["candidate_id"], ahead["best_night"], strict=True))
    assert len(dates) == min(len(wanted), MOST_WAITING) > 0
    assert dates.items() <= wanted.items()


@pytest.mark.slow
def test_a_plan_of_several_nights(
    demo: Path, aas2rto: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who wait have a slot on a night to come; nobody has two, and tonight is as before."""
    monkeypatch.chdir(demo)
    asked = ("plan", "outputs/demo/demo.yaml", "--greedy", "--now", NIGHT)
    one = json.loads(aas2rto(*asked, "--json").out)
    said = aas2rto(*asked, "--nights", 6)
    assert said.code == 0, said.err
    assert "expected successes: " in said.out
    assert " in 6 nights" in said.out
    told = json.loads(aas2rto(*asked, "--nights", 6, "--json").out)
    later = told["nights"]["later"]
    names = [slot["candidate_id"] for slot in later]
    tonight = {s["candidate_id"] for o in told["observatories"].values() for s in o["slots"]}
    assert len(names) == len(set(names)) > 1
    assert not tonight & set(names)
    alone = {s["candidate_id"] for o in one["observatories"].values() for s in o["slots"]}
    assert tonight == alone - set(names)
    waiting = {name for site in SITES for name in waits(demo, site)}
    assert set(names) & waiting
    assert all(slot["worth"] >= 0.2 and slot["gain"] > 0 for slot in later)
    expected = told["nights"]["expected"]
    assert sum(expected[1:]) == pytest.approx(0.5 * sum(slot["worth"] for slot in later))
    table = pd.read_csv("outputs/demo/plan/network_nights.csv", comment="#")
    assert table["candidate_id"].tolist() == names
    assert table["evening"].tolist() == [slot["evening"] for slot in later]
    assert (pd.to_datetime(table["start"]) - pd.to_datetime(table["evening"])).dt.days.max() <= 1


def waits(folder: Path, site: str) -> list[str]:
    return listed(folder, "ahead", site).query("do == 'wait'")["candidate_id"].tolist()


@pytest.mark.slow
def test_the_list_shows_the_visibility_factor_without_using_it(demo: Path) -> None:
    """A column of a list that is ordered by the chance there; science.csv has no site."""
    ranked = listed(demo, "ranked", "la_palma_not")
    assert ranked["x_vis"].between(1.0, 10.0).all()
    assert ranked["site_score"].is_monotonic_decreasing or ranked["pinned"].any()
    assert "x_vis" not in listed(demo, "ranked", "science")


@pytest.mark.slow
def test_an_empty_night_is_said(
    demo: Path, aas2rto: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the terminal, in the list's head and in cycle.json; the list itself stays."""
    monkeypatch.chdir(tmp_path)
    text = (demo / "outputs" / "demo" / "demo.yaml").read_text(encoding="utf-8")
    text = text.replace("min_value: 0.2", "min_value: 0.99").replace("project: demo", "project: x")
    (tmp_path / "x.yaml").write_text(text.replace("  too:", "  # too:"), encoding="utf-8")
    (tmp_path / "outputs").symlink_to(demo / "outputs")
    said = aas2rto("run", "x.yaml", "--once", "--now", NIGHT)
    assert said.code == 0
    assert "nothing worth tonight: no candidate reaches 0.99; the time is free" in said.out
    head = Path("outputs/x/ranked/la_palma_not.csv").read_text(encoding="utf-8")
    assert "# nothing worth tonight: no candidate reaches 0.99" in head
    assert len(listed(tmp_path, "ranked", "la_palma_not").columns) > 20
    assert "la_palma_not" in json.loads(Path("outputs/x/cycle.json").read_text())["idle"]


@pytest.mark.slow
def test_without_a_factor_that_looks_ahead_it_says_what_to_add(
    project: Path, aas2rto: Callable[..., Said]
) -> None:
    assert aas2rto("run", "small.yaml", "--once", "--now", NIGHT).code == 0
    said = aas2rto("ahead", "small.yaml", "--now", NIGHT)
    assert said.code == 2
    assert "add `- wait_here` to `score: factors:`" in said.err
