"""`check` tries a config on ten made-up candidates before its first night."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import CONFIG, Cli


def with_factor(project: Path, line: str) -> None:
    text = CONFIG.replace("  factors:\n", f"  factors:\n    - {line}\n")
    assert text != CONFIG
    (project / "small.yaml").write_text(text)


@pytest.mark.fault("config", "forged", "a config is tried on ten candidates")
@pytest.mark.slow
def test_a_config_is_tried(project: Path, aas2rto: Cli) -> None:
    """It says who would be kept, and by what others are left out; the same each time."""
    said = aas2rto("check", "small.yaml")
    assert said.code == 0, said.err
    (line,) = [one for one in said.out.splitlines() if one.startswith("tried on")]
    assert "tried on 10 made-up candidates: " in line
    tried = json.loads(aas2rto("check", "small.yaml", "--json").out)["tried"]
    assert sum(tried["decisions"].values()) == tried["candidates"] == 10
    assert tried["decisions"]["kept"] >= 1
    assert tried["failures"] == []
    assert not (project / "outputs").exists()


@pytest.mark.fault("factors", "damaged", "a factor that fails")
def test_a_factor_that_fails_is_found(project: Path, aas2rto: Cli) -> None:
    """It loads, and would fail every night."""
    (project / "mine.py").write_text(
        "from aas2rto.factors import factor\n\n\n"
        "@factor('broken')\n"
        "def broken(candidates, now):\n"
        '    """Divide by nothing."""\n'
        "    return 1 // 0\n"
    )
    with_factor(project, "mine.py:broken: {}")
    said = aas2rto("check", "small.yaml")
    assert said.code == 2, said.out
    assert "ZeroDivisionError" in said.out
    assert "\nok\n" not in said.out
    assert "failed on made-up candidates, and would fail every night" in said.err


def test_a_light_curve_without_a_fit_is_no_fault(project: Path, aas2rto: Cli) -> None:
    """Bazin's peak is free for some of those made up; a model that fits nobody is a fault."""
    text = CONFIG.replace("score:\n", "models:\n  bazin: {}\nscore:\n", 1)
    assert text != CONFIG
    (project / "small.yaml").write_text(text)
    said = aas2rto("check", "small.yaml")
    assert said.code == 0, said.err + said.out
    assert "FAILS" not in said.out


@pytest.mark.fault("config", "nan", "a config that passes and leaves nobody")
def test_a_config_that_leaves_nobody_says_so(project: Path, aas2rto: Cli) -> None:
    """No mistake by itself, and hardly what is meant."""
    with_factor(project, "expression: {formula: last_mag - 50, name: far, exclude_below: 0}")
    said = aas2rto("check", "small.yaml")
    assert said.code == 0, said.err
    (line,) = [one for one in said.out.splitlines() if one.startswith("tried on")]
    assert "far " in line
    assert "kept" not in line
    assert "note: none of them would be kept; most often " in said.out
