"""Whether the files that a program has open are still those that others see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aas2rto.errors import StoreError

Identity = tuple[int, int]


def watch(*paths: Path) -> Callable[[], None]:
    """Return a check that files and folders are still there, and still the same.

    A program goes on reading and writing what was deleted, or lies below a disk that was mounted
    over it, and nobody ever sees it: what it then took from streams and folders would be lost.

    Parameters
    ----------
    *paths : Path
        As they are now; those that are not there are not watched.

    Returns
    -------
    callable
        Raises `StoreError` if one is gone, or another one is in its place.
    """
    before = {path: found for path in paths if (found := _identity(path)) is not None}

    def check() -> None:
        for path, known in before.items():
            found = _identity(path)
            if found != known:
                what = "is gone" if found is None else "is another one than at the start"
                raise StoreError(
                    f"{path} {what}: nothing is taken from sources until it is back; to begin "
                    "there anew, start the program again"
                )

    return check


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
