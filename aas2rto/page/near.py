"""Who else lies near a candidate in the sky: other alerts of it, or what fits the same field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aas2rto.factors import Decision
from aas2rto.page.night import Night
from aas2rto.page.rows import number
from aas2rto.tables.candidates import chord, unit_vectors

CONE = 1.0
"""So far away [deg] may others be, the field of a wide camera."""

TWIN = 5.0
"""Nearer than this [arcsec], it is perhaps the same object; the default of ``merge_radius``."""

MOST = 8


def near(night: Night, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the nearest active candidates within `CONE`, the nearest first.

    Parameters
    ----------
    night : Night
    told : mapping
        What is told of the candidate: ``candidate_id, ra, dec`` [deg].

    Returns
    -------
    list of dict
        ``candidate_id, name, distance, direction, is_twin, last_mag, last_band, spectral_type,
        days_to_peak, decision``.
    """
    table, own = night.judged.scored.table, night.vectors
    here = unit_vectors(told["ra"], told["dec"])[0]
    # By the chord: the cosine of arcseconds is one.
    away = np.linalg.norm(own - here, axis=1)
    away[~np.isfinite(away)] = np.inf
    rows = np.flatnonzero(away <= chord(CONE * 3600))
    rows = rows[np.argsort(away[rows], kind="stable")]
    found: list[dict[str, Any]] = []
    for row in rows.tolist():
        one = table.iloc[row]
        if str(one["candidate_id"]) == told["candidate_id"]:
            continue
        apart = float(np.degrees(2 * np.arcsin(away[row] / 2)))
        peak = number(one.get("t_peak"))
        found.append(
            {
                "candidate_id": str(one["candidate_id"]),
                "name": str(one["name"]),
                "distance": distance_words(apart),
                "direction": _direction(own[row], here, float(told["ra"]), float(told["dec"])),
                "is_twin": apart * 3600 < TWIN,
                "last_mag": number(one["last_mag"]),
                "last_band": str(one["last_band"]),
                "spectral_type": str(one["spectral_type"]),
                "days_to_peak": None if peak is None else peak - night.mjd,
                "decision": Decision(night.judged.scored.verdict.decision[row]).label,
            }
        )
        if len(found) == MOST:
            break
    return found


def distance_words(degrees: float) -> str:
    """Write a distance in the unit that suits it.

    Examples
    --------
    >>> distance_words(0.00025), distance_words(0.2), distance_words(1.5)
    ('0.9"', "12'", '1.5°')
    """
    if degrees * 3600 < 60:
        return f'{degrees * 3600:.1f}"'
    return f"{degrees * 60:.0f}'" if degrees < 1 else f"{degrees:.1f}°"


def _direction(there: Any, here: Any, ra: float, dec: float) -> str:
    """Say in which direction it lies: N, NE, E and so on."""
    a, d = np.radians(ra), np.radians(dec)
    east = np.array([-np.sin(a), np.cos(a), 0.0])
    north = np.array([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)])
    angle = np.degrees(np.arctan2((there - here) @ east, (there - here) @ north)) % 360
    return ("N", "NE", "E", "SE", "S", "SW", "W", "NW")[int((angle + 22.5) // 45) % 8]
