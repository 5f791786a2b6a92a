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

    def located(self, written: str, beside: Path) -> str:
        """Return where a relative path leads: beside the config if it is there, else as written.

        Parameters
        ----------
        written : str
            The setting.
        beside : Path
            The folder of the config; where that is the working folder, nothing changes.
        """
        path = Path(written)
        if path.is_absolute() or written.startswith("~") or beside.resolve() == Path.cwd():
            return written
        try:
            return str(beside / path) if _is_there(beside / path) else written
        except OSError:
            return written  # `absence` says why

    def absence(self, written: str, beside: Path) -> str:
        """Say what is missing and what to do; an empty text if all is there.

        Parameters
        ----------
        written : str
            The setting: a path, or a pattern unless the program makes it.
        beside : Path
            The folder of the config, where it was looked for first.
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
        next_ = "correct the path, or put there what is missing"
        return f"{what}{_where(path, beside)}; {next_}"

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


def _where(path: Path, beside: Path) -> str:
    """Say where a relative path was looked for."""
    if path.is_absolute():
        return ""
    here = f" in {Path.cwd()}, the folder where you started"
    return here if beside.resolve() == Path.cwd() else f"{here}, nor beside the config"


DataPath = Annotated[str, OnDisk()]
"""Files, a folder or a pattern with data that must be there."""

OwnFolder = Annotated[str, OnDisk(is_made=True)]
"""A folder that the program makes if only it itself is missing."""
