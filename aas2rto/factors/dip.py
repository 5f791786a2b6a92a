"""Stars that were quiet for years and are fainter now: each test a setting, and says its number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
from pydantic import Field

from aas2rto.factors import Factor, Needs, Positive, answer, check_bands, check_model, factor
from aas2rto.factors import numbers as numbers_of
from aas2rto.factors import per_band as columns_of
from aas2rto.text.late import sentences
from aas2rto.units import Mag

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Look:
    """One test of all candidates in all bands.

    Parameters
    ----------
    name : str
        What it looks at.
    words : str
        How its number is said, with a field for it.
    asked : str
        What it must be.
    values : ndarray of float, shape (n, bands)
    passed : ndarray of bool, shape (n, bands)
    """

    name: str
    words: str
    asked: str
    values: Floats
    passed: Mask

    def sentence(self, row: int, band: int) -> str:
        """Say what the test saw, and what it asked for where that is missed."""
        value = self.values[row, band]
        told = self.words.format(value) if np.isfinite(value) else f"{self.name} unknown"
        return told if self.passed[row, band] else f"{told} (FAILS: {self.asked})"


def _check(options: object, **given: object) -> list[str]:
    return [*check_bands(options, **given), *check_model(options, **given)]  # type: ignore[arg-type]


@factor("dip", needs=Needs.FIT, check=_check)
def dip(  # noqa: PLR0913  the settings of a config
    candidates: pd.DataFrame,
    now: Time,
    *,
    name: str = "",
    model: str = "dip",
    bands: tuple[str, ...] = ("ztfg", "ztfr", "ztfi"),
    min_history: Annotated[int, Field(ge=1)] | None = 100,
    max_chisq: Positive | None = 15.0,
    max_chisq_90: Positive | None = 5.0,
    max_p: Annotated[float, Field(gt=0, lt=1)] | None = 0.05,
    below_limit: bool = True,
    min_alerts: Annotated[int, Field(ge=1)] | None = 3,
    min_sigmas: Positive | None = None,
    min_depth: Annotated[Mag, Field(gt=0)] | None = None,
    only_fainter: bool = True,
    every_band: bool = True,
    ceiling: Positive = 10.0,
    use: Literal["exclude", "tell"] = "exclude",
) -> Factor:
    """Keep stars that dip: quiet for years, and now fainter than they nearly ever were.

    Parameters
    ----------
    candidates : DataFrame
        Reads the fits by `dip`.
    now : Time
        Not used: the fits are of what is known now.
    name : str
        Of the column, where a config has several of these factors.
    model : str
        Name of the model in the config.
    bands : tuple of str
        Bands that count; those with no alert never do.
    min_history : int or None
        Least points of the history. None turns a test off, here and below.
    max_chisq : float or None
        Largest mean of ((m - median) / error)^2 of the history: it was quiet.
    max_chisq_90 : float or None
        The same between the 5th and the 95th percentile.
    max_p : float or None
        Largest Kolmogorov-Smirnov p of history and alerts.
    below_limit : bool
        The middle of the alerts must be fainter than the percentile that the model says.
    min_alerts : int or None
        Least alerts: of one alone the smallest possible p is 2 / (n + 1), and it is no dip yet.
    min_sigmas : float or None
        Least depth in standard deviations of the history.
    min_depth : float or None
        Least depth [mag].
    only_fainter : bool
        No alert may be brighter than its template; brokers count good ones only, or not at all.
    every_band : bool
        All bands with alerts must pass; otherwise one is enough.
    ceiling : float
        Largest value.
    use : str
        ``exclude`` who fails; or ``tell`` it and change nothing, to see two ways side by side.

    Returns
    -------
    Factor
        The depth in standard deviations of the history, at least 1 and at most `ceiling`, of the
        band in which it is least.

    Notes
    -----
    Gallay, Davenport & Croft (2025), arXiv:2506.14744, Sect. 5.2. The test by p adds nothing to the
    one by the percentile: whoever passes that passes it.
    """
    there = _columns(candidates, model, "n_alert", bands)
    counts = there > 0
    asked = Asked(candidates, model, bands)
    tests = asked.tests(
        min_history=min_history,
        max_chisq=max_chisq,
        max_chisq_90=max_chisq_90,
        max_p=max_p,
        min_alerts=min_alerts,
        min_sigmas=min_sigmas,
        min_depth=min_depth,
        below_limit=below_limit,
        only_fainter=only_fainter,
    )
    good = np.logical_and.reduce([test.passed for test in tests]) if tests else counts
    passed = np.where(counts, good, every_band)
    of_bands = passed.all(axis=1) if every_band else (counts & good).any(axis=1)
    kept: Mask = np.asarray(counts.any(axis=1) & of_bands)
    depth = np.where(counts & good, asked.of("sigmas"), np.inf)
    least = np.nan_to_num(depth.min(axis=1), posinf=1.0, nan=1.0)
    value = np.clip(least, 1.0, ceiling) if use == "exclude" else np.ones(len(least))
    repeats = np.nan_to_num(np.where(counts, asked.of("nights"), 0.0)).max(axis=1, initial=0.0)
    told = Told(candidates, model, bands, counts, tests, asked, kept, repeats)
    return answer(
        value,
        exclude=~kept & (use == "exclude"),
        reason=sentences(len(kept), told.sentence),
        passes=kept,
        repeats=repeats,
    )


def _columns(
    candidates: pd.DataFrame, model: str, statistic: str, bands: tuple[str, ...]
) -> Floats:
    return columns_of(candidates, f"{model}_{statistic}", bands)


class Asked:
    """The statistics of all candidates, and the tests that are made of them."""

    def __init__(self, candidates: pd.DataFrame, model: str, bands: tuple[str, ...]) -> None:
        self._read = (candidates, model, bands)

    def of(self, statistic: str) -> Floats:
        """Return a statistic, shape (n, bands); NaN where it was not measured."""
        candidates, model, bands = self._read
        return _columns(candidates, model, statistic, bands)

    def tests(
        self,
        *,
        below_limit: bool,
        only_fainter: bool,
        **limits: float | None,
    ) -> list[Look]:
        """Return the tests that are on."""
        made = [
            _least("history", "{:.0f} old points", self.of("n_history"), limits["min_history"]),
            _most("chi2", "chi2 {:.2f}", self.of("chisq"), limits["max_chisq"]),
            _most("5-95 % chi2", "5-95 % chi2 {:.2f}", self.of("chisq_90"), limits["max_chisq_90"]),
            _least("alerts", "{:.0f} alerts", self.of("n_alert"), limits["min_alerts"]),
            _most("KS p", "KS p {:.2g}", self.of("p"), limits["max_p"]),
            _least("depth", "{:.2f} sd deep", self.of("sigmas"), limits["min_sigmas"]),
            _least("depth", "{:.3f} mag deep", self.of("depth"), limits["min_depth"]),
        ]
        if below_limit:
            beyond = self.of("alert") - self.of("limit")
            with np.errstate(invalid="ignore"):
                passed = beyond > 0
            words = "middle {:+.3f} mag from the history's percentile"
            made.append(Look("middle", words, "must be fainter", beyond, passed))
        if only_fainter:
            brighter = np.nan_to_num(self.of("n_brighter"))
            words = "{:.0f} brighter than the template"
            made.append(Look("brighter", words, "none may be", brighter, brighter == 0))
        return [test for test in made if test is not None]


def _most(name: str, words: str, values: Floats, most: float | None) -> Look | None:
    if most is None:
        return None
    with np.errstate(invalid="ignore"):
        return Look(name, words, f"below {most:g}", values, values < most)


def _least(name: str, words: str, values: Floats, least: float | None) -> Look | None:
    if least is None:
        return None
    with np.errstate(invalid="ignore"):
        return Look(name, words, f"at least {least:g}", values, values >= least)


class Told:
    """Writes the sentence of a candidate: what each test saw, in each band."""

    def __init__(
        self,
        candidates: pd.DataFrame,
        model: str,
        bands: tuple[str, ...],
        counts: Mask,
        tests: list[Look],
        asked: Asked,
        kept: Mask,
        repeats: Floats,
    ) -> None:
        self._bands, self._counts, self._tests = bands, counts, tests
        self._kept, self._repeats = kept, repeats
        self._depth, self._err = asked.of("depth"), asked.of("depth_err")
        self._sigmas, self._sigmas_err = asked.of("sigmas"), asked.of("sigmas_err")
        reason = f"{model}_reason"
        self._why = candidates[reason].to_numpy(object) if reason in candidates else None
        self._history = numbers_of(candidates, f"{model}_n_points")

    def sentence(self, row: int) -> str:
        """Return the sentence of a row."""
        if not self._counts[row].any():
            why = self._why[row] if self._why is not None else ""
            return f"no dip can be seen: {why or 'no alert in these bands'}"
        bands = [self._of_band(row, k) for k in np.flatnonzero(self._counts[row]).tolist()]
        often = f"; seen fainter on {self._repeats[row]:.0f} nights" if self._kept[row] else ""
        return f"{'dips' if self._kept[row] else 'no dip'}: {'; '.join(bands)}{often}"

    def _of_band(self, row: int, band: int) -> str:
        tests = ", ".join(test.sentence(row, band) for test in self._tests)
        depth = ""
        if np.isfinite(self._depth[row, band]):
            depth = (
                f"{self._depth[row, band]:.3f} +- {self._err[row, band]:.3f} mag = "
                f"{self._sigmas[row, band]:.1f} +- {self._sigmas_err[row, band]:.1f} sd: "
            )
        return f"{self._bands[band]} {depth}{tests}"
