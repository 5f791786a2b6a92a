"""Every test that writes a config has a folder of its own."""

from __future__ import annotations

import pytest


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """Work in an empty folder, where files are named by their bare names."""
    monkeypatch.chdir(tmp_path)
