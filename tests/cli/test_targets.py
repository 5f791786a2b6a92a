"""`aas2rto targets import`, and an archive of which nothing can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import NOW, Said

LIST = "SN2026abcd 09 55 52.43 +10 12 23.9 2000.0 vmag=17.4 # spectrum\nlost 1 2 3\n"


@pytest.mark.slow
def test_a_star_list_becomes_targets_of_opportunity(project: Path, aas2rto) -> None:
    """They lead the lists, and what was taken and refused is said."""
    Path("tonight.cat").write_text(LIST)
    said: Said = aas2rto(
        "targets", "import", "small.yaml", "tonight.cat", "--as", "too", "--now", NOW
    )
    assert said.code == 0, said.err
    assert said.out == (
        "taken: SN2026abcd at 148.968458 +10.206639 deg, 17.4 mag, spectrum\n"
        "refused: row 2: has no position: 'lost 1 2 3'; a line is NAME HH MM SS.S +DD MM SS "
        "2000.0\n"
        "1 target of a star list as targets of opportunity, 1 row refused: 1 new, 0 known already\n"
    )
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    told = json.loads(aas2rto("explain", "small.yaml", "SN2026abcd", "--json", "--now", NOW).out)
    assert told["base_score"] == 1000.0
    said = aas2rto("targets", "import", "small.yaml", "tonight.cat", "--as", "too", "--now", NOW)
    assert said.out.endswith("1 row refused: 0 new, 1 known already\n")


@pytest.mark.slow
def test_a_dry_run_stores_nothing(project: Path, aas2rto) -> None:
    """Twice the same answer, and no store."""
    Path("list.csv").write_text("name,ra,dec\nA,10,20\n")
    for _ in range(2):
        said = aas2rto(
            "targets", "import", "small.yaml", "list.csv", "--dry-run", "--json", "--now", NOW
        )
        told = json.loads(said.out)
        assert (told["new"], told["stored"], told["as"]) == (1, False, "candidates")
        assert told["taken"][0]["name"] == "A"
    assert not Path("outputs/small/store.sqlite").exists()


def test_what_cannot_be_taken_ends_with_one_line(project: Path, aas2rto) -> None:
    Path("list.csv").write_text("name,ra,dec\nA,10,95\n")
    said = aas2rto("targets", "import", "small.yaml", "list.csv", "--now", NOW)
    assert said.code == 1
    assert said.err == (
        "error: list.csv: no target could be taken: row 1 (A): dec: '95' is out of range; a "
        "declination runs from -90 to 90 degrees\n"
    )
    said = aas2rto("targets", "import", "small.yaml", "list.csv", "--as", "toos")
    assert said.code == 2
    assert "--as: 'toos'; did you mean 'too'? (known: too, watch, candidates)" in said.err


@pytest.mark.slow
def test_an_archive_of_which_nothing_can_be_read_is_an_error(project: Path, aas2rto) -> None:
    """Exit code 1 and one line with the reason, also where the table is read but no row is."""
    Path("bad.csv").write_text("name,ra,dec,mjd,band,mag,magerr\nA,1,2,60000,ztfg,99.99,9.99\n")
    for _ in range(2):
        said = aas2rto("run", "small.yaml", "--once", "--now", NOW, "--archive", "empty")
        assert said.code == 2
        Path("folder").mkdir(exist_ok=True)
        Path("folder/notes.txt").write_text("Dear all,\nno table here\n")
        said = aas2rto("run", "small.yaml", "--once", "--now", NOW, "--archive", "folder")
        assert said.code == 1
        assert said.err.startswith("error: --archive: no file could be read: ")
        assert "notes.txt: misses an identifier" in said.err
    said = aas2rto("run", "small.yaml", "--once", "--now", NOW, "--archive", "bad.csv")
    assert "1 of 1 row left out: whose mag is 99.99, which stands for no value" in said.out
