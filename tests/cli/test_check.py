"""The verb `check`: every mistake at once, in words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.mark.slow
def test_check_shows_the_resolved_science_case(project: Path, aas2rto: Cli) -> None:
    """`check` names sources, factors with units, and sites."""
    said = aas2rto("check", "small.yaml")
    assert said.code == 0, said.err
    settings = (
        "{zero_point: 18.5 mag, faint_limit: 19 mag, bands: [ztfg, ztfr], ceiling: null, "
        "use: last, stale: 5 day}"
    )
    assert f"magnitude: {settings}" in said.out
    assert "rate: -1 / day" in said.out
    assert "la_palma_not: " in said.out
    assert said.out.rstrip().endswith("ok")
    assert not re.search(r"None|True|False|\('|1 1 / ", said.out), (
        "as in the YAML, not as in Python"
    )


def test_check_reports_every_mistake_at_once(project: Path, aas2rto: Cli) -> None:
    """Each mistake has file:line, key, what was expected, and the nearest name."""
    (project / "bad.yaml").write_text(
        "project: bad\n"
        "sources:\n"
        "  archiv: {paths: [night.csv]}\n"
        "score:\n"
        "  factors:\n"
        "    - magnitude: {zero_point: 18.5}\n"
        "    - time_span: {midpoint: 25 mag}\n"
        "    - detection: {min: 4}\n"
        "    - expression: '1 + exp(mag_ztgf)'\n"
        "observatories: [la_sila_dk154]\n"
        "visibility: {factor: altitude_integral, min_alt: 30 deg}\n"
        "looop: {}\n"
    )
    said = aas2rto("check", "bad.yaml")
    assert said.code == 2
    for words in (
        "bad.yaml:3: sources.archiv: no source is called 'archiv'; did you mean 'archive'?",
        "bad.yaml:6: score.factors[0].magnitude.zero_point: 18.5 needs a unit",
        "bad.yaml:7: score.factors[1].time_span.midpoint: '25 mag' cannot be converted to day",
        "bad.yaml:8: score.factors[2].detection: no factor is called 'detection'; did you mean",
        "bad.yaml:9: score.factors[3]: there is no column 'mag_ztgf'; did you mean 'mag_ztfg'?",
        "bad.yaml:10: observatories[0]:",
        "did you mean 'la_silla_dk154'?",
        "bad.yaml:11: visibility.min_alt: unknown setting 'min_alt'; did you mean 'min_altitude'?",
        "bad.yaml:12: looop: unknown setting 'looop'; did you mean 'loop'?",
    ):
        assert words in said.err
    assert "Traceback" not in said.err


@pytest.mark.fault("config", "gone", "paths that are not there")
@pytest.mark.slow
def test_check_says_which_paths_are_not_there(project: Path, aas2rto: Cli) -> None:
    """Where in the config, what, and what next; as for a variable that is not set, exit 0."""
    text = (project / "small.yaml").read_text()
    text = text.replace("[night.csv]", "[night.csv, nigth.csv, 'alerts/*.avro', '${NIGHT}']")
    (project / "small.yaml").write_text(text.replace("folder: too", "folder: nowhere/too"))
    said = aas2rto("check", "small.yaml")
    assert said.code == 0, said.err
    lines = [line for line in said.out.splitlines() if line.startswith("not there: ")]
    here = f"in {project}, the folder where you started"
    todo = "correct the path, or put there what is missing"
    assert lines == [
        f"not there: small.yaml:3: sources.archive.paths[1]: there is no nigth.csv {here}; {todo}",
        "not there: small.yaml:3: sources.archive.paths[2]: no file is called like alerts/*.avro "
        f"{here}; {todo}",
        f"not there: small.yaml:4: sources.too.folder: there is no folder nowhere {here}; {todo}",
    ]
    last = "the science case is right; `run` needs what is not set and what is not there"
    assert said.out.splitlines()[-1] == last
    told = json.loads(aas2rto("check", "small.yaml", "--json").out)
    assert told["not_there"] == [line.removeprefix("not there: ") for line in lines]


@pytest.mark.slow
def test_check_says_that_a_path_is_not_beside_the_config_either(
    project: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths begin beside the config, or else where the program is started."""
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    assert "not there" not in aas2rto("check", "../small.yaml").out
    (project / "night.csv").unlink()
    said = aas2rto("check", "../small.yaml")
    assert said.code == 0
    here = f"in {project}/elsewhere, the folder where you started, nor beside the config"
    assert f"there is no night.csv {here}; correct the path" in said.out
    assert said.out.splitlines()[-1] == "the science case is right; `run` needs what is not there"


@pytest.mark.slow
def test_check_says_which_folder_will_be_made(project: Path, aas2rto: Cli) -> None:
    """A misspelt ToO folder would be made in silence, and stay empty."""
    text = (project / "small.yaml").read_text()
    (project / "small.yaml").write_text(text.replace("folder: too", "folder: toos"))
    said = aas2rto("check", "small.yaml")
    note = "there is no folder toos yet; the first cycle makes it"
    assert f"note: small.yaml:4: sources.too.folder: {note}\n" in said.out
    assert said.out.splitlines()[-1] == "ok"
    (project / "toos").write_text("a file")
    assert "sources.too.folder: toos is no folder" in aas2rto("check", "small.yaml").out


@pytest.mark.fault("expression", "gone", "a column that nobody writes")
def test_check_names_unknown_columns_of_an_expression(project: Path, aas2rto: Cli) -> None:
    """A misspelt column is found when the config loads, not at night."""
    text = (project / "small.yaml").read_text()
    text = text.replace("observatories:", "    - expression: '1 + exp(mag_ztgf)'\nobservatories:")
    (project / "small.yaml").write_text(text)
    said = aas2rto("check", "small.yaml")
    assert said.code == 2
    assert "there is no column 'mag_ztgf'; did you mean 'mag_ztfg'?" in said.err


def test_missing_secrets_stop_a_run_but_not_a_check(project: Path, aas2rto: Cli) -> None:
    """`check` says what is not set; `run` refuses to start without it."""
    text = (project / "small.yaml").read_text().replace("paths: [night.csv]", "paths: ['${NIGHT}']")
    (project / "small.yaml").write_text(text)
    said = aas2rto("check", "small.yaml")
    assert said.code == 0
    assert "the environment variable NIGHT is not set" in said.out
    said = aas2rto("run", "small.yaml", "--once")
    assert said.code == 2
    assert "small.yaml:3: sources.archive.paths[0]: the environment variable NIGHT" in said.err


@pytest.mark.fault("CLI", "gone", "a config that is not there")
def test_unknown_config_offers_the_nearest(project: Path, aas2rto: Cli) -> None:
    """A misspelt file name is met with the nearest one."""
    said = aas2rto("check", "smal.yaml")
    assert said.code == 2
    assert "there is no config smal.yaml; did you mean 'small.yaml'?" in said.err
