"""Sources that are watched and have changed: keep those that are flagged, and say by what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
from pydantic import Field

from aas2rto.factors import Factor, Needs, answer, check_bands, check_model, factor
from aas2rto.factors import numbers as numbers_of
from aas2rto.factors import per_band as columns_of
from aas2rto.text.late import sentences
from aas2rto.text.words import counted
from aas2rto.units import Day

Floats = NDArray[np.float64]

KINDS = {1: "two nights in a row", 2: "two bands in one night", 3: "a trend and a block"}
"""What raises a flag, as the model `change` numbers it."""

STATUSES = {1: "random walk", 2: "the baseline itself changes", 3: "too few nights", 4: "no night"}
"""How a band is looked at, where there is something to say of it."""

QUIET: Mapping[str, float] = {"star": 0.005, "galaxy": 0.02, "agn": 0.15}
"""Own scatter below which a source of a class is quiescent [mag]; the document's Sect. 3.3."""

HOST = 0.05
"""The same where the class is not known: what a host of a tidal disruption must stay below
[mag]."""

CLASS = "source_class"
"""Column of what a source is; `targets import` reads it from a list."""


def _check(options: object, **given: object) -> list[str]:
    return [*check_bands(options, **given), *check_model(options, **given)]  # type: ignore[arg-type]


@factor("change", needs=Needs.FIT, check=_check)
def change(
    candidates: pd.DataFrame,
    now: Time,
    *,
    name: str = "",
    model: str = "change",
    bands: tuple[str, ...] = ("ztfg", "ztfr", "ztfi"),
    max_age: Annotated[Day, Field(gt=0)] | None = None,
    quiescent: Literal["ask", "tell"] = "tell",
    nuclei_by_walk: bool = True,
    ceiling: Annotated[float, Field(ge=1)] = 10.0,
    use: Literal["exclude", "tell"] = "exclude",
) -> Factor:
    """Keep watched sources that have changed: flagged by stage 1 of the first filter.

    Parameters
    ----------
    candidates : DataFrame
        Reads the fits by `change`, and ``source_class`` (star, galaxy, agn), where it is known.
    now : Time
        Tells how old a flag is.
    name : str
        Of the column, where a config has several of these factors.
    model : str
        Name of the model in the config.
    bands : tuple of str
        Bands that are told of; a flag counts in any.
    max_age : float or None
        Flags count for so long after they were raised [day]. None: while they are up.
    quiescent : str
        ``ask``: leave out sources whose baseline is variable: the lower limit of its own scatter is
        above 0.005 mag for stars, 0.02 for galaxies, 0.15 for nuclei, 0.05 where the class is not
        known. ``tell``: say it. One that may or may not be quiescent is never left out.
    nuclei_by_walk : bool
        A trend of a known active nucleus counts only if it is one of the innovations of its random
        walk, which takes 100 nights of a baseline.
    ceiling : float
        Largest value.
    use : str
        ``exclude`` who is not flagged; or ``tell`` it and change nothing.

    Returns
    -------
    Factor
        1 + the last night's greatest deviation in units of 5 sigma, at most `ceiling`.
    """
    read = Read(candidates, model, bands)
    flagged = read.of("flagged") > 0
    if nuclei_by_walk:
        flagged &= ~read.walkless()
    if max_age is not None:
        flagged &= now.utc.mjd - read.of("flag_mjd") <= max_age
    variable = read.variable()
    kept = flagged & ~(variable & (quiescent == "ask"))
    strength = 1.0 + np.nan_to_num(read.of("s"), nan=0.0) / 5.0
    value = np.clip(strength, 1.0, ceiling) if use == "exclude" else np.ones(len(kept))
    return answer(
        value,
        exclude=~kept & (use == "exclude"),
        reason=sentences(len(kept), lambda row: read.sentence(row, bool(kept[row]))),
        flagged=kept,
        variable=variable,
    )


class Read:
    """The fits of all candidates, and the sentence of each."""

    def __init__(self, candidates: pd.DataFrame, model: str, bands: tuple[str, ...]) -> None:
        self._candidates, self._model, self._bands = candidates, model, bands
        known = candidates[CLASS] if CLASS in candidates else pd.Series("", candidates.index)
        self._class = known.astype(object).where(known.notna(), "").astype(str).to_numpy(object)
        reason = f"{model}_reason"
        self._why = candidates[reason].to_numpy(object) if reason in candidates else None
        self._read: dict[str, Floats] = {}

    def of(self, name: str) -> Floats:
        """Return a parameter of the sources, shape (n,)."""
        if name not in self._read:
            self._read[name] = numbers_of(self._candidates, f"{self._model}_{name}")
        return self._read[name]

    def band(self, name: str) -> Floats:
        """Return a parameter of the bands, shape (n, bands)."""
        if f"{name}_" not in self._read:
            table = columns_of(self._candidates, f"{self._model}_{name}", self._bands)
            self._read[f"{name}_"] = table
        return self._read[f"{name}_"]

    def limits(self) -> Floats:
        """Return the threshold of the own scatter of each source [mag]."""
        return np.array([QUIET.get(str(one), HOST) for one in self._class], dtype=float)

    def walkless(self) -> NDArray[np.bool_]:
        """Return which are trends of active nuclei in no band of which a random walk is known."""
        has_walk = (np.nan_to_num(self.band("walk_sigma")) > 0).any(axis=1)
        return np.asarray((self._class == "agn") & (self.of("kind") == 3) & ~has_walk)

    def variable(self) -> NDArray[np.bool_]:
        """Return whose own scatter is above its threshold in a band, at 95 %."""
        low = np.nan_to_num(self.band("scatter_mag_low"))
        return np.asarray((low > self.limits()[:, None]).any(axis=1))

    def sentence(self, row: int, kept: bool) -> str:  # noqa: FBT001
        """Say what changed, or that nothing did, with the numbers of each band."""
        if not (np.nan_to_num(self.band("n_base")[row]) > 0).any() and not self._any_flag(row):
            why = self._why[row] if self._why is not None and self._why[row] else "no night"
            return f"no change can be seen: {why}"
        told = [self._flag(row) if self._any_flag(row) else self._quiet(row)]
        told += [self._baseline(row, k) for k in range(len(self._bands))]
        if self._any_flag(row) and not kept:
            told[0] += " (does not count here)"
        return "; ".join(one for one in told if one)

    def _any_flag(self, row: int) -> bool:
        return bool(self.of("flagged")[row] > 0)

    def _flag(self, row: int) -> str:
        way = "brighter" if self.of("sign")[row] > 0 else "fainter"
        kind = KINDS.get(int(self.of("kind")[row]), "a flag")
        told = f"changed, {way}, by {kind} on MJD {self.of('flag_mjd')[row]:.1f}"
        told += f": onset {self.of('t_on')[row]:.1f}"
        rise, most = self.of("rise")[row], self.of("rise_most")[row]
        if np.isfinite(rise):
            limit = f", at most {most:.0f} d" if np.isfinite(most) else ""
            told += f", {rise:.0f} d to the maximum{limit}"
            told += f", {counted(int(np.nan_to_num(self.of('reversals')[row])), 'reversal')}"
        return f"{told}; greatest deviation {self.of('s_most')[row]:.1f} sigma"

    def _quiet(self, row: int) -> str:
        flags = self.of("n_flags")[row]
        before = f", {counted(int(flags), 'flag')} before, resolved" if flags > 0 else ""
        return f"no change: last night {self.of('s')[row]:.1f} sigma{before}"

    def _baseline(self, row: int, k: int) -> str:
        if not self.band("n_base")[row, k] > 0:
            return ""
        at = {name: self.band(name)[row, k] for name in ("mean", "mean_err", "n_base", "z")}
        plus, minus = self.band("plus")[row, k], self.band("minus")[row, k]
        told = (
            f"{self._bands[k]} z {at['z']:+.1f}, sums {plus:.1f} and {minus:.1f}, baseline "
            f"{at['mean']:.4g} +- {at['mean_err']:.2g} uJy of {at['n_base']:.0f} nights"
        )
        status = STATUSES.get(int(np.nan_to_num(self.band("status")[row, k])), "")
        return ", ".join(one for one in (told, self._scatter(row, k), status) if one)

    def _scatter(self, row: int, k: int) -> str:
        low, high = self.band("scatter_mag_low")[row, k], self.band("scatter_mag_high")[row, k]
        if not np.isfinite(high):
            return "its scatter in magnitudes unknown"
        limit = QUIET.get(str(self._class[row]), HOST)
        words = "quiescent" if high < limit else "variable" if low > limit else "may be quiescent"
        kind = f" for the class {self._class[row]}" if self._class[row] in QUIET else ""
        return f"own scatter {low:.3f} to {high:.3f} mag: {words} (limit {limit:g}{kind})"
