"""Outputs: what a cycle found, as files for people and programs; written beside, renamed over."""

from __future__ import annotations

from pathlib import Path

from aas2rto.text.files import GROUP, make_private, mode_of


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that readers see the old or the new one, never a part.

    Parameters
    ----------
    path : Path
        Its folder is made if need be.
    content : str or bytes
        Text is written as UTF-8.

    Notes
    -----
    The file beside it has a fixed name, so that one that a kill left there is replaced by the
    next cycle. Lists hold comments and names of people: others than the owner and his group do
    not read a new file; one that is replaced keeps the permissions that somebody gave it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.unlink(missing_ok=True)
    make_private(beside, GROUP)
    beside.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    if path.exists():
        beside.chmod(mode_of(path, GROUP))
    beside.replace(path)
