"""Files that we make: names that file systems take, and who may read them."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

LONGEST = 255
"""[byte] Of a name of a file on ext4, XFS, Btrfs, APFS and NTFS."""

_DIGEST = 10


def short(name: str, suffix: str) -> str:
    """Return ``name + suffix``, with a hash for the end of a name that would be too long.

    Parameters
    ----------
    name : str
        Without a folder.
    suffix : str
        Kept whole.

    Examples
    --------
    >>> short("SN2026abc", ".txt"), len(short("n" * 250, ".error.txt"))
    ('SN2026abc.txt', 255)
    """
    raw = os.fsencode(name) if _is_encodable(name) else name.encode("utf-8", "surrogatepass")
    left = LONGEST - len(suffix.encode())
    if len(raw) <= left:
        return f"{name}{suffix}"
    digest = hashlib.sha256(raw).hexdigest()[:_DIGEST]
    # Whole characters only: half a one is no name on all file systems.
    begin = raw[: left - _DIGEST - 1].decode("utf-8", errors="ignore")
    return f"{begin}-{digest}{suffix}"


def _is_encodable(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


OWNER = 0o600
"""Permissions of a file for its owner alone; a stricter umask still counts."""
GROUP = 0o640
"""Of one that the owner's group may read, too."""


def open_private(path: str | Path, flags: int, mode: int = GROUP) -> int:
    """Open a file that nobody else may read, should it be made; as `open` takes an opener."""
    return os.open(path, flags, mode)


def make_private(path: Path, mode: int = OWNER) -> None:
    """Make an empty file that nobody else may read; one that is there stays as it is.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    # One that is there is not opened: to close it would give up all locks that this process holds
    # on it (POSIX), those of an open database among them.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))


def mode_of(path: Path, default: int) -> int:
    """Return the permissions of a file: those that somebody chose for it outlive a new one."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return default
