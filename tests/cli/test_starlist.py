"""`aas2rto starlist`: tonight's targets as a telescope takes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import NOW, Cli, too_text
from tests.outlets.starlists.readers import READERS

SITE = "la_palma_not"


@pytest.fixture
def ran(project: Path, aas2rto: Cli) -> Path:
    (project / "too" / "grb.txt").write_text(too_text())
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    return project


def test_a_star_list_in_observing_order(ran: Path, aas2rto: Cli) -> None:
    """The order is the plan's; the file is the telescope's own dialect, by its file."""
    said = aas2rto("starlist", "small.yaml", "--observatory", SITE, "--now", NOW)
    assert said.code == 0, said.err
    path = ran / "outputs" / "small" / "starlists" / f"{SITE}.txt"
    assert f"written: {path.relative_to(ran)} (3 targets for Visplot)" in said.out
    names = [name for name, *_ in READERS["visplot"](path.read_text())]
    told = aas2rto("plan", "small.yaml", "--observatory", SITE, "--now", NOW, "--json")
    slots = json.loads(told.out)["observatories"][SITE]["slots"]
    assert names == [slot["name"] or slot["candidate_id"] for slot in slots]
    assert " ToO " in path.read_text()


def test_by_rank_with_standards_to_the_terminal(ran: Path, aas2rto: Cli) -> None:
    (ran / "standards.csv").write_text("name,ra,dec,mag\nFeige 34,159.9031,43.1025,11.2\n")
    said = aas2rto(
        *("starlist", "small.yaml", "--observatory", SITE, "--now", NOW, "--format", "keck"),
        *("--order", "list", "--most", "2", "--standards", "standards.csv", "--to", "-"),
    )
    assert said.code == 0, said.err
    found = list(READERS["keck"](said.out))
    assert [name for name, *_ in found] == ["GRB260320A", "bright", "Feige34"]
    assert "rank 1 " in found[0][3]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--format", "kecks"), "--format: there is no star list 'kecks'; did you mean 'keck'?"),
        (("--order", "rank"), "--order: 'rank' is neither plan nor list"),
        (("--standards", "none.csv"), "none.csv"),
    ],
)
def test_mistakes_are_one_line(ran: Path, aas2rto: Cli, words: tuple[str, ...], told: str) -> None:
    said = aas2rto("starlist", "small.yaml", "--observatory", SITE, "--now", NOW, *words)
    assert said.code in {1, 2}
    assert told in said.err
    assert said.err.count("\n") == 1
