"""Files that travel with the program: example configs and observatories.

In a checkout they stand at its top level; a normal install carries them in ``aas2rto/share``.
"""

from __future__ import annotations

from pathlib import Path

from aas2rto.errors import UsageError

_PACKAGE = Path(__file__).resolve().parents[1]


def folders(name: str) -> list[Path]:
    """Return where files of a kind may be: the working directory first, then what came along.

    Parameters
    ----------
    name : str
        ``configs`` or ``observatories``.
    """
    return [Path(name), _PACKAGE / "share" / name, _PACKAGE.parent / name]


def find_config(path: Path) -> Path:
    """Return the config that is meant: the file itself, or an example that came along.

    Parameters
    ----------
    path : Path
        ``mine.yaml``, or an example as ``configs/demo.yaml``, ``demo.yaml`` or ``demo``.
    """
    if path.is_file() or path.parent not in {Path(), Path("configs")}:
        return path
    name = path.name if path.suffix else f"{path.name}.yaml"
    found = (folder / name for folder in folders("configs") if (folder / name).is_file())
    return next(found, path)


def read_config(name: str) -> str:
    """Return the text of an example config.

    Raises
    ------
    UsageError
        If there is none of this name.
    """
    for folder in folders("configs")[1:]:
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8")
    raise UsageError(f"the example config {name} did not come with this install; reinstall it")
