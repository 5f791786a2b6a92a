"""A config that is run from another folder finds what lies beside it, and says what it makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aas2rto.sky import observatory_file
from tests.cli.conftest import NOW, Said, too_text

Cli = Callable[..., Said]

SITE = "title: Ours\nposition: {longitude: -18 deg, latitude: 29 deg, elevation: 2000 m}\n"


@pytest.fixture
def elsewhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return another working folder than that of the config."""
    place = project / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def run(aas2rto: Cli, config: object, *more: object) -> Said:
    return aas2rto("run", config, "--once", "--now", NOW, *more)


@pytest.mark.slow
def test_files_beside_the_config_are_found(project: Path, elsewhere: Path, aas2rto: Cli) -> None:
    (project / "too" / "grb.txt").write_text(too_text())
    said = run(aas2rto, "../small.yaml")
    assert said.code == 0, said.err
    ranked = (elsewhere / "outputs/small/ranked/science.csv").read_text()
    assert "bright" in ranked
    assert "GRB260320A" in ranked
    assert (project / "too/accepted/grb.txt").exists()
    assert not (elsewhere / "too").exists()


@pytest.mark.slow
def test_what_is_not_beside_the_config_is_looked_for_in_the_working_folder(
    project: Path, elsewhere: Path, aas2rto: Cli
) -> None:
    (project / "night.csv").rename(elsewhere / "night.csv")
    assert run(aas2rto, "../small.yaml").code == 0
    assert "bright" in (elsewhere / "outputs/small/ranked/science.csv").read_text()


@pytest.mark.slow
def test_a_path_on_the_command_line_begins_where_it_was_typed(
    project: Path, elsewhere: Path, aas2rto: Cli
) -> None:
    text = (project / "night.csv").read_text().replace("bright", "typed")
    (elsewhere / "night.csv").write_text(text)
    assert run(aas2rto, "../small.yaml", "--archive", "night.csv").code == 0
    ranked = (elsewhere / "outputs/small/ranked/science.csv").read_text()
    assert "typed" in ranked
    assert "bright" not in ranked


@pytest.mark.slow
def test_new_results_are_said_unless_one_stands_beside_the_config(
    project: Path, elsewhere: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run(aas2rto, "../small.yaml")
    assert f"note: new results in {elsewhere}/outputs/small; the config is in {project}" in said.err
    assert "note: new results" not in run(aas2rto, "../small.yaml").err
    monkeypatch.chdir(project)
    assert "note: " not in run(aas2rto, "small.yaml").err


@pytest.mark.slow
def test_the_store_beside_the_config_is_used_and_said(
    project: Path, elsewhere: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    run(aas2rto, "small.yaml")
    monkeypatch.chdir(elsewhere)
    note = "note: results are in ../outputs/small, beside the config\n"
    for verb in (["explain", "../small.yaml", "bright"], ["plan", "../small.yaml", "--greedy"]):
        said = aas2rto(*verb, "--now", NOW)
        assert said.code == 0, said.err
        assert said.err.count(note) == 1
    assert note in run(aas2rto, "../small.yaml").err
    assert not (elsewhere / "outputs").exists()
    said = run(aas2rto, "../small.yaml", "--output", "mine")
    assert note not in said.err
    assert (elsewhere / "mine/small/ranked/science.csv").exists()


@pytest.mark.slow
def test_observatories_and_factors_beside_the_config_are_found(
    project: Path, elsewhere: Path, aas2rto: Cli
) -> None:
    (project / "observatories").mkdir()
    (project / "observatories/ours.yaml").write_text(SITE)
    (project / "other.yaml").write_text(SITE)
    (project / "mine.py").write_text("def twice(candidates, now):\n    return 2.0\n")
    text = (project / "small.yaml").read_text()
    text = text.replace("[la_palma_not, la_silla_dk154]", "[ours, other.yaml, la_palma_not]")
    (project / "small.yaml").write_text(
        text.replace("  factors:\n", "  factors:\n    - mine.py:twice\n")
    )
    said = run(aas2rto, "../small.yaml")
    assert said.code == 0, said.err
    assert (elsewhere / "outputs/small/ranked/ours.csv").exists()
    assert (elsewhere / "outputs/small/ranked/other.csv").exists()
    assert "factor_twice" in (elsewhere / "outputs/small/ranked/science.csv").read_text()


def test_an_observatory_beside_the_config_wins_and_an_unknown_one_says_where_was_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, beside = tmp_path / "here", tmp_path / "beside"
    for place, title in ((here, "Here"), (beside, "Beside")):
        (place / "observatories").mkdir(parents=True)
        (place / "observatories/ours.yaml").write_text(SITE.replace("Ours", title))
    monkeypatch.chdir(here)
    assert observatory_file.load("ours").title == "Here"
    assert observatory_file.load("ours", beside=beside).title == "Beside"
    assert observatory_file.load("ours", beside=here).title == "Here"
    with pytest.raises(Exception, match=r"looked in .*beside/observatories, observatories, "):
        observatory_file.load("nowhere", beside=beside)
