"""Replays that are told row by row, and one that is drawn once for all tests of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.replay import folders


@pytest.fixture(scope="session")
def sky(tmp_path_factory: pytest.TempPathFactory) -> folders.Sky:
    """Return a drawn replay of two configs and two sites."""
    return folders.drawn(tmp_path_factory.mktemp("drawn"), n_objects=150, n_nights=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where a replay can be written."""
    return tmp_path / "replay"
