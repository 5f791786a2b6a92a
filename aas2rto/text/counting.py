"""Numbers of things in words: ``1 candidate``, ``2 candidates``."""

from __future__ import annotations


def counted(n: int, thing: str, things: str = "") -> str:
    """Write how many there are.

    Parameters
    ----------
    n : int
    thing : str
        What one is called.
    things : str
        What several are called; by default with an s at the end.

    Examples
    --------
    >>> counted(1, "candidate"), counted(0, "visit"), counted(2, "new alert")
    ('1 candidate', '0 visits', '2 new alerts')
    """
    return f"{n} {thing if n == 1 else things or f'{thing}s'}"
