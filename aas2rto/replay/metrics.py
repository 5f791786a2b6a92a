"""What a list of a replay is worth: how pure, how complete, how early, how restless.

Every figure is a `Metric`, measured by night or by object, so that it has an interval, and so that
two runs of the same nights can be compared pair by pair (`aas2rto.replay.paired`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.replay.bootstrap import NIGHTS, OBJECTS, Measured, Middle, Ratio
from aas2rto.replay.cast import CLASS, OTHER, UNKNOWN, WITHIN, Cast

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAGNITUDES = (16.0, 17.0, 18.0, 18.5, 19.0)
"""Edges of bins of the peak magnitude; A&A 698, A153, Table 1 has 16-17, 17-18 and 18-18.5."""


@dataclass(frozen=True)
class Metric:
    """One figure.

    Parameters
    ----------
    key : str
        Its name in metrics.json.
    title : str
        In words.
    measured : Ratio or Middle
    unit : str
        ``%`` (of a share), ``d``, or what is counted.
    better : int
        1 if more is better, -1 if less is, 0 if it depends.
    """

    key: str
    title: str
    measured: Measured
    unit: str = ""
    better: int = 0


@dataclass(frozen=True)
class Span:
    """The nights that are judged.

    Parameters
    ----------
    night : ndarray of int
        Numbers, in the order of time.
    at : ndarray of float
        The `now` of each [d, MJD UTC].
    """

    night: Ints
    at: Floats

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.night)

    def place(self, night: Ints) -> Ints:
        """Return where nights stand in the span; -1 for one that is not in it."""
        if not len(self.night):
            return np.full(len(night), -1)
        order = np.argsort(self.night, kind="stable")
        at = np.minimum(np.searchsorted(self.night[order], night), len(order) - 1)
        found = order[at]
        return np.where(self.night[found] == night, found, -1)

    def per_night(self, place: Ints, mask: NDArray[np.bool_] | None = None) -> Floats:
        """Count rows by night."""
        chosen = place if mask is None else place[mask]
        return np.bincount(chosen, minlength=len(self)).astype(float)


def span_of(nights: pd.DataFrame) -> Span:
    """Return the nights of a table of them."""
    return Span(nights["night"].to_numpy(np.int64), nights["at"].to_numpy(float))


@dataclass(frozen=True)
class Entries:
    """The first ranks of one list, night by night.

    Parameters
    ----------
    span : Span
    place : ndarray of int
        The night of each row, as a place in the span.
    rank : ndarray of int
    who : ndarray of int
        Places in the cast.
    cast : Cast
    top : int
        N of the top N; rows below it are not here.
    """

    span: Span
    place: Ints
    rank: Ints
    who: Ints
    cast: Cast
    top: int

    @property
    def kind(self) -> NDArray[np.int8]:
        """Of each row's candidate."""
        return self.cast.kind[self.who]

    @property
    def phase(self) -> Floats:
        """Days from the true peak, negative before it; NaN where there is none."""
        return self.span.at[self.place] - self.cast.peak[self.who]

    @property
    def is_near(self) -> NDArray[np.bool_]:
        """Whether a row is of the class and within 2 d of its peak."""
        return np.asarray((self.kind == CLASS) & (np.abs(self.phase) <= WITHIN))

    def first(self) -> Floats:
        """Return when each of the cast entered the top N first [d, MJD UTC]; NaN: never."""
        found = np.full(len(self.cast.ids), np.nan)
        who, row = np.unique(self.who, return_index=True)
        found[who] = self.span.at[self.place[row]]
        return found

    def ever(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell who of the cast has a row that the mask allows."""
        found = np.zeros(len(self.cast.ids), dtype=bool)
        found[self.who[mask]] = True
        return found


def entries(rows: pd.DataFrame, span: Span, cast: Cast, top: int) -> Entries:
    """Return the top N of a list.

    Parameters
    ----------
    rows : DataFrame
        ``night, rank, who`` of one observatory, by night and rank.
    span : Span
        Rows of other nights are left out.
    cast : Cast
    top : int
    """
    place = span.place(rows["night"].to_numpy(np.int64))
    rank = rows["rank"].to_numpy(np.int64)
    chosen = (place >= 0) & (rank <= top)
    who = rows["who"].to_numpy(np.int64)
    order = np.argsort(place[chosen], kind="stable")
    place, rank, who = (column[chosen][order] for column in (place, rank, who))
    return Entries(span, place, rank, who, cast, top)


def of_list(list_: Entries) -> list[Metric]:
    """Return all metrics of a list; those of the truth only where there is one."""
    return [*(_of_truth(list_) if list_.cast.has_truth else []), *churn(list_)]


def _of_truth(list_: Entries) -> list[Metric]:
    return [*_by_night(list_), *_by_object(list_)]


def _by_night(list_: Entries) -> list[Metric]:
    """Return purity, completeness and contaminants of the top N per night."""
    cast, span, label, top = list_.cast, list_.span, list_.cast.label, list_.top
    kind, place = list_.kind, list_.place
    good = span.per_night(place, kind == CLASS)
    other = span.per_night(place, kind == OTHER)
    unknown = span.per_night(place, kind == UNKNOWN)
    filled, one = span.per_night(place), np.ones(len(span))
    near = span.per_night(place, list_.is_near)
    n = f"top {top}"
    return [
        _share("purity", f"{n}: share of {label} among the known", good, good + other, 1),
        _share("near_share", f"{n}: share that is within 2 d of the peak", near, filled, 1),
        _share(
            "completeness",
            f"{label} within 2 d of their peak tonight: share in the {n}",
            near,
            wanted(cast, span),
            1,
        ),
        _rate("near", f"{label} within 2 d of their peak in the {n}", near, one, "per night", 1),
        _rate("contaminants", f"contaminants in the {n}", other, one, "per night", -1),
        _rate("unknown", f"of unknown type in the {n}", unknown, one, "per night", 0),
        _rate("filled", f"candidates in the {n}", filled, one, "per night", 0),
    ]


def _share(key: str, title: str, top: Floats, bottom: Floats, better: int) -> Metric:
    return Metric(key, title, Ratio(top, bottom, NIGHTS, is_share=True), "%", better)


def _rate(key: str, title: str, top: Floats, bottom: Floats, unit: str, better: int) -> Metric:
    return Metric(key, title, Ratio(top, bottom, NIGHTS), unit, better)


def wanted(cast: Cast, span: Span) -> Floats:
    """Count by night who of the class has been announced and is within 2 d of its true peak."""
    own = (cast.kind == CLASS) & np.isfinite(cast.peak)
    peak, known = cast.peak[own], cast.first_known[own]
    # NaN compares as false, so that one whose first alert has no time counts from its window on.
    begin = np.fmax(peak - WITHIN, known)
    first = np.searchsorted(span.at, begin, side="left")
    last = np.searchsorted(span.at, peak + WITHIN, side="right")
    change = np.zeros(len(span) + 1)
    some = first < last
    np.add.at(change, first[some], 1.0)
    np.add.at(change, last[some], -1.0)
    return np.cumsum(change)[:-1]


def judged(cast: Cast, span: Span) -> NDArray[np.bool_]:
    """Tell who of the class counts: whose true peak is in the span, or is not known."""
    if not len(span):
        return np.zeros(len(cast.ids), dtype=bool)
    inside = (cast.peak >= span.at[0]) & (cast.peak <= span.at[-1])
    return np.asarray((cast.kind == CLASS) & (inside | np.isnan(cast.peak)))


def _by_object(list_: Entries) -> list[Metric]:
    """Return who enters at all, in time, when, and how long after the first alert."""
    cast, label, n = list_.cast, list_.cast.label, f"top {list_.top}"
    own = judged(cast, list_.span)
    timed = own & np.isfinite(cast.peak)
    first = list_.first()
    ever, near = list_.ever(np.ones(len(list_.who), bool)), list_.ever(list_.is_near)
    start = list_.span.at[0] if len(list_.span) else np.nan
    waited = np.where(own & (cast.first_known >= start), first - cast.first_known, np.nan)
    phase = np.where(timed, first - cast.peak, np.nan)
    one = np.ones
    return [
        Metric(
            "ever",
            f"{label} that enter the {n} at least once",
            Ratio(ever[own].astype(float), one(own.sum()), OBJECTS, is_share=True),
            "%",
            1,
        ),
        Metric(
            "in_time",
            f"{label} that are in the {n} within 2 d of their peak",
            Ratio(near[timed].astype(float), one(timed.sum()), OBJECTS, is_share=True),
            "%",
            1,
        ),
        Metric("entry_phase", f"{label}: phase at the first entry, median", Middle(phase), "d"),
        Metric(
            "days_to_entry",
            f"{label}: from the first alert to the {n}, median",
            Middle(waited),
            "d",
        ),
    ]


def churn(list_: Entries) -> list[Metric]:
    """Return how much of the top N is replaced from night to night, and how far the rest moves."""
    replaced, before, moved, stays = changes(list_)
    n = f"top {list_.top}"
    return [
        _share("replaced", f"{n}: share replaced from one night to the next", replaced, before, -1),
        _rate("moved", f"{n}: ranks moved by those that stay", moved, stays, "ranks", -1),
    ]


def changes(list_: Entries) -> tuple[Floats, Floats, Floats, Floats]:
    """Return, by night, how many left since the night before, of how many; ranks moved, of whom.

    Notes
    -----
    Both are of the nights as they follow each other in the replay; the first night has no before.
    """
    n = len(list_.span)
    size = list_.span.per_night(list_.place)
    before = np.concatenate([[0.0], size[:-1]]) if n else size
    order = np.lexsort((list_.place, list_.who))
    who, place, rank = list_.who[order], list_.place[order], list_.rank[order]
    stays = (np.diff(who) == 0) & (np.diff(place) == 1)
    own = place[1:][stays]
    kept = np.bincount(own, minlength=n).astype(float)
    moved = np.bincount(own, np.abs(np.diff(rank))[stays].astype(float), n).astype(float)
    return before - kept, before, moved, kept


def by_magnitude(list_: Entries, observed: NDArray[np.bool_] | None = None) -> pd.DataFrame:
    """Return the shares that enter the top N, and that enter it in time, by peak magnitude.

    Parameters
    ----------
    list_ : Entries
    observed : ndarray of bool, optional
        Who of the cast was observed within 2 d of its peak, where plans were executed.

    Returns
    -------
    DataFrame
        ``bin``, and ``ever, in_time, observed`` as `Ratio` over objects.
    """
    cast = list_.cast
    own = judged(cast, list_.span)
    timed = own & np.isfinite(cast.peak)
    ever, near = list_.ever(np.ones(len(list_.who), bool)), list_.ever(list_.is_near)
    rows = []
    for label, inside in bins_of(cast.mag):
        some, near_some = own & inside, timed & inside
        if not some.any():
            continue
        row = {"bin": label, "ever": _of_some(ever, some), "in_time": _of_some(near, near_some)}
        if observed is not None:
            row["observed"] = _of_some(observed, near_some)
        rows.append(row)
    return pd.DataFrame(rows, columns=["bin", "ever", "in_time", "observed"])


def of_magnitudes(table: pd.DataFrame, top: int) -> list[Metric]:
    """Return the shares of `by_magnitude` as metrics, to be compared."""
    titles = {
        "ever": f"ever in the top {top}",
        "in_time": f"in the top {top} within 2 d of the peak",
        "observed": "observed within 2 d of the peak",
    }
    return [
        Metric(f"{key} {row['bin']}", f"{row['bin']} mag: {words}", row[key], "%", 1)
        for key, words in titles.items()
        for row in table.to_dict("records")
        if isinstance(row[key], Ratio)
    ]


def _of_some(hit: NDArray[np.bool_], some: NDArray[np.bool_]) -> Ratio:
    return Ratio(hit[some].astype(float), np.ones(int(some.sum())), OBJECTS, is_share=True)


def bins_of(mag: Floats) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return the bins of magnitude with who is in them: lower edges included, upper ones not."""
    edges = [-np.inf, *MAGNITUDES, np.inf]
    found = []
    for low, high in itertools.pairwise(edges):
        label = f"{low:g}–{high:g}"
        label = f"< {high:g}" if np.isinf(low) else f"≥ {low:g}" if np.isinf(high) else label
        found.append((label, (mag >= low) & (mag < high)))
    return [*found, ("unknown", np.isnan(mag))]
