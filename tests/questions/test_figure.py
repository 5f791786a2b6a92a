"""Figures on demand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aas2rto.errors import Aas2rtoError
from aas2rto.guard import Failure
from aas2rto.questions import figure as illustrating


def test_a_figure_that_cannot_be_drawn_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one who asked for it learns which figure failed, and why."""
    failures = [Failure("figure light_curve", "ValueError: no axes", "ZTF1")]

    def draw(*_: Any, **__: Any) -> SimpleNamespace:
        return SimpleNamespace(failures=failures)

    monkeypatch.setattr(illustrating.Gallery, "draw", draw)
    monkeypatch.setattr(illustrating, "findings", lambda *_: None)
    with pytest.raises(Aas2rtoError, match=r"figure light_curve \(ZTF1\): ValueError: no axes"):
        illustrating.illustrate(None, None, "ZTF1", None, folder=tmp_path, kinds=("light_curve",))
