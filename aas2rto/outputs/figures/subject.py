"""What the figures of one candidate are drawn from: plain data that travels between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.models import Model
from aas2rto.tables.effect import PRODUCT, Effect

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """The fit that the candidate's peak comes from.

    Parameters
    ----------
    name : str
        Of the model, in the config.
    row : mapping
        Its row of the fit table.
    model : Model or None
        Evaluates it; None where it cannot travel to another process, `curve` is then filled.
    curve : DataFrame or None
        As `Model.light_curve` returns it.
    """

    name: str
    row: Mapping[str, Any]
    model: Model | None = None
    curve: pd.DataFrame | None = None

    @property
    def t_peak(self) -> float:
        """Time of the peak [d, MJD UTC]."""
        return float(self.row["t_peak"])

    @property
    def t_peak_err(self) -> float:
        """Its error [d]; NaN if unknown."""
        return float(self.row["t_peak_err"])

    def evaluate(self, bands: list[str], mjd: Floats) -> pd.DataFrame:
        """Return the model's light curve at some times, or as it was evaluated before."""
        if self.curve is not None:
            return self.curve
        if self.model is None:
            return pd.DataFrame(columns=["band", "mjd", "flux", "flux_low", "flux_high"])
        return self.model.light_curve(self.row, bands, mjd)


@dataclass(frozen=True)
class Share:
    """One factor of the score."""

    name: str
    value: float
    reason: str = ""
    out: bool = False


@dataclass(frozen=True)
class SiteNight:
    """Tonight at one observatory.

    Parameters
    ----------
    name, title : str
        Of the observatory.
    mjd : ndarray, shape (n,)
        Times [d, UTC] of the tracks below.
    altitude, sun_altitude, moon_altitude : ndarray, shape (n,)
        [deg]
    observable : ndarray of bool, shape (n,)
        It is night, and the candidate within the limits of the site.
    facts : mapping
        The candidate's columns of :func:`aas2rto.sky.visibility.site_table`, and ``rank`` (NaN if
        not ranked), ``site_score`` and ``reason``.
    shares : tuple of Share
        The site's factors.
    """

    name: str
    title: str
    mjd: Floats
    altitude: Floats
    sun_altitude: Floats
    moon_altitude: Floats
    observable: NDArray[np.bool_]
    facts: Mapping[str, Any]
    shares: tuple[Share, ...] = ()

    def number(self, name: str) -> float:
        """Return a fact as a number; NaN if it is unknown."""
        value = self.facts.get(name)
        return float(value) if isinstance(value, int | float | np.number) else np.nan


@dataclass(frozen=True)
class Subject:
    """One candidate as the figures show it.

    Parameters
    ----------
    candidate_id, name : str
    now : float
        [d, MJD UTC]
    known : str
        Type, redshift and magnitude in one line, as far as they are known.
    points : DataFrame
        Its photometry, one row per exposure, as known now.
    base, score : float
    decision, reason : str
    shares : tuple of Share
        The factors that need no site, in the order of the config.
    fitted : Fitted or None
    sites : tuple of SiteNight
    reported : float
        Magnitude that a ToO's file gave [mag]; NaN if there is none.
    ranks : DataFrame
        ``observatory, at, rank``; rank is NaN at cycles that did not rank it there.
    effect : Effect
        What the factors do to the score.
    """

    candidate_id: str
    name: str
    now: float
    known: str
    points: pd.DataFrame
    base: float
    score: float
    decision: str
    reason: str
    shares: tuple[Share, ...]
    fitted: Fitted | None = None
    sites: tuple[SiteNight, ...] = ()
    ranks: pd.DataFrame = field(default_factory=pd.DataFrame)
    effect: Effect = PRODUCT
    reported: float = np.nan

    @property
    def heading(self) -> str:
        """Its id, and its name if that is another."""
        if self.name and self.name != self.candidate_id:
            return f"{self.candidate_id} ({self.name})"
        return self.candidate_id
