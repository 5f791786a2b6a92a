"""A smaller input that still fails: pieces are taken out, large ones first (Zeller's ddmin)."""

from __future__ import annotations

import time
from collections.abc import Callable


def shrink(content: bytes, fails: Callable[[bytes], bool], *, patience: float = 20.0) -> bytes:
    """Take out of an input what it fails without.

    Parameters
    ----------
    content : bytes
        Fails.
    fails : callable
        Tells of an input whether it fails in the same way.
    patience : float
        [s]

    Returns
    -------
    bytes
        Fails, too, and is no longer.
    """
    end = time.monotonic() + patience
    n = 2
    while len(content) > 1 and time.monotonic() < end:
        size = max(1, len(content) // n)
        smaller = None
        for start in range(0, len(content), size):
            candidate = content[:start] + content[start + size :]
            if time.monotonic() > end:
                break
            if fails(candidate):
                smaller = candidate
                break
        if smaller is not None:
            content, n = smaller, max(2, n - 1)
        elif size == 1:
            break
        else:
            n = min(len(content), n * 2)
    return content
