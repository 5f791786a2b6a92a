"""Killing the program at any instant loses nothing that was committed, and doubles nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("killed_ingest.py")
ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process, which Windows has not")
def test_kill_9_at_random_instants_leaves_a_sound_store(tmp_path):
    """Also while the tables are made; what was told as committed is there, each row once."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), url, str(ROUNDS), "1"],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reports = [int(line) for line in done.stdout.split()]
    assert len(reports) == ROUNDS
    assert reports == sorted(reports)
    assert reports[-1] >= ROUNDS // 2, "the children were killed before they could commit"
