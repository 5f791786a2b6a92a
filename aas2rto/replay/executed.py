"""What was observed by the executed plans of a replay: spectra by phase and class, hours, waste."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.replay.bootstrap import NIGHTS, OBJECTS, Middle, Ratio
from aas2rto.replay.cast import CLASS, NEITHER, OTHER, UNKNOWN, WITHIN, Cast
from aas2rto.replay.metrics import Floats, Ints, Metric, Span, judged
from aas2rto.replay.tables import CLOUDED, OBSERVED

ALL = "all sites"

GOOD, EARLY_OR_LATE, CONTAMINANT, RELATED, REPEATED, NOBODY_KNOWS = range(6)
OUTCOMES = ("good", "out of time", "contaminant", "neither", "repeated", "unknown")
"""What a spectrum is worth; each is one of these. ``good``: the first of a candidate of the class
within 2 d of its peak; ``repeated``: any other of one that had been observed before."""

PHASES = (-np.inf, -8.0, -5.0, -2.0, 2.0, 5.0, np.inf)
PHASE_NAMES = ("< -8 d", "-8..-5 d", "-5..-2 d", "-2..+2 d", "+2..+5 d", "> +5 d")


@dataclass(frozen=True)
class Executed:
    """The visits of one site, or of all, in the order of time.

    Parameters
    ----------
    site : str
    span : Span
    cast : Cast
    place, who : ndarray of int
        Night and candidate of each spectrum that was taken.
    phase : ndarray of float
        From the true peak to its middle [d].
    outcome : ndarray of int
        An index of `OUTCOMES`.
    clouded : ndarray of float
        By night, visits that clouds took.
    clear : ndarray of bool
        By night.
    hours, dark, free : ndarray of float
        By night: hours used, dark hours, and slots that were left empty; zero where clouded, and
        NaN where nobody said.
    """

    site: str
    span: Span
    cast: Cast
    place: Ints
    who: Ints
    phase: Floats
    outcome: Ints
    clouded: Floats
    clear: NDArray[np.bool_]
    hours: Floats
    dark: Floats
    free: Floats

    def per_night(self, outcome: int | None = None) -> Floats:
        """Count spectra by night."""
        mask = None if outcome is None else self.outcome == outcome
        return self.span.per_night(self.place, mask)

    def in_time(self) -> NDArray[np.bool_]:
        """Tell who of the cast was observed within 2 d of its peak."""
        found = np.zeros(len(self.cast.ids), dtype=bool)
        found[self.who[self.outcome == GOOD]] = True
        return found


def executed(
    plans: pd.DataFrame, nights: pd.DataFrame, span: Span, cast: Cast
) -> dict[str, Executed]:
    """Return what was observed, at each site, and at all of them together if there are several.

    Parameters
    ----------
    plans : DataFrame
        ``night, observatory, start, end, state, who``.
    nights : DataFrame
        ``night, observatory, clear, dark_hours, capacity_spectra, hours_used, observed``.
    span : Span
    cast : Cast
    """
    sites = sorted({*map(str, plans["observatory"]), *map(str, nights["observatory"])})
    names = [ALL, *sites] if len(sites) > 1 else sites
    return {
        name: _of_site(
            name,
            plans if name == ALL else plans[plans["observatory"] == name],
            nights if name == ALL else nights[nights["observatory"] == name],
            span,
            cast,
        )
        for name in names
    }


def _of_site(
    name: str, plans: pd.DataFrame, nights: pd.DataFrame, span: Span, cast: Cast
) -> Executed:
    plans = plans.sort_values(["start", "who"], kind="stable")
    place = span.place(plans["night"].to_numpy(np.int64))
    state = plans["state"].astype(str).to_numpy()
    taken = (place >= 0) & (state == OBSERVED)
    lost = (place >= 0) & (state == CLOUDED)
    who = plans["who"].to_numpy(np.int64)
    middle = (plans["start"].to_numpy(float) + plans["end"].to_numpy(float)) / 2
    phase = (middle - cast.peak[who])[taken]
    clear, hours, dark, free = _of_nights(nights, span)
    if not len(nights):  # whoever tells of no weather observed on the nights he observed
        clear = span.per_night(place, taken) > 0
    return Executed(
        name,
        span,
        cast,
        place[taken],
        who[taken],
        phase,
        outcomes(who[taken], phase, cast),
        span.per_night(place, lost),
        clear,
        hours,
        dark,
        free,
    )


def _of_nights(
    nights: pd.DataFrame, span: Span
) -> tuple[NDArray[np.bool_], Floats, Floats, Floats]:
    """Return, by night, whether it was clear anywhere, hours used, dark hours, empty slots."""
    place = span.place(nights["night"].to_numpy(np.int64))
    nights, place = nights[place >= 0], place[place >= 0]
    clear = nights["clear"].to_numpy(bool)
    slots = nights["capacity_spectra"].to_numpy(float)
    free = np.where(slots >= 0, slots - nights["observed"].to_numpy(float), np.nan)
    columns = (nights["hours_used"].to_numpy(float), nights["dark_hours"].to_numpy(float), free)
    sums = [
        np.bincount(place, np.where(clear, column, 0.0), len(span)).astype(float)
        for column in columns
    ]
    return span.per_night(place, clear) > 0, sums[0], sums[1], sums[2]


def outcomes(who: Ints, phase: Floats, cast: Cast) -> Ints:
    """Return what each spectrum is worth, given them in the order of time."""
    kind = cast.kind[who]
    near = (kind == CLASS) & (np.abs(phase) <= WITHIN)
    found = np.full(len(who), NOBODY_KNOWS)
    found[(kind == CLASS) & np.isfinite(phase)] = EARLY_OR_LATE
    found[kind == NEITHER] = RELATED
    found[kind == OTHER] = CONTAMINANT
    repeated = np.ones(len(who), dtype=bool)
    repeated[np.unique(who, return_index=True)[1]] = False
    found[repeated] = REPEATED
    rows = np.flatnonzero(near)
    found[rows[np.unique(who[rows], return_index=True)[1]]] = GOOD
    return found


def of_plans(done: Executed) -> list[Metric]:
    """Return the metrics of executed plans."""
    clear = done.clear.astype(float)
    spectra, per = done.per_night(), "per clear night"
    found = [
        _rate("spectra", "spectra", spectra, clear, per),
        _rate(
            "repeated", "repeated spectra", done.per_night(REPEATED), clear, "per clear night", -1
        ),
        _rate("hours", "hours used", done.hours, clear, "h per clear night"),
        _share("clear", "nights that were clear", clear, np.ones(len(clear))),
        _rate("clouded", "visits that clouds took", done.clouded, np.ones(len(clear)), "per night"),
    ]
    if np.nansum(done.dark) > 0:
        known = np.isfinite(done.hours) & np.isfinite(done.dark)
        hours, dark = np.where(known, done.hours, 0.0), np.where(known, done.dark, 0.0)
        found.append(_share("dark_used", "share of the dark hours used", hours, dark))
    if np.isfinite(done.free).all() and len(done.free):
        found.append(_rate("free", "slots left empty", done.free, clear, per))
    return [*(_of_truth(done, spectra, clear) if done.cast.has_truth else []), *found]


def _of_truth(done: Executed, spectra: Floats, clear: Floats) -> list[Metric]:
    label, cast = done.cast.label, done.cast
    good, per = done.per_night(GOOD), "per clear night"
    closer = done.span.per_night(done.place, (done.outcome == GOOD) & (np.abs(done.phase) <= 1))
    wasted = sum(done.per_night(k) for k in (EARLY_OR_LATE, CONTAMINANT, REPEATED))
    own = judged(cast, done.span) & np.isfinite(cast.peak)
    phase = np.full(len(cast.ids), np.nan)
    first, row = np.unique(done.who, return_index=True)
    phase[first] = done.phase[row]
    phase[cast.kind != CLASS] = np.nan
    return [
        _rate("caught", f"{label} observed within 2 d of their peak", good, clear, per, 1),
        _rate("caught_1d", f"{label} observed within 1 d of their peak", closer, clear, per, 1),
        Metric(
            "caught_share",
            f"{label} that were observed within 2 d of their peak",
            Ratio(done.in_time()[own].astype(float), np.ones(own.sum()), OBJECTS, is_share=True),
            "%",
            1,
        ),
        _share("wasted", "spectra that are wasted", np.asarray(wasted), spectra, -1),
        _rate("off_time", f"{label} out of time", done.per_night(EARLY_OR_LATE), clear, per, -1),
        _rate("contaminants", "contaminants observed", done.per_night(CONTAMINANT), clear, per, -1),
        _rate("neither", "related types", done.per_night(RELATED), clear, per),
        _rate("unknown", "of unknown type or peak", done.per_night(NOBODY_KNOWS), clear, per),
        Metric("phase", f"{label}: phase when first observed, median", Middle(phase), "d"),
    ]


def _rate(key: str, title: str, top: Floats, bottom: Floats, unit: str, better: int = 0) -> Metric:
    return Metric(key, title, Ratio(np.nan_to_num(top), bottom, NIGHTS), unit, better)


def _share(key: str, title: str, top: Floats, bottom: Floats, better: int = 0) -> Metric:
    return Metric(key, title, Ratio(top, bottom, NIGHTS, is_share=True), "%", better)


def by_phase(done: Executed) -> pd.DataFrame:
    """Return spectra per clear night of the class by phase, and of all others by kind.

    Returns
    -------
    DataFrame
        ``what, spectra`` (how many in all) and ``rate`` (a `Ratio` per clear night).
    """
    clear, kind = done.clear.astype(float), done.cast.kind[done.who]
    masks = [
        (f"{done.cast.label}, {name}", (kind == CLASS) & (done.phase > low) & (done.phase <= high))
        for name, low, high in zip(PHASE_NAMES, PHASES, PHASES[1:], strict=False)
    ]
    masks += [
        (f"{done.cast.label}, peak unknown", (kind == CLASS) & np.isnan(done.phase)),
        ("contaminants", kind == OTHER),
        ("related types", kind == NEITHER),
        ("unknown type", kind == UNKNOWN),
    ]
    rows = [
        {
            "what": what,
            "spectra": int(mask.sum()),
            "rate": Ratio(done.span.per_night(done.place, mask), clear, NIGHTS),
        }
        for what, mask in masks
    ]
    return pd.DataFrame(rows)
