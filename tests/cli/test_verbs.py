"""The other verbs: check, explain, visibility, list, new, prime, too, demo."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from aas2rto.cli import main
from tests.cli.conftest import Cli, explained


@pytest.mark.fault("CLI", "range", "--now")
def test_bad_times_are_refused_in_words(project: Path, aas2rto: Cli) -> None:
    """A time is ISO or MJD; anything else is said so."""
    assert "--now: 'yesterday' is no time" in aas2rto("run", "small.yaml", "--now", "yesterday").err
    said = aas2rto("run", "small.yaml", "--now", "2461119.9")
    assert said.code == 2
    assert "is no time between MJD" in said.err


def test_list_columns_shows_every_spelling(aas2rto: Cli) -> None:
    """With kinds and units, for people and as JSON."""
    said = aas2rto("list", "columns")
    assert said.code == 0
    for words in (
        "mag: magnitude, AB unless",
        "forcediffimflux",
        "'JD-2450000' is understood",
        "mJy",
        "ztfr",
        "discovery_mag_flux",
    ):
        assert words in said.out
    told = json.loads(aas2rto("list", "columns", "--json").out)
    names = {row["name"]: row["spellings"] for row in told["columns"]}
    assert "magpsf" in names["mag"]


def test_visibility_as_json(project: Path, aas2rto: Cli) -> None:
    """`visibility` gives the factor, the night, the culmination and the Moon."""
    said = aas2rto(
        "visibility",
        "--observatory",
        "la_palma_not",
        "--ra",
        164.09,
        "--dec",
        6.99,
        "--at",
        "2026-03-22T22:00",
        "--json",
    )
    assert said.code == 0, said.err
    told = json.loads(said.out)
    text = json.dumps(sorted(told))
    for word in ("x_vis", "x_alt", "altitude", "azimuth", "culmination", "moon", "rises", "sets"):
        assert word in text


@pytest.mark.fault("CLI", "nan", "positions that are none")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("--ra", 400, "--dec", 0),
            "--ra: '400' is out of range; a right ascension runs from 0 to 360 degrees; "
            "write for example 155.127 (degrees) or 10:20:30.5 (hours)",
        ),
        (("--ra", "24:00:01", "--dec", 0), "--ra: '24:00:01' is "),
        (
            ("--ra", 10, "--dec", 91),
            "--dec: '91' is out of range; a declination runs from -90 to 90 degrees; "
            "write for example -5.2556 or -05:15:20 (degrees)",
        ),
        (("--ra", "north", "--dec", "1h"), "--ra: 'north' is no angle; write for example 155.127"),
        (("--ra", "north", "--dec", "1h"), "--dec: '1h' is in hours; a declination is in degrees"),
    ],
)
@pytest.mark.parametrize(
    "verb",
    [
        ("visibility", "--observatory", "la_palma_not"),
        ("explain", "small.yaml", "--light-curve", "night.csv"),
        ("too", "add", "GRB1", "--folder", "too"),
    ],
    ids=lambda verb: verb[0],
)
def test_positions_that_are_not_on_the_sky_are_refused(
    project: Path, verb: tuple[str, ...], arguments: tuple[object, ...], words: str, aas2rto: Cli
) -> None:
    """By every verb in the same words, with exit code 2."""
    said = aas2rto(*verb, *arguments)
    assert said.code == 2
    assert words in said.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ra", "dec"),
    [("10:20:30.5", "-00:30:36"), ("10h20m30.5s", "-0d30m36s"), ("10 20 30.5", "-00 30 36")],
)
def test_every_verb_takes_sexagesimal_positions(
    project: Path, ra: str, dec: str, aas2rto: Cli
) -> None:
    """Hours, minutes and seconds mean the same as degrees."""
    at = ("--at", "2026-03-22T22:00", "--json")
    site = ("visibility", "--observatory", "la_palma_not", *at)
    in_degrees = ("--ra", repr(15 * (10 + 20 / 60 + 30.5 / 3600)), "--dec", "-0.51")
    told = json.loads(aas2rto(*site, "--ra", ra, "--dec", dec).out)
    expected = json.loads(aas2rto(*site, *in_degrees).out)
    assert told.pop("ra") == pytest.approx(expected.pop("ra"), abs=1e-9)
    assert told.pop("dec") == pytest.approx(expected.pop("dec"), abs=1e-9)
    assert told["altitude"] == pytest.approx(expected["altitude"], abs=1e-7)
    rows = pd.read_csv("night.csv").query("candidate_id == 'bright'")
    rows.to_csv("bright.csv", index=False)
    found = explained(aas2rto, "--light-curve", "bright.csv", "--ra", ra, "--dec", dec)
    assert found["ra"] == pytest.approx(155.1270833, abs=1e-6)
    assert found["dec"] == pytest.approx(-0.51)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sources", "factors", "models", "observatories", "messengers"])
def test_list_has_one_line_each(kind: str, aas2rto: Cli) -> None:
    """`list` prints name and summary, and the same names as JSON."""
    said = aas2rto("list", kind)
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    rows = json.loads(aas2rto("list", kind, "--json").out)
    assert [line.split(":")[0] for line in lines] == [row["name"] for row in rows]
    assert all(row["summary"].strip() for row in rows)


def shown_settings(out: str) -> str:
    """Return what stands in the last brackets of each line."""
    return "\n".join(line.partition(" [")[2] for line in out.splitlines())


def test_list_factors_shows_defaults_with_units(aas2rto: Cli) -> None:
    """Defaults and units are those of the science case of the paper."""
    assert "class_:" not in aas2rto("list", "sources").out
    said = aas2rto("list", "factors")
    assert "zero_point: 18.5 mag" in said.out
    assert "midpoint: 25 day" in said.out
    assert "rate: -1 / day" in said.out
    assert "bands: [ztfg, ztfr]" in said.out
    for kind in ("sources", "factors", "models", "messengers"):
        assert not re.search(
            r"None|True|False|\('|\(0|=", shown_settings(aas2rto("list", kind).out)
        )


@pytest.mark.slow
def test_new_writes_a_config_that_passes_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aas2rto: Cli
) -> None:
    """`new` from any folder gives a commented config; it does not overwrite."""
    monkeypatch.chdir(tmp_path)
    assert aas2rto("new", "mine").code == 0
    said = aas2rto("check", "configs/mine.yaml")
    assert said.code == 0, said.err
    assert "project mine" in said.out
    again = aas2rto("new", "mine")
    assert again.code == 2
    assert "exists already" in again.err
    assert aas2rto("new", "../evil").code == 2


@pytest.mark.fault("CLI", "secret", "tracebacks")
def test_errors_show_tracebacks_only_on_request(
    project: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error is one line; --debug shows where it came from."""
    from aas2rto.sky import observatory_file

    def broken() -> list[str]:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(observatory_file, "available", broken)
    said = aas2rto("list", "observatories")
    assert said.code == 1
    assert said.err.startswith("error: unexpected ZeroDivisionError: boom")
    with pytest.raises(ZeroDivisionError):
        main(["list", "observatories", "--debug"])


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["explain", "--help"]])
def test_help_is_light(arguments: list[str]) -> None:
    """--help imports none of the heavy libraries."""
    code = (
        "import sys\nfrom aas2rto.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'astropy', 'scipy', 'sncosmo', 'sqlalchemy', 'numba'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert "HEAVY []" in done.stdout


def test_version(aas2rto: Cli) -> None:
    """--version prints the one version there is."""
    from aas2rto import __version__

    assert aas2rto("--version").out.strip() == f"aas2rto {__version__}"


@pytest.mark.slow
def test_demo_ranks_three_sites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aas2rto: Cli
) -> None:
    """The demo needs nothing, ranks for three observatories, and its ToO leads."""
    monkeypatch.chdir(tmp_path)
    began = time.perf_counter()
    said = aas2rto("demo")
    assert said.code == 0, said.err
    folder = tmp_path / "outputs" / "demo" / "ranked"
    assert len(list(folder.glob("*.csv"))) == 4
    science = pd.read_csv(folder / "science.csv", comment="#")
    assert science["candidate_id"].iloc[0] == "GRB260320A"
    assert science["t_peak"].notna().sum() >= 3
    assert time.perf_counter() > began
