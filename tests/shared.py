"""Where the real and recorded data lie: beside the project, never in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "AAS2RTO_SHARED"
"""Environment variable that names the folder; without it, `shared` beside the project."""

ROOT = Path(__file__).resolve().parents[1]


def folder(environment: Mapping[str, str]) -> Path:
    """Return the folder, whether it is there or not."""
    named = environment.get(VARIABLE, "")
    return Path(named).expanduser().absolute() if named else ROOT.parent / "shared"


SHARED = folder(os.environ)
PAYLOADS = SHARED / "payloads"
DATA = SHARED / "data"


def absence(where: Path) -> str:
    """Say why tests of real data are skipped; empty if they are not."""
    return "" if where.is_dir() else f"no real data in {where}; set {VARIABLE}"


def told(skipped: int) -> str:
    """Say how many tests of real data were skipped."""
    tests = "1 test" if skipped == 1 else f"{skipped} tests"
    return f"{tests} of real data skipped: set {VARIABLE}"
