"""Killing the program at any instant loses nothing that was committed, and doubles nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aas2rto.store.database import SCHEMA_VERSION

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ROUNDS = 20
OLDER = ["0000", *(f"{number:04d}" for number in range(1, int(SCHEMA_VERSION)))]
"""An empty file, and all versions but the newest."""

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="kills a forked process, which Windows has not"
)


def run_script(name: str, *arguments: str) -> list[list[str]]:
    """Run a script in a process that may fork; return the words of each line it said."""
    done = subprocess.run(
        [sys.executable, str(HERE / name), *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.fault("store", "dies", "kill -9")
@pytest.mark.proof
def test_kill_9_at_random_instants_leaves_a_sound_store(tmp_path):
    """Also while the tables are made; what was told as committed is there, each row once."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    said = run_script("killed_ingest.py", url, str(ROUNDS), "1")
    reports = [int(number) for (number,) in said]
    assert len(reports) == ROUNDS
    assert reports == sorted(reports)
    assert reports[-1] >= ROUNDS // 2, "the children were killed before they could commit"


@pytest.mark.proof
def test_kill_9_after_every_statement_of_every_migration_changes_nothing(tmp_path):
    """The store stays as it was, opens, and comes to what an undisturbed migration gives."""
    said = run_script("killed_migration.py", "every_version", str(tmp_path))
    assert [version for version, _ in said] == OLDER
    assert all(int(instants) > 10 for _, instants in said), said


@pytest.mark.proof
def test_kill_9_while_tables_are_copied_loses_nothing(tmp_path):
    """Also where other tables refer to the one that is copied, dropped and renamed."""
    ((version, instants),) = run_script("killed_migration.py", "copied_tables", str(tmp_path))
    assert version == SCHEMA_VERSION
    assert int(instants) > 10


@pytest.mark.proof
def test_what_an_old_program_left_half_migrated_opens(tmp_path):
    """Old programs kept each change of a table on its own; what they left is brought to an end."""
    said = run_script("killed_migration.py", "half_migrated", str(tmp_path))
    assert [version for version, _ in said] == ["0000", "0001", "0002"]
    assert all(int(instants) > 10 for _, instants in said), said


@pytest.mark.proof
def test_several_programs_open_an_old_store_at_the_same_moment(tmp_path):
    """One brings it up to date, the others wait and find it done."""
    said = run_script("killed_migration.py", "all_at_once", str(tmp_path))
    assert said == [[version, "4"] for version in OLDER]


@pytest.mark.fault("store", "dies", "kill -9 in upkeep")
@pytest.mark.proof
@pytest.mark.parametrize("deed", ["thin", "backup", "restore", "snap"])
def test_kill_9_at_every_instant_of_upkeep_loses_nothing(tmp_path, deed):
    """What is left is the old or the new, sound, and taken up where it was left."""
    ((what, instants),) = run_script("killed_upkeep.py", deed, str(tmp_path))
    assert what == deed
    assert int(instants) > (20 if os.environ.get("AAS2RTO_KILLS") else 3)


@pytest.mark.proof
def test_kill_9_while_a_store_is_compacted_loses_nothing(tmp_path):
    """At random instants: SQLite shrinks a file in one statement."""
    ((_, killed),) = run_script("killed_upkeep.py", "compact", str(tmp_path), str(ROUNDS))
    assert int(killed) >= ROUNDS // 2
