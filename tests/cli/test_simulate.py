"""`aas2rto simulate`: from the command line to an archive that `run` reads."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Cli

SPAN = ("--from", "2026-03-01", "--to", "2026-03-20")
SMALL = ("--survey", "ztf", *SPAN, "--rate-scale", "0.01")

CONFIG = """\
project: simulated
sources: {}
score:
  factors:
    - magnitude: {zero_point: 18.5 mag, faint_limit: 21 mag}
    - detections: {min: 2}
    - expression: {formula: "where(fink_rf_snia_vs_nonia > 0.5, 2, 1)", missing: 1}
observatories: [la_palma_not]
visibility: {factor: altitude_integral, min_altitude: 30 deg}
figures: {top: 0}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_simulated_archive_is_ranked(here: Path, aas2rto: Cli) -> None:
    """Simulate, run on it, and find candidates of the truth in the list; facts are in the store."""
    said = aas2rto("simulate", *SMALL)
    assert said.code == 0, said.err
    folder = here / "outputs" / "simulated_ztf"
    assert "truth: " in said.out
    assert "now: aas2rto run CONFIG" in said.out
    truth = pd.read_parquet(folder / "truth.parquet")
    assert len(truth) > 50
    (here / "simulated.yaml").write_text(CONFIG)
    run = aas2rto(
        "run", "simulated.yaml", "--once", "--archive", folder / "archive", "--now", "2026-03-15"
    )
    assert run.code == 0, run.err
    ranked = pd.read_csv(here / "outputs" / "simulated" / "ranked" / "science.csv", comment="#")
    assert len(ranked) > 3
    assert set(ranked["candidate_id"]) <= set(truth["id"])
    assert ranked.filter(like="expression").isin([1.0, 2.0]).all().all()


def test_json_says_what_was_made(here: Path, aas2rto: Cli) -> None:
    """Seed, rates with their sources, counts by type, version, command, and where it is."""
    said = aas2rto("simulate", *SMALL, "--seed", 5, "--output", here / "mine", "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["seed"] == 5
    assert told["types"]["SN Ia"]["rate"].startswith("Frohmaier")
    assert told["types"]["asteroid"]["with_alerts"] > 0
    assert told["archive"] == str(here / "mine" / "archive")
    kept = json.loads((here / "mine" / "simulate.json").read_text())
    assert kept == {key: told[key] for key in kept}
    assert {"version", "command", "dust", "visits"} <= set(kept)


def test_the_same_words_give_the_same_files(here: Path, aas2rto: Cli) -> None:
    """Byte by byte, but for the command in the provenance."""
    for name in ("one", "two"):
        assert aas2rto("simulate", *SMALL, "--output", here / name).code == 0
    files = sorted(path.relative_to(here / "one") for path in (here / "one").rglob("*.parquet"))
    assert len(files) >= 5
    for file in files:
        assert (here / "one" / file).read_bytes() == (here / "two" / file).read_bytes(), file


@pytest.mark.fault("CLI", "range", "simulate")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--survey", "ztff", *SPAN), "--survey: 'ztff'; did you mean 'ztf'? (known: ztf, lsst)"),
        (("--survey", "lsst", *SPAN), "--visits: lsst needs the visits of a survey simulation"),
        (("--survey", "ztf", "--from", "soon", "--to", "2026-03-20"), "--from: 'soon' is no time"),
        (("--survey", "ztf", "--from", "2026-03-20", "--to", "2026-03-01"), "is not later than"),
        (("--survey", "ztf", "--from", "2026-03-01", "--to", "2046-03-01"), "more than ten"),
        ((*SMALL[:-1], "inf"), "--rate-scale: inf is no factor"),
        ((*SMALL, "--faintest", "99"), "--faintest: 99 mag is not between"),
        ((*SMALL, "--visits", "none.db"), "none.db: cannot be opened"),
    ],
)
def test_mistakes_are_said_in_one_line(here: Path, aas2rto: Cli, words, said: str) -> None:
    """And nothing is left behind."""
    answer = aas2rto("simulate", *words)
    assert answer.code in (1, 2)
    assert said in answer.err
    assert answer.err.strip().count("\n") == 0
    assert list(here.iterdir()) == []


@pytest.mark.fault("CLI", "gone", "simulate --output")
def test_an_output_that_is_no_folder_is_said(here: Path, aas2rto: Cli) -> None:
    """Before the work, not after it."""
    (here / "file").write_text("")
    answer = aas2rto("simulate", *SMALL, "--output", here / "file" / "survey")
    assert answer.code == 2
    assert "cannot be written" in answer.err


def test_visits_without_columns_are_said(here: Path, aas2rto: Cli) -> None:
    """With the names that are looked for."""
    (here / "visits.csv").write_text("mjd,ra\n61000,1\n")
    answer = aas2rto("simulate", "--survey", "lsst", *SPAN, "--visits", "visits.csv")
    assert answer.code == 1
    assert "misses dec (fieldDec, dec, Dec), band" in answer.err


def test_visits_of_a_file_are_used(here: Path, aas2rto: Cli) -> None:
    """A survey of one field sees objects of that field alone."""
    days = range(61080, 61119)
    rows = [
        f"{day + 0.1 + k / 50},150.0,10.0,{b},24.5" for day in days for k, b in enumerate("gri")
    ]
    (here / "visits.csv").write_text("\n".join(["mjd,ra,dec,band,depth", *rows]) + "\n")
    words = ("--survey", "lsst", *SPAN, "--visits", "visits.csv", "--output", "lsst")
    answer = aas2rto(
        "simulate", *words, "--rate-scale", "5", "--contaminants", "0", "--faintest", "19.5"
    )
    assert answer.code == 0, answer.err
    truth = pd.read_parquet(here / "lsst" / "truth.parquet")
    assert len(truth) > 5
    assert truth["dec"].between(8.2, 11.8).all()
    rows = pd.concat(map(pd.read_parquet, (here / "lsst" / "archive").glob("light_curves*")))
    assert set(rows["band"].dropna().astype(str)) == {"lsstg", "lsstr", "lssti"}


def test_help_shows_examples(aas2rto: Cli) -> None:
    """Which can be pasted."""
    said = aas2rto("simulate", "--help")
    assert said.code == 0
    assert "aas2rto simulate --survey ztf --from 2026-03-01" in said.out
