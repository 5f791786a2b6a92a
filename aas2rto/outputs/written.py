"""A list that grows for a season: what stands in the file stays, what is new is put between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from aas2rto.outputs.cells import iso_minutes

MINUTE = 16
"""Characters of a time, with which each line begins: ``2026-03-22T23:41``."""


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
        other = _parsed(new.splitlines()) if new else Held(self.columns, {})
        if other is None or other.columns != self.columns:
            return None
        lines = {**self.lines, **other.lines}
        chosen = [lines.get(name) for name in names]
        if any(line is None for line in chosen):
            return None
        return comments + "\n".join([self.columns, *map(str, chosen)]) + "\n"


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
    return _parsed(path.read_text(encoding="utf-8").splitlines())


def _parsed(lines: Sequence[str]) -> Held | None:
    """Sort lines by candidate; None where an id is not written plainly."""
    start = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    body = lines[start + 1 :]
    if start == len(lines) or any(line[MINUTE : MINUTE + 1] != "," for line in body):
        return None
    names = [line[MINUTE + 1 : line.find(",", MINUTE + 1)] for line in body]
    if any('"' in name for name in names) or len(set(names)) != len(names):
        return None
    return Held(lines[start], dict(zip(names, body, strict=True)))
