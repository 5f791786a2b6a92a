"""Builders of what figures are drawn from."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.outputs.figures.subject import Fitted, Share, SiteNight, Subject
from aas2rto.tables.photometry import LIMIT, SUSPECT
from tests.conftest import make_photometry

NOW = 61121.8


def make_points() -> pd.DataFrame:
    """Return a light curve with detections, limits, suspect and negative points."""
    mjd = NOW - np.arange(12, 0, -1)
    rows = [
        make_photometry("a", mjd=mjd, mag=np.linspace(19.5, 18.2, 12), band="ztfg"),
        make_photometry(
            "a",
            mjd=mjd + 0.02,
            mag=np.linspace(19.4, 18.3, 12),
            band="ztfr",
            measurement_id=[f"r{n}" for n in range(12)],
        ),
        make_photometry(
            "a",
            mjd=[NOW - 14.0, NOW - 13.0],
            flux=[np.nan, 3.0],
            limit=[30.0, 25.0],
            kind=LIMIT,
            measurement_id=["l1", "l2"],
        ),
        make_photometry(
            "a",
            mjd=[NOW - 3.5, NOW - 3.4],
            flux=[200.0, -50.0],
            flux_err=20.0,
            kind=SUSPECT,
            measurement_id=["s1", "s2"],
        ),
        make_photometry(
            "a", mjd=NOW - 2.0, mag=18.9, band="atlaso", survey="atlas", measurement_id="o1"
        ),
    ]
    return pd.concat(rows, ignore_index=True).sort_values("mjd", kind="stable", ignore_index=True)


def make_fit(t_peak: float = NOW + 3.0, error: float = 0.8) -> Fitted:
    """Return a fit whose curve is known."""
    mjd = np.linspace(NOW - 20, NOW + 12, 60)
    flux = 250 * np.exp(-((mjd - t_peak) ** 2) / 200)
    curve = pd.concat(
        pd.DataFrame(
            {"band": band, "mjd": mjd, "flux": flux, "flux_low": flux - 20, "flux_high": flux + 20}
        )
        for band in ("ztfg", "ztfr")
    )
    row = {"t_peak": t_peak, "t_peak_err": error, "bands": "ztfg ztfr", "chisq": 33.0, "ndof": 22.0}
    return Fitted("salt", row, None, curve)


def make_night(name: str = "la_palma_not", rank: float = 2.0, **facts: Any) -> SiteNight:
    """Return a night in which the candidate culminates at its middle."""
    mjd = NOW + np.arange(-0.1, 0.6, 5 / 1440)
    phase = (mjd - NOW - 0.25) * 2 * np.pi
    altitude = 60 * np.cos(phase)
    sun = -30 + 200 * (mjd - NOW - 0.25) ** 2 * 3
    given = {
        "rank": rank,
        "site_score": 12.3,
        "night_start": NOW + 0.05,
        "night_end": NOW + 0.45,
        "observing_start": NOW + 0.05,
        "hours_left": 6.0,
        "rises": np.nan,
        "sets": np.nan,
        "culmination": NOW + 0.25,
        "culmination_altitude": 60.0,
        "moon_sep": 80.0,
        "moon_illumination": 0.3,
        "lowest_altitude": 30.0,
        "status": "",
        "ra": 150.0,
        "dec": 10.0,
        **facts,
    }
    good = (altitude > 30) & (sun < -18)
    return SiteNight(
        name,
        name,
        mjd,
        altitude,
        sun,
        40 * np.sin(phase),
        good,
        given,
        (Share("altitude_integral", 3.2),),
    )


def make_ranks(*sites: str) -> pd.DataFrame:
    """Return ranks of the last day, with a gap."""
    rows = [
        ("a", site, NOW - 1 + step / 48, np.nan if 20 < step < 25 else 5 - step // 12)
        for site, step in itertools.product(sites, range(48))
    ]
    return pd.DataFrame(rows, columns=["candidate_id", "observatory", "at", "rank"])


SHARES = (
    Share("magnitude", 2.0, "17.9 mag in ztfr"),
    Share("time_span", 0.08, "first detected 27.4 d ago"),
    Share("peak", 7.0, "1.3 +- 0.4 d before peak"),
)


def make_subject(at: Sequence[str] = ("la_palma_not", "la_silla_dk154"), **values: Any) -> Subject:
    """Return a candidate with everything that figures show."""
    given: dict[str, Any] = {
        "candidate_id": "ZTF26aajvsis",
        "name": "SN 2026abc",
        "now": NOW,
        "known": "SN Ia · z = 0.034 (TNS) · 18.2 mag ztfg",
        "points": make_points(),
        "base": 1.0,
        "score": 1.12,
        "decision": "keep",
        "reason": "bright",
        "shares": SHARES,
        "fitted": make_fit(),
        "sites": tuple(make_night(site) for site in at),
        "ranks": make_ranks(*at),
        **values,
    }
    return Subject(**given)
