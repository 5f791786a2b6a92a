"""Watched sources worth a spectrum: by class, posterior and priority, each with its numbers."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
from pydantic import Field

from aas2rto.factors import Factor, Needs, Positive, Share, answer, check_model, factor, numbers
from aas2rto.text.late import sentences

Floats = NDArray[np.float64]

CLASSES = ("TDE", "SN", "NOVA", "LBV", "CLAGN")
NAMES = ("none", *CLASSES, "Unknown")
"""As the model `anomaly_class` numbers them."""

FIRST_DAYS, RISING_AFTER, NOVA_WITHIN, FAST_CHANGE, RECENT = 3.0, 7.0, 14.0, 0.01, 14.0
"""Of a supernova since it was first seen [d]; TDE still rising after its onset [d]; nova after its
peak [d]; CLAGN [mag/d]; the last night, where it matters what goes on now [d]: the same as in
`aas2rto.models.watched.priority`, which a test compares."""


@factor("anomaly_class", needs=Needs.FIT, check=check_model)
def anomaly_class(  # noqa: PLR0913  the settings of a config
    candidates: pd.DataFrame,
    now: Time,
    *,
    name: str = "",
    model: str = "anomaly_class",
    classes: tuple[Literal["TDE", "SN", "NOVA", "LBV", "CLAGN", "Unknown"], ...] = (
        "TDE",
        "SN",
        "NOVA",
        "LBV",
        "CLAGN",
        "Unknown",
    ),
    min_confidence: Share = 0.5,
    priorities: tuple[Literal["A", "B", "C"], ...] = ("A", "B", "C"),
    immediate: Positive = 10.0,
    urgent: Positive = 3.0,
    standard: Positive = 1.0,
    max_age: Annotated[float, Field(gt=0)] | None = None,
    use: Literal["exclude", "tell"] = "exclude",
) -> Factor:
    """Keep what is worth a spectrum of an 8-metre telescope, the most urgent first.

    Parameters
    ----------
    candidates : DataFrame
        Reads the fits by `anomaly_class`.
    now : Time
        Tells how urgent it is: see Notes.
    name : str
        Of the column, where a config has several of these factors.
    model : str
        Name of the model in the config.
    classes : tuple of str
        Classes that are wanted. Unknown: something happened, and two classes are too near.
    min_confidence : float
        Least posterior that anything happened at all.
    priorities : tuple of str
        Priorities that are wanted.
    immediate, urgent, standard : float
        Values of A, B and C.
    max_age : float or None
        The first detection is at most so long ago [d].
    use : str
        ``exclude`` what is not wanted; or ``tell`` it and change nothing.

    Returns
    -------
    Factor
        The priority's value times the posterior that something happened.

    Notes
    -----
    A: a supernova in its first 3 d (the last limit at most 2.5 d before and 1 mag deeper, or
    0.3 mag/d; two exposures), whether its evidence is there yet or not: the fast path. B: a TDE
    that rises 7 d after its onset or later, a nova within 14 d of its peak, a CLAGN that changes by
    0.01 mag/d over 30 d; both measured within the last 14 d. C: the rest.
    """
    read = _Read(candidates, model, now.utc.mjd)
    letter = read.letters()
    value = np.select(
        [letter == "A", letter == "B", letter == "C"], [immediate, urgent, standard], 1.0
    )
    happened = 1.0 - np.nan_to_num(read.of("p_none"), nan=1.0)
    fast = letter == "A"
    wanted = np.isin(read.names, classes) & (happened >= min_confidence)
    wanted = (wanted | (fast & ("SN" in classes))) & np.isin(letter, priorities)
    if max_age is not None:
        wanted &= read.mjd - read.of("first") <= max_age
    value = value * np.where(fast, 1.0, np.clip(happened, 1e-3, 1.0))
    telling = use == "tell"
    return answer(
        np.ones(len(value)) if telling else np.where(wanted, value, 1.0),
        exclude=~wanted & (not telling),
        reason=sentences(len(value), read.sentence),
        priority=letter,
        kind=read.names,
        confidence=happened,
    )


class _Read:
    """The fits of all candidates, as columns."""

    def __init__(self, candidates: pd.DataFrame, model: str, mjd: float) -> None:
        self._table, self._model, self.mjd = candidates, model, mjd
        code = np.nan_to_num(self.of("class")).astype(int)
        self.names = np.array(NAMES, dtype=object)[np.clip(code, 0, len(NAMES) - 1)]
        reason = f"{model}_reason"
        self._why = candidates[reason].to_numpy(object) if reason in candidates else None
        self._letters: NDArray[np.object_] | None = None

    def of(self, name: str) -> Floats:
        return numbers(self._table, f"{self._model}_{name}")

    def either(self, name: str) -> NDArray[np.bool_]:
        """Return where a class is the likeliest."""
        return np.asarray(np.nan_to_num(self.of("best")).astype(int) == NAMES.index(name))

    def letters(self) -> NDArray[np.object_]:
        """Return A, B, C, or nothing."""
        if self._letters is None:
            with np.errstate(invalid="ignore"):
                self._letters = self._ranked()
        return self._letters

    def _ranked(self) -> NDArray[np.object_]:
        jump = (self.of("gap") <= 2.5) & (self.of("deeper") >= 1.0)
        fast = (self.of("daily") >= 0.3) & (self.of("rising") == 1)
        age = self.mjd - self.of("first")
        second = np.nan_to_num(self.of("second")).astype(int) == NAMES.index("SN")
        early = (self.of("first_points") >= 2) & (jump | fast) & (age >= 0) & (age < FIRST_DAYS)
        early &= self.either("SN") | second
        flagged = self.names != "none"
        since = self.mjd - self.of("onset_t_on")
        recent = since - self.of("since") <= RECENT
        rises = recent & self.either("TDE") & (self.of("rising") == 1) & (since > RISING_AFTER)
        fades = self.either("NOVA") & (self.mjd - self.of("onset_t_peak") < NOVA_WITHIN)
        turns = recent & self.either("CLAGN") & (np.abs(self.of("rate_now")) > FAST_CHANGE)
        choices = [early, flagged & (rises | fades | turns), flagged]
        return np.select(choices, ["A", "B", "C"], "").astype(object)

    def sentence(self, row: int) -> str:
        """Say what it is, how sure, and how urgent, with the numbers."""
        why = str(self._why[row]) if self._why is not None else ""
        if not np.isfinite(self.of("ln_b")[row]):
            return f"no class: {why or 'not looked at'}"
        told = [f"priority {self.letters()[row]}"] if self.letters()[row] else []
        told += [why, f"probability that nothing happened {self.of('p_none')[row]:.2g}"]
        for label, name, unit in (
            ("amplitude", "amplitude", "mag"),
            ("rise", "onset_rise", "d"),
            ("g - r", "colour", "mag"),
            ("last 30 d", "rate_now", "mag/d"),
        ):
            value = self.of(name)[row]
            if np.isfinite(value):
                told.append(f"{label} {value:.3g} {unit}")
        if self.letters()[row] == "A":
            told.append(f"first seen {self.mjd - self.of('first')[row]:.1f} d ago")
        return ", ".join(told)
