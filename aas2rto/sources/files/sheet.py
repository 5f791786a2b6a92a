"""A table of a file before it is understood: columns of cells, declared units, and headers.

Files are recognised by their content. What each format says in its own way (a unit, a position
in a comment, the redshift in a header) is brought into one form here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pandas as pd


@dataclass(frozen=True)
class Sheet:
    """A table as its file has it.

    Parameters
    ----------
    frame : DataFrame
        Columns named as in the file, mostly texts.
    units : mapping
        Units that the file declares, by column.
    facts : mapping
        What holds for all rows, by our names of columns: ``ra, dec, redshift, id, survey``.
    names : tuple of str
        All columns of the file, also those that were not read.
    lines : tuple of str
        What has to be said about the file.
    kind : str
        The format, in words.
    """

    frame: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    facts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    names: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    kind: str = "text"

    @property
    def all_names(self) -> tuple[str, ...]:
        """Names of all columns of the file."""
        return self.names or tuple(map(str, self.frame.columns))

    def with_facts(self) -> pd.DataFrame:
        """Return the columns, with what holds for all rows as columns where there are none."""
        from aas2rto.sources.files.spellings import found_in  # noqa: PLC0415  it knows units only

        there = found_in(map(str, self.frame.columns))
        return self.frame.assign(**{k: v for k, v in self.facts.items() if k not in there and v})
