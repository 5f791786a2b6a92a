"""The verb `too`: targets of opportunity from the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import NOW, Cli, too_text


@pytest.mark.slow
def test_too_template_add_list(project: Path, aas2rto: Cli) -> None:
    """A target is added from the command line, waits, and is taken by the next cycle."""
    assert "name:" in aas2rto("too", "template").out
    said = aas2rto(
        "too",
        "add",
        "GRB1",
        "--ra",
        "10:20:30.5",
        "--dec",
        "-00:30:00",
        "--folder",
        "too",
        "--comment",
        "spectrum wanted",
    )
    assert said.code == 0, said.err
    listed = aas2rto("too", "list", "--folder", "too").out
    assert listed.startswith("waiting: too/")
    ends = "for the config's lifetime after it is taken (default 7 d)"
    assert f"the next cycle takes it; it is wanted {ends}" in said.out
    assert listed.endswith(f": GRB1 at 155.12708 -0.50000 deg, {ends}\n")
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    assert "accepted: " in aas2rto("too", "list", "--folder", "too").out
    science = pd.read_csv("outputs/small/ranked/science.csv", comment="#").set_index("candidate_id")
    assert science.loc["GRB1", "dec"] == pytest.approx(-0.5)
    assert science.loc["GRB1", "ra"] == pytest.approx(155.127083, abs=1e-6)
    assert science.loc["GRB1", "reason"].startswith("ToO until 27 Mar 22:00 UT: spectrum wanted")


@pytest.mark.slow
def test_a_too_ends_by_itself(project: Path, aas2rto: Cli) -> None:
    """After the lifetime of the config, unless its file or the config says otherwise."""
    (project / "small.yaml").write_text(
        (project / "small.yaml").read_text().replace("folder: too", "folder: too, lifetime: 2 day")
    )
    (project / "too" / "a.txt").write_text(too_text(name="SHORT"))
    (project / "too" / "b.txt").write_text(
        too_text(name="LONG", ra="10:00:00", valid_until="2026-03-30")
    )
    listed = aas2rto("too", "list", "--folder", "too").out
    assert "LONG at 150.00000 +5.23889 deg, until 2026-03-31 00:00 UTC\n" in listed
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    science = pd.read_csv("outputs/small/ranked/science.csv", comment="#").set_index("candidate_id")
    assert science.loc["SHORT", "reason"].startswith("ToO until 22 Mar 22:00 UT")
    assert science.loc["LONG", "reason"].startswith("ToO until 31 Mar 00:00 UT")
    aas2rto("run", "small.yaml", "--once", "--now", "2026-03-22T22:01")
    out = pd.read_csv("outputs/small/excluded.csv", comment="#").set_index("candidate_id")
    assert out.loc["SHORT", "reason"] == "the ToO was valid until 2026-03-22T22:00"
    assert "LONG" not in out.index


@pytest.mark.slow
def test_a_too_may_last_for_ever(project: Path, aas2rto: Cli) -> None:
    (project / "small.yaml").write_text(
        (project / "small.yaml").read_text().replace("folder: too", "folder: too, lifetime: null")
    )
    (project / "too" / "a.txt").write_text(too_text())
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    science = pd.read_csv("outputs/small/ranked/science.csv", comment="#").set_index("candidate_id")
    assert science.loc["GRB260320A", "reason"] == "ToO"


@pytest.mark.slow
def test_an_empty_list_says_so(project: Path, aas2rto: Cli) -> None:
    """Silence would leave open whether the right folder was asked."""
    assert aas2rto("too", "list", "--folder", "too").out == "no targets of opportunity in too\n"
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    assert aas2rto("messages", "small.yaml").out.startswith("this config has no channels; ")


def test_too_list_says_what_is_to_mend(project: Path, aas2rto: Cli) -> None:
    """Before any cycle has looked at the file."""
    (project / "too" / "bad.txt").write_text(too_text(ra="25:00:00"))
    listed = aas2rto("too", "list", "--folder", "too")
    assert listed.code == 0
    assert "to mend: too/bad.txt" in listed.out
    assert "  line 2: ra" in listed.out


@pytest.mark.fault("ToO file", "nan", "positions that are none")
def test_too_add_refuses_bad_positions(project: Path, aas2rto: Cli) -> None:
    """A target that is not on the sky is refused before it is written."""
    said = aas2rto("too", "add", "X", "--ra", "10", "--dec", "+95", "--folder", "too")
    assert said.code != 0
    assert "dec" in said.err
    assert list((project / "too").iterdir()) == []


def test_too_text_is_what_the_template_says(aas2rto: Cli) -> None:
    """The template holds the keys of the format."""
    template = aas2rto("too", "template").out
    for line in too_text().splitlines():
        assert f"{line.split(':')[0]}:" in template


@pytest.mark.fault("ToO file", "again", "dropped again with a corrected position")
@pytest.mark.slow
def test_a_too_that_is_dropped_again_lies_where_it_is_now_said_to_lie(
    project: Path, aas2rto: Cli
) -> None:
    """The first position was a mistake: the new one counts, is said, and the plan follows."""
    (project / "too" / "grb.txt").write_text(too_text())
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    (project / "too" / "grb.txt").write_text(too_text(ra="10:32:10.5", dec="+15:14:20"))
    later = "2026-03-20T22:20:00"
    said = aas2rto("run", "small.yaml", "--once", "--now", later)
    assert said.code == 0
    assert "GRB260320A was told again with another position, 17.8 deg from where it was" in said.out
    science = pd.read_csv(project / "outputs/small/ranked/science.csv", comment="#")
    row = science.set_index("candidate_id").loc["GRB260320A"]
    assert (row["ra"], row["dec"]) == pytest.approx((158.04375, 15.23889), abs=1e-4)
    plan = aas2rto("plan", "small.yaml", "--observatory", "la_palma_not", "--now", later, "--json")
    assert '"ra": 158.0437' in plan.out
    # What was known before is as it was.
    before = aas2rto("explain", "small.yaml", "GRB260320A", "--now", NOW, "--json")
    assert json.loads(before.out)["ra"] == pytest.approx(173.04375, abs=1e-4)
