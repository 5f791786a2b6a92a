"""Sentences that are written when somebody reads them: a column of templates and numbers.

A cycle says something of every candidate and every factor, and almost nobody reads it. A `Late`
column holds, for each row, who can write its sentence and from which row of his numbers; taking,
joining and choosing rows moves two integers, and no text is made.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pandas.api.extensions import ExtensionArray, ExtensionDtype, register_extension_dtype

Rows = NDArray[np.intp]
Write = Callable[[Rows], Sequence[str]]
"""Writes the sentences of some rows of its own numbers."""


@register_extension_dtype
class LateDtype(ExtensionDtype):
    """The type of a `Late` column."""

    name = "late text"
    type = str
    na_value = ""

    @classmethod
    def construct_array_type(cls) -> builtins.type[Late]:
        """Return the class of such columns."""
        return Late


def _nothing(rows: Rows) -> list[str]:
    return [""] * len(rows)


class Late(ExtensionArray):
    """A column of sentences, shape (n,); also a column of a DataFrame.

    Parameters
    ----------
    writers : sequence of callable
        Each writes sentences from numbers of its own, see `Write`.
    who : ndarray of int, shape (n,)
        Which of them writes a row's sentence.
    row : ndarray of int, shape (n,)
        From which of his rows.
    """

    def __init__(self, writers: Sequence[Write], who: NDArray[Any], row: NDArray[Any]) -> None:
        self.writers = tuple(writers)
        self.who = who
        self.row = row

    # -- making one ---------------------------------------------------------------------------

    @classmethod
    def by(cls, write: Write, n: int) -> Late:
        """Return a column of `n` sentences of one writer."""
        return cls((write,), np.zeros(n, dtype=np.int16), np.arange(n))

    @classmethod
    def of(cls, texts: ArrayLike | Late, n: int) -> Late:
        """Return texts that are already written, or one for all `n` rows.

        Raises
        ------
        ValueError
            If there are neither one nor `n` texts.
        """
        if isinstance(texts, Late):
            return texts if len(texts) == n else texts.take(np.zeros(n, dtype=int))
        words = np.asarray(texts, dtype=object).reshape(-1)
        if words.size not in {1, n}:
            raise ValueError(f"{words.size} reasons for {n} candidates")
        told = words.tolist()
        try:
            "".join(told)  # all are texts, as nearly always: asked of all of them at once
        except TypeError:
            told = ["" if word is None else str(word) for word in told]
        row = np.zeros(n, dtype=int) if words.size == 1 else np.arange(n)
        return cls((lambda rows: [told[i] for i in rows],), np.zeros(n, dtype=np.int16), row)

    @classmethod
    def where(cls, mask: NDArray[np.bool_], yes: Late, no: Late) -> Late:
        """Return the sentences of `yes` where `mask` holds, else those of `no`; each shape (n,)."""
        writers, moved = _joined([no, yes])
        return cls(writers, np.where(mask, moved[1], moved[0]), np.where(mask, yes.row, no.row))

    def then(self, suffix: str) -> Late:
        """Return the same sentences with some words behind each."""
        return Late.by(lambda rows: [f"{text}{suffix}" for text in self.texts(rows)], len(self))

    def remembered(self) -> Late:
        """Return the same sentences; each is written once, however often it is read."""
        told: list[str | None] = [None] * len(self)

        def write(rows: Rows) -> list[str]:
            new = [i for i in rows.tolist() if told[i] is None]
            for i, text in zip(new, self.texts(np.array(new, dtype=int)), strict=True):
                told[i] = text
            return [told[i] or "" for i in rows.tolist()]

        return Late.by(write, len(self))

    # -- reading it ---------------------------------------------------------------------------

    def texts(self, rows: Any = None) -> list[str]:
        """Write the sentences of some rows, by default of all."""
        who, row = (self.who, self.row) if rows is None else (self.who[rows], self.row[rows])
        used = np.unique(who)
        if len(used) == 1:
            return list(self.writers[used[0]](row))
        told: NDArray[np.object_] = np.full(len(row), "", dtype=object)
        for one in used.tolist():
            mine = who == one
            told[mine] = as_words(self.writers[one](row[mine]))
        texts: list[str] = told.tolist()
        return texts

    def tolist(self) -> list[str]:
        """Write all sentences."""
        return self.texts()

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts())

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[np.object_]:
        return as_words(self.texts())

    def __repr__(self) -> str:
        return f"<{len(self)} sentences>"

    # -- what pandas asks of a column -----------------------------------------------------------

    @property
    def dtype(self) -> LateDtype:
        """The type of the column."""
        return LateDtype()

    @property
    def nbytes(self) -> int:
        """Bytes without the writers' numbers."""
        return int(self.who.nbytes + self.row.nbytes)

    @property
    def shape(self) -> tuple[int]:
        """How many sentences there are."""
        return (len(self),)

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, int | np.integer):
            return self.writers[self.who[item]](np.array([self.row[item]]))[0]
        chosen = item if isinstance(item, slice) else np.asarray(item)
        if not isinstance(chosen, slice) and chosen.size == 0:
            chosen = chosen.astype(int)
        return Late(self.writers, self.who[chosen], self.row[chosen])

    def __eq__(self, other: object) -> Any:
        return np.asarray(self) == np.asarray(other, dtype=object)

    __hash__ = None  # type: ignore[assignment]

    def isna(self) -> NDArray[np.bool_]:
        """Return that no sentence is missing; some are empty."""
        return np.zeros(len(self), dtype=bool)

    def take(  # type: ignore[override]
        self, indices: Any, *, allow_fill: bool = False, **_: Any
    ) -> Late:
        """Return rows by number; with `allow_fill`, -1 is an empty sentence."""
        indices = np.asarray(indices, dtype=int)
        if not allow_fill or not (indices < 0).any():
            return Late(self.writers, self.who[indices], self.row[indices])
        out = indices < 0
        safe = np.where(out, 0, indices)
        who = self.who[safe] if len(self) else np.zeros(len(safe), dtype=np.int16)
        row = self.row[safe] if len(self) else np.zeros(len(safe), dtype=int)
        return Late(
            (*self.writers, _nothing), np.where(out, len(self.writers), who), np.where(out, 0, row)
        )

    def copy(self) -> Late:
        """Return another column of the same sentences."""
        return Late(self.writers, self.who.copy(), self.row.copy())

    @classmethod
    def _concat_same_type(cls, to_concat: Iterable[Late]) -> Late:
        parts = list(to_concat)
        writers, moved = _joined(parts)
        return cls(writers, np.concatenate(moved), np.concatenate([part.row for part in parts]))

    @classmethod
    def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> Late:  # noqa: ARG003
        return cls.of(scalars, len(scalars))

    def astype(self, dtype: Any, copy: bool = True) -> Any:  # noqa: FBT001, FBT002  pandas' own
        """Return plain texts, or the column itself."""
        if isinstance(dtype, LateDtype):
            return self.copy() if copy else self
        return np.asarray(self).astype(dtype)


def _joined(parts: Sequence[Late]) -> tuple[tuple[Write, ...], list[NDArray[Any]]]:
    """Put the writers of several columns side by side; return these, and who writes then."""
    writers: list[Write] = []
    place: dict[int, int] = {}
    moved = []
    for part in parts:
        new = np.empty(len(part.writers), dtype=np.int16)
        for number, writer in enumerate(part.writers):
            if id(writer) not in place:
                place[id(writer)] = len(writers)
                writers.append(writer)
            new[number] = place[id(writer)]
        moved.append(new[part.who] if len(part) else part.who)
    return tuple(writers), moved


def say(words: str | Callable[..., str], *columns: ArrayLike) -> Late:
    """Return sentences from columns of what they tell.

    Parameters
    ----------
    words : str or callable
        A template of `str.format`, such as ``"{:.2f} mag in {}"``, or a function that writes one
        sentence.
    *columns : array_like, shape (n,) or (n, k)
        One for each field, or argument, which in the latter case is a list; a single value holds
        for all rows.

    Examples
    --------
    >>> say("{:.2f} mag in {}", np.array([17.254, 18.0]), "ztfg").tolist()
    ['17.25 mag in ztfg', '18.00 mag in ztfg']
    """
    n = max((np.shape(column)[0] for column in columns if np.ndim(column)), default=1)
    values = [np.asarray(column) for column in columns]
    write_one = words.format if isinstance(words, str) else words

    def write(rows: Rows) -> list[str]:
        chosen = [v[rows].tolist() if v.ndim else [v.item()] * len(rows) for v in values]
        return [write_one(*row) for row in zip(*chosen, strict=True)]

    return Late.by(write, n)


def as_words(texts: Sequence[str]) -> NDArray[np.object_]:
    """Return texts as an array, whose rows can be joined with those of another by ``+``."""
    return np.array([*texts, None], dtype=object)[:-1]


def looked_up(numbers: NDArray[np.int_], write: Callable[[int], str]) -> NDArray[np.object_]:
    """Write whole numbers of which many are alike: each different one once."""
    different, which = np.unique(numbers, return_inverse=True)
    return as_words([write(number) for number in different.tolist()])[which]


def sentences(n: int, one: Callable[[int], str]) -> Late:
    """Return `n` sentences, each written by a function of its row."""
    return Late.by(lambda rows: [one(row) for row in rows.tolist()], n)
