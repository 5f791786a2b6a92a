"""What is remembered of fits from one cycle to the next, so that only what changed is fitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.models import FAILED, FIT_COLUMNS


class FitMemory(Protocol):
    """Remembers fits from one time to the next."""

    def of(self, model: str, candidate_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """Return the remembered fits of a model: ``digest`` and the columns of a fit table.

        Those of some candidates at least, by default of all.
        """

    def save(self, model: str, fits: pd.DataFrame) -> None:
        """Take new fits."""


@dataclass(frozen=True)
class OnlyRead:
    """A memory that takes nothing new; without `memory`, one that knows nothing either."""

    memory: FitMemory | None = None

    def of(self, model: str, candidate_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """Return what the memory behind it knows."""
        return pd.DataFrame() if self.memory is None else self.memory.of(model, candidate_ids)

    def save(self, model: str, fits: pd.DataFrame) -> None:
        """Take nothing."""


@dataclass
class _Held:
    """The fits of one model: rows as they came, the same with parameters as columns, and who."""

    asked: set[str]
    table: pd.DataFrame
    wide: pd.DataFrame
    place: pd.Index[Any]
    chosen: tuple[NDArray[np.intp], pd.DataFrame, pd.DataFrame] | None = None


class SharedFits:
    """Fits by the data they are of: what one run has fitted, the next with this model need not.

    A digest holds the settings of the model and the data; the same gives the same fit.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], dict[str, Any]] = {}

    def take(self, model: str, fits: pd.DataFrame) -> None:
        """Keep new fits: ``digest`` and the columns of a fit table."""
        for row in fits.to_dict("records"):
            key = model, str(row["candidate_id"]), str(row["digest"])
            self._rows[key] = {str(name): value for name, value in row.items()}

    def find(self, model: str, names: Sequence[str], digests: Sequence[str]) -> pd.DataFrame:
        """Return the fits of some candidates of just these data, as far as there are any."""
        keys = ((model, *pair) for pair in zip(names, digests, strict=True))
        return pd.DataFrame([self._rows[key] for key in keys if key in self._rows])


class Remembering:
    """Fits of the candidates that are active, in memory, in front of another memory.

    A fit that failed is not tried again until its data change.

    Parameters
    ----------
    behind : FitMemory
        Asked once for each candidate; receives what is new, but for what failed as a whole: that
        may have been this machine's fault.
    try_again : bool
        What failed in another process is tried once more: on another day, with a newer program, it
        may fare better. A question that somebody waits for leaves it as it is.
    shared : SharedFits, optional
        Of other runs over the same data.
    """

    def __init__(
        self, behind: FitMemory, *, try_again: bool = False, shared: SharedFits | None = None
    ) -> None:
        self._behind = behind
        self._shared = shared
        self._try_again = try_again
        self._held: dict[str, _Held] = {}

    @classmethod
    def of_any(cls, memory: FitMemory) -> Remembering:
        """Return `memory` itself if it remembers, else one that begins to."""
        return memory if isinstance(memory, cls) else cls(memory)

    def of(self, model: str, candidate_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """Return the fits of these candidates that are remembered, and drop those of others."""
        if candidate_ids is None:
            return self._behind.of(model)
        wanted = set(candidate_ids)
        held = self._held.get(model)
        if held is None:
            held = self._held[model] = _made(set(), _rows(pd.DataFrame()))
        if held.asked != wanted:
            kept = held.table["candidate_id"].isin(wanted & held.asked)
            new = _rows(self._behind.of(model, wanted - held.asked))
            new = new[new["candidate_id"].isin(wanted - held.asked)]
            if self._try_again:
                new = new[new["status"] != FAILED]
            self._held[model] = held = _replaced(held, kept.to_numpy(bool), new, wanted)
        return held.table

    def made_elsewhere(
        self, model: str, names: Sequence[str], digests: Sequence[str]
    ) -> pd.DataFrame:
        """Return fits of just these data that another run made, and remember them."""
        found = pd.DataFrame()
        if self._shared is not None:
            found = self._shared.find(model, names, digests)
            if len(found):
                self.save(model, found)
        return found

    def save(self, model: str, fits: pd.DataFrame) -> None:
        """Remember new fits, and hand them on."""
        sure = fits[fits["digest"] != ""] if len(fits) else fits
        if len(sure):
            self._behind.save(model, sure)
            if self._shared is not None:
                self._shared.take(model, sure)
        held = self._held[model]
        if len(fits):
            kept = ~held.table["candidate_id"].isin(fits["candidate_id"])
            asked = held.asked | set(fits["candidate_id"])
            self._held[model] = _replaced(held, kept.to_numpy(bool), _rows(fits), asked)

    def chosen(self, model: str, candidate_ids: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the fits of some candidates, in their order, and the same with wide columns.

        The same objects as the last time if nothing changed since.
        """
        held = self._held[model]
        at = held.place.get_indexer(pd.Index(candidate_ids.to_numpy(object)))
        if held.chosen is None or not np.array_equal(held.chosen[0], at):
            table = held.table.take(at).reset_index(drop=True)
            held.chosen = (at, table, held.wide.take(at))
        return held.chosen[1], held.chosen[2]


def _rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows with all columns, in one order."""
    return table.reindex(columns=[*FIT_COLUMNS, "digest"]).astype({"candidate_id": object})


def _replaced(held: _Held, kept: NDArray[np.bool_], new: pd.DataFrame, asked: set[str]) -> _Held:
    """Return some of what is held, and what is new; only the latter is spread out again."""
    if kept.all() and new.empty:
        return _Held(asked, held.table, held.wide, held.place, held.chosen)
    parts = [part for part in (held.table[kept], new) if len(part)] or [new]
    wide = [part for part in (held.wide[kept], spread_out(new)) if len(part)] or [spread_out(new)]
    table = pd.concat(parts, ignore_index=True)
    return _Held(asked, table, pd.concat(wide), pd.Index(table["candidate_id"].to_numpy(object)))


def _made(asked: set[str], table: pd.DataFrame) -> _Held:
    return _Held(asked, table, spread_out(table), pd.Index(table["candidate_id"].to_numpy(object)))


def spread_out(table: pd.DataFrame) -> pd.DataFrame:
    """Return fits by candidate (the index), their parameters and errors as columns."""
    plain = [name for name, dtype in FIT_COLUMNS.items() if dtype != "object"]
    # Objects: taking rows of pandas' own texts is slow.
    wide = table[plain].astype({name: object for name in plain if FIT_COLUMNS[name] == "str"})
    for name in [key for key, dtype in FIT_COLUMNS.items() if dtype == "float64"]:
        wide[name] = pd.to_numeric(wide[name], errors="coerce").astype(float)
    for kind, suffix in (("parameters", ""), ("errors", "_err")):
        records = [value if isinstance(value, dict) else {} for value in table[kind]]
        values = pd.DataFrame.from_records(records, index=wide.index)
        new = [key for key in values if f"{key}{suffix}" not in wide]
        columns = {f"{key}{suffix}": pd.to_numeric(values[key], errors="coerce") for key in new}
        wide = pd.concat([wide, pd.DataFrame(columns, index=wide.index)], axis=1)
    return wide.set_index("candidate_id")
