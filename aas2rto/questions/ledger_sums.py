"""What a ledger adds up to: by config version, by night, by phase and by class."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.questions.ledger import Ledger
from aas2rto.tables.marks import Kind

PHASES = (-np.inf, -10.0, -5.0, -2.0, 2.0, 5.0, 10.0, np.inf)
"""Edges of phases [d from the peak]; within 2 d is what A&A 698, A153 counts."""

UNKNOWN = "not classified"


def sums(ledger: Ledger) -> dict[str, Any]:
    """Add up a ledger.

    Parameters
    ----------
    ledger : Ledger

    Returns
    -------
    dict
        ``by_config``, ``by_night``, ``by_phase``, ``by_class``: lists of rows, ready for JSON but
        for numbers that are not known. A rate is hits per visit whose type and phase are known,
        with the interval of 68 % of Wilson (1927, JASA 22, 209).
    """
    observed = ledger.visits[ledger.visits["state"] == Kind.OBSERVED]
    return {
        "by_config": _by_config(ledger, observed),
        "by_night": _by_night(ledger.visits),
        "by_phase": _by_phase(observed),
        "by_class": _by_class(observed),
    }


def _by_config(ledger: Ledger, observed: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for config, own in ledger.table.groupby("config", sort=False):
        visits = observed[observed["config"] == config]
        known = visits[(visits["type"] != "") & visits["phase"].notna()]
        hits = int(known["hit"].sum())
        first = own["recommended_mjd"].min()
        rows.append(
            {
                "config": str(config),
                "since_mjd": float(first) if np.isfinite(first) else None,
                "recommended": int(own["recommended_mjd"].notna().sum()),
                "requested": int(own["requested_mjd"].notna().sum()),
                "observed": int(own["observed_mjd"].notna().sum()),
                "classified": int((own["type"] != "").sum()),
                "visits": len(visits),
                "judged": len(known),
                "hits": hits,
                **rate(hits, len(known)),
            }
        )
    return rows


def _by_night(visits: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "night_mjd": float(str(night)),
            "observed": int((own["state"] == Kind.OBSERVED).sum()),
            "lost": int((own["state"] != Kind.OBSERVED).sum()),
            "hits": int(own["hit"].sum()),
        }
        for night, own in visits.groupby("night", sort=True)
    ]


def _by_phase(observed: pd.DataFrame) -> list[dict[str, Any]]:
    phase = observed["phase"].to_numpy(float)
    rows = []
    for low, high in itertools.pairwise(PHASES):
        inside = (phase >= low) & (phase < high)
        rows.append(
            {
                "phase": phase_words(low, high),
                "visits": int(inside.sum()),
                "of_class": int((inside & observed["is_class"].to_numpy(bool)).sum()),
                "hits": int((inside & observed["hit"].to_numpy(bool)).sum()),
            }
        )
    unknown = ~np.isfinite(phase)
    of_class = int((unknown & observed["is_class"].to_numpy(bool)).sum())
    left = {"phase": "not known", "visits": int(unknown.sum()), "of_class": of_class, "hits": 0}
    return [*rows, left]


def _by_class(observed: pd.DataFrame) -> list[dict[str, Any]]:
    kind = observed["type"].where(observed["type"] != "", UNKNOWN)
    found = [
        {"type": str(name), "visits": len(own), "hits": int(own["hit"].sum())}
        for name, own in observed.groupby(kind, sort=True)
    ]
    return sorted(found, key=lambda row: (-row["visits"], row["type"]))


def phase_words(low: float, high: float) -> str:
    """Say a span of phases.

    Examples
    --------
    >>> phase_words(-2.0, 2.0), phase_words(-np.inf, -10.0)
    ('-2 to 2 d', 'before -10 d')
    """
    if not math.isfinite(low):
        return f"before {high:g} d"
    return f"after {low:g} d" if not math.isfinite(high) else f"{low:g} to {high:g} d"


def rate(hits: int, of: int) -> dict[str, float | None]:
    """Return a rate with its interval of 68 %, Wilson (1927, JASA 22, 209), Eq. 6.

    Examples
    --------
    >>> {key: round(value, 3) for key, value in rate(8, 10).items()}
    {'rate': 0.8, 'rate_low': 0.65, 'rate_high': 0.896}
    """
    if not of:
        return {"rate": None, "rate_low": None, "rate_high": None}
    share, z = hits / of, 1.0  # one standard deviation
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return {"rate": share, "rate_low": middle - half, "rate_high": middle + half}
