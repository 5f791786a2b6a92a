"""A copy of the store to play with: what a dry run writes is thrown away."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from aas2rto.errors import StoreError, UsageError


@contextmanager
def temporary_copy(url: str) -> Iterator[str]:
    """Yield the URL of a copy of a SQLite store, which vanishes at the end.

    Raises
    ------
    UsageError
        If the store is not SQLite.
    StoreError
        If it cannot be read.
    """
    if not url.startswith("sqlite:///"):
        raise UsageError("--dry-run works on a copy of the store, which needs `store: sqlite`")
    original = Path(url.removeprefix("sqlite:///"))
    with tempfile.TemporaryDirectory(prefix="aas2rto-dry-run-") as folder:
        copy = Path(folder) / "store.sqlite"
        if original.exists():
            _copy(original, copy)
        yield f"sqlite:///{copy}"


def _copy(original: Path, copy: Path) -> None:
    try:
        with closing(sqlite3.connect(original)) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        raise StoreError(f"cannot copy the store {original}: {error}") from error
