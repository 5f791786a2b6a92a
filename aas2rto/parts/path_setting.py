"""Settings that name files or folders, so that `check` can say which are not there."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated


@dataclass(frozen=True)
class OnDisk:
    """Marks a text setting that names something on disk.

    Parameters
    ----------
    is_made : bool
        Whether the program makes the folder if only it itself is missing.
    """

    is_made: bool = False

    def absence(self, written: str, beside: Path) -> str:
        """Say what is missing and what to do; an empty text if all is there.

        Parameters
        ----------
        written : str
            The setting: a path, or a pattern unless the program makes it.
        beside : Path
            The folder of the config, where people may think that paths begin.
        """
        try:
            return self._absence(Path(written).expanduser(), beside)
        except (OSError, RuntimeError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            return f"{written} cannot be looked at ({why}); correct the path or its permissions"

    def _absence(self, path: Path, beside: Path) -> str:
        if self.is_made:
            if path.is_dir() or (not path.exists() and path.parent.is_dir()):
                return ""
            what = f"{path} is no folder" if path.exists() else f"there is no folder {path.parent}"
        else:
            if _is_there(path):
                return ""
            pattern = glob.has_magic(str(path))
            what = f"no file is called like {path}" if pattern else f"there is no {path}"
        return f"{what}{_where(path)}; {_next(path, beside)}"

    def to_be_made(self, written: str) -> bool:
        """Tell whether the program will make this folder."""
        try:
            path = Path(written).expanduser()
            return self.is_made and not path.exists() and path.parent.is_dir()
        except (OSError, RuntimeError):
            return False  # `absence` says why


def _is_there(path: Path) -> bool:
    # A file may be called like a pattern.
    return path.exists() or next(glob.iglob(str(path), recursive=True), None) is not None  # noqa: PTH207


def _where(path: Path) -> str:
    """Say what a relative path begins at."""
    return "" if path.is_absolute() else f" in {Path.cwd()}, the folder where you started"


def _next(path: Path, beside: Path) -> str:
    if not path.is_absolute() and _is_there(beside / path):
        there = beside.resolve()
        return f"there is one beside the config: start in {there}, or write {there / path}"
    return "correct the path, or put there what is missing"


DataPath = Annotated[str, OnDisk()]
"""Files, a folder or a pattern with data that must be there."""

OwnFolder = Annotated[str, OnDisk(is_made=True)]
"""A folder that the program makes if only it itself is missing."""
