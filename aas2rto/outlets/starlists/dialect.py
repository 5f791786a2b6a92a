"""What a dialect of star lists is: a name, where it is described, and a function of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Dialect:
    """One layout of star lists.

    Parameters
    ----------
    name : str
        As in ``--format``.
    title : str
        Whose it is.
    suffix : str
        Of its files, with the point.
    source : str
        Where the layout is described.
    longest : int
        Signs of a target's name.
    write : callable
        From the table of `aas2rto.outlets.starlists.targets`, with ``label``, to the text.
    """

    name: str
    title: str
    suffix: str
    source: str
    longest: int
    write: Callable[[pd.DataFrame], str]


def lines(some: list[str]) -> str:
    """Return lines as a text with line feeds alone."""
    return "".join(f"{one}\n" for one in some)
