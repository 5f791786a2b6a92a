"""Measurements of many candidates as arrays, so that a few can be replaced without the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.tables.photometry import COLUMNS

REPEATED = ("band", "kind", "survey", "source")
"""Columns with few different texts, kept as numbers of their words."""

NUMBERS = tuple(name for name, dtype in COLUMNS.items() if dtype == "float64")

OWN = "measurement_id"
"""The column in which each text is another one."""


@dataclass(frozen=True)
class Packed:
    """Measurements sorted by owner and time.

    Parameters
    ----------
    owner : ndarray of int
        Number of the candidate.
    numbers : mapping of str to ndarray of float
        Of `NUMBERS`.
    codes : mapping of str to ndarray of int
        Of `REPEATED`: places in `words`.
    words : mapping of str to ndarray of str
        Sorted.
    texts : ndarray of str
        Of `OWN`.
    kept : ndarray of bool
        A mark for each row, which goes with it.
    """

    owner: NDArray[np.int64]
    numbers: Mapping[str, NDArray[np.float64]]
    codes: Mapping[str, NDArray[np.int16]]
    words: Mapping[str, NDArray[np.object_]]
    texts: NDArray[np.object_]
    kept: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.owner)

    @classmethod
    def of(cls, owner: NDArray[np.int64], columns: Mapping[str, NDArray[Any]]) -> Packed:
        """Pack rows, in their order."""
        coded = {name: pd.factorize(columns[name], sort=True) for name in REPEATED}
        return cls(
            owner,
            {name: columns[name] for name in NUMBERS},
            {name: code.astype(np.int16) for name, (code, _) in coded.items()},
            {name: np.asarray(words, dtype=object) for name, (_, words) in coded.items()},
            columns[OWN],
            np.ones(len(owner), dtype=bool),
        )

    @classmethod
    def empty(cls) -> Packed:
        """Return no rows."""
        columns = {name: np.empty(0, dtype=object) for name in (*REPEATED, OWN)}
        numbers = {name: np.empty(0) for name in NUMBERS}
        return cls.of(np.empty(0, dtype=np.int64), columns | numbers)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all columns by name, texts as objects."""
        return {
            "owner": self.owner,
            "kept": self.kept,
            OWN: self.texts,
            **self.numbers,
            **{f"{name}.code": values for name, values in self.codes.items()},
            **{f"{name}.word": values for name, values in self.words.items()},
        }

    @classmethod
    def from_arrays(cls, held: Mapping[str, NDArray[Any]]) -> Packed:
        """Return what `arrays` was made of.

        Raises
        ------
        KeyError
            If a column is missing.
        """
        return cls(
            held["owner"],
            {name: held[name] for name in NUMBERS},
            {name: held[f"{name}.code"] for name in REPEATED},
            {name: held[f"{name}.word"] for name in REPEATED},
            held[OWN],
            held["kept"],
        )

    def take(self, rows: NDArray[Any]) -> Packed:
        """Return some rows, by number or by a mask."""
        return Packed(
            self.owner[rows],
            {name: values[rows] for name, values in self.numbers.items()},
            {name: values[rows] for name, values in self.codes.items()},
            self.words,
            self.texts[rows],
            self.kept[rows],
        )

    def merged(self, others: Sequence[Packed]) -> Packed:
        """Return the rows of all, sorted by owner; those of one stay in their order."""
        parts = [part for part in (self, *others) if len(part)]
        if len(parts) < 2:
            return parts[0] if parts else self
        codes: dict[str, NDArray[np.int16]] = {}
        words: dict[str, NDArray[np.object_]] = {}
        for name in REPEATED:
            words[name] = np.array(sorted({w for p in parts for w in p.words[name]}), dtype=object)
            moved = [np.searchsorted(words[name], p.words[name])[p.codes[name]] for p in parts]
            codes[name] = np.concatenate(moved).astype(np.int16)
        together = Packed(
            np.concatenate([part.owner for part in parts]),
            {name: np.concatenate([part.numbers[name] for part in parts]) for name in NUMBERS},
            codes,
            words,
            np.concatenate([part.texts for part in parts]),
            np.concatenate([part.kept for part in parts]),
        )
        return together.take(np.argsort(together.owner, kind="stable"))

    def in_order(self) -> Packed:
        """Return the rows sorted by owner and time; those of one time stay in their order."""
        return self.take(np.lexsort((self.numbers["mjd"], self.owner)))

    def belongs(self, owners: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which rows belong to some owners, who are sorted."""
        if not len(owners):
            return np.zeros(len(self), dtype=bool)
        place = np.minimum(np.searchsorted(owners, self.owner), len(owners) - 1)
        return np.asarray(owners[place] == self.owner)

    def frame(self, owners: NDArray[np.int64], names: pd.Index[str]) -> pd.DataFrame:
        """Return a photometry table.

        Parameters
        ----------
        owners : ndarray of int
            Sorted; all that have rows here.
        names : Index of str
            What each is called.
        """
        columns: dict[str, Any] = {}
        for name in COLUMNS:
            if name == "candidate_id":
                place = np.searchsorted(owners, self.owner)
                columns[name] = pd.Categorical.from_codes(place, categories=names)
            elif name in REPEATED:
                columns[name] = pd.Categorical.from_codes(
                    self.codes[name], categories=pd.Index(self.words[name])
                )
            else:
                columns[name] = self.texts if name == OWN else self.numbers[name]
        return pd.DataFrame(columns, copy=False)
