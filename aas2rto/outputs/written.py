"""A list that grows for a season: what stands in the file stays, what is new is put between."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from aas2rto.outputs.cells import iso_minutes

MINUTE = 16
"""Characters of a time, with which each line begins: ``2026-03-22T23:41``."""

_COMMENTS = re.compile(r"(#.*\n)*")
_LINE = re.compile(r'^([^,\n]{16},([^,"\n]*),.*)$', re.MULTILINE)
"""A line, and the candidate's id in it."""


def begins_with(path: Path, text: str) -> bool:
    """Tell whether a file begins with a text, without reading the rest."""
    wanted = text.encode()
    if not path.exists():
        return False
    with path.open("rb") as file:
        return file.read(len(wanted)) == wanted


@dataclass(frozen=True)
class Held:
    """The lines of a list, which begin with a time and the candidate's id.

    Parameters
    ----------
    columns : str
        The line that names them.
    lines : mapping of str to str
        By the candidate's id.
    """

    columns: str
    lines: Mapping[str, str]

    def missing(self, since: pd.Series) -> list[str]:
        """Return the candidates that have no line, or one of another time.

        Parameters
        ----------
        since : Series of float
            The time of each line there should be [d, MJD UTC], by the candidate's id.
        """
        times = iso_minutes(since.to_numpy(float))
        return [
            name
            for name, time in zip(since.index.tolist(), times, strict=True)
            if self.lines.get(name, "")[:MINUTE] != time
        ]

    def merged(self, names: Iterable[str], comments: str, new: str) -> str | None:
        """Return the list of some candidates, in their order.

        Parameters
        ----------
        names : iterable of str
            Each has a line here or in `new`.
        comments : str
            The lines above.
        new : str
            A list of the new lines alone, with its comments; may be empty.

        Returns
        -------
        str or None
            None if it has other columns, or a line is not found again.
        """
        other = _parsed(new) if new else Held(self.columns, {})
        if other is None or other.columns != self.columns:
            return None
        lines = {**self.lines, **other.lines}
        try:
            chosen = [lines[name] for name in names]
        except KeyError:
            return None
        return comments + "\n".join([self.columns, *chosen]) + "\n"


def read(path: Path, comments: str) -> Held | None:
    """Read a list that was written under the same provenance; None if there is none.

    Parameters
    ----------
    path : Path
    comments : str
        The first lines: another version or config may write the same rows otherwise.
    """
    if not begins_with(path, comments):
        return None
    return _parsed(path.read_text(encoding="utf-8"))


def _parsed(text: str) -> Held | None:
    """Sort lines by candidate; None where an id is not written plainly."""
    comments = _COMMENTS.match(text)
    columns, _, body = text[comments.end() if comments else 0 :].partition("\n")
    found = _LINE.findall(body)  # all at once: over a season they become many
    lines = {name: line for line, name in found}
    plain = len(lines) == len(found) == body.count("\n")
    return Held(columns, lines) if columns and plain else None
