"""What is said of paths that are not there, or cannot be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from aas2rto.parts.path_setting import OnDisk


@pytest.mark.parametrize("is_made", [True, False])
@pytest.mark.parametrize(
    ("written", "why"),
    [("~nosuchuser/too", "home directory"), ("x" * 300 + "/too", "File name too long")],
)
def test_paths_that_cannot_be_looked_at_are_a_reason(is_made: bool, written: str, why: str) -> None:
    mark = OnDisk(is_made)
    text = mark.absence(written, Path.cwd())
    assert "cannot be looked at" in text or "there is no" in text
    assert "cannot be looked at" not in text or why in text
    assert not mark.to_be_made(written)


def test_a_folder_that_is_there_is_no_absence(tmp_path: Path) -> None:
    assert OnDisk(is_made=True).absence(str(tmp_path), tmp_path) == ""
    assert OnDisk(is_made=True).to_be_made(str(tmp_path / "new"))
    assert "there is no" in OnDisk().absence(str(tmp_path / "new"), tmp_path)
