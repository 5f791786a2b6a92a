"""Real data are found where they are, and their absence is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import shared

ROOT = Path(__file__).resolve().parents[1]


def run_pytest(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one test of real data in a process of its own."""
    test = "tests/data/test_data.py::test_a_salt2_folder_is_a_source"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test, *arguments]
    everything = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        command, cwd=ROOT, env=everything, capture_output=True, text=True, check=False
    )


def test_the_variable_names_the_folder(tmp_path: Path) -> None:
    """Without it, the folder lies beside the project."""
    assert shared.folder({shared.VARIABLE: str(tmp_path)}) == tmp_path
    assert shared.folder({}) == ROOT.parent / "shared"
    assert shared.folder({shared.VARIABLE: ""}) == ROOT.parent / "shared"


def test_absence_is_said(tmp_path: Path) -> None:
    """The reason names the place and the way out; the summary counts."""
    assert shared.absence(tmp_path) == ""
    missing = tmp_path / "payloads"
    assert shared.absence(missing) == f"no real data in {missing}; set AAS2RTO_SHARED"
    assert shared.told(1) == "1 test of real data skipped: set AAS2RTO_SHARED"
    assert shared.told(49) == "49 tests of real data skipped: set AAS2RTO_SHARED"


@pytest.mark.slow
def test_skipped_tests_are_counted_at_the_end(tmp_path: Path) -> None:
    """A folder without real data; a green line alone would not tell."""
    said = run_pytest(AAS2RTO_SHARED=str(tmp_path))
    assert said.returncode == 0, said.stdout + said.stderr
    assert f"no real data in {tmp_path}/payloads; set AAS2RTO_SHARED" in said.stdout
    assert "\n1 test of real data skipped: set AAS2RTO_SHARED\n" in said.stdout


@pytest.mark.slow
def test_a_wrong_folder_stops_the_run(tmp_path: Path) -> None:
    """Who names a folder wants those tests to run."""
    said = run_pytest(AAS2RTO_SHARED=str(tmp_path / "nowhere"))
    assert said.returncode == 4
    assert f"AAS2RTO_SHARED: there is no folder {tmp_path}/nowhere" in said.stderr + said.stdout
