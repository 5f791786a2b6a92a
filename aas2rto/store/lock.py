"""One program per project: a second one is told so, and a killed one leaves no lock behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aas2rto.errors import StoreError
from aas2rto.store.database import make_folder


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock of a project.

    Parameters
    ----------
    path : Path
        A file that holds the number of the process; the system frees the lock when it ends. Its
        folder is made if need be.

    Raises
    ------
    StoreError
        If another process holds it, or the file cannot be written.
    """
    make_folder(path.parent)
    try:
        import fcntl  # noqa: PLC0415  not on Windows
    except ImportError:
        yield
        return
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror}; choose another --output"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            other = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            raise StoreError(
                f"another aas2rto (process {other}) works in {path.parent}; stop it first, "
                "or give this one another --output"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
