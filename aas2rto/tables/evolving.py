"""What is known of light curves as time goes on: made anew only for those of which it changed.

The answer for a candidate follows from its rows and from `now`. It holds until a measurement
becomes known or, at an earlier `now`, was not known yet, and until a single detection has been
alone for so long that it belongs to no outburst. So each has a span of time in which it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.tables import outburst
from aas2rto.tables.content import contents
from aas2rto.tables.packed import Packed
from aas2rto.tables.photometry import BANDS, as_known_at, one_per_exposure
from aas2rto.tables.summary import BAND_COLUMNS, COLUMNS

ROW = "row"
"""A column that tells from which row of the packed ones another came."""


class Evolving:
    """Summaries of the light curves of some owners, see `Packed`; of each, how long it holds."""

    def __init__(self) -> None:
        self.owners: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.rows = Packed.empty()
        self.content: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)
        self.columns: dict[str, NDArray[Any]] = {}
        self._since: NDArray[np.float64] = np.empty(0)
        self._until: NDArray[np.float64] = np.empty(0)
        self._quiet: float | None = None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that is held, by name; texts as objects."""
        quiet = np.nan if self._quiet is None else self._quiet
        return {
            "owners": self.owners,
            "content": self.content,
            "since": self._since,
            "until": self._until,
            "quiet": np.array([quiet]),
            **{f"rows.{name}": values for name, values in self.rows.arrays().items()},
            **{f"summary.{name}": values for name, values in self.columns.items()},
        }

    @classmethod
    def from_arrays(cls, held: Mapping[str, NDArray[Any]]) -> Evolving:
        """Return what `arrays` was made of.

        Raises
        ------
        KeyError
            If something is missing.
        """
        state = cls()
        state.rows = Packed.from_arrays(_below("rows.", held))
        state.columns = _below("summary.", held)
        state.owners, state.content = held["owners"], held["content"]
        state._since, state._until = held["since"], held["until"]
        quiet = float(held["quiet"][0])
        state._quiet = None if np.isnan(quiet) else quiet
        return state

    def replace(self, owners: NDArray[np.int64], new: Packed, changed: NDArray[np.int64]) -> None:
        """Put new rows in the place of those of some owners, and forget those who are not owners.

        Parameters
        ----------
        owners : ndarray of int
            Sorted: who is held from now on.
        new : Packed
            All rows of those that changed.
        changed : ndarray of int
            Sorted; who was not held before among them.
        """
        stays = np.setdiff1d(owners, changed, assume_unique=True)
        self.rows = self.rows.take(self.rows.belongs(stays)).merged([new])
        place = _places(self.owners, owners)
        known = (place >= 0) & (_places(changed, owners) < 0)
        self._since = _moved(self._since, place, np.inf)
        self._until = _moved(self._until, place, -np.inf)
        self._since[~known], self._until[~known] = np.inf, -np.inf
        self.content = _moved(self.content, place, 0)
        self.columns = {
            name: _moved(values, place, _blank(name)) for name, values in self.columns.items()
        }
        self.owners = owners

    def update(self, now: float, quiet: float | None) -> bool:
        """Bring everything to `now` [d, MJD UTC]; tell whether anything was made anew."""
        stale = ~((self._since <= now) & (now <= self._until))
        if quiet != self._quiet:
            stale[:] = True
        self._quiet = quiet
        if not stale.any() and self.columns:
            return False
        self._make(np.flatnonzero(stale), now, quiet)
        return True

    def _make(self, place: NDArray[np.intp], now: float, quiet: float | None) -> None:
        """Make some anew."""
        owners = self.owners[place]
        mine = np.flatnonzero(self.rows.belongs(owners))
        part = self.rows.take(mine)
        # Numbers serve as names: those of candidates do not matter here.
        frame = part.frame(owners, pd.Index([f"{owner:019d}" for owner in owners.tolist()]))
        frame[ROW] = mine
        ids = pd.Series(frame["candidate_id"].cat.categories)
        seen = one_per_exposure(as_known_at(frame, now)).reset_index(drop=True)
        found, summary = outburst.summarise(seen, ids, now, quiet)
        self.rows.kept[mine] = False
        self.rows.kept[found.photometry[ROW].to_numpy(np.intp)] = True
        self.content[place] = contents(found.photometry, ids)
        since, until = _visible(part, np.searchsorted(owners, part.owner), len(owners), now)
        single = ids.searchsorted(found.single["candidate_id"].astype(str))
        ends = found.single["ends"].to_numpy(float)
        over = ends < now
        since[single[over]] = np.maximum(since[single[over]], np.nextafter(ends[over], np.inf))
        until[single[~over]] = np.minimum(until[single[~over]], ends[~over])
        self._since[place], self._until[place] = since, until
        self._put(place, summary)

    def _put(self, place: NDArray[np.intp], summary: pd.DataFrame) -> None:
        n = len(self.owners)
        for name in dict.fromkeys([*self.columns, *summary]):
            if name not in self.columns:
                dtype = object if summary[name].dtype.kind not in "iuf" else summary[name].dtype
                self.columns[name] = np.full(n, _blank(name), dtype=dtype)
            new = summary[name].to_numpy() if name in summary else _blank(name)
            self.columns[name][place] = new

    def summary(self, order: NDArray[np.intp]) -> pd.DataFrame:
        """Return the summaries of owners, by their places, with the columns of `summarise`."""
        others = sorted(
            name.removeprefix("n_detections_")
            for name, values in self.columns.items()
            if name.startswith("n_detections_") and values.any()
        )
        bands = (*BANDS, *(band for band in others if band not in BANDS))
        names = [*COLUMNS, *(f"{name}_{band}" for band in bands for name in BAND_COLUMNS)]
        return pd.DataFrame({name: self.columns[name][order] for name in names})

    def present(self, names: pd.Index[str]) -> pd.DataFrame:
        """Return the present outbursts as a photometry table, with the owners' names."""
        rows = self.rows if self.rows.kept.all() else self.rows.take(self.rows.kept)
        return rows.frame(self.owners, names)


def _below(prefix: str, held: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix): values
        for name, values in held.items()
        if name.startswith(prefix)
    }


def _places(held: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return where each of some owners stands among others, who are sorted; -1: nowhere."""
    if not len(held):
        return np.full(len(wanted), -1, dtype=np.intp)
    place = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    return np.where(held[place] == wanted, place, -1)


def _moved(values: NDArray[Any], place: NDArray[np.intp], blank: Any) -> NDArray[Any]:
    moved = np.full(len(place), blank, dtype=values.dtype)
    moved[place >= 0] = values[place[place >= 0]]
    return moved


def _blank(name: str) -> Any:
    """Return what a summary without measurements says in a column."""
    if name.startswith("n_"):
        return 0
    return "" if name == "last_band" else np.nan


def _visible(
    rows: Packed, code: NDArray[np.intp], n: int, now: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return since when and until when the rows that are known at `now` are those [d, MJD UTC]."""
    at = np.maximum(rows.numbers["known_at"], rows.numbers["mjd"])
    since, until = np.full(n, -np.inf), np.full(n, np.inf)
    seen = at <= now
    np.maximum.at(since, code[seen], at[seen])
    np.minimum.at(until, code[~seen], np.nextafter(at[~seen], -np.inf))
    return since, until
