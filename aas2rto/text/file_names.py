"""Names of files that are made from other names, which may be as long as a file system takes."""

from __future__ import annotations

import hashlib
import os

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
