"""Whether what a replay said of peaks came true: errors, coverage, PIT, Brier score, reliability.

A fit says ``t_peak`` with a normal error ``t_peak_err``; the truth table says when the peak was,
and is taken as exact. Each object counts once in a bin: with its last fit there.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from aas2rto.replay.bootstrap import OBJECTS, Estimate, Middle, Ratio
from aas2rto.replay.cast import CLASS, UNKNOWN, Cast

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PHASES = (-20.0, -15.0, -11.0, -8.0, -5.0, -2.0, -1.0, 1.0, 3.0, 6.0, 10.0)
"""Edges [d] of bins of phase; the paper's Figs 6 and 7, and the issue on peaks, tell of these."""
POINTS = (3, 4, 5, 6, 8, 11, 16, 26)
"""Edges of bins of the number of detections."""
PIT_WINDOW = (-15.0, 3.0)
"""Fits made at these phases [d] are judged by PIT and coverage: later, nobody waits any more."""
PIT_BINS = 10
SIGMAS = {"68": 1.0, "95": 1.959964}
"""Half the width of the central 68.27 % and 95 % of a normal distribution."""
WITHINS = (1.0, 2.0)
"""[d] Of the chance that `now` is so close to the peak."""
RELIABILITY_BINS = 10
FIT_COLUMNS = ("at", "candidate_id", "model", "status", "n_points", "t_peak", "t_peak_err")
SCORE_COLUMNS = ("at", "candidate_id", "t_peak", "t_peak_err", "p_sn_ia")


@dataclass(frozen=True)
class Fits:
    """Fits of one model to candidates of the class whose peak is known.

    Parameters
    ----------
    model : str
    who : ndarray of int
        Places in the cast.
    phase : ndarray of float
        When the fit was made, from the true peak [d].
    points : ndarray of int
        Detections it rests on.
    error : ndarray of float
        Fitted less true peak [d].
    sigma : ndarray of float
        The stated error [d]; NaN where none was stated.
    """

    model: str
    who: Ints
    phase: Floats
    points: Ints
    error: Floats
    sigma: Floats

    def of(self, mask: NDArray[np.bool_] | Ints) -> Fits:
        """Return some of them."""
        columns = (self.who, self.phase, self.points, self.error, self.sigma)
        return Fits(self.model, *(column[mask] for column in columns))  # type: ignore[arg-type]

    def last_of_each(self) -> Fits:
        """Return the last fit of each object, by object; rows are in the order of time."""
        who = self.who[::-1]
        return self.of(len(who) - 1 - np.unique(who, return_index=True)[1])

    @property
    def pull(self) -> Floats:
        """Error in units of the stated one."""
        return self.error / self.sigma


def fits_of(table: pd.DataFrame, cast: Cast) -> list[Fits]:
    """Return the fits of each model, the one with most of them first.

    Parameters
    ----------
    table : DataFrame
        `FIT_COLUMNS` with ``who`` in the place of ``candidate_id``.
    cast : Cast
    """
    who = table["who"].to_numpy(np.int64)
    t_peak = table["t_peak"].to_numpy(float)
    good = (table["status"] == "ok").to_numpy(bool) & np.isfinite(t_peak)
    good &= (cast.kind[who] == CLASS) & np.isfinite(cast.peak[who])
    models = pd.Categorical(table["model"])
    order = np.lexsort((t_peak, who, table["at"].to_numpy(float)))
    found = []
    for code, model in enumerate(models.categories):
        rows = order[(good & (models.codes == code))[order]]
        if not len(rows):
            continue
        peak = cast.peak[who[rows]]
        sigma = table["t_peak_err"].to_numpy(float)[rows]
        found.append(
            Fits(
                str(model),
                who[rows],
                table["at"].to_numpy(float)[rows] - peak,
                np.nan_to_num(table["n_points"].to_numpy(float)[rows], nan=-1).astype(np.int64),
                t_peak[rows] - peak,
                np.where(sigma > 0, sigma, np.nan),
            )
        )
    return sorted(found, key=lambda fits: (-len(np.unique(fits.who)), fits.model))


def by_phase(fits: Fits, edges: Sequence[float] = PHASES) -> pd.DataFrame:
    """Return errors and coverage by phase; see `rows_of`."""
    pairs = itertools.pairwise(edges)
    bins = [(f"{a:+g}..{b:+g} d", (fits.phase >= a) & (fits.phase < b)) for a, b in pairs]
    table = rows_of(fits, bins)
    return table.assign(low=list(edges[:-1]), high=list(edges[1:]))


def by_points(fits: Fits) -> pd.DataFrame:
    """Return errors and coverage by the number of detections; see `rows_of`."""
    table = rows_of(fits, point_bins(fits))
    return table.assign(low=list(POINTS), high=[*POINTS[1:], np.inf])


def point_bins(fits: Fits) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return the bins of the number of detections, before or near the peak."""
    low, high = PIT_WINDOW
    inside = (fits.phase >= low) & (fits.phase < high)
    found = []
    for a, b in itertools.pairwise([*POINTS, np.inf]):
        label = f"{a:g}" if b == a + 1 else f"≥ {a:g}" if np.isinf(b) else f"{a:g}–{b - 1:g}"
        found.append((label, inside & (fits.points >= a) & (fits.points < b)))
    return found


def rows_of(fits: Fits, bins: Sequence[tuple[str, NDArray[np.bool_]]]) -> pd.DataFrame:
    """Return how good the peaks are in each bin, each object once.

    Returns
    -------
    DataFrame
        ``bin, n``; ``median`` and the ends of the central 68 % as `Middle` of the errors [d];
        ``size``, the median of the absolute error; ``in_68, in_95`` as `Ratio`.
    """
    rows = []
    for label, mask in bins:
        own = fits.of(mask).last_of_each()
        stated = own.pull[np.isfinite(own.pull)]
        row: dict[str, Any] = {"bin": label, "n": len(own.who), "stated": len(stated)}
        row |= {"median": Middle(own.error), "size": Middle(np.abs(own.error))}
        row |= {"p16": Middle(own.error, 0.16), "p84": Middle(own.error, 0.84)}
        row |= {
            f"in_{name}": Ratio(
                (np.abs(stated) <= s).astype(float), np.ones(len(stated)), OBJECTS, is_share=True
            )
            for name, s in SIGMAS.items()
        }
        rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Pit:
    """The probability integral transform of true peaks: uniform where stated errors are true.

    Parameters
    ----------
    shares : ndarray of float
        Of the objects, in `PIT_BINS` bins from 0 to 1.
    low, high : ndarray of float
        95 % of what a uniform distribution of as many objects would show in a bin.
    n : int
        Objects; each counts once, with its fits in `PIT_WINDOW` in equal parts.
    coverage : dict of str to Ratio
        Of 68 and 95 %.
    """

    shares: Floats
    low: Floats
    high: Floats
    n: int
    coverage: dict[str, Ratio] = field(default_factory=dict)


def pit(fits: Fits) -> Pit:
    """Return where true peaks fall in what was predicted of them before and near the peak.

    Notes
    -----
    u = Phi((true - fitted) / stated), Dawid (1984, J. R. Stat. Soc. A 147, 278).
    """
    low, high = PIT_WINDOW
    known = np.isfinite(fits.sigma) & (fits.phase >= low) & (fits.phase < high)
    own = fits.of(known)
    people, code, count = np.unique(own.who, return_inverse=True, return_counts=True)
    n = len(people)
    weight = 1.0 / count[code] if n else np.array([])
    u = ndtr(-own.pull)
    place = np.minimum((u * PIT_BINS).astype(int), PIT_BINS - 1)
    shares = np.bincount(place, weights=weight, minlength=PIT_BINS) / max(n, 1)
    spread = 1.96 * np.sqrt(1 / PIT_BINS * (1 - 1 / PIT_BINS) / max(n, 1))
    covered = {
        name: Ratio(
            np.bincount(code, weights=weight * (np.abs(own.pull) <= s), minlength=n).astype(float),
            np.ones(n),
            OBJECTS,
            is_share=True,
        )
        for name, s in SIGMAS.items()
    }
    flat = np.full(PIT_BINS, 1 / PIT_BINS)
    return Pit(shares.astype(float), np.maximum(flat - spread, 0), flat + spread, n, covered)


@dataclass(frozen=True)
class Reliability:
    """How often something happened that was given a probability.

    Parameters
    ----------
    what : str
        In words.
    said : list of float
        In bins of the probability: its mean.
    happened : list of Estimate
        The share that came true, over objects.
    counts : list of int
        Candidates times nights in each bin.
    brier : Estimate
        Mean squared error of the probability (Brier 1950, Mon. Weather Rev. 78, 1).
    reference : float
        The same of the mean frequency, said always.
    rows : int
        Candidates times nights.
    """

    what: str
    said: list[float]
    happened: list[Estimate]
    counts: list[int]
    brier: Estimate
    reference: float
    rows: int

    @property
    def skill(self) -> float:
        """1 - Brier score / that of the mean frequency; 1 is perfect, 0 no better."""
        return 1.0 - self.brier.value / self.reference if self.reference > 0 else np.nan


def chance_within(away: Floats, sigma: Floats, within: float) -> Floats:
    """Return the chance that a normal peak, `away` from now [d], is within so many days of now."""
    return np.asarray(ndtr((within - away) / sigma) - ndtr((-within - away) / sigma))


def reliabilities(scores: pd.DataFrame, cast: Cast, seed: int = 0) -> list[Reliability]:
    """Return how true the chances were that a candidate is at its peak.

    Parameters
    ----------
    scores : DataFrame
        `SCORE_COLUMNS` with ``who`` in the place of ``candidate_id``.
    cast : Cast
        Of candidates of the class, the chance of the time; of all whose type is known, and where
        the class is SNe Ia and the config gives a chance of that, the product of both.
    seed : int
        Of the bootstrap.
    """
    who = scores["who"].to_numpy(np.int64)
    at, t_peak = scores["at"].to_numpy(float), scores["t_peak"].to_numpy(float)
    sigma = scores["t_peak_err"].to_numpy(float)
    known = np.isfinite(t_peak) & (sigma > 0)
    of_class = cast.kind[who] == CLASS
    timed = known & of_class & np.isfinite(cast.peak[who])
    found = []
    for within in WITHINS:
        chance = chance_within(t_peak - at, np.where(known, sigma, 1.0), within)
        came = of_class & (np.abs(at - cast.peak[who]) < within)
        words = f"P(|now - t0| < {within:g} d), of {cast.label}"
        found.append(reliability(words, who[timed], chance[timed], came[timed], seed))
    p = scores["p_sn_ia"].to_numpy(float)
    typed = known & np.isfinite(p) & (cast.kind[who] != UNKNOWN) & cast.is_sn_ia
    typed &= ~of_class | np.isfinite(cast.peak[who])
    if typed.any():
        words = f"P(SN Ia) x P(|now - t0| < {WITHINS[-1]:g} d), of all of known type"
        found.append(reliability(words, who[typed], (chance * p)[typed], came[typed], seed))
    return [one for one in found if one.rows]


def reliability(
    what: str, who: Ints, chance: Floats, came: NDArray[np.bool_], seed: int = 0
) -> Reliability:
    """Compare probabilities with what came, summed by object for the intervals."""
    counts = np.bincount(who)
    people, hit = np.flatnonzero(counts), came.astype(float)
    total = counts[people].astype(float)
    mean = hit.mean() if len(hit) else np.nan

    def sums(values: Floats) -> Floats:
        return np.bincount(who, weights=values)[people].astype(float)

    place = np.minimum((chance * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
    said, happened, rows = [], [], []
    for k in range(RELIABILITY_BINS):
        inside = (place == k).astype(float)
        count = sums(inside)
        said.append(Ratio(sums(inside * chance), count, OBJECTS).value())
        share = Ratio(sums(inside * hit), count, OBJECTS, is_share=True)
        happened.append(share.estimate(seed))
        rows.append(int(count.sum()))
    brier = Ratio(sums((chance - hit) ** 2), total, OBJECTS).estimate(seed)
    reference = float(np.mean((mean - hit) ** 2)) if len(hit) else np.nan
    return Reliability(what, said, happened, rows, brier, reference, len(hit))
